// graft label: the codelab's label_image, for one photo or very many.
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>

#include "base/json.h"
#include "base/parallel.h"
#include "base/text.h"
#include "cli/classifier_options.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/photos.h"

namespace graft {
namespace {

struct LabelFlags {
  ClassifierOptions classifier;
  std::vector<std::string> photos;
  std::string image, list;
  int top_k = 5, threads = 0;
  FormFlags form;
};

void declare(Options& options, LabelFlags& flags) {
  options.arguments(flags.photos);
  options.group("Photos");
  options.text("image", flags.image, "PATH", "A photo or folder, as an argument would be.");
  options.text("list", flags.list, "FILE", "Photos named one a line in a file; - standard input.");
  options.group("Classifier");
  declare_classifier(options, flags.classifier);
  options.integer("threads", flags.threads, "Threads; 0: one a core.", 0, 4096);
  options.group("Output");
  options.integer("top_k", flags.top_k, "How many labels a photo.", 1);
  declare_form(options, flags.form, "path, rank, label, score, error.",
               "an array, one object a photo.");
  declare_preprocessing(options, flags.classifier);
  options.note(
      "A photo that cannot be read is named on standard error, the others are labelled all the "
      "same, and the exit code is 1 at the end.");
  options.example("graft label a_photo.jpg", "One photo");
  options.example("graft label --top_k=1 --csv holiday_photos > holiday.csv",
                  "Every photo below a folder, as a table");
  options.example("curl -s https://example.org/photo.jpg | graft label -", "From a pipe");
  options.example("find . -name '*.jpg' | graft label --list=- --json", "From a list of paths");
}

// What one photo came to: its scores, or why there are none.
struct Labelling {
  std::vector<float> scores;
  std::string error;
};

class Labeller {
 public:
  Labeller(const LabelFlags& flags, Form form, const Classifier& classifier, const PhotoList& list,
           Console& console)
      : flags_(flags), classifier_(classifier), list_(list), console_(console), form_(form) {}

  // How many photos failed; done(): how many were attempted.
  std::size_t run(const std::stop_token& stop) {
    const int threads = thread_count(flags_.threads);
    const std::size_t count = list_.photos.size();
    const int workers = static_cast<int>(
        std::min<std::size_t>(static_cast<std::size_t>(threads), std::max<std::size_t>(count, 1)));
    workers_.resize(static_cast<std::size_t>(workers));
    start_ = std::chrono::steady_clock::now();
    std::stop_source enough;  // a signal, or a reader who left
    const std::stop_callback forward(stop, [&enough] { enough.request_stop(); });
    if (form_ == Form::kCsv) console_.print("path,rank,label,score,error\n");
    if (form_ == Form::kJson) console_.print("[");
    parallel_for(count, workers, enough.get_token(), [&](std::size_t item, int worker) {
      const Labelling outcome =
          label(list_.photos[item], workers_[static_cast<std::size_t>(worker)]);
      deliver(item, outcome);
      if (console_.reader_left()) enough.request_stop();
    });
    if (form_ == Form::kJson) console_.print(next_ == 0 ? "]\n" : "\n]\n");
    return failed_;
  }

  std::size_t done() const { return next_; }
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  struct Worker {
    std::unique_ptr<Classifier::Session> session;
    Bytes bytes;
  };

  Labelling label(const PhotoList::Photo& photo, Worker& worker) const {
    if (!photo.error.empty()) return {{}, photo.error};
    const Result<void> read =
        photo.path == "-" ? read_standard_input(worker.bytes) : read_file(photo.path, worker.bytes);
    if (!read.ok()) return {{}, read.error().message};
    if (worker.session == nullptr) worker.session = classifier_.make_session();
    Result<std::vector<float>> scores = worker.session->scores(worker.bytes);
    if (!scores.ok()) return {{}, with_context(photo.path, scores.error()).message};
    return {std::move(*scores), {}};
  }

  // Prints in input order: what comes early waits for those before it.
  void deliver(std::size_t item, const Labelling& outcome) {
    std::string text = form_ == Form::kText  ? as_lines(list_.photos[item], outcome)
                       : form_ == Form::kCsv ? as_csv(list_.photos[item], outcome)
                                             : as_json(list_.photos[item], outcome);
    const std::lock_guard lock(mutex_);
    waiting_.emplace(item, Waiting{std::move(text), outcome.error});
    for (auto at = waiting_.begin(); at != waiting_.end() && at->first == next_;
         at = waiting_.erase(at), ++next_) {
      if (!at->second.error.empty()) {
        ++failed_;
        console_.error(printable(at->second.error));
      }
      if (form_ == Form::kJson) console_.print(next_ == 0 ? "\n" : ",\n");
      console_.print(at->second.text);
    }
    if (list_.many && !console_.output_is_terminal()) {
      console_.progress({"Labelling", next_, list_.photos.size(), seconds(), Unit::kPhotos});
    }
  }

  std::string as_lines(const PhotoList::Photo& photo, const Labelling& outcome) const {
    if (!outcome.error.empty()) return {};
    const bool one_line = list_.many && flags_.top_k == 1;
    std::string out;
    if (list_.many) out = printable(photo.path) + (one_line ? ": " : "\n");
    for (const Prediction& p : top_k(outcome.scores, flags_.top_k)) {
      out += printable(name_of(p)) + format(" (score=%.5f)\n", static_cast<double>(p.score));
    }
    if (list_.many && !one_line) out += '\n';
    return out;
  }

  std::string as_csv(const PhotoList::Photo& photo, const Labelling& outcome) const {
    if (!outcome.error.empty()) {
      return csv_field(photo.path) + ",,,," + csv_field(printable(outcome.error)) + "\n";
    }
    std::string out;
    int rank = 0;
    for (const Prediction& p : top_k(outcome.scores, flags_.top_k)) {
      out +=
          csv_field(photo.path) + "," + std::to_string(++rank) + "," + csv_field(name_of(p)) + ",";
      append_float(out, p.score);
      out += ",\n";
    }
    return out;
  }

  std::string as_json(const PhotoList::Photo& photo, const Labelling& outcome) const {
    Json json = {{"path", printable(photo.path)}};
    if (!outcome.error.empty()) {
      json["error"] = printable(outcome.error);
    } else {
      Json& predictions = json["predictions"] = Json::array();
      for (const Prediction& p : top_k(outcome.scores, flags_.top_k)) {
        predictions.push_back({{"label", printable(name_of(p))}, {"score", as_written(p.score)}});
      }
    }
    return dump_json(json, -1);
  }

  const std::string& name_of(const Prediction& p) const {
    return classifier_.labels()[static_cast<std::size_t>(p.label)];
  }

  struct Waiting {
    std::string text, error;
  };
  const LabelFlags& flags_;
  const Classifier& classifier_;
  const PhotoList& list_;
  Console& console_;
  const Form form_;
  std::vector<Worker> workers_;
  std::chrono::steady_clock::time_point start_;
  std::mutex mutex_;  // guards what follows
  std::map<std::size_t, Waiting> waiting_;
  std::size_t next_ = 0, failed_ = 0;
};

}  // namespace

int run_label(Arguments arguments, Console& console) {
  LabelFlags flags;
  Options options("label", "say what photos show, with a trained classifier",
                  "[PHOTO... | FOLDER... | -]");
  declare(options, flags);
  if (const auto code = parse_options(options, arguments, console)) return *code;
  const Result<Form> form = chosen_form(options, flags.form);
  if (!form.ok()) return console.fail(form.error());
  if (options.given("image")) flags.photos.insert(flags.photos.begin(), flags.image);

  const Interrupt interrupt;
  const Result<PhotoList> list = collect_photos(flags.photos, flags.list);
  if (!list.ok()) return console.fail(list.error());
  const Result<Classifier> classifier = load_classifier(options, flags.classifier);
  if (!classifier.ok()) return console.fail(classifier.error());
  for (const std::string& warning : classifier->warnings()) console.warning(warning);

  const std::size_t count = list->photos.size();
  Labeller labeller(flags, *form, *classifier, *list, console);
  const std::size_t failed = labeller.run(interrupt.token());
  console.clear_progress();
  const double seconds = labeller.seconds();
  if (!list->many && failed == 0) {
    console.message(format("Evaluation time (1-image): %.3fs", seconds));
  } else if (list->many) {
    console.message(
        format_count(labeller.done()) + " photos in " + format_duration(seconds) +
        (seconds > 0 ? format(" (%.0f a second)", static_cast<double>(labeller.done()) / seconds)
                     : ""));
  }
  if (list->passed_over > 0) {
    console.message(format_count(list->passed_over) + " files that are no photos passed over");
  }
  if (failed > 0 && list->many) {
    console.message(format_count(failed) + " of " + format_count(count) +
                    " photos could not be labelled");
  }
  if (labeller.done() < count && !console.reader_left()) {
    return console.fail(cancelled("interrupted: " + format_count(labeller.done()) + " of " +
                                  format_count(count) + " photos labelled: the rest is to do"));
  }
  return failed > 0 ? 1 : 0;
}

}  // namespace graft
