#!/usr/bin/env python3
"""Trainings in a loop with a board open on their logs: its memory and descriptors do not grow.

`graft board` shows one folder of logs. A training after the other writes there, in the place of the
one eight before it (so the logs stay as many as they are), while clients come and go: some ask for
pages, some open the push channel and leave in the midst of it. After each training the board's
resident memory (RSS), its share of it (PSS), what of it is its own (anonymous: heap and stacks), and its
descriptors are noted.

Growth is judged over the second half, when the board's history of events is full: a line is fitted
through the values by least squares. They grow when the 99 % confidence interval of its slope lies above
zero and the rise over the half is more than SLACK: a viewer that is served at the last count and not
at the first makes as much of a difference. So a leak of 6 KiB a training is found in the last 100 of
200. The board is started with one arena of memory, and whatever takes a page or more is asked of the kernel
and given back to it: else the allocator keeps pages with holes in them, more of them as time goes by,
and a leak of the program would be lost in that. Descriptors must end the half as they began it, within what the clients
of that moment may hold.

Usage: soak.py [--graft FILE] [--trainings 200]
"""

import argparse
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import places  # noqa: E402
from report import Report  # noqa: E402
from running_board import RunningBoard  # noqa: E402
from scenarios import Kitchen, scratch_place  # noqa: E402

FOLDERS = 8  # of logs, used in turn
STEPS = 200
PATIENCE = 30
SLACK = 1 << 19  # bytes: what one viewer's turn may hold (src/board/event_hub.h)
EXACT_ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "4096",
                   "MALLOC_MMAP_THRESHOLD_": "4096"}
CLIENTS = 4  # descriptors
# Of Student's distribution, two-sided 99 %, for as many degrees of freedom as the second half leaves.
T_99 = {8: 3.355, 18: 2.878, 28: 2.763, 48: 2.682, 98: 2.627}
PAGES = ("/", "/api/status", "/api/runs", "/api/trainings", "/data/runs", "/data/plugins_listing")


class Board(RunningBoard):
    def __init__(self, graft, logs):
        super().__init__(graft, logs, env={**os.environ, **EXACT_ALLOCATOR})

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE) as answer:
            return answer.read()

    def figures(self):
        """(RSS, anonymous memory, PSS in bytes, descriptors)"""
        process = Path(f"/proc/{self.process.pid}")
        rollup = (process / "smaps_rollup").read_text()
        kilobytes = {key: int(re.search(rf"^{key}:\s+(\d+) kB", rollup, re.M).group(1))
                     for key in ("Rss", "Anonymous", "Pss")}
        return (*(kilobytes[key] << 10 for key in ("Rss", "Anonymous", "Pss")),
                len(list((process / "fd").iterdir())))


class Clients(threading.Thread):
    """They come and go until the end: pages asked for, push channels opened and left."""

    def __init__(self, board):
        super().__init__(daemon=True)
        self.board, self.ending, self.answers, self.pushed, self.failures = board, False, 0, 0, []

    def run(self):
        turn = 0
        while not self.ending:
            turn += 1
            try:
                self.board.ask(PAGES[turn % len(PAGES)])
                self.answers += 1
                self.listen(turn)
            except OSError as failure:
                self.failures.append(str(failure))
            time.sleep(0.02)

    def listen(self, turn):
        with socket.create_connection(("127.0.0.1", self.board.port), timeout=PATIENCE) as channel:
            channel.sendall(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            self.pushed += len(channel.recv(1 << 16 if turn % 2 else 10))  # and away in the midst


def slope(values):
    """(slope a training, half its 99 % confidence interval) by least squares."""
    n = len(values)
    mean_x, mean_y = (n - 1) / 2, sum(values) / n
    spread = sum((x - mean_x) ** 2 for x in range(n))
    rise = sum((x - mean_x) * (y - mean_y) for x, y in enumerate(values)) / spread
    residuals = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in enumerate(values))
    t = T_99[max(d for d in T_99 if d <= max(n - 2, min(T_99)))]
    return rise, t * math.sqrt(residuals / (n - 2) / spread)


def judge(report, name, values):
    half = values[len(values) // 2:]
    rise, margin = slope(half)
    grown = rise * (len(half) - 1)
    report.check(not (rise - margin > 0 and grown > SLACK), f"{name} does not grow",
                 f"{rise / 1024:+.2f} ± {margin / 1024:.2f} KiB a training over the last {len(half)}: "
                 f"{grown / 1024:+.0f} KiB in all")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graft", default=places.graft())
    parser.add_argument("--trainings", type=int, default=200)
    options = parser.parse_args()
    if options.trainings < 20:
        parser.error("--trainings: 20 or more: a slope needs some values")
    graft, report = str(Path(options.graft).resolve()), Report()
    with tempfile.TemporaryDirectory(prefix="graft-soak-", dir=scratch_place()) as folder:
        work = Path(folder)
        kitchen = Kitchen(graft, work)
        logs = work / "logs"
        logs.mkdir()
        noted, status = [], []
        with Board(graft, logs) as board:
            clients = Clients(board)
            clients.start()
            for number in range(options.trainings):
                place = logs / f"training-{number % FOLDERS}"
                shutil.rmtree(place, ignore_errors=True)
                done = subprocess.run(kitchen.retrain(f"--summaries_dir={place}", steps=STEPS,
                                                      seed=number), cwd=work, capture_output=True,
                                      stdin=subprocess.DEVNULL, check=False)
                status.append(done.returncode)
                noted.append(board.figures())
                if number % max(1, options.trainings // 10) == 0 or number + 1 == options.trainings:
                    rss, own, pss, descriptors = noted[-1]
                    print(f"training {number + 1:4}: RSS {rss >> 10} KiB, anonymous {own >> 10} KiB, PSS "
                          f"{pss >> 10} KiB, {descriptors} descriptors; {clients.answers} answers, "
                          f"{clients.pushed / 1024:.0f} KiB pushed", flush=True)
            clients.ending = True
            clients.join()
            end = time.monotonic() + PATIENCE
            names = set()
            while time.monotonic() < end and len(names) < min(FOLDERS, options.trainings):
                names = {run["name"].partition("/")[0] for run in json.loads(board.ask("/api/runs"))["runs"]}
            report.check(len(names) == min(FOLDERS, options.trainings), "the board knows the last trainings",
                         ", ".join(sorted(names)))
            report.check(board.alive(), "the board runs to the end")
            time.sleep(1)
            at_rest = board.figures()[-1]
        report.check(not any(status), f"{options.trainings} trainings end well")
        report.check(not clients.failures, "clients are answered", "; ".join(clients.failures[:3]) or
                     f"{clients.answers} answers")
        for name, values in zip(("resident memory", "anonymous memory"), zip(*noted)):
            judge(report, name, values)
        half = [descriptors for *_, descriptors in noted[len(noted) // 2:]]
        report.check(max(half) - min(half) <= CLIENTS and at_rest <= max(half), "descriptors do not grow",
                     f"{min(half)} to {max(half)} over the last {len(half)}, {at_rest} at rest")
    report.finish()


if __name__ == "__main__":
    main()
