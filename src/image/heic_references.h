// Which items of a HEIC file are made of which others (ISO/IEC 23008-12, 'iref'), looked at before
// libheif follows them: it does so by recursion and without end, so that a grid made of itself
// takes the program's stack. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <span>

namespace graft::codec {

// Whether some item may be made of others that are made of others …, more than kMostDerivations
// deep, or of itself. Whatever could be such a reference counts, wherever it lies in the file.
bool has_endless_references(std::span<const std::byte> file);

// An overlay of turned grids of tiles is three deep.
inline constexpr int kMostDerivations = 4;

}  // namespace graft::codec
