#include "board/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "base/test_sanitizers.h"
#include "board/client_testing.h"

#if GRAFT_SANITIZED
#include <sanitizer/allocator_interface.h>
#endif

namespace graft {
namespace {

using test::Answer;
using test::Connection;
using test::request_text;
using test::say;
using testing::HasSubstr;

// Bytes; of glibc's allocator with its headers, of a sanitizer's as they were asked for.
std::size_t heap_in_use() {
#if GRAFT_SANITIZED
  return __sanitizer_get_current_allocated_bytes();
#else
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.guard.token = "secret";
    options_.epoch = "e";
    options_.hello = [] { return std::string("{}"); };
  }
  void serve() {
    auto begun = HttpServer::start(
        options_, [this](const HttpRequest& request, const HttpServer::Reply& reply) {
          ++handled_;
          HttpResponse response;
          response.content_type = "text/plain";
          response.body = request.path + "|" + request.body;
          if (request.path == "/large") response.body.assign(8 << 20, 'x');
          if (request.path == "/api/events") response.stream = true;
          reply(std::move(response));
        });
    ASSERT_TRUE(begun.ok()) << begun.error().message;
    server_ = std::move(begun).value();
  }
  std::uint16_t port() const { return server_->port(); }
  Answer get(const std::string& target, const std::string& headers = "") {
    return test::get(port(), target, headers);
  }
  std::string host() const { return "Host: 127.0.0.1:" + std::to_string(port()) + "\r\n"; }

  HttpServer::Options options_;
  std::atomic<int> handled_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersWithTheHeadersThatKeepABrowserSafe) {
  serve();
  const Answer answer = get("/a%20b?x=1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "/a b|");
  for (const char* header : {"X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer",
                             "Content-Security-Policy: default-src 'none'; script-src 'self'"}) {
    EXPECT_THAT(answer.head, HasSubstr(header));
  }
}

TEST_F(HttpServerTest, KeepsAConnectionForRequestsOneBehindTheOther) {
  serve();
  Connection connection(port());
  const std::string one = "GET /1 HTTP/1.1\r\n" + host() + "\r\n";
  const std::string two = "GET /2 HTTP/1.1\r\n" + host() + "Connection: close\r\n\r\n";
  ASSERT_TRUE(connection.send(one + two));
  const std::string all = connection.receive_all();
  EXPECT_THAT(all, HasSubstr("/1|"));
  EXPECT_THAT(all, HasSubstr("/2|"));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  serve();
  const Answer answer = say(port(), request_text(port(), "HEAD", "/large"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.head, HasSubstr("Content-Length: 8388608"));
  EXPECT_TRUE(answer.body.empty());
}

TEST(HttpRequest, NamesWhatIsNoNumberWithoutItsControlCharacters) {
  HttpRequest request;
  request.query = {{"st\aep", std::string(9000, '7')}};
  for (const std::string& message : {request.integer("st\aep", 0, 9).error().message,
                                     request.number("st\aep").error().message}) {
    EXPECT_TRUE(message.starts_with("parameter st\\x07ep=777")) << message;
    EXPECT_LT(message.size(), 400U);
  }
}

// Fault 31: a Host that is missing, doubled or another's, and a foreign Origin.
TEST_F(HttpServerTest, Fault31RefusesOtherHostsAndOrigins) {
  serve();
  const std::string end = "Connection: close\r\n\r\n";
  EXPECT_EQ(say(port(), "GET / HTTP/1.1\r\n" + end).status, 400);
  EXPECT_EQ(say(port(), "GET / HTTP/1.1\r\n" + host() + host() + end).status, 400);
  EXPECT_EQ(say(port(), "GET / HTTP/1.1\r\nHost: [::1\r\n" + end).status, 400);
  for (const char* other :
       {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "10.0.0.1"}) {
    EXPECT_EQ(say(port(), "GET / HTTP/1.1\r\nHost: " + std::string(other) + "\r\n" + end).status,
              403)
        << other;
  }
  for (const char* own : {"localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:6006"}) {
    EXPECT_EQ(say(port(), "GET / HTTP/1.1\r\nHost: " + std::string(own) + "\r\n" + end).status, 200)
        << own;
  }
  const std::string endless(4000, '\xFF');
  const auto refused = say(port(), "GET / HTTP/1.1\r\nHost: " + endless + "\r\n" + end);
  EXPECT_EQ(refused.status, 403);
  EXPECT_LT(refused.body.size(), 4000U);
  EXPECT_EQ(get("/", "Origin: http://evil.example\r\n").status, 403);
  EXPECT_EQ(get("/", "Origin: null\r\n").status, 403);
  EXPECT_EQ(get("/", "Origin: http://127.0.0.1:" + std::to_string(port()) + "\r\n").status, 200);
  EXPECT_EQ(get("/api/x", "Sec-Fetch-Site: cross-site\r\n").status, 403);
}

TEST_F(HttpServerTest, ChangesNeedTheToken) {
  serve();
  for (const char* method : {"POST", "DELETE"}) {
    EXPECT_EQ(say(port(), request_text(port(), method, "/x")).status, 403);
    EXPECT_EQ(say(port(), request_text(port(), method, "/x", "X-Graft-Token: Secret\r\n")).status,
              403);
    EXPECT_EQ(say(port(), request_text(port(), method, "/x", "X-Graft-Token: secret\r\n")).status,
              200);
  }
  EXPECT_EQ(get("/api/folders").status, 403);
  EXPECT_EQ(get("/api/folders", "X-Graft-Token: secret\r\n").status, 200);
}

TEST_F(HttpServerTest, TheNetworkNeedsTheKey) {
  options_.guard.key = "k3y";
  serve();
  EXPECT_EQ(get("/").status, 401);
  EXPECT_EQ(get("/?key=wrong").status, 401);
  EXPECT_EQ(get("/?key=k3y").status, 200);
  EXPECT_EQ(get("/x", "Cookie: a=b; graft_key=k3y\r\n").status, 200);
}

// Fault 33: requests of which two parties could read a different end.
TEST_F(HttpServerTest, Fault33RefusesWhatCouldSmuggleARequest) {
  serve();
  const std::string start = "POST /x HTTP/1.1\r\n" + host() + "X-Graft-Token: secret\r\n";
  const std::string hidden = "GET /hidden HTTP/1.1\r\n" + host() + "\r\n";
  for (const std::string& framing : {
           std::string("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
           std::string("Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
           std::string("Content-Length: 5, 5\r\n\r\nhello"),
           std::string("Content-Length: -5\r\n\r\nhello"),
           std::string("Content-Length: 0x5\r\n\r\nhello"),
           std::string("Content-Length: 99999999999999999999\r\n\r\nhello"),
           std::string("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
           std::string("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
           std::string("Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
           std::string("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
           std::string("Content-Length : 5\r\n\r\nhello"),
       }) {
    handled_ = 0;
    const Answer answer = say(port(), start + framing + hidden);
    EXPECT_GE(answer.status, 400) << framing;
    EXPECT_EQ(handled_, 0) << framing;
    EXPECT_EQ(answer.body.find("/hidden|"), std::string::npos) << framing;
  }
  EXPECT_EQ(get("/x", "Content-Length: 3\r\n").status, 400);  // a body that GET may not have
}

// Fault 33: size.
TEST_F(HttpServerTest, Fault33LimitsHeaderAddressAndBody) {
  serve();
  EXPECT_EQ(get("/" + std::string(9000, 'a')).status, 414);
  EXPECT_EQ(get("/", "X: " + std::string(20000, 'a') + "\r\n").status, 431);
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "X" + std::to_string(i) + ": y\r\n";
  EXPECT_EQ(get("/", many).status, 431);
  const Answer large = say(port(), "POST /x HTTP/1.1\r\n" + host() +
                                       "X-Graft-Token: secret\r\nContent-Length: 20971521\r\n\r\n");
  EXPECT_EQ(large.status, 413);
  const std::string body(3 << 20, 'b');
  const Answer taken =
      say(port(), request_text(port(), "POST", "/x", "X-Graft-Token: secret\r\n", body));
  EXPECT_EQ(taken.status, 200);
  EXPECT_EQ(taken.body.size(), body.size() + 3);
}

TEST_F(HttpServerTest, AnswersNonsenseWith400AndGoesOn) {
  serve();
  for (const std::string& nonsense :
       {std::string("\r\n\r\nGET"), std::string("GET\r\n\r\n"),
        std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9) + std::string(300, 'z') + "\r\n\r\n",
        std::string("GET /%zz HTTP/1.1\r\n") + host() + "\r\n",
        std::string("GET /%00 HTTP/1.1\r\n") + host() + "\r\n",
        std::string("GET http://127.0.0.1/ HTTP/1.1\r\n") + host() + "\r\n"}) {
    EXPECT_EQ(say(port(), nonsense).status, 400) << nonsense;
  }
  EXPECT_EQ(say(port(), "PUT / HTTP/1.1\r\n" + host() + "\r\n").status, 501);
  EXPECT_EQ(get("/").status, 200);
}

// Fault 33: slow-loris. Clients that never finish their header are cut off after the time for the
// whole of it, however often they send a byte; meanwhile others are answered.
TEST_F(HttpServerTest, Fault33CutsOffSlowHeaders) {
  options_.limits.header_time = std::chrono::milliseconds(300);
  serve();
  Connection slow(port());
  ASSERT_TRUE(slow.send("GET / HTTP/1.1\r\nX: "));
  std::string got;
  bool served = false;
  // A byte every few milliseconds; the end shows as a failed send or an end of file.
  for (int i = 0; i < 10000 && slow.send("a"); ++i) {
    pollfd nothing{-1, 0, 0};
    ::poll(&nothing, 1, 5);
    if (i == 5) served = get("/").status == 200;
    if (!slow.receive(got, 0) && slow.at_end()) break;
  }
  EXPECT_TRUE(served);
  EXPECT_TRUE(slow.at_end());
  EXPECT_EQ(got, "");
  EXPECT_EQ(get("/").status, 200);
}

// Fault 33: more connections than are served at once. Those that say nothing make room for one that
// asks, long before their time is over.
TEST_F(HttpServerTest, Fault33SilentConnectionsMakeRoom) {
  options_.limits.connections = 8;
  options_.limits.header_time = std::chrono::hours(1);
  options_.limits.silence = std::chrono::milliseconds(20);
  serve();
  std::vector<std::unique_ptr<Connection>> silent;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(std::make_unique<Connection>(port()));
    if (i % 2 == 0) silent.back()->send("GET / HT");
  }
  EXPECT_EQ(get("/").status, 200);
  // The first 32 and more were ended for it; nobody was answered.
  for (int i = 0; i < 32; ++i) {
    std::string got;
    EXPECT_FALSE(silent[static_cast<std::size_t>(i)]->receive(got)) << i;
    EXPECT_TRUE(silent[static_cast<std::size_t>(i)]->at_end()) << i;
  }
}

// Fault 33: whoever is being answered is not ended for others, who wait in the kernel's queue.
TEST_F(HttpServerTest, Fault33HoldsBackBeyondTheLimitOfConnections) {
  options_.limits.connections = 4;
  options_.limits.silence = std::chrono::hours(1);
  serve();
  std::vector<std::unique_ptr<Connection>> pages;
  for (int i = 0; i < 4; ++i) {
    pages.push_back(std::make_unique<Connection>(port()));
    pages.back()->send(request_text(port(), "GET", "/api/events"));
    std::string text;
    ASSERT_TRUE(pages.back()->receive_until(text, "event: hello"));
  }
  Connection other(port());
  ASSERT_TRUE(other.send(request_text(port(), "GET", "/")));
  server_->events().push("points", "{\"n\":1}");
  for (auto& page : pages) {
    std::string text;
    EXPECT_TRUE(page->receive_until(text, "{\"n\":1}"));
  }
  std::string got;
  EXPECT_FALSE(other.receive(got, 0));
  pages.pop_back();
  EXPECT_TRUE(other.receive_until(got, "/|"));
}

// Fault 33: clients that ask for much and take nothing. Their answers are kept up to a limit.
TEST_F(HttpServerTest, Fault33LimitsTheAnswersThatNobodyTakes) {
  constexpr std::size_t kLarge = 8 << 20;
  options_.limits.answer_bytes = 2 * kLarge;
  serve();
  std::vector<std::unique_ptr<Connection>> idle;
  for (int i = 0; i < 4; ++i) {
    idle.push_back(std::make_unique<Connection>(port()));
    idle.back()->send(request_text(port(), "GET", "/large"));
    std::string start;
    ASSERT_TRUE(idle.back()->receive(start));
    EXPECT_THAT(start, HasSubstr(i < 2 ? "HTTP/1.1 200" : "HTTP/1.1 503")) << i;
  }
  EXPECT_EQ(get("/").status, 503);
  idle.erase(idle.begin());
  // The end of the first is noticed in the server's own time.
  int status = 0;
  for (int i = 0; i < 3000 && status != 200; ++i) {
    status = get("/").status;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(status, 200);
}

// A viewer that takes nothing holds up neither who pushes nor the other viewers, and is ended.
TEST_F(HttpServerTest, Fault33EndsAViewerThatTakesNothing) {
  options_.limits.keep_alive = std::chrono::milliseconds(50);
  serve();
  Connection lazy(port()), reading(port());
  std::string text;
  for (Connection* page : {&lazy, &reading}) {
    page->send(request_text(port(), "GET", "/api/events"));
    text.clear();
    ASSERT_TRUE(page->receive_until(text, "event: hello"));
  }
  EXPECT_EQ(server_->open_streams(), 2U);
  // Far more than the kernel keeps for a connection, a viewer's turn after the other.
  for (int i = 0; i < 100; ++i) {
    const std::string mark = "{\"n\":" + std::to_string(i) + "}";
    server_->events().push("points", std::string(200'000, '1'));
    server_->events().push("points", mark);
    text.clear();
    ASSERT_TRUE(reading.receive_until(text, mark)) << i;
  }
  // The comments that keep a channel alive go on for the one, and end the other.
  for (int i = 0; i < 3000 && server_->open_streams() > 1; ++i) {
    text.clear();
    ASSERT_TRUE(reading.receive(text));
  }
  EXPECT_EQ(server_->open_streams(), 1U);
}

// Fault 35: clients that leave in the middle of an answer, with SIGPIPE as it is by default.
TEST_F(HttpServerTest, Fault35SurvivesClientsThatLeave) {
  std::signal(SIGPIPE, SIG_DFL);
  serve();
  for (int i = 0; i < 20; ++i) {
    Connection connection(port());
    connection.send(request_text(port(), "GET", i % 2 == 0 ? "/large" : "/api/events"));
    std::string some;
    if (i % 4 == 0) connection.receive(some);
  }
  for (int i = 0; i < 100; ++i) server_->events().push("points", std::string(10000, '1'));
  EXPECT_EQ(get("/").status, 200);
}

TEST_F(HttpServerTest, PushesEventsInOrderAndResumes) {
  serve();
  Connection page(port());
  ASSERT_TRUE(page.send(request_text(port(), "GET", "/api/events")));
  std::string text;
  ASSERT_TRUE(page.receive_until(text, "event: hello"));
  for (int i = 1; i <= 3; ++i)
    server_->events().push("points", "{\"n\":" + std::to_string(i) + "}");
  ASSERT_TRUE(page.receive_until(text, "{\"n\":3}"));
  EXPECT_THAT(text, HasSubstr("id: e-1\nevent: points\ndata: {\"n\":1}\n\nid: e-2\n"));

  const auto resumed_after = [&](const std::string& id) {
    Connection again(port());
    again.send(request_text(port(), "GET", "/api/events", "Last-Event-ID: " + id + "\r\n"));
    std::string all;
    again.receive_until(all, "event: hello");
    server_->events().push("end", "{}");
    again.receive_until(all, "event: end");
    return all;
  };
  const std::string rest = resumed_after("e-1");
  EXPECT_THAT(rest, HasSubstr("{\"n\":2}"));
  EXPECT_THAT(rest, HasSubstr("{\"n\":3}"));
  EXPECT_EQ(rest.find("{\"n\":1}"), std::string::npos);
  EXPECT_EQ(rest.find("event: reset"), std::string::npos);
  for (const char* unknown : {"other-1", "e-99", "e-x", "nonsense"}) {
    EXPECT_THAT(resumed_after(unknown), HasSubstr("event: reset")) << unknown;
  }
}

TEST_F(HttpServerTest, AnswersWhileManyPagesListen) {
  serve();
  std::vector<std::unique_ptr<Connection>> pages;
  for (int i = 0; i < 100; ++i) {
    pages.push_back(std::make_unique<Connection>(port()));
    pages.back()->send(request_text(port(), "GET", "/api/events"));
  }
  for (auto& page : pages) {
    std::string text;
    ASSERT_TRUE(page->receive_until(text, "event: hello"));
  }
  EXPECT_EQ(server_->open_streams(), 100U);
  server_->events().push("points", "{\"x\":1}");
  EXPECT_EQ(get("/").status, 200);
  for (auto& page : pages) {
    std::string text;
    EXPECT_TRUE(page->receive_until(text, "{\"x\":1}"));
  }
}

// Fault 30.
TEST_F(HttpServerTest, Fault30SaysThatAPortIsTaken) {
  serve();
  options_.port = port();
  bool in_use = false;
  const auto second = HttpServer::start(
      options_, [](const HttpRequest&, const HttpServer::Reply&) {}, &in_use);
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(in_use);
  EXPECT_THAT(second.error().message, HasSubstr("give another --port"));
}

TEST(EventHub, ForgetsTheOldestAndSaysSo) {
  int called = 0;
  EventHub hub(
      "e", [&] { ++called; }, 1000);
  for (int i = 0; i < 100; ++i) hub.push("points", std::string(90, '1'));
  EXPECT_EQ(called, 100);
  EXPECT_TRUE(hub.start("e-1").missed);
  EXPECT_FALSE(hub.start("e-99").missed);
  std::uint64_t next = 5;
  const std::string text = hub.take(next);
  EXPECT_THAT(text, testing::StartsWith("id: e-"));
  EXPECT_THAT(text, HasSubstr("event: reset\ndata: {}\n\n"));
  EXPECT_LT(text.size(), 2000U);
  EXPECT_EQ(next, 101U);
  EXPECT_EQ(hub.take(next), "");
}

// Of 2 MiB that are pushed 1 MiB is kept. Beyond it each event costs the allocator's header and
// rounding, 24 bytes at most, and the deque its table and half-filled ends: below a tenth together.
// Sanitizers' allocators have four sizes to a power of two; an event of this one, with id and
// names, is just below 1,024 bytes, so that they add no more.
TEST(EventHub, HoldsNoMoreMemoryThanItMay) {
  constexpr std::size_t kMaxBytes = 1 << 20;
  const std::size_t before = heap_in_use();
  EventHub hub(
      "e", [] {}, kMaxBytes);
  const std::string data(980, '1');
  for (int i = 0; i < 2200; ++i) hub.push("points", data);
  EXPECT_LT(heap_in_use() - before, kMaxBytes + kMaxBytes / 10);
}

}  // namespace
}  // namespace graft
