#!/usr/bin/env python3
"""The whole job with TensorFlow as the judge: train, label, evaluate, load the graph in TensorFlow.

For each network, TensorFlow loads our retrained_graph.pb and gives the scores that `graft label`
gives and the answers that `graft evaluate` counts. With ../shared: MobileNets, float and quantized,
logits and pooled. Everywhere: Inception V3 (our fixture, weights from a seed) and, under --graph, a
MobileNet V2 of Keras's with random weights. Bar: every score within 1e-5.
"""

import csv
import dataclasses
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
FEW_PER_CLASS = 16  # for the networks that take long
BAR = 1e-5
# What retrain.py's own graph is called by those who use it.
HEAD = {"final_training_ops/weights/final_weights": "Const",
        "final_training_ops/biases/final_biases": "Const",
        "final_training_ops/Wx_plus_b/MatMul": "MatMul", "final_result": "Softmax"}
MOBILENET = {"input": "Placeholder", "MobilenetV1/Predictions/Reshape": "Reshape"}


@dataclasses.dataclass
class Network:
    name: str
    words: list  # what graft retrain is given to choose it
    size: int
    tensor_in: str = "input:0"
    mean: float = 127.5
    std: float = 127.5
    scope: str = "input_1"  # of the bottleneck's placeholder
    nodes: dict = dataclasses.field(default_factory=dict)  # beside the new layer's


def graft(*words):
    done = subprocess.run([places.graft(), *map(str, words)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def check(report, work, photos, network):
    folder = work / network.name.replace(" ", "_")
    graph, labels, predictions = folder / "graph.pb", folder / "labels.txt", folder / "answers.csv"
    graft("retrain", f"--image_dir={photos}", *network.words, "--how_many_training_steps=300",
          "--split_key=relative", f"--bottleneck_dir={work}/cache",
          f"--summaries_dir={folder}/summaries", f"--output_graph={graph}",
          f"--output_labels={labels}")
    every = sorted(p for p in Path(photos).glob("*/*.jpg"))
    chosen = [every[i * len(every) // PHOTOS] for i in range(PHOTOS)]
    names = labels.read_text().splitlines()
    results = json.loads(graft("label", f"--graph={graph}", f"--top={len(names)}", "--json", *chosen))
    ours = {entry["path"]: {p["label"]: p["score"] for p in entry["predictions"]}
            for entry in results}
    data = graph.read_bytes()
    classify = tensorflow_side.Classifier(data, network.size, "final_result:0", network.mean,
                                          network.std, network.tensor_in)
    worst, same = 0.0, 0
    for photo in chosen:
        theirs = classify(photo)
        mine = np.array([ours[str(photo)][name] for name in names])
        worst = max(worst, float(np.abs(theirs - mine).max()))
        same += int(theirs.argmax() == mine.argmax())
    report.check(worst <= BAR and same == PHOTOS, f"TensorFlow's scores of our graph, {network.name}",
                 f"max |diff| {worst:.2e} on {PHOTOS} photos, best label equal on {same}")
    check_evaluation(report, network, graph, photos, predictions, names, classify)
    check_structure(report, network, data, len(names))


def check_evaluation(report, network, graph, photos, predictions, names, classify):
    """TensorFlow on the photos that `graft evaluate` took: the same answers, the same accuracy."""
    result = json.loads(graft("evaluate", f"--graph={graph}", f"--image_dir={photos}", "--json",
                              f"--predictions={predictions}"))
    with open(predictions, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    same, right = 0, 0
    for row in rows:
        answer = names[int(classify(row["path"]).argmax())]
        same += int(answer == row["predicted"])
        right += int(answer == row["truth"])
    report.check(rows and same == len(rows) and right == result["correct"],
                 f"TensorFlow agrees with graft evaluate, {network.name}",
                 f"{right} of {len(rows)} right, same answer on {same}")


def check_structure(report, network, data, classes):
    definition = tensorflow_side.graph_def(data)
    placeholder = f"{network.scope}/BottleneckInputPlaceholder"
    ops = {node.name: node.op for node in definition.node}
    expected = {**HEAD, **network.nodes, placeholder: "PlaceholderWithDefault"}
    missing = {name: op for name, op in expected.items() if ops.get(name) != op}
    report.check(not missing, f"node names of {network.name}", missing)
    seen = set()
    unsorted = []
    for node in definition.node:
        for source in node.input:
            if source.split(":")[0].lstrip("^") not in seen:
                unsorted.append(f"{node.name} before {source}")
        seen.add(node.name)
    report.check(not unsorted, f"nodes of {network.name} in topological order", unsorted[:3])
    # The bottleneck can be fed, as the original's graph allows.
    with tf.Graph().as_default(), tf.Session() as session:
        feed, scores = tf.import_graph_def(definition, name="",
                                           return_elements=[f"{placeholder}:0", "final_result:0"])
        width = feed.shape[-1]
        fed = session.run(scores, {feed: np.zeros((3, int(width)), np.float32)})
    report.check(fed.shape == (3, classes) and np.allclose(fed.sum(axis=1), 1, atol=1e-6),
                 f"features can be fed to {network.name}", fed.shape)


def mobilenets(models):
    def at_hand(name, *words, nodes=None):
        return Network(" ".join([name, *words]), [f"--model_dir={models}", "--offline",
                                                  f"--architecture={name}", *words],
                       224, nodes={**MOBILENET, **(nodes or {})})

    yield at_hand("mobilenet_0.50_224")
    yield at_hand("mobilenet_0.50_224_quantized")
    yield at_hand("mobilenet_0.50_224", "--feature=pooled", nodes={"input_1/BottleneckFlat": "Reshape"})


def others(work):
    """Networks that need no file of anybody's."""
    models = work / "models"
    file = models / "inception-2015-12-05" / "classify_image_graph_def.pb"
    file.parent.mkdir(parents=True)
    subprocess.run([places.BUILD / "tests" / "fixtures" / "make_inception", file], check=True)
    words = [f"--model_dir={models}", "--offline", "--architecture=inception_v3"]
    yield Network("inception_v3", words, 299, "Mul:0", 128.0, 128.0, "input",
                  {"pool_3/_reshape": "Reshape"})
    file = work / "mobilenet_v2.pb"
    made = subprocess.run([sys.executable, Path(__file__).with_name("make_keras.py"), "mobilenet_v2",
                           file], capture_output=True, text=True, check=True)
    tensor_in = made.stdout.split()[-2]
    yield Network("mobilenet_v2 as --graph",
                  [f"--graph={file}", "--input_mean=127.5", "--input_std=127.5"], 224,
                  f"{tensor_in}:0", scope="input")


def few_of(photos, target):
    """Links to some photos of each class."""
    for folder in sorted(p for p in Path(photos).iterdir() if p.is_dir()):
        (target / folder.name).mkdir(parents=True)
        every = sorted(folder.glob("*.jpg"))
        for i in range(FEW_PER_CLASS):
            photo = every[i * len(every) // FEW_PER_CLASS]
            (target / folder.name / photo.name).symlink_to(photo)
    return target


def main():
    report, material = Report(), places.shared()
    with tempfile.TemporaryDirectory(prefix="graft-graph-") as scratch:
        work = Path(scratch)
        if material is not None:
            photos = material / "photos" / "flower_photos"
            for network in mobilenets(material / "models"):
                check(report, work, photos, network)
        else:
            photos = work / "photos"
            graft("sample", f"--output={photos}", "--photos_per_class=20")
            for feature in ("original", "pooled"):
                words = [f"--model_dir={work}/untrained", f"--feature={feature}",
                         "--architecture=untrained_mobilenet_0.25_128"]
                check(report, work, photos, Network(f"untrained {feature}", words, 128,
                                                    nodes=MOBILENET))
        few = few_of(photos, work / "few")
        for network in others(work):
            check(report, work, few, network)
    report.finish()


if __name__ == "__main__":
    main()
