"""graft retrain and graft demo: what they print, write, survive and repeat."""

import json
import os
import re
import shutil
import signal
import subprocess

from program import (NETWORK, PHOTOS_PER_CLASS, PLACE, Case, bash, class_folder, environment, graft,
                     photos, relative, retrain_words)

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"


class Codelab(Case):
    def test_lines_that_its_readers_know(self):
        done = PLACE.codelab
        self.assertEqual(len(re.findall(r"(?m)^Looking for images in '.+'$", done.stderr)), 5)
        for what in (r"Train accuracy = \d+\.\d%", r"Cross entropy = \d+\.\d+",
                     r"Validation accuracy = \d+\.\d% \(N=\d+\)"):
            steps = re.findall(rf"(?m)^{STAMP}: Step (\d+): {what}$", done.stderr)
            self.assertEqual([int(s) for s in steps], [*range(0, 500, 10), 499])
        self.assertRegex(done.stderr, r"(?m)^100 bottleneck files created\.$")
        self.assertRegex(done.stdout, r"(?m)^Final test accuracy = \d+\.\d% \(N=\d+\)$")
        self.assertRegex(done.stdout, r"95% confidence interval: \d+\.\d% to \d+\.\d%")
        for path in ("tf_files/retrained_graph.pb", "tf_files/retrained_labels.txt",
                     "tf_files/bottlenecks", "tf_files/flower_photos", "tf_files/models/"):
            self.assertIn(path, done.stdout)
        self.assertNotIn("\x1b", done.stderr + done.stdout)
        self.assertNotIn("\r", done.stderr + done.stdout)

    def test_what_it_says_to_type_next_works(self):
        lines = re.findall(r"(?m)^  (graft .+)$", PLACE.codelab.stdout)
        self.assertEqual([line.split()[1] for line in lines], ["label", "evaluate", "board"])
        # board_test.py tries the last, which does not end by itself.
        self.assertEqual(lines[-1], f"graft board --logdir=tf_files/training_summaries/{NETWORK}")
        for line in lines[:-1]:
            done = bash(line)
            self.assertEqual(done.returncode, 0, f"{line}\n{done.stderr}")

    def test_files(self):
        labels = (PLACE.work / "tf_files/retrained_labels.txt").read_text()
        folders = sorted(p.name for p in (PLACE.work / "tf_files/flower_photos").iterdir())
        self.assertEqual(labels, "".join(f.replace("_", " ") + "\n" for f in folders))
        place = PLACE.work / "tf_files/training_summaries" / NETWORK
        run = json.loads((place / "run.json").read_text())
        self.assertEqual(run["options"]["how_many_training_steps"], 500)
        self.assertEqual(run["options"]["learning_rate"], 0.01)
        self.assertEqual(run["state"], "finished")
        for part in ("train", "validation"):
            self.assertEqual(len(list((place / part).glob("events.out.tfevents.*"))), 1)

    def test_label_image_command(self):
        photo = relative(photos()[0])
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
        done = graft(*retrain_words(folder, *words), **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_json_is_one_object_and_repeats_exactly(self):
        results = []
        for folder, threads in (("json1", 1), ("json2", 3)):
            done = self.retrain(folder, "--json", "--how_many_training_steps=20",
                                f"--threads={threads}")
            results.append(json.loads(done.stdout))
        for result in results:
            self.assertEqual(result["steps"], 20)
            self.assertEqual(result["features"]["computed"], 0)
            self.assertEqual(len(result["labels"]), 5)
            self.assertEqual(result["test"]["photos"],
                             sum(map(sum, result["test"]["confusion"])))
            self.assertTrue((PLACE.work / result["files"]["run_json"]).is_file())
        self.assertEqual(results[0]["graph_sha256"], results[1]["graph_sha256"])
        for name in ("graph.pb", "graph.json", "labels.txt"):
            self.assertEqual((PLACE.work / "json1" / name).read_bytes(),
                             (PLACE.work / "json2" / name).read_bytes())

    def test_every_spelling_of_the_options(self):
        words = ["--how_many_training_steps=5", "--flip_left_right=false", "--random_crop=0",
                 "--seed=7", "--print_misclassified_test_images"]
        plain = self.retrain("spelled1", "--json", *words)
        words = ["--how_many", "5", "--noflip", "--random_crop", "0", "--seed", "7",
                 "--print_misclassified_test_images", "true"]
        other = self.retrain("spelled2", *words, "--json", "true")
        self.assertEqual(json.loads(plain.stdout)["graph_sha256"],
                         json.loads(other.stdout)["graph_sha256"])
        options = [json.loads((PLACE.work / place / "summaries/run.json").read_text())["options"]
                   for place in ("spelled1", "spelled2")]
        for name in ("how_many_training_steps", "flip_left_right", "seed",
                     "print_misclassified_test_images"):
            self.assertEqual(options[0][name], options[1][name])

    def test_misclassified_images_are_listed(self):
        done = self.retrain("miss", "--print_misclassified_test_images",
                            "--how_many_training_steps=1")
        lines = done.stdout.splitlines()
        start = lines.index("=== MISCLASSIFIED TEST IMAGES ===")
        found = re.search(r"accuracy = (\d+\.\d)% \(N=(\d+)\)", done.stdout)
        wrong = round(int(found[2]) * (1 - float(found[1]) / 100))
        listed = [line for line in lines[start + 1:] if line.lstrip().startswith("tf_files/flower")
                  and re.search(r"\.jpg  \S", line)]
        self.assertEqual(len(listed), wrong)

    def test_distortions_and_intermediate_graphs(self):
        done = self.retrain("distorted", "--flip_left_right", "--random_crop=10",
                            "--random_scale=10", "--random_brightness=10", "--train_batch_size=4",
                            "--how_many_training_steps=6", "--intermediate_store_frequency=2",
                            "--intermediate_output_graphs_dir=distorted/between")
        self.assertIn("Final test accuracy = ", done.stdout)
        graphs = sorted((PLACE.work / "distorted/between").glob("*.pb"))
        self.assertGreaterEqual(len(graphs), 2)
        for graph in graphs:
            self.run_ok("label", f"--graph={relative(graph)}", str(photos()[0]))

    def test_earlier_runs_and_strangers_files_are_kept(self):
        stranger = PLACE.work / "kept/summaries/thesis.txt"
        stranger.parent.mkdir(parents=True)
        stranger.write_text("years of work")
        for steps in (3, 4, 5):
            self.retrain("kept", f"--how_many_training_steps={steps}")
        self.assertEqual(stranger.read_text(), "years of work")
        runs = sorted((PLACE.work / "kept/summaries").rglob("run.json"))
        self.assertEqual([json.loads(r.read_text())["result"]["steps"] for r in runs], [4, 5, 3])

    def test_few_photos_and_no_test_split(self):
        class_folder("few", {"a": photos()[:2], "b": photos()[-2:]})
        done = graft("retrain", "few", f"--architecture={NETWORK}", "--model_dir=tf_files/models",
                     "--bottleneck_dir=few_out/b", "--output_graph=few_out/g.pb",
                     "--output_labels=few_out/l.txt", "--summaries_dir=few_out/s",
                     "--testing_percentage=0", "--how_many_training_steps=5")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Final test accuracy: not measured", done.stdout)
        self.assertIn("a: Folder has less than 20 images", done.stderr)
        self.assertNotIn("graft evaluate", done.stdout)

    def test_skipped_files_are_named_and_counted(self):
        folder = PLACE.work / "damaged"
        shutil.copytree(PLACE.work / "tf_files/flower_photos", folder)
        classes = sorted(p for p in folder.iterdir())
        for i in range(25):
            (classes[i % 5] / f"bad_{i:02}.jpg").write_bytes(b"\xff\xd8\xff" + bytes([i]) * 10)
        (classes[0] / "empty\n.jpg").write_bytes(b"")
        done = self.retrain("damaged_out", "--image_dir=damaged", "--how_many_training_steps=5")
        named = re.findall(r"(?m)^graft: warning: skipped (damaged/\S+?): .+$", done.stderr)
        self.assertEqual(len(named), 20)
        self.assertRegex(done.stderr, r"skipped 6 more: listed in \S+run\.json")
        run_json = re.search(r"listed in (\S+run\.json)", done.stderr)[1]
        self.assertEqual(len(json.loads((PLACE.work / run_json).read_text())["skipped"]), 26)

    def test_names_in_any_bytes(self):
        # A Chinese word, and no text at all, in a folder that is no text either.
        folder = class_folder(os.fsdecode(b"r\xe9seau"),
                              {"花": photos()[:PHOTOS_PER_CLASS],
                               b"\xff\xfe": photos()[PHOTOS_PER_CLASS:2 * PHOTOS_PER_CLASS]})
        done = graft(*retrain_words("names", f"--image_dir={folder}", "--how_many_training_steps=50",
                                    "--json"), text=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout.decode("utf-8"))
        self.assertEqual(result["labels"], ["花", r"\xff\xfe"])
        done = graft("evaluate", "--graph=names/graph.pb", folder, "--split=all", "--json",
                     text=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout.decode("utf-8"))["photos"], 2 * PHOTOS_PER_CLASS)
        done = graft("evaluate", "--graph=names/graph.pb", folder, "--json", text=False)
        self.assertEqual(json.loads(done.stdout.decode("utf-8"))["photos"],
                         result["test"]["photos"])

    def test_labels_verbatim_keep_apart_what_collides(self):
        class_folder("cats", {"Big_Cat": photos()[:PHOTOS_PER_CLASS],
                              "big cat": photos()[-PHOTOS_PER_CLASS:]})
        done = self.retrain("cats_out", "--image_dir=cats", "--labels", "verbatim", "--json",
                            "--how_many_training_steps=50")
        self.assertEqual((PLACE.work / "cats_out/labels.txt").read_text(), "Big_Cat\nbig cat\n")
        measured = json.loads(done.stdout)["test"]
        again = json.loads(self.run_ok("evaluate", "cats", "--graph=cats_out/graph.pb",
                                       "--json").stdout)
        self.assertEqual(again["confusion"], measured["confusion"])


class Int8(Case):
    def test_the_whole_job_apart_from_float32(self):
        def run(*words):
            done = self.run_ok(*retrain_words("int8", "--json", "--how_many_training_steps=50",
                                              "--bottleneck_dir=int8/bottlenecks", *words))
            return done, json.loads(done.stdout)
        total = PHOTOS_PER_CLASS * 5
        done, result = run("--precision=int8")
        self.assertEqual(result["features"]["computed"], total)
        self.assertRegex(done.stderr, r"(?m)^Calibrated int8 on 64 photos, for int8/bottlenecks/int8-")
        self.assertEqual(len(list((PLACE.work / "int8/bottlenecks").glob("int8-*.json"))), 1)
        side = json.loads((PLACE.work / "int8/graph.json").read_text())
        self.assertEqual(side["precision"], "int8")
        run_json = json.loads((PLACE.work / "int8/summaries/run.json").read_text())
        self.assertEqual(run_json["network"]["precision"], "int8")
        self.assertEqual(run_json["options"]["precision"], "int8")

        # The same photo says the same through every command, and the test of the training holds.
        labelled = json.loads(self.run_ok("label", "--graph=int8/graph.pb", str(photos()[0]),
                                          "--json").stdout)
        self.assertEqual(len(labelled[0]["predictions"]), 5)
        evaluated = json.loads(self.run_ok("evaluate", "tf_files/flower_photos",
                                           "--graph=int8/graph.pb", "--json").stdout)
        self.assertEqual(evaluated["confusion"], result["test"]["confusion"])
        inspected = self.run_ok("inspect", "int8/graph.pb", "--steps").stdout
        self.assertRegex(inspected, r"(?m)^  precision       int8$")
        self.assertEqual(inspected.count("  QuantizedConv2D  "), 13)

        again, warm = run("--precision=int8")
        self.assertEqual(warm["features"]["from_store"], total)
        self.assertNotIn("Calibrated", again.stderr)
        self.assertEqual(warm["graph_sha256"], result["graph_sha256"])
        _, plain = run()
        self.assertEqual(plain["features"]["computed"], total)
        self.assertNotEqual(plain["graph_sha256"], result["graph_sha256"])
        self.assertNotIn("precision", json.loads((PLACE.work / "int8/graph.json").read_text()))
        features = json.loads(self.run_ok(
            "features", "tf_files/flower_photos", f"--architecture={NETWORK}", "--precision=int8",
            "--bottleneck_dir=int8/bottlenecks", "--output=int8/f.npy", "--json").stdout)
        self.assertEqual(features["features"]["from_store"], total)
        self.assertIn(" precision=int8-", features["space"])

    def test_what_cannot_be_is_said(self):
        done = graft(*retrain_words("int8_no", "--precision=int4"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("float32|int8", done.stderr)
        done = graft(*retrain_words("int8_no", "--precision=int8", "--bottleneck_format=text"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--bottleneck_format=text", done.stderr)


class DecodedFast(Case):
    def test_the_whole_job_apart_from_exact(self):
        def run(*words):
            return json.loads(self.run_ok(*retrain_words(
                "fast", "--json", "--how_many_training_steps=50",
                "--bottleneck_dir=fast/bottlenecks", *words)).stdout)
        total = PHOTOS_PER_CLASS * 5
        result = run("--decode=fast")
        self.assertEqual(result["features"]["computed"], total)
        side = json.loads((PLACE.work / "fast/graph.json").read_text())
        self.assertEqual(side["input"]["decode"], "fast")
        self.assertIn(" decode=area-mean-1 ", json.loads(
            (PLACE.work / "fast/summaries/run.json").read_text())["feature_space"])
        # Every command prepares photos as the training did.
        evaluated = json.loads(self.run_ok("evaluate", "tf_files/flower_photos",
                                           "--graph=fast/graph.pb", "--json").stdout)
        self.assertEqual(evaluated["confusion"], result["test"]["confusion"])
        self.assertRegex(self.run_ok("inspect", "fast/graph.pb").stdout,
                         r"(?m)^  photos .*, decoded fast$")
        self.assertEqual(run("--decode=fast")["features"]["from_store"], total)
        self.assertEqual(run()["features"]["computed"], total)
        self.assertNotIn("decode", json.loads((PLACE.work / "fast/graph.json").read_text())["input"])

    def test_what_cannot_be_is_said(self):
        for words, about in ((["--decode=quick"], "exact|fast"),
                             (["--decode=fast", "--bottleneck_format=text"], "--decode=fast"),
                             (["--decode=fast", "--flip_left_right"], "--decode=fast")):
            done = graft(*retrain_words("fast_no", *words))
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn(about, done.stderr)


class Interrupted(Case):
    # So many evaluations that the run stops at a full pipe until this test reads on.
    WORDS = ("--how_many_training_steps=20000", "--eval_step_interval=10")

    # Ctrl-C is ignored where the tests run in the background of a script, but not by this training.
    def test_the_same_command_goes_on_to_the_same_end(self):
        undisturbed = self.run_ok(*retrain_words("whole", *self.WORDS))
        with subprocess.Popen([PLACE.binary, *retrain_words("stop", *self.WORDS)], cwd=PLACE.work,
                              env=environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                              text=True) as process:
            for line in process.stderr:
                if "Step 1000:" in line:
                    break
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
            self.assertEqual(process.wait(60), 128 + signal.SIGINT, rest)
        self.assertFalse((PLACE.work / "stop/graph.pb").exists())
        self.assertRegex(rest.splitlines()[-1], r"^graft: stopped after .* steps: .*same command")
        run = json.loads((PLACE.work / "stop/summaries/run.json").read_text())
        self.assertEqual(run["state"], "interrupted")

        resumed = self.run_ok(*retrain_words("stop", *self.WORDS))
        self.assertIn("(resumed)", resumed.stdout)
        self.assertNotIn("Step 1000:", resumed.stderr)
        for name in ("graph.pb", "graph.json", "labels.txt"):
            self.assertEqual((PLACE.work / "stop" / name).read_bytes(),
                             (PLACE.work / "whole" / name).read_bytes())
        final = re.search(r"Final test accuracy = .*", undisturbed.stdout)[0]
        self.assertIn(final, resumed.stdout)
        self.assertEqual(len(list((PLACE.work / "stop/summaries").rglob("run.json"))), 1)

    def test_two_runs_at_once_share_one_cache(self):
        def start(name):
            words = retrain_words(name, "--bottleneck_dir=shared_cache", "--json",
                                  "--how_many_training_steps=20")
            return subprocess.Popen([PLACE.binary, *words], cwd=PLACE.work, env=environment(),
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)

        results = []
        for process in [start("twin1"), start("twin2")]:
            output, errors = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, errors)
            results.append(json.loads(output))
        self.assertEqual(results[0]["graph_sha256"], results[1]["graph_sha256"])
        after = json.loads(self.run_ok(*retrain_words("twin3", "--bottleneck_dir=shared_cache",
                                                      "--json", "--how_many_training_steps=20")).stdout)
        self.assertEqual(after["features"]["from_store"], 5 * PHOTOS_PER_CLASS)
        self.assertEqual(after["features"]["damaged"], 0)
        self.assertEqual(after["graph_sha256"], results[0]["graph_sha256"])

    def test_text_caches_alone_are_enough(self):
        """The codelab's step 3.4: someone hands you the features, not the photos or the network."""
        first = json.loads(self.run_ok(*retrain_words(
            "text1", "--bottleneck_dir=text_cache", "--bottleneck_format=text", "--json",
            "--how_many_training_steps=20")).stdout)
        for file in (PLACE.work / "text_cache").iterdir():
            if file.is_file():
                file.unlink()
        texts = list((PLACE.work / "text_cache").glob(f"*/*.jpg_{NETWORK}.txt"))
        self.assertEqual(len(texts), 5 * PHOTOS_PER_CLASS)
        shutil.copytree(PLACE.work / "text_cache", PLACE.work / "handed")
        place = PLACE.work / "elsewhere"
        place.mkdir()
        done = graft("retrain", "--image_dir=tf_files/flower_photos", "--bottleneck_dir=../handed",
                     f"--architecture={NETWORK}", "--how_many_training_steps=20", "--json",
                     "--model_dir=../tf_files/models", cwd=place)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("there are no photos", done.stderr)
        handed = json.loads(done.stdout)
        self.assertEqual(handed["features"]["from_text"], 5 * PHOTOS_PER_CLASS)
        self.assertEqual(handed["test"]["confusion"], first["test"]["confusion"])


class Demo(Case):
    def test_with_nothing_at_hand(self):
        place = PLACE.work / "demo"
        place.mkdir()
        folder = PLACE.work / "tf_files/flower_photos"
        done = graft("demo", f"--image_dir={folder}", "--offline", cwd=place)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("untrained", done.stderr)
        self.assertIn("A photo that it was not trained on: ", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^Final test accuracy = ")
        self.assertTrue((place / "tf_files/retrained_graph.pb").is_file())
        photo = re.search(r"not trained on: (.+)", done.stdout)[1]
        done = graft("evaluate", str(folder), "--predictions=p.csv", "--json", cwd=place)
        self.assertGreater(json.loads(done.stdout)["photos"], 0)
        self.assertIn(photo, (place / "p.csv").read_text())
