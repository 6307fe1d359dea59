#include "image/heif_library.h"

#include <dlfcn.h>

#include <optional>

namespace graft::codec {
namespace {

// The name under which libheif 1.x promises a stable interface.
constexpr const char* kName = "libheif.so.1";

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

std::optional<HeifLibrary> load() {
  void* const library = dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return std::nullopt;
  HeifLibrary functions;
  bool complete = true;
#define GRAFT_HEIF_FIND(name) complete = find(library, #name, functions.name) && complete
  GRAFT_HEIF_FUNCTIONS(GRAFT_HEIF_FIND);
#undef GRAFT_HEIF_FIND
  if (!complete) return std::nullopt;
  return functions;
}

}  // namespace

const HeifLibrary* heif_library() {
  static const std::optional<HeifLibrary> loaded = load();
  return loaded ? &*loaded : nullptr;
}

}  // namespace graft::codec
