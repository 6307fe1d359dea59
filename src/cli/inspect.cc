// graft inspect: what a .pb file is.
#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/format.h"
#include "graph/classifier_parts.h"
#include "graph/import.h"
#include "graph/program.h"
#include "graph/quantize.h"
#include "graph/rewrite.h"
#include "model/custom_network.h"
#include "model/export.h"
#include "model/layer_names.h"

namespace graft {
namespace {

struct InspectFlags {
  std::vector<std::string> files;
  std::string graph, input_layer, output_layer, backend;
  bool steps = false, json = false;
};

void declare(Options& options, InspectFlags& flags) {
  options.arguments(flags.files);
  options.text("graph", flags.graph, "FILE", "The file, as the argument would be.");
  options.text("input_layer", flags.input_layer, "NAME", "Where photos enter; else found by name.");
  options.text("output_layer", flags.output_layer, "NAME", "What to compute; else found by name.");
  options.text("backend", flags.backend, "NAME", "Force one kernel library.");
  options.flag("steps", flags.steps, "List every step of the compiled network.");
  options.flag("json", flags.json, "One JSON object.");
  options.example("graft inspect tf_files/retrained_graph.pb", "A classifier of your own");
  options.example(
      "graft inspect --steps --output_layer=MobilenetV1/Predictions/Reshape "
      "frozen_graph.pb",
      "A pretrained network, up to its features");
  options.note(
      "\"bottleneck\" lines name what graft retrain --graph can be given as --bottleneck_layer, "
      "the "
      "likeliest first.");
}

struct Inspection {
  std::uint64_t file_bytes = 0;
  std::string sha256;
  GraphSummary summary;
  std::optional<SideFile> side;
  std::string input, output;   // tensors between which it was compiled; empty: none found
  std::string not_compiled;    // why it was not
  FeatureCandidates features;  // what graft retrain --bottleneck_layer could be given
  std::string no_features;     // why there are none
  std::optional<Program> program;
};

bool has_node(const wire::GraphDef& def, std::string_view name) {
  return std::any_of(def.node().begin(), def.node().end(),
                     [name](const wire::NodeDef& node) { return node.name() == name; });
}

// "input f32 [1,224,224,3]" → "input".
std::string first_word(const std::string& line) {
  return line.substr(0, line.find(' '));
}

// The codelab's networks by their node names, any other by its only open end.
std::string guess_input(const wire::GraphDef& def, const GraphSummary& summary) {
  if (const ModelSpec* relative = relative_of(def)) {
    return std::string(without_port(relative->input_tensor));
  }
  if (has_node(def, "input")) return "input";
  const std::vector<PhotoInput> photos = photo_inputs(def);
  if (photos.size() == 1) return photos.front().node;
  return summary.inputs.size() == 1 ? first_word(summary.inputs.front()) : "";
}

// The shape to feed: what the file leaves open is as in the network that it is known to be, else
// 224x224. Empty where the input takes no photos.
std::vector<std::int64_t> shape_to_feed(const wire::GraphDef& def, const Inspection& found) {
  if (found.side) return {1, found.side->input_height, found.side->input_width, 3};
  constexpr int kUsualSize = 224;
  const std::string input(without_port(found.input));
  const ModelSpec* relative = relative_of(def);
  if (relative != nullptr && without_port(relative->input_tensor) != input) relative = nullptr;
  for (const PhotoInput& photos : photo_inputs(def)) {
    if (photos.node != input) continue;
    const std::int64_t height = relative != nullptr ? relative->height() : kUsualSize;
    const std::int64_t width = relative != nullptr ? relative->width() : kUsualSize;
    return {1, photos.height > 0 ? photos.height : height, photos.width > 0 ? photos.width : width,
            3};
  }
  if (relative == nullptr) return {};
  return {1, relative->height(), relative->width(), 3};
}

std::string guess_output(const wire::GraphDef& def, const GraphSummary& summary) {
  for (const char* name : {"final_result", "MobilenetV1/Predictions/Reshape_1",
                           "MobilenetV1/Predictions/Reshape", "softmax", "pool_3/_reshape"}) {
    if (has_node(def, name)) return name;
  }
  return summary.outputs.size() == 1 ? first_word(summary.outputs.front()) : "";
}

// A layer that the user named: there, or the nearest that is.
Result<void> check_layer(const char* option, const std::string& layer, const wire::GraphDef& def) {
  const std::string node = layer.ends_with(":0") ? layer.substr(0, layer.size() - 2) : layer;
  if (layer.empty() || has_node(def, node)) return {};
  std::vector<std::string> names;
  for (const wire::NodeDef& n : def.node()) names.push_back(n.name());
  const std::string near = nearest(node, names);
  return invalid_argument(
      std::string(option) + " " + printable(layer) + ": no such node: " +
      (near.empty() ? "see graft inspect without it" : "did you mean " + printable(near) + "?"));
}

const char* precision_of(const SideFile& side) {
  return side.int8_ranges.empty() ? "float32" : "int8";
}

// As --decode spells it.
const char* decode_of(const SideFile& side) {
  return side.decode_rule == DecodeRule::kAreaMean ? "fast" : "exact";
}

Result<Program> compile(const wire::GraphDef& def, const Inspection& found,
                        const InspectFlags& flags) {
  ImportOptions import;
  import.input = found.input;
  import.outputs = {found.output};
  import.input_shape = shape_to_feed(def, found);
  GRAFT_ASSIGN(const Graph graph, import_graph_def(def, import));
  GRAFT_ASSIGN(Graph simple, simplify(graph, import.outputs));
  if (found.side && !found.side->int8_ranges.empty()) {
    GRAFT_ASSIGN(simple, quantize(simple, found.side->int8_ranges));
  }
  CompileOptions options;
  options.backend = flags.backend;
  return Program::compile(simple, import.outputs, options);
}

// A retrained graph is nothing to train on once more.
void find_features(const wire::GraphDef& def, Inspection& found) {
  if (found.side || found.input.empty()) return;
  auto features = feature_candidates(def, found.input, shape_to_feed(def, found));
  if (features.ok()) {
    found.features = std::move(*features);
  } else {
    found.no_features = features.error().message;
  }
}

Result<Inspection> inspect(const std::string& path, const InspectFlags& flags) {
  GRAFT_ASSIGN(const MappedFile file, MappedFile::open(path));
  auto parsed = parse_graph_def(file.bytes());
  if (!parsed.ok()) return with_context(printable(path), std::move(parsed).error());
  const wire::GraphDef& def = *parsed;
  for (const auto& [option, layer] : {std::pair("--input_layer", flags.input_layer),
                                      std::pair("--output_layer", flags.output_layer)}) {
    auto there = check_layer(option, layer, def);
    if (!there.ok()) return with_context(printable(path), std::move(there).error());
  }
  Inspection found;
  found.file_bytes = file.bytes().size();
  found.sha256 = hex(sha256(file.bytes()));
  auto summary = summarize(def);
  if (!summary.ok()) return with_context(printable(path), std::move(summary).error());
  found.summary = std::move(*summary);
  if (auto side = embedded_side_file(def); side.ok()) {
    found.side = std::move(*side);
  } else if (auto beside = read_side_file(path);
             beside.ok() &&
             (beside->graph_sha256.empty() || beside->graph_sha256 == found.sha256)) {
    found.side = std::move(*beside);
  }

  found.input = found.side ? found.side->input_tensor : guess_input(def, found.summary);
  found.output = found.side ? found.side->output_tensor : guess_output(def, found.summary);
  if (!flags.input_layer.empty()) found.input = flags.input_layer;
  if (!flags.output_layer.empty()) found.output = flags.output_layer;
  find_features(def, found);
  if (found.input.empty() || found.output.empty()) {
    found.not_compiled =
        "its input and output are not clear: name them with --input_layer and "
        "--output_layer";
    return found;
  }
  auto program = compile(def, found, flags);
  if (program.ok()) {
    found.program = std::move(*program);
  } else if (flags.input_layer.empty() && flags.output_layer.empty() && flags.backend.empty()) {
    found.not_compiled = program.error().message;
  } else {
    return with_context(printable(path), std::move(program).error());
  }
  return found;
}

std::string to_text(const std::string& path, const Inspection& found, bool steps) {
  const GraphSummary& s = found.summary;
  std::string out = printable(path) + "\n";
  const auto line = [&out](std::string_view name, const std::string& value) {
    out += "  " + std::string(name) + std::string(16 - name.size(), ' ') + value + "\n";
  };
  line("size", format_bytes(found.file_bytes) + ", sha256 " + found.sha256);
  line("nodes", format_count(static_cast<std::uint64_t>(s.nodes)));
  line("constants", format_bytes(s.constant_bytes));
  for (const std::string& input : s.inputs) line("input", printable(input));
  for (const std::string& output : s.outputs) line("unread", printable(output));
  for (const FeatureCandidate& feature : found.features.all) {
    line("bottleneck", printable(feature.node) + ", " +
                           format_count(static_cast<std::uint64_t>(feature.shape.elements())) +
                           " values: " + feature.what);
  }
  if (!found.no_features.empty()) line("bottleneck", "none found: " + found.no_features);
  if (found.side) {
    const SideFile& side = *found.side;
    line("architecture", side.architecture);
    line("photos", std::to_string(side.input_width) + "x" + std::to_string(side.input_height) +
                       ", mean " + format("%g", static_cast<double>(side.mean)) + ", std " +
                       format("%g", static_cast<double>(side.std)) + ", decoded " +
                       decode_of(side));
    line("precision", precision_of(side));
    std::string labels;
    for (const std::string& label : side.labels) labels += (labels.empty() ? "" : ", ") + label;
    line("labels", std::to_string(side.labels.size()) + ": " + printable(labels));
  }
  if (found.program) {
    line("computes", printable(found.input) + " " + found.program->input().shape.to_string() +
                         " -> " + printable(found.output) + " " +
                         found.program->outputs().front().shape.to_string());
    line("multiply-adds", format_count(found.program->multiply_adds()));
    line("runs on", found.program->numeric_mode() + ", " +
                        std::to_string(found.program->steps().size()) + " steps, " +
                        format_bytes(found.program->workspace_bytes()) + " a thread");
  } else {
    line("not compiled", printable(found.not_compiled));
  }
  out += "  operations\n";
  for (const OpCount& op : s.ops) {
    const std::string name = printable(op.op);
    out += "    " + name + std::string(name.size() < 28 ? 28 - name.size() : 1, ' ') +
           format("%6d\n", op.count);
  }
  if (steps && found.program) {
    out += "  steps: node, operation, backend, output, multiply-adds\n";
    for (const Program::Step& step : found.program->steps()) {
      out += "    " + printable(step.node) + "  " + step.op + "  " + step.backend + "  " +
             step.output_shape + "  " + format_count(step.multiply_adds) + "\n";
    }
  }
  return out;
}

Json to_json(const std::string& path, const Inspection& found) {
  const GraphSummary& s = found.summary;
  Json json = {{"path", printable(path)},
               {"bytes", found.file_bytes},
               {"sha256", found.sha256},
               {"nodes", s.nodes},
               {"constant_bytes", s.constant_bytes}};
  json["inputs"] = Json::array();
  for (const std::string& input : s.inputs) json["inputs"].push_back(printable(input));
  json["unread"] = Json::array();
  for (const std::string& output : s.outputs) json["unread"].push_back(printable(output));
  json["bottlenecks"] = Json::array();
  for (const FeatureCandidate& feature : found.features.all) {
    json["bottlenecks"].push_back({{"layer", printable(feature.node)},
                                   {"width", feature.shape.elements()},
                                   {"what", feature.what}});
  }
  json["ops"] = Json::object();
  for (const OpCount& op : s.ops) json["ops"][printable(op.op)] = op.count;
  if (found.side) {
    const SideFile& side = *found.side;
    json["side_file"] = {
        {"architecture", side.architecture},   {"backbone_fingerprint", side.backbone_fingerprint},
        {"input_tensor", side.input_tensor},   {"feature_tensor", side.feature_tensor},
        {"output_tensor", side.output_tensor}, {"input_height", side.input_height},
        {"input_width", side.input_width},     {"mean", as_written(side.mean)},
        {"std", as_written(side.std)},         {"decode", decode_of(side)},
        {"precision", precision_of(side)},     {"labels", side.labels}};
  }
  if (!found.program) {
    json["not_compiled"] = printable(found.not_compiled);
    return json;
  }
  const auto dims = [](const TensorSpec& spec) {
    return std::vector<std::int64_t>(spec.shape.dims().begin(), spec.shape.dims().end());
  };
  Json& program = json["program"] = Json::object();
  program["input"] = {{"tensor", printable(found.input)}, {"shape", dims(found.program->input())}};
  program["output"] = {{"tensor", printable(found.output)},
                       {"shape", dims(found.program->outputs().front())}};
  program["multiply_adds"] = found.program->multiply_adds();
  program["numeric_mode"] = found.program->numeric_mode();
  program["workspace_bytes"] = found.program->workspace_bytes();
  program["steps"] = Json::array();
  for (const Program::Step& step : found.program->steps()) {
    program["steps"].push_back({{"node", printable(step.node)},
                                {"op", step.op},
                                {"backend", step.backend},
                                {"output_shape", step.output_shape},
                                {"multiply_adds", step.multiply_adds}});
  }
  return json;
}

}  // namespace

int run_inspect(Arguments arguments, Console& console) {
  InspectFlags flags;
  Options options("inspect", "show what a .pb file is: operations, input, output, size", "FILE.pb");
  declare(options, flags);
  if (const auto code = parse_options(options, arguments, console)) return *code;
  if (options.given("graph")) flags.files.insert(flags.files.begin(), flags.graph);
  if (flags.files.size() != 1 || flags.files.front().empty()) {
    return console.fail(invalid_argument(
        flags.files.size() > 1 ? "file: more than one given: name one at a time"
                               : "file: none given: name a .pb file, as in graft inspect "
                                 "tf_files/retrained_graph.pb"));
  }
  const Result<Inspection> found = inspect(flags.files.front(), flags);
  if (!found.ok()) return console.fail(found.error());
  console.print(flags.json ? dump_json(to_json(flags.files.front(), *found)) + "\n"
                           : to_text(flags.files.front(), *found, flags.steps));
  return 0;
}

}  // namespace graft
