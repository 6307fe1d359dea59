// graft board: the local web page with runs, photos, results and a place to try a classifier.
#include "board/board.h"

#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "base/file.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/models.h"

extern char** environ;

namespace graft {
namespace {

struct BoardFlags {
  BoardOptions board;
  std::string logdir = "tf_files/training_summaries";
  int port = 6006;
  bool open = false;
};

void declare(Options& options, BoardFlags& flags) {
  options.text("logdir", flags.logdir, "DIR",
               "Folder of logs, looked through at any depth; several as name:DIR,name:DIR.");
  options.integer("port", flags.port,
                  "Port; where it is taken, the next free one; 0: any free one.", 0, 65535);
  options.text("host", flags.board.host, "ADDRESS",
               "Address to serve. 0.0.0.0: the whole network, with an access key in the address.");
  options.flag("open", flags.open, "Open the page in the browser.");
  options.text("image_dir", flags.board.image_dir, "DIR",
               "Photos to show while no training names others.");
  declare_model_dir(options, flags.board.model_dir);
  options.text("graph", flags.board.graph, "FILE",
               "A classifier to offer besides those of the trainings.");
  options.flag("poll", flags.board.poll,
               "Look for changes every second instead of being told of them by the kernel.");
  options.note("Ctrl-C ends it. Nothing is asked of any other machine.");
  options.example("graft board", "The runs that `graft retrain` wrote here");
  options.example("graft board --logdir=tf_files/training_summaries --port=6006 --open",
                  "In the place of tensorboard --logdir … --port …");
}

// TensorBoard's --logdir and --logdir_spec: a path, or name:path,name:path.
Result<std::vector<Logdir>> parse_logdirs(const std::string& text) {
  if (text.empty()) {
    return invalid_argument(
        "--logdir: its value is empty (a shell variable that was never set?): name a folder");
  }
  if (text.find(',') == std::string::npos) {
    const std::size_t colon = text.find(':');
    const bool named = colon != std::string::npos && colon > 0 &&
                       text.substr(0, colon).find('/') == std::string::npos && !exists(text);
    if (!named) return std::vector<Logdir>{{"", text}};
  }
  std::vector<Logdir> logdirs;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t colon = part.find(':');
    const bool named =
        colon != std::string::npos && part.substr(0, colon).find('/') == std::string::npos;
    Logdir logdir{named ? part.substr(0, colon) : part, named ? part.substr(colon + 1) : part};
    if (logdir.path.empty() || logdir.name.empty()) {
      return invalid_argument("--logdir " + printable(text) +
                              ": a folder's name is empty: write name:DIR,name:DIR");
    }
    const bool taken = std::any_of(logdirs.begin(), logdirs.end(),
                                   [&](const Logdir& d) { return d.name == logdir.name; });
    if (taken) {
      return invalid_argument("--logdir " + printable(text) + ": two folders are called " +
                              printable(logdir.name) + ": give each its own name");
    }
    logdirs.push_back(std::move(logdir));
  }
  return logdirs;
}

std::vector<std::string> absolute_paths(const std::vector<Logdir>& logdirs) {
  std::vector<std::string> paths;
  for (const Logdir& logdir : logdirs) paths.push_back(printable(absolute_path(logdir.path)));
  std::sort(paths.begin(), paths.end());
  return paths;
}

void open_in_browser(const std::string& address, Console& console) {
  std::string program = "xdg-open", word = address;
  char* words[] = {program.data(), word.data(), nullptr};
  pid_t process = 0;
  if (::posix_spawnp(&process, program.c_str(), nullptr, nullptr, words, environ) != 0) {
    console.warning("--open: there is no xdg-open to open a browser with: open " + address +
                    " yourself");
  }
}

}  // namespace

int run_board(Arguments arguments, Console& console) {
  BoardFlags flags;
  Options options("board", "show runs, photos and results in a browser");
  declare(options, flags);
  if (const auto code = parse_options(options, arguments, console)) return *code;
  take_model_dir(options, flags.board.model_dir);
  auto logdirs = parse_logdirs(flags.logdir);
  if (!logdirs.ok()) return console.fail(logdirs.error());
  flags.board.logdirs = std::move(logdirs).value();
  flags.board.port = static_cast<std::uint16_t>(flags.port);

  const Interrupt interrupt;
  auto board = Board::start(flags.board);
  if (!board.ok()) return console.fail(board.error());
  if (flags.port != 0 && (*board)->port() != flags.port) {
    PortHolder holder = port_holder(flags.board.port);
    std::sort(holder.logdirs.begin(), holder.logdirs.end());
    const std::string taken = "port " + std::to_string(flags.port) + ": ";
    if (holder.graft && holder.logdirs == absolute_paths(flags.board.logdirs)) {
      // The page is there already: a second server would only confuse.
      board = io_error("");
      const std::string address = "http://127.0.0.1:" + std::to_string(flags.port) + "/";
      console.message(taken + "a board with these logs runs there already");
      console.print("Graft board: " + address + "\n");
      if (flags.open) open_in_browser(address, console);
      return 0;
    }
    std::string who = holder.program.empty() ? "another program" : holder.program;
    if (holder.graft) {
      who = "another board";
      for (const std::string& path : holder.logdirs) who += " (" + path + ")";
    }
    console.warning(taken + "is held by " + who + ": taking the next free one");
  }
  for (const Logdir& logdir : flags.board.logdirs) {
    if (!is_directory(logdir.path)) {
      console.warning(printable(absolute_path(logdir.path)) +
                      ": there is no such folder yet: its runs will show when there are any");
    }
  }
  const std::string address = (*board)->address();
  console.print("Graft board: " + address + "\n");
  console.message("Ctrl-C ends it");
  if (!(*board)->page_is_built()) {
    console.warning(
        "the page: was not built into this program: the data are served all the same; "
        "build again with Node.js installed for the page");
  }
  if (flags.open) open_in_browser(address, console);
  wait_until([] { return false; }, interrupt.token());
  return 0;
}

}  // namespace graft
