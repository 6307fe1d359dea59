#include "summary/run_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <system_error>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "summary/event_scan.h"
#include "summary/record_reader.h"
#include "summary/run_columns.h"

namespace graft {
namespace {

constexpr std::uint64_t kReadAtOnce = std::uint64_t{1} << 20;  // while others wait for the lock
constexpr std::size_t kMaxDirectories = 100000;
constexpr int kMaxDepth = 64;
constexpr std::size_t kListedPoints = 4000;  // of one run in one StoreChanges; more: `reset`

constexpr std::array<SummaryKind, 4> kKinds = {SummaryKind::kScalar, SummaryKind::kHistogram,
                                               SummaryKind::kImage, SummaryKind::kText};
std::size_t index_of(SummaryKind kind) {
  return static_cast<std::size_t>(std::find(kKinds.begin(), kKinds.end(), kind) - kKinds.begin());
}

struct LogFile {
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

struct Run {
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

struct Found {                                        // by one walk
  std::map<std::string, std::set<std::string>> logs;  // directory → names of event files
  std::map<std::string, std::string> run_names;       // directory → name
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> records;  // run.json → time, size
  std::vector<std::string> directories;
  std::vector<LogProblem> problems;
};

std::string run_name(const Logdir& logdir, const std::string& below) {
  if (below.empty()) return logdir.name.empty() ? "." : logdir.name;
  return printable(logdir.name.empty() ? below : logdir.name + "/" + below);
}

class Walk {
 public:
  Walk(const Logdir& logdir, Found& found) : logdir_(logdir), found_(found) {}
  void run() { visit(logdir_.path, "", 0); }

 private:
  void visit(const std::string& directory, const std::string& below, int depth) {
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return;
    // Links are followed; where they lead back, once.
    if (!seen_.emplace(status.st_dev, status.st_ino).second) return;
    if (depth > kMaxDepth || found_.directories.size() >= kMaxDirectories) {
      if (!std::exchange(too_many_, true)) {
        found_.problems.push_back({false,
                                   printable(logdir_.path) +
                                       ": more folders than are looked through: name the folder of "
                                       "the logs themselves",
                                   ""});
      }
      return;
    }
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    if (error) {
      found_.problems.push_back({true,
                                 printable(directory) + ": cannot be read: " + error.message() +
                                     ": its runs are not shown",
                                 ""});
      return;
    }
    found_.directories.push_back(directory);
    std::vector<std::string> folders;
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      std::error_code ignored;
      if (entry->is_directory(ignored)) {
        folders.push_back(name);
      } else if (name == "run.json") {
        struct stat record {};
        const std::string path = join_path(directory, name);
        if (::stat(path.c_str(), &record) == 0 && S_ISREG(record.st_mode)) {
          found_.records[path] = {record.st_mtim.tv_sec * 1'000'000'000 + record.st_mtim.tv_nsec,
                                  record.st_size};
        }
      } else if (name.find("tfevents") != std::string::npos && entry->is_regular_file(ignored)) {
        found_.logs[directory].insert(name);
        found_.run_names.emplace(directory, run_name(logdir_, below));
      }
    }
    std::sort(folders.begin(), folders.end());
    for (const std::string& name : folders) {
      visit(join_path(directory, name), below.empty() ? name : below + "/" + name, depth + 1);
    }
  }

  const Logdir& logdir_;
  Found& found_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen_;
  bool too_many_ = false;
};

RunInfo describe(const std::string& directory, const std::string& name) {
  RunInfo info;
  info.id = run_id(directory);
  info.name = name;
  info.directory = directory;
  const std::string last = file_name(name);
  if (last == "train" || last == "validation") {
    info.kind = last;
    info.group = name == last ? "." : name.substr(0, name.size() - last.size() - 1);
  } else {
    info.kind = "other";
    info.group = name;
  }
  return info;
}

// What a poll adds to StoreChanges, gathered while it reads.
struct Gathered {
  std::map<std::pair<std::string, std::string>, Curve> points;  // (run, tag)
  std::map<std::pair<std::string, std::string>, double> histograms;
  std::map<std::string, std::size_t> listed;  // points a run
  std::set<std::string> changed, reset;
};

}  // namespace

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

void RunStore::State::add_value(Run& run, LogFile& file, const ScannedEvent& event,
                                const EventValue& value, std::uint64_t offset, Gathered& gathered) {
  float scalar = 0;
  SummaryKind kind = kind_of(value, scalar);
  if (kind == SummaryKind::kNone && value.kind == EventValue::Kind::kTensor &&
      value.plugin.empty()) {
    // TensorBoard's writers may name the plugin in a tag's first event only.
    for (const SummaryKind known :
         {SummaryKind::kHistogram, SummaryKind::kImage, SummaryKind::kText}) {
      if (run.tags[index_of(known)].find(value.tag) != TagTable::kNone) kind = known;
    }
  }
  if (kind == SummaryKind::kNone) return;
  const std::size_t k = index_of(kind);
  auto& next = file.next_tag[k];
  const std::uint32_t last = file.last_tag[k];
  const std::uint32_t guess = last < next.size() ? next[last] : 0;
  const std::uint32_t tag = run.tags[k].index_of(value.tag, guess);
  if (tag == TagTable::kNone || points >= options.max_points) {
    file.full = true;
    return;
  }
  if (tag != guess) {
    if (next.size() <= last) next.resize(last + 1);
    next[last] = tag;
  }
  file.last_tag[k] = tag;
  if (file.columns[k].size() <= tag) file.columns[k].resize(tag + 1);
  Column& column = file.columns[k][tag];
  const auto step = static_cast<double>(event.step);
  column.begin(step, event.wall_time);
  ++points;
  ++file.points;
  if (kind != SummaryKind::kScalar) {
    column.offsets.push_back(offset);
    if (kind == SummaryKind::kHistogram && !run.fresh &&
        gathered.listed[run.info.id] <= kListedPoints) {
      gathered.histograms[{run.info.id, std::string(value.tag)}] = step;
    }
    return;
  }
  column.values.push_back(scalar);
  if (run.fresh || ++gathered.listed[run.info.id] > kListedPoints) return;
  if (!column.restarts.empty() && column.restarts.back() + 1 == column.steps.size()) {
    gathered.reset.insert(run.info.id);
  }
  Curve& listed = gathered.points[{run.info.id, std::string(value.tag)}];
  listed.steps.push_back(step);
  listed.walls.push_back(event.wall_time);
  listed.values.push_back(scalar);
}

void RunStore::State::add_event(Run& run, LogFile& file, const ScannedEvent& event,
                                std::uint64_t offset, Gathered& gathered) {
  if (file.events++ == 0) file.first_wall = event.wall_time;
  file.last_wall = std::max(file.last_wall, event.wall_time);
  if (event.what == ScannedEvent::What::kGraph) {
    file.graph = offset;
    gathered.changed.insert(run.info.id);
  }
  if (event.what != ScannedEvent::What::kSummary) return;
  file.last_step = event.step;
  for (const EventValue& value : event.values) {
    add_value(run, file, event, value, offset, gathered);
  }
}

void RunStore::State::read_on(Run& run, LogFile& file, Gathered& gathered) {
  ScannedEvent event;
  RecordSink sink;
  sink.on_record = [&](std::uint64_t offset, std::span<const std::byte> data) {
    if (scan_event(data, event)) {
      add_event(run, file, event, offset, gathered);
    } else {
      file.reader.count_damaged();
    }
  };
  sink.on_replaced = [&] {
    forget_points(file);
    gathered.reset.insert(run.info.id);
  };
  const std::uint64_t damaged = file.reader.damaged();
  const std::string problem = file.problem;
  for (bool more = true; more;) {
    const std::unique_lock lock(mutex);
    auto read = file.reader.poll(sink, kReadAtOnce);
    more = read.ok() && *read;
    file.problem = read.ok() ? "" : read.error().message;
    // A file that is gone is the next scan's business.
    if (!read.ok() && read.error().kind == ErrorKind::kNotFound) file.problem.clear();
  }
  if (file.reader.damaged() != damaged || file.problem != problem) {
    gathered.changed.insert(run.info.id);
  }
}

// Takes over what a walk found; files that went take their points with them.
void RunStore::State::merge(Found found, StoreChanges& changes) {
  const std::unique_lock lock(mutex);
  for (auto run = runs.begin(); run != runs.end();) {
    const auto logs = found.logs.find(run->first);
    if (logs == found.logs.end()) {
      for (auto& [name, file] : run->second->files) forget_points(*file);
      changes.gone.push_back(run->second->info.id);
      run = runs.erase(run);
      continue;
    }
    const std::size_t removed = std::erase_if(run->second->files, [&](auto& entry) {
      if (logs->second.contains(entry.first)) return false;
      forget_points(*entry.second);
      return true;
    });
    if (removed > 0) changes.reset.push_back(run->second->info.id);
    ++run;
  }
  for (const auto& [directory, names] : found.logs) {
    auto& run = runs[directory];
    if (!run) {
      run = std::make_unique<Run>();
      run->info = describe(directory, found.run_names[directory]);
      changes.changed.push_back(run->info.id);
    }
    for (const std::string& name : names) {
      auto& file = run->files[name];
      if (!file) file = std::make_unique<LogFile>(join_path(directory, name));
    }
  }
  changes.records = records != found.records;
  records = std::move(found.records);
  directories = std::move(found.directories);
  const auto same = [](const LogProblem& a, const LogProblem& b) { return a.message == b.message; };
  changes.problems = !std::equal(walk_problems.begin(), walk_problems.end(), found.problems.begin(),
                                 found.problems.end(), same);
  walk_problems = std::move(found.problems);
}

void RunStore::State::describe_runs(const Gathered& gathered) {
  const std::unique_lock lock(mutex);
  for (auto& [directory, run] : runs) {
    RunInfo& info = run->info;
    const std::uint64_t events = info.events;
    info.events = info.damaged = 0;
    info.started = info.updated = 0;
    for (const auto& [name, file] : run->files) {
      info.events += file->events;
      info.damaged += file->reader.damaged();
      if (file->events == 0) continue;
      info.started =
          info.started == 0 ? file->first_wall : std::min(info.started, file->first_wall);
      info.updated = std::max(info.updated, file->last_wall);
      info.last_step = file->last_step;
    }
    if (info.events == events && !gathered.reset.contains(info.id)) continue;
    info.restarts = 0;
    for (std::size_t k = 0; k < kKinds.size(); ++k) {
      for (std::uint32_t tag = 0; tag < run->tags[k].names().size(); ++tag) {
        info.restarts = std::max(info.restarts, count_restarts(run->columns(k, tag)));
      }
    }
  }
}

RunStore::RunStore(RunStoreOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
}
RunStore::~RunStore() = default;

namespace {

void finish(Gathered gathered, StoreChanges& changes) {
  gathered.changed.insert(changes.changed.begin(), changes.changed.end());
  gathered.reset.insert(changes.reset.begin(), changes.reset.end());
  for (const auto& [run, count] : gathered.listed) {
    if (count > kListedPoints) gathered.reset.insert(run);
  }
  for (auto& [key, curve] : gathered.points) {
    if (!gathered.reset.contains(key.first)) {
      changes.points.push_back({key.first, key.second, std::move(curve)});
    }
  }
  for (const auto& [key, step] : gathered.histograms) {
    if (!gathered.reset.contains(key.first)) {
      changes.histograms.push_back({key.first, key.second, step});
    }
  }
  changes.changed.assign(gathered.changed.begin(), gathered.changed.end());
  changes.reset.assign(gathered.reset.begin(), gathered.reset.end());
}

}  // namespace

StoreChanges RunStore::scan() {
  StoreChanges changes;
  Found found;
  for (const Logdir& logdir : state_->options.logdirs) Walk(logdir, found).run();
  state_->merge(std::move(found), changes);
  Gathered gathered;
  for (auto& [directory, run] : state_->runs) {
    for (auto& [name, file] : run->files) state_->read_on(*run, *file, gathered);
    run->fresh = false;
  }
  state_->describe_runs(gathered);
  finish(std::move(gathered), changes);
  return changes;
}

StoreChanges RunStore::poll(std::span<const std::string> files) {
  StoreChanges changes;
  Gathered gathered;
  for (const std::string& path : files) {
    const auto run = state_->runs.find(parent_directory(path));
    if (run == state_->runs.end()) continue;
    const auto file = run->second->files.find(file_name(path));
    if (file == run->second->files.end()) continue;
    state_->read_on(*run->second, *file->second, gathered);
  }
  state_->describe_runs(gathered);
  finish(std::move(gathered), changes);
  return changes;
}

std::vector<std::string> RunStore::directories() const {
  const std::shared_lock lock(state_->mutex);
  return state_->directories;
}

const std::vector<Logdir>& RunStore::logdirs() const {
  return state_->options.logdirs;
}

std::vector<RunInfo> RunStore::runs() const {
  const std::shared_lock lock(state_->mutex);
  std::vector<RunInfo> out;
  for (const auto& [directory, run] : state_->runs) out.push_back(run->info);
  std::sort(out.begin(), out.end(), [](const RunInfo& a, const RunInfo& b) {
    return a.name != b.name ? a.name < b.name : a.id < b.id;
  });
  return out;
}

std::optional<RunInfo> RunStore::run(const std::string& id) const {
  const std::shared_lock lock(state_->mutex);
  const Run* run = state_->find(id);
  if (run == nullptr) return std::nullopt;
  return run->info;
}

std::optional<RunInfo> RunStore::run_named(const std::string& name) const {
  const std::shared_lock lock(state_->mutex);
  for (const auto& [directory, run] : state_->runs) {
    if (run->info.name == name) return run->info;
  }
  return std::nullopt;
}

std::optional<RunTags> RunStore::tags(const std::string& id) const {
  const std::shared_lock lock(state_->mutex);
  const Run* run = state_->find(id);
  if (run == nullptr) return std::nullopt;
  RunTags out;
  const std::array<std::vector<TagInfo>*, kKinds.size()> lists = {&out.scalars, &out.histograms,
                                                                  &out.images, &out.texts};
  for (std::size_t k = 0; k < kKinds.size(); ++k) {
    for (std::uint32_t tag = 0; tag < run->tags[k].names().size(); ++tag) {
      const auto columns = run->columns(k, tag);
      TagInfo info;
      info.tag = run->tags[k].names()[tag];
      for (const Stretch& s : visible_stretches(columns, false)) {
        const Column& column = *columns[s.file];
        info.points += s.end - s.begin;
        info.last_step = column.steps[s.end - 1];
        if (k == 0) info.last_value = column.values[s.end - 1];
      }
      if (info.points > 0) lists[k]->push_back(std::move(info));
    }
    std::sort(lists[k]->begin(), lists[k]->end(),
              [](const TagInfo& a, const TagInfo& b) { return a.tag < b.tag; });
  }
  for (const auto& [name, file] : run->files) out.graph = out.graph || file->graph.has_value();
  return out;
}

namespace {

Error no_run(const std::string& id) {
  return not_found("run " + printable(id) + ": there is no such run: /api/runs lists them");
}
Error no_tag(const std::string& run, const std::string& tag) {
  return not_found("tag " + printable(tag) + ": run " + run +
                   " has no such tag: /api/tags?run=" + "… lists them");
}

}  // namespace

Result<Curve> RunStore::curve(const std::string& id, const std::string& tag, bool all) const {
  const std::shared_lock lock(state_->mutex);
  const Run* run = state_->find(id);
  if (run == nullptr) return no_run(id);
  const std::uint32_t index = run->tags[0].find(tag);
  if (index == TagTable::kNone) return no_tag(run->info.name, tag);
  const auto columns = run->columns(0, index);
  Curve curve;
  for (const Stretch& s : visible_stretches(columns, all)) {
    const auto append = [&](auto& to, const auto& from) {
      to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(s.begin),
                from.begin() + static_cast<std::ptrdiff_t>(s.end));
    };
    append(curve.steps, columns[s.file]->steps);
    append(curve.walls, columns[s.file]->walls);
    append(curve.values, columns[s.file]->values);
  }
  return curve;
}

Result<std::vector<BlobPlace>> RunStore::blobs(const std::string& id, SummaryKind kind,
                                               const std::string& tag) const {
  const std::shared_lock lock(state_->mutex);
  const Run* run = state_->find(id);
  if (run == nullptr) return no_run(id);
  const std::size_t k = index_of(kind);
  const std::uint32_t index = run->tags[k].find(tag);
  if (index == TagTable::kNone) return no_tag(run->info.name, tag);
  const auto columns = run->columns(k, index);
  std::vector<std::string> paths;
  for (const auto& [name, file] : run->files) paths.push_back(file->reader.path());
  std::vector<BlobPlace> places;
  for (const Stretch& s : visible_stretches(columns, false)) {
    const Column& column = *columns[s.file];
    for (std::size_t i = s.begin; i < s.end; ++i) {
      places.push_back({column.steps[i], column.walls[i], paths[s.file], column.offsets[i]});
    }
  }
  return places;
}

Result<Bytes> RunStore::graph(const std::string& id) const {
  BlobPlace place;
  {
    const std::shared_lock lock(state_->mutex);
    const Run* run = state_->find(id);
    if (run == nullptr) return no_run(id);
    for (const auto& [name, file] : run->files) {
      if (file->graph) place = {0, 0, file->reader.path(), *file->graph};
    }
    if (place.file.empty()) {
      return not_found("run " + run->info.name + ": its logs hold no graph: look at a run that " +
                       "logged one");
    }
  }
  GRAFT_ASSIGN(const Bytes record, read_record_at(place.file, place.offset));
  ScannedEvent event;
  if (!scan_event(record, event) || event.what != ScannedEvent::What::kGraph) {
    return corrupt(printable(place.file) + ": the graph is gone: the file was changed meanwhile");
  }
  const auto bytes = as_bytes(event.bytes);
  return Bytes(bytes.begin(), bytes.end());
}

std::vector<std::string> RunStore::record_files() const {
  const std::shared_lock lock(state_->mutex);
  std::vector<std::string> out;
  for (const auto& [path, stamp] : state_->records) out.push_back(path);
  return out;
}

std::vector<LogProblem> RunStore::problems() const {
  const std::shared_lock lock(state_->mutex);
  std::vector<LogProblem> out = state_->walk_problems;
  for (const auto& [directory, run] : state_->runs) {
    for (const auto& [name, file] : run->files) {
      const std::string subject = printable(file->reader.path()) + ": ";
      if (!file->problem.empty()) out.push_back({true, file->problem, run->info.id});
      if (file->reader.damaged() > 0) {
        out.push_back({false,
                       subject + format_count(file->reader.damaged()) +
                           (file->reader.damaged() == 1 ? " damaged record was passed over"
                                                        : " damaged records were passed over") +
                           ": the others are shown",
                       run->info.id});
      }
      if (file->full) {
        out.push_back({false,
                       subject + "holds more points or tags than are kept: name fewer logs with "
                                 "--logdir",
                       run->info.id});
      }
    }
  }
  return out;
}

Result<void> read_blob(const BlobPlace& place, const std::string& tag,
                       const std::function<Result<void>(const EventValue&)>& use) {
  GRAFT_ASSIGN(const Bytes record, read_record_at(place.file, place.offset));
  ScannedEvent event;
  if (scan_event(record, event)) {
    for (const EventValue& value : event.values) {
      if (value.tag == tag && value.kind != EventValue::Kind::kScalar) return use(value);
    }
  }
  return corrupt(printable(place.file) + ": the value of " + printable(tag) +
                 " is gone: the file was changed meanwhile");
}

std::string run_id(const std::string& directory) {
  const std::uint64_t hash = xxh3_64(as_bytes(directory));
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(hash >> (56 - 8 * i));
  }
  return hex(bytes);
}

}  // namespace graft
