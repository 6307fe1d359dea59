// graft COMMAND …: finds the command and runs it.
#include <exception>
#include <new>
#include <optional>
#include <vector>

#include "base/text.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/lost_pages.h"
#include "cli/memory.h"
#include "kernels/backend.h"

namespace graft {
namespace {

struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(Arguments arguments, Console& console);  // the exit code
  bool stays = false;                                 // until it is told to go
};

constexpr Command kCommands[] = {
    {"retrain", "train a classifier on a folder of photos, one subfolder a class", run_retrain},
    {"label", "say what photos show, with a trained classifier", run_label},
    {"evaluate", "measure how good a classifier is, class by class", run_evaluate},
    {"inspect", "show what a .pb file is: operations, input, output, size", run_inspect},
    {"features", "write the features of photos to a .npy file, for your own use", run_features},
    {"cache", "what the cached features take, and what can go", run_cache},
    {"models", "list the pretrained networks", run_models},
    {"board", "show runs, photos and results in a browser", run_board, true},
    {"sample", "draw a sample set of photos", run_sample},
    {"demo", "show the whole job with whatever is at hand", run_demo},
};

std::string general_help() {
  std::string out =
      "graft: image classifiers from a folder of photos\n"
      "\n"
      "Usage: graft COMMAND [options]\n"
      "\n"
      "Commands:\n";
  for (const Command& command : kCommands) {
    out += "  " + std::string(command.name) + std::string(12 - command.name.size(), ' ') +
           std::string(command.summary) + "\n";
  }
  out +=
      "\n"
      "  graft COMMAND --help    every option of a command, with examples\n"
      "  graft --version         this version and those of the libraries\n"
      "\n"
      "First steps:\n"
      "  Have photos in a folder, one subfolder a class (my_photos/cats, my_photos/dogs), then\n"
      "    graft retrain --image_dir=my_photos\n"
      "    graft label --graph=tf_files/retrained_graph.pb a_new_photo.jpg\n"
      "  No photos at hand:\n"
      "    graft demo\n"
      "\n"
      "Exit codes: 0 done, 1 failed, 2 wrong command line or request, 128 + N stopped by signal "
      "N\n";
  return out;
}

std::string version_text() {
  std::string out = "graft " GRAFT_VERSION "\nbackends:";
  for (const Backend* backend : all_backends()) out.append(" ").append(backend->numeric_mode());
  return out + "\nlibraries: " GRAFT_LIBRARIES "\n";
}

const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

int unknown_command(const std::string& name, Console& console) {
  std::vector<std::string> names{"help"};
  for (const Command& command : kCommands) names.emplace_back(command.name);
  const std::string close = nearest(name, names);
  console.error("'" + printable(name) + "': no such command: " +
                (close.empty() ? "graft --help lists them" : "did you mean graft " + close + "?"));
  return 2;
}

int dispatch(std::vector<std::string> words, Console& console) {
  if (words.empty()) {
    console.message(general_help());
    return 2;
  }
  std::string name = words.front();
  if (name == "--version" || name == "version") {
    console.print(version_text());
    return console.finish();
  }
  if (name == "help" && words.size() > 1) {  // graft help CMD = graft CMD --help
    words = {words[1], "--help"};
    name = words.front();
  }
  if (name == "--help" || name == "-h" || name == "help") {
    console.print(general_help());
    return console.finish();
  }
  const Command* command = find_command(name);
  if (command == nullptr) return unknown_command(name, console);
  if (!command->stays) prepare_memory();
  const int code = command->run(Arguments(words).subspan(1), console);
  const int output_code = console.finish();
  return code != 0 ? code : output_code;
}

}  // namespace

}  // namespace graft

int main(int argc, char** argv) {
  graft::let_writes_fail();
  graft::report_lost_pages();
  int code = 1;
  try {
    graft::Console console;
    // The last resort: rooms report errors as values, but memory can end anywhere.
    try {
      code = graft::dispatch(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc),
                             console);
    } catch (const std::bad_alloc&) {
      console.error("memory: none left: close other programs, or use fewer --threads");
    } catch (const std::exception& e) {
      console.error(std::string("internal error: ") + e.what() + ": please report it");
    }
  } catch (...) {
    code = 1;
  }
  return code;
}
