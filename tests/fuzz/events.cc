// Any bytes taken for an event file are read to an end: what is damaged is counted and passed over,
// no handler sees a view outside of its record, and a second look finds nothing new. A run store
// that follows the file while it grows piece by piece knows in the end what one knows that reads it
// at once, and so does whoever only listens to the changes that it tells of.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "base/file.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/test_directory.h"
#include "event_files.h"
#include "fuzz.h"
#include "summary/event_reader.h"
#include "summary/run_store.h"

namespace graft::fuzz {
namespace {

constexpr const char* kLog = "events.out.tfevents.1.host";
constexpr int kPieces = 4;
constexpr std::uint64_t kMaxPoints = 500;

void check_reader(std::span<const std::byte> bytes) {
  const MemoryFile file(bytes);
  EventReader reader(file.path());
  std::size_t seen = 0, touched = 0;
  const auto touch = [&](std::string_view text) {
    ++seen;
    for (const char c : text) touched += static_cast<unsigned char>(c);
  };
  EventHandler handler;
  handler.on_scalar = [&](const ScalarEvent& event) { touch(event.tag); };
  handler.on_histogram = [&](const HistogramEvent& event) { touch(event.tag); };
  handler.on_graph = touch;
  handler.on_file_version = touch;
  require(reader.poll(handler).ok(), "a regular file that is not read");
  require(reader.offset() <= bytes.size(), "read beyond the file's end");
  const std::size_t seen_at_first = seen;
  const std::uint64_t damaged = reader.damaged_records(), offset = reader.offset();
  require(reader.poll(handler).ok(), "a file that is not read again");
  require(seen == seen_at_first && reader.damaged_records() == damaged && reader.offset() == offset,
          "a file that did not grow brings something new");
}

// Bit for bit, as a log may hold NaN.
template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}
bool same_curve(const Curve& a, const Curve& b) {
  return same_bits(a.steps, b.steps) && same_bits(a.walls, b.walls) &&
         same_bits(a.values, b.values);
}

// What a page that listens has of one run: it asks for a curve anew when it is told to, and else
// appends what it is told.
class Listener {
 public:
  explicit Listener(const RunStore& store) : store_(store) {}

  void hear(const StoreChanges& changes) {
    for (const std::string& run : changes.changed) {
      if (known_.insert(run).second) ask(run);
    }
    for (const std::string& run : changes.reset) ask(run);
    for (const auto& fresh : changes.points) {
      Curve& curve = curves_[{fresh.run, fresh.tag}];
      const auto append = [](auto& to, const auto& from) {
        to.insert(to.end(), from.begin(), from.end());
      };
      append(curve.steps, fresh.points.steps);
      append(curve.walls, fresh.points.walls);
      append(curve.values, fresh.points.values);
    }
  }
  const std::map<std::pair<std::string, std::string>, Curve>& curves() const { return curves_; }

 private:
  void ask(const std::string& run) {
    const auto tags = store_.tags(run);
    if (!tags) return;
    for (const TagInfo& tag : tags->scalars) {
      auto curve = store_.curve(run, tag.tag);
      require(curve.ok(), "a tag without a curve");
      curves_[{run, tag.tag}] = std::move(curve).value();
    }
  }
  const RunStore& store_;
  std::set<std::string> known_;
  std::map<std::pair<std::string, std::string>, Curve> curves_;
};

void check_same_blobs(const RunStore& whole, const RunStore& pieces, const std::string& run,
                      SummaryKind kind, const std::vector<TagInfo>& tags) {
  for (const TagInfo& tag : tags) {
    const auto a = whole.blobs(run, kind, tag.tag), b = pieces.blobs(run, kind, tag.tag);
    require(a.ok() && b.ok() && a->size() == b->size() && a->size() == tag.points,
            "other places of blobs in pieces");
    for (std::size_t i = 0; i < a->size(); ++i) {
      require((*a)[i].offset == (*b)[i].offset && (*a)[i].step == (*b)[i].step,
              "another place of a blob in pieces");
      const auto read = read_blob((*a)[i], tag.tag, [&](const EventValue& value) -> Result<void> {
        (void)histogram_of(value);
        (void)images_of(value);
        (void)text_of(value);
        return {};
      });
      require(read.ok(), "a blob is not where the store says");
    }
  }
}

// NaN is what the log said, too.
template <typename Bits, typename Number>
bool same_bits(Number a, Number b) {
  return std::bit_cast<Bits>(a) == std::bit_cast<Bits>(b);
}

bool same_tags(const std::vector<TagInfo>& a, const std::vector<TagInfo>& b) {
  return std::ranges::equal(a, b, [](const TagInfo& x, const TagInfo& y) {
    return x.tag == y.tag && x.points == y.points && x.last_step == y.last_step &&
           same_bits<std::uint32_t>(x.last_value, y.last_value);
  });
}

void check_same_runs(const RunStore& whole, const RunStore& pieces, const Listener& listener) {
  const auto runs = whole.runs(), others = pieces.runs();
  require(runs.size() == 1 && others.size() == 1, "not one run");
  const RunInfo &a = runs[0], &b = others[0];
  require(a.events == b.events && a.damaged == b.damaged, "other events in pieces");
  require(a.last_step == b.last_step && a.restarts == b.restarts, "other steps in pieces");
  require(same_bits<std::uint64_t>(a.started, b.started) &&
              same_bits<std::uint64_t>(a.updated, b.updated),
          "other times in pieces");
  const auto tags = whole.tags(a.id), again = pieces.tags(a.id);
  require(tags && again && same_tags(tags->scalars, again->scalars) &&
              same_tags(tags->histograms, again->histograms) &&
              same_tags(tags->images, again->images) && same_tags(tags->texts, again->texts) &&
              tags->graph == again->graph,
          "other tags in pieces");
  std::size_t curves = 0;
  for (const TagInfo& tag : tags->scalars) {
    for (const bool all : {false, true}) {
      const auto curve = whole.curve(a.id, tag.tag, all), other = pieces.curve(a.id, tag.tag, all);
      require(curve.ok() && other.ok() && same_curve(*curve, *other), "another curve in pieces");
      require(all || std::ranges::is_sorted(curve->steps), "a curve whose steps go back");
      if (all) continue;
      const auto heard = listener.curves().find({a.id, tag.tag});
      require(heard != listener.curves().end() && same_curve(heard->second, *curve),
              "another curve to whoever listens: " + tag.tag);
      ++curves;
    }
  }
  require(listener.curves().size() == curves, "whoever listens has curves that there are not");
  check_same_blobs(whole, pieces, a.id, SummaryKind::kHistogram, tags->histograms);
  check_same_blobs(whole, pieces, a.id, SummaryKind::kImage, tags->images);
  check_same_blobs(whole, pieces, a.id, SummaryKind::kText, tags->texts);
  const auto graph = whole.graph(a.id), other = pieces.graph(a.id);
  require(graph.ok() == tags->graph && other.ok() == tags->graph, "a graph that is not there");
  require(!tags->graph || *graph == *other, "another graph in pieces");
  const auto problems = whole.problems(), same = pieces.problems();
  require(problems.size() == same.size(), "other problems in pieces");
  for (std::size_t i = 0; i < problems.size(); ++i) {
    require(problems[i].message == same[i].message, "another problem in pieces");
    require_refusal(corrupt(problems[i].message));
  }
}

void check_store(std::span<const std::byte> bytes) {
  static const TestDirectory folder;
  const RunStoreOptions options = {{{"", folder.path()}}, kMaxPoints};
  const std::vector<std::string> log = {folder / kLog};
  RunStore pieces(options);
  Listener listener(pieces);
  Rng rng(xxh3_64(bytes));
  std::ofstream file(log[0], std::ios::binary | std::ios::trunc);
  std::string_view left = as_text(bytes);
  listener.hear(pieces.scan());
  for (int piece = 0; piece < kPieces; ++piece) {
    const std::size_t size = rng.below(static_cast<std::uint32_t>(left.size() + 1));
    file << (piece + 1 == kPieces ? left : left.substr(0, size)) << std::flush;
    left.remove_prefix(size);
    listener.hear(rng.below(2) == 0 ? pieces.scan() : pieces.poll(log));
  }
  require(pieces.poll(log).empty(), "a file that did not grow brings something new");
  RunStore whole(options);
  (void)whole.scan();
  check_same_runs(whole, pieces, listener);
}

}  // namespace

void try_bytes(std::span<const std::byte> bytes) {
  check_reader(bytes);
  check_store(bytes);
}

std::vector<std::string> seeds() {
  return event_files();
}

}  // namespace graft::fuzz

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                    unsigned int seed) {
  return graft::fuzz::mutate_event_file(data, size, max_size, seed);
}
