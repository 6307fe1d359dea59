// The highway backend beside oneDNN on the layers of MobileNet V1, one thread, in turns, so that a
// busy machine slows both alike: what decides which of them serves a shape.
//   backends_bench [--avx2] [0.50_224 …]
// --avx2: as if the machine had no AVX-512.
// Times are medians of the thread's processor time; "% peak" is of the multiply-adds that the core
// was seen to do between the two.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "kernels/highway/highway.h"
#include "mobilenet.h"
#include "peak.h"

namespace graft {
namespace {

constexpr int kTurns = 31;
constexpr double kTurnSeconds = 0.002;

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double seconds_of(const std::function<void()>& work, int times) {
  const double begun = thread_seconds();
  for (int i = 0; i < times; ++i) work();
  return (thread_seconds() - begun) / times;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Float operations a second of independent multiply-adds.
double peak_now() {
  float sink = 0;
  const double begun = thread_seconds();
  const auto operations = static_cast<double>(multiply_add(20'000, &sink));
  return operations / (thread_seconds() - begun);
}

struct Pair {
  double ours = 0, theirs = 0;    // seconds
  double ratio = 0, of_peak = 0;  // ours to theirs; our operations to the peak's
};

Pair compare(const std::function<void()>& ours, const std::function<void()>& theirs,
             std::uint64_t multiply_adds) {
  const double operations = 2.0 * static_cast<double>(multiply_adds);
  const int times = std::max(1, static_cast<int>(kTurnSeconds / seconds_of(theirs, 1)));
  std::array<std::vector<double>, 4> seen;
  for (int turn = 0; turn < kTurns; ++turn) {
    const double a = seconds_of(ours, times);
    const double peak = peak_now();
    const double b = seconds_of(theirs, times);
    seen[0].push_back(a);
    seen[1].push_back(b);
    seen[2].push_back(a / b);
    seen[3].push_back(operations / a / peak);
  }
  return {median(seen[0]), median(seen[1]), median(seen[2]), median(seen[3])};
}

void print(const std::string& what, const Pair& pair, std::uint64_t multiply_adds,
           const std::string& backends) {
  const double operations = 2.0 * static_cast<double>(multiply_adds);
  std::printf("%-34s %8.4f ms %6.1f GFLOP/s %5.1f %% peak   %8.4f ms   x%.3f   %s\n", what.c_str(),
              pair.ours * 1e3, operations / pair.ours * 1e-9, 100 * pair.of_peak, pair.theirs * 1e3,
              pair.ratio, backends.c_str());
}

// The one that stands for it in all_backends(), or its twin for AVX2.
const Backend* highway(bool avx2) {
  if (!avx2) return &highway_backend();
  for (const Backend* backend : highway_backends()) {
    if (backend->numeric_mode().ends_with("-avx2")) return backend;
  }
  std::fprintf(stderr, "backends_bench: this machine has no AVX2\n");
  std::exit(1);
}

void compare_networks(const std::string& name, const Backend* ours) {
  const std::size_t cut = name.find('_');
  const double width = std::stod(name);
  const std::int64_t size = std::stoll(name.substr(cut + 1));
  std::array<const Backend*, 3> highway_first{};
  std::array<const Backend*, 2> without{};
  highway_first[0] = ours;
  for (const Backend* backend : all_backends()) {
    if (backend->name() == "onednn") highway_first[1] = without[0] = backend;
  }
  highway_first[2] = without[1] = &reference_backend();
  Network apart(name, width, size, highway_first, Pairs::kApart);
  Network joined(name, width, size, highway_first, Pairs::kJoined);
  Network theirs(name, width, size, without, Pairs::kApart);
  std::printf("\nmobilenet %s on %s\n%-34s %11s %14s %12s   %11s   %s\n", name.c_str(),
              highway_first[0]->numeric_mode().c_str(), "", "highway", "", "", "oneDNN",
              "time ratio");
  for (std::size_t i = 0; i < theirs.layers().size(); ++i) {
    apart.run();
    theirs.run();
    const Layer& layer = apart.layers()[i];
    const Pair pair = compare([&] { apart.run(i); }, [&] { theirs.run(i); }, layer.multiply_adds);
    print(layer.kind + " " + layer.shape, pair, layer.multiply_adds,
          layer.backend + " / " + theirs.layers()[i].backend);
  }
  // One joined layer does what two of the others do; the first and the last two stand alone.
  for (std::size_t i = 0, at = 0; i < joined.layers().size(); ++i) {
    const Layer& layer = joined.layers()[i];
    if (layer.kind != "separable") {
      ++at;
      continue;
    }
    joined.run();
    theirs.run();
    const auto both = [&] {
      theirs.run(at);
      theirs.run(at + 1);
    };
    print(layer.kind + " " + layer.shape,
          compare([&] { joined.run(i); }, both, layer.multiply_adds), layer.multiply_adds,
          layer.backend);
    at += 2;
  }
  const std::uint64_t work = theirs.multiply_adds();
  const auto run_theirs = [&] { theirs.run(); };
  print("whole network, apart", compare([&] { apart.run(); }, run_theirs, work), work, "");
  print("whole network, joined", compare([&] { joined.run(); }, run_theirs, work), work, "");
  std::vector<const Backend*> all(all_backends().begin(), all_backends().end());
  std::ranges::replace(all, &highway_backend(), ours);
  Network planned(name, width, size, all, Pairs::kAsPlanned);
  print("whole network, as planned", compare([&] { planned.run(); }, run_theirs, work), work, "");
}

}  // namespace
}  // namespace graft

int main(int argc, char** argv) {
  std::vector<std::string> names(argv + 1, argv + argc);
  const bool avx2 = std::erase(names, "--avx2") > 0;
  if (names.empty()) names = {"0.50_224", "0.25_128", "0.75_224", "1.0_224"};
  if (avx2) {
    // oneDNN reads it before its first kernel.
    setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1);
    graft::allow_avx2_alone();
  }
  std::printf("peak: %.1f GFLOP/s (%s)\n", graft::peak_gflops(),
              std::string(graft::widest_multiply_add()).c_str());
  const graft::Backend* const ours = graft::highway(avx2);
  for (const std::string& name : names) graft::compare_networks(name, ours);
  return 0;
}
