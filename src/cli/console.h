// The terminal: results on standard output, everything else (messages, warnings, the progress bar)
// on standard error, so that output pipes. Colours and the bar only where a person looks: on a
// terminal that is not "dumb", colours not under NO_COLOR. Non-goals: what is said (the commands).
// Thread rule: every member may be called from any thread; lines never mix.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"

namespace graft {

// How fast work goes now: over the last few seconds, so that a quick start (photos found in the
// cache) does not promise a quick end.
class RateMeter {
 public:
  void add(double seconds, std::uint64_t done);  // both non-decreasing; a decrease starts anew
  double rate() const;                           // a second; 0 when not known yet

 private:
  struct Sample {
    double seconds = 0;
    std::uint64_t done = 0;
  };
  std::deque<Sample> samples_;
};

enum class Unit : std::uint8_t { kPhotos, kSteps, kBytes };

struct Progress {
  std::string title;                  // "Features"; another title begins another bar
  std::uint64_t done = 0, total = 0;  // total 0: not known
  double seconds = 0;                 // since this stage began
  Unit unit = Unit::kPhotos;
};

// "Features  [#########-----]  412 of 1,000 photos, 210 a second, 3 s left": at most `columns`
// wide; columns 0: without the bar.
std::string progress_line(const Progress& progress, double rate, int columns);

class Console {
 public:
  Console();
  ~Console();  // clears the bar
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // Results, written through at once. After a failure nothing more is written.
  void print(std::string_view text);
  // 0, or 1 with a message when standard output could not be written. A reader who left
  // (`graft label … | head -1`) has what he wanted: no failure, but reader_left() says so.
  int finish();
  bool reader_left() const { return output_errno_ == kReaderLeft; }

  void message(std::string_view line);
  void warning(std::string_view line);
  void error(std::string_view line);
  // Prints the error and gives the exit code that belongs to its kind: 2 for a wrong request, 1
  // otherwise; 128 + the signal's number for work that a signal stopped.
  int fail(const Error& error);

  void progress(const Progress& progress);
  void clear_progress();

  bool interactive() const { return error_is_terminal_; }
  bool output_is_terminal() const { return output_is_terminal_; }
  int columns() const;                            // of the terminal, 80 where there is none
  std::string bold(std::string_view text) const;  // for print()

 private:
  static constexpr int kReaderLeft = -1;
  void write_error(std::string_view colour, std::string_view tag, std::string_view line);
  void erase_bar();

  std::mutex mutex_;
  bool output_is_terminal_ = false, error_is_terminal_ = false, colours_ = false;
  bool bar_shown_ = false;
  int output_errno_ = 0;
  std::string stage_;
  RateMeter meter_;
  std::chrono::steady_clock::time_point last_shown_;
};

}  // namespace graft
