#include "board/photo_problems.h"

#include <algorithm>
#include <bit>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "image/decode.h"

namespace graft {
namespace {

constexpr std::size_t kSmallClass = 20;
constexpr int kNear = 2;  // differing bits of the 64

const char* format_of_name(const std::string& name) {
  const std::string lower = to_lower_ascii(name);
  for (const auto& [end, format] : {std::pair{".jpg", "JPEG"},
                                    {".jpeg", "JPEG"},
                                    {".png", "PNG"},
                                    {".gif", "GIF"},
                                    {".bmp", "BMP"},
                                    {".webp", "WebP"},
                                    {".tif", "TIFF"},
                                    {".tiff", "TIFF"},
                                    {".heic", "HEIC"},
                                    {".heif", "HEIC"}}) {
    if (lower.ends_with(end)) return format;
  }
  return "";
}

struct Seen {
  std::size_t example = 0;
  Hash128 content;
  std::uint64_t look = 0;
  bool decoded = false;
};

std::string duplicate_message(const PhotoSet& set, const std::vector<std::size_t>& examples) {
  const auto& first = set.dataset.examples[examples.front()];
  bool other_class = false, other_split = false;
  for (const std::size_t i : examples) {
    other_class = other_class || set.dataset.examples[i].label != first.label;
    other_split = other_split || set.dataset.examples[i].split != first.split;
  }
  std::string message = "the same bytes";
  if (other_class) message += ", in more than one class";
  if (other_split) {
    message +=
        ", in more than one split: a photo that was learned from makes the test easier than "
        "it should be";
  }
  return message;
}

// The same bytes, and photos that look the same without being so.
void find_duplicates(const PhotoSet& set, std::vector<Seen>& seen,
                     std::vector<PhotoProblem>& problems) {
  std::sort(seen.begin(), seen.end(), [](const Seen& a, const Seen& b) {
    if (!(a.content == b.content)) return a.content < b.content;
    return a.example < b.example;
  });
  std::vector<Seen> distinct;
  for (std::size_t i = 0; i < seen.size();) {
    std::vector<std::size_t> same;
    const std::size_t first = i;
    for (; i < seen.size() && seen[i].content == seen[first].content; ++i) {
      same.push_back(seen[i].example);
    }
    if (same.size() > 1) problems.push_back({"duplicate", duplicate_message(set, same), same});
    if (seen[first].decoded) distinct.push_back(seen[first]);
  }
  constexpr std::size_t kMostCompared = 20000;  // pairs grow with the square
  if (distinct.size() > kMostCompared) return;
  for (std::size_t i = 0; i < distinct.size(); ++i) {
    for (std::size_t j = i + 1; j < distinct.size(); ++j) {
      if (std::popcount(distinct[i].look ^ distinct[j].look) > kNear) continue;
      problems.push_back(
          {"near_duplicate", "look the same", {distinct[i].example, distinct[j].example}});
    }
  }
}

}  // namespace

std::uint64_t difference_hash(const Image& photo) {
  constexpr int kColumns = 9, kRows = 8;
  std::uint64_t cells[kRows][kColumns] = {};
  for (int row = 0; row < kRows; ++row) {
    const int top = photo.height * row / kRows;
    const int bottom = std::max(top + 1, photo.height * (row + 1) / kRows);
    for (int column = 0; column < kColumns; ++column) {
      const int left = photo.width * column / kColumns;
      const int right = std::max(left + 1, photo.width * (column + 1) / kColumns);
      std::uint64_t sum = 0, count = 0;
      for (int y = top; y < std::min(bottom, photo.height); ++y) {
        for (int x = left; x < std::min(right, photo.width); ++x) {
          const std::uint8_t* pixel =
              photo.pixels.data() +
              (static_cast<std::size_t>(y) * static_cast<std::size_t>(photo.width) +
               static_cast<std::size_t>(x)) *
                  3;
          sum += std::uint64_t{299} * pixel[0] + std::uint64_t{587} * pixel[1] +
                 std::uint64_t{114} * pixel[2];
          ++count;
        }
      }
      cells[row][column] = count > 0 ? sum / count : 0;
    }
  }
  std::uint64_t hash = 0;
  for (const auto& row : cells) {
    for (int column = 0; column + 1 < kColumns; ++column) {
      hash = hash << 1 | (row[column] < row[column + 1] ? 1U : 0U);
    }
  }
  return hash;
}

void PhotoProblems::look_through(Work& work) {
  const PhotoSet& set = *work.set;
  std::vector<PhotoProblem>& problems = work.problems;
  for (std::size_t c = 0; c < set.dataset.classes.size(); ++c) {
    const auto photos = static_cast<std::size_t>(
        std::count_if(set.dataset.examples.begin(), set.dataset.examples.end(),
                      [&](const Example& e) { return static_cast<std::size_t>(e.label) == c; }));
    if (photos < kSmallClass) {
      problems.push_back({"tiny_class",
                          printable(set.dataset.classes[c].folder) + ": has only " +
                              std::to_string(photos) + " photos: add some, 20 at least",
                          {}});
    }
  }
  std::vector<Seen> seen;
  Bytes bytes;
  Image photo, small;
  for (std::size_t i = 0; i < set.dataset.examples.size() && !stopping_; ++i, ++work.done) {
    const Example& example = set.dataset.examples[i];
    if (auto read = read_file(example.path, bytes); !read.ok()) {
      problems.push_back({"unreadable", printable(read.error().message), {i}});
      continue;
    }
    Seen one{i, xxh3_128(bytes), 0, false};
    const std::string format(name_of(sniff_format(bytes)));
    const std::string named = format_of_name(example.file);
    if (!named.empty() && sniff_format(bytes) != ImageFormat::kUnknown && named != format) {
      problems.push_back({"wrong_extension", "is " + format + ", but its name says " + named, {i}});
    }
    DecodeNote note;
    if (auto decoded = decode_image(bytes, {}, photo, &note); !decoded.ok()) {
      problems.push_back({"unreadable", printable(decoded.error().message), {i}});
    } else {
      if (note.corrupt_but_decodable) {
        problems.push_back(
            {"corrupt", printable(note.warning) + ": it was read as far as it goes", {i}});
      }
      shrink(photo, 64, small);
      one.look = difference_hash(small);
      // A photo of one colour looks like every other one.
      one.decoded = std::popcount(one.look) > 4;
    }
    seen.push_back(one);
  }
  find_duplicates(set, seen, problems);
  for (const Skipped& skipped : set.dataset.skipped) {
    problems.push_back({"skipped", printable(skipped.path) + ": " + printable(skipped.reason), {}});
  }
  work.ready = true;
}

PhotoProblems::Account PhotoProblems::of(const std::shared_ptr<const PhotoSet>& set) {
  const std::string key = set->training + "|" + set->image_dir;
  std::shared_ptr<Work> work;
  {
    const std::lock_guard lock(mutex_);
    const auto known = work_.find(key);
    if (known != work_.end()) work = known->second;
    if (!work || work->set != set) {
      std::erase_if(work_, [&](const auto& entry) {
        return trainings_.is_gone(entry.second->set->training);
      });
      auto fresh = std::make_shared<Work>();
      fresh->set = set;
      if (pool_.post([this, fresh] { look_through(*fresh); })) {
        work_[key] = work = fresh;
      } else {
        work_.erase(key);
        return {false, 0, set->ids.size(), {}};
      }
    }
  }
  Account account;
  account.ready = work->ready;
  account.done = work->done;
  account.total = set->ids.size();
  if (account.ready) account.problems = work->problems;
  return account;
}

}  // namespace graft
