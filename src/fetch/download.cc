#include "fetch/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/lazy_library.h"
#include "base/text.h"

namespace graft {
namespace {

struct Libcurl {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_setopt) setopt = nullptr;
  decltype(&::curl_easy_perform) perform = nullptr;
  decltype(&::curl_easy_getinfo) getinfo = nullptr;
  decltype(&::curl_easy_cleanup) cleanup = nullptr;
  decltype(&::curl_easy_strerror) strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;

  static Result<Libcurl> load() {
    GRAFT_ASSIGN(const auto library, LazyLibrary::load("libcurl.so.4", "libcurl4"));
    Libcurl c;
    GRAFT_TRY(library.find("curl_global_init", c.global_init));
    GRAFT_TRY(library.find("curl_easy_init", c.easy_init));
    GRAFT_TRY(library.find("curl_easy_setopt", c.setopt));
    GRAFT_TRY(library.find("curl_easy_perform", c.perform));
    GRAFT_TRY(library.find("curl_easy_getinfo", c.getinfo));
    GRAFT_TRY(library.find("curl_easy_cleanup", c.cleanup));
    GRAFT_TRY(library.find("curl_easy_strerror", c.strerror));
    GRAFT_TRY(library.find("curl_slist_append", c.slist_append));
    GRAFT_TRY(library.find("curl_slist_free_all", c.slist_free_all));
    if (c.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
      return io_error("libcurl: cannot be started: check its installation");
    }
    return c;
  }
};

Result<const Libcurl*> libcurl() {
  static const Result<Libcurl> loaded = Libcurl::load();
  if (!loaded.ok()) return loaded.error();
  return &loaded.value();
}

// TLS libraries write to sockets that the other side may have closed: the signal that this raises
// must not end the program. Blocked for this thread alone, and taken away if it came.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    if (sigismember(&before_, SIGPIPE) == 0) {
      const timespec now{};
      while (sigtimedwait(&pipe_, nullptr, &now) > 0) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

Error disk_error(const std::string& path, int reason) {
  return io_error(printable(path) + ": cannot be written: " + errno_text(reason) +
                  ": free some space or choose another place");
}

// path.part, locked against other downloads of the same file, and path.part.from, which says what
// it is the beginning of: the address and the server's version mark, a line each.
class PartFile {
 public:
  static Result<PartFile> open(const std::string& path) {
    const std::string part = path + ".part";
    GRAFT_TRY(make_directories(parent_directory(part)));
    for (;;) {
      constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
      PartFile file(part, ::open(part.c_str(), kFlags, 0666));
      if (file.fd_ < 0) return disk_error(part, errno);
      if (::flock(file.fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return io_error(printable(path) + ": is being downloaded by another run: wait for it");
      }
      struct stat ours {};
      struct stat there {};
      if (::fstat(file.fd_, &ours) != 0) return disk_error(part, errno);
      if (!S_ISREG(ours.st_mode)) {
        return unsupported(printable(part) + ": is not a regular file: move it away");
      }
      // Another run may have finished and renamed it between our open and our lock.
      if (::stat(part.c_str(), &there) != 0 || ours.st_ino != there.st_ino ||
          ours.st_dev != there.st_dev) {
        continue;
      }
      file.size_ = static_cast<std::uint64_t>(ours.st_size);
      return file;
    }
  }
  PartFile(PartFile&& other) noexcept
      : part_(std::move(other.part_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}
  PartFile& operator=(PartFile&&) = delete;
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile() {
    if (fd_ >= 0) ::close(fd_);
  }

  std::uint64_t size() const { return size_; }
  const std::string& path() const { return part_; }

  // The version mark with which `url` can be resumed, or "".
  std::string version_of(const std::string& url) const {
    const auto text = read_text_file(part_ + ".from", 1 << 16);
    if (!text.ok() || size_ == 0) return "";
    const auto lines = split_lines(*text);
    return lines.size() == 2 && lines[0] == url ? lines[1] : "";
  }
  void remember(const std::string& url, const std::string& version) const {
    if (version.empty()) {
      ::unlink((part_ + ".from").c_str());
    } else {
      // Best effort: without it the next call starts anew.
      (void)write_atomically(part_ + ".from", url + "\n" + version + "\n").ok();
    }
  }

  int empty() {
    if (::ftruncate(fd_, 0) != 0) return errno;
    size_ = 0;
    return 0;
  }
  int append(std::string_view data) {
    while (!data.empty()) {
      const ssize_t put = ::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(size_));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return put < 0 ? errno : ENOSPC;
      size_ += static_cast<std::uint64_t>(put);
      data.remove_prefix(static_cast<std::size_t>(put));
    }
    return 0;
  }
  std::string first_bytes() const {
    std::string head(512, '\0');
    const ssize_t got = ::pread(fd_, head.data(), head.size(), 0);
    head.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return head;
  }
  // Forgets what came, so that the next request starts from the beginning.
  int start_over() {
    ::unlink((part_ + ".from").c_str());
    return empty();
  }
  void discard() const {
    ::unlink((part_ + ".from").c_str());
    ::unlink(part_.c_str());
  }
  Result<void> rename_to(const std::string& path) const {
    if (::fsync(fd_) != 0) return disk_error(part_, errno);
    if (::rename(part_.c_str(), path.c_str()) != 0) return disk_error(path, errno);
    ::unlink((part_ + ".from").c_str());
    const int directory =
        ::open(parent_directory(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
      (void)::fsync(directory);
      ::close(directory);
    }
    return {};
  }

 private:
  PartFile(std::string part, int fd) : part_(std::move(part)), fd_(fd) {}
  std::string part_;
  int fd_;
  std::uint64_t size_ = 0;
};

// What happened in one request, seen from its callbacks.
struct Transfer {
  const Libcurl* curl = nullptr;
  CURL* handle = nullptr;
  PartFile* part = nullptr;
  const DownloadOptions* options = nullptr;
  const std::stop_token* stop = nullptr;
  std::string url;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();

  std::uint64_t resumed_at = 0;
  bool started = false;  // the body's first bytes came, and the part file fits them
  std::string etag, last_modified;
  std::optional<std::uint64_t> range_start, range_total;
  int disk_failure = 0;
  bool too_large = false;
  bool wrong_range = false;

  long status() const {
    long code = 0;
    curl->getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
    return code;
  }
  void report(std::uint64_t total) const {
    if (!options->on_progress) return;
    DownloadProgress progress;
    progress.bytes_done = part->size();
    progress.bytes_total = total;
    progress.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    options->on_progress(progress);
  }
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr == text.data()) return std::nullopt;
  return value;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {  // a new response: what redirects said no longer counts
    transfer.etag.clear();
    transfer.last_modified.clear();
    transfer.range_start.reset();
    transfer.range_total.reset();
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  const std::string name = to_lower_ascii(line.substr(0, colon));
  const std::string value = trim(line.substr(colon + 1));
  if (name == "etag") transfer.etag = value;
  if (name == "last-modified") transfer.last_modified = value;
  if (name == "content-range" && value.starts_with("bytes ")) {  // "bytes 100-199/200"
    transfer.range_start = number(std::string_view(value).substr(6));
    const std::size_t slash = value.find('/');
    if (slash != std::string::npos) {
      transfer.range_total = number(std::string_view(value).substr(slash + 1));
    }
  }
  return line.size();
}

// A strong version mark alone proves that two halves belong together (RFC 9110, 13.1.5).
std::string version_mark(const Transfer& transfer) {
  if (transfer.etag.starts_with('"')) return transfer.etag;
  return transfer.etag.empty() ? transfer.last_modified : "";
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  PartFile& part = *transfer.part;
  const std::string_view piece(data, size * count);
  if (!transfer.started) {
    const long status = transfer.status();
    if (status == 206) {
      if (transfer.resumed_at == 0 || transfer.range_start != transfer.resumed_at) {
        transfer.wrong_range = true;
        return 0;
      }
    } else {
      transfer.resumed_at = 0;  // the whole file, from its start
      transfer.disk_failure = part.empty();
      if (transfer.disk_failure != 0) return 0;
    }
    part.remember(transfer.url, version_mark(transfer));
    transfer.started = true;
  }
  if (part.size() + piece.size() > transfer.options->max_bytes) {
    transfer.too_large = true;
    return 0;
  }
  transfer.disk_failure = part.append(piece);
  return transfer.disk_failure == 0 ? piece.size() : 0;
}

int on_progress(void* user, curl_off_t total, curl_off_t, curl_off_t, curl_off_t) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  if (transfer.stop->stop_requested()) return 1;
  if (transfer.started) {
    transfer.report(total > 0 ? transfer.resumed_at + static_cast<std::uint64_t>(total) : 0);
  }
  return 0;
}

bool is_https(std::string_view url) {
  return to_lower_ascii(url.substr(0, 8)) == "https://";
}

struct Outcome {
  CURLcode code = CURLE_OK;
  long status = 0;
  std::string detail;
  double connect_seconds = 0;
};

// One request for `url` into the part file, resuming with `version` when it is not empty.
Outcome request(const Libcurl& curl, Transfer& transfer, const std::string& version) {
  Outcome outcome;
  const std::unique_ptr<CURL, decltype(curl.cleanup)> handle(curl.easy_init(), curl.cleanup);
  if (handle == nullptr) {
    outcome.code = CURLE_OUT_OF_MEMORY;
    return outcome;
  }
  CURL* const h = handle.get();
  const DownloadOptions& options = *transfer.options;
  std::array<char, CURL_ERROR_SIZE> detail{};
  transfer.handle = h;
  curl.setopt(h, CURLOPT_URL, transfer.url.c_str());
  curl.setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
  curl.setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, is_https(transfer.url) ? "https" : "http,https");
  curl.setopt(h, CURLOPT_FOLLOWLOCATION, 1L);
  curl.setopt(h, CURLOPT_MAXREDIRS, 5L);
  curl.setopt(h, CURLOPT_FAILONERROR, 1L);
  curl.setopt(h, CURLOPT_NOSIGNAL, 1L);
  // A name server that does not answer would otherwise hold us in cleanup after the time-out.
  curl.setopt(h, CURLOPT_QUICK_EXIT, 1L);
  constexpr std::uint64_t kMost = std::numeric_limits<curl_off_t>::max();
  curl.setopt(h, CURLOPT_MAXFILESIZE_LARGE,
              static_cast<curl_off_t>(std::min(options.max_bytes, kMost)));
  curl.setopt(h, CURLOPT_USERAGENT, "graft");
  // As curl's own program does it; the library alone does not look there.
  const char* const certificates = std::getenv("SSL_CERT_FILE");
  if (certificates != nullptr && *certificates != '\0') {
    curl.setopt(h, CURLOPT_CAINFO, certificates);
  }
  curl.setopt(h, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout_seconds));
  curl.setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1000L);
  curl.setopt(h, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout_seconds));
  curl.setopt(h, CURLOPT_ERRORBUFFER, detail.data());
  curl.setopt(h, CURLOPT_HEADERFUNCTION, &on_header);
  curl.setopt(h, CURLOPT_HEADERDATA, &transfer);
  curl.setopt(h, CURLOPT_WRITEFUNCTION, &on_body);
  curl.setopt(h, CURLOPT_WRITEDATA, &transfer);
  curl.setopt(h, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl.setopt(h, CURLOPT_XFERINFODATA, &transfer);
  curl.setopt(h, CURLOPT_NOPROGRESS, 0L);

  curl_slist* headers = nullptr;
  const std::string range = std::to_string(transfer.part->size()) + "-";
  const std::string condition = "If-Range: " + version;
  if (!version.empty()) {
    transfer.resumed_at = transfer.part->size();
    headers = curl.slist_append(nullptr, condition.c_str());
    curl.setopt(h, CURLOPT_RANGE, range.c_str());
    curl.setopt(h, CURLOPT_HTTPHEADER, headers);
  }
  outcome.code = curl.perform(h);
  outcome.status = transfer.status();
  outcome.detail = detail.data();
  transfer.too_large = transfer.too_large || outcome.code == CURLE_FILESIZE_EXCEEDED;
  curl.getinfo(h, CURLINFO_CONNECT_TIME, &outcome.connect_seconds);
  curl.slist_free_all(headers);
  transfer.handle = nullptr;
  return outcome;
}

// Did the request fail before any server answered in HTTP, in a way that plain http might not?
bool failed_before_http(const Outcome& outcome) {
  switch (outcome.code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return true;
    default:
      return false;
  }
}

Error explain(const Outcome& outcome, const Transfer& transfer, const std::string& path) {
  const std::string subject = printable(transfer.url);
  const std::string by_hand =
      "check the network and try again, or fetch it with a browser and save it as " +
      printable(path);
  if (transfer.disk_failure != 0) return disk_error(transfer.part->path(), transfer.disk_failure);
  if (transfer.too_large) {
    return unsupported(subject + ": larger than " + format_bytes(transfer.options->max_bytes) +
                       ": check the address");
  }
  if (transfer.stop->stop_requested()) {
    return cancelled(subject + ": the download was stopped: the same command goes on with it");
  }
  switch (outcome.code) {
    case CURLE_HTTP_RETURNED_ERROR: {
      const std::string answer =
          subject + ": the server answered " + std::to_string(outcome.status);
      if (outcome.status == 404 || outcome.status == 410) {
        return not_found(answer + " (not found): check the address");
      }
      return io_error(answer + ": " +
                      (outcome.status >= 500 ? "try again later" : "check the address"));
    }
    case CURLE_PARTIAL_FILE:
      return corrupt(subject + ": ended after " + format_bytes(transfer.part->size()) +
                     ", before its announced length: try again, it goes on from there");
    case CURLE_OPERATION_TIMEDOUT:
      if (transfer.started || outcome.connect_seconds > 0) {
        return io_error(subject + ": the server stopped sending: try again, it goes on from there");
      }
      return io_error(subject + ": no answer within " +
                      std::to_string(transfer.options->connect_timeout_seconds) + " s: " + by_hand);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return io_error(subject + ": the name of the server is not known here: " + by_hand);
    case CURLE_COULDNT_CONNECT:
      return io_error(subject + ": the server cannot be reached: " + by_hand);
    case CURLE_TOO_MANY_REDIRECTS:
      return io_error(subject + ": redirected in a circle: check the address");
    case CURLE_UNSUPPORTED_PROTOCOL:
      return io_error(subject + (is_https(transfer.url)
                                     ? ": redirected from https to an unprotected address: not "
                                       "followed: check the address"
                                     : ": redirected to something other than http or https: not "
                                       "followed: check the address"));
    case CURLE_URL_MALFORMAT:
      return invalid_argument(subject + ": not an address: check it");
    default:
      break;
  }
  const std::string reason =
      outcome.detail.empty() ? transfer.curl->strerror(outcome.code) : outcome.detail;
  return io_error(subject + ": " + printable(trim(reason)) + ": " + by_hand);
}

bool looks_like_html(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  const std::string start = to_lower_ascii(trim(head).substr(0, 15));
  return start.starts_with("<!doctype html") || start.starts_with("<html");
}

struct Attempt {
  Result<void> result;
  bool before_http = false;
};

// Requests until the file is whole; a connection that breaks is taken up again while it gets on.
Attempt transfer_all(const Libcurl& curl, Transfer& transfer, const std::string& path) {
  constexpr int kRequests = 4;
  for (int count = 1;; ++count) {
    PartFile& part = *transfer.part;
    const std::uint64_t before = part.size();
    const std::string version = part.version_of(transfer.url);
    transfer.started = false;
    transfer.wrong_range = false;
    transfer.resumed_at = 0;
    Outcome outcome = request(curl, transfer, version);
    if (outcome.code == CURLE_OK && !transfer.started) {  // an empty body
      transfer.disk_failure = part.start_over();
      if (transfer.disk_failure != 0) return {explain(outcome, transfer, path)};
    }
    if (outcome.code == CURLE_OK && transfer.resumed_at > 0 && transfer.range_total.has_value() &&
        part.size() != *transfer.range_total) {
      outcome.code = CURLE_PARTIAL_FILE;
    }
    if (outcome.code == CURLE_OK) {
      transfer.report(part.size());
      return {};
    }
    const bool may_repeat = count < kRequests && !transfer.stop->stop_requested();
    // The server no longer has this part of this file: from the start.
    if (!version.empty() && (transfer.wrong_range || outcome.status == 416) && may_repeat) {
      transfer.disk_failure = part.start_over();
      if (transfer.disk_failure != 0) return {explain(outcome, transfer, path)};
      continue;
    }
    const bool broke_off = outcome.code == CURLE_PARTIAL_FILE || outcome.code == CURLE_RECV_ERROR ||
                           outcome.code == CURLE_HTTP2_STREAM;
    const bool can_go_on = part.size() > before && !part.version_of(transfer.url).empty();
    if (broke_off && can_go_on && may_repeat) continue;
    return {explain(outcome, transfer, path), failed_before_http(outcome)};
  }
}

Result<void> check_content(const PartFile& part, const std::string& url,
                           const DownloadOptions& options) {
  if (looks_like_html(part.first_bytes())) {
    return corrupt(printable(url) +
                   ": a web page came instead of the file: log in to the network if it asks for "
                   "that, or check the address");
  }
  if (options.sha256.empty()) return {};
  GRAFT_ASSIGN(const auto content, MappedFile::open(part.path()));
  const std::string found = hex(sha256(content.bytes()));
  if (found == to_lower_ascii(options.sha256)) return {};
  return corrupt(printable(url) + ": wrong checksum (SHA-256 " + found + " instead of " +
                 options.sha256 + "): what came was discarded, try again or get it elsewhere");
}

// The addresses to try, in order.
Result<std::vector<std::string>> addresses(const std::string& url) {
  const bool clean = std::none_of(url.begin(), url.end(), [](unsigned char c) { return c <= ' '; });
  const std::string lower = to_lower_ascii(url.substr(0, 8));
  if (!clean || !(lower.starts_with("http://") || lower.starts_with("https://"))) {
    return invalid_argument(printable(url) + ": not an http or https address: check it");
  }
  if (is_https(url)) return std::vector<std::string>{url};
  const std::string rest = url.substr(7);
  const std::string host = rest.substr(0, rest.find('/'));
  if (host.find(':') != std::string::npos) return std::vector<std::string>{url};
  return std::vector<std::string>{"https://" + rest, url};
}

Result<void> fetch_part(const Libcurl& curl, Transfer& transfer,
                        const std::vector<std::string>& urls, const std::string& path) {
  for (std::size_t i = 0;; ++i) {
    transfer.url = urls[i];
    Attempt attempt = transfer_all(curl, transfer, path);
    const bool last = i + 1 == urls.size() || transfer.stop->stop_requested();
    if (attempt.result.ok() || !attempt.before_http || last) return std::move(attempt.result);
  }
}

}  // namespace

Result<void> download(const std::string& url, const std::string& path,
                      const DownloadOptions& options, std::stop_token stop) {
  GRAFT_ASSIGN(const std::vector<std::string> urls, addresses(url));
  GRAFT_ASSIGN(const Libcurl* const curl, libcurl());
  GRAFT_TRY(check_writable(path));
  GRAFT_ASSIGN(PartFile part, PartFile::open(path));
  const NoSigpipe no_signal;
  Transfer transfer;
  transfer.curl = curl;
  transfer.part = &part;
  transfer.options = &options;
  transfer.stop = &stop;
  for (bool repeated = false;; repeated = true) {
    auto fetched = fetch_part(*curl, transfer, urls, path);
    if (!fetched.ok()) {
      if (part.size() == 0 || transfer.too_large) part.discard();
      return fetched;
    }
    auto checked = check_content(part, transfer.url, options);
    if (checked.ok()) return part.rename_to(path);
    // Two halves that do not fit although the server said so: once more, from the start.
    if (transfer.resumed_at == 0 || repeated) {
      part.discard();
      return checked;
    }
    if (const int reason = part.start_over(); reason != 0) return disk_error(part.path(), reason);
  }
}

}  // namespace graft
