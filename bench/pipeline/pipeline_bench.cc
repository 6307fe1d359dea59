// pipeline_bench: speeds of the rooms on real photos, one JSON object on standard output.
//   pipeline_bench --image_dir D --model_dir D --architecture A [--photos 200] [--threads 0]
// Each figure is the median of several passes over photos held in memory; one thread, then all.
// "precisions" are milliseconds of one thread's processor time a photo in float32 and int8 (ranges
// measured on these photos), both in turns, the median of the turns.
// bench/run.py calls it and measures whole processes besides.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "image/codecs.h"
#include "image/decode.h"
#include "image/encode.h"
#include "image/resize.h"
#include "kernels/peak.h"
#include "model/backbone.h"
#include "model/calibration.h"
#include "model/source.h"
#include "model/spec.h"
#include "train/head_trainer.h"

namespace graft {
namespace {

constexpr int kPasses = 5;
constexpr int kSteps = 500;
constexpr int kBatch = 100;

double seconds_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

double median_seconds(const std::function<void()>& work) {
  work();  // warm caches, first-touch memory
  std::vector<double> times;
  for (int i = 0; i < kPasses; ++i) times.push_back(seconds_of(work));
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "pipeline_bench: %s\n", message.c_str());
  std::exit(1);
}

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) fail(result.error().message);
  return std::move(result).value();
}

void must(const Result<void>& result) {
  if (!result.ok()) fail(result.error().message);
}

struct Photos {
  std::vector<std::string> paths;
  std::vector<Bytes> bytes;
  std::vector<Image> images;
};

// Up to `count` photos spread evenly over the folder.
Photos load_photos(const std::string& image_dir, std::size_t count) {
  const Dataset dataset = must(scan_image_folder({image_dir, {}, LabelRule::kVerbatim}));
  Photos photos;
  const std::size_t n = std::min(count, dataset.examples.size());
  for (std::size_t i = 0; i < n; ++i) {
    const std::string& path = dataset.examples[i * dataset.examples.size() / n].path;
    Bytes bytes;
    Image image;
    if (!read_file(path, bytes).ok() || !decode_image(bytes, {}, image).ok()) continue;
    photos.paths.push_back(path);
    photos.bytes.push_back(std::move(bytes));
    photos.images.push_back(std::move(image));
  }
  if (photos.paths.empty()) fail(image_dir + ": no photo that can be decoded");
  return photos;
}

// Photos a second of `work(photo, worker)` over all photos.
double rate(std::size_t count, int threads,
            const std::function<void(std::size_t photo, int worker)>& work) {
  return static_cast<double>(count) /
         median_seconds([&] { parallel_for(count, threads, {}, work); });
}

Json measure_photos(const Photos& photos, const Backbone& backbone, int threads) {
  const int height = backbone.spec().height(), width = backbone.spec().width();
  const auto workers = static_cast<std::size_t>(threads);
  const auto input_values = static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3;
  std::vector<Image> decoded(workers);
  std::vector<Bytes> bytes(workers);
  std::vector<std::vector<float>> inputs(workers, std::vector<float>(input_values));
  std::vector<std::vector<float>> features(
      workers, std::vector<float>(static_cast<std::size_t>(backbone.spec().feature_width)));
  std::vector<std::unique_ptr<Extractor>> extractors;
  for (std::size_t i = 0; i < workers; ++i) extractors.push_back(backbone.make_extractor());
  const std::size_t n = photos.paths.size();
  const auto at = [](int worker) { return static_cast<std::size_t>(worker); };

  Json result = Json::object();
  result["threads"] = threads;
  result["decode"] = rate(n, threads, [&](std::size_t i, int w) {
    must(decode_image(photos.bytes[i], {}, decoded[at(w)]));
  });
  result["resize"] = rate(n, threads, [&](std::size_t i, int w) {
    resize_normalize(photos.images[i], height, width, backbone.spec().norm, inputs[at(w)]);
  });
  result["network"] = rate(n, threads, [&](std::size_t, int w) {
    extractors[at(w)]->run_input(inputs[at(w)], features[at(w)]);
  });
  result["pipeline"] = rate(n, threads, [&](std::size_t i, int w) {
    must(read_file(photos.paths[i], bytes[at(w)]));
    Extractor& extractor = *extractors[at(w)];
    must(extractor.begin(bytes[at(w)]));
    if (extractor.waiting() == extractor.most_waiting()) extractor.finish();
  });
  return result;
}

double thread_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

// The backbone in int8; nullptr: none of its layers can.
std::unique_ptr<Backbone> in_int8(const ModelSpec& spec, const ModelBytes& bytes,
                                  const Photos& photos) {
  BackboneOptions options;
  options.precision = Precision::kInt8;
  auto backbone = std::make_unique<Backbone>(Backbone::create(spec, bytes, options));
  const auto meter = RangeMeter::prepare(*backbone);
  if (!meter.ok()) return nullptr;
  std::vector<RangeMeter::Worker> worker;
  worker.push_back(meter->make_worker());
  constexpr std::size_t kPhotos = 64;
  for (std::size_t i = 0; i < std::min(kPhotos, photos.bytes.size()); ++i) {
    must(worker[0].add(photos.bytes[i * photos.bytes.size() / kPhotos % photos.bytes.size()]));
  }
  backbone->use_ranges(meter->ranges(worker));
  must(backbone->compile());
  return backbone;
}

// The network alone, and decoding, resizing and the network.
Json measure_precisions(const Photos& photos, const Backbone& plain, const Backbone& whole) {
  constexpr int kTurns = 25;
  const ModelSpec& spec = plain.spec();
  std::vector<float> input(static_cast<std::size_t>(spec.height()) *
                           static_cast<std::size_t>(spec.width()) * 3);
  resize_normalize(photos.images[0], spec.height(), spec.width(), spec.norm, input);
  std::vector<float> feature(static_cast<std::size_t>(spec.feature_width));
  const std::unique_ptr<Extractor> extractors[] = {plain.make_extractor(), whole.make_extractor()};
  std::vector<double> network[2], pipeline[2];
  const std::size_t count = std::min<std::size_t>(photos.bytes.size(), 20);
  for (int turn = 0; turn < kTurns; ++turn) {
    for (std::size_t which = 0; which < 2; ++which) {
      Extractor& extractor = *extractors[which];
      double start = thread_milliseconds();
      for (std::size_t i = 0; i < count; ++i) extractor.run_input(input, feature);
      network[which].push_back((thread_milliseconds() - start) / static_cast<double>(count));
      start = thread_milliseconds();
      for (std::size_t i = 0; i < count; ++i) must(extractor.run(photos.bytes[i], feature));
      pipeline[which].push_back((thread_milliseconds() - start) / static_cast<double>(count));
    }
  }
  const auto summary = [](std::vector<double>(&times)[2]) {
    for (std::vector<double>& one : times) std::sort(one.begin(), one.end());
    const double float32 = times[0][kTurns / 2], int8 = times[1][kTurns / 2];
    return Json{{"float32_ms", float32}, {"int8_ms", int8}, {"ratio", float32 / int8}};
  };
  return {{"network", summary(network)}, {"photo_to_feature", summary(pipeline)}};
}

// The photos side by side, again and again, as one of twelve megapixels.
Image mosaic(const Photos& photos) {
  constexpr std::size_t kWidth = 4000, kHeight = 3000, kTile = 200;
  Image large{int{kWidth}, int{kHeight}, std::vector<std::uint8_t>(kWidth * kHeight * 3)};
  std::size_t next = 0;
  for (std::size_t top = 0; top < kHeight; top += kTile) {
    for (std::size_t left = 0; left < kWidth;) {
      const Image& photo = photos.images[next++ % photos.images.size()];
      const auto width = std::min(static_cast<std::size_t>(photo.width), kWidth - left);
      const auto height = std::min(static_cast<std::size_t>(photo.height), kTile);
      for (std::size_t y = 0; y < height; ++y) {
        std::copy_n(photo.pixels.data() + y * static_cast<std::size_t>(photo.width) * 3, width * 3,
                    large.pixels.data() + ((top + y) * kWidth + left) * 3);
      }
      left += width;
    }
  }
  return large;
}

// A baseline JPEG of twelve megapixels to a network's input: all of it by libjpeg alone, then only
// what the input depends on. Processor time, in turns.
Json measure_large_photo(const Photos& photos, const ModelSpec& spec) {
  constexpr int kTurns = 15;
  const Bytes jpeg = must(encode_jpeg(mosaic(photos)));
  const DecodeOptions only = {.only_for_height = spec.height(), .only_for_width = spec.width()};
  Image image;
  DecodeNote note;
  std::vector<float> inputs[2];
  std::vector<double> times[2];
  for (int turn = 0; turn < kTurns; ++turn) {
    for (std::size_t which = 0; which < 2; ++which) {
      inputs[which].resize(static_cast<std::size_t>(spec.height()) *
                           static_cast<std::size_t>(spec.width()) * 3);
      const double start = thread_milliseconds();
      must(which == 0 ? codec::decode_jpeg_by_libjpeg(jpeg, {}, image, note)
                      : decode_image(jpeg, only, image));
      resize_normalize(image, spec.height(), spec.width(), spec.norm, inputs[which]);
      times[which].push_back(thread_milliseconds() - start);
    }
  }
  if (inputs[0] != inputs[1]) fail("the large photo: not the same input");
  for (std::vector<double>& one : times) std::sort(one.begin(), one.end());
  const double whole = times[0][kTurns / 2], partly = times[1][kTurns / 2];
  return {{"megabytes", static_cast<double>(jpeg.size()) / 1e6},
          {"whole_ms", whole},
          {"needed_ms", partly},
          {"ratio", whole / partly}};
}

// Milliseconds of kSteps training steps of kBatch rows, `width` features, five classes.
double measure_steps(int width) {
  constexpr int kRows = 1000, kClasses = 5;
  Rng rng(1);
  std::vector<float> rows(static_cast<std::size_t>(kRows) * static_cast<std::size_t>(width));
  for (float& value : rows) value = rng.normal();
  std::vector<Batch> batches(kSteps);
  for (Batch& batch : batches) {
    for (int i = 0; i < kBatch; ++i) {
      const std::uint32_t row = rng.below(kRows);
      batch.rows.push_back(rows.data() +
                           static_cast<std::size_t>(row) * static_cast<std::size_t>(width));
      batch.labels.push_back(static_cast<std::int32_t>(row % kClasses));
    }
  }
  return 1000 * median_seconds([&] {
           HeadTrainer trainer(initial_head(width, kClasses, 1), 0.01F);
           for (const Batch& batch : batches) trainer.step(batch);
         });
}

int run(std::map<std::string, std::string> options) {
  const int threads =
      options.contains("threads") ? std::stoi(options["threads"]) : available_cores();
  const Photos photos = load_photos(
      options["image_dir"],
      options.contains("photos") ? static_cast<std::size_t>(std::stoi(options["photos"])) : 200);
  const ModelSpec spec = must(find_model(options["architecture"]));
  const ModelBytes bytes = must(find_installed(spec, options["model_dir"]));
  Backbone backbone = Backbone::create(spec, bytes, BackboneOptions{});
  const double compile_seconds = seconds_of([&] { must(backbone.compile()); });

  Json result = Json::object();
  result["architecture"] = spec.architecture;
  result["photos"] = photos.paths.size();
  result["numeric_mode"] = backbone.program().numeric_mode();
  result["million_multiply_adds"] = static_cast<double>(backbone.multiply_adds()) / 1e6;
  result["compile_ms"] = compile_seconds * 1000;
  result["peak_gflops"] = peak_gflops();
  result["one_thread"] = measure_photos(photos, backbone, 1);
  result["all_threads"] = measure_photos(photos, backbone, threads);
  if (const auto whole = in_int8(spec, bytes, photos)) {
    result["precisions"] = measure_precisions(photos, backbone, *whole);
  }
  result["large_photo"] = measure_large_photo(photos, spec);
  result["steps_500_ms"] = measure_steps(spec.feature_width);
  std::printf("%s\n", dump_json(result).c_str());
  return 0;
}

}  // namespace
}  // namespace graft

int main(int argc, char** argv) try {
  std::map<std::string, std::string> options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const std::size_t equals = word.find('=');
    if (!word.starts_with("--") || equals == std::string::npos) {
      graft::fail("usage: pipeline_bench --image_dir=D --model_dir=D --architecture=A");
    }
    options[word.substr(2, equals - 2)] = word.substr(equals + 1);
  }
  return graft::run(std::move(options));
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
