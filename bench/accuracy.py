#!/usr/bin/env python3
"""How good is which way of computing features, on one folder of photos: --feature=logits against
--feature=pooled, or with --what=precision --precision=float32 against --precision=int8.

For each network, each number of training steps and each of `--splits` splits (--split_seed), a
classifier is trained on 80 % of the photos and tested on the other 20 %, both ways: the same photos,
so the differences are paired. Prints the mean accuracy and its standard deviation between splits,
and the mean difference with its standard error (between splits that share photos, so it is somewhat
too small). Features are computed once and kept in --cache.

With --folds=5 it is cross-validation instead: the photos are dealt into that many folds, class by
class, `--splits` times anew (a folder of links a fold, made below --cache or a temporary folder);
each fold is tested by a classifier of the other folds, and one dealing gives one accuracy, over all
photos. int8's ranges are measured on training photos of the first fold's training.

Usage: accuracy.py --image_dir=DIR --model_dir=DIR [--architectures=A,B] [--steps=500,4000]
                   [--what=feature|precision|decode] [--splits=20] [--folds=5] [--rates=0.01] [--cache=DIR]
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
import places  # noqa: E402

WAYS = {"feature": ("logits", "pooled"), "precision": ("float32", "int8"),
        "decode": ("exact", "fast")}


def graft(*words):
    """What it printed as JSON."""
    done = subprocess.run([places.graft(), *words, "--json"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"accuracy: {done.stderr}")
    return json.loads(done.stdout)


def train(options, cache, work, setting, way, seed, image_dir, testing):
    architecture, steps, rate = setting
    return graft(
        "retrain", f"--image_dir={image_dir}", f"--model_dir={options.model_dir}", "--offline",
        f"--architecture={architecture}", f"--{options.what}={way}",
        f"--how_many_training_steps={steps}", f"--learning_rate={rate}",
        f"--testing_percentage={testing}", "--validation_percentage=0", "--split_key=relative",
        f"--split_seed={seed}", f"--seed={seed}", f"--eval_step_interval={steps}",
        f"--bottleneck_dir={cache}", f"--summaries_dir={work}/summaries",
        f"--output_graph={work}/graph.pb", f"--output_labels={work}/labels.txt")


def on_a_split(options, cache, setting, way, split):
    """Percent right of the fifth of the photos that was kept aside."""
    with tempfile.TemporaryDirectory(prefix="graft-accuracy-") as work:
        result = train(options, cache, work, setting, way, split, options.image_dir, 20)
    return 100 * result["test"]["accuracy"]


def deal(options, place, seed):
    """The photos class by class into folds, as links: [(folder to train on, folder to test on)]."""
    shuffle = random.Random(seed).shuffle
    pairs = [(place / f"{fold}/train", place / f"{fold}/test") for fold in range(options.folds)]
    for folder in sorted(p for p in Path(options.image_dir).iterdir() if p.is_dir()):
        photos = sorted(p for p in folder.iterdir() if p.is_file())
        shuffle(photos)
        for trained, tested in pairs:
            (trained / folder.name).mkdir(parents=True)
            (tested / folder.name).mkdir(parents=True)
        for i, photo in enumerate(photos):
            for fold, (trained, tested) in enumerate(pairs):
                place_of = tested if i % options.folds == fold else trained
                os.symlink(photo.resolve(), place_of / folder.name / photo.name)
    return pairs


def across_folds(options, cache, setting, way, seed):
    """Percent right of all photos, each judged by a classifier that was trained without it."""
    right = photos = 0
    with tempfile.TemporaryDirectory(prefix="graft-accuracy-") as work:
        for trained, tested in deal(options, Path(work), seed):
            train(options, cache, work, setting, way, seed, trained, 0)
            result = graft("evaluate", f"--image_dir={tested}", f"--graph={work}/graph.pb",
                           "--split=all")
            right += result["correct"]
            photos += result["photos"]
    return 100 * right / photos


def compare(options, cache, setting):
    """Prints one row of the table."""
    measure = across_folds if options.folds else on_a_split
    ways = WAYS[options.what]
    results = {way: [] for way in ways}
    for split in range(options.splits):
        for way in ways:
            results[way].append(measure(options, cache, setting, way, split))
    cells = []
    for way in ways:
        deviation = statistics.stdev(results[way]) if options.splits > 1 else math.nan
        cells.append(f"{statistics.mean(results[way]):6.2f} ({deviation:.2f})")
    paired = [b - a for a, b in zip(*(results[way] for way in ways))]
    error = statistics.stdev(paired) / math.sqrt(len(paired)) if options.splits > 1 else math.nan
    architecture, steps, rate = setting
    print(f"{architecture:32} {steps:6} {rate:6g}  {cells[0]:>15}  {cells[1]:>15}"
          f"  {statistics.mean(paired):+6.2f} ({error:.2f})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--image_dir", required=True)
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--architectures", default="mobilenet_0.50_224")
    parser.add_argument("--steps", default="500,4000")
    parser.add_argument("--rates", default="0.01")
    parser.add_argument("--what", choices=sorted(WAYS), default="feature")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--cache", default="")
    options = parser.parse_args()
    first, second = WAYS[options.what]
    print(f"{'architecture':32} {'steps':>6} {'rate':>6}  {first + ' % (sd)':>15}"
          f"  {second + ' % (sd)':>15}  difference (se)")
    with tempfile.TemporaryDirectory(prefix="graft-accuracy-") as scratch:
        for architecture in options.architectures.split(","):
            for steps in map(int, options.steps.split(",")):
                for rate in map(float, options.rates.split(",")):
                    compare(options, options.cache or scratch, (architecture, steps, rate))


if __name__ == "__main__":
    main()
