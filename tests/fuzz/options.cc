// Any words on the command line, one a line of the input, are refused with one line, or give values
// within the limits that were declared.
#include "cli/options.h"

#include <cmath>

#include "base/text.h"
#include "fuzz.h"

namespace graft::fuzz {
namespace {

enum class Colour : std::uint8_t { kRed, kGreen };

struct Values {
  std::string image_dir = "flowers";
  int steps = 4000;
  std::uint64_t seed = 0;
  float rate = 0.01F;
  double share = 10;
  std::optional<std::string> labels;
  std::optional<int> width;
  std::optional<float> mean;
  bool flip = false, exif = true;
  Colour colour = Colour::kRed;
  std::vector<std::string> photos;
};

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  const std::vector<std::string> words =
      split_lines({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  Values v;
  Options options("test", "Tries words.", "PHOTO ...");
  options.text("image_dir", v.image_dir, "DIR", "photos");
  options.integer("steps", v.steps, "steps", 1, 1000000);
  options.integer("seed", v.seed, "seed");
  options.number("learning_rate", v.rate, "rate", 0, 100);
  options.number("testing_percentage", v.share, "share", 0, 100);
  options.text("labels", v.labels, "FILE", "labels");
  options.integer("input_width", v.width, "width", 1, 16384);
  options.number("input_mean", v.mean, "mean", -1000, 1000);
  options.flag("flip_left_right", v.flip, "flip");
  options.flag("exif", v.exif, "turn");
  options.choice("colour", v.colour, {{"red", Colour::kRed}, {"green", Colour::kGreen}}, "colour");
  options.arguments(v.photos);
  const auto parsed = options.parse(words);
  if (!parsed.ok()) {
    require(parsed.error().kind == ErrorKind::kInvalidArgument, "not the user's mistake");
    return require_refusal(parsed.error());
  }
  require(v.steps >= 1 && v.steps <= 1000000, "an integer beyond its limits");
  require(v.rate >= 0 && v.rate <= 100 && v.share >= 0 && v.share <= 100, "a number beyond them");
  require(!v.width || (*v.width >= 1 && *v.width <= 16384), "an integer beyond its limits");
  require(!v.mean || std::fabs(*v.mean) <= 1000, "a number beyond its limits");
  require(v.colour == Colour::kRed || v.colour == Colour::kGreen, "no such choice");
  require(v.photos.size() <= words.size(), "more arguments than words");
  (void)dump_json(options.values());
  (void)options.help(80);
}

std::vector<std::string> seeds() {
  return {"--image_dir=flowers\n--steps\n10\n--noexif\na.jpg",
          "--learning_rate\n1e-3\n--testing_percentage=12.5\n--colour=green\n--\n--flip",
          "--flip=true\n--labels=\n--input_width=224\n--input_mean=-1.5\n-\n--help",
          "--seed=18446744073709551615\n--step=0\n--unknown\n--in"};
}

}  // namespace graft::fuzz
