"""Help, and what the program answers to a command line that cannot be."""

import re
import shutil

from program import NETWORK, PLACE, Case, CODELAB, bash, class_folder, graft, photos

LINES_TO_TYPE = ["  IMAGE_SIZE=224", '  ARCHITECTURE="mobilenet_0.50_${IMAGE_SIZE}"']


class Help(Case):
    COMMANDS = ("retrain", "label", "evaluate", "inspect", "features", "board", "models", "sample",
                "demo")

    def test_every_command_has_help_on_standard_output(self):
        general = self.run_ok("--help").stdout
        self.assertEqual(self.run_ok("help").stdout, general)
        for command in self.COMMANDS:
            self.assertIn(f"  {command} ", general)
            done = self.run_ok(command, "--help")
            self.assertTrue(done.stdout.startswith(f"graft {command}: "))
            self.assertIn(f"Usage: graft {command}", done.stdout)
            self.assertEqual(done.stderr, "")
            self.assertEqual(self.run_ok("help", command).stdout, done.stdout)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)

    def test_every_flag_of_the_original(self):
        # The argparse calls of the codelab's retrain.py and label_image.py, name and default.
        retrain = self.run_ok("retrain", "--help").stdout
        for name in ("image_dir output_graph intermediate_output_graphs_dir "
                     "intermediate_store_frequency output_labels summaries_dir "
                     "how_many_training_steps learning_rate testing_percentage "
                     "validation_percentage eval_step_interval train_batch_size test_batch_size "
                     "validation_batch_size print_misclassified_test_images model_dir "
                     "bottleneck_dir final_tensor_name flip_left_right random_crop random_scale "
                     "random_brightness architecture").split():
            self.assertRegex(retrain, rf"(?m)^  --{name}\b")
        for name, default in {"how_many_training_steps": "4000", "learning_rate": "0.01",
                              "testing_percentage": "10", "validation_percentage": "10",
                              "eval_step_interval": "10", "train_batch_size": "100",
                              "test_batch_size": "-1", "validation_batch_size": "100",
                              "final_tensor_name": "final_result",
                              "architecture": "mobilenet_0.50_224"}.items():
            own = re.search(rf"(?ms)^  --{name}\b.*?(?=^  --|^$)", retrain)[0]
            self.assertIn(f"(default {default})", re.sub(r"\s+", " ", own))
        label = self.run_ok("label", "--help").stdout
        for name in ("graph image labels input_height input_width input_mean input_std input_layer "
                     "output_layer").split():
            self.assertRegex(label, rf"(?m)^  --{name}\b")

    def test_version_names_the_libraries(self):
        text = self.run_ok("--version").stdout
        self.assertRegex(text, r"^graft \d+\.\d+\.\d+\n")
        self.assertIn("onednn-", text)
        self.assertIn("libjpeg ", text)


class UsageErrors(Case):
    def test_no_command(self):
        done = graft()
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, "")
        self.assertIn("Usage:", done.stderr)

    def test_unknown_command_and_option_name_the_nearest(self):
        self.assert_one_line_error(graft("retrian"), 2, "did you mean graft retrain?")
        self.assert_one_line_error(graft("help", "lable"), 2, "did you mean graft label?")
        self.assert_one_line_error(graft("retrain", "--image-dir=x"), 2, "did you mean --image_dir?")
        self.assert_one_line_error(graft("retrain", "--learning_rte", "1"), 2, "--learning_rate?")
        self.assert_one_line_error(graft("label", "--input_hight=3", "x.jpg"), 2, "--input_height?")
        self.assert_one_line_error(graft("retrain", "--test=3"), 2, "--test_batch_size")

    def test_bad_values(self):
        self.assert_one_line_error(graft("retrain", "--how_many_training_steps=many"), 2, "'many'")
        self.assert_one_line_error(graft("retrain", "--learning_rate=-1"), 2, "--learning_rate")
        self.assert_one_line_error(graft("retrain", "--split_key=class"), 2, "path|relative")
        self.assert_one_line_error(graft("retrain", "--flip_left_right=often"), 2, "'often'")
        self.assert_one_line_error(graft("retrain", "--seed"), 2, "missing")
        self.assert_one_line_error(graft("retrain", "--seed", "--threads=1"), 2, "--seed", "missing")
        self.assert_one_line_error(graft("label", "--csv", "--json", "x.jpg"), 2, "--csv, --json")
        self.assert_one_line_error(graft("evaluate", "--format=csv", "--json", "x"), 2, "--format")
        self.assert_one_line_error(graft("features", "x", "--output=x.csv"), 2, "x.csv")

    def test_nothing_to_work_on(self):
        for command in ("retrain", "evaluate", "features"):
            self.assert_one_line_error(graft(command), 2, "--image_dir")
            self.assert_one_line_error(graft(command, "--image_dir="), 2, "--image_dir", "empty")
            self.assert_one_line_error(graft(command, "a", "b"), 2, "'b'", "one folder")
            self.assert_one_line_error(graft(command, "--image_dir=a", "b"), 2, "'b'", "one folder")
        self.assert_one_line_error(graft("label"), 2, "none given")
        self.assert_one_line_error(graft("inspect"), 2, "none given")
        self.assert_one_line_error(graft("inspect", "a.pb", "b.pb"), 2, "more than one")

    def test_unset_shell_variables(self):
        """The codelab's commonest mistake: it shows the two lines to type."""
        for architecture in (None, "mobilenet_0.50_"):
            done = bash(CODELAB, architecture)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stdout, "")
            self.assertIn("shell variable", done.stderr.splitlines()[0])
            self.assertEqual(done.stderr.splitlines()[1:], LINES_TO_TYPE)
        for script in ("graft retrain --architecture $ARCHITECTURE --image_dir=tf_files/flower_photos",
                       "graft retrain --image_dir=tf_files/flower_photos --architecture $ARCHITECTURE",
                       "graft features tf_files/flower_photos --architecture=$ARCHITECTURE",
                       "graft demo --architecture mobilenet_${WIDTH}_224"):
            done = bash(script)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr.splitlines()[1:], LINES_TO_TYPE, script)
        typed = "\n".join(LINES_TO_TYPE) + "\necho $ARCHITECTURE"
        self.assertEqual(bash(typed).stdout, "mobilenet_0.50_224\n")

    def test_unknown_architecture_lists_the_known(self):
        self.assert_one_line_error(graft("retrain", "--image_dir=tf_files/flower_photos",
                                         "--architecture=mobilenet_0.5_224"),
                                   2, "did you mean mobilenet_0.50_224?", "inception_v3")


class Folders(Case):
    def test_missing_empty_and_wrong_ones(self):
        self.assert_one_line_error(graft("retrain", "--image_dir=nowhere", "--offline"), 1, "nowhere")
        self.assert_one_line_error(graft("retrain", "--image_dir=tf_files/flower_photo"), 1,
                                   "did you mean tf_files/flower_photos?")
        self.assert_one_line_error(graft("retrain", "--image_dir=tf_files"), 2,
                                   "did you mean tf_files/flower_photos?")
        self.assert_one_line_error(graft("retrain", f"--image_dir={photos()[0]}"), 2, "is a file")
        class_folder("empty", {"a": []})
        self.assert_one_line_error(graft("retrain", "--image_dir=empty"), 2, "empty", "no photos")
        class_folder("one", {"tulips": photos()[:1]})
        self.assert_one_line_error(graft("retrain", "--image_dir=one"), 2, "'tulips'")
        beside = PLACE.work / "no_classes"
        beside.mkdir()
        shutil.copy(photos()[0], beside)
        self.assert_one_line_error(graft("retrain", "--image_dir=no_classes"), 2, "no class folders")

    def test_two_classes_with_one_label(self):
        class_folder("collide", {"Big_Cat": photos()[:4], "big cat": photos()[-4:]})
        self.assert_one_line_error(graft("retrain", "--image_dir=collide"), 2, "'Big_Cat'",
                                   "'big cat'", "--labels verbatim")

    def test_missing_network_offline(self):
        done = graft("retrain", "--image_dir=tf_files/flower_photos", "--offline",
                     "--architecture=mobilenet_1.0_224", "--model_dir=no_models",
                     "--bottleneck_dir=no_bottlenecks")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("mobilenet_v1_1.0_224", done.stderr)

    def test_a_wrong_model_file_is_found_before_the_work(self):
        for name, content in (("page", b"<html>404</html>"), ("cut", None)):
            place = PLACE.work / f"models_{name}" / "graft_untrained_0.25_128"
            place.mkdir(parents=True)
            whole = next((PLACE.work / "tf_files/models").rglob("*.pb")).read_bytes()
            (place / "frozen_graph.pb").write_bytes(content or whole[:len(whole) // 2])
            done = graft("retrain", "--image_dir=tf_files/flower_photos", f"--architecture={NETWORK}",
                         f"--model_dir=models_{name}", f"--bottleneck_dir=bottlenecks_{name}",
                         f"--output_graph={name}/g.pb", f"--output_labels={name}/l.txt",
                         f"--summaries_dir={name}/s")
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("frozen_graph.pb", done.stderr.splitlines()[-1])
            self.assertNotIn("bottleneck files created", done.stderr)
            self.assertNotIn("Computing", done.stderr)

    def test_not_a_graph(self):
        (PLACE.work / "page.pb").write_text("<html>404</html>")
        for words in (["label", "--graph=page.pb", str(photos()[0])], ["inspect", "page.pb"]):
            self.assert_one_line_error(graft(*words), 1, "page.pb")
        self.assert_one_line_error(graft("label", "--graph=missing.pb", str(photos()[0])), 1,
                                   "missing.pb")
        self.assert_one_line_error(graft("label", "--graph=", str(photos()[0])), 2, "--graph")
        self.assert_one_line_error(graft("label", str(photos()[0]), cwd=PLACE.work / "bin"), 1,
                                   "graft retrain", "--graph")
