#include "board/http_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>  // before Asio: Boost 1.74 forgets it in C++20
#include <vector>

#include "base/priority.h"
#include "base/text.h"
#include "board/request_parser.h"
#include "board/response_head.h"

namespace graft {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Failure = boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr Clock::time_point kNever = Clock::time_point::max();

}  // namespace

struct HttpServer::State {
  class Session;

  State(Options given, Handler handle)
      : options(std::move(given)),
        handler(std::move(handle)),
        hub(options.epoch, [this] { wake_streams(); }) {}

  const Options options;
  const Handler handler;
  // Of the server's thread alone, and before `io`, whose end is the end of the last sessions:
  std::set<Session*> sessions, streams;
  std::size_t bodies = 0, answer_bytes = 0;
  bool accepting = false;
  std::atomic<std::size_t> stream_count{0};
  std::atomic<bool> ending{false};

  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer retry{io}, beat{io};
  EventHub hub;
  std::uint16_t port = 0;
  std::atomic<bool> wake_pending{false};
  std::thread thread;

  Result<void> listen(bool* in_use);
  void accept();
  void end_longest_silence();
  void try_again(std::chrono::nanoseconds later);
  void end(std::unique_ptr<Session> session);
  void forget(Session* session);
  void wake_streams();
  void feed_streams();
  void keep_beating();
};

class HttpServer::State::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(State& server, tcp::socket socket) : server_(server), stream_(std::move(socket)) {}
  ~Session() {
    if (holds_body_) --server_.bodies;
    drop_answer();
    server_.forget(this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start() { read_header(); }
  void close() {
    Failure ignored;
    stream_.socket().close(ignored);
  }
  void feed();
  void beat();
  // Since when it has waited for a header; kNever: it does not.
  Clock::time_point silent_since() const { return silent_since_; }

 private:
  template <typename Done>
  auto bound(Done done) {
    return [self = this->shared_from_this(), done](Failure failure, std::size_t bytes) {
      done(failure, bytes);
    };
  }
  void read_header();
  void on_header(Failure failure);
  std::optional<HttpResponse> take_header();
  void read_body();
  void hand_over();
  void answer(HttpResponse response, bool keep_alive);
  void drop_answer();
  void end_gently();
  void begin_stream(const HttpResponse& response);
  void write_stream(std::string text);
  void watch_for_end();

  State& server_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<RequestParser> parser_;
  HttpRequest request_;
  HttpResponse response_;
  std::string head_, pushed_, last_event_id_;
  std::array<char, 256> ignored_{};
  std::uint64_t next_event_ = 0;
  Clock::time_point silent_since_ = kNever;
  int stalled_ = 0;
  bool holds_body_ = false, keep_alive_ = false, is_stream_ = false, writing_ = false;
};

void HttpServer::State::Session::read_header() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(server_.options.limits.header_bytes));
  parser_->body_limit(server_.options.limits.body_bytes);
  silent_since_ = Clock::now();
  // One deadline for the whole header: a byte now and then does not extend it.
  stream_.expires_after(server_.options.limits.header_time);
  http::async_read_header(stream_, buffer_, *parser_,
                          bound([this](Failure failure, std::size_t) { on_header(failure); }));
  server_.accept();  // the next one, for which this one may have to make room
}

void HttpServer::State::Session::on_header(Failure failure) {
  silent_since_ = kNever;
  request_ = {};  // what is refused is no part of the one before
  if (auto refusal = refusal_of(failure)) return answer(std::move(*refusal), false);
  if (failure) return;  // closed, timed out
  if (auto refusal = take_header()) return answer(std::move(*refusal), false);
  read_body();
}

// The header as a request; or why it is refused.
std::optional<HttpResponse> HttpServer::State::Session::take_header() {
  const HttpLimits& limits = server_.options.limits;
  auto refusal = graft::take_header(*parser_, limits, server_.options.guard, request_);
  last_event_id_ = request_.header("last-event-id");
  if (last_event_id_.empty()) last_event_id_ = request_.param("after");
  if (refusal) return refusal;
  if (parser_->content_length().value_or(0) > 0) {
    if (server_.bodies >= limits.bodies) {
      return error_response(
          invalid_argument("request: too many uploads at once: try again in a moment"), 503);
    }
    holds_body_ = true;
    ++server_.bodies;
  }
  return std::nullopt;
}

void HttpServer::State::Session::read_body() {
  stream_.expires_after(server_.options.limits.body_time);
  const auto read = [this] {
    http::async_read(stream_, buffer_, *parser_, bound([this](Failure failure, std::size_t) {
                       if (failure) return;
                       hand_over();
                     }));
  };
  if (to_lower_ascii(request_.header("expect")) != "100-continue") return read();
  head_ = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(head_), bound([read](Failure failure, std::size_t) {
                      if (!failure) read();
                    }));
}

void HttpServer::State::Session::hand_over() {
  const bool keep_alive = parser_->get().keep_alive();
  request_.body = std::move(parser_->get().body());
  stream_.expires_never();  // the answer takes its time; the client may wait
  // The session is kept until its answer came.
  server_.handler(
      std::move(request_), [self = shared_from_this(), keep_alive](HttpResponse response) {
        asio::post(self->server_.io, [self, keep_alive, response = std::move(response)]() mutable {
          self->answer(std::move(response), keep_alive);
        });
      });
}

void HttpServer::State::Session::answer(HttpResponse response, bool keep_alive) {
  if (std::exchange(holds_body_, false)) --server_.bodies;
  const bool head_only = request_.method == Method::kHead;
  if (response.stream && !head_only) return begin_stream(response);
  if (server_.answer_bytes >= server_.options.limits.answer_bytes) {
    response = error_response(
        io_error("board: too many answers wait to be taken: ask again in a moment"), 503);
  }
  response_ = std::move(response);
  server_.answer_bytes += response_.body.size();
  keep_alive_ = keep_alive;
  const std::string_view body =
      response_.constant.empty() ? std::string_view(response_.body) : response_.constant;
  head_ = response_head(response_, body.size(), keep_alive_);
  const std::array<asio::const_buffer, 2> buffers = {
      asio::buffer(head_), asio::buffer(body.data(), head_only ? 0 : body.size())};
  stream_.expires_after(server_.options.limits.write_time);
  asio::async_write(stream_, buffers, bound([this](Failure failure, std::size_t) {
                      drop_answer();
                      if (failure) return;
                      if (keep_alive_) return read_header();
                      end_gently();
                    }));
}

void HttpServer::State::Session::drop_answer() {
  server_.answer_bytes -= response_.body.size();
  response_ = {};
}

// Closing with unread bytes in hand would reset the connection, and the client might never see the
// answer: what still comes is read for a moment.
void HttpServer::State::Session::end_gently() {
  Failure ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  stream_.expires_after(std::chrono::seconds(1));
  watch_for_end();
}

void HttpServer::State::Session::watch_for_end() {
  stream_.async_read_some(asio::buffer(ignored_), bound([this](Failure failure, std::size_t) {
                            if (!failure) return watch_for_end();
                            if (is_stream_) close();
                          }));
}

void HttpServer::State::Session::begin_stream(const HttpResponse& response) {
  if (server_.streams.size() >= server_.options.limits.streams) {
    return answer(
        error_response(io_error("push channels: too many are open: close some pages"), 503), false);
  }
  is_stream_ = true;
  server_.streams.insert(this);
  server_.stream_count = server_.streams.size();
  const EventHub::Start start = server_.hub.start(last_event_id_);
  next_event_ = start.next;
  std::string text = response_head(response, 0, false) +
                     server_.hub.format(next_event_, "hello", server_.options.hello());
  if (start.missed) text += server_.hub.format(next_event_, "reset", "{}");
  Failure ignored;
  stream_.socket().set_option(tcp::no_delay(true), ignored);
  watch_for_end();
  write_stream(std::move(text));
}

void HttpServer::State::Session::write_stream(std::string text) {
  pushed_ = std::move(text);
  writing_ = true;
  // Without the stream's own timer, which would also end the read that waits for the client to go.
  asio::async_write(stream_.socket(), asio::buffer(pushed_),
                    bound([this](Failure failure, std::size_t) {
                      writing_ = false;
                      stalled_ = 0;
                      if (failure) return close();
                      feed();
                    }));
}

void HttpServer::State::Session::feed() {
  if (writing_ || !stream_.socket().is_open()) return;
  std::string text = server_.hub.take(next_event_);
  if (!text.empty()) write_stream(std::move(text));
}

// A client that takes nothing for some beats is gone, whatever its socket says.
void HttpServer::State::Session::beat() {
  constexpr int kPatience = 4;
  if (!writing_) return write_stream(": \n\n");
  if (++stalled_ > kPatience) close();
}

Result<void> HttpServer::State::listen(bool* in_use) {
  Failure failure;
  const auto address = asio::ip::make_address(options.address, failure);
  if (failure) {
    return invalid_argument("--host " + printable(options.address) +
                            ": is no address: give one of this machine's, as 0.0.0.0");
  }
  const tcp::endpoint endpoint(address, options.port);
  acceptor.open(endpoint.protocol(), failure);
  if (!failure) acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure) acceptor.bind(endpoint, failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) {
    if (in_use != nullptr) *in_use = failure == asio::error::address_in_use;
    return io_error(options.address + ":" + std::to_string(options.port) +
                    ": cannot be served: " + failure.message() + ": give another --port or --host");
  }
  port = acceptor.local_endpoint(failure).port();
  return {};
}

void HttpServer::State::accept() {
  if (accepting || !acceptor.is_open()) return;
  // At the limit the others wait in the kernel's queue, until a session has gone.
  if (sessions.size() >= options.limits.connections) return end_longest_silence();
  accepting = true;
  acceptor.async_accept([this](Failure failure, tcp::socket socket) {
    accepting = false;
    if (failure == asio::error::operation_aborted) return;
    if (failure) {  // no descriptors left, say
      return try_again(std::chrono::milliseconds(100));
    }
    // Whoever lets go of a session last, it ends in the server's thread.
    const std::shared_ptr<Session> session(
        new Session(*this, std::move(socket)), [this](Session* s) {
          std::unique_ptr<Session> last(s);
          if (ending || io.get_executor().running_in_this_thread()) return end(std::move(last));
          asio::post(io, [this, last = std::move(last)]() mutable { end(std::move(last)); });
        });
    sessions.insert(session.get());
    session->start();
  });
}

// A flood of clients that say nothing, or little at a time, must not keep out those who ask.
void HttpServer::State::end_longest_silence() {
  const auto longest = std::min_element(
      sessions.begin(), sessions.end(),
      [](const Session* a, const Session* b) { return a->silent_since() < b->silent_since(); });
  if (longest == sessions.end() || (*longest)->silent_since() == kNever) return;
  const auto left = (*longest)->silent_since() + options.limits.silence - Clock::now();
  if (left <= Clock::duration::zero()) return (*longest)->close();
  try_again(left);
}

void HttpServer::State::try_again(std::chrono::nanoseconds later) {
  retry.expires_after(later);
  retry.async_wait([this](Failure stopped) {
    if (!stopped) accept();
  });
}

void HttpServer::State::end(std::unique_ptr<Session> session) {
  session.reset();
  if (!ending) accept();
}

void HttpServer::State::forget(Session* session) {
  sessions.erase(session);
  streams.erase(session);
  stream_count = streams.size();
}

void HttpServer::State::wake_streams() {
  if (wake_pending.exchange(true)) return;
  asio::post(io, [this] {
    wake_pending = false;
    feed_streams();
  });
}

void HttpServer::State::feed_streams() {
  // A session may end while it is fed: the set is not walked itself.
  const std::vector<Session*> all(streams.begin(), streams.end());
  for (Session* session : all) {
    if (streams.contains(session)) session->feed();
  }
}

void HttpServer::State::keep_beating() {
  beat.expires_after(options.limits.keep_alive);
  beat.async_wait([this](Failure stopped) {
    if (stopped) return;
    const std::vector<Session*> all(streams.begin(), streams.end());
    for (Session* session : all) {
      if (streams.contains(session)) session->beat();
    }
    keep_beating();
  });
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(Options options, Handler handler,
                                                      bool* in_use) {
  auto state = std::make_unique<State>(std::move(options), std::move(handler));
  GRAFT_TRY(state->listen(in_use));
  State* server = state.get();
  asio::post(server->io, [server] {
    server->accept();
    server->keep_beating();
  });
  server->thread = std::thread([server] {
    give_way();
    server->io.run();
  });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

HttpServer::~HttpServer() {
  state_->ending = true;
  asio::post(state_->io, [server = state_.get()] {
    Failure ignored;
    server->acceptor.close(ignored);
    server->retry.cancel();
    server->beat.cancel();
    const std::set<State::Session*> all = server->sessions;
    for (State::Session* session : all) {
      if (server->sessions.contains(session)) session->close();
    }
    server->io.stop();
  });
  state_->thread.join();
}

std::uint16_t HttpServer::port() const {
  return state_->port;
}
EventHub& HttpServer::events() {
  return state_->hub;
}
std::size_t HttpServer::open_streams() const {
  return state_->stream_count;
}

}  // namespace graft
