#include "summary/event_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "wire/records.h"
#include "wire/wire_type.h"

namespace graft {
namespace {

using namespace wire::wire_type;

// A field's number and wire type as its key byte. A run writes some ten million doubles, so the few
// messages are laid down by hand rather than built as objects first.
constexpr char key(int field, int type) {
  return static_cast<char>(field << 3 | type);
}

void put_varint(std::string& out, std::uint64_t v) {
  while (v >= 0x80) {
    out.push_back(static_cast<char>(v | 0x80));
    v >>= 7;
  }
  out.push_back(static_cast<char>(v));
}

std::size_t varint_size(std::uint64_t v) {
  return (static_cast<std::size_t>(std::bit_width(v | 1)) + 6) / 7;
}

template <typename T>
void put_raw(std::string& out, T v) {
  static_assert(std::endian::native == std::endian::little);
  std::array<char, sizeof(T)> raw;
  std::memcpy(raw.data(), &v, sizeof(T));
  out.append(raw.data(), raw.size());
}

// proto3 leaves out a field that holds its default; -0.0 is not the default.
bool is_default(double v) {
  return std::bit_cast<std::uint64_t>(v) == 0;
}

void put_double(std::string& out, int field, double v) {
  if (is_default(v)) return;
  out.push_back(key(field, kFixed64));
  put_raw(out, v);
}

void put_bytes(std::string& out, int field, std::string_view v) {
  out.push_back(key(field, kBytes));
  put_varint(out, v.size());
  out.append(v);
}

void put_packed(std::string& out, int field, std::span<const double> values) {
  if (values.empty()) return;
  put_bytes(out, field,
            {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)});
}

std::size_t bytes_field_size(std::size_t payload) {
  return 1 + varint_size(payload) + payload;
}

// Event: wall_time = 1, step = 2; the caller appends `what`.
void begin_event(std::string& out, double wall_time, std::int64_t step) {
  out.clear();
  put_double(out, 1, wall_time);
  if (step != 0) {
    out.push_back(key(2, kVarint));
    put_varint(out, static_cast<std::uint64_t>(step));
  }
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  std::string host(name.data());
  for (char& c : host) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    if (!plain) c = '_';
  }
  return host;
}

Error cannot_be_written(const std::string& path, int reason) {
  return io_error(printable(path) + ": cannot be written: " + errno_text(reason) +
                  ": free some space or give another --summaries_dir");
}

double unix_now() {
  using std::chrono::duration;
  return duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

void SummaryBuilder::scalar(std::string_view tag, float value) {
  // Value { tag = 1, simple_value = 2 }. The value belongs to a oneof: written even when it is 0.
  bytes_.push_back(key(1, kBytes));
  put_varint(bytes_, bytes_field_size(tag.size()) + 1 + sizeof(float));
  put_bytes(bytes_, 1, tag);
  bytes_.push_back(key(2, kFixed32));
  put_raw(bytes_, value);
}

void SummaryBuilder::histogram(std::string_view tag, std::span<const float> values) {
  histogram_of(values, scratch_);
  histogram(tag, scratch_);
}

void SummaryBuilder::histogram(std::string_view tag, const Histogram& h) {
  // Value { tag = 1, histo = 5 { min, max, num, sum, sum_squares = 1…5, bucket_limit = 6,
  // bucket = 7 } }.
  std::size_t histo = 0;
  for (const double v : {h.min, h.max, h.num, h.sum, h.sum_squares}) {
    if (!is_default(v)) histo += 1 + sizeof(double);
  }
  for (const auto& packed : {h.bucket_limit.size(), h.bucket.size()}) {
    if (packed != 0) histo += bytes_field_size(packed * sizeof(double));
  }
  bytes_.push_back(key(1, kBytes));
  put_varint(bytes_, bytes_field_size(tag.size()) + bytes_field_size(histo));
  put_bytes(bytes_, 1, tag);
  bytes_.push_back(key(5, kBytes));
  put_varint(bytes_, histo);
  put_double(bytes_, 1, h.min);
  put_double(bytes_, 2, h.max);
  put_double(bytes_, 3, h.num);
  put_double(bytes_, 4, h.sum);
  put_double(bytes_, 5, h.sum_squares);
  put_packed(bytes_, 6, h.bucket_limit);
  put_packed(bytes_, 7, h.bucket);
}

struct EventWriter::State {
  std::string path;
  int fd = -1;
  std::string pending;
  std::string event;  // reused
  double created_unix = 0;
  std::chrono::steady_clock::time_point created = std::chrono::steady_clock::now();
  off_t written = 0;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (fd >= 0) ::close(fd);
  }

  double wall_time() const {
    using std::chrono::duration;
    return created_unix + duration<double>(std::chrono::steady_clock::now() - created).count();
  }
  void append_event(std::int64_t step, int field, std::string_view what) {
    begin_event(event, wall_time(), step);
    put_bytes(event, field, what);
    wire::append_record(pending, as_bytes(event));
  }
};

EventWriter::EventWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
EventWriter::EventWriter(EventWriter&&) noexcept = default;
EventWriter& EventWriter::operator=(EventWriter&& other) noexcept {
  if (this != &other) {
    if (state_) (void)flush();
    state_ = std::move(other.state_);
  }
  return *this;
}
EventWriter::~EventWriter() {
  if (state_) (void)flush();
}

Result<EventWriter> EventWriter::create(const std::string& dir) {
  GRAFT_TRY(make_directories(dir));
  auto state = std::make_unique<State>();
  state->created_unix = unix_now();
  std::array<char, 32> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%010lld",
                static_cast<long long>(state->created_unix));
  const std::string base =
      join_path(dir, "events.out.tfevents." + std::string(seconds.data()) + "." + host_name());
  // Runs started within one second differ by a suffix, which also sorts after the plain name.
  for (int attempt = 0; state->fd < 0; ++attempt) {
    state->path = attempt == 0 ? base : base + "." + std::to_string(attempt);
    state->fd = ::open(state->path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (state->fd < 0 && (errno != EEXIST || attempt == 10000)) {
      return io_error(printable(state->path) + ": cannot be created: " + errno_text(errno) +
                      ": give another --summaries_dir");
    }
  }
  state->append_event(0, 3, "brain.Event:2");
  return EventWriter(std::move(state));
}

void EventWriter::add_summary(const SummaryBuilder& summary, std::int64_t step) {
  state_->append_event(step, 5, summary.bytes());
}

void EventWriter::add_graph(std::string_view graph_def_bytes) {
  state_->append_event(0, 4, graph_def_bytes);
}

Result<void> EventWriter::flush() {
  std::string_view left = state_->pending;
  while (!left.empty()) {
    const ssize_t n = ::write(state_->fd, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int why = errno;
      // Whole records only: a reader must not meet half a step that never completes.
      if (::ftruncate(state_->fd, state_->written) == 0) {
        (void)::lseek(state_->fd, state_->written, SEEK_SET);
      }
      return cannot_be_written(state_->path, why);
    }
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  state_->written += static_cast<off_t>(state_->pending.size());
  state_->pending.clear();
  return {};
}

Result<void> EventWriter::close() {
  GRAFT_TRY(flush());
  // On Linux the descriptor is gone whatever close() answers.
  if (::close(std::exchange(state_->fd, -1)) != 0 && errno != EINTR) {
    return cannot_be_written(state_->path, errno);
  }
  return {};
}

const std::string& EventWriter::path() const {
  return state_->path;
}

}  // namespace graft
