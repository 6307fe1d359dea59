#include "fetch/download.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/test_directory.h"
#include "fetch/http_server_testing.h"

namespace graft {
namespace {

namespace fs = std::filesystem;
using test::head;
using test::Server;

std::string sha256_of(std::string_view content) {
  return hex(sha256(as_bytes(content)));
}

std::string body() {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += static_cast<char>(i * 31 >> 4);
  return text;
}

class Download : public ::testing::Test {
 protected:
  Result<void> fetch(const Server& server) {
    return download(server.url("/model.tgz"), path_, options_, stop_.get_token());
  }
  // Nothing is left but, perhaps, the finished file.
  void expect_only(bool finished) const {
    EXPECT_EQ(fs::exists(path_), finished);
    EXPECT_FALSE(fs::exists(path_ + ".part"));
    EXPECT_FALSE(fs::exists(path_ + ".part.from"));
  }
  const TestDirectory dir_;
  const std::string path_ = dir_ / "models/model.tgz";
  const std::string body_ = body();
  DownloadOptions options_;
  std::stop_source stop_;
};

TEST_F(Download, BringsTheWholeFileAndReportsIt) {
  const Server server(
      [&](const std::string&, int c) { Server::send(c, head("200 OK", body_.size()) + body_); });
  options_.sha256 = sha256_of(body_);
  DownloadProgress last;
  options_.on_progress = [&](const DownloadProgress& progress) { last = progress; };
  const auto result = fetch(server);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(contents_of(path_), body_);
  expect_only(true);
  EXPECT_EQ(last.bytes_done, body_.size());
  EXPECT_EQ(last.bytes_total, body_.size());
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_TRUE(server.requests()[0].starts_with("GET /model.tgz HTTP/1.1"));
}

TEST_F(Download, AcceptsAnUnannouncedLengthAndAnEmptyFile) {
  const Server chunked([&](const std::string&, int c) {
    Server::send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  });
  ASSERT_TRUE(fetch(chunked).ok());
  EXPECT_EQ(contents_of(path_), "hello");
  const Server empty([&](const std::string&, int c) { Server::send(c, head("200 OK", 0)); });
  ASSERT_TRUE(fetch(empty).ok());
  EXPECT_EQ(contents_of(path_), "");
  expect_only(true);
}

TEST_F(Download, FollowsRedirectsWithinHttpOnly) {
  const Server server([&](const std::string& request, int c) {
    if (request.starts_with("GET /model.tgz")) {
      Server::send(c, head("302 Found", 0, "Location: /moved\r\nETag: \"redirect\"\r\n"));
    } else {
      Server::send(c, head("200 OK", 5) + "moved");
    }
  });
  ASSERT_TRUE(fetch(server).ok());
  EXPECT_EQ(contents_of(path_), "moved");

  const std::string secret = dir_ / "secret";
  std::ofstream(secret) << "secret";
  const Server local([&](const std::string&, int c) {
    Server::send(c, head("302 Found", 0, "Location: file://" + secret + "\r\n"));
  });
  EXPECT_EQ(fetch(local).error().kind, ErrorKind::kIo);
  EXPECT_EQ(contents_of(path_), "moved");  // the old file is untouched
  expect_only(true);

  const Server circle([&](const std::string&, int c) {
    Server::send(c, head("302 Found", 0, "Location: /model.tgz\r\n"));
  });
  EXPECT_EQ(fetch(circle).error().kind, ErrorKind::kIo);
  EXPECT_LE(circle.requests().size(), 6U);
}

TEST_F(Download, NamesWhatTheServerAnswered) {
  const Server missing(
      [&](const std::string&, int c) { Server::send(c, head("404 Not Found", 4) + "gone"); });
  EXPECT_EQ(fetch(missing).error().kind, ErrorKind::kNotFound);
  const Server broken(
      [&](const std::string&, int c) { Server::send(c, head("503 Busy", 4) + "busy"); });
  const auto result = fetch(broken);
  EXPECT_EQ(result.error().kind, ErrorKind::kIo);
  EXPECT_NE(result.error().message.find("503"), std::string::npos);
  expect_only(false);
}

TEST_F(Download, RefusesAWebPage) {
  for (const std::string page :
       {"<!DOCTYPE html><html>Please log in", "\r\n <HTML lang=x>", "\xEF\xBB\xBF<html>"}) {
    const Server server(
        [&](const std::string&, int c) { Server::send(c, head("200 OK", page.size()) + page); });
    const auto result = fetch(server);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kCorrupt);
    expect_only(false);
  }
}

TEST_F(Download, RefusesAWrongChecksumAndKeepsTheOldFile) {
  fs::create_directories(dir_ / "models");
  std::ofstream(path_) << "old";
  const Server server(
      [&](const std::string&, int c) { Server::send(c, head("200 OK", 5) + "hello"); });
  options_.sha256 = sha256_of("other");
  const auto result = fetch(server);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(contents_of(path_), "old");
  expect_only(true);
}

TEST_F(Download, TakesUpABrokenConnectionWhereItEnded) {
  std::atomic<int> calls{0};
  const Server server([&](const std::string& request, int c) {
    if (calls++ == 0) {
      Server::send(c, head("200 OK", body_.size(), "ETag: \"v1\"\r\n") + body_.substr(0, 70000));
      return;
    }
    EXPECT_NE(request.find("If-Range: \"v1\""), std::string::npos);
    const std::size_t at = request.find("Range: bytes=");
    ASSERT_NE(at, std::string::npos);
    const std::size_t from = std::stoul(request.substr(at + 13));
    EXPECT_LE(from, 70000U);
    Server::send(c, head("206 Partial Content", body_.size() - from,
                         "ETag: \"v1\"\r\nContent-Range: bytes " + std::to_string(from) + "-" +
                             std::to_string(body_.size() - 1) + "/" + std::to_string(body_.size()) +
                             "\r\n") +
                        body_.substr(from));
  });
  options_.sha256 = sha256_of(body_);
  const auto result = fetch(server);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(contents_of(path_), body_);
  EXPECT_EQ(server.requests().size(), 2U);
  expect_only(true);
}

TEST_F(Download, AShortFileIsNeverTakenForWhole) {
  const Server liar(
      [&](const std::string&, int c) { Server::send(c, head("200 OK", 100) + "short"); });
  const auto result = fetch(liar);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kCorrupt);
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_EQ(liar.requests().size(), 1U);  // without a version mark there is nothing to resume
  // The next call starts anew, since nothing proves that the halves belong together.
  const Server honest([&](const std::string& request, int c) {
    EXPECT_EQ(request.find("Range:"), std::string::npos);
    Server::send(c, head("200 OK", 5) + "whole");
  });
  ASSERT_TRUE(fetch(honest).ok());
  EXPECT_EQ(contents_of(path_), "whole");
  expect_only(true);
}

// One server for both calls, so that the address is the same.
TEST_F(Download, ALaterCallResumes) {
  std::atomic<bool> healthy{false};
  std::atomic<int> whole_files{0};
  const Server server([&](const std::string& request, int c) {
    const std::size_t at = request.find("Range: bytes=");
    const std::size_t from = at == std::string::npos ? 0 : std::stoul(request.substr(at + 13));
    if (from == 0) ++whole_files;
    const std::string rest = body_.substr(from);
    const std::string range = "ETag: \"v1\"\r\nContent-Range: bytes " + std::to_string(from) + "-" +
                              std::to_string(body_.size() - 1) + "/" +
                              std::to_string(body_.size()) + "\r\n";
    const std::string start =
        head(from == 0 ? "200 OK" : "206 Partial Content", rest.size(), range);
    Server::send(c, start + (healthy ? rest : rest.substr(0, 1000)));
  });
  EXPECT_FALSE(fetch(server).ok());
  EXPECT_TRUE(fs::exists(path_ + ".part"));
  EXPECT_FALSE(fs::exists(path_));
  healthy = true;
  const auto result = fetch(server);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(contents_of(path_), body_);
  EXPECT_EQ(whole_files.load(), 1);
  expect_only(true);
}

TEST_F(Download, AChangedFileStartsAnew) {
  std::atomic<int> calls{0};
  const Server server([&](const std::string& request, int c) {
    if (calls++ == 0) {
      Server::send(c, head("200 OK", 3000, "ETag: \"v1\"\r\n") + std::string(2000, 'x'));
    } else {
      EXPECT_NE(request.find("Range:"), std::string::npos);
      Server::send(c, head("200 OK", 4, "ETag: \"v2\"\r\n") + "anew");  // ignores the range
    }
  });
  ASSERT_TRUE(fetch(server).ok());
  EXPECT_EQ(contents_of(path_), "anew");
  expect_only(true);
}

TEST_F(Download, HalvesThatDoNotFitAreNoticed) {
  std::atomic<int> calls{0};
  const Server server([&](const std::string&, int c) {
    switch (calls++) {
      case 0:
        Server::send(c, head("200 OK", 10, "ETag: \"v\"\r\n") + "xxxxx");
        break;
      case 1:  // claims to go on, with other bytes
        Server::send(
            c, head("206 Partial Content", 5, "ETag: \"v\"\r\nContent-Range: bytes 5-9/10\r\n") +
                   "yyyyy");
        break;
      default:
        Server::send(c, head("200 OK", 10, "ETag: \"v\"\r\n") + "0123456789");
    }
  });
  options_.sha256 = sha256_of("0123456789");
  const auto result = fetch(server);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(contents_of(path_), "0123456789");
  EXPECT_EQ(calls.load(), 3);
}

TEST_F(Download, AWrongOrRefusedRangeStartsAnew) {
  for (const std::string refusal : {"416", "offset"}) {
    std::atomic<int> calls{0};
    const Server server([&](const std::string&, int c) {
      switch (calls++) {
        case 0:
          Server::send(c, head("200 OK", 10, "ETag: \"v\"\r\n") + "xxxxx");
          break;
        case 1:
          if (refusal == "416") {
            Server::send(c, head("416 Range Not Satisfiable", 0));
          } else {
            Server::send(c,
                         head("206 Partial Content", 3, "Content-Range: bytes 7-9/10\r\n") + "yyy");
          }
          break;
        default:
          Server::send(c, head("200 OK", 4, "ETag: \"v\"\r\n") + "anew");
      }
    });
    const auto result = fetch(server);
    ASSERT_TRUE(result.ok()) << refusal << result.error().message;
    EXPECT_EQ(contents_of(path_), "anew");
    fs::remove(path_);
  }
}

TEST_F(Download, GivesUpOnAStalledServer) {
  std::atomic<bool> done{false};
  const Server server([&](const std::string&, int c) {
    Server::send(c, head("200 OK", 1000) + "a little");
    while (!done) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  });
  options_.stall_timeout_seconds = 1;
  const auto result = fetch(server);
  done = true;
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kIo);
  EXPECT_NE(result.error().message.find("stopped sending"), std::string::npos)
      << result.error().message;
}

TEST_F(Download, StopsOnRequestAndKeepsThePart) {
  std::atomic<bool> done{false};
  const Server server([&](const std::string&, int c) {
    Server::send(c, head("200 OK", body_.size(), "ETag: \"v\"\r\n") + body_.substr(0, 5000));
    while (!done) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  });
  options_.on_progress = [&](const DownloadProgress& progress) {
    if (progress.bytes_done >= 5000) stop_.request_stop();
  };
  const auto result = fetch(server);
  done = true;
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(fs::file_size(path_ + ".part"), 5000U);
}

TEST_F(Download, RefusesMoreThanTheLimit) {
  options_.max_bytes = 1000;
  const Server announced(
      [&](const std::string&, int c) { Server::send(c, head("200 OK", body_.size()) + body_); });
  EXPECT_EQ(fetch(announced).error().kind, ErrorKind::kUnsupported);
  expect_only(false);
  const Server silent([&](const std::string&, int c) {
    Server::send(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body_);
  });
  EXPECT_EQ(fetch(silent).error().kind, ErrorKind::kUnsupported);
  expect_only(false);
}

TEST_F(Download, SaysThatNobodyListens) {
  std::string url;
  {
    const Server server([](const std::string&, int) {});
    url = server.url("/x");
  }
  const auto result = download(url, path_, options_, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kIo);
  EXPECT_NE(result.error().message.find("cannot be reached"), std::string::npos);
  EXPECT_NE(result.error().message.find(path_), std::string::npos);
  expect_only(false);
}

TEST_F(Download, ALengthThatIsTooSmallCutsAndTheChecksumNotices) {
  const Server server(
      [&](const std::string&, int c) { Server::send(c, head("200 OK", 5) + "hello, world"); });
  ASSERT_TRUE(fetch(server).ok());  // HTTP knows no more than the five announced
  EXPECT_EQ(contents_of(path_), "hello");
  fs::remove(path_);
  options_.sha256 = sha256_of("hello, world");
  EXPECT_EQ(fetch(server).error().kind, ErrorKind::kCorrupt);
  expect_only(false);
}

TEST_F(Download, AServerThatKnowsNoRangesBeginsAnew) {
  std::atomic<int> calls{0};
  const Server server([&](const std::string&, int c) {  // the same file, whole, each time
    const std::string start = head("200 OK", body_.size(), "ETag: \"v1\"\r\n");
    Server::send(c, start + (calls++ == 0 ? body_.substr(0, 70000) : body_));
  });
  options_.sha256 = sha256_of(body_);
  const auto result = fetch(server);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(contents_of(path_), body_);
  EXPECT_EQ(calls.load(), 2);
  expect_only(true);
}

TEST_F(Download, GivesUpOnAServerThatDrips) {
  std::atomic<bool> done{false};
  const Server server([&](const std::string&, int c) {
    Server::send(c, head("200 OK", 100000));
    while (!done) {  // a byte now and then keeps the connection alive, not the download
      Server::send(c, "x");
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  });
  options_.stall_timeout_seconds = 1;
  const auto result = fetch(server);
  done = true;
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kIo);
  EXPECT_NE(result.error().message.find("stopped sending"), std::string::npos);
}

TEST_F(Download, NamesARedirectThatLeadsNowhere) {
  for (const auto& [location, part] :
       {std::pair("/model.tgz", "redirected in a circle"),
        std::pair("file:///etc/passwd", "redirected to something other than http"),
        std::pair("ftp://127.0.0.1/x", "redirected to something other than http")}) {
    const std::string header = std::string("Location: ") + location + "\r\n";
    const Server server(
        [&](const std::string&, int c) { Server::send(c, head("301 Moved", 0, header)); });
    const auto result = fetch(server);
    ASSERT_FALSE(result.ok());
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
    expect_only(false);
  }
}

TEST_F(Download, SurvivesNonsense) {
  for (const std::string nonsense :
       {"", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx",
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/2\r\n"
        "Content-Length: 2\r\n\r\nab"}) {
    const Server server([&](const std::string&, int c) { Server::send(c, nonsense); });
    const auto result = fetch(server);
    EXPECT_FALSE(result.ok()) << nonsense;
    EXPECT_FALSE(fs::exists(path_)) << nonsense;
  }
}

TEST_F(Download, TakesOnlyHttpAddresses) {
  for (const std::string url :
       {"", "file:///etc/passwd", "ftp://x/y", "x", "http://a b/", "http://a/\r\nX: y"}) {
    EXPECT_EQ(download(url, path_, options_, {}).error().kind, ErrorKind::kInvalidArgument) << url;
  }
  expect_only(false);
}

TEST_F(Download, TwoAtOnceDoNotMix) {
  std::atomic<bool> go{false};
  std::atomic<bool> asked{false};
  const Server server([&](const std::string&, int c) {
    asked = true;
    while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    Server::send(c, head("200 OK", body_.size()) + body_);
  });
  std::jthread first([&] { EXPECT_TRUE(fetch(server).ok()); });
  while (!asked) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto second = download(server.url("/model.tgz"), path_, options_, {});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message.find("another run"), std::string::npos);
  go = true;
  first.join();
  EXPECT_EQ(contents_of(path_), body_);
  expect_only(true);
}

TEST_F(Download, ChecksThePlaceFirst) {
  std::atomic<int> calls{0};
  const Server server([&](const std::string&, int) { ++calls; });
  EXPECT_FALSE(download(server.url("/x"), dir_.path(), options_, {}).ok());
  EXPECT_FALSE(download(server.url("/x"), "/proc/none/x", options_, {}).ok());
  EXPECT_EQ(calls.load(), 0);
}

}  // namespace
}  // namespace graft
