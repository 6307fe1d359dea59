#include "kernels/backend.h"

#include <algorithm>
#include <array>

#include "kernels/highway/highway.h"
#include "kernels/onednn/onednn.h"

namespace graft {

std::span<const Backend* const> all_backends() {
  static const std::array<const Backend*, 3> backends =
      highway_is_preferred()
          ? std::array{&highway_backend(), &onednn_backend(), &reference_backend()}
          : std::array{&onednn_backend(), &highway_backend(), &reference_backend()};
  return backends;
}

std::vector<const Backend*> in_order(std::span<const Backend* const> backends, const OpSpec& spec) {
  std::vector<const Backend*> order(backends.begin(), backends.end());
  std::stable_partition(order.begin(), order.end(),
                        [&](const Backend* one) { return one->leads(spec); });
  return order;
}

Result<const Backend*> backend_named(std::string_view name) {
  std::string names;
  for (const Backend* backend : all_backends()) {
    if (backend->name() == name) return backend;
    names += (names.empty() ? "" : ", ") + std::string(backend->name());
  }
  return invalid_argument("backend '" + std::string(name) + "': unknown: choose one of " + names);
}

}  // namespace graft
