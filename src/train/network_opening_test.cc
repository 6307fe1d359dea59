#include "train/network_opening.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "base/hash.h"
#include "base/test_directory.h"
#include "train/test_photos.h"

namespace graft {
namespace {

using test::drawn_training;
using test::put_file;
using test::Recorder;

class NetworkAtHand : public ::testing::Test {
 protected:
  Result<std::optional<Backbone>> at_hand() {
    return network_at_hand(spec_, options_, [this]() -> Result<void> {
      scanned_by_ = std::this_thread::get_id();
      return {};
    });
  }
  std::string network_file() const { return dir_ / "models/mobilenet_v1_0.25_128/frozen_graph.pb"; }

  TestDirectory dir_;
  RetrainOptions options_ = drawn_training(dir_);
  ModelSpec spec_ = find_model(options_.architecture).value();
  std::thread::id scanned_by_;
};

TEST_F(NetworkAtHand, IsOpenedWhileAnotherThreadScans) {
  auto network = at_hand();
  ASSERT_TRUE(network.ok()) << network.error().message;
  ASSERT_TRUE(network->has_value());
  Bytes content;
  ASSERT_TRUE(read_file(network_file(), content).ok());
  EXPECT_EQ((*network)->fingerprint(), hex(sha256(content)));
  EXPECT_EQ((*network)->origin(), network_file());
  EXPECT_TRUE((*network)->compile().ok());
  EXPECT_NE(scanned_by_, std::thread::id());
  EXPECT_NE(scanned_by_, std::this_thread::get_id());
}

TEST_F(NetworkAtHand, OneThreadDoesOneThingAfterTheOther) {
  options_.threads = 1;
  auto network = at_hand();
  ASSERT_TRUE(network.ok());
  EXPECT_FALSE(network->has_value());
  EXPECT_EQ(scanned_by_, std::this_thread::get_id());
}

TEST_F(NetworkAtHand, WhatScanningSaysComesFirst) {
  options_.model_dir = dir_ / "nowhere";
  const auto network =
      network_at_hand(spec_, options_, []() -> Result<void> { return not_found("no photos"); });
  ASSERT_FALSE(network.ok());
  EXPECT_EQ(network.error().message, "no photos");
}

TEST_F(NetworkAtHand, WhatIsWrongIsLeftToOpening) {
  Recorder observer;
  put_file(network_file(), as_bytes("no graph"));
  auto network = at_hand();
  ASSERT_TRUE(network.ok());
  EXPECT_FALSE(network->has_value());
  auto opened = open_network(spec_, options_, observer, {});
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->compile().error().kind, ErrorKind::kCorrupt);

  options_.model_dir = dir_ / "nowhere";
  network = at_hand();
  ASSERT_TRUE(network.ok());
  EXPECT_FALSE(network->has_value());
  EXPECT_EQ(open_network(spec_, options_, observer, {}).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace graft
