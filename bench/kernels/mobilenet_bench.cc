// MobileNet V1 through the kernel interface, on one thread: preparation, each layer, the whole net,
// beside the multiply-add peak of the core. Weights are random: only shapes matter to time.
//   kernels_bench [--benchmark_filter=0.50_224]
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "mobilenet.h"
#include "peak.h"

namespace graft {
namespace {

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
  using graft::Pairs;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const std::string peak_name = "peak/" + std::string(graft::widest_multiply_add());
  benchmark::RegisterBenchmark(peak_name.c_str(), graft::time_peak)->Unit(benchmark::kMillisecond);

  // The first network pays for oneDNN's own start as well; the others share compiled layers with it
  // as far as their shapes agree.
  const auto all = graft::all_backends();
  std::vector<std::unique_ptr<Network>> networks;
  networks.push_back(std::make_unique<Network>("0.50_224", 0.5, 224, all, Pairs::kAsPlanned));
  networks.push_back(std::make_unique<Network>("0.25_128", 0.25, 128, all, Pairs::kAsPlanned));
  networks.push_back(std::make_unique<Network>("1.0_224", 1.0, 224, all, Pairs::kAsPlanned));
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
      const graft::Layer& layer = network->layers()[i];
      name.append(layer.kind).append(" ").append(layer.backend).append(" ").append(layer.shape);
      benchmark::RegisterBenchmark(name.c_str(), graft::time_layer, network.get(), i)
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
