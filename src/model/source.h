// Where a network's bytes come from: --model_dir in any of the shapes that people have (the
// archive, the unpacked folder, the bare .pb), a download, or the built-in generator. Thread rule:
// each call stands alone.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "fetch/download.h"
#include "model/spec.h"

namespace graft {

struct ModelBytes {
  std::string file;    // that the bytes came from
  std::string origin;  // the same for messages: "…/x.tgz (frozen_graph.pb)"
  std::span<const std::byte> graph_def() const;
  std::shared_ptr<const MappedFile> mapped;  // one of these two owns the bytes
  std::shared_ptr<const Bytes> owned;
};

struct SourceOptions {
  std::string model_dir;
  bool allow_download = true;
  std::vector<std::string> mirrors;  // as parse_mirrors() gives them, tried before the publisher
  std::function<void(const DownloadProgress&)> on_progress;
};

// Looks for, in order: <dir>/<folder>/<graph_file>, <dir>/<graph_file> when model_dir itself is the
// folder, <dir>/<archive_file>, <dir>/<folder>/<archive_file>, then the same under the names that
// architecture_named_by() takes for this network; then downloads the archive into model_dir,
// checked against the table's checksum or the one recorded with the first download (record.h).
// kNotFound says where it looked, what it found that was nearly right, and the command that gets
// the file.
Result<ModelBytes> open_model(const ModelSpec& spec, const SourceOptions& options,
                              const std::stop_token& stop);
// The same without ever using the network.
Result<ModelBytes> find_installed(const ModelSpec& spec, const std::string& model_dir);

// The file that find_installed() would open, not opened; "" when there is none. A graph file in
// model_dir itself counts only where the folder's name says which network it is.
std::string installed_at(const ModelSpec& spec, const std::string& model_dir);

// A graph file by its own path. kNotFound, kIo; kCorrupt: empty, or a web page.
Result<ModelBytes> open_graph_file(const std::string& path);

// The shell command that gets the archive into model_dir; "" for the built-in network.
std::string command_to_get(const ModelSpec& spec, const std::string& model_dir);

}  // namespace graft
