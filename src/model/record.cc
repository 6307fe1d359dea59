#include "model/record.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

namespace graft {
namespace {

constexpr const char* kRecordFormat = "graft-models";
constexpr int kRecordVersion = 1;
constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 20;

// Others who update the same folder's record wait until this one is gone.
class FolderLock {
 public:
  static Result<FolderLock> take(const std::string& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = fd < 0 ? errno : 0;
    while (failure == 0 && ::flock(fd, LOCK_EX) != 0) {
      if (errno != EINTR) failure = errno;
    }
    if (failure == 0) return FolderLock(fd);
    if (fd >= 0) ::close(fd);
    return io_error(printable(directory) + ": cannot be locked: " + errno_text(failure) +
                    ": choose another place");
  }
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<RecordedFile> from_json(const Json& json, const Error& not_a_record) {
  const auto text = [&json](const char* key) {
    const auto at = json.find(key);
    return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  RecordedFile file;
  if (!json.is_object()) return not_a_record;
  file.sha256 = text("sha256");
  file.source = text("source");
  file.first_seen = text("first_seen");
  const auto bytes = json.find("bytes");
  const auto placed = json.find("placed_by_graft");
  if (!is_sha256(file.sha256) || bytes == json.end() || !bytes->is_number_unsigned() ||
      placed == json.end() || !placed->is_boolean()) {
    return not_a_record;
  }
  file.bytes = bytes->get<std::uint64_t>();
  file.placed = placed->get<bool>();
  return file;
}

// Keys are file names: UTF-8 or nothing that JSON can hold.
std::string to_text(const ModelRecord& record) {
  Json files = Json::object();
  for (const auto& [path, file] : record) {
    files[path] = {{"sha256", file.sha256},
                   {"bytes", file.bytes},
                   {"source", file.source},
                   {"first_seen", file.first_seen},
                   {"placed_by_graft", file.placed}};
  }
  return dump_json({{"format", kRecordFormat},
                    {"version", kRecordVersion},
                    {"files", std::move(files)}}) +
         "\n";
}

}  // namespace

std::string record_path(const std::string& directory) {
  return join_path(directory, "graft_models.json");
}

Result<ModelRecord> read_record(const std::string& directory) {
  const std::string path = record_path(directory);
  if (!exists(path)) return ModelRecord();
  const Error not_a_record =
      corrupt(printable(path) + ": is not a record of networks that this version reads: move it " +
              "away, and a new one is begun");
  GRAFT_ASSIGN(const std::string text, read_text_file(path, kMaxBytes));
  const Result<Json> json = parse_json(text);
  if (!json.ok() || !json->is_object() || json->value("format", Json()) != kRecordFormat ||
      json->value("version", Json()) != kRecordVersion || !json->contains("files") ||
      !json->at("files").is_object()) {
    return not_a_record;
  }
  ModelRecord record;
  for (const auto& [name, value] : json->at("files").items()) {
    GRAFT_ASSIGN(record[name], from_json(value, not_a_record));
  }
  return record;
}

Result<void> update_record(const std::string& directory,
                           const std::function<void(ModelRecord&)>& change) {
  GRAFT_ASSIGN(const FolderLock lock, FolderLock::take(directory));
  GRAFT_ASSIGN(ModelRecord record, read_record(directory));
  change(record);
  return write_atomically(record_path(directory), to_text(record));
}

Result<RecordedFile> describe_file(const std::string& path) {
  GRAFT_ASSIGN(const MappedFile content, MappedFile::open(path));
  RecordedFile file;
  file.sha256 = hex(sha256(content.bytes()));
  file.bytes = content.bytes().size();
  const std::time_t now = std::time(nullptr);
  std::tm date{};
  gmtime_r(&now, &date);
  std::array<char, 16> text{};
  if (std::strftime(text.data(), text.size(), "%Y-%m-%d", &date) > 0) file.first_seen = text.data();
  return file;
}

}  // namespace graft
