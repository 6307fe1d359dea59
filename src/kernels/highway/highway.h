// Our own kernels for MobileNet-like networks: first convolutions, depthwise 3x3, depthwise 3x3
// with the pointwise convolution behind it, and the product of the last layer. Everything else is
// declined: oneDNN serves it. One source for every instruction set, through Google's Highway. All
// values dense. Thread rule: as kernels/backend.h says.
#pragma once

#include <vector>

#include "kernels/backend.h"

namespace graft {

// With the best instructions that this machine has.
const Backend& highway_backend();
// Whether it stands before oneDNN in all_backends(): with AVX2 and AVX-512, since features come
// nearer to the exact ones (depthwise.h) and sooner. Without AVX2 nobody has looked.
bool highway_is_preferred();
// One for each instruction set that this machine runs, fastest first, for tests.
std::vector<const Backend*> highway_backends();

}  // namespace graft
