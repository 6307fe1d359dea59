// Archives (.tgz, .tar, .zip), read through libarchive. Untrusted: only regular files with safe
// relative names come out; links, devices, "..", absolute names, duplicates and set-id bits are
// refused; bytes and entry counts are capped. Thread rule: each call stands alone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace graft {

struct ArchiveLimits {
  std::uint64_t max_total_bytes = std::uint64_t{1} << 30;
  std::uint64_t max_entries = 200000;
};

// The bytes of the one regular file for which `wanted(entry_name)` is true; kNotFound names what the
// archive holds instead. Nothing touches the disk.
Result<Bytes> read_archive_entry(const std::string& archive_path,
                                 const std::function<bool(std::string_view)>& wanted,
                                 const ArchiveLimits& limits = {});

// Unpacks into directory (created; must be new or empty of what the archive holds: existing files are
// never overwritten). All or nothing: unpacked beside it and renamed.
Result<void> unpack_archive(const std::string& archive_path, const std::string& directory,
                            const ArchiveLimits& limits = {});

}  // namespace graft
