#!/usr/bin/env python3
"""TensorFlow loads our retrained_graph.pb and gives the scores that `graft label` gives.

With ../shared: real photos, mobilenet_0.50_224, and 0.50_224_quantized. Without: the program's own
photos and its built-in network. Bar: every score of 50 photos within 1e-5.
"""

import json
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

PHOTOS = 50
BAR = 1e-5
# What retrain.py's own graph is called by those who use it.
NAMES = {"input": "Placeholder", "MobilenetV1/Predictions/Reshape": "Reshape",
         "input_1/BottleneckInputPlaceholder": "PlaceholderWithDefault",
         "final_training_ops/weights/final_weights": "Const",
         "final_training_ops/biases/final_biases": "Const",
         "final_training_ops/Wx_plus_b/MatMul": "MatMul", "final_result": "Softmax"}


def graft(*words):
    done = subprocess.run([places.graft(), *map(str, words)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def check(report, work, photos, model_dir, architecture, size):
    graph, labels = work / f"{architecture}.pb", work / f"{architecture}.txt"
    graft("retrain", f"--image_dir={photos}", f"--model_dir={model_dir}", "--offline",
          f"--architecture={architecture}", "--how_many_training_steps=300",
          f"--bottleneck_dir={work}/cache", f"--summaries_dir={work}/summaries",
          f"--output_graph={graph}", f"--output_labels={labels}")
    every = sorted(p for p in Path(photos).glob("*/*.jpg"))
    chosen = [every[i * len(every) // PHOTOS] for i in range(PHOTOS)]
    names = labels.read_text().splitlines()
    results = json.loads(graft("label", f"--graph={graph}", f"--top={len(names)}", "--json", *chosen))
    ours = {entry["path"]: {p["label"]: p["score"] for p in entry["predictions"]}
            for entry in results}
    data = graph.read_bytes()
    classify = tensorflow_side.Classifier(data, size, "final_result:0")
    worst, same = 0.0, 0
    for photo in chosen:
        theirs = classify(photo)
        mine = np.array([ours[str(photo)][name] for name in names])
        worst = max(worst, float(np.abs(theirs - mine).max()))
        same += int(theirs.argmax() == mine.argmax())
    report.check(worst <= BAR and same == PHOTOS, f"TensorFlow's scores of our graph, {architecture}",
                 f"max |diff| {worst:.2e} on {PHOTOS} photos, best label equal on {same}")

    definition = tensorflow_side.graph_def(data)
    ops = {node.name: node.op for node in definition.node}
    missing = {name: op for name, op in NAMES.items() if ops.get(name) != op}
    report.check(not missing, f"node names of {architecture}", missing)
    seen = set()
    unsorted = []
    for node in definition.node:
        for source in node.input:
            if source.split(":")[0].lstrip("^") not in seen:
                unsorted.append(f"{node.name} before {source}")
        seen.add(node.name)
    report.check(not unsorted, f"nodes of {architecture} in topological order", unsorted[:3])
    # The bottleneck can be fed, as the original's graph allows.
    with tf.Graph().as_default(), tf.Session() as session:
        feed, scores = tf.import_graph_def(
            definition, name="",
            return_elements=["input_1/BottleneckInputPlaceholder:0", "final_result:0"])
        width = feed.shape[-1]
        fed = session.run(scores, {feed: np.zeros((3, int(width)), np.float32)})
    report.check(fed.shape == (3, len(names)) and np.allclose(fed.sum(axis=1), 1, atol=1e-6),
                 f"features can be fed to {architecture}", fed.shape)


def main():
    report, material = Report(), places.shared()
    with tempfile.TemporaryDirectory(prefix="graft-graph-") as scratch:
        work = Path(scratch)
        if material is not None:
            photos, models = material / "photos" / "flower_photos", material / "models"
            check(report, work, photos, models, "mobilenet_0.50_224", 224)
            check(report, work, photos, models, "mobilenet_0.50_224_quantized", 224)
        else:
            graft("sample", f"--output={work}/photos", "--photos_per_class=20")
            check(report, work, work / "photos", work / "models",
                  "untrained_mobilenet_0.25_128", 128)
    report.finish()


if __name__ == "__main__":
    main()
