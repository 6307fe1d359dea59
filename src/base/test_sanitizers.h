// Whether a sanitizer watches this build. It makes everything several times slower, and a mistake
// shows the first time: a test that does the same again and again, for a statistic or for many
// seeds, does it less often then.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GRAFT_SANITIZED 1
#endif
#endif
#ifndef GRAFT_SANITIZED
#define GRAFT_SANITIZED 0
#endif

namespace graft {

inline constexpr bool kSanitized = GRAFT_SANITIZED != 0;

}  // namespace graft
