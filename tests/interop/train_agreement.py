#!/usr/bin/env python3
"""Training: TensorFlow's over our text caches, ours over TensorFlow's, ten seeds each.

Two sets of caches of the same photos: ours (written by `graft retrain --bottleneck_format text`) and
those that TensorFlow's own script wrote (../shared/bottlenecks). Over each set the original's
procedure runs in TensorFlow and in graft, on the same split, ten seeds each. Agreement, over each
set: the 95 % confidence intervals of the two mean test accuracies (Student's t over the seeds,
widened by half a photo, the resolution of one accuracy) overlap. And across: TensorFlow over ours
and ours over TensorFlow's agree within their 95 % Wilson intervals for that many test photos.

Then ten splits (--split_seed): their mean test accuracy is 83 % or more.
"""

import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import places  # noqa: E402
from report import Report  # noqa: E402

import numpy as np  # noqa: E402
import tensorflow_side  # noqa: E402
from tensorflow_side import tf  # noqa: E402

SEEDS = range(1, 11)
STEPS, BATCH, RATE = 500, 100, 0.01
ARCHITECTURE = "mobilenet_0.50_224"
T_95 = 2.262  # Student's t, 9 degrees of freedom
MEAN_OVER_SPLITS = 0.83


def split_of(path):
    """The original's rule (retrain.py, create_image_lists)."""
    key = re.sub(r"_nohash_.*$", "", path)
    percentage = (int(hashlib.sha1(key.encode()).hexdigest(), 16) % (1 << 27)) * (
        100.0 / ((1 << 27) - 1))
    return "validation" if percentage < 10 else "testing" if percentage < 20 else "training"


def load_caches(bottleneck_dir, image_dir):
    """split → one list of feature rows a class."""
    splits = {"training": [], "validation": [], "testing": []}
    suffix = f"_{ARCHITECTURE}.txt"
    for folder in sorted(p for p in Path(image_dir).iterdir() if p.is_dir()):
        for rows in splits.values():
            rows.append([])
        for file in sorted(Path(bottleneck_dir, folder.name).glob(f"*{suffix}")):
            photo = f"{image_dir}/{folder.name}/{file.name[:-len(suffix)]}"
            splits[split_of(photo)][-1].append(tensorflow_side.read_text_cache(file))
    return splits


def tensorflow_accuracies(splits):
    features = len(splits["training"][0][0])
    classes = len(splits["training"])
    test_rows = np.stack([row for rows in splits["testing"] for row in rows])
    test_truth = np.concatenate([[c] * len(rows) for c, rows in enumerate(splits["testing"])])
    accuracies = []
    for seed in SEEDS:
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(seed)
            ops = tensorflow_side.add_final_training_ops(features, classes, RATE)
            session.run(tf.global_variables_initializer())
            rng = np.random.default_rng(seed)
            for _ in range(STEPS):
                rows, truth = tensorflow_side.balanced_batch(rng, splits["training"], BATCH)
                session.run(ops["step"], {ops["bottlenecks"]: rows, ops["truth"]: truth})
            accuracies.append(float(session.run(
                ops["accuracy"], {ops["bottlenecks"]: test_rows, ops["truth"]: test_truth})))
    return accuracies


def retrain(work, image_dir, model_dir, bottleneck_dir, *more):
    """graft's JSON result."""
    done = subprocess.run(
        [places.graft(), "retrain", "--json", "--offline", f"--image_dir={image_dir}",
         f"--model_dir={model_dir}", f"--architecture={ARCHITECTURE}",
         f"--bottleneck_dir={bottleneck_dir}", f"--how_many_training_steps={STEPS}",
         f"--train_batch_size={BATCH}", f"--learning_rate={RATE}", "--resume=never",
         f"--output_graph={work}/graph.pb", f"--output_labels={work}/labels.txt",
         f"--summaries_dir={work}/summaries", *more],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


def seed_interval(accuracies, photos):
    mean = float(np.mean(accuracies))
    half = T_95 * float(np.std(accuracies, ddof=1)) / math.sqrt(len(accuracies)) + 0.5 / photos
    return mean, mean - half, mean + half


def wilson(share, photos, z=1.959964):
    centre = (share + z * z / (2 * photos)) / (1 + z * z / photos)
    half = z / (1 + z * z / photos) * math.sqrt(
        share * (1 - share) / photos + z * z / (4 * photos * photos))
    return centre - half, centre + half


def percent(share):
    return f"{share * 100:.2f} %"


def compare(report, work, photos, caches, model_dir):
    """Both trainings over both sets of caches. Returns nothing; prints the table."""
    means = {}
    for name, folder in caches.items():
        splits = load_caches(folder, photos)
        count = sum(map(len, splits["testing"]))
        theirs = tensorflow_accuracies(splits)
        results = [retrain(work, photos, model_dir[name], folder, f"--seed={seed}")
                   for seed in SEEDS]
        ours = [result["test"]["accuracy"] for result in results]
        report.check(all(r["features"]["computed"] == 0 for r in results),
                     f"training over {name} computes no feature")
        report.check(all(r["test"]["photos"] == count for r in results),
                     f"the same test photos over {name}", f"{count}")
        (mean_t, low_t, high_t) = seed_interval(theirs, count)
        (mean_g, low_g, high_g) = seed_interval(ours, count)
        print(f"over {name}, {count} test photos, ten seeds: TensorFlow {percent(mean_t)} "
              f"[{percent(low_t)}, {percent(high_t)}], graft {percent(mean_g)} "
              f"[{percent(low_g)}, {percent(high_g)}]")
        report.check(low_t <= high_g and low_g <= high_t, f"training agrees over {name}",
                     f"TensorFlow {percent(mean_t)}, graft {percent(mean_g)}")
        means[name] = (mean_t, mean_g, count)
    theirs_over_ours, ours_over_theirs = means["our caches"], means["TensorFlow's caches"]
    low_a, high_a = wilson(theirs_over_ours[0], theirs_over_ours[2])
    low_b, high_b = wilson(ours_over_theirs[1], ours_over_theirs[2])
    report.check(low_a <= high_b and low_b <= high_a,
                 "TensorFlow over our caches, graft over TensorFlow's",
                 f"{percent(theirs_over_ours[0])} and {percent(ours_over_theirs[1])}")


def main():
    report, material = Report(), places.shared()
    if material is None:
        report.skip("training agrees with TensorFlow's", "no ../shared with photos and caches")
        report.finish()
    with tempfile.TemporaryDirectory(prefix="graft-train-") as scratch:
        work = Path(scratch)
        # The spelling of the folder decides the split: the codelab's, for both programs and on every
        # machine.
        os.chdir(work)
        photos, models = Path("tf_files", "flower_photos"), material / "models"
        photos.parent.mkdir()
        photos.symlink_to(material / "photos" / "flower_photos")
        ours, theirs = work / "ours", work / "theirs"
        shutil.copytree(material / "bottlenecks", theirs)
        subprocess.run(["chmod", "-R", "u+w", str(theirs)], check=True)
        retrain(work, photos, models, work / "store", "--bottleneck_format=text")
        # The text files alone, so that they and not the store are what both programs read.
        shutil.copytree(work / "store", ours, ignore=shutil.ignore_patterns("features.cache*"))
        compare(report, work, photos, {"our caches": ours, "TensorFlow's caches": theirs},
                {"our caches": models, "TensorFlow's caches": work / "no-models"})

        accuracies = [
            retrain(work, photos, models, work / "store", f"--split_seed={seed}")["test"]["accuracy"]
            for seed in range(10)]
        mean = float(np.mean(accuracies))
        print("ten splits: " + " ".join(f"{a * 100:.1f}" for a in accuracies))
        report.check(mean >= MEAN_OVER_SPLITS, "mean over ten splits", percent(mean))
    report.finish()


if __name__ == "__main__":
    main()
