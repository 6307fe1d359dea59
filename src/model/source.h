// Where a network's bytes come from: --model_dir in any of the shapes that people have (the
// archive, the unpacked folder, the bare .pb), a download, or the built-in generator. Thread rule:
// each call stands alone.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "fetch/download.h"
#include "model/spec.h"

namespace graft {

struct ModelBytes {
  std::string origin;  // the file the bytes came from, for messages ("…/x.tgz (frozen_graph.pb)")
  std::span<const std::byte> graph_def() const;
  std::shared_ptr<const MappedFile> mapped;  // one of these two owns the bytes
  std::shared_ptr<const Bytes> owned;
};

struct SourceOptions {
  std::string model_dir;
  bool allow_download = true;
  std::function<void(const DownloadProgress&)> on_progress;
};

// Looks for, in order: <dir>/<folder>/<graph_file>, <dir>/<graph_file> when model_dir itself is the
// folder, <dir>/<archive_file>, <dir>/<folder>/<archive_file>; then downloads the archive into
// model_dir. kNotFound says where it looked, what it found that was nearly right, and the command
// that gets the file.
Result<ModelBytes> open_model(const ModelSpec& spec, const SourceOptions& options,
                              std::stop_token stop);
// The same without ever using the network.
Result<ModelBytes> find_installed(const ModelSpec& spec, const std::string& model_dir);

// The file or archive of this network below model_dir, as find_installed() looks for it, without
// opening it; "" when there is none.
std::string installed_at(const ModelSpec& spec, const std::string& model_dir);

}  // namespace graft
