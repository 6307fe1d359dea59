#include "model/speed.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "image/prepare.h"
#include "model/backbone.h"
#include "model/builtin.h"
#include "wire/serialize.h"

namespace graft {
namespace {

constexpr std::array<const char*, 4> kMeasured = {"mobilenet_1.0_128", "mobilenet_0.75_128",
                                                  "mobilenet_0.50_128", "mobilenet_0.25_128"};

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Timing {
  double seconds = 0;  // of processor time that one call takes a thread
  double share = 1;    // of the time that passed
};

// Each thread calls work(worker) until it has had `seconds` of processor time; where other programs
// have most of it, no longer than five times that.
Timing time_of_one(int threads, double seconds, const std::function<void(int)>& work) {
  std::vector<Timing> timings(static_cast<std::size_t>(threads));
  parallel_for(timings.size(), threads, {}, [&](std::size_t item, int worker) {
    work(worker);  // the first call finds nothing in the processor's caches
    const auto start = std::chrono::steady_clock::now();
    const double thread_start = thread_seconds();
    std::chrono::duration<double> passed{};
    double used = 0;
    int calls = 0;
    do {
      work(worker);
      ++calls;
      used = thread_seconds() - thread_start;
      passed = std::chrono::steady_clock::now() - start;
    } while (used < seconds && passed.count() < 5 * seconds);
    timings[item] = {used / calls, std::min(1.0, used / passed.count())};
  });
  Timing mean{0, 0};
  for (const Timing& timing : timings) {
    mean.seconds += timing.seconds / threads;
    mean.share += timing.share / threads;
  }
  return mean;
}

// A network of this shape with weights that were never trained.
Result<Backbone> compiled(const ModelSpec& spec) {
  GRAFT_ASSIGN(const std::string text,
               wire::serialize(build_mobilenet_v1(spec.width_multiplier, spec.input_size, 1)));
  const auto view = as_bytes(text);
  ModelBytes bytes;
  bytes.origin = spec.architecture;
  bytes.owned = std::make_shared<const Bytes>(view.begin(), view.end());
  Backbone backbone = Backbone::create(spec, std::move(bytes), {});
  GRAFT_TRY(backbone.compile());
  return backbone;
}

Result<Timing> time_network(const ModelSpec& spec, int threads, double seconds) {
  GRAFT_ASSIGN(const Backbone backbone, compiled(spec));
  // Any picture will do, but not a blank one, which would leave zeros everywhere.
  std::vector<float> input(static_cast<std::size_t>(spec.input_size) *
                           static_cast<std::size_t>(spec.input_size) * 3);
  for (std::size_t i = 0; i < input.size(); ++i) {
    input[i] = static_cast<float>(i * 7919 % 255) / 127.5F - 1;
  }
  std::vector<std::unique_ptr<Extractor>> extractors;
  std::vector<std::vector<float>> features;
  for (int i = 0; i < threads; ++i) {
    extractors.push_back(backbone.make_extractor());
    features.emplace_back(static_cast<std::size_t>(spec.feature_width));
  }
  return time_of_one(threads, seconds, [&](int worker) {
    const auto w = static_cast<std::size_t>(worker);
    extractors[w]->run_input(input, features[w]);
  });
}

Result<Timing> time_preparation(const SpeedOptions& options, int threads) {
  constexpr int kSide = 224;
  struct Worker {
    Image image;
    std::vector<float> out = std::vector<float>(std::size_t{kSide} * kSide * 3);
  };
  std::vector<Worker> workers(static_cast<std::size_t>(threads));
  const auto prepare = [&](Worker& w) {
    return prepare_photo(options.photo, options.decode, kSide, kSide, {}, w.image, w.out);
  };
  GRAFT_TRY(prepare(workers[0]));
  return time_of_one(threads, options.seconds, [&](int worker) {
    // It was decoded a moment ago: it cannot fail now.
    (void)prepare(workers[static_cast<std::size_t>(worker)]);
  });
}

}  // namespace

double Speed::photos_per_second(const ModelSpec& spec) const {
  // The measured network of this width; Inception V3's layers are wide, too.
  std::size_t at = 0;
  Result<ModelSpec> like = find_model(kMeasured[0]);
  for (std::size_t i = 0; i < kMeasured.size(); ++i) {
    Result<ModelSpec> measured = find_model(kMeasured[i]);
    if (!measured.ok() || measured->width_multiplier != spec.width_multiplier) continue;
    at = i;
    like = std::move(measured);
  }
  if (!like.ok() || spec.multiply_adds_m <= 0) return 0;
  const double network = network_seconds[at] * spec.multiply_adds_m / like->multiply_adds_m;
  const double photo = decode_seconds + network;
  return photo > 0 ? threads / photo : 0;
}

Result<Speed> measure_speed(const SpeedOptions& options, const std::stop_token& stop) {
  Speed speed;
  speed.threads = thread_count(options.threads);
  GRAFT_ASSIGN(const Timing decoding, time_preparation(options, speed.threads));
  speed.decode_seconds = decoding.seconds;
  speed.share_of_processor = decoding.share;
  for (std::size_t i = 0; i < kMeasured.size(); ++i) {
    if (stop.stop_requested()) return cancelled("the measurement was stopped");
    GRAFT_ASSIGN(const ModelSpec spec, find_model(kMeasured[i]));
    GRAFT_ASSIGN(const Timing timing, time_network(spec, speed.threads, options.seconds));
    speed.network_seconds[i] = timing.seconds;
    speed.share_of_processor = std::min(speed.share_of_processor, timing.share);
  }
  return speed;
}

}  // namespace graft
