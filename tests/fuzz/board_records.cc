// Any bytes taken for the run.json of a training are passed over with one line, or shown: in lists,
// as results and beside another training's.
#include <fstream>

#include "base/file.h"
#include "base/test_directory.h"
#include "board_routes.h"
#include "fuzz.h"

namespace graft::fuzz {
namespace {

// The folder: one sound training, and one whose record is the bytes.
struct Folder {
  TestDirectory dir;
  Folder() {
    for (const char* name : {"a", "b"}) require(make_directories(dir / name).ok(), "no folder");
    std::ofstream(dir / "a/run.json") << full_record();
  }
};

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  static const Folder folder;
  std::ofstream(folder.dir / "b/run.json", std::ios::binary) << as_text(bytes);
  BoardRoutes board(folder.dir.path());
  for (const char* path : {"/api/status", "/api/trainings", "/api/dataset"}) {
    require(board.get(path).status == 200, std::string("not answered: ") + path);
  }
  const std::vector<std::string> ids = board.trainings();
  require(!ids.empty(), "a sound training is not shown");
  for (const std::string& id : ids) {
    require(board.get("/api/eval/" + id).status == 200, "a training without results");
    (void)board.get("/api/eval/" + id + "/samples", {{"true", "0"}, {"pred", "1"}});
    (void)board.get("/api/eval/" + id + "/samples", {{"true", "1"}, {"pred", "0"}});
    (void)board.get("/api/dataset/images", {{"training", id}});
    require(board.get("/api/compare", {{"a", ids.front()}, {"b", id}}).status == 200 &&
                board.get("/api/compare", {{"a", id}, {"b", id}}).status == 200,
            "trainings that are not compared");
  }
}

std::vector<std::string> seeds() {
  return {full_record(), R"({"format":"graft-run-1","state":"running","options":{}})",
          R"({"format":"another program's"})"};
}

}  // namespace graft::fuzz
