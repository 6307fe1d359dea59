#!/usr/bin/env python3
"""Real TensorBoard and the board over the same logs (ours, and those that TensorFlow wrote): the same
runs, tags, steps and values through the HTTP interfaces of both."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import places  # noqa: E402
from report import Report  # noqa: E402
from sample_training import train  # noqa: E402

STEPS = 40
SECONDS = 120
# TensorBoard keeps histograms in float32; the board hands on the log's float64.
FLOAT32 = 2.0**-24


class Server:
    """A program that prints its address, and ends with the block."""

    def __init__(self, words, pattern):
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, errors="replace")
        self.address = None
        for line in self.process.stdout:
            found = re.search(pattern, line)
            if found:
                self.address = found.group(1).rstrip("/")
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, path, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        with urllib.request.urlopen(self.address + path + query, timeout=30) as answer:
            return json.load(answer)

    def when(self, path, condition):
        """The answer once the condition holds; the last one when the time is over."""
        end = time.monotonic() + SECONDS
        while True:
            try:
                answer = self.ask(path)
            except urllib.error.URLError:
                answer = None
            if answer is not None and (condition(answer) or time.monotonic() > end):
                return answer
            if time.monotonic() > end:
                return {}
            time.sleep(0.3)


def make_logs(work):
    """<work>/logs: a training of ours, and two runs that TensorFlow wrote."""
    train(work, STEPS, f"{work}/logs/ours")
    for name in ("tensorflow1", "tensorboard2"):
        folder = Path(work, "logs", "theirs", name)
        folder.mkdir(parents=True)
        shutil.copy(places.ROOT / "tests" / "golden" / "events" / f"{name}.events",
                    folder / "events.out.tfevents.1511452123.poet")


def same_number(a, b):
    """Not finite ones: TensorBoard writes them as text or NaN, the board as null."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and a == a:
        return a == b
    return not isinstance(b, (int, float))


def same_points(theirs, ours):
    return len(theirs) == len(ours) and all(
        t[0] == o[0] and t[1] == o[1] and same_number(t[2], o[2]) for t, o in zip(theirs, ours))


def same_histograms(theirs, ours):
    if len(theirs) != len(ours):
        return False
    for t, o in zip(theirs, ours):
        if t[0] != o[0] or t[1] != o[1] or len(t[2]) != len(o[2]):
            return False
        for left, right in zip(t[2], o[2]):
            if any(abs(x - y) > FLOAT32 * abs(y) for x, y in zip(left, right)):
                return False
    return True


def differing(tensorboard, board, path, tags, same):
    """"RUN TAG" of what the two answer differently."""
    return [f"{run} {tag}" for run, of_run in tags.items() for tag in of_run
            if not same(tensorboard.ask(path, run=run, tag=tag), board.ask(path, run=run, tag=tag))]


def compare(report, tensorboard, board):
    ours = board.when("/data/plugin/scalars/tags", lambda tags: len(tags) == 4)
    theirs = tensorboard.when("/data/plugin/scalars/tags", lambda tags: len(tags) == 4)

    def names(tags):
        return {run: sorted(of_run) for run, of_run in tags.items()}

    report.check(len(theirs) == 4 and names(ours) == names(theirs), "runs and scalar tags",
                 f"{sorted(theirs)} and {sorted(ours)}")
    report.check(sorted(board.ask("/data/runs")) == sorted(tensorboard.ask("/data/runs")), "all runs")
    wrong = differing(tensorboard, board, "/data/plugin/scalars/scalars", theirs, same_points)
    report.check(not wrong, "wall times, steps and values of every scalar", wrong or
                 f"{sum(map(len, theirs.values()))} tags")
    theirs = tensorboard.ask("/data/plugin/histograms/tags")
    ours = board.ask("/data/plugin/histograms/tags")
    report.check(names(ours) == names(theirs), "runs and histogram tags",
                 f"{names(theirs)} and {names(ours)}"[:300])
    wrong = differing(tensorboard, board, "/data/plugin/histograms/histograms", theirs,
                      same_histograms)
    report.check(not wrong, "every bucket of every histogram", wrong or
                 f"{sum(map(len, theirs.values()))} tags")


def main():
    report = Report()
    with tempfile.TemporaryDirectory(prefix="graft-board-") as work:
        make_logs(work)
        logs = f"{work}/logs"
        tensorboard = [sys.executable, "-m", "tensorboard.main", "--logdir", logs, "--port", "0",
                       "--host=127.0.0.1",
                       "--samples_per_plugin", "scalars=10000,histograms=10000"]
        with Server(tensorboard, r"(http://127\.0\.0\.1:\d+/)") as theirs, \
                Server([places.graft(), "board", f"--logdir={logs}", "--port=0"],
                       r"(http://127\.0\.0\.1:\d+/)") as ours:
            started = report.check(theirs.address is not None and ours.address is not None,
                                   "both servers start", f"{theirs.address} {ours.address}")
            if started:
                compare(report, theirs, ours)
    report.finish()


if __name__ == "__main__":
    main()
