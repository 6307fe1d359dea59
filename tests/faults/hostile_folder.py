#!/usr/bin/env python3
"""The whole job over folders made of every awkward and hostile file that photos come with.

Meant for a binary built with sanitizers. The main folder must train to the end (exit 0) with each
unusable file named in run.json with a reason and each awkward but good one used; then label,
evaluate and features run over it too. Smaller folders must fail with one line that says what to do,
or train where it can be. A folder that changes under the program's hands must not break it. Run as
root, the program is started as nobody, so that unreadable files are unreadable.

Usage: hostile_folder.py [--graft FILE]
"""

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import awkward_files as awkward  # noqa: E402
import places  # noqa: E402
from report import Report  # noqa: E402

NOBODY = 65534
ARCHITECTURE = "untrained_mobilenet_0.25_128"
SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "ThreadSanitizer",
                   "MemorySanitizer")


class Program:
    """The binary under test, started as nobody when this is root."""

    def __init__(self, graft, scratch):
        self.as_nobody = os.getuid() == 0
        self.scratch = scratch
        self.binary = scratch / "graft"
        shutil.copy(graft, self.binary)  # nobody may not reach a build folder under a home
        os.chmod(scratch, 0o755)

    def folder(self, name):
        path = self.scratch / name
        path.mkdir()
        if self.as_nobody:
            os.chown(path, NOBODY, NOBODY)
        return path

    def __call__(self, *words, seconds=240):
        """(exit status or None after a hang, stdout, stderr)"""
        def become_nobody():
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

        try:
            done = subprocess.run(
                [str(self.binary), *map(os.fsdecode, words)], stdin=subprocess.DEVNULL,
                capture_output=True, timeout=seconds, check=False, cwd=self.scratch,
                preexec_fn=become_nobody if self.as_nobody else None)
        except subprocess.TimeoutExpired as hang:
            return None, "", (hang.stderr or b"").decode(errors="replace")
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(
            errors="replace")

    def retrain(self, image_dir, work, *more, seconds=240):
        return self(
            "retrain", f"--image_dir={os.fsdecode(image_dir)}", f"--architecture={ARCHITECTURE}",
            "--how_many_training_steps=30", f"--output_graph={work}/graph.pb",
            f"--output_labels={work}/labels.txt", f"--summaries_dir={work}/summaries",
            f"--bottleneck_dir={work}/cache", f"--model_dir={work}/models", "--json", *more,
            seconds=seconds)


def write(folder, name, data):
    path = os.path.join(os.fsencode(folder), os.fsencode(name))
    with open(path, "wb") as file:
        file.write(data)
    return path


def draw_photos(graft, scratch, per_class):
    """The program's own sample photos, as a list of JPEG bytes a class."""
    target = scratch / "drawn"
    subprocess.run([graft, "sample", f"--output={target}", f"--photos_per_class={per_class}"],
                   check=True, capture_output=True)
    return [[photo.read_bytes() for photo in sorted(folder.iterdir())]
            for folder in sorted(target.iterdir()) if folder.is_dir()]


def make_hostile_folder(root, drawn):
    """Returns (names that must be skipped, names that must be used), as bytes."""
    folders = [b"plain", "G\u00e4nsebl\u00fcmchen \u83ca".encode(), b"not \xff utf\xfe-8",
               b"new\nline\tand\\", b"*st?r[x]{y} $HOME `id` \"q\" 'p'", b"x" * 255]
    for i, folder in enumerate(folders):
        path = os.path.join(os.fsencode(root), folder)
        os.mkdir(path)
        for j, photo in enumerate(drawn[i % len(drawn)]):
            # Trailing bytes make a copy in another class another content.
            write(path, f"photo_{j:03}.jpg".encode(), photo + bytes([i, j]))
    plain, good = os.path.join(os.fsencode(root), folders[0]), drawn[0][0]
    skipped, used = set(), set()

    def add(expected, name, data):
        write(plain, name, data)
        expected.add(name)

    add(skipped, b"zero.jpg", b"")
    add(skipped, b"text.jpg", b"This is not a photo.\n" * 50)
    add(skipped, b"page.jpeg", b"<!DOCTYPE html><html><body>404</body></html>")
    add(skipped, b"truncated.jpg", good[:len(good) // 2])
    add(skipped, b"header only.jpg", good[:300])
    add(skipped, b"two bytes.jpg", b"\xff\xd8")
    add(skipped, b"garbage.jpg", b"\xff\xd8\xff\xe0" + random.Random(1).randbytes(5000))
    add(skipped, b"noise.png", awkward.PNG_SIGNATURE + random.Random(2).randbytes(5000))
    add(skipped, b"cut.png", awkward.png_rgb()[:200])
    add(skipped, b"bomb.png", awkward.png_bomb())
    add(skipped, b"bomb.jpg", awkward.jpeg_bomb())
    add(skipped, b"scans.jpg", awkward.jpeg_progressive_scans(5000))
    add(skipped, b"gif.gif", awkward.gif()[:30])

    add(used, b"corrupt but decodable.jpg", awkward.corrupt_but_decodable(good))
    add(used, b"rotated.jpg", awkward.with_exif_orientation(good))
    add(used, b"few scans.jpg", awkward.jpeg_progressive_scans(10))
    add(used, b"really a png.jpg", awkward.png_rgb())
    add(used, b"sixteen.png", awkward.png_rgb16())
    add(used, b"palette.PNG", awkward.png_palette())
    add(used, b"one pixel.png", awkward.png_rgb(1, 1))
    add(used, b"wide.png", awkward.png_rgb(5000, 1))
    add(used, b"tall.png", awkward.png_rgb(1, 5000))
    add(used, b"animated.gif", awkward.gif())
    add(used, b"bitmap.bmp", awkward.bmp())
    add(used, b"scan.tiff", awkward.tiff())
    for i, name in enumerate((b"new\nline.jpg", b"not \xff utf-8.jpg", b"*?[a-z]\\.jpg", b"-rf.jpg",
                              b" .jpg", "\u83ca\u82b1.jpg".encode(), b"%s%n.jpg",
                              b"n" * 251 + b".jpg", b"no_ext_nohash_1.JPEG")):
        add(used, name, good + b"name" + bytes([i]))

    os.mkfifo(os.path.join(plain, b"fifo.jpg"))
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(plain)  # the path of a socket is short
        listener.bind("socket.jpg")
        os.chdir(here)
    for name, target in ((b"device.jpg", b"/dev/zero"), (b"tty.jpg", b"/dev/tty"),
                         (b"dangling.jpg", b"nowhere.jpg"), (b"itself.jpg", b"itself.jpg"),
                         (b"ping.jpg", b"pong.jpg"), (b"pong.jpg", b"ping.jpg")):
        os.symlink(target, os.path.join(plain, name))
        skipped.add(name)
    skipped |= {b"fifo.jpg", b"socket.jpg"}
    os.symlink(b"photo_000.jpg", os.path.join(plain, b"link to a photo.jpg"))
    used.add(b"link to a photo.jpg")
    os.mkdir(os.path.join(plain, b"folder.jpg"))
    os.symlink(b"..", os.path.join(plain, b"up"))
    if os.getuid() == 0 or not os.access("/root", os.R_OK):
        path = write(plain, b"unreadable.jpg", good + b"secret")
        os.chmod(path, 0)
        skipped.add(b"unreadable.jpg")
        locked = os.path.join(os.fsencode(root), b"locked folder")
        os.mkdir(locked)
        write(locked, b"inside.jpg", good)
        os.chmod(locked, 0)
        skipped.add(b"locked folder")
    for name in (b"._photo.jpg", b".hidden.jpg"):
        write(plain, name, good)
    os.mkdir(os.path.join(os.fsencode(root), b".hidden folder"))
    write(os.path.join(os.fsencode(root), b".hidden folder"), b"a.jpg", good)
    os.mkdir(os.path.join(os.fsencode(root), b"empty folder"))
    os.mkdir(os.path.join(os.fsencode(root), b"one bad photo"))
    write(os.path.join(os.fsencode(root), b"one bad photo"), b"only.jpg", b"")
    os.symlink(b"loop", os.path.join(os.fsencode(root), b"loop"))
    write(root, b"photo at the top.jpg", good)
    # The same bytes in two classes and, whatever the split, on both sides of it.
    second = os.path.join(os.fsencode(root), folders[1])
    for j in range(30):
        write(second, f"duplicate_{j}.jpg".encode(), good + b"same")
    return skipped, used


def escaped(name):
    """A name as Graft prints it: what is not printable UTF-8 becomes an escape."""
    try:
        text = name.decode()
        if text.isprintable():
            return text
    except UnicodeDecodeError:
        pass
    named = {0x0A: "\\n", 0x09: "\\t", 0x5C: "\\\\"}
    try:
        return "".join(named.get(ord(c), c) if c.isprintable() or ord(c) in named
                       else f"\\x{ord(c):02x}" for c in name.decode())
    except UnicodeDecodeError:
        return "".join(named.get(b, chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in name)


def healthy(report, name, status, stderr, expected=(0,)):
    """No hang, no sanitizer report, an expected exit status."""
    complaint = next((w for w in SANITIZER_WORDS if w in stderr), None)
    if complaint:
        print(stderr[-6000:])
    return report.check(
        status in expected and not complaint, name,
        "" if status in expected and not complaint else
        f"status {status}, {complaint or 'no sanitizer report'}: {stderr[-500:]}")


def check_main_folder(report, program, drawn):
    photos = program.scratch / "hostile photos"
    photos.mkdir()
    skipped, used = make_hostile_folder(photos, drawn)
    work = program.folder("main")
    status, out, err = program.retrain(photos, work)
    if not healthy(report, "retrain over the hostile folder", status, err):
        return
    result = json.loads(out)
    run = json.loads(Path(result["files"]["run_json"]).read_text())
    listed = {entry["path"].rsplit("/", 1)[-1]: entry["reason"] for entry in result["skipped"]}
    report.check("skipped" in json.dumps(run), "run.json lists what was skipped")
    for name in sorted(skipped):
        reason = listed.get(escaped(name))
        report.check(bool(reason), f"skip of {escaped(name)}", reason or "not named")
    for name in sorted(used):
        report.check(escaped(name) not in listed, f"use of {escaped(name)[:40]}",
                     listed.get(escaped(name), ""))
    for name in (b"._photo.jpg", b".hidden.jpg", b"a.jpg"):
        report.check(escaped(name) not in listed, f"{escaped(name)} is ignored")
    report.check(len(result["labels"]) == 6, "six classes remain", result["labels"])
    report.check(result["features"]["corrupt_but_decoded"] >= 1, "a corrupt photo is counted")
    report.check(result["features"]["duplicates_across_splits"] >= 1, "duplicates are noticed",
                 result["features"])

    again, out, err = program.retrain(photos, work, "--seed=3")
    if healthy(report, "a second run over the hostile folder", again, err):
        features = json.loads(out)["features"]
        report.check(features["computed"] == 0 and features["damaged"] == 0,
                     "the second run computes nothing", features)
    graph = f"--graph={work}/graph.pb"
    status, out, err = program("label", graph, "--json", os.path.join(os.fsencode(photos), b"plain"))
    healthy(report, "label over the hostile class", status, err, expected=(0, 1))
    report.check(out.strip() != "" and json.loads(out) is not None, "label prints JSON")
    status, out, err = program("evaluate", graph, f"--image_dir={photos}", "--json")
    healthy(report, "evaluate over the hostile folder", status, err)
    status, _, err = program("features", f"--image_dir={photos}", f"--architecture={ARCHITECTURE}",
                             f"--model_dir={work}/models", f"--bottleneck_dir={work}/cache",
                             f"--output={work}/features.npy")
    healthy(report, "features over the hostile folder", status, err)


def check_small_folders(report, program, drawn):
    """Folders that cannot be trained on say why in one line; those that can, are."""
    def folder(name, classes):
        path = program.scratch / name
        path.mkdir()
        for number, (label, photos) in enumerate(classes.items()):
            (path / label).mkdir()
            for i, photo in enumerate(photos):
                write(path / label, f"{i}.jpg", photo + bytes([number]))
        return path

    a, b = drawn[0], drawn[1]
    cases = [
        ("collision", {"Red Rose": a, "red-rose": b}, (1, 2), ("Red Rose", "red-rose")),
        ("one class", {"roses": a}, (1, 2), ("roses",)),
        ("no photos", {"roses": [], "tulips": []}, (1, 2), ()),
        ("no folders", {}, (1, 2), ()),
        ("all bad", {"roses": [b""] * 3, "tulips": [b"x"] * 3}, (1, 2), ()),
        ("one class bad", {"roses": a, "tulips": [b""] * 3}, (1, 2), ("tulips",)),
        ("few", {"roses": a[:4], "tulips": b[:4]}, (0,), ()),
        ("two", {"roses": a[:1], "tulips": b[:1]}, (0, 1, 2), ()),
    ]
    for name, classes, expected, words in cases:
        photos, work = folder(name, classes), program.folder(f"out {name}")
        status, _, err = program.retrain(photos, work)
        if healthy(report, f"folder: {name}", status, err, expected) and status:
            error = [line for line in err.strip().splitlines() if line][-1:]
            report.check(len(error) == 1 and error[0].count(": ") >= 2
                         and all(word in err for word in words),
                         f"folder: {name}: says what and why", error)
            report.check(not (work / "graph.pb").exists(), f"folder: {name}: no graph is left")
    status, _, err = program.retrain(program.scratch / "collision", program.folder("verbatim"),
                                     "--labels=verbatim")
    healthy(report, "folder: collision, with --labels=verbatim", status, err)
    for name, path in (("missing", program.scratch / "not there"), ("file", program.binary)):
        status, _, err = program.retrain(path, program.folder(f"out {name}"))
        healthy(report, f"image_dir: {name}", status, err, expected=(1, 2))


def check_moving_folder(report, program, drawn):
    """Photos are replaced, cut, removed and renamed while three runs read them."""
    photos, work = program.scratch / "moving", program.folder("out moving")
    for label, data in zip(("roses", "tulips"), drawn):
        (photos / label).mkdir(parents=True)
        for i, photo in enumerate(data):
            write(photos / label, f"{i:03}.jpg", photo)
    stop = threading.Event()

    def disturb():
        rng = random.Random(3)
        while not stop.is_set():
            label = rng.randrange(2)
            path = photos / ("roses", "tulips")[label] / f"{rng.randrange(len(drawn[label])):03}.jpg"
            photo = rng.choice(drawn[label])
            choice = rng.randrange(4)
            if choice == 0:
                path.unlink(missing_ok=True)
            elif choice == 1:
                path.write_bytes(photo[:rng.randrange(len(photo))])
            elif choice == 2 and path.exists():
                path.rename(path.with_suffix(".tmp.jpg"))
            else:
                path.write_bytes(photo)
            time.sleep(0.0005)

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        for number in range(3):
            status, _, err = program.retrain(photos, work, f"--seed={number}")
            healthy(report, f"a folder that changes meanwhile, run {number + 1}", status, err,
                    expected=(0, 1, 2))
    finally:
        stop.set()
        disturber.join()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graft", default=str(places.ROOT / "build-asan" / "graft"))
    graft = str(Path(parser.parse_args().graft).resolve())
    report = Report()
    with tempfile.TemporaryDirectory(prefix="graft-hostile-") as scratch:
        scratch = Path(scratch)
        program = Program(graft, scratch)
        drawn = draw_photos(graft, scratch, 24)
        check_main_folder(report, program, drawn)
        check_small_folders(report, program, drawn)
        check_moving_folder(report, program, drawn)
    report.finish()


if __name__ == "__main__":
    main()
