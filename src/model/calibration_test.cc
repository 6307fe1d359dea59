#include "model/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "model/builtin.h"
#include "model/test_network.h"

namespace graft {
namespace {

using test::bytes_of;
using test::spec_of;
using test::tiny_graph;
using test::tiny_spec;
using ::testing::HasSubstr;
using ::testing::Not;

BackboneOptions in_int8() {
  BackboneOptions options;
  options.precision = Precision::kInt8;
  return options;
}

// A drawn photo: noise around a colour, so that no channel of a network sleeps.
Bytes noise(std::uint64_t seed) {
  Image image;
  image.width = image.height = 48;
  Rng rng(seed, 3);
  for (int i = 0; i < 48 * 48 * 3; ++i) {
    image.pixels.push_back(
        static_cast<std::uint8_t>(40 * (i % 3) + static_cast<int>(rng.below(150))));
  }
  return encode_png(image).value();
}

Backbone small_network(const BackboneOptions& options) {
  return Backbone::create(spec_of("mobilenet_0.25_128"), bytes_of(build_mobilenet_v1(0.25, 128, 1)),
                          options);
}

ActivationRanges measured(Backbone& backbone, std::size_t workers) {
  const auto meter = RangeMeter::prepare(backbone);
  EXPECT_TRUE(meter.ok()) << (meter.ok() ? "" : meter.error().message);
  std::vector<RangeMeter::Worker> all;
  for (std::size_t i = 0; i < workers; ++i) all.push_back(meter->make_worker());
  for (std::uint64_t photo = 0; photo < 4; ++photo) {
    EXPECT_TRUE(all[photo % workers].add(noise(photo)).ok());
  }
  return meter->ranges(all);
}

std::vector<float> feature_of(Backbone& backbone, const Bytes& photo) {
  const auto compiled = backbone.compile();
  EXPECT_TRUE(compiled.ok()) << (compiled.ok() ? "" : compiled.error().message);
  std::vector<float> feature(static_cast<std::size_t>(backbone.spec().feature_width));
  EXPECT_TRUE(backbone.make_extractor()->run(photo, feature).ok());
  return feature;
}

TEST(Calibration, IsTheSameForAnyWorkersAndSeesEveryLayer) {
  Backbone backbone = small_network(in_int8());
  const ActivationRanges ranges = measured(backbone, 1);
  EXPECT_EQ(ranges.size(), 26U);  // what the 13 depthwise and the 13 pointwise ones read
  EXPECT_EQ(measured(backbone, 3), ranges);
  const auto meter = RangeMeter::prepare(backbone);
  auto worker = meter->make_worker();
  EXPECT_FALSE(worker.add(as_bytes("not a photo")).ok());
}

TEST(Calibration, IsPartOfTheFeatureSpaceWhichFloat32Keeps) {
  Backbone whole = small_network(in_int8());
  const Backbone plain = small_network({});
  EXPECT_THAT(plain.feature_space(), Not(HasSubstr("precision")));
  EXPECT_EQ(whole.photo_space(), plain.photo_space());
  ActivationRanges ranges = measured(whole, 1);
  whole.use_ranges(ranges);
  const std::string space = whole.feature_space();
  EXPECT_THAT(space, HasSubstr(plain.feature_space() +
                               " precision=int8-1 calibration=" + calibration_fingerprint(ranges)));
  ++ranges.begin()->second.largest[0];
  whole.use_ranges(ranges);
  EXPECT_NE(whole.feature_space(), space);
}

TEST(Calibration, FeaturesAreNearFloat32AndTheSameOnEveryThread) {
  Backbone whole = small_network(in_int8());
  Backbone plain = small_network({});
  whole.use_ranges(measured(whole, 2));
  std::vector<std::vector<float>> features(3);
  const std::vector<float> first = feature_of(whole, noise(9));
  {
    std::vector<std::jthread> threads;
    for (auto& feature : features) {
      threads.emplace_back([&] {
        feature.resize(first.size());
        EXPECT_TRUE(whole.make_extractor()->run(noise(9), feature).ok());
      });
    }
  }
  for (const auto& feature : features) EXPECT_EQ(feature, first);
  // The reference kernels mean the same, up to the float32 layers at both ends: one of their
  // roundings may move a byte by a step.
  BackboneOptions reference = in_int8();
  reference.backend = "reference";
  Backbone slow = small_network(reference);
  slow.use_ranges(whole.ranges());
  const std::vector<float> expected = feature_of(slow, noise(9));
  const std::vector<float> exact = feature_of(plain, noise(9));
  double to_reference = 0, to_float = 0, size = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    to_reference += std::pow(static_cast<double>(first[i] - expected[i]), 2);
    to_float += std::pow(static_cast<double>(first[i] - exact[i]), 2);
    size += std::pow(static_cast<double>(exact[i]), 2);
  }
  EXPECT_GT(to_float, 0);     // it is not float32 by another name
  EXPECT_LT(to_float, size);  // nearer to it than zero is
  EXPECT_LE(to_reference, to_float);
}

TEST(Calibration, EveryMobileNetHasTheSameLayersInInt8) {
  for (const ModelSpec& spec : all_models()) {
    if (spec.width_multiplier == 0 || spec.quantized || spec.untrained) continue;
    SCOPED_TRACE(spec.architecture);
    Backbone backbone = Backbone::create(
        spec, bytes_of(build_mobilenet_v1(spec.width_multiplier, spec.input_size, 1)), in_int8());
    const Graph graph = backbone.simplified().value();
    ActivationRanges ranges;
    for (const std::string& name : quantizable_values(graph)) {
      const Shape& shape = graph.node(*graph.find(name)).output.shape;
      const auto channels = static_cast<std::size_t>(shape[3]);
      ranges[name] = {std::vector<std::uint8_t>(channels, range_code(6)),
                      std::vector<std::uint8_t>(channels, 30)};
    }
    backbone.use_ranges(ranges);
    const auto compiled = backbone.compile();
    ASSERT_TRUE(compiled.ok()) << compiled.error().message;
    int whole = 0;
    for (const Program::Step& step : backbone.program().steps()) {
      if (!step.op.starts_with("Quantized")) continue;
      ++whole;
      EXPECT_NE(step.backend, "reference");
    }
    EXPECT_EQ(whole, 26);
  }
}

TEST(Calibration, NamesANetworkThatHasNothingForIt) {
  Backbone backbone = Backbone::create(tiny_spec(), bytes_of(tiny_graph()), in_int8());
  const auto meter = RangeMeter::prepare(backbone);
  ASSERT_FALSE(meter.ok());
  EXPECT_EQ(meter.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(meter.error().message, HasSubstr("tiny.pb: no layer of this network"));
}

TEST(CalibrationFile, ComesBackAsWritten) {
  const ActivationRanges ranges = {{"a/Relu6", {{0, 1}, {254, 255}}}, {"b", {{128}, {7}}}};
  const std::string text = calibration_text(ranges, "sha256=ab size=2x2", 64);
  EXPECT_THAT(text, HasSubstr("\"a/Relu6\": \"0001feff\""));
  const auto back = parse_calibration(text, "sha256=ab size=2x2", "c.json");
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, ranges);
  EXPECT_EQ(calibration_fingerprint(*back).size(), 32U);
  EXPECT_NE(calibration_fingerprint({{"b", {{128}, {7}}}}),
            calibration_fingerprint({{"b", {{128}, {8}}}}));
}

TEST(CalibrationFile, RefusesWhatItIsNot) {
  const std::string good = calibration_text({{"node", {{1}, {2}}}}, "space", 1);
  EXPECT_FALSE(parse_calibration(good, "another space", "c.json").ok());
  for (const auto& [what, with] : {std::pair<const char*, const char*>{"\"0102\"", "\"010\""},
                                   {"\"0102\"", "\"01g2\""},
                                   {"\"0102\"", "\"010203\""},
                                   {"\"0102\"", "\"01AB\""},
                                   {"\"0102\"", "\"\""},
                                   {"\"0102\"", "7"},
                                   {"{\n    \"node\": \"0102\"\n  }", "{}"},
                                   {"{\n    \"node\": \"0102\"\n  }", "[1]"},
                                   {"\"version\": 1", "\"version\": 2"},
                                   {"graft-calibration", "graft-other"},
                                   {"\"0102\"", "\"0103\""},
                                   {"\"fingerprint\"", "\"print\""},
                                   {"\"ranges\"", "\"rages\""}}) {
    std::string text = good;
    const std::size_t at = text.find(what);
    ASSERT_NE(at, std::string::npos) << what;
    text.replace(at, std::string(what).size(), with);
    const auto parsed = parse_calibration(text, "space", "c.json");
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kCorrupt);
    EXPECT_THAT(parsed.error().message, HasSubstr("c.json: "));
  }
  // Cut anywhere, or with any byte changed, it is refused or read as ranges: nothing else happens.
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_TRUE(i + 1 >= good.size() || !parse_calibration(good.substr(0, i), "space", "c").ok());
    for (const char byte : {'\0', '"', '{', '9', '\xFF'}) {
      std::string text = good;
      text[i] = byte;
      const auto parsed = parse_calibration(text, "space", "c");
      EXPECT_TRUE(!parsed.ok() || !parsed->empty());
    }
  }
}

}  // namespace
}  // namespace graft
