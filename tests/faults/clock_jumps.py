#!/usr/bin/env python3
"""A clock that jumps by days, back and forth, under a running board and the training that it started.

libfaketime (Debian's faketime) stands between both and the clock; the time since the start of the
machine is left as it is. While the training runs the clock goes back two days, ahead forty, and back
one: the board goes on pushing, cuts nobody off, and never tells of less than no time left; what is
trained is what a steady clock gives, in the seconds that passed, and its curve is in order.

Usage: clock_jumps.py [--graft FILE]
"""

import argparse
import hashlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import places  # noqa: E402
from report import Report  # noqa: E402
from running_board import RunningBoard  # noqa: E402

STEPS = 60000  # a second or two
DAY = 86400
JUMPS = (-2 * DAY, 40 * DAY, -DAY)  # seconds beside the true time, one after the other
PATIENCE = 120  # seconds until what should come soon counts as never
NEAR = 3600  # seconds: what the clocks may differ by besides a jump
TAG = "accuracy_1"


class Clock:
    """The time that programs see that run in `environment`."""

    def __init__(self, library, work):
        self.file = work / "offset"
        self.set(0)
        self.environment = {**os.environ, "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(self.file),
                            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set(self, offset):
        self.offset = offset
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{offset:+d}\n")
        fresh.replace(self.file)


class Board(RunningBoard):
    """`graft board`, and all that it pushes to one viewer."""

    def __init__(self, graft, work, environment):
        super().__init__(graft, f"{work}/logs", cwd=work, env=environment)
        page = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=PATIENCE).read().decode()
        self.token = re.search(r'name="graft-token" content="([0-9a-f]+)"', page).group(1)
        self.steps, self.pushes, self.ended = {}, 0, False
        self.viewer = self.connect(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        threading.Thread(target=self.listen, daemon=True).start()

    def connect(self, words):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        client.sendall(words)
        return client

    def listen(self):
        text = b""
        while piece := self.viewer.recv(1 << 16):
            *events, text = (text + piece).split(b"\n\n")
            for event in events:
                # Where it has more to tell than fits, it says that all is new.
                self.pushes += b"event: points" in event or b"event: reset" in event
                if b"event: points" in event:
                    points = json.loads(event.split(b"data: ", 1)[1])
                    self.steps.setdefault(points["run"], []).extend(
                        step for step, _, _ in points["series"].get(TAG, []))
        self.ended = True

    def last_step(self):
        return max((steps[-1] for steps in list(self.steps.values()) if steps), default=-1)

    def ask(self, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body,
                                         {"X-Graft-Token": self.token})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.read()

    def time(self):
        """What its clock shows."""
        with self.connect(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") as client:
            text = b""
            while not (hello := re.search(rb'"time":([\d.]+)', text)):
                text += client.recv(1 << 12)
        return float(hello.group(1))


def train(graft, work, name, environment):
    subprocess.run([graft, "retrain", f"--image_dir={work}/photos", "--seed=1",
                    "--architecture=untrained_mobilenet_0.25_128", f"--how_many_training_steps={STEPS}",
                    f"--summaries_dir={work}/{name}", f"--bottleneck_dir={work}/cache",
                    f"--model_dir={work}/models",
                    f"--output_graph={work}/{name}.pb", f"--output_labels={work}/{name}.txt"],
                   env=environment, check=True, capture_output=True)


def job_options(work):
    return {"image_dir": f"{work}/photos", "seed": 1, "architecture": "untrained_mobilenet_0.25_128",
            "how_many_training_steps": STEPS, "summaries_dir": f"{work}/logs/jumping",
            "model_dir": f"{work}/models", "bottleneck_dir": f"{work}/cache",
            "output_graph": f"{work}/jumping.pb", "output_labels": f"{work}/jumping.txt"}


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "none"


def jump(report, board, clock, job):
    """Makes the jumps while the job runs. Answers its end, every time left that the board told of, and how
    often it had pushed before the last jump."""
    left = []
    pending, pushes = list(JUMPS), 0
    half_asked = board.connect(b"GET /api/status HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    end = time.monotonic() + PATIENCE
    state = {"state": "running"}
    while state["state"] == "running" and time.monotonic() < end:
        state = json.loads(board.ask(f"/api/jobs/{job}"))
        if state["seconds_left"] is not None:
            left.append(state["seconds_left"])
        if pending and board.last_step() > STEPS * (1 - len(pending) / (len(JUMPS) + 1)):
            clock.set(pending.pop(0))
            pushes = board.pushes
            seen = board.time() - time.time()
            report.check(abs(seen - clock.offset) < NEAR,
                         f"the clock jumps to {clock.offset / DAY:+.0f} days",
                         f"at step {board.last_step():.0f} the board's is {seen / DAY:+.1f} days off")
            if half_asked is not None:
                half_asked.sendall(b"Connection: close\r\n\r\n")
                answer = half_asked.recv(1 << 12)
                report.check(answer.startswith(b"HTTP/1.1 200"),
                             "half a request before a jump, the rest after", answer[:15].decode())
                half_asked.close()
                half_asked = None
        time.sleep(0.01)
    report.check(not pending, "the jumps fell into the training",
                 f"{len(JUMPS) - len(pending)} of {len(JUMPS)}")
    return state, left, pushes


def record(work):
    """Of the jumping training: (run.json, seconds between its beginning and its end by the clock)."""
    run = json.loads(next((work / "logs").rglob("run.json")).read_text())
    began, ended = (datetime.fromisoformat(run[key].replace("Z", "+00:00")) for key in ("started", "ended"))
    return run, (ended - began).total_seconds()


def curve(board):
    """Steps of the training's curve, as /api/series lays them out."""
    run = next(r["id"] for r in json.loads(board.ask("/api/runs"))["runs"] if r["kind"] == "train")
    series = board.ask(f"/api/series?run={run}&tag={TAG}")
    count = struct.unpack_from("<I", series, 4)[0]
    return struct.unpack_from(f"<{count}d", series, 16)


def numbers(value):
    """Every number in `value`, however deep."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, (int, float)) else []


def under_jumps(report, graft, work, library):
    subprocess.run([graft, "sample", f"--output={work}/photos", "--photos_per_class=12"],
                   check=True, capture_output=True)
    train(graft, work, "steady", dict(os.environ))
    clock = Clock(library, work)
    with Board(graft, work, clock.environment) as board:
        begun = time.monotonic()
        job = json.loads(board.ask("/api/jobs", json.dumps({"options": job_options(work)}).encode()))
        state, left, pushes = jump(report, board, clock, job["id"])
        passed = time.monotonic() - begun
        report.check(state["state"] == "finished", "the training finishes", state["log"][-1:])
        report.check(digest(work / "jumping.pb") == digest(work / "steady.pb"),
                     "it learns what it learns by a steady clock", digest(work / "jumping.pb")[:12])
        run, by_clock = record(work)
        report.check(abs(by_clock - JUMPS[-1]) < NEAR, "it ran by the clock that jumps",
                     f"{by_clock / DAY:+.1f} days from its beginning to its end")
        seconds = numbers(run["result"]["seconds"])
        report.check(seconds and all(0 <= s <= passed for s in seconds),
                     "the seconds that it took are those that passed",
                     f"{max(seconds, default=-1):.1f} of {passed:.1f}")
        report.check(left and all(0 <= s <= NEAR for s in left), "the time left is never less than none",
                     f"{len(left)} answers, {min(left, default=-1):.1f} to {max(left, default=-1):.1f} s")
        end = time.monotonic() + PATIENCE
        while board.pushes == pushes and time.monotonic() < end:
            time.sleep(0.02)
        report.check(board.pushes > pushes and all(steps == sorted(steps) for steps in board.steps.values()),
                     "the board goes on pushing, in order",
                     f"{board.pushes - pushes} times after the last jump")
        report.check(not board.ended and board.alive(), "the board cuts nobody off")
        report.check(curve(board) == tuple(range(STEPS)), "the curve has every step, in order")


def find_library():
    for place in sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")):
        return str(place)
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graft", default=places.graft())
    graft = str(Path(parser.parse_args().graft).resolve())
    report = Report()
    library = find_library()
    if library is None:
        report.skip("a clock that jumps", "libfaketime is not here: apt-get install faketime")
        report.finish()
    with tempfile.TemporaryDirectory(prefix="graft-clock-") as work:
        under_jumps(report, graft, Path(work), library)
    report.finish()


if __name__ == "__main__":
    main()
