"""One frozen TensorFlow graph in every peer's format, cut behind the feature.

Run in the peers' environment: networks.py MODEL_DIR ARCHITECTURE FOLDER. Writes into FOLDER
frozen.pb (the file as it is), feature.pb, feature.onnx, feature.tflite; a peer's file is missing where
its converter is. The feature is what `graft` takes by default: the logits.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

INTEROP = Path(__file__).resolve().parents[2] / "tests" / "interop"
INPUT, FEATURE = "input", "MobilenetV1/Predictions/Reshape"
MEAN = STD = 127.5
WIDTH = 1001  # values a photo


@dataclass(frozen=True)
class Network:
    folder: Path

    @property
    def size(self):
        """Rows and columns of the input: the last part of mobilenet_0.50_224."""
        return int(self.folder.name.rsplit("_", 1)[1])

    @property
    def frozen(self):
        return self.folder / "frozen.pb"

    @property
    def graph(self):
        return self.folder / "feature.pb"

    @property
    def onnx(self):
        return self.folder / "feature.onnx"

    @property
    def tflite(self):
        return self.folder / "feature.tflite"


def convert(model_dir, architecture, network):
    sys.path.insert(0, str(INTEROP))
    import tensorflow_side
    from tensorflow_side import tf

    _, width, size = architecture.split("_")
    data = tensorflow_side.model_bytes(model_dir, width, size, quantized=False)
    if data is None:
        sys.exit(f"peers: {model_dir}: no {architecture}: its frozen graph has to lie there")
    network.folder.mkdir(parents=True, exist_ok=True)
    network.frozen.write_bytes(data)
    definition = tf.graph_util.extract_sub_graph(tensorflow_side.graph_def(data), [FEATURE])
    for node in definition.node:
        if node.name == INPUT:
            node.attr["shape"].shape.dim[0].size = -1  # any batch; the file says one
    network.graph.write_bytes(definition.SerializeToString())
    converter = tf.lite.TFLiteConverter.from_frozen_graph(str(network.graph), [INPUT], [FEATURE])
    network.tflite.write_bytes(converter.convert())
    try:
        import tf2onnx
    except ImportError:
        return
    tf2onnx.convert.from_graph_def(
        definition, input_names=[f"{INPUT}:0"], output_names=[f"{FEATURE}:0"],
        shape_override={f"{INPUT}:0": [None, network.size, network.size, 3]},
        output_path=str(network.onnx))


if __name__ == "__main__":
    convert(sys.argv[1], sys.argv[2], Network(Path(sys.argv[3])))
