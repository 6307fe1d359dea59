#!/usr/bin/env python3
"""Trainings in a loop with a board open on their logs: what it holds does not grow.

`graft board` shows one folder of logs. A training after the other writes there, into a new folder, and
the one eight before it is removed (so the logs stay as many as they are), while clients come and go:
some ask for pages, some open the push channel and leave in the midst of it. In the second half the
board has time after each training to read it, its views are asked for, and when all its threads sleep
and no client is there is noted what it holds: bytes of the heap (live_heap.cc counts them where they are
asked for and given back), address space outside of the heap (stacks, mappings, libraries), descriptors.

That is all that a program can hold, and none of it may grow:
- The heap by the slope of a line fitted by least squares: its 99.9 % confidence interval must not lie
  above zero. The history of events varies by one event, being full (EventHub drops the oldest); the
  rest is the same after each training.
- Address space and descriptors must not change at all.

The half is judged from when the history of events is full: when its first event is gone, which is what
a page is told that asks for what came after it. On a machine that has no time for the board the
trainings are told of in few words, and more are made until then.

Resident memory is printed and not judged: it has the allocator's holes besides, which grow in steps of
its heap while the program holds what it held.

Usage: soak.py [--graft FILE] [--trainings 200]
"""

import argparse
import json
import math
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import places  # noqa: E402
from report import Report  # noqa: E402
from running_board import RunningBoard  # noqa: E402
from scenarios import Kitchen, scratch_place  # noqa: E402

FOLDERS = 8  # of logs at a time
STEPS = 200
PATIENCE = 30
AT_MOST = 5  # times as many trainings until the history is full
# A board that rests is looked at so often, more than its pause between two readings apart in all.
LOOKS, BETWEEN_LOOKS = 4, 0.005  # seconds
# All of malloc's memory in the one heap, none in mappings of its own.
ONE_HEAP = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_MAX_": "0"}
# Of Student's distribution, two-sided 99.9 %, for as many degrees of freedom as the half leaves.
T_999 = {8: 5.041, 18: 3.922, 28: 3.674, 48: 3.505, 98: 3.393}
PAGES = ("/", "/api/status", "/api/runs", "/api/trainings", "/data/runs", "/data/plugins_listing")
# Of a training; those whose state is `working` are asked for again.
VIEWS = ("/api/dataset?training={}", "/api/dataset/images?training={}",
         "/api/dataset/problems?training={}", "/api/eval/{}", "/api/eval/{}/samples",
         "/api/eval/{}/suspects")


class LiveHeap:
    """Builds live_heap.cc; reads what a program holds that is started in `environment`."""

    def __init__(self, folder):
        library, self.sums = folder / "live_heap.so", folder / "live_heap"
        subprocess.run([os.environ.get("CXX", "c++"), "-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror",
                        "-fPIC", "-shared", "-o", library, HERE / "live_heap.cc"], check=True)
        self.sums.write_bytes(bytes(16))
        self.environment = {"LD_PRELOAD": str(library), "LIVE_HEAP": str(self.sums)}

    def held(self):
        """(bytes, blocks)"""
        return struct.unpack("qq", self.sums.read_bytes())


class Board(RunningBoard):
    def __init__(self, graft, logs, heap):
        super().__init__(graft, logs, env={**os.environ, **ONE_HEAP, **heap.environment})
        self.heap = heap
        self.proc = Path(f"/proc/{self.process.pid}")
        self.first_event = self.ask_json("/api/start")["event"]

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE) as answer:
            return answer.read()

    def ask_json(self, path):
        return json.loads(self.ask(path))

    def listen(self, after=""):
        """A push channel, open."""
        channel = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        channel.sendall(f"GET /api/events{after and '?after=' + after} HTTP/1.1\r\n"
                        "Host: 127.0.0.1\r\n\r\n".encode())
        return channel

    def history_is_full(self):
        """Whether the event behind the first one is gone. There are some."""
        with self.listen(urllib.parse.quote(self.first_event)) as channel:
            told = b""
            while told.count(b"\n\n") < 2:
                told += channel.recv(1 << 16)
        return b"event: reset" in told.split(b"\n\n")[1]

    def training(self, folder, since):
        """The id of the training that wrote there, once it was read to its end."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            known = self.ask_json("/api/start")
            read = [run for run in known["runs"] if run["group"] == folder and run["started"] >= since
                    and run["last_step"] == STEPS - 1]
            # The graph on the disk is the last training's.
            trained = [training["id"] for training in known["trainings"]
                       if training["group"] == folder and training["classifier"]]
            if len(read) == 2 and trained:
                return trained[0]
            time.sleep(0.005)
        raise TimeoutError(f"{folder}: not read within {PATIENCE} s")

    def show(self, training):
        """Asks for all its views."""
        for view in VIEWS:
            while (answer := self.ask_json(view.format(training))).get("state") == "working":
                time.sleep(0.002)
            for photo in answer.get("images", [])[:2]:
                self.ask(f"/api/thumb/{photo['id']}")

    def rest(self):
        """Waits until every thread sleeps."""
        slept = 0
        end = time.monotonic() + PATIENCE
        while slept < LOOKS:
            states = {(task / "stat").read_text().rpartition(")")[2].split()[0]
                      for task in (self.proc / "task").iterdir()}
            slept = slept + 1 if states == {"S"} else 0
            if time.monotonic() > end:
                raise TimeoutError(f"the board did not rest within {PATIENCE} s")
            time.sleep(BETWEEN_LOOKS)

    def figures(self):
        """heap: bytes held; blocks: in so many pieces; mapped: bytes of address space besides the heap;
        descriptors; resident: bytes"""
        held, blocks = self.heap.held()
        mapped = 0
        for line in (self.proc / "maps").read_text().splitlines():
            if not line.endswith("[heap]"):
                begin, _, end = line.split()[0].partition("-")
                mapped += int(end, 16) - int(begin, 16)
        resident = re.search(r"^VmRSS:\s+(\d+) kB", (self.proc / "status").read_text(), re.M)
        return {"heap": held, "blocks": blocks, "mapped": mapped,
                "descriptors": len(list((self.proc / "fd").iterdir())),
                "resident": int(resident.group(1)) << 10}


class Clients(threading.Thread):
    """They come and go until the end: pages asked for, push channels opened and left. Whoever holds
    `turn` has none of them."""

    def __init__(self, board):
        super().__init__(daemon=True)
        self.board, self.ending, self.answers, self.pushed, self.failures = board, False, 0, 0, []
        self.turn = threading.Lock()

    def run(self):
        turn = 0
        while not self.ending:
            turn += 1
            with self.turn:
                try:
                    self.board.ask(PAGES[turn % len(PAGES)])
                    self.answers += 1
                    with self.board.listen() as channel:  # and away in the midst
                        self.pushed += len(channel.recv(1 << 16 if turn % 2 else 10))
                except OSError as failure:
                    self.failures.append(str(failure))
            time.sleep(0.02)


def slope(values):
    """(slope a training, half its 99.9 % confidence interval) by least squares."""
    n = len(values)
    mean_x, mean_y = (n - 1) / 2, sum(values) / n
    spread = sum((x - mean_x) ** 2 for x in range(n))
    rise = sum((x - mean_x) * (y - mean_y) for x, y in enumerate(values)) / spread
    residuals = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in enumerate(values))
    t = T_999[max(d for d in T_999 if d <= max(n - 2, min(T_999)))]
    return rise, t * math.sqrt(residuals / (n - 2) / spread)


def described(values):
    rise, margin = slope(values)
    return (f"{rise / 1024:+.3f} ± {margin / 1024:.3f} KiB a training over {len(values)}, "
            f"{values[0] >> 10} KiB at first, {values[-1] >> 10} KiB at last")


def judge(report, noted):
    series = {name: [figures[name] for figures in noted] for name in noted[0]}
    rise, margin = slope(series["heap"])
    report.check(rise <= margin, "the heap does not grow", described(series["heap"]))
    mapped, descriptors = series["mapped"], series["descriptors"]
    report.check(min(mapped) == max(mapped), "address space outside of the heap stays",
                 f"{min(mapped) >> 10} to {max(mapped) >> 10} KiB")
    report.check(min(descriptors) == max(descriptors), "descriptors stay",
                 f"{min(descriptors)} to {max(descriptors)}")
    print(f"not judged: resident memory {described(series['resident'])}; blocks of the heap "
          f"{slope(series['blocks'])[0]:+.2f} ± {slope(series['blocks'])[1]:.2f} a training")


class Soak:
    """Trainings, one after the other, below a board's logs."""

    def __init__(self, kitchen, board, clients, logs):
        self.kitchen, self.board, self.clients, self.logs = kitchen, board, clients, logs
        self.status, self.noted = [], []

    def place(self, number):
        return self.logs / f"training-{number:05}"

    def train(self):
        """Returns the name of its folder, and a time before."""
        number, since = len(self.status), time.time()
        shutil.rmtree(self.place(number - FOLDERS), ignore_errors=True)
        place = self.place(number)
        done = subprocess.run(self.kitchen.retrain(f"--summaries_dir={place}",
                                                   f"--output_graph={place}/graph.pb", steps=STEPS,
                                                   seed=number),
                              cwd=self.kitchen.scratch, capture_output=True,
                              stdin=subprocess.DEVNULL, check=False)
        self.status.append(done.returncode)
        return place.name, since

    def train_and_show(self):
        """Returns what the board holds when it has come to rest."""
        folder, since = self.train()
        with self.clients.turn:
            self.board.show(self.board.training(folder, since))
            self.board.rest()
            return self.board.figures()

    def warm_up(self, trainings):
        """At least so many, until the history is full and each folder was shown. Returns whether it is."""
        for _ in range(trainings - FOLDERS):
            self.train()
        while not self.board.history_is_full():
            if len(self.status) >= AT_MOST * trainings:
                return False
            self.train()
        for _ in range(FOLDERS):
            self.train_and_show()
        return True

    def go_on(self, trainings):
        for number in range(trainings):
            self.noted.append(self.train_and_show())
            if number % max(1, trainings // 10) == 0 or number + 1 == trainings:
                now = self.noted[-1]
                print(f"training {len(self.status):4}: {now['heap'] >> 10} KiB of the heap in {now['blocks']} "
                      f"blocks, {now['resident'] >> 10} KiB resident, {now['descriptors']} descriptors; "
                      f"{self.clients.answers} answers, {self.clients.pushed >> 10} KiB pushed", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graft", default=places.graft())
    parser.add_argument("--trainings", type=int, default=200)
    options = parser.parse_args()
    half = options.trainings // 2
    if half < 10:
        parser.error("--trainings: 20 or more: a slope needs some values")
    graft, report = str(Path(options.graft).resolve()), Report()
    with tempfile.TemporaryDirectory(prefix="graft-soak-", dir=scratch_place()) as folder:
        work = Path(folder)
        logs = work / "logs"
        logs.mkdir()
        with Board(graft, logs, LiveHeap(work)) as board:
            clients = Clients(board)
            clients.start()
            soak = Soak(Kitchen(graft, work), board, clients, logs)
            if report.check(soak.warm_up(half), "the history of events is full",
                            f"after at most {len(soak.status)} trainings"):
                soak.go_on(half)
                judge(report, soak.noted)
            clients.ending = True
            clients.join()
            report.check(board.alive(), "the board runs to the end")
        report.check(not any(soak.status), f"{len(soak.status)} trainings end well")
        report.check(not clients.failures, "clients are answered", "; ".join(clients.failures[:3]) or
                     f"{clients.answers} answers")
    report.finish()


if __name__ == "__main__":
    main()
