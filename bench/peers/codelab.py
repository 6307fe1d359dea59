"""The codelab's two programs on TensorFlow, written from the procedure's description.

    codelab.py retrain IMAGE_DIR NETWORK_FOLDER WORK STEPS
    codelab.py label GRAPH_PB LABELS SIZE PHOTO

retrain: one photo at a time is decoded, resized and sent through the network, and its feature kept as
a text file below WORK; at each step the text files of 100 photos are read again and one step of
gradient descent is taken, with its summaries; every tenth step looks at those photos and at 100 of the
validation set; the end is one test over all test photos, and the graph with its new layer written with
its labels. Prints one JSON object: the test's accuracy and the seconds of the parts.

label: the five best labels of one photo, as the codelab's label_image.py prints them.
"""

import json
import random
import re
import sys
import time
from pathlib import Path

BEGUN = time.perf_counter()
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "interop"))
import numpy as np  # noqa: E402
import tensorflow_side  # noqa: E402
from tensorflow_side import tf  # noqa: E402
from train_agreement import split_of  # noqa: E402

from networks import FEATURE, INPUT, MEAN, STD, WIDTH, Network  # noqa: E402

BATCH, RATE, EVERY = 100, 0.01, 10


class TextCache:
    """Features as text files, one a photo, computed at first need and read again at every use."""

    def __init__(self, folder, network, photos):
        self._folder = folder
        self._classify = tensorflow_side.Classifier(network.frozen.read_bytes(), network.size)
        for photo in photos:
            if not self._file(photo).exists():
                self._compute(photo)

    def _file(self, photo):
        return self._folder / photo.parent.name / f"{photo.name}.txt"

    def _compute(self, photo):
        file = self._file(photo)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(",".join(str(value) for value in self._classify(photo)))

    def rows(self, photos):
        return np.array([[float(value) for value in self._file(photo).read_text().split(",")]
                         for photo in photos], np.float32)


def scan(image_dir):
    """Class names, and split → one list of photos a class."""
    folders = sorted(folder for folder in Path(image_dir).iterdir() if folder.is_dir())
    splits = {"training": [], "validation": [], "testing": []}
    for folder in folders:
        for lists in splits.values():
            lists.append([])
        for photo in folder.iterdir():
            if photo.suffix.lower() in (".jpg", ".jpeg"):
                splits[split_of(str(photo))][-1].append(photo)
    return [re.sub("[^a-z0-9]+", " ", folder.name.lower()) for folder in folders], splits


def draw(lists, count):
    """count photos with their classes: a class at random, then one of its photos."""
    truth = [random.randrange(len(lists)) for _ in range(count)]
    return [random.choice(lists[c]) for c in truth], truth


def write_graph(session, network, work, names):
    """The network with the trained layer behind it, frozen."""
    with session.graph.as_default():
        weights, bias = session.run(tf.global_variables())
    with tf.Graph().as_default() as graph:
        feature, = tf.import_graph_def(tensorflow_side.graph_def(network.frozen.read_bytes()),
                                       name="", return_elements=[f"{FEATURE}:0"])
        tf.nn.softmax(tf.matmul(feature, weights) + bias, name="final_result")
        (work / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    (work / "labels.txt").write_text("\n".join(names) + "\n")


def train(cache, splits, names, work, steps):
    """The new layer after `steps` steps, in a session, and its accuracy on the test photos."""
    session = tf.Session(graph=tf.Graph())
    with session.graph.as_default():
        ops = tensorflow_side.add_final_training_ops(WIDTH, len(names), RATE)
        session.run(tf.global_variables_initializer())
        logs = {name: tf.summary.FileWriter(str(work / "summaries" / name), session.graph)
                for name in ("train", "validation")}

        def feed(photos, truth):
            return {ops["bottlenecks"]: cache.rows(photos), ops["truth"]: truth}

        for step in range(steps):
            batch = feed(*draw(splits["training"], BATCH))
            summary, _ = session.run([ops["summaries"], ops["step"]], batch)
            logs["train"].add_summary(summary, step)
            if step % EVERY == 0 or step + 1 == steps:
                session.run(ops["accuracy"], batch)
                summary = session.run(ops["summaries"], feed(*draw(splits["validation"], BATCH)))
                logs["validation"].add_summary(summary, step)
        for log in logs.values():
            log.close()
        tests = [(photo, c) for c, photos in enumerate(splits["testing"]) for photo in photos]
        accuracy = session.run(ops["accuracy"], feed(*zip(*tests)))
    return session, float(accuracy)


def retrain(image_dir, folder, work, steps):
    network, work = Network(Path(folder)), Path(work)
    names, splits = scan(image_dir)
    photos = [photo for lists in splits.values() for photos in lists for photo in photos]
    cache = TextCache(work / "bottlenecks" / network.folder.name, network, photos)
    ready = time.perf_counter()
    session, accuracy = train(cache, splits, names, work, int(steps))
    write_graph(session, network, work, names)
    print(json.dumps({"accuracy": accuracy, "photos": len(photos), "features_s": ready - BEGUN,
                      "training_s": time.perf_counter() - ready}))


def label(graph_file, labels_file, size, photo):
    classify = tensorflow_side.Classifier(Path(graph_file).read_bytes(), int(size),
                                          "final_result:0", MEAN, STD, f"{INPUT}:0")
    scores = classify(photo)
    names = Path(labels_file).read_text().splitlines()
    for i in scores.argsort()[-5:][::-1]:
        print(f"{names[i]} {scores[i]:.5f}")


if __name__ == "__main__":
    command, *words = sys.argv[1:]
    {"retrain": retrain, "label": label}[command](*words)
