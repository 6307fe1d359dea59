// run_graph GRAPH.pb INPUT N,H,W,C OUTPUT[,OUTPUT…] IN.f32 OUT.f32 [BACKEND]
// Feeds raw floats to any frozen graph and writes the outputs' raw floats one behind the other, so
// that a script can hold them against TensorFlow's.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "graph/import.h"
#include "graph/program.h"
#include "graph/rewrite.h"

namespace graft {
namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

Result<void> run(const std::vector<std::string>& args) {
  GRAFT_ASSIGN(const auto file, MappedFile::open(args[0]));
  GRAFT_ASSIGN(const auto def, parse_graph_def(file.bytes()));
  ImportOptions import;
  import.input = args[1];
  for (const std::string& dim : split(args[2])) import.input_shape.push_back(std::stoll(dim));
  import.outputs = split(args[3]);
  GRAFT_ASSIGN(const Graph graph, import_graph_def(def, import));
  GRAFT_ASSIGN(const Graph simple, simplify(graph, import.outputs));
  CompileOptions compile;
  if (args.size() > 6) compile.backend = args[6];
  GRAFT_ASSIGN(const Program program, Program::compile(simple, import.outputs, compile));

  Tensor input(program.input());
  Bytes bytes;
  GRAFT_TRY(read_file(args[4], bytes));
  const std::size_t image_bytes = input.spec().bytes();
  if (bytes.empty() || bytes.size() % image_bytes != 0) {
    return invalid_argument(args[4] + ": not a whole number of inputs of " +
                            std::to_string(image_bytes) + " bytes");
  }
  std::vector<Tensor> outputs;
  std::vector<MutableTensorView> views;
  for (const TensorSpec& spec : program.outputs()) outputs.emplace_back(spec);
  for (Tensor& output : outputs) views.push_back(output.view());
  const auto workspace = program.make_workspace();
  std::string written;
  double seconds = 0;
  for (std::size_t at = 0; at < bytes.size(); at += image_bytes) {
    std::memcpy(input.view().data, bytes.data() + at, image_bytes);
    const auto start = std::chrono::steady_clock::now();
    program.run(input.view(), views, *workspace);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (const MutableTensorView& view : views) {
      written.append(reinterpret_cast<const char*>(view.data), view.spec.bytes());
    }
  }
  const std::size_t images = bytes.size() / image_bytes;
  std::printf("%zu inputs, %.2f ms each, %s, workspace %zu bytes\n", images,
              1e3 * seconds / static_cast<double>(images), program.numeric_mode().c_str(),
              program.workspace_bytes());
  return write_atomically(args[5], std::string_view(written));
}

}  // namespace
}  // namespace graft

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() < 6) {
    std::fprintf(stderr,
                 "usage: run_graph GRAPH.pb INPUT N,H,W,C OUTPUTS IN.f32 OUT.f32 [BACKEND]\n");
    return 2;
  }
  const auto done = graft::run(args);
  if (!done.ok()) std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return done.ok() ? 0 : 1;
}
