#!/usr/bin/env python3
"""make_keras.py mobilenet_v2|resnet50_v2 FILE.pb [FIRST.pb]: a network of Keras's, with random
weights, frozen; the same again with channels first, as it is trained on GPUs, behind an input that is
not.

Prints the names of each file's input and output nodes. A script of its own because Keras wants
TensorFlow 2's behaviour, which the other scripts switch off.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.python.framework.convert_to_constants import (  # noqa: E402
    convert_variables_to_constants_v2)

APPLICATIONS = {"mobilenet_v2": keras.applications.MobileNetV2,
                "resnet50_v2": keras.applications.ResNet50V2}


def freeze(call, file):
    concrete = tf.function(call).get_concrete_function(tf.TensorSpec([1, 224, 224, 3], tf.float32))
    frozen = convert_variables_to_constants_v2(concrete)
    Path(file).write_bytes(frozen.graph.as_graph_def().SerializeToString())
    print(frozen.inputs[0].op.name, frozen.outputs[0].op.name)


def main():
    which, file, *first_file = sys.argv[1:]
    tf.keras.utils.set_random_seed(1)
    model = APPLICATIONS[which](weights=None, input_shape=(224, 224, 3))
    # A batch norm as it comes is the identity, and would test nothing.
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([rng.uniform(0.5, 1.5, gamma.shape), rng.normal(0, 0.1, beta.shape),
                               rng.normal(0, 0.1, mean.shape),
                               rng.uniform(0.5, 1.5, variance.shape)])
    freeze(lambda x: model(x, training=False), file)
    if first_file:
        keras.backend.set_image_data_format("channels_first")
        first = APPLICATIONS[which](weights=None, input_shape=(3, 224, 224))
        first.set_weights(model.get_weights())  # filters are HWIO either way
        freeze(lambda x: first(tf.transpose(x, [0, 3, 1, 2]), training=False), *first_file)


if __name__ == "__main__":
    main()
