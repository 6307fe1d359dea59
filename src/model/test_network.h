// For tests only: a network small enough to know by heart. Its feature is the photo itself, resized
// to 2x2 and normalised, so that a classifier on top of it can be computed by hand.
#pragma once

#include <string>
#include <vector>

#include "image/encode.h"
#include "model/backbone.h"
#include "model/export.h"
#include "model/head.h"
#include "model/spec.h"
#include "wire/graph_def.pb.h"
#include "wire/serialize.h"

namespace graft::test {

// One of the zoo, by its --architecture.
inline ModelSpec spec_of(const char* architecture) {
  return find_model(architecture).value();
}

inline constexpr int kTinySide = 2;
inline constexpr int kTinyFeatures = kTinySide * kTinySide * 3;

inline ModelSpec tiny_spec() {
  ModelSpec spec;
  spec.architecture = "tiny";
  spec.input_size = kTinySide;
  spec.norm = {100.0F, 50.0F};
  spec.input_tensor = "input:0";
  spec.feature_tensor = "flat:0";
  spec.feature_width = kTinyFeatures;
  spec.graph_file = "frozen_graph.pb";
  spec.folder = "tiny";
  spec.archive_file = "tiny.tgz";
  spec.url = "http://localhost/tiny.tgz";
  return spec;
}

inline wire::NodeDef& add(wire::GraphDef& graph, const char* name, const char* op) {
  wire::NodeDef& node = *graph.add_node();
  node.set_name(name);
  node.set_op(op);
  return node;
}

// input [1,side,side,3] → flat [-1, side*side*3]. The nodes stand in reverse order.
inline wire::GraphDef tiny_graph(int side = kTinySide) {
  wire::GraphDef graph;
  wire::NodeDef& flat = add(graph, "flat", "Reshape");
  flat.add_input("input");
  flat.add_input("flat/shape");
  (*flat.mutable_attr())["T"].set_type(wire::DT_FLOAT);
  (*flat.mutable_attr())["Tshape"].set_type(wire::DT_INT32);
  wire::NodeDef& shape = add(graph, "flat/shape", "Const");
  (*shape.mutable_attr())["dtype"].set_type(wire::DT_INT32);
  wire::TensorProto& value = *(*shape.mutable_attr())["value"].mutable_tensor();
  value.set_dtype(wire::DT_INT32);
  value.mutable_tensor_shape()->add_dim()->set_size(2);
  value.add_int_val(-1);
  value.add_int_val(side * side * 3);
  wire::NodeDef& input = add(graph, "input", "Placeholder");
  (*input.mutable_attr())["dtype"].set_type(wire::DT_FLOAT);
  for (const int dim : {1, side, side, 3}) {
    (*input.mutable_attr())["shape"].mutable_shape()->add_dim()->set_size(dim);
  }
  return graph;
}

inline ModelBytes bytes_of(const wire::GraphDef& graph) {
  const std::string text = wire::serialize(graph).value();
  const auto view = as_bytes(text);
  ModelBytes bytes;
  bytes.origin = "tiny.pb";
  bytes.owned = std::make_shared<const Bytes>(view.begin(), view.end());
  return bytes;
}

inline Head tiny_head(int classes) {
  std::vector<float> weights, biases;
  for (int i = 0; i < kTinyFeatures * classes; ++i) {
    weights.push_back(static_cast<float>(i * 31 % 13 - 6) / 16.0F);
  }
  for (int k = 0; k < classes; ++k) biases.push_back(static_cast<float>(k) / 8.0F);
  Head head;
  head.weights = Tensor::from(Shape{kTinyFeatures, classes}, weights);
  head.biases = Tensor::from(Shape{classes}, biases);
  return head;
}

inline SideFile tiny_side(std::vector<std::string> labels) {
  const ModelSpec spec = tiny_spec();
  SideFile side;
  side.architecture = spec.architecture;
  side.input_tensor = spec.input_tensor;
  side.feature_tensor = spec.feature_tensor;
  side.output_tensor = "final_result:0";
  side.input_height = side.input_width = spec.input_size;
  side.mean = spec.norm.mean;
  side.std = spec.norm.std;
  side.labels = std::move(labels);
  return side;
}

// A photo of the network's own size: resizing leaves its pixels as they are.
inline Image tiny_image() {
  Image image;
  image.width = image.height = kTinySide;
  for (int i = 0; i < kTinyFeatures; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i * 67 % 256));
  }
  return image;
}

inline std::vector<float> tiny_feature() {
  std::vector<float> feature;
  for (const std::uint8_t pixel : tiny_image().pixels) {
    feature.push_back((static_cast<float>(pixel) - 100.0F) * static_cast<float>(1.0 / 50.0));
  }
  return feature;
}

inline Bytes tiny_photo() {
  return encode_png(tiny_image()).value();
}

}  // namespace graft::test
