// The board's routes over a folder, without a server and without threads at work.
// Thread rule: one thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "board/board_context.h"

namespace graft::fuzz {

class BoardRoutes {
 public:
  // folder: its logs and run.json are read at once.
  explicit BoardRoutes(const std::string& folder, const std::string& image_dir = "");
  ~BoardRoutes();

  // By the table of routes, as the server's threads call it. Checks what every answer keeps: a
  // status of its own, JSON where it says so, no line break in a header.
  HttpResponse answer(const HttpRequest& request);
  using Query = std::vector<std::pair<std::string, std::string>>;
  HttpResponse get(const std::string& path, Query query = {});
  const RunStore& store() const;
  std::vector<std::string> trainings() const;  // ids

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A run.json with every field that the board looks at.
std::string full_record();

}  // namespace graft::fuzz
