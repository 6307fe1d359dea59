// Any bytes taken for a checkpoint, for a classifier's side file, for its labels, for the record of
// a run or for int8's calibration are refused with one line, or mean the same when they are written
// and read again.
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/test_directory.h"
#include "fuzz.h"
#include "model/calibration.h"
#include "model/export.h"
#include "train/checkpoint.h"
#include "train/head_trainer.h"
#include "train/run_directory.h"
#include "train/run_record.h"

namespace graft::fuzz {
namespace {

constexpr std::string_view kCheckpointMagic = "GRAFTCK1";

Hash128 fingerprint() {
  return xxh3_128(as_bytes("a run"));
}

void put(const std::string& path, std::span<const std::byte> bytes) {
  std::ofstream(path, std::ios::binary) << as_text(bytes);
}

void try_checkpoint(const TestDirectory& dir, std::span<const std::byte> bytes) {
  const MemoryFile file(bytes);
  const auto checkpoint = load_checkpoint(file.path());
  if (!checkpoint.ok()) return require_refusal(checkpoint.error());
  const std::string again = dir / "checkpoint";
  require(save_checkpoint(again, checkpoint->fingerprint, checkpoint->step, checkpoint->head).ok(),
          "a checkpoint that was read cannot be written");
  require(file_content(again) == as_text(bytes), "a checkpoint of other bytes means the same");
}

void try_side_file(const TestDirectory& dir, std::span<const std::byte> bytes) {
  const std::string graph = dir / "graph.pb", path = side_file_path(graph);
  put(path, bytes);
  const auto side = read_side_file(graph);
  if (!side.ok()) return require_refusal(side.error());
  require(!side->input_tensor.empty() && !side->output_tensor.empty(), "no tensor names");
  require(side->input_height > 0 && side->input_width > 0 && side->std != 0,
          "sizes that cannot be");
  const std::string written = to_json(*side);
  put(path, as_bytes(written));
  const auto again = read_side_file(graph);
  require(again.ok(), "a side file that was read cannot be written and read: " + written);
  require(to_json(*again) == written, "a side file changes when it is written again: " + written);
}

void try_labels(const TestDirectory& dir, std::span<const std::byte> bytes) {
  const MemoryFile file(bytes);
  const auto labels = read_labels(file.path());
  if (!labels.ok()) return require_refusal(labels.error());
  require(!labels->empty(), "no labels at all");
  for (const std::string& label : *labels) {
    require(label.find('\n') == std::string::npos, "a label of two lines");
  }
  require(save_labels(*labels, dir / "labels.txt").ok(), "labels that cannot be written");
  const auto again = read_labels(dir / "labels.txt");
  require(again.ok() && again->size() == labels->size(), "labels are lost when written and read");
}

// A run goes on in its folder only if its record says so; the folder is left alone otherwise.
void try_record(const TestDirectory& dir, std::span<const std::byte> bytes) {
  const std::string runs = dir / "runs";
  require(make_directories(runs).ok(), "no folder to work in");
  put(join_path(runs, "run.json"), bytes);
  put(join_path(runs, "checkpoint.graft"), bytes);
  {
    auto chosen = RunDirectory::choose(runs, fingerprint(), true);
    require(chosen.ok(), "no folder for the run");
    const bool resumed = chosen->path() == runs;
    const bool named = as_text(bytes).find("fingerprint") != std::string_view::npos ||
                       as_text(bytes).find('\\') != std::string_view::npos;
    require(!resumed || named, "a run goes on whose record does not name it");
    require(!chosen->checkpoint().has_value(), "a record is a checkpoint, too");
  }
  require(file_content(join_path(runs, "run.json")) == as_text(bytes), "the record was changed");
  std::filesystem::remove_all(runs);
}

constexpr const char* kSpace = "sha256=ab size=224x224";

void try_calibration(std::span<const std::byte> bytes) {
  const auto ranges = parse_calibration(as_text(bytes), kSpace, "calibration");
  if (!ranges.ok()) return require_refusal(ranges.error());
  require(!ranges->empty(), "a calibration of nothing");
  const std::string written = calibration_text(*ranges, kSpace, 1);
  const auto again = parse_calibration(written, kSpace, "calibration");
  require(again.ok(), "a calibration that was read cannot be written and read: " + written);
  require(calibration_text(*again, kSpace, 1) == written, "a calibration changes: " + written);
}

SideFile side_file() {
  SideFile side;
  side.architecture = "mobilenet_1.0_224";
  side.backbone_fingerprint = std::string(64, 'a');
  side.input_tensor = "input:0";
  side.feature_tensor = "MobilenetV1/Predictions/Reshape:0";
  side.output_tensor = "final_result:0";
  side.input_height = side.input_width = 224;
  side.mean = side.std = 127.5F;
  side.labels = {"daisy", "roses \"red\"", "\xE5\x90\x91"};
  side.graph_sha256 = std::string(64, 'b');
  side.split = SplitRecord{"flowers", "/flowers", 10, 10, "path", 0xFFFFFFFFFFFFFFFF};
  return side;
}

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  static const TestDirectory dir;
  try_checkpoint(dir, bytes);
  try_side_file(dir, bytes);
  try_labels(dir, bytes);
  try_record(dir, bytes);
  try_calibration(bytes);
}

std::vector<std::string> seeds() {
  const TestDirectory dir;
  std::vector<std::string> all;
  for (const auto& [features, classes] : {std::pair{1, 1}, std::pair{4, 2}, std::pair{17, 5}}) {
    const Head head = initial_head(features, classes, 1);
    require(save_checkpoint(dir / "c", fingerprint(), 7, head).ok(), "no checkpoint");
    all.push_back(file_content(dir / "c"));
  }
  SideFile side = side_file();
  all.push_back(to_json(side));
  side.split.reset();
  all.push_back(to_json(side));
  side.int8_ranges = {{"Conv2d_0/Relu6", {{0, 149}, {255, 3}}}, {"Conv2d_1/Relu6", {{128}, {9}}}};
  all.push_back(to_json(side));
  all.push_back(calibration_text(side.int8_ranges, kSpace, 64));
  RunRecord record(dir / "run.json", Json::object(), RetrainOptions(), fingerprint(), 2);
  require(record.write_running().ok(), "no record");
  all.push_back(file_content(dir / "run.json"));
  require(record.write_stopped(cancelled("stopped")).ok(), "no record");
  all.push_back(file_content(dir / "run.json"));
  return all;
}

}  // namespace graft::fuzz

// A changed checkpoint is refused for its checksum alone, so that is put right again.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned int seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  const std::span bytes(reinterpret_cast<std::byte*>(data), size);
  if (seed % 8 != 0 && size > 8 &&
      graft::as_text(bytes).starts_with(graft::fuzz::kCheckpointMagic)) {
    const std::uint64_t sum = graft::xxh3_64(bytes.first(size - 8));
    std::memcpy(&data[size - 8], &sum, 8);
  }
  return size;
}
