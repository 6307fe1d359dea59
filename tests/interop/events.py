#!/usr/bin/env python3
"""Event files: TensorBoard's own reader on our logs, our reader on logs that TensorFlow wrote."""

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import places  # noqa: E402
from report import Report  # noqa: E402
from sample_training import train  # noqa: E402

import numpy as np  # noqa: E402
import tensorflow_side  # noqa: E402
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: E402
from tensorflow_side import tf  # noqa: E402

STEPS, INTERVAL = 60, 10
LAYER = "final_training_ops"
SCALARS = [f"{LAYER}/{part}/summaries/{what}" for part in ("weights", "biases")
           for what in ("mean_1", "stddev_1", "max_1", "min_1")] + ["cross_entropy_1", "accuracy_1"]
HISTOGRAMS = [f"{LAYER}/{part}/summaries/histogram" for part in ("weights", "biases")] + [
    f"{LAYER}/Wx_plus_b/pre_activations", "activations"]


def tensorboard_reads(folder):
    """{tag: [events]} of scalars and histograms, and whether there is a graph."""
    accumulator = EventAccumulator(str(folder), size_guidance={
        "scalars": 0, "histograms": 0, "tensors": 0, "graph": 1})
    accumulator.Reload()
    tags = accumulator.Tags()
    return ({tag: accumulator.Scalars(tag) for tag in tags["scalars"]},
            {tag: accumulator.Histograms(tag) for tag in tags["histograms"]},
            accumulator.Graph() if tags["graph"] else None)


def expected_steps(run):
    if run == "train":
        return list(range(STEPS))
    return sorted(set(range(0, STEPS, INTERVAL)) | {STEPS - 1})


def check_ours(report, work):
    """A run of ours, read by TensorBoard."""
    train(work, STEPS, f"{work}/summaries", f"--eval_step_interval={INTERVAL}")
    for run in ("train", "validation"):
        files = list(Path(work, "summaries").rglob(f"{run}/events.out.tfevents.*"))
        if not report.check(len(files) == 1, f"one {run} log", f"{files}"):
            continue
        scalars, histograms, graph = tensorboard_reads(files[0].parent)
        report.check(sorted(scalars) == sorted(SCALARS) and sorted(histograms) == sorted(HISTOGRAMS),
                     f"TensorBoard finds the 14 tags of {run}",
                     f"{len(scalars)} scalars, {len(histograms)} histograms")
        wrong = [tag for tag, events in {**scalars, **histograms}.items()
                 if [event.step for event in events] != expected_steps(run)]
        report.check(not wrong, f"every tag of {run} at its steps", wrong)
        finite = all(np.isfinite(e.value) for events in scalars.values() for e in events)
        report.check(finite, f"finite values in {run}")
        if run == "train":
            nodes = {node.name for node in graph.node} if graph is not None else set()
            report.check("final_result" in nodes and "input" in nodes, "TensorBoard shows the graph",
                         f"{len(nodes)} nodes")


def check_theirs(report, work):
    """A log that TensorFlow wrote as retrain.py does, read by our reader."""
    reader = places.BUILD / "tests" / "interop" / "read_events"
    folder = Path(work, "tensorflow")
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.set_random_seed(1)
        ops = tensorflow_side.add_final_training_ops(32, 5, 0.01)
        writer = tf.summary.FileWriter(str(folder), graph)
        session.run(tf.global_variables_initializer())
        rng = np.random.default_rng(1)
        for step in range(STEPS):
            feed = {ops["bottlenecks"]: rng.normal(size=(20, 32)), ops["truth"]: rng.integers(5, size=20)}
            summary, _ = session.run([ops["summaries"], ops["step"]], feed)
            writer.add_summary(summary, step)
        writer.close()
    file = next(folder.glob("events.out.tfevents.*"))
    done = subprocess.run([str(reader), str(file)], capture_output=True, text=True, check=False)
    if not report.check(done.returncode == 0, "our reader on TensorFlow's log", done.stderr):
        return
    ours = {"scalar": {}, "histogram": {}}
    graphs = 0
    for line in done.stdout.splitlines():
        kind, *fields = line.split("\t")
        if kind == "graph":
            graphs += 1
        elif kind in ours:
            ours[kind].setdefault(fields[0], []).append((int(fields[1]), *map(float, fields[2:])))
    scalars, histograms, _ = tensorboard_reads(folder)
    report.check(graphs == 1, "our reader finds TensorFlow's graph")
    report.check(len(scalars) + len(histograms) == 14, "TensorFlow's log has 14 tags")
    report.check(
        ours["scalar"] == {tag: [(e.step, e.value) for e in events]
                           for tag, events in scalars.items()},
        "our reader's scalars are TensorBoard's", f"{len(ours['scalar'])} tags")

    def fields(event):
        value = event.histogram_value
        return (event.step, value.min, value.max, value.num, value.sum, value.sum_squares,
                *value.bucket_limit, *value.bucket)

    report.check(
        ours["histogram"] == {tag: [fields(e) for e in events]
                              for tag, events in histograms.items()},
        "our reader's histograms are TensorBoard's", f"{len(ours['histogram'])} tags")


def main():
    report = Report()
    with tempfile.TemporaryDirectory(prefix="graft-events-") as work:
        check_ours(report, work)
        check_theirs(report, work)
    report.finish()


if __name__ == "__main__":
    main()
