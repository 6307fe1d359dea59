#!/usr/bin/env python3
"""The program from outside: command lines as people type them, exit codes, both output streams.

cli_test.py GRAFT: everything runs on photos that the program draws and on its built-in network, in
a fresh temporary folder, without a network connection.
"""

import csv
import io
import json
import math
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

GRAFT = ""
WORK = Path()
NETWORK = "untrained_mobilenet_0.25_128"
PHOTOS_PER_CLASS = 24

# The codelab's command line, `python -m scripts.retrain` replaced by `graft retrain`.
CODELAB = r"""
graft retrain \
  --bottleneck_dir=tf_files/bottlenecks \
  --how_many_training_steps=500 \
  --model_dir=tf_files/models/ \
  --summaries_dir=tf_files/training_summaries/"${ARCHITECTURE}" \
  --output_graph=tf_files/retrained_graph.pb \
  --output_labels=tf_files/retrained_labels.txt \
  --architecture="${ARCHITECTURE}" \
  --image_dir=tf_files/flower_photos
"""


def graft(*words, **options):
    """stdout and stderr as bytes when text=False, else decoded leniently."""
    text = options.pop("text", True)
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        del options["stdin"]
    done = subprocess.run([GRAFT, *words], cwd=options.pop("cwd", WORK), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300, check=False, **options)
    if text:
        done.stdout = done.stdout.decode(errors="surrogateescape")
        done.stderr = done.stderr.decode(errors="surrogateescape")
    return done


def bash(script, architecture=None, cwd=None):
    environment = {**os.environ, "PATH": f"{WORK / 'bin'}:{os.environ['PATH']}"}
    environment.pop("ARCHITECTURE", None)
    if architecture is not None:
        environment["ARCHITECTURE"] = architecture
    done = subprocess.run(["bash", "-c", script], cwd=cwd or WORK, env=environment, text=True,
                          errors="surrogateescape", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300, check=False)
    return done


def setUpModule():
    global WORK
    WORK = Path(tempfile.mkdtemp(prefix="graft-cli-"))
    (WORK / "bin").mkdir()
    (WORK / "bin" / "graft").symlink_to(GRAFT)
    done = graft("sample", "--output=tf_files/flower_photos",
                 f"--photos_per_class={PHOTOS_PER_CLASS}")
    assert done.returncode == 0, done.stderr
    done = bash(CODELAB, NETWORK)
    assert done.returncode == 0, done.stderr
    setUpModule.codelab = done


def tearDownModule():
    shutil.rmtree(WORK, ignore_errors=True)


def photos(pattern="*/*.jpg"):
    return sorted((WORK / "tf_files/flower_photos").glob(pattern))


class Case(unittest.TestCase):
    def run_ok(self, *words, **options):
        done = graft(*words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def assert_one_line_error(self, done, code, *parts):
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("graft: "), lines[0])
        # what: why: what to do
        self.assertGreaterEqual(lines[0].count(": "), 3, lines[0])
        for part in parts:
            self.assertIn(part, lines[0])


class Help(Case):
    COMMANDS = ("retrain", "label", "evaluate", "inspect", "features", "models", "sample", "demo")

    def test_every_command_has_help_on_standard_output(self):
        general = self.run_ok("--help").stdout
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
            self.assertRegex(retrain, rf"(?s)  --{name}\b[^(]*?\(default {re.escape(default)}\)")
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
        self.assert_one_line_error(graft("retrain", "--image_dirs=x"), 2, "--image_dir")
        self.assert_one_line_error(graft("label", "--tops=3", "x.jpg"), 2, "--top")

    def test_bad_values(self):
        self.assert_one_line_error(graft("retrain", "--how_many_training_steps=many"), 2, "'many'")
        self.assert_one_line_error(graft("retrain", "--learning_rate=-1"), 2, "--learning_rate")
        self.assert_one_line_error(graft("retrain", "--split_key=class"), 2, "path|relative")
        self.assert_one_line_error(graft("retrain", "--seed"), 2, "missing")
        self.assert_one_line_error(graft("retrain"), 2, "--image_dir")
        self.assert_one_line_error(graft("label"), 2, "no photo given")
        self.assert_one_line_error(graft("inspect"), 2, "no file given")
        self.assert_one_line_error(graft("evaluate"), 2, "--image_dir")
        self.assert_one_line_error(graft("features"), 2, "--image_dir")
        self.assert_one_line_error(graft("label", "--csv", "--json", "x.jpg"), 2, "--csv, --json")

    def test_unset_shell_variables(self):
        """The codelab's commonest mistake; $ARCHITECTURE must not swallow what follows it."""
        for architecture in (None, "mobilenet_0.50_"):
            done = bash(CODELAB, architecture)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stdout, "")
            self.assertIn("IMAGE_SIZE=224", done.stderr)
            self.assertIn("ARCHITECTURE=", done.stderr)
        done = bash("graft retrain --architecture $ARCHITECTURE --image_dir=tf_files/flower_photos")
        self.assertEqual(done.returncode, 2)

    def test_folders(self):
        self.assert_one_line_error(graft("retrain", "--image_dir=nowhere", "--offline"), 1, "nowhere")
        empty = WORK / "empty"
        (empty / "a").mkdir(parents=True, exist_ok=True)
        done = graft("retrain", "--image_dir=empty", "--offline")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("empty", done.stderr)
        one = WORK / "one" / "tulips"
        one.mkdir(parents=True, exist_ok=True)
        shutil.copy(photos()[0], one)
        done = graft("retrain", "--image_dir=one", "--offline")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("tulips", done.stderr)

    def test_unknown_architecture_lists_the_known(self):
        done = graft("retrain", "--image_dir=tf_files/flower_photos",
                     "--architecture=mobilenet_0.5_224")
        self.assertEqual(done.returncode, 2)
        self.assertIn("mobilenet_0.50_224", done.stderr)

    def test_missing_network_offline(self):
        done = graft("retrain", "--image_dir=tf_files/flower_photos", "--offline",
                     "--architecture=mobilenet_1.0_224", "--model_dir=no_models",
                     "--bottleneck_dir=no_bottlenecks")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("mobilenet_v1_1.0_224", done.stderr)

    def test_unwritable_place_is_found_before_the_work(self):
        (WORK / "a_file").write_text("x")
        done = graft("retrain", "--image_dir=tf_files/flower_photos", f"--architecture={NETWORK}",
                     "--model_dir=tf_files/models", "--output_graph=a_file/graph.pb",
                     "--bottleneck_dir=tf_files/bottlenecks")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("a_file", done.stderr)
        self.assertNotIn("Step 0", done.stderr)

    def test_not_a_graph(self):
        (WORK / "page.pb").write_text("<html>404</html>")
        for words in (["label", "--graph=page.pb", str(photos()[0])], ["inspect", "page.pb"]):
            self.assert_one_line_error(graft(*words), 1, "page.pb")
        self.assert_one_line_error(graft("label", "--graph=missing.pb", str(photos()[0])), 1,
                                   "missing.pb")


class Codelab(Case):
    def test_lines_that_its_readers_know(self):
        done = setUpModule.codelab
        both = done.stderr + done.stdout
        self.assertEqual(len(re.findall(r"(?m)^Looking for images in '.+'$", done.stderr)), 5)
        stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"
        for what in (r"Train accuracy = \d+\.\d%", r"Cross entropy = \d+\.\d+",
                     r"Validation accuracy = \d+\.\d% \(N=\d+\)"):
            steps = re.findall(rf"(?m)^{stamp}: Step (\d+): {what}$", done.stderr)
            self.assertEqual([int(s) for s in steps], [*range(0, 500, 10), 499])
        self.assertRegex(done.stdout, r"(?m)^Final test accuracy = \d+\.\d% \(N=\d+\)$")
        self.assertRegex(done.stdout, r"95% confidence interval: \d+\.\d% to \d+\.\d%")
        for path in ("tf_files/retrained_graph.pb", "tf_files/retrained_labels.txt",
                     "tf_files/bottlenecks", "tf_files/flower_photos", "tf_files/models/"):
            self.assertIn(path, done.stdout)
        self.assertNotIn("\x1b", both)
        self.assertNotIn("\r", both)

    def test_what_it_says_to_type_next_works(self):
        for line in re.findall(r"(?m)^  (graft .+)$", setUpModule.codelab.stdout):
            done = bash(line)
            self.assertEqual(done.returncode, 0, f"{line}\n{done.stderr}")

    def test_better_than_chance(self):
        found = re.search(r"Final test accuracy = (\d+\.\d)% \(N=(\d+)\)", setUpModule.codelab.stdout)
        self.assertGreater(float(found[1]), 20.0)

    def test_files(self):
        labels = (WORK / "tf_files/retrained_labels.txt").read_text()
        folders = sorted(p.name for p in (WORK / "tf_files/flower_photos").iterdir())
        self.assertEqual(labels, "".join(f.replace("_", " ") + "\n" for f in folders))
        runs = list((WORK / "tf_files/training_summaries").rglob("run.json"))
        self.assertGreaterEqual(len(runs), 1)
        run = json.loads(runs[0].read_text())
        self.assertEqual(run["options"]["how_many_training_steps"], 500)
        self.assertEqual(run["options"]["learning_rate"], 0.01)

    def test_label_image_command(self):
        photo = photos()[0].relative_to(WORK)
        done = bash(f"graft label --graph=tf_files/retrained_graph.pb --image={photo}")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 5)
        scores = [float(re.fullmatch(r".+ \(score=(\d\.\d{5})\)", line)[1]) for line in lines]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertAlmostEqual(sum(scores), 1, delta=5e-5)
        self.assertRegex(done.stderr, r"Evaluation time \(1-image\): \d+\.\d{3}s")


class Retrain(Case):
    def retrain(self, folder, *words, **options):
        return graft("retrain", "--image_dir=tf_files/flower_photos", f"--architecture={NETWORK}",
                     "--model_dir=tf_files/models", "--bottleneck_dir=tf_files/bottlenecks",
                     f"--output_graph={folder}/graph.pb", f"--output_labels={folder}/labels.txt",
                     f"--summaries_dir={folder}/summaries", *words, **options)

    def test_json_is_one_object_and_repeats_exactly(self):
        results = []
        for folder in ("json1", "json2"):
            done = self.retrain(folder, "--json", "--how_many_training_steps=20",
                                f"--threads={1 if folder == 'json1' else 3}")
            self.assertEqual(done.returncode, 0, done.stderr)
            results.append(json.loads(done.stdout))
        for result in results:
            self.assertEqual(result["steps"], 20)
            self.assertEqual(result["features"]["computed"], 0)
            self.assertEqual(len(result["labels"]), 5)
            self.assertEqual(result["test"]["photos"],
                             sum(map(sum, result["test"]["confusion"])))
            self.assertTrue((WORK / result["files"]["run_json"]).is_file())
        self.assertEqual(results[0]["graph_sha256"], results[1]["graph_sha256"])
        self.assertEqual((WORK / "json1/graph.pb").read_bytes(),
                         (WORK / "json2/graph.pb").read_bytes())

    def test_misclassified_images_are_listed(self):
        done = self.retrain("miss", "--print_misclassified_test_images",
                            "--how_many_training_steps=1")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        start = lines.index("=== MISCLASSIFIED TEST IMAGES ===")
        found = re.search(r"accuracy = (\d+\.\d)% \(N=(\d+)\)", done.stdout)
        wrong = round(int(found[2]) * (1 - float(found[1]) / 100))
        listed = [line for line in lines[start + 1:] if line.lstrip().startswith("tf_files/flower")
                  and re.search(r"\.jpg  \S", line)]
        self.assertEqual(len(listed), wrong)

    def test_skipped_files_are_named_and_counted(self):
        folder = WORK / "damaged"
        shutil.copytree(WORK / "tf_files/flower_photos", folder)
        classes = sorted(p for p in folder.iterdir())
        for i in range(25):
            (classes[i % 5] / f"bad_{i:02}.jpg").write_bytes(b"\xff\xd8\xff" + bytes([i]) * 10)
        (classes[0] / "empty\n.jpg").write_bytes(b"")
        done = graft("retrain", "--image_dir=damaged", f"--architecture={NETWORK}",
                     "--model_dir=tf_files/models", "--bottleneck_dir=damaged_cache",
                     "--output_graph=damaged_out/graph.pb", "--output_labels=damaged_out/l.txt",
                     "--summaries_dir=damaged_out/s", "--how_many_training_steps=5")
        self.assertEqual(done.returncode, 0, done.stderr)
        named = re.findall(r"(?m)^graft: warning: skipped (damaged/\S+?): .+$", done.stderr)
        self.assertEqual(len(named), 20)
        self.assertRegex(done.stderr, r"skipped 6 more: listed in \S+run\.json")
        run_json = re.search(r"listed in (\S+run\.json)", done.stderr)[1]
        self.assertEqual(len(json.loads((WORK / run_json).read_text())["skipped"]), 26)

    def test_names_in_any_bytes(self):
        folder = WORK / os.fsdecode("r\xe9seau".encode("latin-1"))
        names = [b"\xe8\x8a\xb1", b"\xff\xfe"]  # a Chinese word; no text at all
        for i, name in enumerate(names):
            (folder / os.fsdecode(name)).mkdir(parents=True)
            for photo in photos()[i * PHOTOS_PER_CLASS:(i + 1) * PHOTOS_PER_CLASS]:
                shutil.copy(photo, folder / os.fsdecode(name))
        done = graft("retrain", f"--image_dir={folder.name}", f"--architecture={NETWORK}",
                     "--model_dir=tf_files/models", "--bottleneck_dir=names_cache",
                     "--output_graph=names/graph.pb", "--output_labels=names/labels.txt",
                     "--summaries_dir=names/s", "--how_many_training_steps=50", "--json", text=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout.decode("utf-8"))
        self.assertEqual(result["labels"], ["花", r"\xff\xfe"])
        done = graft("evaluate", "--graph=names/graph.pb", f"--image_dir={folder.name}",
                     "--split=all", "--json", text=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout.decode("utf-8"))["photos"], 2 * PHOTOS_PER_CLASS)

    def test_interrupted_twice_and_once(self):
        """The first Ctrl-C saves and names the way on; the same command then ends the run."""
        words = ["retrain", "--image_dir=tf_files/flower_photos", f"--architecture={NETWORK}",
                 "--model_dir=tf_files/models", "--bottleneck_dir=tf_files/bottlenecks",
                 "--output_graph=stop/graph.pb", "--output_labels=stop/labels.txt",
                 "--summaries_dir=stop/summaries", "--how_many_training_steps=200000",
                 "--eval_step_interval=1000"]
        with subprocess.Popen([GRAFT, *words], cwd=WORK, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr:
                if "Step 1000:" in line:
                    break
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
            self.assertEqual(process.wait(60), 128 + signal.SIGINT, rest)
        self.assertFalse((WORK / "stop/graph.pb").exists())
        self.assertIn("same command", rest)


class Label(Case):
    def test_standard_input(self):
        photo = photos()[3]
        by_name = self.run_ok("label", str(photo)).stdout
        by_pipe = self.run_ok("label", "-", input=photo.read_bytes()).stdout
        self.assertEqual(by_pipe, by_name)

    def test_a_folder_in_order_whatever_the_threads(self):
        outputs = {self.run_ok("label", "--csv", "--top=2", f"--threads={n}",
                               "tf_files/flower_photos").stdout for n in (1, 2, 7)}
        self.assertEqual(len(outputs), 1)
        rows = list(csv.DictReader(io.StringIO(outputs.pop())))
        self.assertEqual(len(rows), 2 * 5 * PHOTOS_PER_CLASS)
        self.assertEqual([row["path"] for row in rows[::2]],
                         [str(p.relative_to(WORK)) for p in photos()])
        for first, second in zip(rows[::2], rows[1::2]):
            self.assertEqual((first["rank"], second["rank"]), ("1", "2"))
            self.assertGreaterEqual(float(first["score"]), float(second["score"]))

    def test_json(self):
        some = [str(p) for p in photos()[:3]]
        entries = json.loads(self.run_ok("label", "--json", "--top=5", *some).stdout)
        self.assertEqual([e["path"] for e in entries], some)
        for entry in entries:
            self.assertAlmostEqual(sum(p["score"] for p in entry["predictions"]), 1, delta=1e-5)
        one = json.loads(self.run_ok("label", "--json", some[0]).stdout)
        self.assertEqual(one, entries[:1])

    def test_a_list_of_paths(self):
        some = [str(p) for p in photos()[:4]]
        text = "".join(p + "\n" for p in some)
        (WORK / "list.txt").write_text(text)
        from_file = self.run_ok("label", "--top=1", "--list=list.txt").stdout
        from_pipe = self.run_ok("label", "--top=1", "--list=-", input=text.encode()).stdout
        self.assertEqual(from_file, from_pipe)
        self.assertEqual([line.split(": ")[0] for line in from_file.splitlines()], some)

    def test_bad_photos_do_not_stop_the_others(self):
        bad = WORK / "bad\xff.jpg"
        bad.write_bytes(b"no photo")
        some = [str(photos()[0]), str(bad), "missing.jpg", str(photos()[1])]
        done = graft("label", "--json", *some)
        self.assertEqual(done.returncode, 1)
        entries = json.loads(done.stdout)
        self.assertEqual([sorted(e) for e in entries],
                         [["path", "predictions"], ["error", "path"], ["error", "path"],
                          ["path", "predictions"]])
        self.assertIn("missing.jpg", done.stderr)
        self.assertIn("2 of 4 photos", done.stderr)
        done = graft("label", "--csv", *some)
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        self.assertEqual(sum(bool(r["error"]) for r in rows), 2)

    def test_the_preprocessing_travels_with_the_graph(self):
        photo = str(photos()[7])
        plain = self.run_ok("label", photo).stdout
        (WORK / "moved").mkdir(exist_ok=True)
        shutil.copy(WORK / "tf_files/retrained_graph.pb", WORK / "moved/g.pb")
        self.assertEqual(self.run_ok("label", "--graph=moved/g.pb", photo).stdout, plain)
        spelled = self.run_ok("label", "--graph=moved/g.pb", "--input_height=128",
                              "--input_width=128", "--input_mean=127.5", "--input_std=127.5",
                              "--input_layer=input", "--output_layer=final_result",
                              "--labels=tf_files/retrained_labels.txt", photo)
        self.assertEqual(spelled.stdout, plain)

    def test_a_reader_who_leaves_is_no_crash(self):
        done = bash("graft label tf_files/flower_photos | head -n 1; echo ${PIPESTATUS[0]}")
        self.assertEqual(len(done.stdout.splitlines()), 2, done.stdout)
        self.assertEqual(done.stdout.splitlines()[1], "0", done.stderr)
        for command in ("inspect tf_files/retrained_graph.pb", "retrain --help", "models"):
            done = bash(f"graft {command} | true; echo ${{PIPESTATUS[0]}}")
            self.assertEqual(done.stdout, "0\n", done.stderr)

    def test_a_full_disk_is_an_error(self):
        done = bash(f"graft label {photos()[0]} > /dev/full")
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)


class Evaluate(Case):
    def test_the_testing_split_is_what_the_training_measured(self):
        found = re.search(r"Final test accuracy = (\d+\.\d)% \(N=(\d+)\)", setUpModule.codelab.stdout)
        result = json.loads(self.run_ok("evaluate", "--image_dir=tf_files/flower_photos",
                                        "--json").stdout)
        self.assertEqual(result["photos"], int(found[2]))
        self.assertAlmostEqual(result["accuracy"] * 100, float(found[1]), delta=0.05)
        # Wilson's interval, from the formula of 1927.
        n, p, z = result["photos"], result["accuracy"], 1.959963984540054
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        self.assertAlmostEqual(result["interval"]["low"], centre - half, delta=1e-9)
        self.assertAlmostEqual(result["interval"]["high"], centre + half, delta=1e-9)

    def test_all_forms_agree(self):
        words = ["evaluate", "--image_dir=tf_files/flower_photos", "--split=all"]
        result = json.loads(self.run_ok(*words, "--json").stdout)
        self.assertEqual(result["photos"], 5 * PHOTOS_PER_CLASS)
        done = self.run_ok(*words, "--predictions=predictions.csv")
        self.assertIn("all photos", done.stderr)
        with open(WORK / "predictions.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(sum(int(r["correct"]) for r in rows), result["correct"])
        self.assertEqual(sum(r["truth"] != r["predicted"] for r in rows), len(result["mistakes"]))
        matrix = list(csv.reader(io.StringIO(self.run_ok(*words, "--csv").stdout)))
        numbers = [[int(v) for v in row[1:6]] for row in matrix[1:6]]
        self.assertEqual(numbers, result["confusion"])

    def test_folders_that_are_no_labels(self):
        other = WORK / "others"
        for name in ("cats", "dogs"):
            (other / name).mkdir(parents=True)
            shutil.copy(photos()[0], other / name)
        done = graft("evaluate", "--image_dir=others", "--split=all")
        self.assertEqual(done.returncode, 2)
        self.assertIn("cats", done.stderr)


class Inspect(Case):
    def test_facts(self):
        result = json.loads(self.run_ok("inspect", "--json", "tf_files/retrained_graph.pb").stdout)
        self.assertEqual(result["bytes"], (WORK / "tf_files/retrained_graph.pb").stat().st_size)
        self.assertEqual(sum(result["ops"].values()), result["nodes"])
        self.assertEqual(result["ops"]["DepthwiseConv2dNative"], 13)
        self.assertEqual(result["ops"]["Conv2D"], 15)
        self.assertEqual(result["program"]["input"]["shape"], [1, 128, 128, 3])
        self.assertEqual(result["program"]["output"]["shape"], [1, 5])
        # MobileNet V1 0.25_128: 14 million multiply-adds (Howard et al. 2017, table 8 and the
        # published list of checkpoints), the new layer adds 1,001 x 5.
        self.assertAlmostEqual(result["program"]["multiply_adds"] / 1e6, 14, delta=0.5)
        self.assertEqual(sum(s["multiply_adds"] for s in result["program"]["steps"]),
                         result["program"]["multiply_adds"])
        text = self.run_ok("inspect", "tf_files/retrained_graph.pb").stdout
        self.assertIn(result["sha256"], text)

    def test_the_network_itself(self):
        model = next((WORK / "tf_files/models").rglob("*.pb"))
        result = json.loads(self.run_ok("inspect", "--json", str(model),
                                        "--output_layer=MobilenetV1/Predictions/Reshape").stdout)
        self.assertEqual(result["nodes"], 555)
        self.assertEqual(result["program"]["output"]["shape"], [1, 1001])
        self.assert_one_line_error(graft("inspect", str(model), "--output_layer=nonsense"), 1,
                                   "nonsense")


class Features(Case):
    def test_array_and_rows(self):
        done = self.run_ok("features", "--image_dir=tf_files/flower_photos", "--json",
                           f"--architecture={NETWORK}", "--model_dir=tf_files/models",
                           "--bottleneck_dir=tf_files/bottlenecks", "--output=out/f.npy")
        summary = json.loads(done.stdout)
        self.assertEqual(summary["features"]["computed"], 0)
        data = (WORK / "out/f.npy").read_bytes()
        # NEP 1: magic, version 1.0, u16 length of a Python dict, data at a multiple of 64.
        self.assertEqual(data[:8], b"\x93NUMPY\x01\x00")
        length, = struct.unpack("<H", data[8:10])
        self.assertEqual((10 + length) % 64, 0)
        header = data[10:10 + length].decode()
        self.assertTrue(header.endswith("\n"))
        rows = 5 * PHOTOS_PER_CLASS
        self.assertEqual(eval(header),  # pylint: disable=eval-used
                         {"descr": "<f4", "fortran_order": False, "shape": (rows, 1001)})
        values = struct.unpack(f"<{rows * 1001}f", data[10 + length:])
        self.assertTrue(all(map(math.isfinite, values)))
        self.assertEqual(len({values[i * 1001:(i + 1) * 1001] for i in range(rows)}), rows)
        with open(WORK / "out/f.csv", newline="", encoding="utf-8") as file:
            listed = list(csv.DictReader(file))
        self.assertEqual([r["path"] for r in listed], [str(p.relative_to(WORK)) for p in photos()])
        self.assertEqual({r["split"] for r in listed}, {"training", "testing", "validation"})


class Models(Case):
    def test_list(self):
        entries = json.loads(self.run_ok("models", "--model_dir=tf_files/models", "--json").stdout)
        self.assertEqual(len(entries), 34)
        installed = [e["architecture"] for e in entries if e["installed"]]
        self.assertEqual(installed, [NETWORK])


class Demo(Case):
    def test_with_nothing_at_hand(self):
        place = WORK / "demo"
        place.mkdir()
        started = time.monotonic()
        done = graft("demo", f"--image_dir={WORK / 'tf_files/flower_photos'}", "--offline", cwd=place)
        self.assertLess(time.monotonic() - started, 120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("untrained", done.stderr)
        self.assertIn("A photo that it was not trained on: ", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^Final test accuracy = ")
        self.assertTrue((place / "tf_files/retrained_graph.pb").is_file())
        photo = re.search(r"not trained on: (.+)", done.stdout)[1]
        result = json.loads(graft("evaluate", f"--image_dir={WORK / 'tf_files/flower_photos'}",
                                  "--predictions=p.csv", "--json", cwd=place).stdout)
        self.assertGreater(result["photos"], 0)
        with open(place / "p.csv", newline="", encoding="utf-8") as file:
            self.assertIn(photo, [row["path"] for row in csv.DictReader(file)])


class Terminal(Case):
    """On a terminal: colours and a bar, unless the environment says no."""

    def on_terminal(self, words, **environment):
        master, slave = pty.openpty()
        variables = {**os.environ, "TERM": "xterm", **environment}
        if "NO_COLOR" not in environment:
            variables.pop("NO_COLOR", None)
        with subprocess.Popen([GRAFT, *words], cwd=WORK, stdin=slave, stdout=subprocess.PIPE,
                              stderr=slave, env=variables) as process:
            os.close(slave)
            seen = b""
            while True:
                ready, _, _ = select.select([master], [], [], 60)
                try:
                    piece = os.read(master, 65536) if ready else b""
                except OSError:  # the other end was closed
                    piece = b""
                if not piece:
                    break
                seen += piece
            process.stdout.read()
            code = process.wait(60)
        os.close(master)
        return code, seen.decode(errors="replace")

    def test_colours(self):
        self.assertIn("\x1b[31m", self.on_terminal(["retrian"])[1])
        self.assertNotIn("\x1b", self.on_terminal(["retrian"], NO_COLOR="1")[1])
        self.assertNotIn("\x1b", self.on_terminal(["retrian"], TERM="dumb")[1])

    def test_bar(self):
        words = ["label", "tf_files/flower_photos"]
        code, seen = self.on_terminal(words)
        self.assertEqual(code, 0)
        self.assertRegex(seen, r"Labelling  \[#*-*\]  \d+ of 120 photos")
        self.assertNotIn("[#", self.on_terminal(words, TERM="dumb")[1])

    def test_standard_input_that_is_a_terminal(self):
        code, seen = self.on_terminal(["label", "-"])
        self.assertEqual(code, 2)
        self.assertIn("pipe something in", seen)


if __name__ == "__main__":
    GRAFT = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)
