// A sample photo set that the program draws itself: five classes of procedurally drawn flowers
// whose colours overlap between classes (a colour histogram fails), with variation in light,
// position, scale, pose, number, background, noise and blur. Thread rule: pure functions of (seed,
// index).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/image.h"

namespace graft {

const std::vector<std::string>& sample_classes();  // five names

// The index-th photo of a class (index into sample_classes()).
Image draw_sample(int flower_class, std::uint64_t seed, std::uint64_t index, int width, int height);

struct SampleOptions {
  std::string directory;
  int photos_per_class = 100;
  std::uint64_t seed = 1;
  int threads = 0;
};
// Writes directory/<class>/<class>_0001.jpg …; existing files are kept, so that a second call is
// quick and an interrupted one goes on. kIo as write_atomically's.
Result<void> write_sample_set(
    const SampleOptions& options,
    const std::function<void(std::uint64_t done, std::uint64_t total)>& on_progress);

}  // namespace graft
