#include "fetch/mirrors.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/text.h"

namespace graft {

Result<std::vector<std::string>> parse_mirrors(std::string_view list) {
  std::vector<std::string> mirrors;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find_first_of(", \t\n", begin), list.size());
    std::string mirror(list.substr(begin, end - begin));
    begin = end + 1;
    if (mirror.empty()) continue;
    const std::string lower = to_lower_ascii(mirror);
    const std::size_t host = lower.starts_with("https://") ? 8 : 7;
    if ((host == 7 && !lower.starts_with("http://")) || mirror.size() == host) {
      return invalid_argument("--model_mirror '" + printable(mirror) +
                              "': not an http or https address: give the folder that has the "
                              "archives, as in --model_mirror=https://mirror.example.org/models");
    }
    if (mirror.substr(host, mirror.find('/', host) - host).find('@') != std::string::npos) {
      return invalid_argument(
          "--model_mirror: an address with a user name or a password in it, which would be written "
          "into run.json: use one without");
    }
    while (mirror.ends_with('/')) mirror.pop_back();
    mirrors.push_back(std::move(mirror));
  }
  return mirrors;
}

std::vector<std::string> with_mirrors(const std::string& url,
                                      std::span<const std::string> mirrors) {
  std::vector<std::string> urls;
  for (const std::string& mirror : mirrors) urls.push_back(mirror + "/" + file_name(url));
  urls.push_back(url);
  return urls;
}

Result<std::string> download_any(std::span<const std::string> urls, const std::string& path,
                                 const DownloadOptions& options, const std::stop_token& stop) {
  std::vector<std::string> messages;
  bool wrong_bytes = false;
  for (std::size_t i = 0;; ++i) {
    auto downloaded = download(urls[i], path, options, stop);
    if (downloaded.ok()) return urls[i];
    Error error = std::move(downloaded).error();
    if (error.kind == ErrorKind::kCancelled) return error;
    // What lies here (a place that cannot be written) fails alike for every address: said once.
    if (messages.empty() || messages.back() != error.message) messages.push_back(error.message);
    wrong_bytes = wrong_bytes || error.kind == ErrorKind::kCorrupt;
    if (i + 1 < urls.size()) continue;
    if (wrong_bytes) error.kind = ErrorKind::kCorrupt;
    error.message = messages.front();
    for (std::size_t m = 1; m < messages.size(); ++m) error.message += "; then " + messages[m];
    return error;
  }
}

}  // namespace graft
