// What fills a RunStore: the walk's findings and the records of the event files.
#include <mutex>

#include "base/file.h"
#include "base/text.h"
#include "summary/run_store_state.h"

namespace graft {
namespace {

constexpr std::uint64_t kReadAtOnce = std::uint64_t{1} << 20;  // while others wait for the lock
constexpr std::size_t kListedPoints = 4000;  // of one run in one StoreChanges; more: `reset`

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

StoreChanges RunStore::scan() {
  StoreChanges changes;
  Found found;
  for (const Logdir& logdir : state_->options.logdirs) walk(logdir, found);
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

}  // namespace graft
