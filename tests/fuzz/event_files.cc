#include "event_files.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/file.h"
#include "fuzz.h"
#include "wire/event.pb.h"
#include "wire/records.h"

namespace graft::fuzz {
namespace {

using Value = wire::Summary::Value;

wire::TensorProto& tensor_of(Value& value, const char* plugin, wire::DataType type) {
  value.mutable_metadata()->mutable_plugin_data()->set_plugin_name(plugin);
  value.mutable_tensor()->set_dtype(type);
  return *value.mutable_tensor();
}

void fill(Value& value, int kind) {
  constexpr const char* kPng = "\x89PNG\r\n\x1a\n";
  value.set_tag("tag_" + std::to_string(kind));
  if (kind == 0) value.set_simple_value(0.5F);
  if (kind == 1) {
    auto& histogram = *value.mutable_histo();
    histogram.set_min(-1);
    histogram.set_max(2);
    histogram.set_num(3);
    for (const double limit : {-0.5, 1.5, std::numeric_limits<double>::max()}) {
      histogram.add_bucket_limit(limit);
      histogram.add_bucket(1);
    }
  }
  if (kind == 2) value.mutable_image()->set_encoded_image_string(kPng);
  if (kind == 3) tensor_of(value, "scalars", wire::DT_FLOAT).add_float_val(NAN);
  if (kind == 4) {
    auto& tensor = tensor_of(value, "histograms", wire::DT_DOUBLE);
    for (const int size : {2, 3}) tensor.mutable_tensor_shape()->add_dim()->set_size(size);
    for (const double number : {-1.0, 0.0, 4.0, 0.0, 1.0, 2.0}) tensor.add_double_val(number);
  }
  if (kind == 5) {
    auto& tensor = tensor_of(value, "images", wire::DT_STRING);
    for (const char* text : {"1", "1", kPng, kPng}) tensor.add_string_val(text);
  }
  if (kind == 6) tensor_of(value, "text", wire::DT_STRING).add_string_val("a <b>note</b>");
}

std::string log_of_every_kind() {
  constexpr int kKinds = 7;
  std::string log;
  const auto put = [&](const wire::Event& event) {
    wire::append_record(log, as_bytes(event.SerializeAsString()));
  };
  for (const int step : {0, 1, 2, 1}) {  // a training that began anew
    wire::Event event;
    event.set_wall_time(1.5e9 + step);
    event.set_step(step);
    for (int kind = 0; kind < kKinds; ++kind) fill(*event.mutable_summary()->add_value(), kind);
    put(event);
  }
  wire::GraphDef graph;
  for (const char* name : {"in", "a/b", "a/c"}) {
    graph.add_node()->set_name(name);
    graph.mutable_node()->rbegin()->add_input("in");
  }
  wire::Event event;
  event.set_graph_def(graph.SerializeAsString());
  put(event);
  return log;
}

}  // namespace

std::vector<std::string> event_files() {
  constexpr std::size_t kMostBytes = 6000;
  std::vector<std::string> all = source_files("tests/golden/events", ".events");
  for (std::string& file : all) file.resize(std::min(file.size(), kMostBytes));
  all.push_back(log_of_every_kind());
  return all;
}

void mend_records(std::span<std::uint8_t> file) {
  constexpr std::size_t kLengthBytes = 8, kSumBytes = 4;
  const auto mend = [&](std::size_t at, std::size_t count) {
    const std::uint32_t sum = wire::masked_crc32c(std::as_bytes(file.subspan(at, count)));
    std::memcpy(&file[at + count], &sum, kSumBytes);
  };
  for (std::size_t at = 0; file.size() - at >= kLengthBytes + kSumBytes;) {
    std::uint64_t length = 0;
    std::memcpy(&length, &file[at], kLengthBytes);
    mend(at, kLengthBytes);
    at += kLengthBytes + kSumBytes;
    if (file.size() - at < kSumBytes || length > file.size() - at - kSumBytes) break;
    mend(at, static_cast<std::size_t>(length));
    at += static_cast<std::size_t>(length) + kSumBytes;
  }
}

std::size_t mutate_event_file(std::uint8_t* data, std::size_t size, std::size_t max_size,
                              unsigned int seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) mend_records({data, size});
  return size;
}

}  // namespace graft::fuzz
