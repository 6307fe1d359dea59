// Any bytes taken for a network are refused with one line, or become a program that is known to be
// within its caps before it runs, and runs. Import, rewriting, compilation and kernels.
#include <algorithm>
#include <array>

#include "base/hash.h"
#include "fuzz.h"
#include "graph/import.h"
#include "graph/test_damage.h"
#include "graph/test_graph.h"
#include "wire/serialize.h"

namespace graft::fuzz {
namespace {

// What fits into max_size is copied; 0: it does not fit.
std::size_t put(const wire::GraphDef& def, std::uint8_t* out, std::size_t max_size) {
  const auto bytes = wire::serialize(def);
  if (!bytes.ok() || bytes->empty() || bytes->size() > max_size) return 0;
  std::copy_n(reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size(), out);
  return bytes->size();
}

std::span<const std::byte> bytes_at(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  const auto def = parse_graph_def(bytes);
  if (!def.ok()) return require_refusal(def.error());
  if (const auto summary = summarize(*def); !summary.ok()) require_refusal(summary.error());
  // Making ready takes oneDNN far longer than the rest, so not every graph goes there.
  const bool reference = xxh3_64(bytes) % 4 != 0;
  const auto used = use_untrusted(*def, reference ? "reference" : "");
  if (!used.ok()) require_refusal(used.error());
}

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const wire::GraphDef& def : sound_graphs()) all.push_back(bytes_of(def));
  return all;
}

}  // namespace graft::fuzz

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned int seed) {
  const bool by_byte = seed % 5 == 0;
  auto def = graft::parse_graph_def(graft::fuzz::bytes_at(data, size));
  if (!by_byte && def.ok()) {
    graft::GraphMutator mutator(seed);
    for (unsigned int n = 0; n <= seed / 5 % 3; ++n) mutator.change(*def);
    if (const std::size_t got = graft::fuzz::put(*def, data, max_size); got > 0) return got;
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data1, std::size_t size1,
                                      const std::uint8_t* data2, std::size_t size2,
                                      std::uint8_t* out, std::size_t max_size, unsigned int seed) {
  auto def = graft::parse_graph_def(graft::fuzz::bytes_at(data1, size1));
  const auto other = graft::parse_graph_def(graft::fuzz::bytes_at(data2, size2));
  if (!def.ok() || !other.ok()) return 0;
  graft::GraphMutator(seed).mix(*def, *other);
  return graft::fuzz::put(*def, out, max_size);
}
