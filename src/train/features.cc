#include "train/features.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "data/text_cache.h"
#include "train/feature_computation.h"
#include "train/text_bottlenecks.h"

namespace graft {
namespace {

using Clock = std::chrono::steady_clock;

enum class Origin : std::uint8_t { kNowhere, kStore, kText, kComputed };

// What is known of one example's feature.
struct Lookup {
  Origin origin = Origin::kNowhere;
  bool was_read = true;      // or else nothing is cached that its content could lead to
  bool has_content = false;  // the photo could be read
  Hash128 content;
  const float* row = nullptr;
  std::vector<float> text;  // owns the row of Origin::kText
  std::string unreadable;   // why the photo could not be read
};

// What the rows of a table point into.
struct Storage {
  std::optional<FeatureCache> store;
  std::optional<FeatureCache::Snapshot> snapshot;  // destroyed before the store
  std::vector<std::vector<float>> texts;
};

// A folder that nobody may write, by its permissions, is left alone even where root could.
bool is_write_protected(const std::string& directory) {
  struct stat status {};
  return ::stat(directory.c_str(), &status) == 0 && (status.st_mode & 0222) == 0;
}

std::string without_path(const std::string& path, const std::string& message) {
  const std::string prefix = printable(path) + ": ";
  return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
}

}  // namespace

class FeatureTableBuilder {
 public:
  static FeatureTable build(std::vector<const float*> rows, std::vector<Hash128> contents,
                            std::size_t width, std::shared_ptr<void> storage) {
    FeatureTable table;
    table.rows_ = std::move(rows);
    table.contents_ = std::move(contents);
    table.width_ = width;
    table.storage_ = std::move(storage);
    return table;
  }
};

namespace {

class Extraction {
 public:
  Extraction(Dataset& dataset, Backbone* backbone, const std::string& architecture,
             const FeatureOptions& options, RunObserver& observer, std::stop_token stop)
      : dataset_(dataset),
        backbone_(backbone),
        architecture_(architecture),
        options_(options),
        observer_(observer),
        stop_(std::move(stop)),
        threads_(thread_count(options.threads)),
        found_(dataset.examples.size()) {}

  Result<Features> run() {
    const auto began = Clock::now();
    if (backbone_ != nullptr) {
      space_text_ = backbone_->feature_space();
      width_ = static_cast<std::size_t>(backbone_->spec().feature_width);
    } else {
      space_text_ = "text caches of " + architecture_;
      width_ = width_of_first_text();
    }
    space_ = space_of(space_text_);
    GRAFT_TRY(open_store());
    GRAFT_TRY(look_up());
    if (options_.format == CacheFormat::kText) GRAFT_TRY(write_absent_texts());
    GRAFT_TRY(store_notes());
    GRAFT_TRY(compute_missing());
    warn_of_duplicates();
    GRAFT_ASSIGN(FeatureTable table, make_table());
    stats_.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    return Features{std::move(table), stats_, space_text_};
  }

 private:
  std::string text_path(const Example& example) const {
    return text_cache_path(options_.bottleneck_dir, example.folder, example.file, architecture_);
  }

  std::size_t width_of_first_text() const {
    for (const Example& example : dataset_.examples) {
      const auto text = read_text_bottleneck(text_path(example), 0);
      if (text.ok()) return text->values.size();
    }
    return 0;
  }

  // A directory that can neither be written nor has a store serves its text files all the same.
  Result<void> open_store() {
    protected_ = is_write_protected(options_.bottleneck_dir);
    if (protected_ && !exists(join_path(options_.bottleneck_dir, "features.cache"))) return {};
    auto opened = FeatureCache::open(options_.bottleneck_dir);
    if (opened.ok()) {
      storage_->store = std::move(opened).value();
      return {};
    }
    if (opened.error().kind == ErrorKind::kCorrupt) return std::move(opened).error();
    no_store_ = std::move(opened).error();
    return {};
  }

  bool can_write() const { return !protected_ && storage_->store && storage_->store->writable(); }
  Error cannot_write() const {
    if (no_store_) return *no_store_;
    return io_error(printable(options_.bottleneck_dir) +
                    ": cannot be written, and features have to be computed: change its "
                    "permissions or give another --bottleneck_dir");
  }

  Result<void> take_snapshot() {
    if (!storage_->store) return {};
    GRAFT_ASSIGN(storage_->snapshot, storage_->store->snapshot());
    return {};
  }
  const FeatureCache::Snapshot* snapshot() const {
    return storage_->snapshot ? &*storage_->snapshot : nullptr;
  }

  // Every photo of which a feature may be cached is read and hashed; no pixel is decoded.
  Result<void> look_up() {
    GRAFT_TRY(take_snapshot());
    none_stored_ = backbone_ != nullptr && (snapshot() == nullptr || !snapshot()->has(space_));
    std::vector<Bytes> buffers(static_cast<std::size_t>(threads_));
    const std::size_t handed_out =
        parallel_for(found_.size(), threads_, stop_, [&](std::size_t i, int worker) {
          look_up_one(i, buffers[static_cast<std::size_t>(worker)]);
        });
    if (handed_out < found_.size()) {
      return cancelled(
          "stopped while looking for cached features: nothing is lost: the same "
          "command starts again");
    }
    if (snapshot() != nullptr) stats_.damaged += snapshot()->damaged();
    return {};
  }

  void look_up_one(std::size_t i, Bytes& buffer) {
    const Example& example = dataset_.examples[i];
    Lookup& found = found_[i];
    if (none_stored_ && !has_text(example)) {
      found.was_read = false;
      return compile_meanwhile();
    }
    if (auto read = read_file(example.path, buffer); read.ok()) {
      found.has_content = true;
      found.content = xxh3_128(buffer);
      if (backbone_ != nullptr && snapshot() != nullptr) {
        if (const auto row = snapshot()->find({found.content, space_}, width_)) {
          found.origin = Origin::kStore;
          found.row = row->data();
          return;
        }
      }
    } else {
      found.unreadable = without_path(example.path, read.error().message);
    }
    look_up_text(example, found);
    if (found.origin == Origin::kNowhere && found.has_content) compile_meanwhile();
  }

  // One thread prepares the network while the others look on. Its error, if any, comes again in
  // compute_missing.
  void compile_meanwhile() {
    if (backbone_ != nullptr && !compiling_.exchange(true)) (void)backbone_->compile();
  }

  bool may_have_texts() const { return backbone_ == nullptr || backbone_->spec().has_text_caches; }
  bool has_text(const Example& example) const {
    return may_have_texts() && exists(text_path(example));
  }

  void look_up_text(const Example& example, Lookup& found) {
    if (!may_have_texts()) return;
    auto text = read_text_bottleneck(text_path(example), width_);
    if (!text.ok()) {
      if (text.error().kind != ErrorKind::kCorrupt) return;
      const std::scoped_lock lock(mutex_);
      ++stats_.damaged;
      return;
    }
    if (found.has_content) {
      const auto note = snapshot() != nullptr ? find_text_note(*snapshot(), example, architecture_)
                                              : std::nullopt;
      if (!is_fresh(note, found.content, text->hash)) return;
      if (!note || note->text != text->hash) {
        const std::scoped_lock lock(mutex_);
        notes_.push_back(text_note_record(example, architecture_, {found.content, text->hash}));
      }
    }
    found.origin = Origin::kText;
    found.text = std::move(text->values);
    found.row = found.text.data();
  }

  // --bottleneck_format text: what the store knows gets its text file too, unless one that belongs
  // to this content lies there, or one that someone else put there.
  Result<void> write_absent_texts() {
    if (protected_) return {};
    std::optional<Error> failure;
    std::stop_source failed;
    const std::stop_callback on_stop(stop_, [&] { failed.request_stop(); });
    parallel_for(found_.size(), threads_, failed.get_token(), [&](std::size_t i, int) {
      const Lookup& found = found_[i];
      if (found.origin != Origin::kStore) return;
      const Example& example = dataset_.examples[i];
      const std::string path = text_path(example);
      const auto note = find_text_note(*snapshot(), example, architecture_);
      const auto there = read_text_bottleneck(path, width_);
      if (there.ok() && is_fresh(note, found.content, there->hash)) return;
      auto written = write_text_cache(path, {found.row, width_});
      auto text = written.ok() ? read_text_bottleneck(path, width_)
                               : Result<TextBottleneck>(std::move(written).error());
      const std::scoped_lock lock(mutex_);
      if (text.ok()) {
        notes_.push_back(text_note_record(example, architecture_, {found.content, text->hash}));
      } else {
        if (!failure) failure = std::move(text).error();
        failed.request_stop();
      }
    });
    if (failure) return *std::move(failure);
    if (stop_.stop_requested()) {
      return cancelled("stopped while writing text files: the same command goes on from there");
    }
    return {};
  }

  // Writing needs the snapshot gone: the store may have to move its map.
  void release_snapshot() {
    for (Lookup& found : found_) {
      if (found.origin == Origin::kStore) found.row = nullptr;
    }
    storage_->snapshot.reset();
  }

  Result<void> store_notes() {
    if (notes_.empty() || !can_write()) return {};
    release_snapshot();
    // The order of the examples, not that in which threads came.
    std::sort(notes_.begin(), notes_.end(), [](const FeatureRecord& a, const FeatureRecord& b) {
      return a.key.content < b.key.content;
    });
    return storage_->store->put_batch(notes_);
  }

  void warn_of_duplicates() {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < found_.size(); ++i) {
      if (found_[i].has_content) order.push_back(i);
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(found_[a].content, a) < std::pair(found_[b].content, b);
    });
    constexpr std::size_t kNamed = 3;
    std::string named;
    for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
      while (last < order.size() && found_[order[last]].content == found_[order[first]].content) {
        ++last;
      }
      const auto begin = order.begin() + static_cast<std::ptrdiff_t>(first);
      const auto end = order.begin() + static_cast<std::ptrdiff_t>(last);
      const auto training = std::find_if(begin, end, [&](std::size_t i) {
        return dataset_.examples[i].split == Split::kTraining;
      });
      if (training == end) continue;
      for (auto i = begin; i != end; ++i) {
        const Example& held_out = dataset_.examples[*i];
        if (held_out.split == Split::kTraining) continue;
        if (stats_.duplicates_across_splits++ < kNamed) {
          named += (named.empty() ? "" : ", ") + printable(held_out.path) + " = " +
                   printable(dataset_.examples[*training].path);
        }
      }
    }
    if (stats_.duplicates_across_splits == 0) return;
    observer_.on_warning(
        format_count(stats_.duplicates_across_splits) +
        " test or validation photos are also training photos, so the accuracy will look better "
        "than it is: " +
        named + (stats_.duplicates_across_splits > kNamed ? ", …" : "") + ": remove the copies");
  }

  Result<void> compute_missing() {
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < found_.size(); ++i) {
      const Lookup& found = found_[i];
      if (found.origin != Origin::kNowhere) continue;
      if (found.was_read && !found.has_content) {
        bad_.push_back({dataset_.examples[i].path, found.unreadable});
      } else if (backbone_ == nullptr) {
        bad_.push_back({dataset_.examples[i].path,
                        "no cached feature for it, and no network at hand to compute one"});
      } else {
        missing.push_back(i);
      }
    }
    if (missing.empty()) return {};
    if (!can_write()) return cannot_write();
    if (options_.format == CacheFormat::kText) GRAFT_TRY(check_text_folders(missing));
    release_snapshot();
    GRAFT_TRY(backbone_->compile());
    const int threads =
        static_cast<int>(std::min(static_cast<std::size_t>(threads_), missing.size()));
    observer_.on_message("Computing the features of " + format_count(missing.size()) +
                         " photos with " + architecture_ + ", " + std::to_string(threads) +
                         (threads == 1 ? " thread" : " threads"));
    const FeatureJob job{dataset_, missing,       *backbone_, *storage_->store,
                         options_, architecture_, threads};
    GRAFT_ASSIGN(FeatureJobResult result, compute_features(job, observer_, stop_));
    for (std::size_t m = 0; m < missing.size(); ++m) {
      Lookup& found = found_[missing[m]];
      if (!result.content[m]) continue;
      found.origin = Origin::kComputed;
      found.has_content = true;
      found.content = *result.content[m];
    }
    stats_.corrupt_but_decoded = result.corrupt_but_decoded;
    bad_.insert(bad_.end(), result.failed.begin(), result.failed.end());
    return {};
  }

  Result<void> check_text_folders(const std::vector<std::size_t>& missing) const {
    std::unordered_set<std::string> checked;
    for (const std::size_t i : missing) {
      const Example& example = dataset_.examples[i];
      if (checked.insert(example.folder).second) GRAFT_TRY(check_writable(text_path(example)));
    }
    return {};
  }

  Result<FeatureTable> make_table() {
    if (!storage_->snapshot) GRAFT_TRY(take_snapshot());
    std::unordered_set<std::string_view> bad;
    std::vector<Skipped> lost;
    for (std::size_t i = 0; i < found_.size(); ++i) {
      Lookup& found = found_[i];
      const bool stored = found.origin == Origin::kStore || found.origin == Origin::kComputed;
      if (!stored || found.row != nullptr) continue;
      const auto row = snapshot()->find({found.content, space_}, width_);
      if (row) {
        found.row = row->data();
      } else {
        lost.push_back({dataset_.examples[i].path, "its cached feature was damaged meanwhile"});
      }
    }
    bad_.insert(bad_.end(), lost.begin(), lost.end());
    for (const Skipped& skipped : bad_) bad.insert(skipped.path);

    stats_.photos = found_.size();
    stats_.failed = bad_.size();
    std::vector<const float*> rows;
    std::vector<Hash128> contents;
    rows.reserve(found_.size());
    contents.reserve(found_.size());
    for (std::size_t i = 0; i < found_.size(); ++i) {
      Lookup& found = found_[i];
      if (bad.contains(dataset_.examples[i].path)) continue;
      stats_.from_store += found.origin == Origin::kStore ? 1 : 0;
      stats_.from_text += found.origin == Origin::kText ? 1 : 0;
      stats_.computed += found.origin == Origin::kComputed ? 1 : 0;
      rows.push_back(found.row);
      contents.push_back(found.content);
      if (found.origin == Origin::kText) storage_->texts.push_back(std::move(found.text));
    }
    if (!bad_.empty()) GRAFT_TRY(drop_examples(dataset_, bad_));
    return FeatureTableBuilder::build(std::move(rows), std::move(contents), width_, storage_);
  }

  Dataset& dataset_;
  Backbone* backbone_;
  const std::string& architecture_;
  const FeatureOptions& options_;
  RunObserver& observer_;
  std::stop_token stop_;
  int threads_;
  std::vector<Lookup> found_;
  std::vector<Skipped> bad_;
  std::string space_text_;
  Hash128 space_;
  std::size_t width_ = 0;
  FeatureStats stats_;
  std::shared_ptr<Storage> storage_ = std::make_shared<Storage>();
  bool protected_ = false;
  bool none_stored_ = false;  // no feature of this network
  std::optional<Error> no_store_;
  std::atomic<bool> compiling_ = false;
  std::mutex mutex_;  // guards stats_.damaged and notes_ while threads look up
  std::vector<FeatureRecord> notes_;
};

}  // namespace

Result<Features> extract_features(Dataset& dataset, Backbone* backbone,
                                  const std::string& architecture, const FeatureOptions& options,
                                  RunObserver& observer, std::stop_token stop) {
  return Extraction(dataset, backbone, architecture, options, observer, std::move(stop)).run();
}

}  // namespace graft
