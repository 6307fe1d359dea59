// Reading folders: scan_image_folder and scan_text_caches of dataset.h.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <span>

#include "base/file.h"
#include "base/text.h"
#include "data/dataset.h"

namespace graft {
namespace {

enum class EntryKind : std::uint8_t {
  kFile,
  kFolder,
  kDangling,  // a link to nothing
  kLoop,      // a link that leads back to itself
  kSpecial,   // pipe, socket, device
  kUnknown,   // the system will not say
};

struct Entry {
  std::string name;
  EntryKind kind = EntryKind::kUnknown;
  int reason = 0;  // errno of kUnknown
};

EntryKind kind_of_mode(mode_t mode) {
  if (S_ISREG(mode)) return EntryKind::kFile;
  if (S_ISDIR(mode)) return EntryKind::kFolder;
  return EntryKind::kSpecial;
}

// The type that readdir gives away spares a stat for each of 20,000 photos; links are followed.
void resolve(int directory, unsigned char type, Entry& entry) {
  if (type == DT_REG) {
    entry.kind = EntryKind::kFile;
    return;
  }
  if (type == DT_DIR) {
    entry.kind = EntryKind::kFolder;
    return;
  }
  struct stat status {};
  if (::fstatat(directory, entry.name.c_str(), &status, 0) == 0) {
    entry.kind = kind_of_mode(status.st_mode);
    return;
  }
  entry.reason = errno;
  if (entry.reason == ELOOP) {
    entry.kind = EntryKind::kLoop;
  } else if (entry.reason == ENOENT && type != DT_UNKNOWN) {
    entry.kind = EntryKind::kDangling;
  }
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// The visible entries of a folder, sorted by name bytes; an errno in `failure` when it cannot be
// read to its end.
struct Listing {
  std::vector<Entry> entries;
  int failure = 0;
};

Listing list_folder(const std::string& path) {
  Listing listing;
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (directory == nullptr) {
    listing.failure = errno;
    return listing;
  }
  for (;;) {
    errno = 0;
    const dirent* found = ::readdir(directory.get());
    if (found == nullptr) {
      listing.failure = errno;
      break;
    }
    if (found->d_name[0] == '.') continue;
    Entry entry;
    entry.name = found->d_name;
    resolve(::dirfd(directory.get()), found->d_type, entry);
    listing.entries.push_back(std::move(entry));
  }
  std::sort(listing.entries.begin(), listing.entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return listing;
}

bool has_photo_extension(std::string_view name) {
  constexpr std::array<std::string_view, 10> kExtensions = {"jpg", "jpeg", "png",  "webp", "gif",
                                                            "bmp", "tif",  "tiff", "heic", "heif"};
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string extension = to_lower_ascii(name.substr(dot + 1));
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

// Do these look like the first bytes of a photo? Decides only whether a file without a photo's
// extension is meant; what it really is, the decoder says.
bool looks_like_photo(std::string_view head) {
  const auto at = [&](std::size_t offset, std::string_view bytes) {
    return head.size() >= offset && head.substr(offset).starts_with(bytes);
  };
  using std::string_view_literals::operator""sv;
  if (at(0, "\xFF\xD8\xFF"sv) || at(0, "\x89PNG\r\n\x1A\n"sv) || at(0, "GIF8"sv)) return true;
  if (at(0, "II*\0"sv) || at(0, "MM\0*"sv)) return true;  // TIFF
  if (at(0, "BM"sv) && at(6, "\0\0\0\0"sv)) return true;  // BMP: four reserved zeros
  if (at(0, "RIFF"sv) && at(8, "WEBP"sv)) return true;
  if (!at(4, "ftyp"sv)) return false;  // ISO media: by brand
  for (const auto brand :
       {"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv, "mif1"sv, "msf1"sv}) {
    if (at(8, brand)) return true;
  }
  return false;
}

enum class Sniffed : std::uint8_t { kPhoto, kOther, kUnreadable };

Sniffed sniff(const std::string& path, int& reason) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    reason = errno;
    return Sniffed::kUnreadable;
  }
  std::array<char, 16> head{};
  const ssize_t got = ::read(fd, head.data(), head.size());
  reason = errno;
  ::close(fd);
  if (got < 0) return Sniffed::kUnreadable;
  return looks_like_photo({head.data(), static_cast<std::size_t>(got)}) ? Sniffed::kPhoto
                                                                        : Sniffed::kOther;
}

// Why an entry that is no file is passed over.
std::string reason_for(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::kFolder:
      return "a folder inside a class folder: move its photos up, or make it a class of its own";
    case EntryKind::kDangling:
      return "a link to a file that is not there";
    case EntryKind::kLoop:
      return "a link that leads back to itself";
    case EntryKind::kSpecial:
      return "a pipe, socket or device, not a file";
    case EntryKind::kFile:
    case EntryKind::kUnknown:
      break;
  }
  return "cannot be read: " + errno_text(entry.reason);
}

// The photos of one class folder by name; everything else goes to `skipped`.
std::vector<std::string> photos_in(const std::string& folder_path, const Listing& listing,
                                   std::vector<Skipped>& skipped) {
  std::vector<std::string> photos;
  for (const Entry& entry : listing.entries) {
    const std::string path = join_path(folder_path, entry.name);
    if (entry.kind != EntryKind::kFile) {
      skipped.push_back({path, reason_for(entry)});
      continue;
    }
    if (has_photo_extension(entry.name)) {
      photos.push_back(entry.name);
      continue;
    }
    int reason = 0;
    switch (sniff(path, reason)) {
      case Sniffed::kPhoto:
        photos.push_back(entry.name);
        break;
      case Sniffed::kOther:
        skipped.push_back({path, "not a photo"});
        break;
      case Sniffed::kUnreadable:
        skipped.push_back({path, "cannot be read: " + errno_text(reason)});
        break;
    }
  }
  return photos;
}

// image_dir is not there: what is, and the name that was perhaps meant.
Error missing_folder(const std::string& image_dir, std::string_view flag) {
  std::string trimmed = image_dir;
  while (trimmed.size() > 1 && trimmed.ends_with('/')) trimmed.pop_back();
  std::string missing = trimmed;
  std::string parent = parent_directory(missing);
  while (!exists(parent) && parent != "." && parent != "/") {
    missing = parent;
    parent = parent_directory(missing);
  }
  const std::string shown = parent == "." ? "the current folder" : printable(parent);
  std::vector<std::string> folders;
  for (const Entry& entry : list_folder(parent).entries) {
    if (entry.kind == EntryKind::kFolder) folders.push_back(entry.name);
  }
  const std::string meant = nearest(file_name(missing), folders);
  return not_found(
      printable(image_dir) + ": there is no such folder (the nearest that exists is " + shown +
      "): " +
      (meant.empty()
           ? "check " + std::string(flag)
           : "did you mean " + printable(parent == "." ? meant : join_path(parent, meant)) + "?"));
}

Result<Listing> list_top(const std::string& path, std::string_view flag) {
  if (path.empty()) {
    return invalid_argument(std::string(flag) + ": empty: name the folder, as in " +
                            std::string(flag) + "=flower_photos");
  }
  if (path.find('\0') != std::string::npos) {
    return invalid_argument(printable(path) + ": a folder name cannot hold a zero byte");
  }
  Listing listing = list_folder(path);
  if (listing.failure == 0) return listing;
  if (listing.failure == ENOENT) return missing_folder(path, flag);
  if (listing.failure == ENOTDIR) {
    return invalid_argument(printable(path) +
                            ": is a file, not a folder: name the folder that "
                            "holds one subfolder a class");
  }
  return io_error(printable(path) + ": the folder cannot be read: " + errno_text(listing.failure) +
                  ": change its permissions");
}

Example make_example(const ScanOptions& options, const std::string& folder, std::string file,
                     std::size_t label) {
  Example example;
  example.path = join_path(join_path(options.image_dir, folder), file);
  example.folder = folder;
  example.file = std::move(file);
  example.label = static_cast<std::int32_t>(label);
  example.split = options.split.key == SplitKey::kPath
                      ? split_of(example.path, options.split)
                      : split_of(join_path(folder, example.file), options.split);
  return example;
}

void add_class(Dataset& dataset, const ScanOptions& options, const std::string& folder,
               std::vector<std::string> files) {
  const std::size_t label = dataset.classes.size();
  dataset.classes.push_back({folder, label_of(folder, options.labels)});
  for (std::string& file : files) {
    dataset.examples.push_back(make_example(options, folder, std::move(file), label));
  }
}

// No class has a photo: say what lies there instead.
Error nothing_found(const std::string& image_dir, const Listing& top, std::size_t photos_beside) {
  const std::string where = printable(image_dir);
  if (photos_beside > 0) {
    return invalid_argument(
        where + ": holds " + format_count(photos_beside) +
        " photos but no class folders: put the photos of each class into a folder named after it, "
        "as in " +
        where + "/daisy/1.jpg");
  }
  // The commonest slip: the folder above the one that was meant.
  for (const Entry& entry : top.entries) {
    if (entry.kind != EntryKind::kFolder) continue;
    const std::string below = join_path(image_dir, entry.name);
    std::size_t folders_with_photos = 0;
    for (const Entry& inner : list_folder(below).entries) {
      if (inner.kind != EntryKind::kFolder) continue;
      const Listing innermost = list_folder(join_path(below, inner.name));
      folders_with_photos +=
          std::any_of(innermost.entries.begin(), innermost.entries.end(),
                      [](const Entry& e) {
                        return e.kind == EntryKind::kFile && has_photo_extension(e.name);
                      })
              ? 1
              : 0;
    }
    if (folders_with_photos >= 2) {
      return invalid_argument(where + ": its folders hold no photos: did you mean " +
                              printable(below) + "?");
    }
  }
  const bool any_folder = std::any_of(top.entries.begin(), top.entries.end(),
                                      [](const Entry& e) { return e.kind == EntryKind::kFolder; });
  return invalid_argument(where + ": No valid folders of images found: " +
                          (any_folder ? "its folders hold no photos" : "it has no folders") +
                          ": give the folder that holds one subfolder of photos a class");
}

// The classes that are missed may lie in folders that could not be read.
Error and_unread(Error error, const std::vector<Skipped>& unread) {
  for (const Skipped& folder : unread) {
    error.message += " (" + printable(folder.path) + ": " + folder.reason + ")";
  }
  return error;
}

}  // namespace

Result<Dataset> scan_image_folder(const ScanOptions& options) {
  GRAFT_TRY(check_percentages(options.split));
  GRAFT_ASSIGN(const Listing top, list_top(options.image_dir, "--image_dir"));
  Dataset dataset;
  dataset.image_dir = options.image_dir;
  std::vector<Skipped> beside, unread;
  for (const Entry& entry : top.entries) {
    const std::string path = join_path(options.image_dir, entry.name);
    if (entry.kind == EntryKind::kFile) {
      if (has_photo_extension(entry.name)) {
        beside.push_back({path, "lies beside the class folders: move it into one of them"});
      }
      continue;
    }
    if (entry.kind != EntryKind::kFolder) {
      dataset.skipped.push_back({path, reason_for(entry)});
      continue;
    }
    const Listing listing = list_folder(path);
    if (listing.failure != 0) {
      unread.push_back({path, "the folder cannot be read: " + errno_text(listing.failure)});
      dataset.skipped.push_back(unread.back());
      continue;
    }
    std::vector<std::string> photos = photos_in(path, listing, dataset.skipped);
    if (photos.empty()) {
      dataset.warnings.push_back(printable(entry.name) +
                                 ": No files found: the folder holds no photos and is left out");
      continue;
    }
    add_class(dataset, options, entry.name, std::move(photos));
  }
  if (dataset.classes.empty()) {
    return and_unread(nothing_found(options.image_dir, top, beside.size()), unread);
  }
  dataset.skipped.insert(dataset.skipped.end(), beside.begin(), beside.end());
  if (options.for_training) {
    auto usable = check_classes(dataset);
    if (!usable.ok()) return and_unread(std::move(usable).error(), unread);
  }
  add_size_warnings(dataset);
  return dataset;
}

Result<Dataset> scan_text_caches(const std::string& bottleneck_dir, const std::string& architecture,
                                 const ScanOptions& options) {
  GRAFT_TRY(check_percentages(options.split));
  if (options.image_dir.empty()) {
    return invalid_argument("--image_dir: empty: name the folder, as in --image_dir=flower_photos");
  }
  GRAFT_ASSIGN(const Listing top, list_top(bottleneck_dir, "--bottleneck_dir"));
  const std::string suffix = "_" + architecture + ".txt";
  Dataset dataset;
  dataset.image_dir = options.image_dir;
  std::set<std::string> other_architectures;
  for (const Entry& entry : top.entries) {
    const std::string path = join_path(bottleneck_dir, entry.name);
    if (entry.kind != EntryKind::kFolder) continue;
    const Listing listing = list_folder(path);
    if (listing.failure != 0) {
      dataset.skipped.push_back(
          {path, "the folder cannot be read: " + errno_text(listing.failure)});
      continue;
    }
    std::vector<std::string> photos;
    for (const Entry& cache : listing.entries) {
      if (cache.kind != EntryKind::kFile || !cache.name.ends_with(".txt")) continue;
      if (cache.name.ends_with(suffix) && cache.name.size() > suffix.size()) {
        photos.push_back(cache.name.substr(0, cache.name.size() - suffix.size()));
        continue;
      }
      // "photo.jpg_mobilenet_0.50_224.txt": what follows the photo's name is the architecture.
      const std::string stem = cache.name.substr(0, cache.name.size() - 4);
      for (const std::string_view mark : {"_mobilenet_", "_inception_"}) {
        const std::size_t at = stem.rfind(mark);
        if (at != std::string::npos) other_architectures.insert(stem.substr(at + 1));
      }
    }
    // The names were sorted with the suffix on; without it "a" precedes "a_b" differently.
    std::sort(photos.begin(), photos.end());
    if (!photos.empty()) add_class(dataset, options, entry.name, std::move(photos));
  }
  if (dataset.classes.empty()) {
    std::string found;
    for (const std::string& name : other_architectures) {
      found += (found.empty() ? "" : ", ") + printable(name);
    }
    return not_found(printable(bottleneck_dir) + ": holds no text caches of " +
                     printable(architecture) + ": " +
                     (found.empty() ? "expected <class>/<photo>" + printable(suffix)
                                    : "it has those of " + found + ", choose that --architecture"));
  }
  GRAFT_TRY(check_classes(dataset));
  add_size_warnings(dataset);
  return dataset;
}

}  // namespace graft
