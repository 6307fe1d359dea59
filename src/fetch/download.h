// HTTP(S) download to a file, and unpacking of what came. Owner of libcurl and libarchive.
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

// Fetches url into path, atomically (path + ".part" while under way; a later call resumes it). An
// http:// address of a host known to speak https is tried by https first. kIo: no network, refused,
// stalled; kNotFound: 404; kCorrupt: shorter than announced, wrong checksum, an HTML page where a
// binary was expected (the partial file is then discarded). The message says what to do.
Result<void> download(const std::string& url, const std::string& path,
                      const DownloadOptions& options, std::stop_token stop);

}  // namespace graft
