#!/usr/bin/env python3
"""Features of real photos: graft against TensorFlow, for every network at hand.

For each network, `graft features` and TensorFlow's own session see the same photos. Bar: the largest
difference of any feature is 1e-4 or less, and the arg max is the same on every photo.
"""

import csv
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import places  # noqa: E402
from report import Report  # noqa: E402

import numpy as np  # noqa: E402
import tensorflow_side  # noqa: E402

PHOTOS_PER_CLASS = 40  # of five classes: 200
BAR = 1e-4
NETWORKS = [(width, size, quantized)
            for width in ("0.25", "0.50", "0.75", "1.0")
            for size in (128, 160, 192, 224)
            for quantized in (False, True)]


def files_at_hand(model_dir):
    """How many networks lie in a folder, unpacked or in archives."""
    found = {(file.parent.name, file.name) for file in model_dir.glob("*/*_graph.pb")}
    for archive in model_dir.glob("*.tgz"):
        with tarfile.open(archive) as tar:
            found |= {tuple(Path(name).parts[-2:]) for name in tar.getnames()
                      if name.endswith("_graph.pb")}
    return len(found)


def choose_photos(source, target):
    """Links to the photos, spread evenly over each class's names."""
    for folder in sorted(p for p in source.iterdir() if p.is_dir()):
        photos = sorted(folder.iterdir())
        (target / folder.name).mkdir(parents=True)
        for i in range(PHOTOS_PER_CLASS):
            photo = photos[i * len(photos) // PHOTOS_PER_CLASS]
            (target / folder.name / photo.name).symlink_to(photo)


def graft_features(photos, architecture, model_dir, work):
    """(paths, features): graft's rows."""
    out = work / "features.npy"
    subprocess.run([places.graft(), "features", f"--image_dir={photos}", f"--model_dir={model_dir}",
                    f"--architecture={architecture}", f"--bottleneck_dir={work / 'cache'}",
                    f"--output={out}"], check=True, capture_output=True, text=True)
    with open(work / "features.csv", newline="") as file:
        return [row["path"] for row in csv.DictReader(file)], np.load(out)


def main():
    report, material = Report(), places.shared()
    if material is None:
        report.skip("features equal TensorFlow's", "no ../shared with photos and networks")
        report.finish()
    print(f"{'network':32} photos  max |diff|  median |diff|  arg max equal")
    with tempfile.TemporaryDirectory(prefix="graft-parity-") as scratch:
        photos = Path(scratch, "photos")
        choose_photos(material / "photos" / "flower_photos", photos)
        compared = 0
        for width, size, quantized in NETWORKS:
            data = tensorflow_side.model_bytes(material / "models", width, size, quantized)
            if data is None:
                continue
            compared += 1
            architecture = f"mobilenet_{width}_{size}" + ("_quantized" if quantized else "")
            work = Path(scratch, architecture)
            work.mkdir()
            try:
                paths, ours = graft_features(photos, architecture, material / "models", work)
            except subprocess.CalledProcessError as error:
                report.check(False, f"features {architecture}", error.stderr)
                continue
            classify = tensorflow_side.Classifier(data, size)
            theirs = np.stack([classify(path) for path in paths])
            worst = np.abs(ours - theirs).max(axis=1)
            same = int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())
            print(f"{architecture:32} {len(paths):6}  {worst.max():10.2e}  {np.median(worst):13.2e}"
                  f"  {same}/{len(paths)}")
            report.check(
                len(paths) >= 200 and worst.max() <= BAR and same == len(paths),
                f"features {architecture}", f"max |diff| {worst.max():.2e} on {len(paths)} photos")
    there = files_at_hand(material / "models")
    report.check(compared == there, "every network at hand is compared", f"{compared} of {there}")
    report.finish()


if __name__ == "__main__":
    main()
