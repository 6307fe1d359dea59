// The inside of RunStore: runs, their files and columns. run_store_reading.cc fills it,
// run_store.cc answers from it. Internal to the summary room. Thread rule: the one thread that
// scans or polls holds `mutex` to write, and reads without it, for nobody else writes; all others
// hold it to read.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "summary/event_scan.h"
#include "summary/record_reader.h"
#include "summary/run_columns.h"
#include "summary/run_store.h"
#include "summary/run_walk.h"

namespace graft {

constexpr std::array<SummaryKind, 4> kKinds = {SummaryKind::kScalar, SummaryKind::kHistogram,
                                               SummaryKind::kImage, SummaryKind::kText};
inline std::size_t index_of(SummaryKind kind) {
  return static_cast<std::size_t>(std::find(kKinds.begin(), kKinds.end(), kind) - kKinds.begin());
}

struct LogFile {  // an event file and what was read of it
  explicit LogFile(const std::string& path) : reader(path) {}
  RecordReader reader;
  std::array<std::vector<Column>, kKinds.size()> columns;  // [kind][tag]
  std::array<std::vector<std::uint32_t>, kKinds.size()> next_tag;
  std::array<std::uint32_t, kKinds.size()> last_tag{};
  std::optional<std::uint64_t> graph;  // its record
  std::uint64_t events = 0, points = 0;
  double first_wall = 0, last_wall = 0;
  std::int64_t last_step = 0;
  std::string problem;
  bool full = false;  // points were left out

  void clear() {
    columns = {};
    next_tag = {};
    last_tag = {};
    graph.reset();
    events = points = 0;
    first_wall = last_wall = 0;
    last_step = 0;
    full = false;
  }
};

struct Run {  // a directory with event files
  RunInfo info;
  bool fresh = true;  // not read yet: it is told of as a whole
  std::array<TagTable, kKinds.size()> tags;
  std::map<std::string, std::unique_ptr<LogFile>> files;  // by name

  std::vector<const Column*> columns(std::size_t kind, std::uint32_t tag) const {
    std::vector<const Column*> out;
    for (const auto& [name, file] : files) {
      const auto& of_kind = file->columns[kind];
      out.push_back(tag < of_kind.size() ? &of_kind[tag] : nullptr);
    }
    return out;
  }
};

// What a poll adds to StoreChanges, gathered while it reads.
struct Gathered {
  std::map<std::pair<std::string, std::string>, Curve> points;  // (run, tag)
  std::map<std::pair<std::string, std::string>, double> histograms;
  std::map<std::string, std::size_t> listed;  // points a run
  std::set<std::string> changed, reset;
};

struct RunStore::State {
  RunStoreOptions options;
  mutable std::shared_mutex mutex;
  std::map<std::string, std::unique_ptr<Run>> runs;  // by directory
  std::vector<std::string> directories;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> records;
  std::vector<LogProblem> walk_problems;
  std::uint64_t points = 0;

  const Run* find(const std::string& id) const {
    for (const auto& [directory, run] : runs) {
      if (run->info.id == id) return run.get();
    }
    return nullptr;
  }

  void add_value(Run& run, LogFile& file, const ScannedEvent& event, const EventValue& value,
                 std::uint64_t offset, Gathered& gathered);
  void add_event(Run& run, LogFile& file, const ScannedEvent& event, std::uint64_t offset,
                 Gathered& gathered);
  void read_on(Run& run, LogFile& file, Gathered& gathered);
  void forget_points(LogFile& file) {
    points -= file.points;
    file.clear();
  }
  void merge(Found found, StoreChanges& changes);
  void describe_runs(const Gathered& gathered);
};

}  // namespace graft
