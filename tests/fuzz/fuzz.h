// What the fuzz targets share. A target is one source file with the two functions below: what it
// promises of any bytes, and real files to start from. libFuzzer calls them through fuzz.cc.
// Thread rule: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace graft::fuzz {

// Ends the process, by require(), where the target's promise does not hold.
void try_bytes(std::span<const std::byte> bytes);
// Small real files of the format: the search begins with their changes.
std::vector<std::string> seeds();

// Prints `what` and aborts unless it holds: a finding.
void require(bool holds, std::string_view what);
// One line of a size that can be shown, and of one of these kinds: what refused bytes get.
void require_refusal(const Error& error);

// The bytes as a regular file, in memory, for as long as the object lives.
class MemoryFile {
 public:
  explicit MemoryFile(std::span<const std::byte> bytes);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  int fd_ = -1;
  std::string path_;
};

// The content of a file that a seed was written to, or of the tree's (tests/golden/…).
std::string file_content(const std::string& path);
std::string source_file(const std::string& relative);
// All files of a folder of the tree whose name ends so, in the order of their names.
std::vector<std::string> source_files(const std::string& folder, std::string_view suffix);

}  // namespace graft::fuzz

// libFuzzer's entry points. Of the mutators a target defines one where random changes of bytes
// would not get past a checksum or a parser; LLVMFuzzerMutate is the ordinary one.
extern "C" {
int LLVMFuzzerInitialize(int* argc, char*** argv);
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned int seed);
std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data1, std::size_t size1,
                                      const std::uint8_t* data2, std::size_t size2,
                                      std::uint8_t* out, std::size_t max_size, unsigned int seed);
}
