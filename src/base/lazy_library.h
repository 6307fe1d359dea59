// Shared libraries that are loaded at their first use. libcurl and libarchive bring some forty
// other libraries with them, libheif five video codecs; linking them costs every start of the
// program about fifteen milliseconds, and nearly none needs them. Their headers give the types, so
// a wrong call is still a compile error. Thread rule: any thread.
#pragma once

#include <dlfcn.h>

#include <string>

#include "base/result.h"

namespace graft {

class LazyLibrary {
 public:
  // A library that is not installed: kNotFound, with the package to install. Never unloaded.
  static Result<LazyLibrary> load(const char* soname, const char* package) {
    void* const handle = ::dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      return not_found(std::string(soname) +
                       ": this library is not installed: install it (on Debian: apt-get install " +
                       package + ")");
    }
    return LazyLibrary(handle, soname);
  }

  template <typename Function>
  Result<void> find(const char* name, Function*& function) const {
    void* const symbol = ::dlsym(handle_, name);
    if (symbol == nullptr) {
      return unsupported(soname_ + ": lacks " + name + ": install a newer version");
    }
    function = reinterpret_cast<Function*>(symbol);
    return {};
  }

 private:
  LazyLibrary(void* handle, const char* soname) : handle_(handle), soname_(soname) {}
  void* handle_;
  std::string soname_;
};

}  // namespace graft
