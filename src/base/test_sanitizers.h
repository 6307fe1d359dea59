// Whether a sanitizer watches this build. It makes everything several times slower, and a mistake
// shows the first time: a test that does the same again and again, for a statistic or for many
// seeds, does it less often then.
#pragma once

namespace graft {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace graft
