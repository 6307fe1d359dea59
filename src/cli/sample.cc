// graft sample: a set of photos that the program draws itself.
#include "sample/sample.h"

#include <chrono>

#include "base/text.h"
#include "cli/command.h"
#include "cli/format.h"

namespace graft {

int run_sample(Arguments arguments, Console& console) {
  SampleOptions sample;
  sample.directory = "tf_files/sample_photos";
  Options options("sample", "draw a sample set of photos: five classes of flowers");
  options.text("output", sample.directory, "DIR", "Where to write; photos there already are kept.");
  options.integer("photos_per_class", sample.photos_per_class, "Photos a class.", 1, 1000000);
  options.integer("seed", sample.seed, "Another seed draws other photos.");
  options.integer("threads", sample.threads, "Threads; 0: one a core. The photos do not change.", 0,
                  4096);
  options.example("graft sample --output=flowers && graft retrain --image_dir=flowers",
                  "Try a training without photos of your own");
  if (const auto code = parse_options(options, arguments, console)) return *code;
  if (sample.directory.empty()) {
    return console.fail(invalid_argument("--output: its value is empty: name a folder"));
  }

  const auto start = std::chrono::steady_clock::now();
  const Result<void> written =
      write_sample_set(sample, [&](std::uint64_t done, std::uint64_t total) {
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
        console.progress({"Drawing", done, total, passed.count(), Unit::kPhotos});
      });
  if (!written.ok()) return console.fail(written.error());
  console.clear_progress();
  console.print(printable(sample.directory) + ": " + std::to_string(sample_classes().size()) +
                " classes of " + std::to_string(sample.photos_per_class) + " photos\nNext:\n" +
                "  graft retrain --image_dir=" + shell_quote(sample.directory) + "\n");
  return 0;
}

}  // namespace graft
