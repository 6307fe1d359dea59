"""ONNX Runtime on the CPU, the graph converted by tf2onnx, all its graph optimisations on."""

import onnxruntime
import setting

DISTRIBUTIONS = ("onnxruntime", "tf2onnx")
settings = setting.one_photo_a_thread_or_all_threads_a_photo


class Engine:
    def __init__(self, network, chosen):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = chosen.threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(network.onnx), options,
                                                     providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def features(self, _worker, batch):
        return self._session.run(None, {self._input: batch})[0]
