// For tests only: small drawn photos, and an observer that remembers.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/rng.h"
#include "base/test_directory.h"
#include "image/encode.h"
#include "model/builtin.h"
#include "train/observer.h"
#include "train/retrain.h"
#include "wire/serialize.h"

namespace graft::test {

// Noise around a colour of the class: 0 red, 1 green, 2 blue, then mixtures.
inline Bytes drawn_photo(int colour, std::uint64_t seed, int side = 24) {
  Image image;
  image.width = image.height = side;
  Rng rng(seed, static_cast<std::uint64_t>(colour));
  for (int i = 0; i < side * side; ++i) {
    for (int c = 0; c < 3; ++c) {
      const int base = ((colour + 1) >> c & 1) != 0 ? 170 : 60;
      image.pixels.push_back(static_cast<std::uint8_t>(base + static_cast<int>(rng.below(60))));
    }
  }
  return encode_png(image).value();
}

// Without write_atomically's waiting for the disk.
inline void put_file(const std::string& path, std::span<const std::byte> bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << as_text(bytes);
}

// <dir>/class<k>/photo<i>.png; seeds differ from photo to photo.
inline void draw_photos(const std::string& dir, int classes, int photos_a_class) {
  for (int k = 0; k < classes; ++k) {
    for (int i = 0; i < photos_a_class; ++i) {
      put_file(dir + "/class" + std::to_string(k) + "/photo" + std::to_string(i) + ".png",
               drawn_photo(
                   k, std::uint64_t{1000} * static_cast<unsigned>(k) + static_cast<unsigned>(i)));
    }
  }
}

// Options of a training on 30 drawn photos below dir/photos with a network of dir/models, both made
// here; nothing that it writes lies outside of dir.
inline RetrainOptions drawn_training(const TestDirectory& dir) {
  draw_photos(dir / "photos", 3, 10);
  put_file(dir / "models/mobilenet_v1_0.25_128/frozen_graph.pb",
           as_bytes(wire::serialize(build_mobilenet_v1(0.25, 128, 1)).value()));
  RetrainOptions options;
  options.image_dir = dir / "photos";
  options.architecture = "mobilenet_0.25_128";
  options.model_dir = dir / "models";
  options.bottleneck_dir = dir / "bottlenecks";
  options.output_graph = dir / "out/graph.pb";
  options.output_labels = dir / "out/labels.txt";
  options.summaries_dir = dir / "out/logs";
  // By class and file alone, so that the splits do not depend on the temporary folder's name.
  options.split_key = SplitKey::kRelative;
  options.testing_percentage = options.validation_percentage = 20;
  options.how_many_training_steps = 20;
  options.threads = 2;
  options.allow_download = false;
  return options;
}

class Recorder : public RunObserver {
 public:
  void on_message(const std::string& line) override {
    messages.push_back(line);
    if (when_message) when_message(line);
  }
  void on_warning(const std::string& line) override { warnings.push_back(line); }
  void on_evaluation(const EvaluationReport& report) override {
    evaluations.push_back(report);
    if (when_evaluation) when_evaluation(report);
  }
  std::vector<std::string> messages, warnings;
  std::vector<EvaluationReport> evaluations;
  std::function<void(const std::string&)> when_message;
  std::function<void(const EvaluationReport&)> when_evaluation;
};

}  // namespace graft::test
