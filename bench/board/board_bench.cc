// board_bench make DIR COUNT: an event file with COUNT scalars, 52 bytes a record.
// board_bench load DIR TIMES: median milliseconds to read everything below DIR into a RunStore.
// board_bench follow DIR COUNT: appends a scalar every 20 ms, prints step and wall time of each
// write.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "summary/event_writer.h"
#include "summary/run_store.h"

namespace {

constexpr const char* kTag = "accuracy/all";

int fail(const graft::Error& error) {
  std::fprintf(stderr, "board_bench: %s\n", error.message.c_str());
  return 1;
}

int make(const std::string& dir, int count) {
  auto writer = graft::EventWriter::create(dir);
  if (!writer.ok()) return fail(writer.error());
  graft::SummaryBuilder summary;
  for (int step = 0; step < count; ++step) {
    summary.clear();
    summary.scalar(kTag, static_cast<float>(step % 997) / 997);
    writer->add_summary(summary, step);
    if (step % 10000 == 0) {
      if (auto flushed = writer->flush(); !flushed.ok()) return fail(flushed.error());
    }
  }
  if (auto flushed = writer->flush(); !flushed.ok()) return fail(flushed.error());
  return 0;
}

int load(const std::string& dir, int times) {
  std::vector<double> milliseconds;
  std::size_t points = 0;
  for (int i = 0; i < times; ++i) {
    graft::RunStore store({{{"", dir}}});
    const auto begun = std::chrono::steady_clock::now();
    store.scan();
    const std::chrono::duration<double, std::milli> passed =
        std::chrono::steady_clock::now() - begun;
    milliseconds.push_back(passed.count());
    points = 0;
    for (const auto& run : store.runs()) points += run.events;
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  std::printf("%.1f ms for %zu events\n", milliseconds[milliseconds.size() / 2], points);
  return 0;
}

int follow(const std::string& dir, int count) {
  auto writer = graft::EventWriter::create(dir);
  if (!writer.ok()) return fail(writer.error());
  for (int step = 0; step < count; ++step) {
    graft::SummaryBuilder summary;
    summary.scalar(kTag, 0.5F);
    writer->add_summary(summary, step);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    if (auto flushed = writer->flush(); !flushed.ok()) return fail(flushed.error());
    std::printf("%d %.6f\n", step, std::chrono::duration<double>(now).count());
    std::fflush(stdout);
    // The first makes the run known, which is told of as a whole.
    std::this_thread::sleep_for(std::chrono::milliseconds(step == 0 ? 1000 : 20));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4) {
    const std::string what = argv[1];
    const int number = std::atoi(argv[3]);
    if (what == "make") return make(argv[2], number);
    if (what == "load") return load(argv[2], number);
    if (what == "follow") return follow(argv[2], number);
  }
  std::fprintf(stderr, "usage: board_bench make|load|follow DIR NUMBER\n");
  return 2;
}
