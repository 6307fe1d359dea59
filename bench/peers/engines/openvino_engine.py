"""OpenVINO on the CPU in float32, reading TensorFlow's graph itself; one stream a worker."""

import openvino
import setting

DISTRIBUTIONS = ("openvino",)
settings = setting.one_photo_a_thread_or_all_threads_a_photo


class Engine:
    def __init__(self, network, chosen):
        core = openvino.Core()
        model = core.read_model(str(network.graph))
        model.reshape([chosen.batch, network.size, network.size, 3])
        compiled = core.compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": chosen.workers * chosen.threads,
            "NUM_STREAMS": chosen.workers,
            "INFERENCE_PRECISION_HINT": "f32"})
        self._requests = [compiled.create_infer_request() for _ in range(chosen.workers)]

    def features(self, worker, batch):
        return self._requests[worker].infer([batch], share_inputs=True)[0]
