// MobileNet V1 through the kernel interface, on one thread: preparation, each layer, the whole net,
// beside the multiply-add peak of the core. Weights are random: only shapes matter to time.
//   kernels_bench [--benchmark_filter=0.50_224]
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "peak.h"

namespace graft {
namespace {

struct Layer {
  std::string name;
  OpSpec spec;
  std::vector<Tensor> weights;  // inputs 1 and on
  std::unique_ptr<Kernel> kernel;
  std::uint64_t multiply_adds = 0;
  Tensor out;
};

// "56x64": side and channels.
std::string text(const Shape& shape) {
  return std::to_string(shape[1]).append("x").append(std::to_string(shape[3]));
}

class Network {
 public:
  Network(std::string name, double width, std::int64_t size) : name_(std::move(name)) {
    current_ = {DType::kF32, Shape{1, size, size, 3}, Layout::kDense};
    input_ = random(current_.shape);
    constexpr struct {
      int out, stride;
    } kBlocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                   {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};
    const auto channels = [&](int full) { return static_cast<std::int64_t>(full * width); };
    const auto same = [&](int stride) {
      const AxisPadding pad = same_padding(current_.shape[1], 3, stride);
      return Padding{pad.before, pad.after, pad.before, pad.after};
    };
    add("conv", Conv2D{2, 2, 1, 1, same(2), Activation::kRelu6}, {3, 3, 3, channels(32)});
    for (const auto& block : kBlocks) {
      const std::int64_t in = current_.shape[3];
      add("depthwise",
          DepthwiseConv2D{block.stride, block.stride, 1, 1, same(block.stride), Activation::kRelu6},
          {3, 3, in, 1});
      add("pointwise", Conv2D{1, 1, 1, 1, {}, Activation::kRelu6}, {1, 1, in, channels(block.out)});
    }
    const auto extent = static_cast<int>(current_.shape[1]);
    add("pool", Pool{Pool::Kind::kAverage, extent, extent, 2, 2, {}}, {});
    add("logits", Conv2D{}, {1, 1, current_.shape[3], 1001});
  }

  void run(std::size_t i) {
    Layer& layer = layers_[i];
    std::vector<TensorView>& views = views_[i];
    views[0] = i == 0 ? input_.view() : layers_[i - 1].out.view();
    layer.kernel->run(views, layer.out.view(), {scratch_.data(), scratch_.size()});
  }

  void run() {
    for (std::size_t i = 0; i < layers_.size(); ++i) run(i);
  }

  const std::string& name() const { return name_; }
  const std::vector<Layer>& layers() const { return layers_; }
  double prepare_seconds() const { return prepare_seconds_; }
  std::uint64_t multiply_adds() const {
    std::uint64_t sum = 0;
    for (const Layer& layer : layers_) sum += layer.multiply_adds;
    return sum;
  }

 private:
  Tensor random(const Shape& shape) {
    Tensor tensor(DType::kF32, shape);
    std::uniform_real_distribution<float> values(-1, 1);
    for (float& value : tensor.as<float>()) value = values(generator_);
    return tensor;
  }

  // As Program does it: the first backend that takes the op.
  void add(const std::string& kind, Op op, const Shape& filter) {
    Layer layer;
    layer.spec.op = std::move(op);
    layer.spec.inputs = {current_};
    if (filter.rank() > 0) {
      const bool depthwise = std::holds_alternative<DepthwiseConv2D>(layer.spec.op);
      layer.weights.push_back(random(filter));
      layer.weights.push_back(random({depthwise ? filter[2] : filter[3]}));
    }
    std::vector<TensorView> constants = {{current_, nullptr}};
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
    for (const Backend* backend : all_backends()) {
      auto prepared = backend->prepare(layer.spec, constants);
      if (auto* kernel = std::get_if<std::unique_ptr<Kernel>>(&prepared)) {
        layer.kernel = std::move(*kernel);
        layer.name = kind;
        layer.name.append(" ").append(backend->name());
        break;
      }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    prepare_seconds_ += took.count();
    layer.multiply_adds = graft::multiply_adds(layer.spec.op, layer.spec.inputs, *output);
    current_ = *output;
    current_.layout = layer.kernel->output_layout();
    layer.out = Tensor(current_);
    if (layer.kernel->scratch_bytes() > scratch_.size()) {
      scratch_ = AlignedBuffer(layer.kernel->scratch_bytes());
    }
    layer.name.append(" ").append(text(layer.spec.inputs[0].shape));
    layer.name.append(">").append(text(output->shape));
    std::vector<TensorView> views = {{layer.spec.inputs[0], nullptr}};
    for (const Tensor& weight : layer.weights) views.push_back({weight.spec(), nullptr});
    views_.push_back(std::move(views));
    layers_.push_back(std::move(layer));
  }

  std::string name_;
  std::mt19937 generator_{7};
  TensorSpec current_;
  Tensor input_;
  std::vector<Layer> layers_;
  std::vector<std::vector<TensorView>> views_;
  AlignedBuffer scratch_;
  double prepare_seconds_ = 0;
};

void count(benchmark::State& state, std::uint64_t multiply_adds) {
  const double operations = 2.0 * static_cast<double>(multiply_adds);
  const auto iterations = static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] =
      benchmark::Counter(operations * iterations / 1e9, benchmark::Counter::kIsRate);
  state.counters["%peak"] = benchmark::Counter(operations * iterations / 1e9 / peak_gflops() * 100,
                                               benchmark::Counter::kIsRate);
}

void time_network(benchmark::State& state, Network* network) {
  network->run();
  double best = std::numeric_limits<double>::infinity();
  for (auto step : state) {
    const auto start = std::chrono::steady_clock::now();
    network->run();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
  }
  count(state, network->multiply_adds());
  state.counters["best_ms"] = best;  // what it takes when nothing else disturbs it
}

// Its input stays in cache between iterations, unlike in the whole network.
void time_layer(benchmark::State& state, Network* network, std::size_t i) {
  network->run();
  for (auto step : state) network->run(i);
  count(state, network->layers()[i].multiply_adds);
}

void time_peak(benchmark::State& state) {
  float sink = 0;
  std::uint64_t operations = 0;
  for (auto step : state) {
    operations += multiply_add(100'000, &sink);
    benchmark::DoNotOptimize(sink);
  }
  state.counters["GFLOP/s"] =
      benchmark::Counter(static_cast<double>(operations) / 1e9, benchmark::Counter::kIsRate);
}

}  // namespace
}  // namespace graft

int main(int argc, char** argv) {
  using graft::Network;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const std::string peak_name = "peak/" + std::string(graft::widest_multiply_add());
  benchmark::RegisterBenchmark(peak_name.c_str(), graft::time_peak)->Unit(benchmark::kMillisecond);

  // The first network pays for oneDNN's own start as well; the others share compiled layers with it
  // as far as their shapes agree.
  std::vector<std::unique_ptr<Network>> networks;
  networks.push_back(std::make_unique<Network>("0.50_224", 0.5, 224));
  networks.push_back(std::make_unique<Network>("0.25_128", 0.25, 128));
  networks.push_back(std::make_unique<Network>("1.0_224", 1.0, 224));
  for (const auto& network : networks) {
    std::printf("mobilenet %s: prepared in %.1f ms, %.1f million multiply-adds\n",
                network->name().c_str(), network->prepare_seconds() * 1e3,
                static_cast<double>(network->multiply_adds()) / 1e6);
    benchmark::RegisterBenchmark(("network/" + network->name()).c_str(), graft::time_network,
                                 network.get())
        ->Unit(benchmark::kMillisecond);
  }
  for (const auto& network : networks) {
    for (std::size_t i = 0; i < network->layers().size(); ++i) {
      std::string name = "layer/";
      name.append(network->name()).append("/").append(std::to_string(i)).append(" ");
      name.append(network->layers()[i].name);
      benchmark::RegisterBenchmark(name.c_str(), graft::time_layer, network.get(), i)
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
