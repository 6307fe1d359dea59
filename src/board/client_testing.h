// For tests only: a client that says what it is told to, byte for byte.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "base/json.h"

namespace graft::test {

class Connection {
 public:
  explicit Connection(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(fd_); }

  bool connected() const { return connected_; }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // More bytes within the time; false: none came, or the end.
  bool receive(std::string& into, int milliseconds = 30000) {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, milliseconds) <= 0) return false;
    std::array<char, 65536> buffer;
    const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    at_end_ = n <= 0;
    if (n <= 0) return false;
    into.append(buffer.data(), static_cast<std::size_t>(n));
    return true;
  }
  bool at_end() const { return at_end_; }  // the last receive() met the server's end
  std::string receive_all() {
    std::string all;
    while (receive(all)) {
    }
    return all;
  }
  bool receive_until(std::string& all, std::string_view wanted) {
    while (all.find(wanted) == std::string::npos) {
      if (!receive(all)) return false;
    }
    return true;
  }

 private:
  int fd_;
  bool connected_ = false, at_end_ = false;
};

struct Answer {
  int status = 0;  // 0: none came
  std::string head, body;
  Json json() const { return parse_json(body).value(); }
};

inline Answer answer_of(const std::string& text) {
  Answer answer;
  const std::size_t end = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.1 ") || end == std::string::npos) return answer;
  answer.status = std::stoi(text.substr(9, 3));
  answer.head = text.substr(0, end + 2);
  answer.body = text.substr(end + 4);
  return answer;
}

// Sends these bytes and reads until the server closes.
inline Answer say(std::uint16_t port, const std::string& bytes) {
  Connection connection(port);
  connection.send(bytes);
  return answer_of(connection.receive_all());
}

inline std::string request_text(std::uint16_t port, const std::string& method,
                                const std::string& target, const std::string& headers = "",
                                const std::string& body = "") {
  std::string text = method + " " + target +
                     " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                     "\r\nConnection: close\r\n" + headers;
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}
inline Answer get(std::uint16_t port, const std::string& target, const std::string& headers = "") {
  return say(port, request_text(port, "GET", target, headers));
}

}  // namespace graft::test
