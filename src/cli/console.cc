#include "cli/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "cli/interrupt.h"

namespace graft {
namespace {

constexpr double kRateWindowSeconds = 5;
constexpr std::chrono::milliseconds kBarPeriod{100};
constexpr std::chrono::seconds kPlainPeriod{10};  // in a pipe: now and then a line

constexpr std::string_view kRed = "\x1b[31m", kYellow = "\x1b[33m", kBold = "\x1b[1m",
                           kPlain = "\x1b[0m", kEraseLine = "\r\x1b[2K";

// All of text to a descriptor; the errno of a failure, else 0.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(descriptor, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool is_terminal(int descriptor) {
  const char* term = std::getenv("TERM");
  return isatty(descriptor) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

std::string amount(std::uint64_t n, Unit unit) {
  return unit == Unit::kBytes ? format_bytes(n) : format_count(n);
}

std::string_view unit_name(Unit unit) {
  switch (unit) {
    case Unit::kPhotos:
      return " photos";
    case Unit::kSteps:
      return " steps";
    case Unit::kBytes:
      break;
  }
  return "";
}

}  // namespace

void RateMeter::add(double seconds, std::uint64_t done) {
  if (!samples_.empty() && (done < samples_.back().done || seconds < samples_.back().seconds)) {
    samples_.clear();
  }
  samples_.push_back({seconds, done});
  // Two samples are kept always: a stage whose items take longer than the window has a rate too.
  while (samples_.size() > 2 && samples_[1].seconds <= seconds - kRateWindowSeconds) {
    samples_.pop_front();
  }
}

double RateMeter::rate() const {
  if (samples_.size() < 2) return 0;
  const double span = samples_.back().seconds - samples_.front().seconds;
  if (span <= 0) return 0;
  return static_cast<double>(samples_.back().done - samples_.front().done) / span;
}

std::string progress_line(const Progress& progress, double rate, int columns) {
  std::string text = amount(progress.done, progress.unit);
  if (progress.total > 0) text += " of " + amount(progress.total, progress.unit);
  text += unit_name(progress.unit);
  if (rate > 0) {
    // Below ten a second the first decimal matters.
    const auto whole = static_cast<std::uint64_t>(rate);
    std::string speed = amount(whole, progress.unit);
    if (progress.unit != Unit::kBytes && whole < 10) {
      speed.append(".").append(std::to_string(static_cast<std::uint64_t>(rate * 10) % 10));
    }
    text += ", " + speed + " a second";
    if (progress.total > progress.done) {
      text += ", " + format_duration(static_cast<double>(progress.total - progress.done) / rate) +
              " left";
    }
  }
  if (columns <= 0) return progress.title + ": " + text;

  const auto width = static_cast<std::size_t>(columns);
  const std::size_t fixed = progress.title.size() + 2 + 2 + 2 + text.size();
  std::string line = progress.title + "  ";
  constexpr std::size_t kShortestBar = 8, kLongestBar = 40;
  if (progress.total > 0 && width >= fixed + kShortestBar) {
    const std::size_t cells = std::min(width - fixed, kLongestBar);
    const double share =
        std::min(1.0, static_cast<double>(progress.done) / static_cast<double>(progress.total));
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(cells));
    line += '[' + std::string(filled, '#') + std::string(cells - filled, '-') + "]  ";
  }
  line += text;
  if (line.size() > width) line.resize(width);
  return line;
}

Console::Console()
    : output_is_terminal_(is_terminal(STDOUT_FILENO)),
      error_is_terminal_(is_terminal(STDERR_FILENO)),
      colours_(!is_set("NO_COLOR")) {}

Console::~Console() {
  clear_progress();
}

void Console::erase_bar() {
  if (!bar_shown_) return;
  write_all(STDERR_FILENO, kEraseLine);
  bar_shown_ = false;
}

void Console::print(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (output_errno_ != 0 || text.empty()) return;
  if (output_is_terminal_) erase_bar();
  const int error = write_all(STDOUT_FILENO, text);
  if (error != 0) output_errno_ = error == EPIPE ? kReaderLeft : error;
}

int Console::finish() {
  clear_progress();
  if (output_errno_ == 0 || output_errno_ == kReaderLeft) return 0;
  error("standard output: " + errno_text(output_errno_) + ": free space, or write somewhere else");
  return 1;
}

void Console::write_error(std::string_view colour, std::string_view tag, std::string_view line) {
  const std::lock_guard lock(mutex_);
  erase_bar();
  std::string out;
  if (!tag.empty()) {
    if (colours_ && error_is_terminal_) {
      out.append(colour).append(tag).append(kPlain);
    } else {
      out += tag;
    }
    out += ' ';
  }
  out.append(line).push_back('\n');
  write_all(STDERR_FILENO, out);
}

void Console::message(std::string_view line) {
  write_error({}, {}, line);
}
void Console::warning(std::string_view line) {
  write_error(kYellow, "graft: warning:", printable(line));
}
void Console::error(std::string_view line) {
  write_error(kRed, "graft:", printable(line));
}

int Console::fail(const Error& failure) {
  clear_progress();
  error(failure.message);
  if (failure.kind == ErrorKind::kCancelled && Interrupt::signal_number() != 0) {
    return 128 + Interrupt::signal_number();
  }
  return failure.kind == ErrorKind::kInvalidArgument ? 2 : 1;
}

void Console::progress(const Progress& update) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (update.title != stage_) {
    stage_ = update.title;
    meter_ = RateMeter();
    last_shown_ = now - (error_is_terminal_ ? std::chrono::steady_clock::duration(kBarPeriod)
                                            : std::chrono::steady_clock::duration::zero());
  }
  const bool last = update.total > 0 && update.done >= update.total;
  if (error_is_terminal_ ? !last && now - last_shown_ < kBarPeriod
                         : now - last_shown_ < kPlainPeriod) {
    return;
  }
  last_shown_ = now;
  meter_.add(update.seconds, update.done);
  double rate = meter_.rate();
  if (rate == 0 && update.seconds > 0) rate = static_cast<double>(update.done) / update.seconds;
  if (!error_is_terminal_) {
    write_all(STDERR_FILENO, progress_line(update, rate, 0) + "\n");
    return;
  }
  // One column is left free: a full line would wrap.
  write_all(STDERR_FILENO,
            std::string(kEraseLine) + progress_line(update, rate, std::max(20, columns() - 1)));
  bar_shown_ = true;
}

void Console::clear_progress() {
  const std::lock_guard lock(mutex_);
  erase_bar();
}

int Console::columns() const {
  winsize size{};
  for (const int descriptor : {STDERR_FILENO, STDOUT_FILENO}) {
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  return 80;
}

std::string Console::bold(std::string_view text) const {
  if (!output_is_terminal_ || !colours_) return std::string(text);
  return std::string(kBold) + std::string(text) + std::string(kPlain);
}

}  // namespace graft
