#include "board/job_options.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "model/spec.h"
#include "train/retrain_options.h"

namespace graft {
namespace {

// set: false when the value is of the wrong kind or beyond the limits that the command line has.
struct FormOption {
  const char* name;
  const char* wanted;  // for messages
  std::function<bool(const Json&, RetrainOptions&)> set;
};

FormOption text_option(const char* name, std::string RetrainOptions::*field) {
  return {name, "text", [field](const Json& value, RetrainOptions& run) {
            if (!value.is_string()) return false;
            const auto text = value.get<std::string>();
            if (text.find('\0') != std::string::npos) return false;
            run.*field = text;
            return true;
          }};
}
template <typename Place>
FormOption integer_option(const char* name, Place place, double low, double high = 2147483647) {
  return {name, "a whole number", [place, low, high](const Json& value, RetrainOptions& run) {
            const double number = value.is_number() ? value.get<double>() : NAN;
            if (!(number >= low && number <= high) || number != std::floor(number)) {
              return false;
            }
            place(run) = static_cast<std::remove_reference_t<decltype(place(run))>>(number);
            return true;
          }};
}
template <typename Place>
FormOption number_option(const char* name, Place place, double low, double high) {
  return {name, "a number", [place, low, high](const Json& value, RetrainOptions& run) {
            const double number = value.is_number() ? value.get<double>() : NAN;
            if (!(number >= low && number <= high)) return false;
            place(run) = static_cast<std::remove_reference_t<decltype(place(run))>>(number);
            return true;
          }};
}
template <typename Place>
FormOption flag_option(const char* name, Place place) {
  return {name, "true or false", [place](const Json& value, RetrainOptions& run) {
            if (!value.is_boolean()) return false;
            place(run) = value.get<bool>();
            return true;
          }};
}

const std::vector<FormOption>& form_options() {
  using R = RetrainOptions;
  static const std::vector<FormOption> options = {
      text_option("image_dir", &R::image_dir),
      text_option("architecture", &R::architecture),
      text_option("model_dir", &R::model_dir),
      text_option("output_graph", &R::output_graph),
      text_option("output_labels", &R::output_labels),
      text_option("summaries_dir", &R::summaries_dir),
      text_option("bottleneck_dir", &R::bottleneck_dir),
      text_option("intermediate_output_graphs_dir", &R::intermediate_output_graphs_dir),
      text_option("final_tensor_name", &R::final_tensor_name),
      integer_option(
          "how_many_training_steps", [](R& r) -> int& { return r.how_many_training_steps; }, 1),
      number_option(
          "learning_rate", [](R& r) -> float& { return r.learning_rate; }, 1e-12, 1e6),
      number_option(
          "testing_percentage", [](R& r) -> double& { return r.testing_percentage; }, 0, 100),
      number_option(
          "validation_percentage", [](R& r) -> double& { return r.validation_percentage; }, 0, 100),
      integer_option(
          "eval_step_interval", [](R& r) -> int& { return r.eval_step_interval; }, 1),
      integer_option(
          "train_batch_size", [](R& r) -> int& { return r.train_batch_size; }, 1),
      integer_option(
          "test_batch_size", [](R& r) -> int& { return r.test_batch_size; }, -1),
      integer_option(
          "validation_batch_size", [](R& r) -> int& { return r.validation_batch_size; }, -1),
      integer_option(
          "random_crop", [](R& r) -> int& { return r.distortion.random_crop; }, 0, 1000),
      integer_option(
          "random_scale", [](R& r) -> int& { return r.distortion.random_scale; }, 0, 1000),
      integer_option(
          "random_brightness", [](R& r) -> int& { return r.distortion.random_brightness; }, 0,
          1000),
      integer_option(
          "augment_cache", [](R& r) -> int& { return r.augment_cache; }, 0),
      integer_option(
          "seed", [](R& r) -> std::uint64_t& { return r.seed; }, 0),
      integer_option(
          "split_seed", [](R& r) -> std::uint64_t& { return r.split_seed; }, 0),
      integer_option(
          "threads", [](R& r) -> int& { return r.threads; }, 0, 4096),
      flag_option("flip_left_right", [](R& r) -> bool& { return r.distortion.flip_left_right; }),
      flag_option("exif", [](R& r) -> bool& { return r.apply_exif_orientation; }),
      {"offline", "true or false",
       [](const Json& value, R& r) {
         if (!value.is_boolean()) return false;
         r.allow_download = !value.get<bool>();
         return true;
       }},
  };
  return options;
}

// As the command line takes it: a whole number without a point, however the form spelled it.
std::string option_text(const Json& value) {
  constexpr double kExact = 0x1p53;
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::fabs(number) < kExact && number == std::floor(number)) {
      return std::to_string(static_cast<std::int64_t>(number));
    }
  }
  return value.is_string() ? value.get<std::string>() : dump_json(value, -1);
}

void check_run(const RetrainOptions& run, std::vector<std::string>& problems) {
  const auto note = [&](const auto& result) {
    if (!result.ok()) problems.push_back(printable(result.error().message));
  };
  note(find_model(run.architecture));
  if (run.image_dir.empty()) {
    problems.emplace_back("--image_dir: no folder of photos is named: choose one");
  } else if (!is_directory(run.image_dir)) {
    problems.push_back(printable(run.image_dir) + ": there is no such folder: choose another");
  }
  if (problems.empty()) note(check_options(run));
}

}  // namespace

RetrainCommand retrain_command(const Json& options, const std::string& logdir,
                               const std::string& model_dir) {
  RetrainCommand command;
  Json chosen = Json::object();
  if (options.is_object()) {
    for (const auto& [name, value] : options.items()) {
      if (!value.is_null()) chosen[name] = value;
    }
  } else {
    command.problems.emplace_back("options: is no object: send {\"options\": {…}}");
  }
  if (!chosen.contains("model_dir") && !model_dir.empty()) chosen["model_dir"] = model_dir;
  const std::string architecture =
      chosen.contains("architecture") && chosen["architecture"].is_string()
          ? chosen["architecture"].get<std::string>()
          : RetrainOptions().architecture;
  if (!chosen.contains("summaries_dir") &&
      architecture.find_first_of(std::string_view("/\0", 2)) == std::string::npos) {
    chosen["summaries_dir"] = join_path(logdir, architecture);
  }

  RetrainOptions run;
  command.arguments.emplace_back("retrain");
  command.text = "graft retrain";
  for (const auto& [name, value] : chosen.items()) {
    const FormOption* known = nullptr;
    for (const FormOption& option : form_options()) {
      if (name == option.name) known = &option;
    }
    if (known == nullptr) {
      command.problems.push_back("--" + printable_start(name) +
                                 ": is not an option of the form: leave " + "it out");
      continue;
    }
    if (!known->set(value, run)) {
      command.problems.push_back("--" + name + "=" + printable(option_text(value)) +
                                 ": has to be " + known->wanted + ": correct it");
      continue;
    }
    command.arguments.push_back("--" + name + "=" + option_text(value));
    command.text += " " + shell_quote(command.arguments.back());
  }
  command.text = printable(command.text);
  command.summaries_dir = run.summaries_dir;
  command.steps = static_cast<std::uint64_t>(run.how_many_training_steps);
  if (command.problems.empty()) check_run(run, command.problems);
  return command;
}

}  // namespace graft
