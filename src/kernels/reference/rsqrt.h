// 1/sqrt(x) as TensorFlow computes it, so that folded batch norms have its bits.
#pragma once

#include <string>

namespace graft::reference {

// On x86 the processor's estimate (some 12 bits) and one Newton step, unfused, as Eigen's
// generic_rsqrt_newton_step does with the vectors that TensorFlow's packages are built for: within
// 2 units in the last place. Elsewhere, and for what is not positive and normal: 1/sqrt(x), rounded
// once.
float rsqrt(float x);

// Names the estimate's table, which makers of processors choose for themselves; "" where there is
// none. Part of the reference backend's numeric mode.
std::string rsqrt_mode();

}  // namespace graft::reference
