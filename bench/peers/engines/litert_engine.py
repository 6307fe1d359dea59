"""LiteRT (TensorFlow Lite) with its XNNPACK delegate, float32; one interpreter a worker."""

from ai_edge_litert.interpreter import Interpreter
import setting

DISTRIBUTIONS = ("ai-edge-litert",)
settings = setting.one_photo_a_thread_or_all_threads_a_photo


class Engine:
    def __init__(self, network, chosen):
        self._interpreters = [
            Interpreter(str(network.tflite), num_threads=chosen.threads)
            for _ in range(chosen.workers)]
        for interpreter in self._interpreters:
            self._input = interpreter.get_input_details()[0]["index"]
            interpreter.resize_tensor_input(self._input,
                                            [chosen.batch, network.size, network.size, 3])
            interpreter.allocate_tensors()
        self._output = self._interpreters[0].get_output_details()[0]["index"]

    def features(self, worker, batch):
        interpreter = self._interpreters[worker]
        interpreter.set_tensor(self._input, batch)
        interpreter.invoke()
        return interpreter.get_tensor(self._output)
