// All runs below some folders, as columns in memory that follow their event files: scalars as
// numbers, histograms, images and texts as places in the files. Runs are found at any depth; a run
// is a directory with files called *tfevents*. Every file of a directory is read; where steps go
// back (a training that began anew) the later points stand for the earlier ones at and behind that
// step. Non-goals: when to look (log_watcher.h), what is drawn (board). Thread rule: scan() and
// poll() are called by one thread at a time; everything else by any thread meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "summary/event_values.h"

namespace graft {

struct Logdir {
  std::string name;  // "" for the only one; else the first part of its runs' names
  std::string path;
};

struct RunInfo {
  std::string id;         // [0-9a-f]{16}, the same in every process
  std::string name;       // printable path below its logdir, "." for the logdir itself
  std::string group;      // of `train` and `validation`: the name of the directory around them
  std::string kind;       // "train", "validation" or "other"
  std::string directory;  // literal bytes
  double started = 0, updated = 0;  // wall time of the first and last event
  std::int64_t last_step = 0;
  std::uint64_t events = 0, damaged = 0;
  std::size_t restarts = 0;
};

struct TagInfo {
  std::string tag;
  std::size_t points = 0;
  double last_step = 0;
  float last_value = 0;  // scalars only
};
struct RunTags {  // each sorted by tag
  std::vector<TagInfo> scalars, histograms, images, texts;
  bool graph = false;
};

struct Curve {  // columns of one length; steps never decrease
  std::vector<double> steps, walls;
  std::vector<float> values;
};

struct CurveSpans {  // the same, somebody else's
  std::span<const double> steps, walls;
  std::span<const float> values;
};

struct BlobPlace {
  double step = 0, wall = 0;
  std::string file;  // literal bytes
  std::uint64_t offset = 0;
};

struct LogProblem {
  bool error = false;
  std::string message;
  std::string run;  // id or ""
};

// What one scan() or poll() found.
struct StoreChanges {
  struct NewPoints {
    std::string run, tag;
    Curve points;
  };
  std::vector<NewPoints> points;  // without those of new runs and of `reset`
  struct NewBlobs {
    std::string run, tag;
    double step = 0;
  };
  std::vector<NewBlobs> histograms;
  std::vector<std::string> changed;  // runs that are new, or whose counters changed
  std::vector<std::string> reset;    // runs whose points were replaced, or too many to list
  std::vector<std::string> gone;
  bool records = false;  // run.json files came, went or changed
  bool problems = false;
  bool empty() const {
    return points.empty() && histograms.empty() && changed.empty() && reset.empty() &&
           gone.empty() && !records && !problems;
  }
};

struct RunStoreOptions {
  std::vector<Logdir> logdirs;
  // Points and blob places kept in all, 20 and 24 bytes each; beyond, a problem says so.
  std::uint64_t max_points = 50'000'000;
};

class RunStore {
 public:
  explicit RunStore(RunStoreOptions options);
  ~RunStore();

  // Looks through the folders for what came and went, and reads on in every file.
  StoreChanges scan();
  // Reads on in these files (paths as scan() found them); unknown ones are passed over.
  StoreChanges poll(std::span<const std::string> files);
  // Directories that the last scan() walked, for a watcher; literal bytes.
  std::vector<std::string> directories() const;

  const std::vector<Logdir>& logdirs() const;
  std::vector<RunInfo> runs() const;  // sorted by name
  std::optional<RunInfo> run(const std::string& id) const;
  std::optional<RunInfo> run_named(const std::string& name) const;
  std::optional<RunTags> tags(const std::string& run) const;
  // kNotFound: no such run or tag. all: superseded points too, in the order of the files; steps may
  // then decrease.
  Result<Curve> curve(const std::string& run, const std::string& tag, bool all = false) const;
  // The same without a copy where the curve lies in one piece, as one does that never began anew:
  // calls `use` with it, whose views live during the call. Nothing is read meanwhile: be quick.
  Result<void> with_curve(const std::string& run, const std::string& tag, bool all,
                          const std::function<void(const CurveSpans&)>& use) const;
  Result<std::vector<BlobPlace>> blobs(const std::string& run, SummaryKind kind,
                                       const std::string& tag) const;
  // The newest graph's bytes. kNotFound: the run has none.
  Result<Bytes> graph(const std::string& run) const;
  std::vector<std::string> record_files() const;  // every run.json found; literal bytes
  std::vector<LogProblem> problems() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The value of `tag` in the record at that place, read again and checked: calls `use` with it,
// whose views live during the call. kCorrupt: the file was changed meanwhile.
Result<void> read_blob(const BlobPlace& place, const std::string& tag,
                       const std::function<Result<void>(const EventValue&)>& use);

std::string run_id(const std::string& directory);

}  // namespace graft
