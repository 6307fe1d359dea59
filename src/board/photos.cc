#include "board/photos.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "image/decode.h"
#include "image/encode.h"
#include "model/export.h"

namespace graft {
namespace {

constexpr std::size_t kThumbnailBytes = std::size_t{8} << 20;  // kept in memory
constexpr std::uint64_t kMaxPhotoBytes = std::uint64_t{256} << 20;

// Where the training's photos lie now: as spelled, or where its side file says that they were.
std::string find_folder(const Training& training) {
  std::string folder = locate(training, training.image_dir);
  if (!folder.empty()) return folder;
  const std::string graph = locate(training, training.output_graph);
  if (graph.empty()) return "";
  const auto side = read_side_file(graph);
  if (side.ok() && side->split && exists(side->split->absolute_image_dir)) {
    return side->split->absolute_image_dir;
  }
  return "";
}

Result<Dataset> scan(const Training& training, const std::string& folder) {
  ScanOptions options = training.scan;
  options.image_dir = folder;
  options.for_training = false;
  GRAFT_ASSIGN(Dataset dataset, scan_image_folder(options));
  // The original's rule hashes the path as it was spelled in the training.
  if (folder != training.image_dir && options.split.key == SplitKey::kPath) {
    split_as_spelled(training.image_dir, options.split, dataset);
  }
  // What the training left out: bad photos are known only when they are read.
  if (!training.record.contains("skipped")) return dataset;
  std::unordered_map<std::string, std::string> bad;
  for (const Json& skipped : training.record["skipped"]) {
    if (!skipped.is_object() || !skipped.contains("path") || !skipped["path"].is_string()) continue;
    const Json reason = skipped.value("reason", Json(""));
    bad[skipped["path"].get<std::string>()] = reason.is_string() ? reason.get<std::string>() : "";
  }
  std::erase_if(dataset.examples, [&](const Example& e) {
    const auto found =
        bad.find(printable(join_path(join_path(training.image_dir, e.folder), e.file)));
    if (found == bad.end()) return false;
    dataset.skipped.push_back({e.path, found->second});
    return true;
  });
  return dataset;
}

}  // namespace

std::string shown_name(const Example& example) {
  return printable(example.folder + "/" + example.file);
}

Result<std::shared_ptr<const PhotoSet>> Photos::set(const std::string& id) {
  std::shared_ptr<const Training> training = id.empty() ? trainings_.newest() : trainings_.find(id);
  if (training == nullptr && !id.empty()) {
    return not_found("training " + printable_start(id) +
                     ": there is no such one: /api/trainings lists them");
  }
  if (training == nullptr && image_dir_.empty()) return std::shared_ptr<const PhotoSet>();
  const std::string key = training ? training->id : "";
  const std::string stamp = training ? training->started + training->state : "";
  {
    const std::lock_guard lock(mutex_);
    const auto kept = sets_.find(key);
    if (kept != sets_.end() && kept->second.started_state == stamp) return kept->second.set;
  }
  auto set = std::make_shared<PhotoSet>();
  set->training = key;
  if (training != nullptr) {
    set->image_dir = find_folder(*training);
    if (set->image_dir.empty()) {
      return not_found(printable(training->image_dir) +
                       ": the photos are not there any more, seen from " +
                       printable(absolute_path(".")) + ": start the board where the training ran");
    }
    GRAFT_ASSIGN(set->dataset, scan(*training, set->image_dir));
  } else {
    ScanOptions options;
    options.image_dir = set->image_dir = image_dir_;
    options.for_training = false;
    GRAFT_ASSIGN(set->dataset, scan_image_folder(options));
  }
  for (std::size_t i = 0; i < set->dataset.examples.size(); ++i) {
    set->ids.push_back(run_id(set->dataset.examples[i].path));
    set->by_id.emplace(set->ids.back(), i);
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(sets_, [&](const auto& kept) { return trainings_.is_gone(kept.first); });
  sets_[key] = {stamp, set};
  return std::shared_ptr<const PhotoSet>(set);
}

Result<std::string> Photos::path_of(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, kept] : sets_) {
    const auto found = kept.set->by_id.find(id);
    if (found != kept.set->by_id.end()) return kept.set->dataset.examples[found->second].path;
  }
  return not_found("photo " + printable_start(id) +
                   ": there is no such one: /api/dataset/images lists " + "them");
}

void shrink(const Image& photo, int side, Image& into) {
  const int longer = std::max(photo.width, photo.height);
  if (longer <= side) {
    into = photo;
    return;
  }
  const auto scaled = [&](int length) {
    return std::max(1, static_cast<int>(std::lround(static_cast<double>(length) * side / longer)));
  };
  into.width = scaled(photo.width);
  into.height = scaled(photo.height);
  into.pixels.resize(static_cast<std::size_t>(into.width) * static_cast<std::size_t>(into.height) *
                     3);
  const auto width = static_cast<std::size_t>(photo.width);
  std::uint8_t* out = into.pixels.data();
  for (int y = 0; y < into.height; ++y) {
    const auto top = static_cast<std::size_t>(std::int64_t{y} * photo.height / into.height);
    const auto bottom = std::max(
        top + 1, static_cast<std::size_t>((std::int64_t{y} + 1) * photo.height / into.height));
    for (int x = 0; x < into.width; ++x) {
      const auto left = static_cast<std::size_t>(std::int64_t{x} * photo.width / into.width);
      const auto right = std::max(
          left + 1, static_cast<std::size_t>((std::int64_t{x} + 1) * photo.width / into.width));
      std::uint64_t sum[3] = {0, 0, 0};
      for (std::size_t sy = top; sy < bottom; ++sy) {
        const std::uint8_t* row = photo.pixels.data() + (sy * width + left) * 3;
        for (std::size_t sx = left; sx < right; ++sx, row += 3) {
          for (int c = 0; c < 3; ++c) sum[c] += row[c];
        }
      }
      const std::uint64_t count = (bottom - top) * (right - left);
      for (int c = 0; c < 3; ++c) {
        *out++ = static_cast<std::uint8_t>((sum[c] + count / 2) / count);
      }
    }
  }
}

Result<std::shared_ptr<const std::string>> Photos::thumbnail(const std::string& id, int side) {
  const std::string key = id + "/" + std::to_string(side);
  {
    const std::lock_guard lock(mutex_);
    const auto kept = thumbnail_of_.find(key);
    if (kept != thumbnail_of_.end()) {
      thumbnails_.splice(thumbnails_.begin(), thumbnails_, kept->second);
      return thumbnails_.front().jpeg;
    }
  }
  GRAFT_ASSIGN(const std::string path, path_of(id));
  Bytes bytes;
  GRAFT_TRY(read_file(path, bytes, kMaxPhotoBytes));
  Image photo, small;
  if (auto decoded = decode_image(bytes, {}, photo); !decoded.ok()) {
    return with_context(printable(path), std::move(decoded).error());
  }
  shrink(photo, side, small);
  GRAFT_ASSIGN(const Bytes jpeg, encode_jpeg(small, 80));
  auto made = std::make_shared<const std::string>(as_text(jpeg));
  const std::lock_guard lock(mutex_);
  if (thumbnail_of_.contains(key)) return made;
  thumbnails_.push_front({key, made});
  thumbnail_of_[key] = thumbnails_.begin();
  thumbnail_bytes_ += made->size();
  while (thumbnail_bytes_ > kThumbnailBytes && thumbnails_.size() > 1) {
    thumbnail_bytes_ -= thumbnails_.back().jpeg->size();
    thumbnail_of_.erase(thumbnails_.back().key);
    thumbnails_.pop_back();
  }
  return made;
}

}  // namespace graft
