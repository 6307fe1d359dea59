"""TensorFlow 2 as its guides have it: tf.data reads, decodes and resizes, a tf.function computes."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402

import setting  # noqa: E402
from networks import FEATURE, INPUT, MEAN, STD  # noqa: E402

DISTRIBUTIONS = ("tensorflow-cpu",)


def settings(cores):
    """With and without its oneDNN kernels; its thread pool is common to all callers."""
    return [setting.Setting(1, cores, batch, {"TF_ENABLE_ONEDNN_OPTS": onednn})
            for onednn in ("0", "1") for batch in (8, 32)]


class Engine:
    def __init__(self, network, chosen):
        tf.config.threading.set_intra_op_parallelism_threads(chosen.threads)
        tf.config.threading.set_inter_op_parallelism_threads(chosen.threads)
        definition = tf.compat.v1.GraphDef.FromString(network.graph.read_bytes())
        wrapped = tf.compat.v1.wrap_function(
            lambda: tf.import_graph_def(definition, name=""), [])
        self._function = wrapped.prune(f"{INPUT}:0", f"{FEATURE}:0")
        self._size, self._setting = network.size, chosen

    def features(self, _worker, batch):
        return self._function(tf.constant(batch)).numpy()

    def _prepare(self, path):
        pixels = tf.cast(tf.io.decode_jpeg(tf.io.read_file(path), channels=3), tf.float32)
        resized = tf.compat.v1.image.resize_bilinear(tf.expand_dims(pixels, 0),
                                                     [self._size, self._size])
        return (resized[0] - MEAN) * (1 / STD)

    def extract(self, paths, rows):
        photos = tf.data.Dataset.from_tensor_slices(paths)
        photos = photos.map(self._prepare, num_parallel_calls=tf.data.AUTOTUNE)
        photos = photos.batch(self._setting.batch).prefetch(tf.data.AUTOTUNE)
        at = 0
        for batch in photos:
            found = self._function(batch).numpy()
            rows[at:at + len(found)] = found
            at += len(found)
