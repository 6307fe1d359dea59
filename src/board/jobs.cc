#include "board/jobs.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <optional>
#include <semaphore>
#include <utility>

#include "base/file.h"
#include "base/text.h"

extern char** environ;

namespace graft {
namespace {

constexpr std::size_t kKeptLines = 200, kLineBytes = 4000, kKeptJobs = 20;
using Clock = std::chrono::steady_clock;

// "1,234 photos" → 1234; what follows is left in `text`. False: no number.
bool take_count(std::string_view& text, std::uint64_t& value) {
  std::string digits;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (text[at] >= '0' && text[at] <= '9') {
      digits += text[at];
    } else if (text[at] != ',' || digits.empty()) {
      break;
    }
  }
  text.remove_prefix(at);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return !digits.empty() && parsed.ec == std::errc();
}

}  // namespace

bool read_progress(const std::string& line, std::uint64_t steps, JobProgress& progress) {
  // "Features: 412 of 1,000 photos, 210 a second, 3 s left"
  for (const auto& [title, stage] : {std::pair{"Features: ", "features"},
                                     {"Training: ", "training"},
                                     {"Test: ", "test"},
                                     {"Download: ", "download"}}) {
    std::string_view rest = line;
    if (!rest.starts_with(title)) continue;
    rest.remove_prefix(std::string_view(title).size());
    std::uint64_t done = 0, total = 0;
    if (!take_count(rest, done) || !rest.starts_with(" of ")) return false;
    rest.remove_prefix(4);
    if (!take_count(rest, total)) return false;
    progress = {stage, done, total};
    return true;
  }
  // "2017-06-16 12:00:00.123456: Step 120: Train accuracy = 93.0%"
  const std::size_t step = line.find(": Step ");
  if (step == std::string::npos) return false;
  std::string_view rest = std::string_view(line).substr(step + 7);
  std::uint64_t done = 0;
  if (!take_count(rest, done) || !rest.starts_with(": ")) return false;
  progress = {"training", std::min(done + 1, steps), steps};
  return true;
}

struct Jobs::Job {
  std::string id, command, state = "running", training, summaries_dir;
  double started = 0;
  JobProgress progress;
  std::uint64_t steps = 0, stage_done = 0;
  Clock::time_point stage_began = Clock::now();
  std::deque<std::string> log;
  int exit_code = -1;
  pid_t process = 0;
  bool asked_to_stop = false;
  std::thread thread;
};

namespace {

// Starts `program` with both outputs in a pipe, whose reading end is returned.
Result<std::pair<pid_t, int>> spawn(const std::string& program,
                                    const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return io_error("graft retrain: cannot be started: " + errno_text(errno) + ": try again");
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own: Ctrl-C at the board's terminal reaches it once, from here.
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&defaults, number);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> words = {"graft"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_t process = 0;
  const int failed =
      ::posix_spawn(&process, program.c_str(), &actions, &attributes, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(ends[1]);
  if (failed != 0) {
    ::close(ends[0]);
    return io_error("graft retrain: cannot be started: " + errno_text(failed) + ": try again");
  }
  return std::pair{process, ends[0]};
}

}  // namespace

Jobs::Jobs(std::string program, std::function<void(const Json&, const Json&)> on_change)
    : program_(std::move(program)), on_change_(std::move(on_change)) {}

Jobs::~Jobs() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& job : jobs_) {
      if (job->state == "running") {
        job->asked_to_stop = true;
        ::kill(job->process, SIGINT);
      }
      threads.push_back(std::move(job->thread));
    }
  }
  for (std::thread& thread : threads) {
    if (thread.joinable()) thread.join();
  }
}

Json Jobs::describe(const Job& job, bool with_log) const {
  Json left = nullptr;
  if (job.state == "running" && job.progress.total > job.progress.done &&
      job.progress.done > job.stage_done) {
    const double seconds = std::chrono::duration<double>(Clock::now() - job.stage_began).count();
    left = seconds * static_cast<double>(job.progress.total - job.progress.done) /
           static_cast<double>(job.progress.done - job.stage_done);
  }
  Json json = {{"id", job.id},
               {"state", job.state},
               {"command", job.command},
               {"started", job.started},
               {"stage", job.progress.stage},
               {"done", job.progress.done},
               {"total", job.progress.total},
               {"seconds_left", left}};
  if (with_log) {
    Json log = Json::array();
    for (const std::string& line : job.log) log.push_back(line);
    json["log"] = std::move(log);
  }
  json["exit_code"] = job.state == "running" ? Json(nullptr) : Json(job.exit_code);
  json["training"] = job.training.empty() ? Json(nullptr) : Json(job.training);
  return json;
}

Result<Json> Jobs::start(const RetrainCommand& command) {
  const std::lock_guard lock(mutex_);
  for (const auto& job : jobs_) {
    if (job->state == "running") {
      return invalid_argument("job " + job->id + ": is running: stop it first, or wait");
    }
  }
  std::optional<Result<std::pair<pid_t, int>>> spawned;
  std::binary_semaphore done(0);
  const bool posted = starter_.post([&] {
    spawned = spawn(program_, command.arguments);
    done.release();
  });
  if (!posted) return io_error("graft retrain: cannot be started: the board ends: start it again");
  done.acquire();
  GRAFT_ASSIGN(const auto started, *std::move(spawned));
  auto job = std::make_unique<Job>();
  job->id = "j" + std::to_string(jobs_.empty() ? 1 : std::stoul(jobs_.back()->id.substr(1)) + 1);
  job->command = command.text;
  job->summaries_dir = absolute_path(command.summaries_dir);
  job->started =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  job->steps = command.steps;
  job->process = started.first;
  Job& running = *job;
  running.thread =
      std::thread([this, &running, output = started.second] { follow(running, output); });
  jobs_.push_back(std::move(job));
  if (jobs_.size() > kKeptJobs) {
    if (jobs_.front()->thread.joinable()) jobs_.front()->thread.join();
    jobs_.erase(jobs_.begin());
  }
  return describe(running, true);
}

// Reads the job's lines until it closes its outputs, then waits for its end.
void Jobs::follow(Job& job, int output) {
  std::string pending;
  std::vector<char> buffer(65536);
  while (true) {
    const ssize_t size = ::read(output, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    pending.append(buffer.data(), static_cast<std::size_t>(size));
    Json lines = Json::array(), described;
    {
      const std::lock_guard lock(mutex_);
      std::size_t begin = 0;
      for (std::size_t end = pending.find('\n'); end != std::string::npos;
           end = pending.find('\n', begin)) {
        const std::string line =
            printable(pending.substr(begin, std::min(end - begin, kLineBytes)));
        begin = end + 1;
        const std::string stage = job.progress.stage;
        if (read_progress(line, job.steps, job.progress) && job.progress.stage != stage) {
          job.stage_began = Clock::now();
          job.stage_done = job.progress.done;
        }
        lines.push_back(line);
        job.log.push_back(line);
        if (job.log.size() > kKeptLines) job.log.pop_front();
      }
      pending.erase(0, begin);
      if (pending.size() > kLineBytes) pending.clear();
      described = describe(job, false);
    }
    on_change_(described, lines);
  }
  ::close(output);
  int status = 0;
  while (::waitpid(job.process, &status, 0) < 0 && errno == EINTR) {
  }
  Json described;
  {
    const std::lock_guard lock(mutex_);
    job.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    job.state = job.exit_code == 0 ? "finished" : job.asked_to_stop ? "stopped" : "failed";
    if (job.state == "finished") job.progress = {"finished", job.steps, job.steps};
    described = describe(job, false);
  }
  on_change_(described, Json::array());
}

Json Jobs::all() const {
  const std::lock_guard lock(mutex_);
  Json out = Json::array();
  for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job) out.push_back(describe(**job, true));
  return out;
}

namespace {
Error no_job(const std::string& id) {
  return not_found("job " + printable_start(id) + ": there is no such one: /api/jobs lists them");
}
}  // namespace

Result<Json> Jobs::get(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& job : jobs_) {
    if (job->id == id) return describe(*job, true);
  }
  return no_job(id);
}

Result<void> Jobs::stop(const std::string& id) {
  const std::lock_guard lock(mutex_);
  for (const auto& job : jobs_) {
    if (job->id != id) continue;
    // Once: a second signal would end it before it has saved.
    if (job->state == "running" && !std::exchange(job->asked_to_stop, true)) {
      ::kill(job->process, SIGINT);
    }
    return {};
  }
  return no_job(id);
}

std::string Jobs::running() const {
  const std::lock_guard lock(mutex_);
  for (const auto& job : jobs_) {
    if (job->state == "running") return job->id;
  }
  return "";
}

void Jobs::note_training(const std::string& id, const std::string& directory) {
  const std::lock_guard lock(mutex_);
  if (jobs_.empty() || !jobs_.back()->training.empty()) return;
  Job& job = *jobs_.back();
  const std::string path = absolute_path(directory);
  if (path == job.summaries_dir || path.starts_with(job.summaries_dir + "/run-")) {
    job.training = id;
  }
}

}  // namespace graft
