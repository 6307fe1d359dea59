// Any bytes taken for an event file are shown: every view of every tag, on the board's addresses
// and on TensorBoard's, is well formed, and no picture is handed out that is none.
#include <algorithm>
#include <fstream>

#include "base/file.h"
#include "base/test_directory.h"
#include "board/graph_view.h"
#include "board_routes.h"
#include "event_files.h"
#include "fuzz.h"
#include "image/decode.h"

namespace graft::fuzz {
namespace {

constexpr std::size_t kTags = 6;  // of each kind

template <typename Look>
void each(const std::vector<TagInfo>& tags, const Look& look) {
  for (std::size_t i = 0; i < std::min(tags.size(), kTags); ++i) look(tags[i].tag);
}

void check_views(BoardRoutes& board, const RunInfo& run, const RunTags& tags) {
  const auto of = [&](const std::string& tag, BoardRoutes::Query more = {}) {
    more.insert(more.begin(), {{"run", run.id}, {"tag", tag}});
    return more;
  };
  const auto as_tensorboard = [&](const std::string& tag) {
    return BoardRoutes::Query{{"run", run.name}, {"tag", tag}};
  };
  each(tags.scalars, [&](const std::string& tag) {
    require(
        board.get("/api/series", of(tag, {{"px", "3"}, {"smooth", "0.6"}})).status == 200 &&
            board.get("/api/series", of(tag, {{"px", "1"}, {"axis", "wall"}, {"x0", "1"}}))
                    .status == 200 &&
            board.get("/api/series", of(tag, {{"format", "csv"}, {"all", "1"}})).status == 200 &&
            board.get("/api/series", of(tag, {{"format", "json"}})).status == 200,
        "a curve that is not shown");
    require(board.get("/data/plugin/scalars/scalars", as_tensorboard(tag)).status == 200,
            "a curve that TensorBoard's address does not have");
  });
  each(tags.histograms, [&](const std::string& tag) {
    require(board.get("/api/hist", of(tag)).status == 200 &&
                board.get("/api/hist", of(tag, {{"steps", "2"}, {"bins", "7"}})).status == 200,
            "histograms that are not shown");
    require(board.get("/data/plugin/histograms/histograms", as_tensorboard(tag)).status == 200,
            "histograms that TensorBoard's address does not have");
  });
  each(tags.images, [&](const std::string& tag) {
    const HttpResponse image = board.get("/api/blob", of(tag));
    const bool is_image = sniff_format(as_bytes(image.body)) != ImageFormat::kUnknown;
    require(image.status != 200 || is_image, "a picture that is none");
  });
  each(tags.texts, [&](const std::string& tag) {
    require(board.get("/api/texts", of(tag)).status == 200, "texts that are not shown");
  });
}

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  static const TestDirectory folder;
  std::ofstream(folder / "events.out.tfevents.1.host", std::ios::binary) << as_text(bytes);
  BoardRoutes board(folder.path());
  for (const char* path : {"/", "/api/status", "/api/runs", "/data/runs", "/data/logdir",
                           "/data/plugin/scalars/tags", "/data/plugin/histograms/tags"}) {
    require(board.get(path).status == 200, std::string("not answered: ") + path);
  }
  for (const RunInfo& run : board.store().runs()) {
    require(board.get("/api/tags", {{"run", run.id}}).status == 200, "a run without tags");
    check_views(board, run, *board.store().tags(run.id));
    // Without the route, which keeps the last graph of a run.
    const auto graph = board.store().graph(run.id);
    if (!graph.ok()) continue;
    const auto skeleton = skeleton_of(*graph);
    if (!skeleton.ok()) {
      require_refusal(skeleton.error());
      continue;
    }
    for (const char* scope : {"", "a"}) (void)graph_view(*skeleton, scope);
  }
}

std::vector<std::string> seeds() {
  return event_files();
}

}  // namespace graft::fuzz

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned int seed) {
  return graft::fuzz::mutate_event_file(data, size, max_size, seed);
}
