// Where a run's logs, record and checkpoint lie: <summaries_dir> for the first run, then
// <summaries_dir>/run-2, run-3 …; what an earlier run or anybody else put there is left alone.
// Thread rule: one thread at a time. Several processes may choose at once: each gets its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "train/checkpoint.h"

namespace graft {

class RunDirectory {
 public:
  // resume: the newest directory of an unfinished run with this fingerprint that no living process
  // holds, with its checkpoint if it has one; otherwise, or if there is none, a fresh one, made
  // here. The directory is held until the object goes (a lock on the directory itself: no file is
  // left).
  static Result<RunDirectory> choose(const std::string& summaries_dir, const Hash128& fingerprint,
                                     bool resume);
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&& other) noexcept;
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;
  ~RunDirectory();

  const std::string& path() const { return path_; }
  std::string train_dir() const;
  std::string validation_dir() const;
  std::string run_json() const;
  std::string checkpoint_file() const;
  // Where to go on; empty for a start at step 0.
  std::optional<Checkpoint>& checkpoint() { return checkpoint_; }
  // Records and a checkpoint that could not be read, so that a run begins anew that may have begun.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  RunDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_ = -1;
  std::optional<Checkpoint> checkpoint_;
  std::vector<std::string> warnings_;
};

}  // namespace graft
