#include "train/network_opening.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "base/parallel.h"
#include "model/source.h"
#include "train/network_choice.h"

namespace graft {
namespace {

// Then every photo of the run is one to be computed.
bool is_absent_or_empty(const std::string& directory) {
  std::error_code error;
  const bool empty = std::filesystem::is_empty(directory, error);
  return error ? error == std::errc::no_such_file_or_directory : empty;
}

std::optional<Backbone> ready_network(const ModelSpec& spec, const RetrainOptions& options) {
  auto bytes = find_installed(spec, options.model_dir);
  if (!bytes.ok()) return std::nullopt;
  auto backbone = Backbone::create(spec, std::move(bytes).value(), backbone_options(options));
  Beside<std::string> hashing([&backbone] { return backbone.fingerprint(); });
  const bool compiles =
      options.precision == Precision::kFloat32 && is_absent_or_empty(options.bottleneck_dir);
  const bool good = compiles ? backbone.compile().ok() : backbone.graph_def().ok();
  (void)hashing.get();
  return good ? std::optional(std::move(backbone)) : std::nullopt;
}

}  // namespace

Result<std::optional<Backbone>> network_at_hand(const ModelSpec& spec,
                                                const RetrainOptions& options,
                                                const std::function<Result<void>()>& scan) {
  if (thread_count(options.threads) == 1) {
    GRAFT_TRY(scan());
    return std::optional<Backbone>();
  }
  Beside<Result<void>> scanning(scan);
  auto network = ready_network(spec, options);
  GRAFT_TRY(scanning.get());
  return network;
}

Result<Backbone> open_network(const ModelSpec& spec, const RetrainOptions& options,
                              RunObserver& observer, const std::stop_token& stop) {
  SourceOptions source;
  source.model_dir = options.model_dir;
  source.allow_download = options.allow_download;
  source.mirrors = options.model_mirrors;
  source.on_progress = [&observer](const DownloadProgress& progress) {
    observer.on_progress({"download", progress.bytes_done, progress.bytes_total, progress.seconds});
  };
  GRAFT_ASSIGN(ModelBytes bytes, open_model(spec, source, stop));
  return Backbone::create(spec, std::move(bytes), backbone_options(options));
}

}  // namespace graft
