#include "model/source.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/text.h"
#include "fetch/archive.h"
#include "fetch/mirrors.h"
#include "model/record.h"

namespace graft {
namespace {

constexpr std::size_t kMaxListedEntries = 2000;

bool looks_like_html(std::span<const std::byte> bytes) {
  const std::string head =
      to_lower_ascii(as_text(bytes.first(std::min<std::size_t>(bytes.size(), 512))));
  return head.find("<html") != std::string::npos || head.find("<!doctype") != std::string::npos;
}

std::string shell_quoted(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:+,@%=";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string get_good_copy(const ModelSpec& spec, const std::string& path) {
  return "delete it and get it again: curl -fL " + spec.url + " -o " +
         printable(shell_quoted(path));
}

// The float network of the spec's folder: what its other spellings are compared with. "" for one
// whose name nobody spells.
std::string base_of(const ModelSpec& spec) {
  return spec.untrained ? "" : architecture_named_by(spec.folder);
}

bool is_named(const ModelSpec& spec, std::string_view name) {
  const std::string base = base_of(spec);
  return !base.empty() && architecture_named_by(name) == base;
}

// Is this entry of an archive the spec's network? Its own folder, or a file without a folder.
bool is_wanted_entry(const ModelSpec& spec, std::string_view entry) {
  while (entry.starts_with("./")) entry.remove_prefix(2);
  if (entry == spec.graph_file || entry == spec.folder + "/" + spec.graph_file) return true;
  return file_name(entry) == spec.graph_file && is_named(spec, file_name(parent_directory(entry)));
}

// The other network that an archive's folder names belong to, or "".
std::string architecture_of_folder(std::string_view folder, bool quantized) {
  for (const ModelSpec& spec : all_models()) {
    if (spec.folder == folder && spec.quantized == quantized) return spec.architecture;
  }
  return "";
}

Result<ModelBytes> open_archive(const ModelSpec& spec, const std::string& path) {
  {
    GRAFT_ASSIGN(const MappedFile file, MappedFile::open(path));
    const auto bytes = file.bytes();
    if (bytes.empty()) {
      return corrupt(printable(path) +
                     ": is empty, a download that never began: " + get_good_copy(spec, path));
    }
    if (looks_like_html(bytes)) {
      return corrupt(printable(path) +
                     ": is a web page saved under the archive's name (an error or log-in page): " +
                     get_good_copy(spec, path));
    }
  }
  std::vector<std::string> seen;
  auto content = read_archive_entry(path, [&](std::string_view entry) {
    if (seen.size() < kMaxListedEntries) seen.emplace_back(entry);
    return is_wanted_entry(spec, entry);
  });
  if (content.ok()) {
    ModelBytes bytes;
    bytes.file = path;
    bytes.origin = path + " (" + spec.graph_file + ")";
    bytes.owned = std::make_shared<const Bytes>(std::move(content).value());
    return bytes;
  }
  Error error = std::move(content).error();
  if (error.kind == ErrorKind::kNotFound) {
    for (const std::string& entry : seen) {
      const std::string other =
          architecture_of_folder(file_name(parent_directory(entry)), spec.quantized);
      if (!other.empty()) {
        return corrupt(
            printable(path) + ": holds " + other + ", not " + spec.architecture +
            ": rename it, and get the right one: " + command_to_get(spec, parent_directory(path)));
      }
    }
    return corrupt(printable(path) + ": holds no " + spec.folder + "/" + spec.graph_file + " (" +
                   error.message + "): " + get_good_copy(spec, path));
  }
  if (error.kind == ErrorKind::kCorrupt) {
    return corrupt(printable(path) + ": is cut short or damaged, half a download perhaps (" +
                   error.message + "): " + get_good_copy(spec, path));
  }
  return error;
}

struct Entry {
  std::string name;
  bool directory = false;
};

// Sorted by name, so that messages are the same on every machine.
std::vector<Entry> list_directory(const std::string& directory) {
  std::vector<Entry> entries;
  std::error_code code;
  std::filesystem::directory_iterator it(directory, code);
  while (!code && it != std::filesystem::directory_iterator() &&
         entries.size() < kMaxListedEntries) {
    std::error_code ignored;
    entries.push_back({it->path().filename().string(), it->is_directory(ignored)});
    it.increment(code);
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

bool is_archive_name(std::string_view name) {
  const std::string lower = to_lower_ascii(name);
  return lower.ends_with(".tgz") || lower.ends_with(".tar.gz") || lower.ends_with(".tar") ||
         lower.ends_with(".zip");
}

bool is_unfinished_name(std::string_view name) {
  return name.ends_with(".part") || name.ends_with(".crdownload") || name.ends_with(".download");
}

struct Place {
  std::string path;
  bool archive = false;
};

std::optional<Place> first_file(const std::vector<Place>& places) {
  for (const Place& place : places) {
    if (exists(place.path) && !is_directory(place.path)) return place;
  }
  return std::nullopt;
}

// The places that the documents name. bare_counts: a graph file in model_dir itself belongs to any
// network, because it does not say which it is; else only where the folder's name says so.
std::optional<Place> usual_place(const ModelSpec& spec, const std::string& model_dir,
                                 bool bare_counts) {
  const std::string folder = join_path(model_dir, spec.folder);
  std::vector<Place> places = {{join_path(folder, spec.graph_file)}};
  const std::string own_folder = file_name(absolute_path(model_dir));
  const bool named = own_folder == spec.folder || is_named(spec, own_folder);
  if (named || (bare_counts && !spec.untrained && architecture_named_by(own_folder).empty())) {
    places.push_back({join_path(model_dir, spec.graph_file)});
  }
  // Unpacked by a file manager: a folder in a folder of the same name.
  places.push_back({join_path(join_path(folder, spec.folder), spec.graph_file)});
  if (!spec.archive_file.empty()) {
    places.push_back({join_path(model_dir, spec.archive_file), true});
    places.push_back({join_path(folder, spec.archive_file), true});
  }
  return first_file(places);
}

// Folders and files under other names for the same network: "mobilenet_0.50_224/frozen_graph.pb",
// "mobilenet_v1_0.50_224_frozen (1).tgz", "mobilenet_v1_0.5_224.pb".
std::optional<Place> unusual_place(const ModelSpec& spec, const std::string& model_dir) {
  if (base_of(spec).empty()) return std::nullopt;
  for (const Entry& entry : list_directory(model_dir)) {
    if (!is_named(spec, entry.name)) continue;
    const std::string path = join_path(model_dir, entry.name);
    std::vector<Place> places;
    if (entry.directory) {
      places.push_back({join_path(path, spec.graph_file)});
      places.push_back({join_path(join_path(path, spec.folder), spec.graph_file)});
    } else if (is_archive_name(entry.name)) {
      places.push_back({path, true});
    } else if (entry.name.ends_with(".pb") &&
               (entry.name.find("quant") != std::string::npos) == spec.quantized) {
      places.push_back({path});
    }
    if (auto found = first_file(places)) return found;
  }
  return std::nullopt;
}

std::optional<Place> find_place(const ModelSpec& spec, const std::string& model_dir,
                                bool bare_counts) {
  const auto place = usual_place(spec, model_dir, bare_counts);
  return place ? place : unusual_place(spec, model_dir);
}

// The spec's folder without its graph file: what is in it instead.
std::string wrong_in_folder(const ModelSpec& spec, const std::string& folder) {
  const std::string other_file = spec.quantized ? "frozen_graph.pb" : "quantized_graph.pb";
  if (exists(join_path(folder, other_file))) {
    return printable(folder) + " holds only " + other_file +
           ", which is --architecture=" + architecture_of_folder(spec.folder, !spec.quantized);
  }
  return printable(folder) + " is there but holds no " + spec.graph_file;
}

// A name of another network as --architecture would have it, of the kind that is looked for.
std::string of_same_kind(const std::string& float_network, const ModelSpec& spec) {
  return float_network +
         (spec.quantized && float_network.starts_with("mobile") ? "_quantized" : "");
}

// What lies in model_dir that a person probably took for the network: one clause, or "".
std::string nearly_right(const ModelSpec& spec, const std::string& model_dir) {
  const std::string folder = join_path(model_dir, spec.folder);
  if (is_directory(folder)) return wrong_in_folder(spec, folder);
  const std::string own = architecture_named_by(file_name(absolute_path(model_dir)));
  if (!own.empty() && own != base_of(spec) && exists(join_path(model_dir, spec.graph_file))) {
    return printable(model_dir) + " is the folder of " + of_same_kind(own, spec);
  }
  std::string another;
  for (const Entry& entry : list_directory(model_dir)) {
    const std::string path = join_path(model_dir, entry.name);
    const std::string known = architecture_named_by(entry.name);
    if (entry.directory) {
      const bool has_graph = exists(join_path(path, spec.graph_file));
      if (is_named(spec, entry.name)) return wrong_in_folder(spec, path);
      if (has_graph && known.empty()) {
        return printable(join_path(path, spec.graph_file)) + " is there: graft models import " +
               printable(shell_quoted(path)) + " tells which network that is and puts it in place";
      }
      if (has_graph && another.empty())
        another = printable(path) + ", which is " + of_same_kind(known, spec);
      continue;
    }
    if (is_unfinished_name(entry.name) && entry.name.find(spec.folder) != std::string::npos) {
      return printable(path) + " is there, a download that was not finished";
    }
    if (another.empty() && !known.empty() && is_archive_name(entry.name)) {
      another = printable(path) + ", which is " + of_same_kind(known, spec);
    }
  }
  return another.empty() ? "" : "there is " + another;
}

Error not_installed(const ModelSpec& spec, const std::string& model_dir) {
  if (spec.untrained) {
    return not_found(spec.architecture + ": not made yet in " + printable(model_dir) +
                     ": it is made from photos; give --image_dir");
  }
  std::string cause;
  if (!exists(model_dir)) {
    cause = "there is no folder " + printable(model_dir);
  } else {
    cause = "neither " + spec.folder + "/" + spec.graph_file + " nor " + spec.archive_file +
            " is in " + printable(model_dir);
    const std::string hint = nearly_right(spec, model_dir);
    if (!hint.empty()) cause += " (" + hint + ")";
  }
  return not_found(spec.architecture + ": " + cause +
                   ": get it with: " + command_to_get(spec, model_dir));
}

// A mirror that goes on sending is cut off well above what the archive can be.
std::uint64_t most_bytes(const ModelSpec& spec) {
  constexpr std::uint64_t kLeast = std::uint64_t{64} << 20;
  return std::max(kLeast, 2 * spec.archive_size.bytes);
}

// A downloaded network against the table: an archive's own checksum is not always known.
Result<ModelBytes> check_graph(const ModelSpec& spec, Result<ModelBytes> fetched) {
  if (!fetched.ok() || spec.graph_sha256.empty()) return fetched;
  const std::string found = hex(sha256(fetched->graph_def()));
  if (found == spec.graph_sha256) return fetched;
  return corrupt(printable(fetched->origin) + ": is not the published network (SHA-256 " + found +
                 " instead of " + spec.graph_sha256 + "): discarded, get it elsewhere");
}

// --model_dir that names the file itself.
Result<ModelBytes> open_named_file(const ModelSpec& spec, const std::string& path) {
  if (path.ends_with(".pb")) return open_graph_file(path);
  if (is_archive_name(path)) return open_archive(spec, path);
  return invalid_argument("--model_dir " + printable(path) +
                          ": is a file, neither .pb nor .tgz: give the folder that the network is "
                          "kept in");
}

}  // namespace

std::span<const std::byte> ModelBytes::graph_def() const {
  if (mapped) return mapped->bytes();
  if (owned) return {owned->data(), owned->size()};
  return {};
}

Result<ModelBytes> open_graph_file(const std::string& path) {
  GRAFT_ASSIGN(MappedFile file, MappedFile::open(path));
  if (file.bytes().empty()) {
    return corrupt(printable(path) + ": is empty: put a good copy in its place");
  }
  if (looks_like_html(file.bytes())) {
    return corrupt(printable(path) +
                   ": is a web page, not a network: the download gave an error page: get the file "
                   "again");
  }
  ModelBytes bytes;
  bytes.file = bytes.origin = path;
  bytes.mapped = std::make_shared<const MappedFile>(std::move(file));
  return bytes;
}

std::string command_to_get(const ModelSpec& spec, const std::string& model_dir) {
  if (spec.url.empty()) return "";
  const std::string archive = join_path(model_dir, spec.archive_file);
  return "mkdir -p " + printable(shell_quoted(model_dir)) + " && curl -fL " + spec.url + " -o " +
         printable(shell_quoted(archive));
}

Result<ModelBytes> find_installed(const ModelSpec& spec, const std::string& model_dir_as_given) {
  const std::string model_dir = model_dir_as_given.empty() ? "." : model_dir_as_given;
  if (exists(model_dir) && !is_directory(model_dir)) return open_named_file(spec, model_dir);

  const auto place = find_place(spec, model_dir, true);
  if (!place) return not_installed(spec, model_dir);
  return place->archive ? open_archive(spec, place->path) : open_graph_file(place->path);
}

std::string installed_at(const ModelSpec& spec, const std::string& model_dir_as_given) {
  const std::string model_dir = model_dir_as_given.empty() ? "." : model_dir_as_given;
  const auto place = find_place(spec, model_dir, false);
  return place ? place->path : "";
}

Result<ModelBytes> open_model(const ModelSpec& spec, const SourceOptions& options,
                              const std::stop_token& stop) {
  auto installed = find_installed(spec, options.model_dir);
  if (installed.ok() || installed.error().kind != ErrorKind::kNotFound || !options.allow_download ||
      spec.url.empty()) {
    return installed;
  }
  const std::string model_dir = options.model_dir.empty() ? "." : options.model_dir;
  GRAFT_TRY(make_directories(model_dir));
  GRAFT_ASSIGN(const ModelRecord record, read_record(model_dir));
  const std::string archive = join_path(model_dir, spec.archive_file);
  DownloadOptions download_options;
  download_options.max_bytes = most_bytes(spec);
  download_options.sha256 = spec.sha256;
  const auto known = record.find(spec.archive_file);
  const bool by_record = spec.sha256.empty() && known != record.end();
  if (by_record) download_options.sha256 = known->second.sha256;
  download_options.on_progress = options.on_progress;
  const auto downloaded =
      download_any(with_mirrors(spec.url, options.mirrors), archive, download_options, stop);
  if (!downloaded.ok()) {
    Error error = downloaded.error();
    if (error.kind == ErrorKind::kCancelled) return error;
    const std::string hint = nearly_right(spec, model_dir);
    error.message = spec.architecture + ": not in " + printable(model_dir) +
                    (hint.empty() ? "" : " (" + hint + ")") + ", and the download failed (" +
                    error.message + "): bring the archive from elsewhere and put it at " +
                    printable(archive);
    if (by_record && error.kind == ErrorKind::kCorrupt) {
      error.message += "; " + printable(record_path(model_dir)) + " has the checksum of " +
                       known->second.first_seen +
                       ": if the published file did change, take its entry out of there";
    }
    return error;
  }
  auto fetched = check_graph(spec, find_installed(spec, options.model_dir));
  // What was written a moment ago and turned out useless must not greet the next run.
  if (!fetched.ok() && fetched.error().kind == ErrorKind::kCorrupt) {
    std::remove(archive.c_str());
    return fetched;
  }
  GRAFT_ASSIGN(RecordedFile file, describe_file(archive));
  file.source = printable(*downloaded);
  file.placed = true;
  GRAFT_TRY(update_record(model_dir,
                          [&](ModelRecord& all) { all[spec.archive_file] = std::move(file); }));
  return fetched;
}

}  // namespace graft
