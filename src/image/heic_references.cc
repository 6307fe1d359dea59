#include "image/heic_references.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

namespace graft::codec {
namespace {

// More than any grid has tiles, and few enough to be looked at.
constexpr std::size_t kMostReferences = std::size_t{1} << 18;

// By item: those that are decoded with it.
using References = std::map<std::uint32_t, std::vector<std::uint32_t>>;

// Big-endian numbers, until there is none any more.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  bool read(std::size_t width, std::uint32_t& value) {
    if (bytes_.size() < width) return false;
    value = 0;
    for (const char c : bytes_.substr(0, width)) {
      value = value << 8U | static_cast<unsigned char>(c);
    }
    bytes_.remove_prefix(width);
    return true;
  }

 private:
  std::string_view bytes_;
};

// Calls use(what stands behind it) for each `name` in the file.
template <typename Use>
void for_each_named(std::string_view file, std::string_view name, const Use& use) {
  for (std::size_t at = file.find(name); at != std::string_view::npos;
       at = file.find(name, at + 1)) {
    use(file.substr(at + name.size()));
  }
}

// Behind a reference's type: an item, how many it refers to, and these. width: bytes of an item.
// False when there are too many.
bool collect(std::string_view file, std::size_t width, References& into) {
  std::size_t total = 0;
  for (const std::string_view type : {"dimg", "auxl"}) {
    for_each_named(file, type, [&](std::string_view behind) {
      Reader reader(behind);
      std::uint32_t from = 0;
      std::uint32_t count = 0;
      std::uint32_t to = 0;
      if (!reader.read(width, from) || !reader.read(2, count)) return;
      for (; count > 0 && total <= kMostReferences && reader.read(width, to); --count, ++total) {
        // Pictures are made of what they refer to; transparency refers to its picture.
        if (type == "dimg") {
          into[from].push_back(to);
        } else {
          into[to].push_back(from);
        }
      }
    });
  }
  return total <= kMostReferences;
}

// How many derivations deep an item is; kMostDerivations + 1 stands for all that is too many.
class Depths {
 public:
  explicit Depths(const References& references) : references_(references) {}
  int of(std::uint32_t item, int above = 0) {
    if (above > kMostDerivations) return kMostDerivations + 1;
    const auto known = depths_.find(item);
    if (known != depths_.end()) return known->second;
    int deepest = 0;
    if (const auto made_of = references_.find(item); made_of != references_.end()) {
      for (const std::uint32_t other : made_of->second) {
        deepest = std::max(deepest, 1 + of(other, above + 1));
        if (deepest > kMostDerivations) return kMostDerivations + 1;
      }
    }
    return depths_.emplace(item, deepest).first->second;
  }

 private:
  const References& references_;
  std::map<std::uint32_t, int> depths_;
};

bool is_endless(std::string_view file, std::size_t width) {
  References references;
  if (!collect(file, width, references)) return true;
  Depths depths(references);
  return std::ranges::any_of(
      references, [&](const auto& item) { return depths.of(item.first) > kMostDerivations; });
}

}  // namespace

bool has_endless_references(std::span<const std::byte> file) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  // The box's version, the byte behind its name, says how wide items are.
  std::array<bool, 2> wide{};
  for_each_named(text, "iref", [&](std::string_view behind) {
    if (!behind.empty()) wide[behind.front() == 0 ? 0 : 1] = true;
  });
  return (wide[0] && is_endless(text, 2)) || (wide[1] && is_endless(text, 4));
}

}  // namespace graft::codec
