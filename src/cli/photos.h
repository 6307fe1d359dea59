// Which photos a command line means: files, folders, lists, standard input.
// Thread rule: pure functions of the file system.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace graft {

struct PhotoList {
  struct Photo {
    std::string path;   // literal bytes; "-": standard input's bytes
    std::string error;  // not empty: why it cannot be read (a folder without permission, say)
  };
  std::vector<Photo> photos;
  std::size_t passed_over = 0;  // files of folders that are no photos
  bool many = false;            // asked for as a set: output names each photo
};

// arguments: photos, folders (every photo below them, in byte order; links to folders are not
// followed, hidden files and folders are passed over) and "-" or "/dev/stdin" (one photo's bytes on
// standard input). list: a file of paths, one a line, or "-" for standard input; "" for none.
// kInvalidArgument: nothing named, an empty name, no photo in what was named, or standard input
// named twice.
Result<PhotoList> collect_photos(std::span<const std::string> arguments, const std::string& list);

// All of standard input, at most 1 GiB. kIo; kUnsupported when more.
Result<void> read_standard_input(Bytes& into);

// By extension or, where that says nothing, by the first bytes; never opens what could block.
bool looks_like_photo(const std::string& path);

// The first photo of the first class folder, to put into an example; "" when there is none.
std::string any_photo(const std::string& image_dir);

}  // namespace graft
