#include "train/feature_computation.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <utility>

#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "data/text_cache.h"
#include "image/decode.h"
#include "train/text_bottlenecks.h"

namespace graft {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// How much a kill may cost, and how much waits in memory for the store.
constexpr Seconds kStorePeriod{1};
constexpr std::size_t kMaxPending = 2048;
constexpr std::size_t kNotesShown = 5;

class Computation {
 public:
  Computation(const FeatureJob& job, RunObserver& observer, std::stop_token stop)
      : job_(job),
        observer_(observer),
        space_(space_of(job.backbone.feature_space())),
        width_(static_cast<std::size_t>(job.backbone.spec().feature_width)),
        workers_(static_cast<std::size_t>(job.threads)),
        on_stop_(std::move(stop), [this] { stop_.request_stop(); }) {
    result_.content.resize(job.examples.size());
  }

  Result<FeatureJobResult> run() {
    const std::size_t handed_out =
        parallel_for(job_.examples.size(), job_.threads, stop_.get_token(),
                     [this](std::size_t item, int worker) {
                       one(item, workers_[static_cast<std::size_t>(worker)]);
                     });
    for (Worker& worker : workers_) finish(worker);
    store_pending();
    report_progress(true);
    if (failure_) return *std::move(failure_);
    if (handed_out < job_.examples.size()) {
      return cancelled("stopped after " + format_count(done_) + " of " +
                       format_count(job_.examples.size()) +
                       " photos: their features are kept: the same command goes on from there");
    }
    // In the order of the examples, whichever thread was first.
    std::sort(result_.failed.begin(), result_.failed.end(),
              [](const Skipped& a, const Skipped& b) { return a.path < b.path; });
    if (result_.corrupt_but_decoded > kNotesShown) {
      observer_.on_warning(format_count(result_.corrupt_but_decoded) +
                           " photos are damaged and were used as far as they could be decoded");
    }
    return std::move(result_);
  }

 private:
  // A photo that the extractor has begun.
  struct Begun {
    std::size_t item = 0;
    Hash128 content;
    DecodeNote note;
  };
  struct Worker {
    std::unique_ptr<Extractor> extractor;
    Bytes bytes;
    std::vector<Begun> begun;
  };

  const Example& example(std::size_t item) const {
    return job_.dataset.examples[job_.examples[item]];
  }

  void one(std::size_t item, Worker& worker) {
    const std::string& path = example(item).path;
    if (auto read = read_file(path, worker.bytes); !read.ok()) {
      return failed(path, read.error().message);
    }
    if (!worker.extractor) worker.extractor = job_.backbone.make_extractor();
    // The hash of these very bytes: a photo edited since it was looked up is stored as what it is.
    Begun photo{item, xxh3_128(worker.bytes), {}};
    if (auto ran = worker.extractor->begin(worker.bytes, &photo.note); !ran.ok()) {
      return failed(path, ran.error().message);
    }
    worker.begun.push_back(std::move(photo));
    if (worker.begun.size() == worker.extractor->most_waiting()) finish(worker);
  }

  // All that the worker has begun.
  void finish(Worker& worker) {
    if (worker.begun.empty()) return;
    std::span<const float> features = worker.extractor->finish();
    for (const Begun& photo : worker.begun) {
      const auto values = features.first(width_);
      features = features.subspan(width_);
      finished(photo, {{photo.content, space_}, {values.begin(), values.end()}});
    }
    worker.begun.clear();
  }

  void finished(const Begun& photo, FeatureRecord record) {
    if (!std::all_of(record.values.begin(), record.values.end(),
                     [](float v) { return std::isfinite(v); })) {
      return failed(example(photo.item).path,
                    "the network gives values that are not finite for it");
    }
    std::optional<FeatureRecord> text_note;
    if (job_.options.format == CacheFormat::kText) {
      auto written = write_text(photo.item, record);
      if (!written.ok()) return stop_with(std::move(written).error());
      text_note = std::move(written).value();
    }
    deliver(photo.item, std::move(record), std::move(text_note), photo.note);
  }

  Result<FeatureRecord> write_text(std::size_t item, const FeatureRecord& record) {
    const Example& photo = example(item);
    const std::string path =
        text_cache_path(job_.options.bottleneck_dir, photo.folder, photo.file, job_.architecture);
    GRAFT_TRY(write_text_cache(path, record.values));
    GRAFT_ASSIGN(const TextBottleneck text, read_text_bottleneck(path, width_));
    return text_note_record(photo, job_.architecture, {record.key.content, text.hash});
  }

  void deliver(std::size_t item, FeatureRecord record, std::optional<FeatureRecord> text_note,
               const DecodeNote& note) {
    bool store_now = false;
    {
      const std::scoped_lock lock(mutex_);
      result_.content[item] = record.key.content;
      pending_.push_back(std::move(record));
      if (text_note) pending_.push_back(*std::move(text_note));
      const auto now = Clock::now();
      if (now - last_store_ >= kStorePeriod || pending_.size() >= kMaxPending) {
        store_now = true;
        last_store_ = now;
      }
    }
    if (store_now) store_pending();
    const std::scoped_lock lock(observer_mutex_);
    ++done_;
    if (note.corrupt_but_decodable && ++result_.corrupt_but_decoded <= kNotesShown) {
      observer_.on_warning(printable(example(item).path) +
                           ": damaged, but decoded: " + printable(note.warning));
    }
    if (done_ % 100 == 0) {
      observer_.on_message(format_count(done_) + " bottleneck files created.");
    }
    report_progress(false);
  }

  void failed(const std::string& path, const std::string& reason) {
    const std::scoped_lock lock(observer_mutex_);
    ++done_;
    // read_file names the path itself; said once is enough.
    const std::string prefix = printable(path) + ": ";
    result_.failed.push_back(
        {path, reason.starts_with(prefix) ? reason.substr(prefix.size()) : reason});
    report_progress(false);
  }

  void stop_with(Error error) {
    const std::scoped_lock lock(mutex_);
    if (!failure_) failure_ = std::move(error);
    stop_.request_stop();
  }

  // One durable transaction for all that waits; the other threads go on meanwhile.
  void store_pending() {
    const std::scoped_lock store_lock(store_mutex_);
    std::vector<FeatureRecord> batch;
    {
      const std::scoped_lock lock(mutex_);
      batch.swap(pending_);
    }
    if (batch.empty()) return;
    if (auto put = job_.store.put_batch(batch); !put.ok()) stop_with(put.error());
  }

  void report_progress(bool last) {
    const auto now = Clock::now();
    if (!last && now - last_progress_ < kProgressPeriod) return;
    last_progress_ = now;
    observer_.on_progress({"features", done_, job_.examples.size(), Seconds(now - began_).count()});
  }

  const FeatureJob& job_;
  RunObserver& observer_;
  const Hash128 space_;
  const std::size_t width_;
  std::vector<Worker> workers_;
  const Clock::time_point began_ = Clock::now();

  std::mutex mutex_;  // guards the next four
  FeatureJobResult result_;
  std::vector<FeatureRecord> pending_;
  std::optional<Error> failure_;
  Clock::time_point last_store_ = began_;

  std::mutex store_mutex_;     // put_batch: one thread at a time
  std::mutex observer_mutex_;  // guards the observer, done_, result_.failed and the damaged count
  std::size_t done_ = 0;
  Clock::time_point last_progress_ = began_;

  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_stop_;
};

}  // namespace

Result<FeatureJobResult> compute_features(const FeatureJob& job, RunObserver& observer,
                                          std::stop_token stop) {
  return Computation(job, observer, std::move(stop)).run();
}

}  // namespace graft
