#include "model/untrained.h"

#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "image/resize.h"
#include "model/builtin.h"
#include "model/spec.h"
#include "wire/serialize.h"

namespace graft {
namespace {

constexpr const char* kArchitecture = "untrained_mobilenet_0.25_128";
constexpr double kWidth = 0.25;
constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kPhotos = 32;  // enough for stable means and variances of each channel

}  // namespace

Result<ModelBytes> make_untrained_backbone(const std::string& model_dir,
                                           std::span<const std::string> photo_paths,
                                           const DecodeOptions& decode) {
  GRAFT_ASSIGN(const ModelSpec spec, find_model(kArchitecture));
  const auto side = static_cast<std::size_t>(spec.input_size);
  std::vector<std::vector<float>> inputs;
  std::string first_problem = "no photo was given";
  Bytes bytes;
  Image image;
  for (const std::string& path : photo_paths) {
    if (inputs.size() == kPhotos) break;
    auto usable = read_file(path, bytes);
    // A disk that fails now and then must not decide what the network is made from.
    if (!usable.ok() && usable.error().kind == ErrorKind::kIo &&
        ::access(path.c_str(), R_OK) == 0) {
      return std::move(usable).error();
    }
    if (usable.ok()) {
      usable = decode_image(bytes, decode, image);
      if (!usable.ok()) usable = with_context(printable(path), std::move(usable).error());
    }
    if (!usable.ok()) {
      if (&path == photo_paths.data()) first_problem = usable.error().message;
      continue;
    }
    std::vector<float> input(side * side * 3);
    resize_normalize(image, spec.input_size, spec.input_size, spec.norm, input);
    inputs.push_back(std::move(input));
  }
  if (inputs.empty()) {
    return invalid_argument(std::string(kArchitecture) + ": " + first_problem +
                            ": it is made from photos, give at least one that can be read");
  }
  wire::GraphDef def = build_mobilenet_v1(kWidth, spec.input_size, kSeed);
  GRAFT_TRY(normalize_layers(def, spec, inputs));
  GRAFT_ASSIGN(const std::string serialized, wire::serialize(def));
  const std::string path =
      join_path(join_path(model_dir.empty() ? "." : model_dir, spec.folder), spec.graph_file);
  GRAFT_TRY(write_atomically(path, std::string_view(serialized)));
  const auto content = as_bytes(serialized);
  ModelBytes made;
  made.origin = path;
  made.owned = std::make_shared<const Bytes>(content.begin(), content.end());
  return made;
}

}  // namespace graft
