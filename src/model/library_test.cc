#include "model/library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/hash.h"
#include "base/test_directory.h"
#include "model/builtin.h"
#include "model/record.h"
#include "model/source.h"
#include "model/test_network.h"
#include "wire/serialize.h"

namespace graft {
namespace {

namespace fs = std::filesystem;
using test::spec_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPlace = "models/mobilenet_v1_0.50_128/frozen_graph.pb";

const std::string& network(std::uint64_t seed = 1) {
  static const std::string first = wire::serialize(build_mobilenet_v1(0.5, 128, 1)).value();
  static const std::string second = wire::serialize(build_mobilenet_v1(0.5, 128, 2)).value();
  return seed == 1 ? first : second;
}

void put(const std::string& path, std::string_view content) {
  ASSERT_TRUE(write_atomically(path, content).ok());
}

void run(const std::string& command) {
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

class Library : public ::testing::Test {
 protected:
  void expect_imported(const std::string& from, bool was_there = false) {
    const auto done = import_networks(from, models_);
    ASSERT_TRUE(done.ok()) << done.error().message;
    ASSERT_EQ(done->networks.size(), 1U);
    EXPECT_EQ(done->networks[0].architecture, "mobilenet_0.50_128");
    EXPECT_EQ(done->networks[0].path, dir_ / kPlace);
    EXPECT_EQ(done->networks[0].was_there, was_there);
    const auto found = find_installed(spec_of("mobilenet_0.50_128"), models_);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(as_text(found->graph_def()), network());
  }
  std::string refusal(const std::string& from, ErrorKind kind) {
    const auto done = import_networks(from, models_);
    EXPECT_FALSE(done.ok());
    if (done.ok()) return "";
    EXPECT_EQ(done.error().kind, kind) << done.error().message;
    EXPECT_THAT(done.error().message, HasSubstr(from));
    EXPECT_THAT(done.error().message, Not(HasSubstr("\n")));
    return done.error().message;
  }
  const TestDirectory dir_;
  const std::string models_ = dir_ / "models";
};

TEST_F(Library, ImportsAGraphWhateverItsName) {
  put(dir_ / "handed to me.pb", network());
  expect_imported(dir_ / "handed to me.pb");
  put(dir_ / "no_suffix", network());
  expect_imported(dir_ / "no_suffix", true);
  const ModelRecord record = read_record(models_).value();
  ASSERT_EQ(record.size(), 1U);
  const RecordedFile& file = record.at("mobilenet_v1_0.50_128/frozen_graph.pb");
  EXPECT_TRUE(file.placed);
  EXPECT_THAT(file.source, HasSubstr("handed to me.pb"));
}

TEST_F(Library, ImportsFromAnArchiveWithStrangeNames) {
  put(dir_ / "x/some folder/net.pb", network());
  put(dir_ / "x/some folder/labels.txt", "labels");
  put(dir_ / "x/some folder/broken.pb", "<html>");
  run("cd '" + dir_.path() + "' && tar -czf strange.bin x");
  const auto done = import_networks(dir_ / "strange.bin", models_);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(done->networks.size(), 1U);
  ASSERT_EQ(done->left_out.size(), 1U);
  EXPECT_THAT(done->left_out[0], HasSubstr("broken.pb"));
}

TEST_F(Library, ImportsAFolderOfThem) {
  put(dir_ / "in/a/net.pb", network());
  put(dir_ / "in/notes.txt", "not looked at");
  put(dir_ / "in/b/c/too_deep.pb", network(2));
  expect_imported(dir_ / "in");
}

TEST_F(Library, SaysWhatAFileIsInstead) {
  EXPECT_THAT(refusal(dir_ / "none", ErrorKind::kNotFound), HasSubstr("no such file"));
  put(dir_ / "page.tgz", "<!DOCTYPE html><html>404");
  EXPECT_THAT(refusal(dir_ / "page.tgz", ErrorKind::kCorrupt), HasSubstr("web page"));
  put(dir_ / "empty.tgz", "");
  EXPECT_THAT(refusal(dir_ / "empty.tgz", ErrorKind::kCorrupt), HasSubstr("empty"));
  put(dir_ / "photo.pb", "\xFF\xD8\xFF\xE0 not a graph");
  refusal(dir_ / "photo.pb", ErrorKind::kCorrupt);
  put(dir_ / "half.pb", network().substr(0, network().size() / 2));
  refusal(dir_ / "half.pb", ErrorKind::kCorrupt);
  put(dir_ / "x/net.pb", network());
  run("cd '" + dir_.path() + "' && tar -czf half.tgz x");
  fs::resize_file(dir_ / "half.tgz", fs::file_size(dir_ / "half.tgz") / 2);
  EXPECT_THAT(refusal(dir_ / "half.tgz", ErrorKind::kCorrupt), HasSubstr("cut off"));
  put(dir_ / "y/photo.jpg", "x");
  run("cd '" + dir_.path() + "' && tar -czf photos.tgz y");
  EXPECT_THAT(refusal(dir_ / "photos.tgz", ErrorKind::kUnsupported), HasSubstr("y/photo.jpg"));
  fs::create_directory(dir_ / "bare");
  EXPECT_THAT(refusal(dir_ / "bare", ErrorKind::kUnsupported), HasSubstr("no archive"));
  EXPECT_FALSE(exists(models_));
}

TEST_F(Library, RefusesAForgeryOfAKnownFile) {
  // 0.25_160 has the built-in structure, but its official bytes are known.
  put(dir_ / "net.pb", wire::serialize(build_mobilenet_v1(0.25, 160, 1)).value());
  EXPECT_THAT(refusal(dir_ / "net.pb", ErrorKind::kCorrupt), HasSubstr("not the published bytes"));
}

TEST_F(Library, NeverOverwritesAnotherFile) {
  put(dir_ / kPlace, network(2));
  put(dir_ / "net.pb", network());
  const auto done = import_networks(dir_ / "net.pb", models_);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(done.error().message, HasSubstr("graft models remove mobilenet_0.50_128"));
  EXPECT_EQ(read_text_file(dir_ / kPlace).value(), network(2));
}

TEST_F(Library, VerifiesByWhatItSawFirst) {
  const ModelSpec spec = spec_of("mobilenet_0.50_128");
  EXPECT_EQ(verify_network(spec, models_).error().kind, ErrorKind::kNotFound);
  put(dir_ / kPlace, network());
  const auto first = verify_network(spec, models_);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->checksum, Checksum::kRecorded);
  EXPECT_EQ(first->sha256, hex(sha256(as_bytes(network()))));
  EXPECT_EQ(first->network, "mobilenet_0.50_128");
  EXPECT_NEAR(static_cast<double>(first->multiply_adds) / 1e6, 49, 1);  // the published figure
  const auto second = verify_network(spec, models_);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->checksum, Checksum::kAsRecorded);
  put(dir_ / kPlace, network(2));
  const auto changed = verify_network(spec, models_);
  ASSERT_FALSE(changed.ok());
  EXPECT_EQ(changed.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(changed.error().message, HasSubstr("has changed since"));
  EXPECT_THAT(changed.error().message, HasSubstr("graft_models.json"));
}

TEST_F(Library, VerifiesTheStructureToo) {
  put(dir_ / "models/mobilenet_v1_0.75_128/frozen_graph.pb", network());
  const auto other = verify_network(spec_of("mobilenet_0.75_128"), models_);
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message, HasSubstr("is mobilenet_0.50_128, not mobilenet_0.75_128"));
}

// For root too, whom the system would let write there.
TEST_F(Library, VerifiesAFolderThatIsMarkedReadOnlyWithoutTouchingIt) {
  put(dir_ / kPlace, network());
  ASSERT_EQ(chmod(models_.c_str(), 0555), 0);
  const auto verified = verify_network(spec_of("mobilenet_0.50_128"), models_);
  ASSERT_EQ(chmod(models_.c_str(), 0755), 0);
  ASSERT_TRUE(verified.ok()) << verified.error().message;
  EXPECT_EQ(verified->checksum, Checksum::kUnrecorded);
  EXPECT_FALSE(exists(record_path(models_)));
}

TEST_F(Library, RemovesWhatItPlaced) {
  const ModelSpec spec = spec_of("mobilenet_0.50_128");
  put(dir_ / "net.pb", network());
  ASSERT_TRUE(import_networks(dir_ / "net.pb", models_).ok());
  const auto removed = remove_network(spec, models_);
  ASSERT_TRUE(removed.ok()) << removed.error().message;
  EXPECT_THAT(*removed, ElementsAre(dir_ / kPlace));
  EXPECT_FALSE(exists(dir_ / "models/mobilenet_v1_0.50_128"));
  EXPECT_EQ(remove_network(spec, models_).error().kind, ErrorKind::kNotFound);
  // The checksum is remembered: another file in its place is noticed.
  put(dir_ / kPlace, network(2));
  EXPECT_THAT(verify_network(spec, models_).error().message, HasSubstr("has changed since"));
}

TEST_F(Library, LeavesWhatOthersPlacedOrChanged) {
  const ModelSpec spec = spec_of("mobilenet_0.50_128");
  put(dir_ / kPlace, network());
  ASSERT_TRUE(verify_network(spec, models_).ok());  // known, but not placed by graft
  const auto refused = remove_network(spec, models_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("someone else"));
  EXPECT_THAT(refused.error().message, HasSubstr("rm '" + (dir_ / kPlace)));
  fs::remove_all(models_);

  put(dir_ / "net.pb", network());
  ASSERT_TRUE(import_networks(dir_ / "net.pb", models_).ok());
  put(dir_ / "models/mobilenet_v1_0.50_128/notes.txt", "mine");
  put(dir_ / kPlace, network(2));
  EXPECT_THAT(remove_network(spec, models_).error().message, HasSubstr("was changed since"));
  EXPECT_TRUE(exists(dir_ / kPlace));
  put(dir_ / kPlace, network());
  EXPECT_TRUE(remove_network(spec, models_).ok());
  EXPECT_TRUE(exists(dir_ / "models/mobilenet_v1_0.50_128/notes.txt"));
}

}  // namespace
}  // namespace graft
