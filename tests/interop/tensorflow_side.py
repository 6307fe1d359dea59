"""What TensorFlow does with the same photos and networks, written from retrain.py's procedure."""

import io
import os
import tarfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np  # noqa: E402
import tensorflow.compat.v1 as tf  # noqa: E402

tf.disable_eager_execution()
tf.logging.set_verbosity(tf.logging.ERROR)

FEATURE = "MobilenetV1/Predictions/Reshape:0"
INPUT = "input:0"


def model_bytes(model_dir, width, size, quantized):
    """The .pb of mobilenet_<width>_<size>, from its folder or its archive; None when not at hand."""
    name = f"mobilenet_v1_{width}_{size}"
    file = "quantized_graph.pb" if quantized else "frozen_graph.pb"
    unpacked = Path(model_dir, name, file)
    if unpacked.exists():
        return unpacked.read_bytes()
    archive = Path(model_dir, f"{name}_frozen.tgz")
    if not archive.exists():
        return None
    with tarfile.open(archive) as tar:
        return tar.extractfile(f"{name}/{file}").read()


def graph_def(data):
    definition = tf.GraphDef()
    definition.ParseFromString(data)
    return definition


class Classifier:
    """A frozen graph behind TensorFlow's own decode, resize and normalisation."""

    def __init__(self, data, size, output=FEATURE, mean=127.5, std=127.5, tensor_in=INPUT):
        self.graph = tf.Graph()
        with self.graph.as_default():
            self.jpeg = tf.placeholder(tf.string)
            pixels = tf.cast(tf.image.decode_jpeg(self.jpeg, channels=3), tf.float32)
            resized = tf.image.resize_bilinear(tf.expand_dims(pixels, 0), [size, size])
            self.prepared = tf.multiply(tf.subtract(resized, mean), 1.0 / std)
            self.input, self.output = tf.import_graph_def(
                graph_def(data), name="", return_elements=[tensor_in, output])
        self.session = tf.Session(graph=self.graph)

    def __call__(self, photo):
        prepared = self.session.run(self.prepared, {self.jpeg: Path(photo).read_bytes()})
        return np.squeeze(self.session.run(self.output, {self.input: prepared}))


def add_final_training_ops(features, classes, learning_rate):
    """The original's new last layer, its loss, its step and its fourteen summaries.

    Returns a dict of the tensors by short names.
    """
    def variable_summaries(value):
        with tf.name_scope("summaries"):
            mean = tf.reduce_mean(value)
            tf.summary.scalar("mean", mean)
            with tf.name_scope("stddev"):
                stddev = tf.sqrt(tf.reduce_mean(tf.square(value - mean)))
            tf.summary.scalar("stddev", stddev)
            tf.summary.scalar("max", tf.reduce_max(value))
            tf.summary.scalar("min", tf.reduce_min(value))
            tf.summary.histogram("histogram", value)

    with tf.name_scope("input"):
        bottlenecks = tf.placeholder(tf.float32, [None, features], name="BottleneckInputPlaceholder")
        truth = tf.placeholder(tf.int64, [None], name="GroundTruthInput")
    with tf.name_scope("final_training_ops"):
        with tf.name_scope("weights"):
            weights = tf.Variable(tf.truncated_normal([features, classes], stddev=0.001),
                                  name="final_weights")
            variable_summaries(weights)
        with tf.name_scope("biases"):
            biases = tf.Variable(tf.zeros([classes]), name="final_biases")
            variable_summaries(biases)
        with tf.name_scope("Wx_plus_b"):
            logits = tf.matmul(bottlenecks, weights) + biases
            tf.summary.histogram("pre_activations", logits)
    scores = tf.nn.softmax(logits, name="final_result")
    tf.summary.histogram("activations", scores)
    with tf.name_scope("cross_entropy"):
        loss = tf.losses.sparse_softmax_cross_entropy(labels=truth, logits=logits)
    tf.summary.scalar("cross_entropy", loss)
    with tf.name_scope("train"):
        step = tf.train.GradientDescentOptimizer(learning_rate).minimize(loss)
    with tf.name_scope("accuracy"):
        accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(scores, 1), truth), tf.float32))
    tf.summary.scalar("accuracy", accuracy)
    return {"bottlenecks": bottlenecks, "truth": truth, "step": step, "accuracy": accuracy,
            "summaries": tf.summary.merge_all()}


def read_text_cache(path):
    return np.loadtxt(io.StringIO(Path(path).read_text()), delimiter=",", dtype=np.float32)


def balanced_batch(rng, by_class, count):
    """count (feature row, class) pairs: a class uniformly, then one of its photos uniformly."""
    truth = rng.integers(len(by_class), size=count)
    rows = np.stack([by_class[c][rng.integers(len(by_class[c]))] for c in truth])
    return rows, truth
