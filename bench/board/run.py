#!/usr/bin/env python3
"""The board's speed and memory: ./dev bench board.

exec -> page: from starting `graft board` to the last byte of its page. Load: 1,000,000 scalars (52 MB),
every checksum looked at; TensorBoard over the same, where the comparison's virtual environment is
there. Push: from just before a trainer's write() to the event in a listening client. Idle memory:
without logs, two seconds after the start. Under a flood: a training that a board shows, with 10,000
connections that wish the board no good, over the mean of one before it and one after it without; and
for comparison what one without takes over another. The clients are on this machine, so they have the
lowest priority. Geometric means with 95 % intervals; and, which neighbours of this machine do not
blur, what the kernel says that the training waited for a processor. In Chromium, where it is installed (page.mjs):
first contentful paint, a million scalars on the screen, and from a trainer's write() to the painted
frame; of the first two, and of an empty page for comparison, also in windows that were only just
opened, and of the scalars in a tab that was.

Usage: run.py [--only-browser]
"""

import json
import math
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import places  # noqa: E402

BENCH = places.BUILD / "bench" / "board_bench"
PAGE = Path(__file__).with_name("page.mjs")
FLOOD = ROOT / "tests" / "support" / "flood.py"
TAG = "accuracy/all"  # board_bench's
SCALARS, WRITES = 1_000_000, 200
FLOOD_STEPS, FLOODS = 20_000, 10
LOOK = 0.05  # seconds between two looks at what the kernel says of a training
STUDENT = 2.26  # 95 %, nine degrees of freedom
WINDOW_MS = 2500  # until a new browser window has set up its own things


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Board:
    """`graft board` over a folder, on a port of its own."""

    def __init__(self, folder):
        self.port = free_port()
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            [places.graft(), "board", f"--logdir={folder}", f"--port={self.port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, path):
        """The whole answer's bytes; asked again until the port is open."""
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port)) as client:
                    client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                   "Connection: close\r\n\r\n".encode())
                    answer = b""
                    while piece := client.recv(1 << 20):
                        answer += piece
                    return answer
            except ConnectionRefusedError:
                time.sleep(0.0005)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}/"

    def wait_for_scalars(self):
        while f'"events":{SCALARS + 1}'.encode() not in self.ask("/api/runs"):
            time.sleep(0.01)

    def memory_mb(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1000
        return 0


def start_to_page(folder, times):
    taken = []
    for _ in range(times):
        with Board(folder) as board:
            answer = board.ask("/")
            taken.append(time.perf_counter() - board.begun)
            if not answer.startswith(b"HTTP/1.1 200"):
                sys.exit(f"bench: the page was not served: {answer[:200]!r}")
    return statistics.median(taken) * 1000


def push_latency(folder):
    """(median, 95th percentile) in milliseconds."""
    with Board(folder) as board:
        board.ask("/api/runs")
        client = socket.create_connection(("127.0.0.1", board.port))
        client.sendall(b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        seen = {}

        def listen():
            text = b""
            while piece := client.recv(1 << 16):
                now = time.time()
                text += piece
                while b"\n\n" in text:
                    event, text = text.split(b"\n\n", 1)
                    if b"event: points" not in event:
                        continue
                    for part in event.split(b'"accuracy/all":[')[1:]:
                        for point in part.split(b"]]")[0].split(b"["):
                            if point.strip(b",[] "):
                                seen.setdefault(int(float(point.split(b",")[0])), now)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        written = subprocess.run([str(BENCH), "follow", f"{folder}/live", str(WRITES)], check=True,
                                 capture_output=True, text=True).stdout
        time.sleep(1)
        client.shutdown(socket.SHUT_RDWR)
    taken = sorted((seen[int(step)] - float(at)) * 1000
                   for step, at in (line.split() for line in written.splitlines())
                   if int(step) in seen)
    if len(taken) < WRITES * 0.9:
        sys.exit(f"bench: only {len(taken)} of {WRITES} events came")
    return statistics.median(taken), taken[int(len(taken) * 0.95)]


def seconds_of_training(work, name):
    """(of the steps alone, features at hand; those that it was ready and had no processor)"""
    waited = 0.0
    with subprocess.Popen(
            [places.graft(), "retrain", f"--image_dir={work}/photos", "--json",
             "--architecture=untrained_mobilenet_0.25_128",
             f"--how_many_training_steps={FLOOD_STEPS}", f"--summaries_dir={work}/logs/{name}",
             f"--bottleneck_dir={work}/cache", f"--output_graph={work}/{name}.pb",
             f"--output_labels={work}/{name}.txt"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as training:
        while not select.select([training.stdout], [], [], LOOK)[0]:
            waited = waited_for_processor(training.pid) or waited
        output = training.stdout.read()
    if training.returncode != 0:
        sys.exit(f"bench: a training ended with status {training.returncode}")
    return json.loads(output)["seconds"]["training"], waited


def waited_for_processor(process):
    """Seconds; 0 of one that has ended. The kernel's Documentation/scheduler/sched-stats.rst."""
    try:
        return sum(int(file.read_text().split()[1]) / 1e9
                   for file in Path(f"/proc/{process}/task").glob("*/schedstat"))
    except (OSError, IndexError):
        return 0.0


def mean_ratio(ratios):
    """(geometric mean, half-width of its 95 % interval as a factor)"""
    logs = [math.log(ratio) for ratio in ratios]
    error = statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(statistics.mean(logs)), math.exp(STUDENT * error)


def under_a_flood(work):
    """(trainings alone and flooded as seconds_of_training() has them, medians; flooded over alone,
    alone over alone: mean_ratio()s)"""
    subprocess.run([places.graft(), "sample", f"--output={work}/photos", "--photos_per_class=12"],
                   check=True, capture_output=True)
    logs = work / "logs"
    logs.mkdir()
    before, flooded, after = [], [], []
    with Board(logs) as board:
        board.ask("/api/runs")
        seconds_of_training(work, "warm")
        for turn in range(FLOODS):
            before.append(seconds_of_training(work, f"before{turn}"))
            with subprocess.Popen([sys.executable, FLOOD, str(board.port)], stdout=subprocess.PIPE,
                                  text=True) as flood:
                try:
                    flood.stdout.readline()  # all are there
                    flooded.append(seconds_of_training(work, f"flooded{turn}"))
                finally:
                    flood.kill()
            board.ask("/api/status")  # it has seen them off
            after.append(seconds_of_training(work, f"after{turn}"))
    ratio = mean_ratio([f / math.sqrt(a * b)
                        for (a, _), (f, _), (b, _) in zip(before, flooded, after)])
    noise = mean_ratio([b / a for (a, _), (b, _) in zip(before, after)])
    return medians(before + after), medians(flooded), ratio, noise


def medians(rows):
    return [statistics.median(column) for column in zip(*rows)]


def tensorboard_load(folder):
    """Seconds from starting TensorBoard over `folder` until it serves the last of the scalars, with
    the 1,000 points a tag that it keeps unless told otherwise; None where it is not installed."""
    python = places.BUILD / "interop-venv" / "bin" / "python"
    if not python.exists():
        return None
    port = free_port()
    begun = time.perf_counter()
    with subprocess.Popen([python, "-m", "tensorboard.main", f"--logdir={folder}", f"--port={port}",
                           "--host=127.0.0.1"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        address = (f"http://127.0.0.1:{port}/data/plugin/scalars/scalars?"
                   f"{urllib.parse.urlencode({'run': 'run', 'tag': TAG})}")
        last = -1
        while last != SCALARS - 1 and time.perf_counter() - begun < 600:
            try:
                with urllib.request.urlopen(address, timeout=60) as answer:
                    last = json.load(answer)[-1][1]
            except (urllib.error.URLError, ConnectionError, IndexError):
                pass  # not listening yet, or it knows of no such run yet
            time.sleep(0.05)
        seconds = time.perf_counter() - begun
        process.terminate()
    return seconds if last == SCALARS - 1 else None


def in_browser(*words):
    """(median, 95th percentile) in milliseconds of what page.mjs measures."""
    done = subprocess.run(["node", str(PAGE), *map(str, words)], check=False, capture_output=True,
                          text=True)
    if done.returncode != 0:
        sys.exit(f"bench: {PAGE.name} {words[0]}: {done.stderr}")
    half, most, _ = done.stdout.split()
    return float(half), float(most)


def in_page(empty, many, live):
    if not shutil.which("node") or not shutil.which("chromium") or \
            not (ROOT / "web" / "node_modules").exists():
        print("in a browser: not measured: node, the page's packages or chromium are not here")
        return
    half, most = in_browser("empty", 9, WINDOW_MS)
    print(f"an empty page's paint          {half:8.1f} ms median, {most:.1f} ms 95th percentile; "
          f"{in_browser('empty', 9, 0)[0]:.1f} ms in a new window")
    with Board(empty) as board:
        half, most = in_browser("paint", board.address, 9, WINDOW_MS)
        print(f"first contentful paint         {half:8.1f} ms median, {most:.1f} ms 95th percentile; "
              f"{in_browser('paint', board.address, 9, 0)[0]:.1f} ms in a new window")
    with Board(many) as board:
        board.wait_for_scalars()
        half, _ = in_browser("screen", board.address, SCALARS, 5, WINDOW_MS)
        tab, _ = in_browser("screen", board.address, SCALARS, 5, WINDOW_MS, "tab")
        new, _ = in_browser("screen", board.address, SCALARS, 5, 0)
        print(f"1,000,000 scalars on the screen{half:8.1f} ms; {tab:.1f} ms in a new tab, "
              f"{new:.1f} ms in a new window")
    with Board(live) as board:
        board.ask("/api/runs")
        half, most = in_browser("pixel", board.address, BENCH, "follow", live / "run", WRITES)
        print(f"event written -> painted       {half:8.1f} ms median, {most:.1f} ms 95th percentile")


def make_many(many):
    subprocess.run([str(BENCH), "make", f"{many}/run", str(SCALARS)], check=True)


def browser_alone():
    with tempfile.TemporaryDirectory(prefix="graft-board-") as work:
        for name in ("empty", "live"):
            Path(work, name).mkdir()
        make_many(Path(work, "many"))
        in_page(Path(work, "empty"), Path(work, "many"), Path(work, "live"))


def main():
    if "--only-browser" in sys.argv:
        return browser_alone()
    with tempfile.TemporaryDirectory(prefix="graft-board-") as work:
        empty = Path(work, "empty")
        empty.mkdir()
        page = start_to_page(empty, 9)
        print(f"exec -> page served            {page:8.1f} ms")
        with Board(empty) as board:
            board.ask("/")
            time.sleep(2)
            print(f"idle memory                    {board.memory_mb():8.1f} MB")
        many = Path(work, "many")
        make_many(many)
        size = sum(file.stat().st_size for file in many.rglob("*events*"))
        loaded = subprocess.run([str(BENCH), "load", str(many), "5"], check=True,
                                capture_output=True, text=True).stdout.strip()
        print(f"1,000,000 scalars ({size / 1e6:.0f} MB)      {loaded}")
        with Board(many) as board:
            board.wait_for_scalars()
            print(f"exec -> 1,000,000 scalars at hand {(time.perf_counter() - board.begun) * 1000:5.0f}"
                  f" ms, {board.memory_mb():.0f} MB")
        peer = tensorboard_load(many)
        print("TensorBoard: exec -> the same      " +
              (f"{peer * 1000:5.0f} ms" if peer else "not measured: it is not in build/interop-venv"))
        half, most = push_latency(Path(work, "follow"))
        print(f"event written -> pushed        {half:8.1f} ms median, {most:.1f} ms 95th percentile")
        alone, flooded, ratio, noise = under_a_flood(Path(work, "flood"))
        print(f"{FLOOD_STEPS:,} steps of training       {alone[0]:8.2f} s, {flooded[0]:.2f} s under a "
              "flood: {:.3f} times (×/÷ {:.3f}); without one {:.3f} (×/÷ {:.3f})".format(*ratio, *noise))
        print(f"  of which without a processor {alone[1]:8.3f} s, {flooded[1]:.3f} s under a flood")
        live = Path(work, "live")
        live.mkdir()
        in_page(empty, many, live)
    return None


if __name__ == "__main__":
    main()
