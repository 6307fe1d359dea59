// graft cache: what the cached features take, whether they are whole, and what can go.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "data/dataset.h"
#include "data/feature_cache.h"
#include "train/retrain.h"
#include "train/text_bottlenecks.h"

namespace graft {
namespace {

struct CacheFlags {
  std::string bottleneck_dir = RetrainOptions().bottleneck_dir;
  std::vector<std::string> words;
  std::string image_dir;
  bool json = false;
};

void declare(Options& options, CacheFlags& flags) {
  options.arguments(flags.words);
  options.text("bottleneck_dir", flags.bottleneck_dir, "DIR", "Where the features are kept.");
  options.text("image_dir", flags.image_dir, "DIR",
               "With prune: keep only what belongs to the photos in this folder.");
  options.flag("json", flags.json, "Print one JSON object instead of text.");
  options.note(
      "stats (or nothing): records, sizes, damage.  check: reads every vector; exit code 1 when "
      "one "
      "is damaged.  prune: frees the space of damaged and outdated records.  import DIR, export "
      "DIR: "
      "copies features that are not there yet from, or to, another folder; what is there stays.");
  options.note(
      "Features are computed again whenever they are missing: nothing here can change a result.");
  options.example("graft cache", "What tf_files/bottlenecks holds");
  options.example("graft cache prune --image_dir=tf_files/flower_photos",
                  "Forget the photos that are no longer in use");
  options.example("graft cache export /media/stick/bottlenecks", "For a machine that is slower");
}

// Never makes one, as FeatureCache::open() would.
Result<FeatureCache> open_existing(const std::string& dir) {
  if (!exists(join_path(dir, "features.cache"))) {
    return not_found(printable(dir) +
                     ": there are no cached features: graft retrain keeps some there, or name "
                     "another --bottleneck_dir");
  }
  return FeatureCache::open(dir);
}

struct Checked {
  struct Space {
    std::size_t records = 0, width = 0;
  };
  std::map<Hash128, Space> spaces;  // of undamaged records
  std::size_t records = 0, damaged = 0;
};

Result<Checked> check_all(const FeatureCache::Snapshot& snapshot, const std::stop_token& stop) {
  Checked checked;
  GRAFT_TRY(snapshot.for_each([&](const FeatureKey& key, std::span<const float> values) {
    if (stop.stop_requested()) return Result<void>(cancelled("stopped: nothing was changed"));
    if (values.empty()) {
      ++checked.damaged;
      return Result<void>();
    }
    Checked::Space& space = checked.spaces[key.space];
    ++space.records;
    space.width = values.size();
    ++checked.records;
    return Result<void>();
  }));
  return checked;
}

std::string to_text(const std::string& path, const FeatureCacheStats& stats,
                    const Checked& checked) {
  std::string out = printable(path) + ": " + format_count(checked.records) + " records, " +
                    format_bytes(stats.file_bytes) + "\n";
  for (const auto& [space, found] : checked.spaces) {
    out += "  " + hex(space.bytes).substr(0, 12) + "  " + format_count(found.records) +
           (space == text_note_space() ? " notes on text files\n"
                                       : " of " + format_count(found.width) + " values\n");
  }
  if (checked.damaged > 0 || stats.damaged_bytes > 0) {
    out += "  damaged: " + format_count(checked.damaged) + " records, and " +
           format_bytes(stats.damaged_bytes) +
           " between records: computed again when needed; `graft cache prune` frees the space\n";
  }
  return out;
}

Json to_json(const std::string& path, const FeatureCacheStats& stats, const Checked& checked) {
  Json spaces = Json::array();
  for (const auto& [space, found] : checked.spaces) {
    spaces.push_back(
        {{"space", hex(space.bytes)}, {"records", found.records}, {"width", found.width}});
  }
  return {{"file", printable(path)},
          {"bytes", stats.file_bytes},
          {"records", checked.records},
          {"damaged_records", checked.damaged},
          {"damaged_bytes", stats.damaged_bytes},
          {"spaces", std::move(spaces)}};
}

int show(const CacheFlags& flags, bool fail_on_damage, Console& console) {
  const Interrupt interrupt;
  const auto cache = open_existing(flags.bottleneck_dir);
  if (!cache.ok()) return console.fail(cache.error());
  const auto snapshot = cache->snapshot();
  if (!snapshot.ok()) return console.fail(snapshot.error());
  const auto checked = check_all(*snapshot, interrupt.token());
  if (!checked.ok()) return console.fail(checked.error());
  const FeatureCacheStats stats = snapshot->stats();
  console.print(flags.json ? dump_json(to_json(cache->path(), stats, *checked)) + "\n"
                           : to_text(cache->path(), stats, *checked));
  return fail_on_damage && (checked->damaged > 0 || stats.damaged_bytes > 0) ? 1 : 0;
}

// Contents of the photos below image_dir.
Result<std::set<Hash128>> contents_of(const std::string& image_dir, Console& console,
                                      const std::stop_token& stop) {
  ScanOptions scan;
  scan.image_dir = image_dir;
  scan.for_training = false;
  GRAFT_ASSIGN(const Dataset dataset, scan_image_folder(scan));
  std::set<Hash128> contents;
  Bytes bytes;
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  for (const Example& example : dataset.examples) {
    if (stop.stop_requested()) return cancelled("stopped: nothing was changed");
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    console.progress({"Reading", done++, dataset.examples.size(), passed.count(), Unit::kPhotos});
    if (auto read = read_file(example.path, bytes); !read.ok()) {
      console.warning(printable(example.path) + ": " + read.error().message +
                      ": its features are forgotten");
      continue;
    }
    contents.insert(xxh3_128(bytes));
  }
  console.clear_progress();
  return contents;
}

int prune(const CacheFlags& flags, Console& console) {
  auto cache = open_existing(flags.bottleneck_dir);
  if (!cache.ok()) return console.fail(cache.error());
  const Interrupt interrupt;
  std::set<Hash128> wanted;
  if (!flags.image_dir.empty()) {
    auto contents = contents_of(flags.image_dir, console, interrupt.token());
    if (!contents.ok()) return console.fail(contents.error());
    wanted = std::move(*contents);
  }
  const auto pruned = cache->prune([&](const FeatureKey& key) {
    return flags.image_dir.empty() || key.space == text_note_space() ||
           wanted.contains(key.content);
  });
  if (!pruned.ok()) return console.fail(pruned.error());
  if (flags.json) {
    console.print(dump_json(Json{{"file", printable(cache->path())},
                                 {"kept", pruned->kept},
                                 {"dropped", pruned->dropped},
                                 {"damaged", pruned->damaged},
                                 {"bytes_before", pruned->bytes_before},
                                 {"bytes", pruned->bytes_after}}) +
                  "\n");
    return 0;
  }
  console.print(printable(cache->path()) + ": kept " + format_count(pruned->kept) +
                " records, dropped " + format_count(pruned->dropped) + ", damaged " +
                format_count(pruned->damaged) + ": " + format_bytes(pruned->bytes_before) + " -> " +
                format_bytes(pruned->bytes_after) + "\n");
  return 0;
}

// Copies what `to` lacks. Whole batches: what was copied before an error or Ctrl-C stays.
Result<std::size_t> copy_all(const FeatureCache& from, FeatureCache& to,
                             const std::stop_token& stop) {
  constexpr std::size_t kBatch = 256;
  GRAFT_ASSIGN(const auto source, from.snapshot());
  GRAFT_ASSIGN(const auto present, to.snapshot());
  std::vector<FeatureRecord> batch;
  std::size_t copied = 0;
  const auto put = [&]() -> Result<void> {
    GRAFT_TRY(to.put_batch(batch));
    copied += batch.size();
    batch.clear();
    return {};
  };
  GRAFT_TRY(
      source.for_each([&](const FeatureKey& key, std::span<const float> values) -> Result<void> {
        if (stop.stop_requested()) {
          return cancelled("stopped after " + format_count(copied) +
                           " records: the same command goes on");
        }
        if (values.empty() || present.find(key, values.size())) return {};
        batch.push_back({key, {values.begin(), values.end()}});
        return batch.size() < kBatch ? Result<void>() : put();
      }));
  GRAFT_TRY(put());
  return copied;
}

int copy(const std::string& from_dir, const std::string& to_dir, Console& console) {
  const Interrupt interrupt;
  const auto from = open_existing(from_dir);
  if (!from.ok()) return console.fail(from.error());
  if (absolute_path(from_dir) == absolute_path(to_dir)) {
    return console.fail(invalid_argument(printable(from_dir) +
                                         ": is the same folder: name another to copy from or to"));
  }
  auto to = FeatureCache::open(to_dir);
  if (!to.ok()) return console.fail(to.error());
  const auto copied = copy_all(*from, *to, interrupt.token());
  if (!copied.ok()) return console.fail(copied.error());
  console.print(printable(to->path()) + ": " + format_count(*copied) + " records copied from " +
                printable(from->path()) + "\n");
  return 0;
}

}  // namespace

int run_cache(Arguments arguments, Console& console) {
  CacheFlags flags;
  Options options("cache", "what the cached features take, and what can go",
                  "[stats|check|prune|import DIR|export DIR]");
  declare(options, flags);
  if (const auto code = parse_options(options, arguments, console)) return *code;
  const std::string what = flags.words.empty() ? "stats" : flags.words.front();
  static const std::vector<std::string> kNames = {"stats", "check", "prune", "import", "export"};
  if (std::find(kNames.begin(), kNames.end(), what) == kNames.end()) {
    const std::string near = nearest(what, kNames);
    return console.fail(
        invalid_argument("graft cache " + printable(what) + ": no such command: " +
                         (near.empty() ? "one of stats, check, prune, import, export"
                                       : "did you mean graft cache " + near + "?")));
  }
  const bool copies = what == "import" || what == "export";
  if (flags.words.size() > (copies ? 2U : 1U) || (copies && flags.words.size() < 2)) {
    return console.fail(invalid_argument(
        "graft cache " + what +
        (copies ? ": one folder is needed: name it" : ": takes no further words: leave them out")));
  }
  if (options.given("image_dir") && what != "prune") {
    return console.fail(
        invalid_argument("--image_dir: only graft cache prune takes it: leave it out"));
  }
  if (options.given("image_dir") && flags.image_dir.empty()) {
    return console.fail(invalid_argument("--image_dir: its value is empty: name a folder"));
  }
  if (what == "import") return copy(flags.words[1], flags.bottleneck_dir, console);
  if (what == "export") return copy(flags.bottleneck_dir, flags.words[1], console);
  if (what == "prune") return prune(flags, console);
  return show(flags, what == "check", console);
}

}  // namespace graft
