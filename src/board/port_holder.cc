// Who holds a port: asked by HTTP whether it is a board, else found through /proc.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "board/board.h"

namespace graft {
namespace {

constexpr int kPatienceMilliseconds = 500;

// The answer to GET /api/status on this port, or "" when none comes in time.
std::string ask_status(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return "";
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMilliseconds);
  const auto wait_for = [&](short events) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd waiting{fd, events, 0};
    return left.count() > 0 && ::poll(&waiting, 1, static_cast<int>(left.count())) > 0;
  };
  const int connected = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  if ((connected == 0 || errno == EINPROGRESS) && wait_for(POLLOUT)) {
    const std::string request =
        "GET /api/status HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
        "\r\nConnection: close\r\n\r\n";
    if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
        static_cast<ssize_t>(request.size())) {
      std::array<char, 8192> buffer{};
      while (answer.size() < (std::size_t{1} << 20) && wait_for(POLLIN)) {
        const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (size <= 0) break;
        answer.append(buffer.data(), static_cast<std::size_t>(size));
      }
    }
  }
  ::close(fd);
  return answer;
}

// The inode of the socket that listens on the port, from /proc/net/tcp{,6}; "" for none.
std::string listening_inode(std::uint16_t port) {
  constexpr const char* kListen = "0A";
  std::array<char, 8> wanted{};
  std::snprintf(wanted.data(), wanted.size(), ":%04X", static_cast<unsigned>(port));
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const auto text = read_text_file(table);
    if (!text.ok()) continue;
    for (const std::string& line : split_lines(*text)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >>
          timeout >> inode;
      if (state == kListen && local.ends_with(wanted.data())) return inode;
    }
  }
  return "";
}

std::string holder_of_inode(const std::string& inode) {
  const std::string wanted = "socket:[" + inode + "]";
  std::error_code error;
  std::filesystem::directory_iterator process("/proc", error);
  for (; !error && process != std::filesystem::directory_iterator(); process.increment(error)) {
    const std::string id = process->path().filename().string();
    if (id.empty() || id[0] < '0' || id[0] > '9') continue;
    std::error_code inner;
    std::filesystem::directory_iterator file(process->path() / "fd", inner);
    for (; !inner && file != std::filesystem::directory_iterator(); file.increment(inner)) {
      std::error_code ignored;
      if (std::filesystem::read_symlink(file->path(), ignored).string() != wanted) continue;
      const auto name = read_text_file("/proc/" + id + "/comm");
      return printable(name.ok() ? trim(*name) : "a program") + " (process " + id + ")";
    }
  }
  return "";
}

}  // namespace

PortHolder port_holder(std::uint16_t port) {
  PortHolder holder;
  const std::string answer = ask_status(port);
  const std::size_t body = answer.find("\r\n\r\n");
  if (answer.find("\r\nServer: graft\r\n") != std::string::npos && body != std::string::npos) {
    holder.graft = true;
    const auto status = parse_json(std::string_view(answer).substr(body + 4));
    if (status.ok() && status->is_object() && status->contains("logdirs")) {
      for (const Json& logdir : (*status)["logdirs"]) {
        if (logdir.is_object() && logdir.contains("path") && logdir["path"].is_string()) {
          holder.logdirs.push_back(logdir["path"].get<std::string>());
        }
      }
    }
    return holder;
  }
  const std::string inode = listening_inode(port);
  if (!inode.empty()) holder.program = holder_of_inode(inode);
  return holder;
}

}  // namespace graft
