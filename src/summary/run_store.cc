#include "summary/run_store.h"

#include <mutex>

#include "base/hash.h"
#include "base/text.h"
#include "summary/run_store_state.h"

namespace graft {

RunStore::RunStore(RunStoreOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
}
RunStore::~RunStore() = default;

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
  Curve out;
  GRAFT_TRY(with_curve(id, tag, all, [&](const CurveSpans& curve) {
    out.steps.assign(curve.steps.begin(), curve.steps.end());
    out.walls.assign(curve.walls.begin(), curve.walls.end());
    out.values.assign(curve.values.begin(), curve.values.end());
  }));
  return out;
}

Result<void> RunStore::with_curve(const std::string& id, const std::string& tag, bool all,
                                  const std::function<void(const CurveSpans&)>& use) const {
  const std::shared_lock lock(state_->mutex);
  const Run* run = state_->find(id);
  if (run == nullptr) return no_run(id);
  const std::uint32_t index = run->tags[0].find(tag);
  if (index == TagTable::kNone) return no_tag(run->info.name, tag);
  const auto columns = run->columns(0, index);
  const std::vector<Stretch> stretches = visible_stretches(columns, all);
  const auto spans_of = [&](const Stretch& s) -> CurveSpans {
    const Column& column = *columns[s.file];
    const auto part = [&](const auto& whole) {
      return std::span(whole).subspan(s.begin, s.end - s.begin);
    };
    return {part(column.steps), part(column.walls), part(column.values)};
  };
  if (stretches.size() == 1) {
    use(spans_of(stretches.front()));
    return {};
  }
  Curve joined;
  for (const Stretch& s : stretches) {
    const CurveSpans part = spans_of(s);
    joined.steps.insert(joined.steps.end(), part.steps.begin(), part.steps.end());
    joined.walls.insert(joined.walls.end(), part.walls.begin(), part.walls.end());
    joined.values.insert(joined.values.end(), part.values.begin(), part.values.end());
  }
  use({joined.steps, joined.walls, joined.values});
  return {};
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
