#!/usr/bin/env python3
"""graft board under a flood while it shows a training: neither of the two is the worse for it.

150 viewers open the push channel and take nothing from it, or a few bytes now and then; one takes
everything. Then come 10,000 connections that dawdle, talk nonsense or take no answer (support/flood.py), or as many as the limit
of descriptors allows; then a training writes its logs below the board's folder. While all that goes
on a newcomer is answered, and the board's descriptors and memory stay below what its limits add up
to. The training ends with the bytes of one that ran alone; the one good viewer saw it end; afterwards
the board answers as before and has let go of every connection.

Usage: board_flood.py [--graft FILE]
"""

import argparse
import hashlib
import json
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import places  # noqa: E402
from flood import CONNECTIONS, Flood, allowed_connections  # noqa: E402
from report import Report  # noqa: E402
from running_board import RunningBoard  # noqa: E402

STEPS = 8000
LAZY_VIEWERS = 150
PATIENCE = 120  # seconds until what should come soon counts as never
MB = 1 << 20

# The limits of src/board/http_server.h, and of event_hub.h for what one viewer's turn may hold: 256 KiB
# and one more event, which lists 4,000 points at most.
SESSIONS, STREAMS, ANSWERS, HUB, TURN = 400, 200, 64 * MB, 4 * MB, MB // 2
HEADER = 64 << 10  # a session's buffers: its header's 16 KiB, grown by doubling, and the parsed fields
OTHERS = 64  # descriptors for logs, listeners and the kernel's notices


class Board(RunningBoard):
    """`graft board`, and what the kernel says of it."""

    def ask(self, path):
        """The answer as JSON, or None."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return None

    def descriptors(self):
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def peak_memory(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) << 10


class Viewer:
    """A push channel that is open; `text`: what was taken from it."""

    def __init__(self, port):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.text = self.socket.recv(1)  # it is being served

    def take(self):
        """All that has come."""
        while self.take_some(1 << 20):
            pass

    def take_some(self, most):
        if not select.select([self.socket], [], [], 0)[0]:
            return False
        piece = self.socket.recv(most)
        self.text += piece
        return piece != b""


def retrain(graft, work, name):
    return [graft, "retrain", f"--image_dir={work}/photos", "--seed=1",
            "--architecture=untrained_mobilenet_0.25_128", f"--how_many_training_steps={STEPS}",
            f"--summaries_dir={work}/{name}/logs", f"--bottleneck_dir={work}/cache",
            f"--output_graph={work}/{name}/graph.pb", f"--output_labels={work}/{name}/labels.txt"]


def run(words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-500:])


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "none"


def size_of_logs(folder):
    return sum(file.stat().st_size for file in folder.rglob("*tfevents*"))


def eventually(condition, meanwhile):
    """Whether it came to hold within PATIENCE."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        meanwhile()
        time.sleep(0.02)
    return True


def under_flood(report, board, viewer, slow, graft, work):
    count = allowed_connections()
    peak = 0
    with Flood(board.port, count) as flood:
        flood.turn()
        report.check(len(flood.clients) == count, "the flood", f"{count} connections of {CONNECTIONS}")
        with subprocess.Popen(retrain(graft, work, "flooded"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as training:
            def look():
                nonlocal peak
                flood.turn()
                viewer.take()
                for one in slow:
                    one.take_some(100)
                peak = max(peak, board.descriptors())

            ended = eventually(lambda: training.poll() is not None or not board.alive(), look)
            report.check(ended and training.returncode == 0, "the training ends",
                         f"status {training.returncode}")
            training.kill()
        answers = []

        def ask():
            look()
            answers.append(board.ask("/api/status"))

        report.check(eventually(lambda: answers and answers[-1], ask),
                     "a newcomer is answered in the midst of it", f"asked {len(answers)} times")
        report.check(eventually(lambda: b'"state":"finished"' in viewer.text, look),
                     "a viewer that takes what is pushed saw the training's end",
                     f"{len(viewer.text) / MB:.1f} MB taken")
        begun = flood.begun
    allowed = SESSIONS + OTHERS
    report.check(peak <= allowed, "descriptors of the board", f"{peak} at most, {allowed} allowed; "
                 f"{begun} connections begun")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graft", default=places.graft())
    options = parser.parse_args()
    graft, report = str(Path(options.graft).resolve()), Report()
    with tempfile.TemporaryDirectory(prefix="graft-flood-") as folder:
        work = Path(folder)
        run([graft, "sample", f"--output={work}/photos", "--photos_per_class=12"])
        run(retrain(graft, work, "alone"))
        (work / "flooded").mkdir()
        with Board(graft, work / "flooded") as board:
            if not report.check(board.port != 0, "the board starts"):
                report.finish()
            board.ask("/api/runs")
            before, at_rest = board.descriptors(), board.peak_memory()
            viewer = Viewer(board.port)
            lazy = [Viewer(board.port) for _ in range(LAZY_VIEWERS)]
            under_flood(report, board, viewer, lazy[::5], graft, work)
            allowed = (at_rest + SESSIONS * HEADER + STREAMS * TURN + ANSWERS + HUB +
                       size_of_logs(work / "flooded"))  # what is read of them takes less room there
            peak = board.peak_memory()
            report.check(peak <= allowed, "memory of the board",
                         f"{peak / MB:.0f} MB at most, {allowed / MB:.0f} MB allowed, {at_rest / MB:.0f} "
                         f"MB at rest")
            for one in [viewer, *lazy]:
                one.socket.close()
            report.check(eventually(lambda: board.descriptors() <= before, lambda: None),
                         "every connection is let go", f"{before} before, {board.descriptors()} after")
            runs = board.ask("/api/runs")
            report.check(runs is not None and {run["last_step"] for run in runs["runs"]} == {STEPS - 1},
                         "the board answers afterwards, with the whole training",
                         [(run["name"], run["last_step"]) for run in (runs or {"runs": []})["runs"]])
        for name in ("graph.pb", "labels.txt"):
            report.check(digest(work / "alone" / name) == digest(work / "flooded" / name),
                         f"{name} is that of a training that ran alone")
    report.finish()


if __name__ == "__main__":
    main()
