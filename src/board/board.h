// The board: logs, photos, results and a place to try a classifier, served to a browser. It follows
// event files and run.json and never talks to a trainer, so that running, finished and copied runs
// look alike. Interface: docs/board_api/README.md. Thread rule: made and ended by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "summary/run_store.h"

namespace graft {

struct BoardOptions {
  std::vector<Logdir> logdirs;
  std::string host = "127.0.0.1";  // an address literal, or localhost
  std::uint16_t port = 6006;
  int ports_to_try = 20;  // from `port` on, while they are taken; port 0: any free one
  std::string image_dir;  // photos to show while no training names others
  std::string model_dir = "tf_files/models";
  std::string graph;  // a classifier to offer besides those of the trainings
  std::string sample_dir = "tf_files/sample_photos";  // where photos are drawn for who has none …
  int sample_photos = 30;                             // … of each class
  std::string program = "/proc/self/exe";             // what jobs start
  bool poll = false;                                  // do not use inotify
};

class Board {
 public:
  // kIo: no port could be had. kInvalidArgument: --host.
  static Result<std::unique_ptr<Board>> start(BoardOptions options);
  ~Board();  // asks running jobs to stop, ends all connections

  std::uint16_t port() const;
  // "http://127.0.0.1:6006/", with the access key where the network may ask.
  std::string address() const;
  bool page_is_built() const;

 private:
  struct State;
  explicit Board(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Who listens on this port of this machine.
struct PortHolder {
  bool graft = false;                // another board …
  std::vector<std::string> logdirs;  // … and what it follows, absolute
  std::string program;               // else its name and process, "tensorboard (4711)", or ""
};
PortHolder port_holder(std::uint16_t port);

}  // namespace graft
