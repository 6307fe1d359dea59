// Archives (.tgz, .tar.bz2, .tar.xz, .tar, .zip), read through libarchive, which is loaded at the
// first call. Untrusted: only regular files with safe relative names come out, with ordinary
// permissions whatever the archive says (so no set-id bits); bytes and entry counts are capped.
// Thread rule: each call stands alone.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace graft {

struct ArchiveLimits {
  std::uint64_t max_total_bytes = std::uint64_t{1} << 30;
  std::uint64_t max_entries = 200000;
};

// Does the file begin as one of these formats does? Its name does not matter. False for one that
// cannot be read.
bool looks_like_archive(const std::string& path);

// The bytes of the one regular file for which `wanted(entry_name)` is true; a leading "./" is not
// part of the name. Links, devices and unsafe names are never offered. kNotFound names what the
// archive holds instead; kCorrupt: damaged, or two such files; kUnsupported: beyond the limits,
// which count what is passed over as well: it is unpacked, too, and may be what is damaged. Nothing
// touches the disk.
Result<Bytes> read_archive_entry(const std::string& archive_path,
                                 const std::function<bool(std::string_view)>& wanted,
                                 const ArchiveLimits& limits = {});

// Unpacks into directory, which is created when missing. All or nothing: unpacked into a hidden
// folder first, then renamed; an existing file or folder of a name that the archive holds at its
// top is kInvalidArgument and stays as it is. An archive with a link, a device, an absolute name,
// ".." or two entries of one name is refused whole: kCorrupt.
Result<void> unpack_archive(const std::string& archive_path, const std::string& directory,
                            const ArchiveLimits& limits = {}, std::stop_token stop = {});

}  // namespace graft
