#!/usr/bin/env python3
"""Draws the pictures of README.md, with nothing but graft and Python's own library.

    docs/images/make_pictures.py [--graft build/graft] [--summaries tf_files/training_summaries/NAME]

  models.svg    `graft models --chart` where the codelab's network lies
  samples.svg   photos that `graft sample` drew, as they are
  training.svg  the curves of the run whose logs lie in --summaries, read from its event files
                (docs/formats/events.md); without --summaries this picture is left as it is

The pictures of the board are taken by web/tests/pages/look.mjs --jpeg from a board over runs on photos
that `graft sample` drew.
"""

import argparse
import base64
import html
import json
import math
import struct
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MOST_BYTES = 11000  # of a photo in samples.svg: it is there to be looked at, not to be large
FONT = 'font-family="sans-serif" font-size="13"'
TRAINING, VALIDATION, GRID, TEXT = "#1f6fb4", "#d1662b", "#dddddd", "#333333"


# --- protocol buffers and event files ---------------------------------------------------------

def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """(field number, value) of one message: bytes for what has a length, ints for the rest."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            size, at = varint(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def scalars(directory, tag):
    """[(step, value)] of one tag in a directory's event files."""
    points = []
    for path in sorted(directory.glob("events.out.tfevents.*")):
        data, at = path.read_bytes(), 0
        while at + 12 <= len(data):
            (size,) = struct.unpack_from("<Q", data, at)
            event = list(fields(data[at + 12:at + 12 + size]))
            at += size + 16  # length, its checksum, data, its checksum
            step = next((v for n, v in event if n == 2), 0)
            for summary in (v for n, v in event if n == 5):
                for value in (dict(fields(v)) for n, v in fields(summary) if n == 1):
                    if value.get(1, b"").decode() == tag and 2 in value:
                        points.append((step, struct.unpack("<f", value[2])[0]))
    return points


# --- pictures -----------------------------------------------------------------------------------

def text(x, y, words, anchor="start", color=TEXT):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{color}" {FONT}>'
            f"{html.escape(words)}</text>")


def svg(width, height, title, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}"><title>{html.escape(title)}</title>'
            f'<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(parts)
            + "\n</svg>\n")


def panel(left, top, width, height, title, curves, last_step, highest, as_percent):
    """One chart: axes with their figures, and the curves [(color, points)]."""
    def x(step):
        return left + width * step / last_step

    def y(value):
        return top + height * (1 - min(value, highest) / highest)

    parts = [text(left, top - 10, title)]
    for i in range(5):
        value = highest * i / 4
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y(value):.1f}" '
                     f'y2="{y(value):.1f}" stroke="{GRID}"/>')
        shown = f"{100 * value:.0f} %" if as_percent else f"{value:.2f}"
        parts.append(text(left - 8, y(value) + 4, shown, "end"))
    for i in range(6):
        step = last_step * i / 5
        parts.append(text(x(step), top + height + 18, f"{step:.0f}", "middle"))
    for color, points in curves:
        path = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" '
                     'stroke-width="1.6" stroke-linejoin="round"/>')
    return parts


def training_picture(summaries):
    train = {tag: scalars(summaries / "train", tag) for tag in ("accuracy_1", "cross_entropy_1")}
    valid = {tag: scalars(summaries / "validation", tag) for tag in train}
    interval = valid["accuracy_1"][1][0] - valid["accuracy_1"][0][0]
    # As often as the validation was looked at: every step is too much for a picture of this size.
    thin = {tag: [p for p in points if p[0] % interval == 0] for tag, points in train.items()}
    last = train["accuracy_1"][-1][0] + 1
    losses = [v for points in (thin, valid) for _, v in points["cross_entropy_1"]]
    highest = math.ceil(4 * max(losses)) / 4
    parts = []
    for left, tag, title, top_value in ((60, "accuracy_1", "accuracy", 1.0),
                                        (480, "cross_entropy_1", "cross entropy", highest)):
        parts += panel(left, 40, 340, 220, title,
                       [(TRAINING, thin[tag]), (VALIDATION, valid[tag])], last, top_value,
                       tag == "accuracy_1")
        parts.append(text(left + 170, 296, "training steps", "middle"))
    parts += [text(60, 322, "training batches", color=TRAINING),
              text(180, 322, "validation photos", color=VALIDATION)]
    run = json.loads((summaries / "run.json").read_text())
    test = run["result"]["test"]
    low, high = test["interval_95"]
    parts.append(text(820, 322, f"{run['network']['architecture']}, final test: "
                      f"{100 * test['accuracy']:.1f} % of {test['photos']} photos "
                      f"(95 %: {100 * low:.1f} to {100 * high:.1f} %)", "end"))
    return svg(840, 336, "training curves", parts)


def jpeg_size(data):
    """(width, height) from the frame header."""
    at = 2
    while not 0xC0 <= data[at + 1] <= 0xC3:
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    height, width = struct.unpack_from(">HH", data, at + 5)
    return width, height


def samples_picture(graft):
    cell, gap, each = 150, 10, 2
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([graft, "sample", f"--output={folder}", "--photos_per_class=20"],
                       check=True, stderr=subprocess.DEVNULL)
        classes = sorted(Path(folder).iterdir())
        for column, name in enumerate(classes):
            left = gap + column * (cell + gap)
            parts.append(text(left + cell / 2, 20, name.name, "middle"))
            photos = [p.read_bytes() for p in sorted(name.iterdir())]
            chosen = [p for p in photos if len(p) <= MOST_BYTES and jpeg_size(p)[0] > jpeg_size(p)[1]]
            for row, photo in enumerate(chosen[:each]):
                data = base64.b64encode(photo).decode()
                parts.append(f'<image x="{left}" y="{30 + row * 118}" width="{cell}" height="110" '
                             'preserveAspectRatio="xMidYMid slice" '
                             f'href="data:image/jpeg;base64,{data}"/>')
    return svg(gap + len(classes) * (cell + gap), 30 + each * 118, "photos drawn by graft sample",
               parts)


def models_picture(graft):
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "models" / "mobilenet_v1_0.50_224"
        place.mkdir(parents=True)
        (place / "frozen_graph.pb").touch()  # that it is there is all that the chart looks at
        subprocess.run([graft, "models", f"--model_dir={place.parent}",
                        f"--chart={folder}/models.svg"], check=True, stderr=subprocess.DEVNULL)
        return (Path(folder) / "models.svg").read_text()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graft", default=ROOT / "build" / "graft")
    parser.add_argument("--summaries", type=Path)
    options = parser.parse_args()
    (HERE / "models.svg").write_text(models_picture(str(options.graft)))
    (HERE / "samples.svg").write_text(samples_picture(str(options.graft)))
    if options.summaries:
        (HERE / "training.svg").write_text(training_picture(options.summaries))


if __name__ == "__main__":
    main()
