#include "model/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/hash.h"
#include "base/test_directory.h"
#include "fetch/http_server_testing.h"
#include "model/record.h"
#include "model/test_network.h"

namespace graft {
namespace {

namespace fs = std::filesystem;
using test::spec_of;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kArchitecture = "mobilenet_0.50_224";
constexpr const char* kFolder = "mobilenet_v1_0.50_224";
constexpr const char* kArchive = "mobilenet_v1_0.50_224_frozen.tgz";
constexpr const char* kContent = "a network's bytes, which nobody looks into here";

void put_network(const std::string& path, std::string_view content = kContent) {
  ASSERT_TRUE(write_atomically(path, content).ok());
}

// Packs what lies in directory/folder as directory/name, as the published archives are made.
void pack(const std::string& directory, const std::string& folder, const std::string& name) {
  const std::string command = "cd '" + directory + "' && tar -czf '" + name + "' '" + folder +
                              "' && rm -r '" + folder + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
}

void expect_found(const ModelSpec& spec, const std::string& model_dir, const std::string& origin) {
  const auto found = find_installed(spec, model_dir);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(as_text(found->graph_def()), kContent);
  EXPECT_THAT(found->origin, HasSubstr(origin));
}

std::string message_of(const ModelSpec& spec, const std::string& model_dir, ErrorKind kind) {
  const auto found = find_installed(spec, model_dir);
  EXPECT_FALSE(found.ok());
  if (found.ok()) return "";
  EXPECT_EQ(found.error().kind, kind) << found.error().message;
  EXPECT_THAT(found.error().message, Not(HasSubstr("\n")));
  return found.error().message;
}

TEST(FindInstalled, TakesTheUnpackedFolder) {
  const TestDirectory dir;
  put_network(dir / "mobilenet_v1_0.50_224/frozen_graph.pb");
  expect_found(spec_of(kArchitecture), dir.path(), "frozen_graph.pb");
}

TEST(FindInstalled, TakesTheFolderItself) {
  const TestDirectory dir;
  put_network(dir / "mobilenet_v1_0.50_224/frozen_graph.pb");
  expect_found(spec_of(kArchitecture), dir / kFolder, "frozen_graph.pb");
  expect_found(spec_of(kArchitecture), dir / kFolder + std::string("/"), "frozen_graph.pb");
}

TEST(FindInstalled, TakesABarePb) {
  const TestDirectory dir;
  put_network(dir / "mine/frozen_graph.pb");
  expect_found(spec_of(kArchitecture), dir / "mine", "frozen_graph.pb");
  expect_found(spec_of(kArchitecture), dir / "mine/frozen_graph.pb", "frozen_graph.pb");
  put_network(dir / "inception/classify_image_graph_def.pb");
  expect_found(spec_of("inception_v3"), dir / "inception", "classify_image_graph_def.pb");
}

TEST(FindInstalled, TakesAFolderInAFolder) {
  const TestDirectory dir;
  put_network(dir / "mobilenet_v1_0.50_224/mobilenet_v1_0.50_224/frozen_graph.pb");
  expect_found(spec_of(kArchitecture), dir.path(), "frozen_graph.pb");
}

TEST(FindInstalled, ReadsTheArchiveInMemory) {
  const TestDirectory dir;
  put_network(dir / "mobilenet_v1_0.50_224/frozen_graph.pb");
  put_network(dir / "mobilenet_v1_0.50_224/quantized_graph.pb", "other bytes");
  pack(dir.path(), kFolder, kArchive);
  expect_found(spec_of(kArchitecture), dir.path(), "frozen.tgz (frozen_graph.pb)");
  expect_found(spec_of(kArchitecture), dir / kArchive, "frozen.tgz (frozen_graph.pb)");
  const auto quantized = find_installed(spec_of("mobilenet_0.50_224_quantized"), dir.path());
  ASSERT_TRUE(quantized.ok()) << quantized.error().message;
  EXPECT_EQ(as_text(quantized->graph_def()), "other bytes");
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 1);  // nothing was unpacked
}

TEST(FindInstalled, ReadsAnArchiveWithinItsFolder) {
  const TestDirectory dir;
  put_network(dir / "mobilenet_v1_0.50_224/frozen_graph.pb");
  pack(dir.path(), kFolder, kArchive);
  fs::create_directory(dir / kFolder);
  fs::rename(dir / kArchive, dir / "mobilenet_v1_0.50_224/mobilenet_v1_0.50_224_frozen.tgz");
  expect_found(spec_of(kArchitecture), dir.path(), "frozen_graph.pb");
}

TEST(FindInstalled, PrefersTheUnpackedFolderToTheArchive) {
  const TestDirectory dir;
  put_network(dir / "mobilenet_v1_0.50_224/frozen_graph.pb", "packed");
  pack(dir.path(), kFolder, kArchive);
  put_network(dir / "mobilenet_v1_0.50_224/frozen_graph.pb");
  expect_found(spec_of(kArchitecture), dir.path(), "frozen_graph.pb");
}

TEST(FindInstalled, TakesWhatIsSlightlyOff) {
  for (const char* place :
       {"mobilenet_0.50_224/frozen_graph.pb", "mobilenet_v1_0.5_224/frozen_graph.pb",
        "mobilenet_v1_0.50_224_frozen/mobilenet_v1_0.50_224/frozen_graph.pb",
        "mobilenet_v1_0.50_224_frozen/frozen_graph.pb", "MobileNet_v1_0.50_224/frozen_graph.pb",
        "mobilenet_v1_0.50_224.pb", "mobilenet_0.50_224_frozen.pb",
        "mobilenet_v1_0.50_224_frozen (2)/frozen_graph.pb"}) {
    const TestDirectory dir;
    put_network(dir / place);
    expect_found(spec_of(kArchitecture), dir.path(), place);
    EXPECT_EQ(installed_at(spec_of(kArchitecture), dir.path()), dir / place);
    EXPECT_FALSE(find_installed(spec_of("mobilenet_0.50_192"), dir.path()).ok()) << place;
    EXPECT_FALSE(find_installed(spec_of("mobilenet_0.25_224"), dir.path()).ok()) << place;
    EXPECT_FALSE(find_installed(spec_of("mobilenet_0.50_224_quantized"), dir.path()).ok()) << place;
  }
}

TEST(FindInstalled, TakesTheArchiveUnderABrowsersName) {
  for (const char* name :
       {"mobilenet_v1_0.50_224_frozen (1).tgz", "mobilenet_v1_0.50_224_frozen.tar.gz",
        "mobilenet_v1_0.50_224.tgz", "mobilenet_0.50_224.tgz"}) {
    const TestDirectory dir;
    put_network(dir / "mobilenet_v1_0.50_224/frozen_graph.pb");
    pack(dir.path(), kFolder, name);
    expect_found(spec_of(kArchitecture), dir.path(), "(frozen_graph.pb)");
    EXPECT_EQ(installed_at(spec_of("mobilenet_0.50_224_quantized"), dir.path()), dir / name);
  }
}

TEST(InstalledAt, AGraphWithoutANameBelongsToNobody) {
  const TestDirectory dir;
  put_network(dir / "mine/frozen_graph.pb");
  EXPECT_EQ(installed_at(spec_of(kArchitecture), dir / "mine"), "");
  put_network(dir / "mobilenet_v1_0.50_224/frozen_graph.pb");
  EXPECT_EQ(installed_at(spec_of(kArchitecture), dir / kFolder),
            dir / "mobilenet_v1_0.50_224/frozen_graph.pb");
  EXPECT_EQ(installed_at(spec_of("mobilenet_0.25_224"), dir / kFolder), "");
  EXPECT_EQ(installed_at(spec_of(kArchitecture), dir / "none"), "");
}

TEST(NotInstalled, GivesTheCommandThatGetsTheFile) {
  const TestDirectory dir;
  const std::string message =
      message_of(spec_of(kArchitecture), dir / "it's here", ErrorKind::kNotFound);
  EXPECT_THAT(message, HasSubstr("there is no folder"));
  EXPECT_THAT(
      message,
      HasSubstr("curl -fL http://download.tensorflow.org/models/mobilenet_v1_0.50_224_frozen.tgz"));
  EXPECT_THAT(message, HasSubstr("it'\\''s here"));
  EXPECT_THAT(message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kNotFound),
              HasSubstr(kArchive));
}

TEST(NotInstalled, PointsAtAFolderWithoutAName) {
  const TestDirectory dir;
  put_network(dir / "my network/frozen_graph.pb");
  const std::string message = message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kNotFound);
  EXPECT_THAT(message, HasSubstr("graft models import '" + (dir / "my network'")));
}

TEST(NotInstalled, PointsAtTheOtherKindInTheFolder) {
  const TestDirectory dir;
  put_network(dir / "mobilenet_v1_0.50_224/quantized_graph.pb");
  EXPECT_THAT(message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kNotFound),
              HasSubstr("--architecture=mobilenet_0.50_224_quantized"));
  fs::remove(dir / "mobilenet_v1_0.50_224/quantized_graph.pb");
  EXPECT_THAT(message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kNotFound),
              HasSubstr("holds no frozen_graph.pb"));
}

TEST(NotInstalled, PointsAtAnotherWidth) {
  const TestDirectory dir;
  put_network(dir / "mobilenet_v1_0.25_224_frozen.tgz");
  EXPECT_THAT(message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kNotFound),
              HasSubstr("which is mobilenet_0.25_224)"));
  put_network(dir / "mobilenet_v1_0.25_192/frozen_graph.pb");
  EXPECT_THAT(
      message_of(spec_of(kArchitecture), dir / "mobilenet_v1_0.25_192", ErrorKind::kNotFound),
      HasSubstr("is the folder of mobilenet_0.25_192"));
}

TEST(NotInstalled, PointsAtAnotherResolution) {
  const TestDirectory dir;
  put_network(dir / "mobilenet_v1_0.50_192/quantized_graph.pb");
  EXPECT_THAT(message_of(spec_of("mobilenet_0.50_224_quantized"), dir.path(), ErrorKind::kNotFound),
              HasSubstr("which is mobilenet_0.50_192_quantized"));
}

TEST(NotInstalled, PointsAtAnUnfinishedDownload) {
  for (const char* name :
       {"mobilenet_v1_0.50_224_frozen.tgz.part", "mobilenet_v1_0.50_224_frozen.tgz.crdownload"}) {
    const TestDirectory dir;
    put_network(dir / name);
    EXPECT_THAT(message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kNotFound),
                HasSubstr("not finished"));
  }
}

TEST(NotInstalled, SaysHowTheUntrainedOneIsMade) {
  const TestDirectory dir;
  EXPECT_THAT(message_of(spec_of("untrained_mobilenet_0.25_128"), dir.path(), ErrorKind::kNotFound),
              HasSubstr("--image_dir"));
}

TEST(DamagedModel, IsAWebPage) {
  const TestDirectory dir;
  put_network(dir / kArchive, "\n<!DOCTYPE html><html><body>404</body></html>");
  EXPECT_THAT(message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kCorrupt),
              HasSubstr("web page"));
  put_network(dir / "mobilenet_v1_0.50_224/frozen_graph.pb", "<HTML><head>");
  EXPECT_THAT(message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kCorrupt),
              HasSubstr("web page"));
}

TEST(DamagedModel, IsHalfADownload) {
  const TestDirectory dir;
  std::string big;  // does not compress, so that the archive is cut inside the file
  for (std::uint32_t i = 0, x = 1; i < 200000; ++i) {
    x = x * 1664525U + 1013904223U;
    big += static_cast<char>(x >> 24);
  }
  put_network(dir / "mobilenet_v1_0.50_224/frozen_graph.pb", big);
  pack(dir.path(), kFolder, kArchive);
  const std::uintmax_t whole = fs::file_size(dir / kArchive);
  for (const std::uintmax_t size : {whole - 1, whole / 2, std::uintmax_t{15}, std::uintmax_t{1}}) {
    fs::resize_file(dir / kArchive, size);
    EXPECT_THAT(message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kCorrupt),
                HasSubstr("delete it and get it again"))
        << size;
  }
  put_network(dir / kArchive, "");
  EXPECT_THAT(message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kCorrupt),
              HasSubstr("empty"));
}

TEST(DamagedModel, IsAnotherNetworkUnderThisName) {
  const TestDirectory dir;
  put_network(dir / "mobilenet_v1_0.25_224/frozen_graph.pb");
  pack(dir.path(), "mobilenet_v1_0.25_224", kArchive);
  EXPECT_THAT(message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kCorrupt),
              HasSubstr("holds mobilenet_0.25_224, not mobilenet_0.50_224"));
}

TEST(DamagedModel, HoldsNoNetwork) {
  const TestDirectory dir;
  put_network(dir / "holiday/photo.jpg");
  pack(dir.path(), "holiday", kArchive);
  EXPECT_THAT(message_of(spec_of(kArchitecture), dir.path(), ErrorKind::kCorrupt),
              HasSubstr("holds no mobilenet_v1_0.50_224/frozen_graph.pb"));
}

TEST(DamagedModel, IsAFileOfNoKnownKind) {
  const TestDirectory dir;
  put_network(dir / "model.onnx");
  EXPECT_THAT(message_of(spec_of(kArchitecture), dir / "model.onnx", ErrorKind::kInvalidArgument),
              HasSubstr("--model_dir"));
}

TEST(OpenModel, UsesWhatIsInstalledWithoutTheNetwork) {
  const TestDirectory dir;
  put_network(dir / "mobilenet_v1_0.50_224/frozen_graph.pb");
  SourceOptions options;
  options.model_dir = dir.path();
  EXPECT_TRUE(open_model(spec_of(kArchitecture), options, {}).ok());
}

TEST(OpenModel, SaysWhereToPutTheArchiveWhenTheDownloadFails) {
  const TestDirectory dir;
  ModelSpec spec = spec_of(kArchitecture);
  spec.url = "http://127.0.0.1:9/models/mobilenet_v1_0.50_224_frozen.tgz";  // nobody listens
  SourceOptions options;
  options.model_dir = dir / "models";
  const auto opened = open_model(spec, options, {});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().kind, ErrorKind::kIo);
  EXPECT_THAT(opened.error().message, HasSubstr("the download failed"));
  EXPECT_THAT(opened.error().message, HasSubstr(std::string("put it at ") + dir.path()));
  options.allow_download = false;
  EXPECT_EQ(open_model(spec, options, {}).error().kind, ErrorKind::kNotFound);
}

// Downloads from a server here, which stands for a mirror; the publisher's own is out of reach.
class OpenModelFromMirror : public ::testing::Test {
 protected:
  void SetUp() override {
    put_network(dir_ / "mobilenet_v1_0.50_224/frozen_graph.pb", content_);
    pack(dir_.path(), kFolder, "a.tgz");
    archive_ = read_text_file(dir_ / "a.tgz").value();
    spec_.url = "http://127.0.0.1:9/models/mobilenet_v1_0.50_224_frozen.tgz";
  }
  Result<ModelBytes> open(const std::string& mirror) {
    SourceOptions options;
    options.model_dir = models_;
    options.mirrors = {mirror};
    return open_model(spec_, options, {});
  }
  static test::Server::Answer answer(std::string text) {
    return [text = std::move(text)](const std::string&, int c) {
      test::Server::send(c, test::head("200 OK", text.size()) + text);
    };
  }
  void expect_nothing_left() const {
    EXPECT_FALSE(exists(models_ + "/" + kArchive));
    EXPECT_FALSE(exists(models_ + "/" + kArchive + ".part"));
    EXPECT_FALSE(exists(record_path(models_)));
  }
  const TestDirectory dir_;
  const std::string models_ = dir_ / "models";
  const std::string content_ = "the network";
  std::string archive_;
  ModelSpec spec_ = spec_of(kArchitecture);
};

TEST_F(OpenModelFromMirror, RecordsWhatItPlaced) {
  const test::Server server(answer(archive_));
  const auto opened = open(server.url("/m"));
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(as_text(opened->graph_def()), content_);
  EXPECT_TRUE(server.requests().at(0).starts_with(std::string("GET /m/") + kArchive + " "));
  const ModelRecord record = read_record(models_).value();
  ASSERT_TRUE(record.contains(kArchive));
  const RecordedFile& file = record.at(kArchive);
  EXPECT_EQ(file.sha256, hex(sha256(as_bytes(archive_))));
  EXPECT_EQ(file.bytes, archive_.size());
  EXPECT_EQ(file.source, server.url("/m/") + kArchive);
  EXPECT_TRUE(file.placed);
  // From now on no server is asked, and no record read.
  ASSERT_TRUE(write_atomically(record_path(models_), "not a record").ok());
  EXPECT_TRUE(open(server.url("/m")).ok());
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(OpenModelFromMirror, TrustsTheFirstDownload) {
  {
    const test::Server server(answer(archive_));
    ASSERT_TRUE(open(server.url("")).ok());
  }
  fs::remove(models_ + "/" + kArchive);
  put_network(dir_ / "mobilenet_v1_0.50_224/frozen_graph.pb", "another network");
  pack(dir_.path(), kFolder, "b.tgz");
  const test::Server server(answer(read_text_file(dir_ / "b.tgz").value()));
  const auto changed = open(server.url(""));
  ASSERT_FALSE(changed.ok());
  EXPECT_THAT(changed.error().message, HasSubstr("wrong checksum"));
  EXPECT_THAT(changed.error().message, HasSubstr("graft_models.json"));
  EXPECT_FALSE(exists(models_ + "/" + kArchive));
  const test::Server honest(answer(archive_));
  EXPECT_TRUE(open(honest.url("")).ok());
}

TEST_F(OpenModelFromMirror, KeepsNothingThatIsUseless) {
  for (const std::string& useless :
       {archive_.substr(0, archive_.size() / 2), std::string("<html>log in</html>"),
        std::string("nonsense"), std::string()}) {
    const test::Server server(answer(useless));
    EXPECT_FALSE(open(server.url("")).ok()) << useless.size();
    expect_nothing_left();
  }
  // Announced too short: cut off by HTTP, noticed by the archive.
  const test::Server liar([this](const std::string&, int c) {
    test::Server::send(c, test::head("200 OK", archive_.size() - 9) + archive_);
  });
  EXPECT_FALSE(open(liar.url("")).ok());
  expect_nothing_left();
}

TEST_F(OpenModelFromMirror, ChecksTheGraphWhereOnlyThatIsKnown) {
  spec_.graph_sha256 = hex(sha256(as_bytes("the official network")));
  const test::Server server(answer(archive_));
  const auto forged = open(server.url(""));
  ASSERT_FALSE(forged.ok());
  EXPECT_THAT(forged.error().message, HasSubstr("is not the published network"));
  expect_nothing_left();
  spec_.graph_sha256 = hex(sha256(as_bytes(content_)));
  EXPECT_TRUE(open(server.url("")).ok());
}

TEST_F(OpenModelFromMirror, RefusesABrokenRecordBeforeItDownloads) {
  ASSERT_TRUE(write_atomically(record_path(models_), "not a record").ok());
  const test::Server server(answer(archive_));
  const auto opened = open(server.url(""));
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message, HasSubstr("move it away"));
  EXPECT_TRUE(server.requests().empty());
}

}  // namespace
}  // namespace graft
