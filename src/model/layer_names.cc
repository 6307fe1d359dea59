#include "model/layer_names.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace graft {

std::string_view without_port(std::string_view tensor) {
  if (tensor.ends_with(":0")) tensor.remove_suffix(2);
  return tensor;
}

Result<std::string> resolve_layer(const wire::GraphDef& def, const char* option,
                                  const std::string& given, const std::string& graph_path) {
  const auto exists = [&def](std::string_view name) {
    return std::ranges::any_of(def.node(),
                               [name](const auto& node) { return node.name() == name; });
  };
  std::string_view name = without_port(given);
  if (exists(name)) return std::string(name);
  constexpr std::string_view kImport = "import/";
  if (name.starts_with(kImport)) {
    name.remove_prefix(kImport.size());
    if (exists(name)) return std::string(name);
  }
  std::vector<std::string> names;
  for (const wire::NodeDef& node : def.node()) names.push_back(node.name());
  const std::string near = nearest(name, names);
  return invalid_argument(std::string(option) + " \"" + printable(given) + "\": no such node in " +
                          printable(graph_path) + ": " +
                          (near.empty() ? "see graft inspect for its inputs and outputs"
                                        : "did you mean " + printable(near) + "?"));
}

}  // namespace graft
