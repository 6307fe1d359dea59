// HTTP(S) download to a file. Owner of libcurl, which is loaded at the first call.
// Bytes from the network are untrusted. Thread rule: each call stands alone.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/result.h"

namespace graft {

struct DownloadProgress {
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;  // 0: not known
  double seconds = 0;
};

struct DownloadOptions {
  std::uint64_t max_bytes = std::uint64_t{1} << 30;
  int connect_timeout_seconds = 4;  // no network costs seconds, not minutes
  int stall_timeout_seconds = 15;   // below 1 KB/s for so long: given up
  std::string sha256;               // lower-case hex; empty: not checked
  std::function<void(const DownloadProgress&)> on_progress;  // may be empty
};

// Fetches url into path, atomically: path + ".part" while under way, checked, renamed. What an
// interrupted call left there is resumed when the server says that the file is still the same; what
// came from elsewhere or fails its check is discarded. Redirects are followed within http and
// https, never from https to http. An http:// address without a port is tried by https first.
// Certificates are checked against the system's list, or SSL_CERT_FILE's where that is set (a
// school's own proxy). kIo: no network, refused, stalled, the disk; kNotFound: 404;
// kInvalidArgument: not an http or https address; kUnsupported: larger than max_bytes; kCorrupt:
// shorter than announced, wrong checksum, an HTML page where a file was expected; kCancelled. The
// message says what to do.
Result<void> download(const std::string& url, const std::string& path,
                      const DownloadOptions& options, std::stop_token stop);

}  // namespace graft
