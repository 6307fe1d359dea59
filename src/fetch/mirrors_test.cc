#include "fetch/mirrors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/test_directory.h"
#include "fetch/http_server_testing.h"

namespace graft {
namespace {

using test::head;
using test::Server;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ParseMirrors, TakesAListInOrder) {
  EXPECT_THAT(parse_mirrors("").value(), IsEmpty());
  EXPECT_THAT(parse_mirrors(" , ").value(), IsEmpty());
  EXPECT_THAT(parse_mirrors("https://a.example/models/, http://10.0.0.5:8000  HTTPS://b").value(),
              ElementsAre("https://a.example/models", "http://10.0.0.5:8000", "HTTPS://b"));
}

TEST(ParseMirrors, RefusesWhatIsNoAddress) {
  for (const char* bad : {"a.example", "ftp://a.example", "/mnt/models", "http://", "file:///x"}) {
    const auto parsed = parse_mirrors(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(parsed.error().message, HasSubstr("--model_mirror"));
  }
}

TEST(ParseMirrors, RefusesAPasswordWithoutRepeatingIt) {
  const auto parsed = parse_mirrors("https://ada:secret@a.example/models");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().message.find("secret"), std::string::npos);
  EXPECT_TRUE(parse_mirrors("https://a.example/@models").ok());
}

TEST(WithMirrors, PutsThePublisherLast) {
  const std::vector<std::string> mirrors = {"https://a/m", "http://b:1"};
  EXPECT_THAT(with_mirrors("http://c/models/x.tgz", mirrors),
              ElementsAre("https://a/m/x.tgz", "http://b:1/x.tgz", "http://c/models/x.tgz"));
}

class DownloadAny : public ::testing::Test {
 protected:
  static Server::Answer answer(const std::string& text, const std::string& status = "200 OK") {
    return [=](const std::string&, int c) { Server::send(c, head(status, text.size()) + text); };
  }
  Result<std::string> fetch(const std::vector<std::string>& urls) {
    DownloadOptions options;
    options.sha256 = hex(sha256(as_bytes("good")));
    return download_any(urls, path_, options, {});
  }
  const TestDirectory dir_;
  const std::string path_ = dir_ / "x.tgz";
};

TEST_F(DownloadAny, GoesOnUntilOneGivesTheFile) {
  const Server gone(answer("gone", "404 Not Found"));
  const Server page(answer("<html>log in</html>"));
  const Server wrong(answer("evil"));
  const Server good(answer("good"));
  const Server never(answer("good"));
  const auto from =
      fetch({gone.url("/x"), page.url("/x"), wrong.url("/x"), good.url("/x"), never.url("/x")});
  ASSERT_TRUE(from.ok()) << from.error().message;
  EXPECT_EQ(*from, good.url("/x"));
  EXPECT_EQ(read_text_file(path_).value(), "good");
  EXPECT_EQ(gone.requests().size(), 1U);
  EXPECT_EQ(wrong.requests().size(), 1U);
  EXPECT_TRUE(never.requests().empty());
}

TEST_F(DownloadAny, NamesEveryFailure) {
  const Server gone(answer("gone", "404 Not Found"));
  const Server wrong(answer("evil"));
  const auto from = fetch({gone.url("/x"), wrong.url("/x")});
  ASSERT_FALSE(from.ok());
  EXPECT_EQ(from.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(from.error().message, HasSubstr(gone.url("/x") + ": the server answered 404"));
  EXPECT_THAT(from.error().message, HasSubstr("; then " + wrong.url("/x") + ": wrong checksum"));
  EXPECT_FALSE(exists(path_));
  EXPECT_FALSE(exists(path_ + ".part"));
}

TEST_F(DownloadAny, SaysOnceWhatIsWrongHere) {
  const Server good(answer("good"));
  const auto from =
      download_any(std::vector{good.url("/x"), good.url("/y")}, "/proc/none/x", {}, {});
  ASSERT_FALSE(from.ok());
  EXPECT_EQ(from.error().message.find("; then"), std::string::npos) << from.error().message;
  EXPECT_TRUE(good.requests().empty());
}

TEST_F(DownloadAny, StopsWhenItIsTold) {
  std::stop_source stop;
  stop.request_stop();
  const Server good(answer("good"));
  const auto from =
      download_any(std::vector{good.url("/x"), good.url("/y")}, path_, {}, stop.get_token());
  EXPECT_EQ(from.error().kind, ErrorKind::kCancelled);
}

}  // namespace
}  // namespace graft
