// Any JSON that the form for a training may send is refused with lines that can be shown, or
// becomes a command line that `graft retrain` takes, and that a shell reads from the text as it is.
#include "base/json.h"
#include "base/text.h"
#include "board/job_options.h"
#include "cli/retrain_flags.h"
#include "fuzz.h"

namespace graft::fuzz {
namespace {

// The words of a line of plain and single-quoted text, as POSIX's shell splits it.
std::vector<std::string> shell_words(std::string_view line) {
  std::vector<std::string> words = {""};
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\'') {
      quoted = !quoted;
    } else if (!quoted && c == ' ') {
      words.emplace_back();
    } else if (!quoted && c == '\\' && i + 1 < line.size()) {
      words.back() += line[++i];
    } else {
      words.back() += c;
    }
  }
  require(!quoted, "a quote that does not end");
  return words;
}

void check_command(const RetrainCommand& command) {
  RetrainFlags flags;
  Options options("retrain", "");
  declare_retrain(options, flags);
  require(!command.arguments.empty() && command.arguments.front() == "retrain", "another command");
  const std::vector<std::string> words(command.arguments.begin() + 1, command.arguments.end());
  const auto parsed = options.parse(words);
  require(parsed.ok(), parsed.ok() ? "" : "graft retrain refuses it: " + parsed.error().message);
  require(*parsed == Options::Parsed::kRun && flags.folders.empty(), "it would do something else");
  require(flags.run.summaries_dir == command.summaries_dir, "another folder for its logs");
  require(static_cast<std::uint64_t>(flags.run.how_many_training_steps) == command.steps,
          "another number of steps");
  // What cannot be printed as it is stands escaped there.
  std::string plain = "graft";
  for (const std::string& word : command.arguments) plain += word;
  if (printable(plain) != plain) return;
  std::vector<std::string> typed = {"graft"};
  typed.insert(typed.end(), command.arguments.begin(), command.arguments.end());
  require(shell_words(command.text) == typed, "a shell reads something else: " + command.text);
}

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  const auto form = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!form.ok()) return require_refusal(form.error());
  const RetrainCommand command = retrain_command(*form, "logs", "models");
  for (const std::string& problem : command.problems) require_refusal(invalid_argument(problem));
  if (command.problems.empty()) check_command(command);
}

std::vector<std::string> seeds() {
  return {
      R"({"image_dir":"/","how_many_training_steps":500,"learning_rate":0.01,"exif":true})",
      R"({"image_dir":"/","architecture":"inception_v3","seed":7.0,"threads":2,"offline":false})",
      R"({"image_dir":"/","testing_percentage":12.5,"validation_percentage":1e1,"split_seed":0})",
      R"({"image_dir":"/","output_graph":"it's a \"graph\".pb","summaries_dir":"$(x) `y`"})",
      R"({"image_dir":"/","random_crop":10,"random_scale":1000,"random_brightness":0})",
      R"({"image_dir":"/","train_batch_size":1,"test_batch_size":-1,"flip_left_right":true})",
      R"({"image_dir":null,"model_dir":"m","bottleneck_dir":"--x","final_tensor_name":"f"})"};
}

}  // namespace graft::fuzz
