#include "model/untrained.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "base/rng.h"
#include "base/test_directory.h"
#include "image/encode.h"
#include "model/backbone.h"

namespace graft {
namespace {

using ::testing::HasSubstr;

Bytes noise_photo(std::uint64_t seed) {
  Rng rng(seed);
  Image image;
  image.width = 40;
  image.height = 30;
  for (int i = 0; i < 40 * 30 * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(rng.below(256)));
  }
  return encode_png(image).value();
}

class UntrainedBackbone : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::uint64_t i = 0; i < 3; ++i) {
      photos_.push_back(dir_ / ("photo" + std::to_string(i) + ".png"));
      ASSERT_TRUE(write_atomically(photos_.back(), noise_photo(i)).ok());
    }
  }
  std::string model_dir() const { return dir_ / "models"; }

  TestDirectory dir_;
  std::vector<std::string> photos_;
};

TEST_F(UntrainedBackbone, IsFoundOnceMade) {
  const ModelSpec spec = find_model("untrained_mobilenet_0.25_128").value();
  EXPECT_EQ(find_installed(spec, model_dir()).error().kind, ErrorKind::kNotFound);
  const auto made = make_untrained_backbone(model_dir(), photos_, {});
  ASSERT_TRUE(made.ok()) << made.error().message;
  const auto found = find_installed(spec, model_dir());
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(as_text(found->graph_def()), as_text(made->graph_def()));
  EXPECT_EQ(found->origin, made->origin);
}

TEST_F(UntrainedBackbone, IsTheSameEachTime) {
  const auto first = make_untrained_backbone(model_dir(), photos_, {});
  const auto second = make_untrained_backbone(dir_ / "elsewhere", photos_, {});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(as_text(first->graph_def()), as_text(second->graph_def()));
}

TEST_F(UntrainedBackbone, TellsPhotosApart) {
  auto made = make_untrained_backbone(model_dir(), photos_, {});
  ASSERT_TRUE(made.ok());
  Backbone backbone = Backbone::create(find_model("untrained_mobilenet_0.25_128").value(),
                                       std::move(made).value(), {});
  const auto compiled = backbone.compile();
  ASSERT_TRUE(compiled.ok()) << compiled.error().message;
  const auto extractor = backbone.make_extractor();
  std::vector<float> a(1001), b(1001);
  ASSERT_TRUE(extractor->run(noise_photo(0), a).ok());
  ASSERT_TRUE(extractor->run(noise_photo(1), b).ok());
  EXPECT_NE(a, b);
  for (const float value : a) ASSERT_TRUE(std::isfinite(value));
}

TEST_F(UntrainedBackbone, PassesOverBadPhotos) {
  ASSERT_TRUE(write_atomically(dir_ / "bad.jpg", std::string_view("no photo")).ok());
  std::vector<std::string> mixed = {dir_ / "bad.jpg", dir_ / "missing.jpg"};
  mixed.insert(mixed.end(), photos_.begin(), photos_.end());
  const auto made = make_untrained_backbone(model_dir(), mixed, {});
  const auto clean = make_untrained_backbone(dir_ / "elsewhere", photos_, {});
  ASSERT_TRUE(made.ok() && clean.ok());
  EXPECT_EQ(as_text(made->graph_def()), as_text(clean->graph_def()));
}

TEST_F(UntrainedBackbone, NeedsAPhoto) {
  ASSERT_TRUE(write_atomically(dir_ / "bad.jpg", std::string_view("no photo")).ok());
  const auto made =
      make_untrained_backbone(model_dir(), std::vector<std::string>{dir_ / "bad.jpg"}, {});
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(made.error().message, HasSubstr("bad.jpg"));
  EXPECT_FALSE(make_untrained_backbone(model_dir(), {}, {}).ok());
  EXPECT_FALSE(exists(model_dir()));
}

}  // namespace
}  // namespace graft
