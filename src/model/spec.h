// The codelab's networks: what each is called, where its tensors are, how its photos are prepared.
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/resize.h"

namespace graft {

inline constexpr int kMaxInputSide = 1 << 14;  // pixels

// Where a feature can be taken.
struct FeaturePoint {
  std::string tensor;    // empty: the network has none of this kind
  int width = 0;         // how many values
  bool flatten = false;  // it is [1,1,1,width], which the new last layer takes flattened
};

struct FileSize {
  std::uint64_t bytes = 0;  // 0: there is no such file
  bool exact = false;       // false: derived from the number of parameters, good to a tenth
};

struct ModelSpec {
  std::string architecture;    // "mobilenet_0.50_224", as --architecture spells it
  int input_size = 224;        // height, and width where input_width is 0
  int input_width = 0;         // as width() has it
  Normalization norm;          // mean and std of the input
  std::string input_tensor;    // "input:0"
  std::string feature_tensor;  // "MobilenetV1/Predictions/Reshape:0"
  int feature_width = 1001;
  bool flatten_feature = false;  // as FeaturePoint::flatten
  // Whether it is the feature that TensorFlow's script takes, so that its text files hold it.
  bool has_text_caches = true;
  // What with_feature() can choose.
  FeaturePoint logits, pooled;

  std::string url;           // of the archive; empty: built in
  std::string archive_file;  // "mobilenet_v1_0.50_224_frozen.tgz"
  std::string graph_file;    // inside the archive: "frozen_graph.pb" or "quantized_graph.pb"
  std::string folder;        // "mobilenet_v1_0.50_224": what people unpack it to
  std::string sha256;        // of the archive, where known; else empty
  std::string graph_sha256;  // of graph_file, where known; else empty
  FileSize archive_size, graph_size;
  double width_multiplier = 0;  // of a MobileNet: 1.0, 0.75, 0.50 or 0.25
  bool quantized = false;
  bool untrained = false;  // the built-in backbone: seeded weights, for demonstrations
  // Published figures (0 where none): multiply-adds and parameters in millions, ImageNet top-1 in
  // %. Sources beside the table.
  double multiply_adds_m = 0, parameters_m = 0, top1 = 0;

  int height() const { return input_size; }
  int width() const { return input_width > 0 ? input_width : input_size; }
};

// Which values of a network are its feature: those that TensorFlow's script takes (a MobileNet's
// logits, Inception's pooled values), the ImageNet classes' logits, or what its last layer takes.
enum class FeatureKind : std::uint8_t { kOriginal, kLogits, kPooled };
// kInvalidArgument: the network has none of this kind.
Result<ModelSpec> with_feature(ModelSpec spec, FeatureKind kind);

// All 33 of the codelab and the built-in "untrained_mobilenet_0.25_128".
std::span<const ModelSpec> all_models();

// The accuracy to rank by: top1, or for a quantized file, whose own was never published, that of
// the float network that it was made from, which it can hardly exceed. 0: none.
double ranking_top1(const ModelSpec& spec);

// kInvalidArgument teaches: an empty name or one with a hole ("mobilenet_0.50_") is a shell
// variable that was never set; otherwise the nearest name and the list.
Result<ModelSpec> find_model(std::string_view architecture);

// The float network that a file's or folder's name means, in the spellings that people, browsers
// and file managers have ("mobilenet_v1_0.5_224_frozen (1).tar.gz" → "mobilenet_0.50_224",
// "inception-2015-12-05" → "inception_v3"); "" when it means none.
std::string architecture_named_by(std::string_view name);

// The codelab's two lines that set its shell variables, to be shown under such an error; empty for
// every other name.
std::vector<std::string> lines_to_type(std::string_view architecture);

}  // namespace graft
