// graft retrain: the codelab's `python -m scripts.retrain`, flag for flag, and more.
#include "train/retrain.h"

#include <optional>

#include "base/text.h"
#include "cli/board_process.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/models.h"
#include "cli/network_options.h"
#include "cli/photos.h"
#include "cli/retrain_flags.h"
#include "cli/run_console.h"
#include "kernels/backend.h"

namespace graft {

void declare_retrain(Options& options, RetrainFlags& flags) {
  RetrainOptions& run = flags.run;
  options.arguments(flags.folders);
  options.group("Photos");
  options.text(
      "image_dir", run.image_dir, "DIR",
      "Folder of photos, one subfolder a class; may stand alone, without --image_dir. JPEG, "
      "PNG, WebP, GIF, BMP, TIFF, HEIC.");
  options.number("testing_percentage", run.testing_percentage,
                 "Percent of the photos kept for the final test.", 0, 100);
  options.number("validation_percentage", run.validation_percentage,
                 "Percent of the photos kept for validation during training.", 0, 100);
  options.choice<SplitKey>(
      "split_key", run.split_key, {{"path", SplitKey::kPath}, {"relative", SplitKey::kRelative}},
      "What decides a photo's split: its path as given, as TensorFlow's script "
      "does, or class/file, which stays the same wherever the folder lies.");
  options.integer("split_seed", run.split_seed, "Another split; 0 is the original rule.");
  options.choice<LabelRule>(
      "labels", run.labels,
      {{"original", LabelRule::kOriginal}, {"verbatim", LabelRule::kVerbatim}},
      "Labels from folder names: lower case with blanks, as TensorFlow's script does, or as is.");
  declare_decoding(options, run);

  options.group("Network");
  declare_network(
      options, run,
      "Pretrained network: mobilenet_<1.0|0.75|0.50|0.25>_<224|192|160|128>[_quantized], "
      "inception_v3; `graft models` lists them.");
  options.text("model_dir", run.model_dir, "DIR",
               "Where networks lie or are downloaded to. GRAFT_MODEL_DIR sets another default.");
  declare_model_mirror(options, flags.mirrors);
  options.flag("offline", flags.offline, "Never use the network connection.");
  options.text("backend", run.backend, "NAME", "Force one kernel library; `reference` is slow.");

  declare_custom_network(options, run);

  options.group("Training");
  options.integer("how_many_training_steps", run.how_many_training_steps, "Training steps.", 1);
  options.number("learning_rate", run.learning_rate, "Step size of the gradient descent.", 1e-12,
                 1e6);
  options.integer("train_batch_size", run.train_batch_size, "Photos a training step.", 1);
  options.integer("test_batch_size", run.test_batch_size, "Photos of the final test; -1: all.", -1);
  options.integer("validation_batch_size", run.validation_batch_size,
                  "Photos of one validation; -1: all.", -1);
  options.integer("eval_step_interval", run.eval_step_interval, "Steps between evaluations.", 1);
  options.flag("flip_left_right", run.distortion.flip_left_right,
               "Mirror half of the training photos at random.");
  options.integer("random_crop", run.distortion.random_crop,
                  "Percent of margin to crop from training photos at random.", 0, 1000);
  options.integer("random_scale", run.distortion.random_scale,
                  "Percent to scale training photos up by at random.", 0, 1000);
  options.integer("random_brightness", run.distortion.random_brightness,
                  "Percent to change training photos' brightness by at random.", 0, 1000);
  options.integer("augment_cache", run.augment_cache,
                  "Distorted variants a photo, each computed once and then drawn from: minutes "
                  "instead of hours. 0: new distortions at every step.",
                  0, 1000);
  options.integer("seed", run.seed, "Random seed: same seed, same result.");
  options.integer("threads", run.threads, "Threads; 0: one a core. The result does not change.", 0,
                  4096);
  options.choice<bool>("resume", run.resume, {{"auto", true}, {"never", false}},
                       "Whether an interrupted run of the same command goes on.");

  options.group("Output");
  options.text("output_graph", run.output_graph, "FILE", "The trained graph.");
  options.text("output_labels", run.output_labels, "FILE", "Its labels, one a line.");
  options.text("summaries_dir", run.summaries_dir, "DIR",
               "Logs for TensorBoard; earlier runs are kept.");
  options.text("bottleneck_dir", run.bottleneck_dir, "DIR",
               "Cached features; TensorFlow's own text files there are used too.");
  options.choice<CacheFormat>("bottleneck_format", run.bottleneck_format,
                              {{"store", CacheFormat::kStore}, {"text", CacheFormat::kText}},
                              "text: also write TensorFlow's text files.");
  options.text("intermediate_output_graphs_dir", run.intermediate_output_graphs_dir, "DIR",
               "Graphs saved on the way.");
  options.integer("intermediate_store_frequency", run.intermediate_store_frequency,
                  "Steps between them; 0: none.", 0);
  options.text("final_tensor_name", run.final_tensor_name, "NAME", "The graph's output.");
  options.flag("print_misclassified_test_images", run.print_misclassified_test_images,
               "List the test photos that were classified wrong.");
  options.flag("json", flags.json, "Print one JSON object instead of text.");
  options.flag("board", flags.board,
               "Show it in a browser while it trains, and until Ctrl-C: graft board, beside it.");

  options.note(
      "Results go to standard output, progress to standard error. Ctrl-C finishes the step and "
      "saves; the same command goes on from there.");
  options.example("graft retrain --image_dir=tf_files/flower_photos",
                  "All defaults: mobilenet_0.50_224, 4000 steps, everything under tf_files/");
  options.example(
      "graft retrain --bottleneck_dir=tf_files/bottlenecks --how_many_training_steps=500 \\\n"
      "      --model_dir=tf_files/models/ \\\n"
      "      --summaries_dir=tf_files/training_summaries/mobilenet_0.50_224 \\\n"
      "      --output_graph=tf_files/retrained_graph.pb \\\n"
      "      --output_labels=tf_files/retrained_labels.txt \\\n"
      "      --architecture=mobilenet_0.50_224 --image_dir=tf_files/flower_photos",
      "The codelab's command");
}

int run_retrain(Arguments arguments, Console& console) {
  RetrainFlags flags;
  Options options("retrain", "train a classifier on a folder of photos, one subfolder a class",
                  "[FOLDER]");
  declare_retrain(options, flags);
  if (const auto code = parse_options(options, arguments, console)) return *code;
  default_from_environment(options, "model_dir", "GRAFT_MODEL_DIR", flags.run.model_dir);
  if (const auto code = check_network(options, flags.run, console)) return *code;
  if (const auto taken = take_image_dir(options, "retrain", flags.folders, flags.run.image_dir);
      !taken.ok()) {
    return console.fail(taken.error());
  }
  if (!flags.run.backend.empty()) {
    const Result<const Backend*> backend = backend_named(flags.run.backend);
    if (!backend.ok()) return console.fail(with_context("--backend", backend.error()));
  }
  flags.run.allow_download = !flags.offline;
  auto mirrors = chosen_mirrors(options, flags.mirrors);
  if (!mirrors.ok()) return console.fail(mirrors.error());
  flags.run.model_mirrors = std::move(*mirrors);

  const Interrupt interrupt;
  if (const auto prepared = prepare_network(console, flags.run); !prepared.ok()) {
    return console.fail(prepared.error());
  }
  std::optional<BoardProcess> board;
  if (flags.board) {
    auto started = BoardProcess::start(
        {"--logdir=" + flags.run.summaries_dir, "--model_dir=" + flags.run.model_dir});
    if (!started.ok()) return console.fail(started.error());
    board = std::move(started).value();
  }
  RunConsole observer(console, flags.run.how_many_training_steps);
  const Result<RetrainResult> result =
      retrain(flags.run, options.values(), observer, interrupt.token());
  if (!result.ok()) return console.fail(result.error());
  console.clear_progress();
  report_skipped(console, result->skipped, "listed in " + printable(result->run_json));
  if (flags.json) {
    console.print(dump_json(to_json(*result)) + "\n");
  } else {
    report_result(console, flags.run, *result);
    const std::string photo = any_photo(flags.run.image_dir);
    report_files(console, flags.run, *result, photo.empty() ? "a_photo.jpg" : photo);
  }
  if (board && board->runs()) {
    console.message("The board goes on; Ctrl-C ends it");
    wait_until([&] { return !board->runs(); }, interrupt.token());
  }
  return 0;
}

}  // namespace graft
