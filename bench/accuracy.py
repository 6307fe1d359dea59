#!/usr/bin/env python3
"""How good is which feature: repeated random splits of one folder of photos, --feature against --feature.

For each network, each number of training steps and each of `--splits` splits (--split_seed), a
classifier is trained on 80 % of the photos and tested on the other 20 %, once on the logits and once
on the pooled values: the same photos, so the differences are paired. Prints the mean accuracy and
its standard deviation between splits, and the mean difference with its standard error (between
splits that share photos, so it is somewhat too small). Features are computed once and kept in
--cache.

Usage: accuracy.py --image_dir=DIR --model_dir=DIR [--architectures=A,B] [--steps=500,4000]
                   [--splits=20] [--rates=0.01] [--cache=DIR]
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
import places  # noqa: E402

FEATURES = ("logits", "pooled")


def accuracy(options, cache, work, architecture, feature, steps, rate, split):
    """Percent right of the photos that were kept aside."""
    done = subprocess.run(
        [places.graft(), "retrain", f"--image_dir={options.image_dir}",
         f"--model_dir={options.model_dir}", "--offline", f"--architecture={architecture}",
         f"--feature={feature}", f"--how_many_training_steps={steps}", f"--learning_rate={rate}",
         "--testing_percentage=20", "--validation_percentage=0", "--split_key=relative",
         f"--split_seed={split}", f"--seed={split}", f"--eval_step_interval={steps}", "--json",
         f"--bottleneck_dir={cache}", f"--summaries_dir={work}/summaries-{architecture}-{split}",
         f"--output_graph={work}/graph.pb", f"--output_labels={work}/labels.txt"],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"accuracy: {done.stderr}")
    return 100 * json.loads(done.stdout)["test"]["accuracy"]


def compare(options, cache, architecture, steps, rate):
    """Prints one row of the table."""
    results = {feature: [] for feature in FEATURES}
    for split in range(options.splits):
        for feature in FEATURES:
            with tempfile.TemporaryDirectory(prefix="graft-accuracy-") as work:
                results[feature].append(
                    accuracy(options, cache, work, architecture, feature, steps, rate, split))
    cells = []
    for feature in FEATURES:
        deviation = statistics.stdev(results[feature]) if options.splits > 1 else math.nan
        cells.append(f"{statistics.mean(results[feature]):6.1f} ({deviation:.1f})")
    paired = [p - l for l, p in zip(*(results[f] for f in FEATURES))]
    error = statistics.stdev(paired) / math.sqrt(len(paired)) if options.splits > 1 else math.nan
    print(f"{architecture:32} {steps:6} {rate:6g}  {cells[0]:>14}  {cells[1]:>14}"
          f"  {statistics.mean(paired):+6.1f} ({error:.1f})", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--image_dir", required=True)
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--architectures", default="mobilenet_0.50_224")
    parser.add_argument("--steps", default="500,4000")
    parser.add_argument("--rates", default="0.01")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--cache", default="")
    options = parser.parse_args()
    print(f"{'architecture':32} {'steps':>6} {'rate':>6}  {'logits % (sd)':>14}  {'pooled % (sd)':>14}"
          f"  difference (se)")
    with tempfile.TemporaryDirectory(prefix="graft-accuracy-") as scratch:
        for architecture in options.architectures.split(","):
            for steps in map(int, options.steps.split(",")):
                for rate in map(float, options.rates.split(",")):
                    compare(options, options.cache or scratch, architecture, steps, rate)


if __name__ == "__main__":
    main()
