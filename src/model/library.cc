#include "model/library.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "fetch/archive.h"
#include "graph/import.h"
#include "model/backbone.h"
#include "model/identify.h"
#include "model/record.h"
#include "model/source.h"

namespace graft {
namespace {

constexpr std::size_t kMaxFiles = 200;       // looked at in a folder
constexpr std::size_t kMaxGraphs = 16;       // read out of one archive
constexpr const char* kGraphSuffix = ".pb";  // of what may be a network within an archive

std::string or_here(const std::string& directory) {
  return directory.empty() ? "." : directory;
}

// A network read from somewhere, recognised and compiled.
struct Recognised {
  ModelSpec spec;
  std::string fingerprint;
  std::uint64_t multiply_adds = 0;
};

Result<Recognised> recognise(const ModelBytes& bytes) {
  const std::string subject = printable(bytes.origin);
  auto parsed = parse_graph_def(bytes.graph_def());
  if (!parsed.ok()) return with_context(subject, std::move(parsed).error());
  auto spec = identify_network(*parsed);
  if (!spec.ok()) return with_context(subject, std::move(spec).error());
  Backbone backbone = Backbone::create(*spec, bytes, {});
  GRAFT_TRY(backbone.compile());
  return Recognised{std::move(*spec), backbone.fingerprint(), backbone.multiply_adds()};
}

Error not_official(const std::string& path, const std::string& architecture,
                   const std::string& found, const std::string& official) {
  return corrupt(printable(path) + ": has the structure of " + architecture +
                 ", but not the published bytes (SHA-256 " + found + " instead of " + official +
                 "): get a good copy");
}

// --- import -------------------------------------------------------------------------------------

class Importer {
 public:
  explicit Importer(std::string model_dir) : model_dir_(std::move(model_dir)) {}

  Result<Import> import(const std::string& from) {
    if (!exists(from)) {
      return not_found(printable(from) + ": no such file or folder: check the spelling");
    }
    if (is_directory(from)) {
      for (const std::string& path : files_in(from)) try_file(path);
    } else {
      try_file(from);
    }
    if (conflict_) return std::move(*conflict_);
    if (!import_.networks.empty()) return std::move(import_);
    if (first_failure_) return std::move(*first_failure_);
    return unsupported(printable(from) +
                       ": holds no archive and no .pb file: give the file that you were handed");
  }

 private:
  // Archives and graphs of a folder and of the folders in it, sorted.
  static std::vector<std::string> files_in(const std::string& directory) {
    std::vector<std::string> files;
    std::error_code code;
    for (std::filesystem::recursive_directory_iterator at(directory, code), end;
         !code && at != end && files.size() < kMaxFiles; at.increment(code)) {
      std::error_code ignored;
      if (at.depth() >= 1) at.disable_recursion_pending();
      const std::string path = at->path().string();
      if (at->is_regular_file(ignored) &&
          (path.ends_with(kGraphSuffix) || looks_like_archive(path))) {
        files.push_back(path);
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  void try_file(const std::string& path) {
    auto done = looks_like_archive(path) ? import_archive(path) : import_graph(path);
    if (done.ok()) return;
    Error error = std::move(done).error();
    if (error.kind == ErrorKind::kInvalidArgument && !conflict_) conflict_ = error;
    import_.left_out.push_back(error.message);
    if (!first_failure_) first_failure_ = std::move(error);
  }

  Result<void> import_graph(const std::string& path) {
    GRAFT_ASSIGN(const ModelBytes bytes, open_graph_file(path));
    return place(bytes, path);
  }

  Result<void> import_archive(const std::string& path) {
    std::vector<std::string> graphs;
    const auto listed = read_archive_entry(path, [&graphs](std::string_view entry) {
      if (entry.ends_with(kGraphSuffix) && graphs.size() < kMaxGraphs) graphs.emplace_back(entry);
      return false;
    });
    if (listed.error().kind != ErrorKind::kNotFound) return listed.error();
    if (graphs.empty()) return unsupported(listed.error().message + ": no .pb file is in it");
    std::optional<Error> failure;
    std::size_t placed = 0;
    for (const std::string& graph : graphs) {
      auto content =
          read_archive_entry(path, [&graph](std::string_view entry) { return entry == graph; });
      if (!content.ok()) return std::move(content).error();
      ModelBytes bytes;
      bytes.origin = path + " (" + graph + ")";
      bytes.owned = std::make_shared<const Bytes>(std::move(content).value());
      auto done = place(bytes, path);
      placed += done.ok() ? 1 : 0;
      if (!done.ok() && !failure) failure = std::move(done).error();
    }
    if (failure && placed > 0 && failure->kind != ErrorKind::kInvalidArgument) {
      import_.left_out.push_back(failure->message);
      return {};
    }
    return failure ? Result<void>(std::move(*failure)) : Result<void>();
  }

  Result<void> place(const ModelBytes& bytes, const std::string& from) {
    GRAFT_ASSIGN(const Recognised network, recognise(bytes));
    const ModelSpec& spec = network.spec;
    if (!spec.graph_sha256.empty() && network.fingerprint != spec.graph_sha256) {
      return not_official(bytes.origin, spec.architecture, network.fingerprint, spec.graph_sha256);
    }
    const std::string name = join_path(spec.folder, spec.graph_file);
    const std::string path = join_path(model_dir_, name);
    if (exists(path)) {
      GRAFT_ASSIGN(const RecordedFile there, describe_file(path));
      if (there.sha256 != network.fingerprint) {
        return invalid_argument(printable(path) +
                                ": another file is there and is not overwritten: "
                                "move it away, or graft models remove " +
                                spec.architecture);
      }
      import_.networks.push_back({spec.architecture, path, true});
      return {};
    }
    GRAFT_TRY(write_atomically(path, bytes.graph_def()));
    GRAFT_ASSIGN(RecordedFile file, describe_file(path));
    file.source = printable(absolute_path(from));
    file.placed = true;
    GRAFT_TRY(
        update_record(model_dir_, [&](ModelRecord& record) { record[name] = std::move(file); }));
    import_.networks.push_back({spec.architecture, path, false});
    return {};
  }

  std::string model_dir_;
  Import import_;
  std::optional<Error> first_failure_, conflict_;
};

// --- the record of one installed file -----------------------------------------------------------

// Where the record lies that a file below model_dir (or model_dir itself) belongs to, and the
// file's name in it.
struct RecordName {
  std::string directory, name;
};

RecordName record_name(const std::string& model_dir, const std::string& path) {
  const std::string prefix = join_path(model_dir, "");
  if (is_directory(model_dir) && path.starts_with(prefix)) {
    return {model_dir, path.substr(prefix.size())};
  }
  return {parent_directory(path), file_name(path)};
}

// No write bit at all: its owner wants it left alone, by root too, whom the system would let write.
bool is_marked_read_only(const std::string& directory) {
  struct stat status {};
  return ::stat(directory.c_str(), &status) == 0 && (status.st_mode & 0222) == 0;
}

// Fills in what the record says of the file, or puts the file into it.
Result<void> compare_with_record(const RecordName& where, const RecordedFile& now,
                                 Verified& verified) {
  GRAFT_ASSIGN(const ModelRecord record, read_record(where.directory));
  const auto known = record.find(where.name);
  if (known == record.end()) {
    verified.first_seen = now.first_seen;
    if (is_marked_read_only(where.directory)) return {};  // kUnrecorded
    const auto recorded =
        update_record(where.directory, [&](ModelRecord& all) { all.emplace(where.name, now); });
    verified.checksum = recorded.ok() ? Checksum::kRecorded : Checksum::kUnrecorded;
    return {};
  }
  verified.first_seen = known->second.first_seen;
  verified.checksum = Checksum::kAsRecorded;
  if (known->second.sha256 == now.sha256) return {};
  return corrupt(printable(verified.path) + ": has changed since " + known->second.first_seen +
                 " (SHA-256 " + now.sha256 + ", then " + known->second.sha256 +
                 "): get a good copy, or, if you replaced it on purpose, take its entry out of " +
                 printable(record_path(where.directory)));
}

}  // namespace

Result<Import> import_networks(const std::string& from, const std::string& model_dir) {
  return Importer(or_here(model_dir)).import(from);
}

Result<Verified> verify_network(const ModelSpec& spec, const std::string& model_dir_as_given) {
  const std::string model_dir = or_here(model_dir_as_given);
  GRAFT_ASSIGN(const ModelBytes bytes, find_installed(spec, model_dir));
  Verified verified;
  verified.path = bytes.file;
  GRAFT_ASSIGN(const RecordedFile now, describe_file(verified.path));
  verified.sha256 = now.sha256;
  const std::string graph_sha256 = hex(sha256(bytes.graph_def()));
  if (now.sha256 == spec.sha256 || graph_sha256 == spec.graph_sha256) {
    verified.checksum = Checksum::kOfficial;
  } else if (!spec.graph_sha256.empty()) {
    return not_official(bytes.origin, spec.architecture, graph_sha256, spec.graph_sha256);
  } else {
    GRAFT_TRY(compare_with_record(record_name(model_dir, verified.path), now, verified));
  }
  GRAFT_ASSIGN(const Recognised network, recognise(bytes));
  verified.network = network.spec.architecture;
  verified.multiply_adds = network.multiply_adds;
  if (verified.network == spec.architecture) return verified;
  return corrupt(printable(bytes.origin) + ": is " + verified.network + ", not " +
                 spec.architecture + ": graft models import " + printable(verified.path) +
                 " puts it in its own place");
}

Result<std::vector<std::string>> remove_network(const ModelSpec& spec,
                                                const std::string& model_dir_as_given) {
  const std::string model_dir = or_here(model_dir_as_given);
  GRAFT_ASSIGN(const ModelRecord record, read_record(model_dir));
  const auto not_ours = [&](const std::string& path, const std::string& why) {
    return invalid_argument(printable(path) + ": " + why +
                            ", so graft does not delete it: if you mean to, rm '" +
                            printable(path) + "'");
  };
  std::vector<std::string> ours;
  for (const std::string& name : {join_path(spec.folder, spec.graph_file), spec.archive_file}) {
    const std::string path = join_path(model_dir, name);
    if (name.empty() || !exists(path)) continue;
    const auto entry = record.find(name);
    // Nothing but graft makes the built-in network.
    if (!spec.untrained) {
      if (entry == record.end() || !entry->second.placed) continue;
      GRAFT_ASSIGN(const RecordedFile now, describe_file(path));
      if (now.sha256 != entry->second.sha256) {
        return not_ours(path, "was changed since graft placed it");
      }
    }
    ours.push_back(path);
  }
  if (ours.empty()) {
    const std::string path = installed_at(spec, model_dir);
    if (!path.empty()) return not_ours(path, "was placed there by someone else than graft");
    return not_found(spec.architecture + ": is not in " + printable(model_dir) +
                     ": graft models lists what is");
  }
  for (const std::string& path : ours) {
    if (std::remove(path.c_str()) != 0) {
      return io_error(printable(path) + ": cannot be deleted: " + errno_text(errno) +
                      ": check the permissions of its folder");
    }
  }
  (void)::rmdir(join_path(model_dir, spec.folder).c_str());  // fails unless it is empty
  if (spec.untrained) return ours;
  GRAFT_TRY(update_record(model_dir, [&](ModelRecord& all) {
    for (const std::string& path : ours) {
      const auto entry = all.find(record_name(model_dir, path).name);
      if (entry != all.end()) entry->second.placed = false;
    }
  }));
  return ours;
}

}  // namespace graft
