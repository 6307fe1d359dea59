// The oneDNN backend: convolutions, matrix products, pooling and the memory-bound ops between them.
// It takes what oneDNN has a vectorised kernel for and declines the rest with the reason.
// Thread rule: as kernels/backend.h says. prepare() and run() set the calling thread's OpenMP team
// to one thread for good: one image a thread is how this program uses all cores.
#pragma once

#include "kernels/backend.h"

namespace graft {

const Backend& onednn_backend();

}  // namespace graft
