#include "mobilenet.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace graft {
namespace {

std::string text(const Shape& shape) {
  return std::to_string(shape[1]).append("x").append(std::to_string(shape[3]));
}

}  // namespace

Network::Network(std::string name, double width, std::int64_t size,
                 std::span<const Backend* const> backends, Pairs pairs)
    : name_(std::move(name)),
      backends_(backends.begin(), backends.end()),
      pairs_(pairs),
      current_{DType::kF32, Shape{1, size, size, 3}, Layout::kDense} {
  input_ = random(current_.shape);
  constexpr struct {
    int out, stride;
  } kBlocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                 {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};
  const auto channels = [&](int full) { return static_cast<std::int64_t>(full * width); };
  const AxisPadding pad = same_padding(size, 3, 2);
  const Padding same{pad.before, pad.after, pad.before, pad.after};
  add("conv", Conv2D{2, 2, 1, 1, same, Activation::kRelu6},
      {{3, 3, 3, channels(32)}, {channels(32)}});
  for (const auto& block : kBlocks) add_block(channels(block.out), block.stride);
  const auto extent = static_cast<int>(current_.shape[1]);
  add("pool", Pool{Pool::Kind::kAverage, extent, extent, 2, 2, {}}, {});
  add("logits", Conv2D{}, {{1, 1, current_.shape[3], 1001}, {1001}});
}

void Network::run(std::size_t layer) {
  Layer& now = layers_[layer];
  std::vector<TensorView>& views = views_[layer];
  views[0] = layer == 0 ? input_.view()
                        : TensorView{layers_[layer - 1].out, results_[(layer - 1) % 2].data()};
  now.kernel->run(views, {now.out, results_[layer % 2].data()}, {scratch_.data(), scratch_.size()});
}

void Network::run() {
  for (std::size_t i = 0; i < layers_.size(); ++i) run(i);
}

std::uint64_t Network::multiply_adds() const {
  std::uint64_t sum = 0;
  for (const Layer& layer : layers_) sum += layer.multiply_adds;
  return sum;
}

Tensor Network::random(const Shape& shape) {
  Tensor tensor(DType::kF32, shape);
  std::uniform_real_distribution<float> values(-1, 1);
  for (float& value : tensor.as<float>()) value = values(generator_);
  return tensor;
}

void Network::add_block(std::int64_t outputs, int stride) {
  const std::int64_t in = current_.shape[3];
  const AxisPadding pad = same_padding(current_.shape[1], 3, stride);
  const DepthwiseConv2D depthwise{
      stride, stride, 1, 1, {pad.before, pad.after, pad.before, pad.after}, Activation::kRelu6};
  const std::vector<Shape> first = {{3, 3, in, 1}, {in}, {in}};
  const std::vector<Shape> second = {{1, 1, in, outputs}, {outputs}};
  if (pairs_ != Pairs::kApart) {
    std::vector<Shape> both = first;
    both.insert(both.end(), second.begin(), second.end());
    if (add("separable", SeparableConv2D{depthwise, Activation::kRelu6}, both, true)) return;
  }
  add("depthwise", depthwise, first);
  add("pointwise", Conv2D{1, 1, 1, 1, {}, Activation::kRelu6}, second);
}

std::vector<const Backend*> Network::order_for(const OpSpec& spec, bool optional) const {
  std::vector<const Backend*> order = backends_;
  if (pairs_ == Pairs::kAsPlanned) order = in_order(backends_, spec);
  // Whoever declines a pair takes the first half of it.
  if (optional && pairs_ == Pairs::kAsPlanned) order.resize(1);
  if (optional) std::erase(order, &reference_backend());
  return order;
}

bool Network::add(const std::string& kind, Op op, const std::vector<Shape>& weights,
                  bool optional) {
  Layer layer;
  layer.kind = kind;
  layer.spec.op = std::move(op);
  layer.spec.inputs = {current_};
  std::vector<TensorView> constants = {{current_, nullptr}};
  for (const Shape& shape : weights) layer.weights.push_back(random(shape));
  for (const Tensor& weight : layer.weights) {
    layer.spec.inputs.push_back(weight.spec());
    constants.push_back(weight.view());
  }
  auto output = infer_output(layer.spec.op, layer.spec.inputs);
  if (!output.ok()) {
    std::fprintf(stderr, "%s\n", output.error().message.c_str());
    std::abort();
  }
  layer.spec.output = *output;
  const auto start = std::chrono::steady_clock::now();
  for (const Backend* backend : order_for(layer.spec, optional)) {
    auto prepared = backend->prepare(layer.spec, constants);
    if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared)) {
      layer.kernel = std::move(*kernel);
      layer.backend = backend->name();
      break;
    }
  }
  if (layer.kernel == nullptr) return false;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  prepare_seconds_ += took.count();
  layer.multiply_adds = graft::multiply_adds(layer.spec.op, layer.spec.inputs, *output);
  layer.shape = text(current_.shape).append(">").append(text(output->shape));
  current_ = *output;
  current_.layout = layer.kernel->output_layout();
  layer.out = current_;
  AlignedBuffer& result = results_[layers_.size() % 2];
  if (current_.bytes() > result.size()) result = AlignedBuffer(current_.bytes());
  if (layer.kernel->scratch_bytes() > scratch_.size()) {
    scratch_ = AlignedBuffer(layer.kernel->scratch_bytes());
  }
  std::vector<TensorView> views = {{layer.spec.inputs[0], nullptr}};
  for (const Tensor& weight : layer.weights) views.push_back({weight.spec(), nullptr});
  views_.push_back(std::move(views));
  layers_.push_back(std::move(layer));
  return true;
}

}  // namespace graft
