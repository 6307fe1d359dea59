// HTTP/1.1 on one thread: reads requests within limits of size and time, refuses what the guard
// refuses, hands the rest over, and feeds the push channels from an EventHub. Nothing here waits
// for an answer: a slow route or a slow client holds up nobody else. Owner of Boost.Beast and Asio.
// Thread rule: made and ended by one thread; `handle` is called by the server's thread and has to
// return at once; its Reply may be called once, by any thread, while the server lives.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "board/event_hub.h"
#include "board/http.h"

namespace graft {

struct HttpLimits {
  // At once. Beyond `connections`, whoever has been silent longest (`silence` at least) makes room.
  std::size_t connections = 400, streams = 200, bodies = 8;
  // Of answers that wait for their clients to take them; one more may begin below it.
  std::size_t answer_bytes = 64 << 20;
  std::uint64_t header_bytes = 16 << 10, target_bytes = 8 << 10, body_bytes = 20 << 20;
  // For a whole header (an idle connection counts), a whole body, a whole answer.
  std::chrono::milliseconds header_time{15000}, body_time{60000}, write_time{120000};
  std::chrono::milliseconds silence{250};
  std::chrono::milliseconds keep_alive{15000};  // a comment on push channels that are silent
};

class HttpServer {
 public:
  using Reply = std::function<void(HttpResponse)>;
  using Handler = std::function<void(HttpRequest, Reply)>;

  struct Options {
    std::string address = "127.0.0.1";  // an address literal
    std::uint16_t port = 0;             // 0: any free one
    Guard guard;
    HttpLimits limits;
    std::function<std::string()> hello;  // data of the first event on each push channel
    std::string epoch;                   // of the EventHub
  };
  // kIo: the port is taken, or the address is not this machine's ("in use" is told by in_use).
  static Result<std::unique_ptr<HttpServer>> start(Options options, Handler handler,
                                                   bool* in_use = nullptr);
  ~HttpServer();  // ends every connection

  std::uint16_t port() const;
  EventHub& events();
  std::size_t open_streams() const;

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace graft
