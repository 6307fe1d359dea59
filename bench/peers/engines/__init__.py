"""The peers that only run networks, one module each, all with the same class `Engine`:

    Engine(network, setting)      loads the network; a `networks.Network` and a `setting.Setting`
    .features(worker, batch)      f32 [N, R, R, 3], N == setting.batch, to f32 [N, F]; worker w of
                                  setting.workers calls it from its own thread
    .extract(paths, rows)         optional: an own reader; fills f32 [len(paths), F]. Engines without
                                  it are fed by `reading.py`.

with a constant DISTRIBUTIONS (what to ask versions of) and a function settings(cores): what is tried,
the fastest of which is measured.
"""

import importlib

NAMES = ("tensorflow", "onnxruntime", "openvino", "litert")
TITLES = {"tensorflow": "TensorFlow, tf.data", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO",
          "litert": "LiteRT, XNNPACK"}
_TURBO = "simplejpeg (libjpeg-turbo), Numba"
READERS = {"tensorflow": "tf.data, tf.io.decode_jpeg", "onnxruntime": _TURBO, "openvino": _TURBO,
           "litert": _TURBO}


def load(name):
    """The module of that name; ImportError where the peer is not installed."""
    return importlib.import_module(f"engines.{name}_engine")
