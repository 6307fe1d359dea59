// What Graft remembers of the files in a folder of networks: the checksum of each as it was first
// seen, so that a later change is noticed (trust on first use), and which of them Graft itself
// placed, so that it may take them away again. <folder>/graft_models.json; layout:
// docs/formats/model_record.md. No run reads it unless it downloads. Thread rule: each call stands
// alone; updates by several processes wait for each other.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/result.h"

namespace graft {

struct RecordedFile {
  std::string sha256;  // lower-case hex
  std::uint64_t bytes = 0;
  std::string source;      // where Graft got it: an address or a file, printable; "": it lay there
  std::string first_seen;  // "2026-11-25", UTC
  bool placed = false;     // by Graft, and not removed since
};

// By path relative to the folder: "mobilenet_v1_0.50_224/frozen_graph.pb".
using ModelRecord = std::map<std::string, RecordedFile>;

std::string record_path(const std::string& directory);

// Empty when there is no such file. kCorrupt: not such a file.
Result<ModelRecord> read_record(const std::string& directory);

// Reads, lets `change` change it, writes atomically; the folder exists. kCorrupt as read_record;
// kIo: it cannot be written, the old one is untouched.
Result<void> update_record(const std::string& directory,
                           const std::function<void(ModelRecord&)>& change);

// A file as it lies there now: its checksum and size, today's date.
Result<RecordedFile> describe_file(const std::string& path);

}  // namespace graft
