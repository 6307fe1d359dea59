// graft models recommend: the most accurate network that is fast and small enough.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/models.h"
#include "image/encode.h"
#include "model/recommend.h"
#include "model/speed.h"
#include "sample/sample.h"

namespace graft {
namespace {

constexpr double kUndisturbed = 0.8;  // of the processor: nothing to be said
constexpr std::size_t kRunnersUp = 4, kMissed = 4;
// A photo of the size of flower_photos' most common, where none is given.
constexpr int kDrawnWidth = 500, kDrawnHeight = 375;

struct RecommendFlags {
  std::vector<std::string> photos;
  std::string model_dir;
  Requirement requirement;
  int threads = 0;
  FormFlags form;
};

void declare(Options& options, RecommendFlags& flags) {
  options.arguments(flags.photos);
  options.number("photos_per_second", flags.requirement.photos_per_second,
                 "How many photos a second it must manage on this machine, decoding included.", 0,
                 1e9);
  options.number(
      "max_mb", flags.requirement.megabytes,
      "How large its file may be, in MB; the classifier made from it is a little larger. "
      "0: any.",
      0, 1e9);
  options.integer("threads", flags.threads, "Threads that will be used; 0: one a core.", 0, 4096);
  declare_model_dir(options, flags.model_dir);
  declare_form(options, flags.form, "a line a network, the best first", "one JSON object");
  options.note(
      "Networks of the same structure are timed here for about a second, together with decoding a "
      "photo: PHOTO, one of yours, or a drawn one of 500x375. The files need not be there. The "
      "speeds are estimates, for a machine that has nothing else to do.");
  options.example("graft models recommend --photos_per_second=100 --max_mb=6 my_photo.jpg",
                  "For photos like this one");
}

// "--max-mb" is how most other programs would spell it.
std::vector<std::string> with_underscores(Arguments arguments) {
  std::vector<std::string> words(arguments.begin(), arguments.end());
  for (std::string& word : words) {
    for (const std::string_view name : {"--photos-per-second", "--max-mb"}) {
      if (word != name && !word.starts_with(std::string(name) + "=")) continue;
      std::replace(word.begin() + 2, word.begin() + static_cast<std::ptrdiff_t>(name.size()), '-',
                   '_');
    }
  }
  return words;
}

struct Photo {
  Bytes bytes;
  std::string what;
};

Result<Photo> photo_to_time(const std::vector<std::string>& given) {
  if (given.size() > 1) {
    return invalid_argument("'" + printable(given[1]) +
                            "': one photo is enough: name the one that is most like the others");
  }
  Photo photo;
  if (given.empty()) {
    GRAFT_ASSIGN(photo.bytes, encode_jpeg(draw_sample(0, 1, 0, kDrawnWidth, kDrawnHeight)));
    photo.what = format("a drawn photo of %dx%d", kDrawnWidth, kDrawnHeight);
    return photo;
  }
  GRAFT_TRY(read_file(given.front(), photo.bytes));
  photo.what = printable(given.front());
  return photo;
}

// "~180": two digits, which is as good as the estimate is.
std::string about(double value) {
  if (value <= 0) return "-";
  const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(value)) - 1));
  return value < 10 ? format("~%.1f", value)
                    : "~" + format_count(static_cast<std::uint64_t>(std::lround(value / unit) *
                                                                    std::lround(unit)));
}

std::string top1_text(const ModelSpec& spec) {
  return (spec.quantized ? "<=" : "") + format("%.1f", ranking_top1(spec));
}

std::string wanted_text(const Requirement& wanted) {
  std::string text;
  if (wanted.photos_per_second > 0) {
    text = "does " + format("%g", wanted.photos_per_second) + " photos a second here";
  }
  if (wanted.megabytes > 0) {
    text += (text.empty() ? "" : " and ") + format("has at most %g MB", wanted.megabytes);
  }
  return text.empty() ? "there is" : text;
}

std::string why_not(const Candidate& candidate) {
  return candidate.fits()         ? ""
         : candidate.fast_enough  ? "too large"
         : candidate.small_enough ? "too slow"
                                  : "too slow, too large";
}

std::string row(const Candidate& candidate, const std::string& mark, const std::string& model_dir) {
  const ModelSpec& spec = candidate.spec;
  std::string note = why_not(candidate);
  if (!installed_at(spec, model_dir).empty()) note += note.empty() ? "installed" : ", installed";
  return format("%s %-30s %8s %11s %8s", mark.c_str(), spec.architecture.c_str(),
                top1_text(spec).c_str(), about(candidate.photos_per_second).c_str(),
                megabytes_text(spec.graph_size).c_str()) +
         (note.empty() ? "" : "  " + note) + "\n";
}

std::string speed_text(const Speed& speed, const Photo& photo, double seconds) {
  return "Estimated from " + format_duration(seconds) + " of timing on " +
         std::to_string(speed.threads) + (speed.threads == 1 ? " thread" : " threads") +
         ": decoding " + photo.what +
         format(
             " takes %.1f ms a thread, MobileNets of 1.0, 0.75, 0.50 and 0.25 at 128 pixels %.1f, "
             "%.1f, %.1f and %.1f ms;",
             speed.decode_seconds * 1e3, speed.network_seconds[0] * 1e3,
             speed.network_seconds[1] * 1e3, speed.network_seconds[2] * 1e3,
             speed.network_seconds[3] * 1e3) +
         " the others in proportion to their multiply-adds.\n" +
         (speed.share_of_processor > kUndisturbed
              ? std::string()
              : format("The threads got %.0f %% of the processor, other programs the rest: while "
                       "those run, expect that much less.\n",
                       100 * speed.share_of_processor));
}

// At least one fits.
std::string to_text(const std::vector<Candidate>& ranked, const RecommendFlags& flags,
                    const Console& console) {
  const ModelSpec& best = ranked.front().spec;
  std::string out = console.bold(best.architecture) + ": the most accurate network that " +
                    wanted_text(flags.requirement) + "\n\n" +
                    format("  %-30s %8s %11s %8s\n", "", "top-1 %", "photos/s", "MB");
  std::size_t fitting = 0, missed = 0;
  for (const Candidate& candidate : ranked) {
    if (candidate.fits() && fitting++ <= kRunnersUp) {
      out += row(candidate, fitting == 1 ? ">" : " ", flags.model_dir);
    }
    // Only what would have been better says anything.
    if (!candidate.fits() && ranking_top1(candidate.spec) > ranking_top1(best) &&
        missed++ < kMissed) {
      out += row(candidate, " ", flags.model_dir);
    }
  }
  if (best.quantized) {
    out +=
        "\n<=: the accuracy of the float network that it was made from; its own was never "
        "published.\n";
  }
  return out;
}

Json to_json(const std::vector<Candidate>& ranked, const RecommendFlags& flags,
             const Speed& speed) {
  Json networks = Json::array();
  for (const Candidate& candidate : ranked) {
    const ModelSpec& spec = candidate.spec;
    const std::string place = installed_at(spec, flags.model_dir);
    networks.push_back({{"architecture", spec.architecture},
                        {"fits", candidate.fits()},
                        {"fast_enough", candidate.fast_enough},
                        {"small_enough", candidate.small_enough},
                        {"top1", spec.top1 > 0 ? Json(spec.top1) : Json(nullptr)},
                        {"top1_at_most", ranking_top1(spec)},
                        {"estimated_photos_per_second", candidate.photos_per_second},
                        {"file_bytes", spec.graph_size.bytes},
                        {"file_bytes_exact", spec.graph_size.exact},
                        {"installed", place.empty() ? Json(nullptr) : Json(printable(place))}});
  }
  const bool fits = ranked.front().fits();
  return {{"recommended", fits ? Json(ranked.front().spec.architecture) : Json(nullptr)},
          {"photos_per_second", flags.requirement.photos_per_second},
          {"max_mb", flags.requirement.megabytes},
          {"threads", speed.threads},
          {"share_of_processor", speed.share_of_processor},
          {"decode_seconds", speed.decode_seconds},
          {"network_seconds", speed.network_seconds},
          {"networks", std::move(networks)}};
}

std::string to_csv(const std::vector<Candidate>& ranked) {
  std::string out =
      "architecture,fits,fast_enough,small_enough,top1_at_most,estimated_photos_per_second,"
      "file_bytes\n";
  const auto word = [](bool value) { return value ? "true," : "false,"; };
  for (const Candidate& c : ranked) {
    out += c.spec.architecture + "," + word(c.fits()) + word(c.fast_enough) + word(c.small_enough) +
           format("%g,%.1f,", ranking_top1(c.spec), c.photos_per_second) +
           std::to_string(c.spec.graph_size.bytes) + "\n";
  }
  return out;
}

Error none_fits(const std::vector<Candidate>& ranked, const Requirement& wanted) {
  const auto fastest =
      std::max_element(ranked.begin(), ranked.end(), [](const Candidate& a, const Candidate& b) {
        return a.photos_per_second < b.photos_per_second;
      });
  const auto smallest =
      std::min_element(ranked.begin(), ranked.end(), [](const Candidate& a, const Candidate& b) {
        return a.spec.graph_size.bytes < b.spec.graph_size.bytes;
      });
  return not_found("graft models recommend: no network " + wanted_text(wanted) +
                   ": ask for less: " + fastest->spec.architecture + " does " +
                   about(fastest->photos_per_second) + " photos a second here, " +
                   smallest->spec.architecture + " has " +
                   megabytes_text(smallest->spec.graph_size) + " MB");
}

}  // namespace

int run_models_recommend(Arguments arguments, Console& console) {
  RecommendFlags flags;
  Options options("models recommend", "say which network to take", "[PHOTO]");
  declare(options, flags);
  const std::vector<std::string> words = with_underscores(arguments);
  if (const auto code = parse_options(options, words, console)) return *code;
  take_model_dir(options, flags.model_dir);
  const Result<Form> form = chosen_form(options, flags.form);
  if (!form.ok()) return console.fail(form.error());
  const Result<Photo> photo = photo_to_time(flags.photos);
  if (!photo.ok()) return console.fail(photo.error());

  const Interrupt interrupt;
  SpeedOptions speed_options;
  speed_options.threads = flags.threads;
  speed_options.photo = photo->bytes;
  const auto start = std::chrono::steady_clock::now();
  const Result<Speed> speed = measure_speed(speed_options, interrupt.token());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (!speed.ok()) return console.fail(with_context(photo->what, speed.error()));
  const std::vector<Candidate> ranked =
      rank_networks(flags.requirement,
                    [&speed](const ModelSpec& spec) { return speed->photos_per_second(spec); });
  const bool fits = ranked.front().fits();
  if (*form == Form::kJson) console.print(dump_json(to_json(ranked, flags, *speed)) + "\n");
  if (*form == Form::kCsv) console.print(to_csv(ranked));
  if (!fits) return console.fail(none_fits(ranked, flags.requirement));
  if (*form != Form::kText) return 0;
  console.print(to_text(ranked, flags, console) + "\n" + speed_text(*speed, *photo, took.count()) +
                "\nNext:\n  graft retrain --architecture=" + ranked.front().spec.architecture +
                " --image_dir=my_photos\n");
  return 0;
}

}  // namespace graft
