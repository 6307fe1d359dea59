"""graft evaluate, inspect, features and models: figures that can be checked from outside."""

import ast
import csv
import io
import json
import math
import re
import shutil
import struct

from program import (CLASSES, NETWORK, PHOTOS_PER_CLASS, PLACE, Case, class_folder, graft, photos,
                     relative)

PHOTOS = CLASSES * PHOTOS_PER_CLASS


def wilson(p, n):
    """Wilson's interval, from the formula of 1927."""
    z = 1.959963984540054
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return centre - half, centre + half


class Evaluate(Case):
    def evaluate(self, *words):
        return json.loads(self.run_ok("evaluate", *words, "--json").stdout)

    def test_the_testing_split_is_what_the_training_measured(self):
        found = re.search(r"Final test accuracy = (\d+\.\d)% \(N=(\d+)\)", PLACE.codelab.stdout)
        result = self.evaluate("tf_files/flower_photos")
        self.assertEqual(result["photos"], int(found[2]))
        self.assertAlmostEqual(result["accuracy"] * 100, float(found[1]), delta=0.05)
        low, high = wilson(result["accuracy"], result["photos"])
        self.assertAlmostEqual(result["interval_95"][0], low, delta=1e-9)
        self.assertAlmostEqual(result["interval_95"][1], high, delta=1e-9)

    def test_however_the_folder_is_spelled(self):
        """The original's rule hashes the spelling; what was kept aside stays kept aside."""
        plain = self.evaluate("--image_dir=tf_files/flower_photos")
        (PLACE.work / "link").symlink_to("tf_files/flower_photos")
        for folder in ("./tf_files/flower_photos", "tf_files/flower_photos/", "link",
                       str(PLACE.work / "tf_files/flower_photos"), "bin/../tf_files/flower_photos"):
            result = self.evaluate(folder)
            self.assertEqual(result["confusion"], plain["confusion"], folder)
            self.assertIn("kept aside", result["photos_chosen"])
        # With split options of their own, kept in the side file too.
        done = graft("retrain", "tf_files/flower_photos", f"--architecture={NETWORK}",
                     "--model_dir=tf_files/models", "--bottleneck_dir=tf_files/bottlenecks",
                     "--output_graph=split/g.pb", "--output_labels=split/l.txt",
                     "--summaries_dir=split/s", "--testing_percentage=25", "--split_seed=3",
                     "--split_key=relative", "--how_many_training_steps=20", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        again = self.evaluate("link", "--graph=split/g.pb")
        self.assertEqual(again["confusion"], json.loads(done.stdout)["test"]["confusion"])

    def test_another_folder_counts_whole(self):
        shutil.copytree(PLACE.work / "tf_files/flower_photos", PLACE.work / "copied")
        result = self.evaluate("copied")
        self.assertEqual(result["photos"], PHOTOS)
        self.assertIn("honest only if", result["photos_chosen"])
        one = class_folder("one_class", {"aster": photos("aster/*.jpg")})
        self.assertEqual(self.evaluate(one)["photos"], PHOTOS_PER_CLASS)

    def test_a_graph_without_its_side_file(self):
        (PLACE.work / "alone").mkdir()
        shutil.copy(PLACE.work / "tf_files/retrained_graph.pb", PLACE.work / "alone")
        done = self.run_ok("evaluate", "tf_files/flower_photos",
                           "--graph=alone/retrained_graph.pb")
        self.assertIn("if the folder and its split options were these", done.stderr)
        with_side = self.evaluate("tf_files/flower_photos")
        self.assertIn(f"({with_side['correct']} of {with_side['photos']})", done.stdout)

    def test_all_forms_agree(self):
        words = ["evaluate", "--image_dir=tf_files/flower_photos", "--split=all"]
        result = json.loads(self.run_ok(*words, "--format=json").stdout)
        self.assertEqual(result["photos"], PHOTOS)
        done = self.run_ok(*words, "--predictions=predictions.csv")
        self.assertIn("all photos", done.stderr)
        with open(PLACE.work / "predictions.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(sum(int(r["correct"]) for r in rows), result["correct"])
        wrong = {(r["path"], r["truth"], r["predicted"]) for r in rows if r["correct"] == "0"}
        self.assertEqual(wrong, {(m["path"], m["truth"], m["predicted"])
                                 for m in result["mistakes"]})
        self.check_text(done.stdout, result)
        self.check_csv(self.run_ok(*words, "--csv").stdout, result)

    def check_text(self, text, result):
        low, high = (f"{100 * bound:.1f}%" for bound in result["interval_95"])
        self.assertIn(f"Accuracy {100 * result['accuracy']:.1f}% ({result['correct']} of {PHOTOS}), "
                      f"95% confidence interval {low} to {high}", text)
        for entry, counts in zip(result["classes"], result["confusion"]):
            figures = [f"{100 * entry[name]:.1f}%" for name in ("precision", "recall", "f1")]
            self.assertIn([entry["label"], str(entry["photos"]), *figures],
                          [line.split() for line in text.splitlines()])
            self.assertIn([entry["label"], *map(str, counts)],
                          [line.split() for line in text.splitlines()])
        worst = result["mistakes"][0]
        self.assertIn(f"  {worst['path']}: {worst['predicted']} ", text)

    def check_csv(self, text, result):
        table = list(csv.DictReader(io.StringIO(text)))
        labels = [entry["label"] for entry in result["classes"]]
        self.assertEqual([row["truth"] for row in table], labels + ["(all)"])
        self.assertEqual([[int(row[label]) for label in labels] for row in table[:-1]],
                         result["confusion"])
        for row, entry in zip(table, result["classes"]):
            for name in ("precision", "recall", "f1"):
                self.assertAlmostEqual(float(row[name]), entry[name], delta=5e-7)
            low, high = wilson(entry["recall"], entry["photos"])
            self.assertAlmostEqual(float(row["recall_low"]), low, delta=1e-6)
            self.assertAlmostEqual(float(row["recall_high"]), high, delta=1e-6)
        self.assertAlmostEqual(float(table[-1]["recall"]), result["accuracy"], delta=5e-7)
        self.assertAlmostEqual(float(table[-1]["recall_low"]), result["interval_95"][0], delta=5e-7)

    def test_folders_that_are_no_labels(self):
        class_folder("others", {"cats": photos()[:1], "dogs": photos()[:1]})
        self.assert_one_line_error(graft("evaluate", "others"), 2, "others", "(allium, ...)")
        class_folder("mixed", {"cats": photos()[:1], "aster": photos("aster/*.jpg")[:3]})
        done = self.run_ok("evaluate", "mixed", "--json")
        self.assertEqual(json.loads(done.stdout)["photos"], 3)
        self.assertIn("class folder cats", done.stderr)

    def test_an_empty_split(self):
        self.assert_one_line_error(graft("evaluate", "tf_files/flower_photos", "--split=testing",
                                         "--testing_percentage=0"), 2, "--split=all")


class Inspect(Case):
    def test_facts(self):
        result = json.loads(self.run_ok("inspect", "--json", "tf_files/retrained_graph.pb").stdout)
        self.assertEqual(result["bytes"], (PLACE.work / "tf_files/retrained_graph.pb").stat().st_size)
        self.assertEqual(sum(result["ops"].values()), result["nodes"])
        self.assertEqual(result["ops"]["DepthwiseConv2dNative"], 13)
        self.assertEqual(result["ops"]["Conv2D"], 15)
        self.assertEqual(result["program"]["input"]["shape"], [1, 128, 128, 3])
        self.assertEqual(result["program"]["output"]["shape"], [1, CLASSES])
        # MobileNet V1 0.25_128: 14 million multiply-adds (Howard et al. 2017, table 8 and the
        # published list of checkpoints), the new layer adds 1,001 x 5.
        self.assertAlmostEqual(result["program"]["multiply_adds"] / 1e6, 14, delta=0.5)
        self.assertEqual(sum(s["multiply_adds"] for s in result["program"]["steps"]),
                         result["program"]["multiply_adds"])
        text = self.run_ok("inspect", "--graph=tf_files/retrained_graph.pb").stdout
        self.assertIn(result["sha256"], text)

    def test_the_network_itself(self):
        model = next((PLACE.work / "tf_files/models").rglob("*.pb"))
        result = json.loads(self.run_ok("inspect", "--json", str(model),
                                        "--output_layer=MobilenetV1/Predictions/Reshape").stdout)
        self.assertEqual(result["nodes"], 555)
        self.assertEqual(result["program"]["output"]["shape"], [1, 1001])
        self.assert_one_line_error(graft("inspect", str(model), "--output_layer=xyzzy"), 2, "xyzzy")
        self.assert_one_line_error(
            graft("inspect", str(model), "--output_layer=MobilenetV1/Prediction/Reshape:0"), 2,
            "did you mean MobilenetV1/Predictions/Reshape?")


class Features(Case):
    def test_array_and_rows(self):
        done = self.run_ok("features", "tf_files/flower_photos", "--json",
                           f"--architecture={NETWORK}", "--model_dir=tf_files/models",
                           "--bottleneck_dir=tf_files/bottlenecks", "--output=out/f.npy")
        summary = json.loads(done.stdout)
        self.assertEqual(summary["features"]["computed"], 0)
        data = (PLACE.work / "out/f.npy").read_bytes()
        # NEP 1: magic, version 1.0, u16 length of a Python dict, data at a multiple of 64.
        self.assertEqual(data[:8], b"\x93NUMPY\x01\x00")
        length, = struct.unpack("<H", data[8:10])
        self.assertEqual((10 + length) % 64, 0)
        header = data[10:10 + length].decode()
        self.assertTrue(header.endswith("\n"))
        self.assertEqual(ast.literal_eval(header),
                         {"descr": "<f4", "fortran_order": False, "shape": (PHOTOS, 1001)})
        values = struct.unpack(f"<{PHOTOS * 1001}f", data[10 + length:])
        self.assertTrue(all(map(math.isfinite, values)))
        self.assertEqual(len({values[i * 1001:(i + 1) * 1001] for i in range(PHOTOS)}), PHOTOS)
        with open(PLACE.work / "out/f.csv", newline="", encoding="utf-8") as file:
            listed = list(csv.DictReader(file))
        self.assertEqual([r["path"] for r in listed], [relative(p) for p in photos()])
        self.assertEqual({r["split"] for r in listed}, {"training", "testing", "validation"})


class Models(Case):
    def test_list(self):
        entries = json.loads(self.run_ok("models", "--model_dir=tf_files/models", "--json").stdout)
        # 4 widths x 4 sizes, float and quantised, Inception V3 and the built-in one.
        self.assertEqual(len(entries), 34)
        installed = [e["architecture"] for e in entries if e["installed"]]
        self.assertEqual(installed, [NETWORK])
