// Event files for the targets that read them. Thread rule: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace graft::fuzz {

// Small logs: TensorFlow's, TensorBoard's, and one with a value of each kind that the board shows.
std::vector<std::string> event_files();
// Puts both checksums of each record right, as far as the lengths lead through the bytes: a changed
// record would be refused for them alone.
void mend_records(std::span<std::uint8_t> file);
// As LLVMFuzzerCustomMutator: libFuzzer's own changes, mostly with the checksums put right again.
std::size_t mutate_event_file(std::uint8_t* data, std::size_t size, std::size_t max_size,
                              unsigned int seed);

}  // namespace graft::fuzz
