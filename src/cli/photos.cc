#include "cli/photos.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/text.h"
#include "cli/interrupt.h"
#include "image/decode.h"

namespace graft {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxInput = std::uint64_t{1} << 30;

bool has_photo_extension(std::string_view path) {
  constexpr std::array<std::string_view, 11> kExtensions = {
      ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".jpe"};
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string extension = to_lower_ascii(path.substr(dot));
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

void collect_folder(const std::string& folder, PhotoList& list) {
  std::error_code error;
  std::vector<std::string> files, folders;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code ignored;
    const std::string path = join_path(folder, name);
    const bool link = fs::is_symlink(entry->symlink_status(ignored));
    if (entry->is_directory(ignored)) {
      if (!link) folders.push_back(path);
    } else {
      files.push_back(path);
    }
  }
  if (error) {
    const bool forbidden = error == std::errc::permission_denied;
    list.photos.push_back(
        {folder, printable(folder) + ": " + error.message() +
                     (forbidden ? ": check its permissions" : ": try again, or name its photos")});
  }
  std::sort(files.begin(), files.end());
  std::sort(folders.begin(), folders.end());
  for (std::string& file : files) {
    if (looks_like_photo(file)) {
      list.photos.push_back({std::move(file), {}});
    } else {
      ++list.passed_over;
    }
  }
  for (const std::string& f : folders) collect_folder(f, list);
}

// The smallest name in a folder that `wanted` accepts, hidden ones left out.
template <typename Wanted>
std::string first_name(const std::string& folder, const Wanted& wanted) {
  std::string first;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.starts_with('.') || (!first.empty() && name >= first) || !wanted(*entry)) continue;
    first = std::move(name);
  }
  return first.empty() ? "" : join_path(folder, first);
}

}  // namespace

bool looks_like_photo(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  if (has_photo_extension(path)) return true;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return false;
  std::array<std::byte, 32> head{};
  const ssize_t n = read(file, head.data(), head.size());
  close(file);
  return n > 0 &&
         sniff_format(std::span(head).first(static_cast<std::size_t>(n))) != ImageFormat::kUnknown;
}

Result<void> read_standard_input(Bytes& into) {
  constexpr std::size_t kPiece = std::size_t{1} << 16;
  into.clear();
  for (;;) {
    const std::size_t used = into.size();
    if (used > kMaxInput) return unsupported("standard input: more than 1 GiB: give less");
    into.resize(used + kPiece);
    const ssize_t n = read(STDIN_FILENO, into.data() + used, kPiece);
    const int error_number = errno;
    into.resize(used + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    if (n == 0) return {};
    if (n < 0 && error_number == EINTR && Interrupt::signal_number() != 0) {
      return cancelled("standard input: interrupted");
    }
    if (n < 0 && error_number != EINTR) {
      return io_error("standard input: " + errno_text(error_number) + ": pipe something in");
    }
  }
}

Result<PhotoList> collect_photos(std::span<const std::string> arguments, const std::string& list) {
  PhotoList result;
  result.many = arguments.size() > 1 || !list.empty();
  int standard_input = list == "-" ? 1 : 0;
  for (const std::string& argument : arguments) {
    if (argument.empty()) {
      return invalid_argument(
          "'': a photo's name is empty (a shell variable that was never set?): name a photo");
    }
    if (argument == "-" || argument == "/dev/stdin") {
      ++standard_input;
      result.photos.push_back({"-", {}});
    } else if (is_directory(argument)) {
      result.many = true;
      collect_folder(argument, result);
    } else {
      result.photos.push_back({argument, {}});
    }
  }
  if (standard_input > 1) {
    return invalid_argument("-: standard input is named twice: name it once");
  }
  if (standard_input == 1 && isatty(STDIN_FILENO) == 1) {
    return invalid_argument("-: standard input is a terminal: pipe something in");
  }
  if (!list.empty()) {
    std::string text;
    if (list == "-") {
      Bytes bytes;
      GRAFT_TRY(read_standard_input(bytes));
      text = as_text(bytes);
    } else {
      GRAFT_ASSIGN(text, read_text_file(list));
    }
    for (std::string& line : split_lines(text)) {
      if (!line.empty()) result.photos.push_back({std::move(line), {}});
    }
  } else if (arguments.empty()) {
    return invalid_argument(
        "photo: none given: name photos or a folder, or - for standard input, as in "
        "graft label "
        "a_photo.jpg");
  }
  if (result.photos.empty()) {
    return invalid_argument((arguments.empty() ? (list == "-" ? "standard input" : printable(list))
                                               : printable(arguments.front())) +
                            ": no photo in it" +
                            (result.passed_over > 0 ? " (" + format_count(result.passed_over) +
                                                          " files that are no photos)"
                                                    : "") +
                            ": name a photo, or a folder that has some");
  }
  return result;
}

std::string any_photo(const std::string& image_dir) {
  const std::string folder =
      first_name(image_dir, [](const fs::directory_entry& e) { return is_directory(e.path()); });
  if (folder.empty()) return "";
  return first_name(
      folder, [](const fs::directory_entry& e) { return has_photo_extension(e.path().native()); });
}

}  // namespace graft
