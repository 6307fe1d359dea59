#include "model/source.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.h"
#include "fetch/archive.h"

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

std::string command_to_get(const ModelSpec& spec, const std::string& model_dir) {
  const std::string archive = join_path(model_dir, spec.archive_file);
  return "mkdir -p " + printable(shell_quoted(model_dir)) + " && curl -fL " + spec.url + " -o " +
         printable(shell_quoted(archive));
}

std::string get_good_copy(const ModelSpec& spec, const std::string& path) {
  return "delete it and get it again: curl -fL " + spec.url + " -o " +
         printable(shell_quoted(path));
}

// Is this entry of an archive the spec's network? Its own folder, or a file without a folder.
bool is_wanted_entry(const ModelSpec& spec, std::string_view entry) {
  while (entry.starts_with("./")) entry.remove_prefix(2);
  return entry == spec.graph_file || entry == spec.folder + "/" + spec.graph_file;
}

// The other network that an archive's folder names belong to, or "".
std::string architecture_of_folder(std::string_view folder, bool quantized) {
  for (const ModelSpec& spec : all_models()) {
    if (spec.folder == folder && spec.quantized == quantized) return spec.architecture;
  }
  return "";
}

Result<ModelBytes> open_graph_file(const std::string& path) {
  GRAFT_ASSIGN(MappedFile file, MappedFile::open(path));
  if (file.bytes().empty()) {
    return corrupt(printable(path) + ": is empty: put a good copy in its place");
  }
  if (looks_like_html(file.bytes())) {
    return corrupt(printable(path) +
                   ": is a web page, not a network: the download gave an error page; get the file "
                   "again");
  }
  ModelBytes bytes;
  bytes.origin = path;
  bytes.mapped = std::make_shared<const MappedFile>(std::move(file));
  return bytes;
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

// What lies in model_dir that a person probably took for the network: one clause, or "".
std::string nearly_right(const ModelSpec& spec, const std::string& model_dir) {
  const std::string folder = join_path(model_dir, spec.folder);
  if (is_directory(folder)) {
    const std::string other_file = spec.quantized ? "frozen_graph.pb" : "quantized_graph.pb";
    if (exists(join_path(folder, other_file))) {
      return printable(folder) + " holds only " + other_file +
             ", which is --architecture=" + architecture_of_folder(spec.folder, !spec.quantized);
    }
    return printable(folder) + " is there but holds no " + spec.graph_file;
  }
  const std::string own_folder = file_name(absolute_path(model_dir));
  const std::string own = architecture_of_folder(own_folder, spec.quantized);
  if (!own.empty() && own != spec.architecture && exists(join_path(model_dir, spec.graph_file))) {
    return printable(model_dir) + " is the folder of " + own;
  }
  std::string another;
  for (const Entry& entry : list_directory(model_dir)) {
    const std::string path = join_path(model_dir, entry.name);
    if (entry.directory) {
      const bool has_graph = exists(join_path(path, spec.graph_file));
      const std::string known = architecture_of_folder(entry.name, spec.quantized);
      if (has_graph && known.empty()) {
        return printable(join_path(path, spec.graph_file)) +
               " is there: if that is it, name its "
               "folder " +
               spec.folder;
      }
      if (has_graph && another.empty()) another = printable(path) + ", which is " + known;
      continue;
    }
    // "x_frozen (1).tgz", "x_frozen.tgz.part", "x_frozen.tar.gz": a browser's names for the
    // archive.
    if (entry.name.find(spec.folder) != std::string::npos) {
      const bool unfinished = entry.name.ends_with(".part") ||
                              entry.name.ends_with(".crdownload") ||
                              entry.name.ends_with(".download");
      return printable(path) +
             (unfinished ? " is there, a download that was not finished"
                         : " is there: if that is the archive, rename it " + spec.archive_file);
    }
    for (const ModelSpec& other : all_models()) {
      if (another.empty() && !other.archive_file.empty() && entry.name == other.archive_file &&
          other.quantized == spec.quantized) {
        another = printable(path) + ", which is " + other.architecture;
      }
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

// --model_dir that names the file itself.
Result<ModelBytes> open_named_file(const ModelSpec& spec, const std::string& path) {
  if (path.ends_with(".pb")) return open_graph_file(path);
  if (path.ends_with(".tgz") || path.ends_with(".tar.gz") || path.ends_with(".tar") ||
      path.ends_with(".zip")) {
    return open_archive(spec, path);
  }
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

Result<ModelBytes> find_installed(const ModelSpec& spec, const std::string& model_dir_as_given) {
  const std::string model_dir = model_dir_as_given.empty() ? "." : model_dir_as_given;
  if (exists(model_dir) && !is_directory(model_dir)) return open_named_file(spec, model_dir);

  const std::string folder = join_path(model_dir, spec.folder);
  std::vector<std::string> graphs = {join_path(folder, spec.graph_file)};
  // A bare frozen_graph.pb does not say which width it is; a folder with another network's name
  // does.
  const std::string own_folder = file_name(absolute_path(model_dir));
  const std::string own = architecture_of_folder(own_folder, spec.quantized);
  if (!spec.untrained && (own.empty() || own == spec.architecture)) {
    graphs.push_back(join_path(model_dir, spec.graph_file));
  }
  // Unpacked by a file manager: a folder in a folder of the same name.
  graphs.push_back(join_path(join_path(folder, spec.folder), spec.graph_file));
  for (const std::string& path : graphs) {
    if (exists(path)) return open_graph_file(path);
  }
  if (!spec.archive_file.empty()) {
    for (const std::string& path :
         {join_path(model_dir, spec.archive_file), join_path(folder, spec.archive_file)}) {
      if (exists(path)) return open_archive(spec, path);
    }
  }
  return not_installed(spec, model_dir);
}

std::string installed_at(const ModelSpec& spec, const std::string& model_dir) {
  const std::string folder = join_path(model_dir, spec.folder);
  std::vector<std::string> places = {join_path(folder, spec.graph_file)};
  if (!spec.folder.empty() && file_name(model_dir) == spec.folder) {
    places.push_back(join_path(model_dir, spec.graph_file));
  }
  if (!spec.archive_file.empty()) {
    places.push_back(join_path(model_dir, spec.archive_file));
    places.push_back(join_path(folder, spec.archive_file));
  }
  for (const std::string& place : places) {
    if (exists(place) && !is_directory(place)) return place;
  }
  return "";
}

Result<ModelBytes> open_model(const ModelSpec& spec, const SourceOptions& options,
                              std::stop_token stop) {
  auto installed = find_installed(spec, options.model_dir);
  if (installed.ok() || installed.error().kind != ErrorKind::kNotFound || !options.allow_download ||
      spec.url.empty()) {
    return installed;
  }
  const std::string model_dir = options.model_dir.empty() ? "." : options.model_dir;
  GRAFT_TRY(make_directories(model_dir));
  const std::string archive = join_path(model_dir, spec.archive_file);
  DownloadOptions download_options;
  download_options.sha256 = spec.sha256;
  download_options.on_progress = options.on_progress;
  auto downloaded = download(spec.url, archive, download_options, std::move(stop));
  if (!downloaded.ok()) {
    Error error = std::move(downloaded).error();
    if (error.kind == ErrorKind::kCancelled) return error;
    const std::string hint = nearly_right(spec, model_dir);
    error.message = spec.architecture + ": not in " + printable(model_dir) +
                    (hint.empty() ? "" : " (" + hint + ")") + ", and the download failed (" +
                    error.message + "): bring the archive from elsewhere and put it at " +
                    printable(archive);
    return error;
  }
  auto fetched = find_installed(spec, options.model_dir);
  // What was written a moment ago and turned out useless must not greet the next run.
  if (!fetched.ok() && fetched.error().kind == ErrorKind::kCorrupt) std::remove(archive.c_str());
  return fetched;
}

}  // namespace graft
