// The networks in a --model_dir, looked after: brought in from whatever file someone was handed,
// checked, taken away again. What is placed or seen is remembered in record.h's file. Non-goals:
// finding and downloading them (source.h). Thread rule: each call stands alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/spec.h"

namespace graft {

struct Imported {
  std::string architecture;
  std::string path;        // where it lies now
  bool was_there = false;  // with the same bytes: nothing was written
};
struct Import {
  std::vector<Imported> networks;     // at least one
  std::vector<std::string> left_out;  // files of the folder or archive that are no network, and why
};

// `from`: an archive, a graph file, or a folder with such files (and folders of them, one deep).
// Each network in it is recognised by content (identify_network), compiled as a check, and written
// to <model_dir>/<folder>/<graph_file>, where find_installed() looks first. kNotFound: no such
// file; kCorrupt: damaged, a web page, half a download, or not the official bytes where those are
// known; kUnsupported: none of the codelab's networks; kInvalidArgument: another file lies in that
// place, which is never overwritten. All messages name the file.
Result<Import> import_networks(const std::string& from, const std::string& model_dir);

enum class Checksum : std::uint8_t {
  kOfficial,    // the publisher's bytes
  kAsRecorded,  // the same as when it was first seen here
  kRecorded,    // first seen now, and recorded
  kUnrecorded,  // first seen now; the folder is read-only (left alone by root too) or full
};
struct Verified {
  std::string path;  // the file that was checked: an archive or a graph
  std::string sha256;
  Checksum checksum = Checksum::kUnrecorded;
  std::string first_seen;  // date; empty for kOfficial
  std::string network;     // as identify_network() names it: the same as was asked for
  std::uint64_t multiply_adds = 0;
};

// The network as find_installed() finds it: its file's checksum against the table or the record,
// then its structure by importing and compiling it. kNotFound: not installed. kCorrupt: changed
// since it was recorded, not the official bytes, damaged, or another network.
Result<Verified> verify_network(const ModelSpec& spec, const std::string& model_dir);

// Deletes the files of this network that Graft placed in model_dir and that are still as it placed
// them, and their folder when that leaves it empty; their checksums stay recorded. Returns the
// deleted files. kNotFound: not installed. kInvalidArgument: someone else placed it, or changed it
// since: says who and what to type.
Result<std::vector<std::string>> remove_network(const ModelSpec& spec,
                                                const std::string& model_dir);

}  // namespace graft
