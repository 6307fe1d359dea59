#!/usr/bin/env python3
"""Writes tests/golden/expected: what TensorFlow makes of tests/golden/files.

Needs TensorFlow, numpy, Pillow and pillow-heif; the versions used are in README.md. Pixels come from
tf.io.decode_jpeg(channels=3), or decode_bmp; what these ops refuse by kind (animations, BMP with a
palette, WebP, TIFF, HEIC) comes from Pillow. The resized and normalised values always come from
TensorFlow.
"""

import hashlib
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import pillow_heif
import tensorflow as tf
from PIL import Image

pillow_heif.register_heif_opener()

HERE = Path(__file__).resolve().parent
FILES, EXPECTED = HERE / "files", HERE / "expected"
# (height, width, mean, std): the networks' inputs, and shapes that are not square.
RESIZES = [(128, 128, 127.5, 127.5), (224, 224, 127.5, 127.5), (299, 299, 128.0, 128.0),
           (19, 61, 127.5, 127.5), (61, 19, 0.0, 1.0)]


def decode(path):
    """(source, pixels), pixels None where TensorFlow refuses the file."""
    data = path.read_bytes()
    if path.suffix in (".webp", ".tif", ".heic") or path.name in ("animated.gif", "palette.bmp"):
        with Image.open(path) as image:
            return "Pillow", np.asarray(image.convert("RGB"))
    try:
        if path.suffix == ".bmp":
            pixels = tf.io.decode_bmp(data, channels=3)
        else:
            pixels = tf.io.decode_jpeg(data, channels=3)
    except (tf.errors.InvalidArgumentError, ValueError):
        return "TensorFlow", None
    return "TensorFlow", pixels.numpy()


def resized(pixels, height, width, mean, std):
    """As the original's graph: cast, resize_bilinear, subtract the mean, multiply by 1/std."""
    values = tf.expand_dims(tf.cast(pixels, tf.float32), 0)
    values = tf.compat.v1.image.resize_bilinear(values, [height, width], align_corners=False,
                                                half_pixel_centers=False)
    return tf.multiply(tf.subtract(values, mean), 1.0 / std).numpy()[0]


def main():
    EXPECTED.mkdir(exist_ok=True)
    for old in EXPECTED.iterdir():
        old.unlink()
    lines = []
    for path in sorted(FILES.iterdir()):
        source, pixels = decode(path)
        if pixels is None:
            lines.append(f"{path.name}\t{source}\terror")
            continue
        height, width, _ = pixels.shape
        (EXPECTED / f"{path.name}.ppm").write_bytes(
            b"P6 %d %d 255\n" % (width, height) + pixels.tobytes())
        hashes = [hashlib.sha256(resized(pixels, *how).astype("<f4").tobytes()).hexdigest()
                  for how in RESIZES]
        lines.append("\t".join([path.name, source, "ok", *hashes]))
    first = "file\tpixels from\tverdict\t" + "\t".join(
        f"{h}x{w} mean {m} std {s}" for h, w, m, s in RESIZES)
    (EXPECTED / "index.tsv").write_text("\n".join([first, *lines]) + "\n")
    refused = [line.split("\t")[0] for line in lines if line.endswith("error")]
    print(f"TensorFlow {tf.__version__}, {len(lines)} files, refused: {' '.join(refused)}")


if __name__ == "__main__":
    main()
