#include "sample/sample.h"

#include <mutex>
#include <optional>
#include <stop_token>

#include "base/file.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "image/encode.h"
#include "sample/flowers.h"
#include "sample/scene.h"

namespace graft {
namespace {

// Streams of the sample set's random numbers: one a class and purpose, an own block a photo.
Rng rng_of(std::uint64_t seed, int flower_class, std::uint64_t index, std::uint64_t purpose) {
  constexpr std::uint64_t kPhotosAClass = std::uint64_t{1} << 40;
  const auto number = static_cast<std::uint64_t>(flower_class) * 2 + purpose;
  return Rng(seed, number * kPhotosAClass + index);
}

struct Format {
  int width, height, jpeg_quality;
};

// About 320 × 240, one in four upright.
Format draw_format(std::uint64_t seed, int flower_class, std::uint64_t index) {
  Rng rng = rng_of(seed, flower_class, index, 1);
  const int wide = 288 + static_cast<int>(rng.below(65));
  const int high = 216 + static_cast<int>(rng.below(49));
  const int quality = 60 + static_cast<int>(rng.below(36));
  if (rng.below(4) == 0) return {high, wide, quality};
  return {wide, high, quality};
}

Result<void> write_sample(const std::string& path, std::uint64_t seed, int flower_class,
                          std::uint64_t index) {
  const Format format = draw_format(seed, flower_class, index);
  const Image photo = draw_sample(flower_class, seed, index, format.width, format.height);
  GRAFT_ASSIGN(const Bytes jpeg, encode_jpeg(photo, format.jpeg_quality));
  return write_atomically(path, jpeg);
}

std::string sample_path(const std::string& directory, const std::string& name,
                        std::uint64_t index) {
  const std::string number = std::to_string(index + 1);
  const std::string zeros(number.size() < 4 ? 4 - number.size() : 0, '0');
  return join_path(join_path(directory, name), name + "_" + zeros + number + ".jpg");
}

}  // namespace

const std::vector<std::string>& sample_classes() {
  static const std::vector<std::string> names = {"allium", "aster", "bellflower", "buttercup",
                                                 "lily"};
  return names;
}

Image draw_sample(int flower_class, std::uint64_t seed, std::uint64_t index, int width,
                  int height) {
  Rng rng = rng_of(seed, flower_class, index, 0);
  return sample::draw_scene(static_cast<sample::Kind>(flower_class), width, height, rng).to_image();
}

Result<void> write_sample_set(
    const SampleOptions& options,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& on_progress) {
  const auto& names = sample_classes();
  if (options.photos_per_class < 1 || options.photos_per_class > 1'000'000) {
    return invalid_argument("photos per class: " + std::to_string(options.photos_per_class) +
                            " is out of range: use 1 to 1000000");
  }
  for (const std::string& name : names) {
    GRAFT_TRY(make_directories(join_path(options.directory, name)));
  }
  const std::uint64_t total = static_cast<std::uint64_t>(options.photos_per_class) * names.size();
  std::mutex mutex;
  std::uint64_t done = 0;
  std::optional<Error> failure;
  std::stop_source stop;
  const int threads = thread_count(options.threads);
  parallel_for(total, threads, stop.get_token(), [&](std::size_t item, int) {
    const std::size_t flower_class = item % names.size();
    const std::uint64_t index = item / names.size();
    const std::string path = sample_path(options.directory, names[flower_class], index);
    Result<void> written;
    if (!exists(path)) {
      written = write_sample(path, options.seed, static_cast<int>(flower_class), index);
    }
    const std::lock_guard lock(mutex);
    if (!written.ok()) {
      if (!failure) failure = written.error();
      stop.request_stop();
      return;
    }
    ++done;
    if (on_progress) on_progress(done, total);
  });
  if (failure) return *failure;
  return {};
}

}  // namespace graft
