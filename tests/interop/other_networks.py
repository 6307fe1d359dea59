#!/usr/bin/env python3
"""Networks beside MobileNet V1: Inception V3, MobileNet V2, ResNet V2, against TensorFlow.

Inception V3 is our fixture with the structure of the codelab's file, weights from a seed; the other
two are made by TensorFlow's Keras with random weights and frozen. Photos: the shared ones, else
drawn. Bar, at each tensor: the largest difference is 1e-4 or less of the tensor's largest value. The
ResNet comes with channels first, too, which has to give the same bits.
"""

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

BAR = 1e-4
INCEPTION = ["mixed/join", "mixed_3/join", "mixed_8/join", "mixed_10/join", "pool_3/_reshape"]


def choose_photos(work, count):
    material = places.shared()
    if material is not None and (material / "photos" / "flower_photos").is_dir():
        source = material / "photos" / "flower_photos"
    else:
        source = work / "drawn"
        subprocess.run([places.graft(), "sample", f"--output={source}",
                        f"--photos_per_class={count // 5 + 1}"], check=True, capture_output=True)
    every = sorted(source.glob("*/*.jpg"))
    return [every[i * len(every) // count] for i in range(count)]


def prepare(photos, size, mean, std):
    """f32 [1,size,size,3] for each photo, by TensorFlow's own decoding and resizing."""
    with tf.Graph().as_default(), tf.Session() as session:
        jpeg = tf.placeholder(tf.string)
        pixels = tf.cast(tf.image.decode_jpeg(jpeg, channels=3), tf.float32)
        resized = tf.image.resize_bilinear(tf.expand_dims(pixels, 0), [size, size])
        prepared = tf.multiply(tf.subtract(resized, mean), 1.0 / std)
        return [session.run(prepared, {jpeg: photo.read_bytes()}) for photo in photos]


def ours_of(report, work, name, file, tensor_in, tensors, inputs):
    """The tensors' values in graft, input by input; None where it fails."""
    raw_in, raw_out = work / "in.f32", work / "out.f32"
    raw_in.write_bytes(b"".join(value.tobytes() for value in inputs))
    shape = ",".join(str(d) for d in inputs[0].shape)
    done = subprocess.run([places.BUILD / "tests" / "interop" / "run_graph", file, tensor_in, shape,
                           ",".join(tensors), raw_in, raw_out], capture_output=True, text=True,
                          check=False)
    report.check(done.returncode == 0, f"{name} runs", done.stdout + done.stderr)
    return np.fromfile(raw_out, np.float32) if done.returncode == 0 else None


def compare(report, work, name, file, tensor_in, tensors, inputs):
    """Each tensor of the frozen graph in `file`, on every input, in both programs. Returns ours_of()
    it."""
    graph = tf.Graph()
    with graph.as_default():
        imported = tf.import_graph_def(tensorflow_side.graph_def(file.read_bytes()), name="",
                                       return_elements=[f"{t}:0" for t in [tensor_in, *tensors]])
    with tf.Session(graph=graph) as session:
        theirs = [session.run(imported[1:], {imported[0]: value}) for value in inputs]
    ours = ours_of(report, work, name, file, tensor_in, tensors, inputs)
    if ours is None:
        return None
    at, worst, largest = 0, dict.fromkeys(tensors, 0.0), dict.fromkeys(tensors, 0.0)
    for values in theirs:
        for tensor, expected in zip(tensors, values):
            found = ours[at:at + expected.size].reshape(expected.shape)
            at += expected.size
            worst[tensor] = max(worst[tensor], float(np.abs(found - expected).max()))
            largest[tensor] = max(largest[tensor], float(np.abs(expected).max()))
    report.check(at == ours.size, f"{name}: as many values", f"{ours.size} and {at}")
    for tensor in tensors:
        relative = worst[tensor] / largest[tensor] if largest[tensor] > 0 else np.inf
        print(f"{name:14} {tensor:32} {len(inputs):6}  {largest[tensor]:9.3g}  {worst[tensor]:10.2e}"
              f"  {relative:10.2e}")
        report.check(relative <= BAR, f"{name} {tensor}",
                     f"max |diff| {worst[tensor]:.1e} of {largest[tensor]:.3g}, {relative:.1e} of it,"
                     f" {len(inputs)} photos")
    return ours


def main():
    report = Report()
    print(f"{'network':14} {'tensor':32} photos    largest  max |diff|  of largest")
    with tempfile.TemporaryDirectory(prefix="graft-networks-") as scratch:
        work = Path(scratch)
        photos = choose_photos(work, 50)
        file = work / "inception.pb"
        subprocess.run([places.BUILD / "tests" / "fixtures" / "make_inception", file], check=True)
        compare(report, work, "inception_v3", file, "Mul", INCEPTION,
                prepare(photos, 299, 128.0, 128.0))
        inputs = prepare(photos[::5], 224, 127.5, 127.5)
        for which in ("mobilenet_v2", "resnet50_v2"):
            files = [work / f"{which}.pb"]
            if which == "resnet50_v2":
                files.append(work / f"{which}_channels_first.pb")
            made = subprocess.run(
                [sys.executable, Path(__file__).with_name("make_keras.py"), which, *files],
                capture_output=True, text=True, check=False)
            if not report.check(made.returncode == 0, f"{which} is made", made.stderr[-500:]):
                continue
            ends = [line.split() for line in made.stdout.splitlines()[-len(files):]]
            ours = compare(report, work, which, files[0], ends[0][0], [ends[0][1]], inputs)
            for file, (tensor_in, tensor_out) in zip(files[1:], ends[1:]):
                first = ours_of(report, work, file.stem, file, tensor_in, [tensor_out], inputs)
                report.check(first is not None and ours is not None and
                             np.array_equal(first.view(np.int32), ours.view(np.int32)),
                             f"{file.stem}: the same bits")
    report.finish()


if __name__ == "__main__":
    main()
