// The photos behind a training, by id: never by path. Thread rule: every function may be called
// from any thread.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "board/trainings.h"
#include "data/dataset.h"
#include "image/image.h"

namespace graft {

// A training's photos with the splits that it used, those it left out taken away.
struct PhotoSet {
  std::string training;   // id, or "" for the folder that was named
  std::string image_dir;  // where it lies, literal
  Dataset dataset;
  std::vector<std::string> ids;  // of dataset.examples
  std::unordered_map<std::string, std::size_t> by_id;
};

class Photos {
 public:
  Photos(const Trainings& trainings, std::string image_dir)
      : trainings_(trainings), image_dir_(std::move(image_dir)) {}

  // training "": the newest, or the named folder when there is none. Scanned on first use and again
  // when the training's record changed; kept as long as the training is there. A null pointer:
  // there are no photos to speak of. Errors: kNotFound (no such training, or its folder is gone),
  // scan_image_folder's.
  Result<std::shared_ptr<const PhotoSet>> set(const std::string& training);
  // The file of a photo of any set that was scanned; kNotFound.
  Result<std::string> path_of(const std::string& id) const;
  // A JPEG whose longer side is at most `side`; from memory when it was made lately.
  Result<std::shared_ptr<const std::string>> thumbnail(const std::string& id, int side);

 private:
  const Trainings& trainings_;
  const std::string image_dir_;
  mutable std::mutex mutex_;
  struct Kept {
    std::string started_state;  // of the training when it was scanned
    std::shared_ptr<const PhotoSet> set;
  };
  std::map<std::string, Kept> sets_;
  struct Thumbnail {
    std::string key;
    std::shared_ptr<const std::string> jpeg;
  };
  std::list<Thumbnail> thumbnails_;  // last used first
  std::unordered_map<std::string, std::list<Thumbnail>::iterator> thumbnail_of_;
  std::size_t thumbnail_bytes_ = 0;
};

// "class/file", printable.
std::string shown_name(const Example& example);

// A smaller copy whose longer side is `side`: each pixel the mean of those that it covers. The
// photo itself where it is no larger.

void shrink(const Image& photo, int side, Image& into);

}  // namespace graft
