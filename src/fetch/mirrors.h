// Copies of a published file on other servers, tried before the publisher's own: for places that
// the publisher cannot be reached from. Thread rule: each call stands alone.
#pragma once

#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fetch/download.h"

namespace graft {

// "https://a.example/models, http://10.0.0.5:8000" → the addresses, without a '/' at their end;
// separated by commas or blanks. kInvalidArgument: not an http or https address, or one with a
// password in it (options are written down in run.json).
Result<std::vector<std::string>> parse_mirrors(std::string_view list);

// Where `url`'s file may be had: <mirror>/<its file name> for each mirror, then url itself.
std::vector<std::string> with_mirrors(const std::string& url, std::span<const std::string> mirrors);

// download() from the first of these addresses (at least one) that gives the file; returns that
// address. A mirror that is down, lacks the file or gives another one (checksum) is passed over.
// Errors: download's, of all addresses after each other; kCorrupt if one of them gave other bytes
// than it should, else the last one's kind.
Result<std::string> download_any(std::span<const std::string> urls, const std::string& path,
                                 const DownloadOptions& options, const std::stop_token& stop);

}  // namespace graft
