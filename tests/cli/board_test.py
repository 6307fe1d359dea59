"""graft board and graft retrain --board, from outside."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from program import NETWORK, PLACE, bash, environment, graft

LOGS = "--logdir=tf_files/training_summaries"


class Running:
    """A command that serves; `address` is what it printed."""

    def __init__(self, *words):
        self.process = subprocess.Popen([PLACE.binary, *words], cwd=PLACE.work, env=environment(),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.lines = []
        self.address = None
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"Graft board: (http://\S+)", line)
            if found:
                self.address = found.group(1)
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, path):
        with urllib.request.urlopen(self.address.rstrip("/") + path, timeout=30) as answer:
            return json.load(answer)

    def wait_for(self, wanted):
        """Reads on until a line has the text, which may have come before the address: a training can
        be faster than its board's start."""
        if any(wanted in line for line in self.lines):
            return True
        for line in self.process.stdout:
            self.lines.append(line)
            if wanted in line:
                return True
        return False


def state_of(process):
    """What /proc says after the name: state, parent, …; [] of one that is no more."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(errors="replace")
    except OSError:
        return []
    return stat.rpartition(")")[2].split()


def children(parent):
    """Process ids."""
    processes = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    return [p for p in processes if state_of(p)[1:2] == [str(parent)]]


def has_ended(process):
    """Asked of the process, not of its port: another test's board may have that by now."""
    end = time.monotonic() + 30
    while state_of(process)[:1] not in ([], ["Z"], ["X"]):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Board(unittest.TestCase):
    # SIGTERM stands for Ctrl-C, which is ignored where the tests run in the background of a script.
    def test_serves_until_it_is_ended(self):
        with Running("board", LOGS, "--port=0") as board:
            self.assertIsNotNone(board.address, board.lines)
            with urllib.request.urlopen(board.address, timeout=30) as page:
                self.assertIn("text/html", page.headers["Content-Type"])
            board.process.terminate()
            self.assertEqual(board.process.wait(timeout=30), 0)

    def test_says_that_the_same_board_runs_already(self):
        with Running("board", LOGS, "--port=0") as board:
            port = board.address.rsplit(":", 1)[1].strip("/")
            again = graft("board", LOGS, f"--port={port}")
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertIn(board.address, again.stdout)
            self.assertIn("runs there already", again.stderr)

    def test_takes_the_next_port_and_says_who_holds_this_one(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            with Running("board", LOGS, f"--port={port}") as board:
                text = "".join(board.lines)
                self.assertIsNotNone(board.address, text)
                self.assertIn(f"port {port}: is held by python", text)
                self.assertNotIn(f":{port}/", board.address)

    def test_the_network_needs_the_key(self):
        with Running("board", LOGS, "--port=0", "--host=0.0.0.0") as board:
            self.assertIn("?key=", board.address)
            with urllib.request.urlopen(board.address, timeout=30) as page:
                self.assertEqual(page.status, 200)
            bare = board.address.split("?")[0] + "api/runs"
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(bare, timeout=30)
            self.assertEqual(refused.exception.code, 401)
            refused.exception.close()

    def test_the_command_that_the_demo_ends_with(self):
        done = bash("graft demo --offline --image_dir=tf_files/flower_photos --output_dir='the demo' "
                    "--model_dir='the networks'")
        self.assertEqual(done.returncode, 0, done.stderr)
        command = done.stdout.splitlines()[-1].strip()
        self.assertEqual(command, "graft board --logdir='the demo/training_summaries'")
        with Running(*shlex.split(command)[1:], "--port=0") as board:
            # One answer may be written while the board finds the training, and name but its classifier.
            end = time.monotonic() + 30
            while not ((status := board.ask("/api/status"))["classifiers"] and status["newest"]):
                self.assertLess(time.monotonic(), end, status)
                time.sleep(0.05)
            self.assertEqual(status["newest"]["state"], "finished")

    def test_wrong_options(self):
        for words in (["--logdir="], ["--logdir=a:x,a:y"], ["--logdir=,"], ["--port=70000"],
                      ["--host=nowhere.invalid"]):
            done = graft("board", *words)
            self.assertEqual(done.returncode, 2, (words, done.stderr))
            self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    TRAINING = ("retrain", "--board", "--image_dir=tf_files/flower_photos",
                f"--architecture={NETWORK}", "--model_dir=tf_files/models",
                "--bottleneck_dir=tf_files/bottlenecks", "--summaries_dir=beside/logs",
                "--output_graph=beside/graph.pb", "--output_labels=beside/labels.txt",
                "--how_many_training_steps=200")

    def test_beside_a_training(self):
        with Running(*self.TRAINING) as training:
            self.assertIsNotNone(training.address, training.lines)
            self.assertTrue(training.wait_for("The board goes on"), training.lines)
            # The board reads the logs in its own time.
            end = time.monotonic() + 30
            while (found := training.ask("/api/trainings")["trainings"]) == [] or \
                    found[0]["state"] != "finished":
                self.assertLess(time.monotonic(), end, found)
                time.sleep(0.05)
            (board,) = children(training.process.pid)
            training.process.terminate()
            self.assertEqual(training.process.wait(timeout=30), 0)
            self.assertTrue(has_ended(board))

    def test_ends_with_a_training_that_is_killed(self):
        with Running(*self.TRAINING) as training:
            self.assertIsNotNone(training.address, training.lines)
            (board,) = children(training.process.pid)
            training.process.kill()
            try:
                # The end of their output: neither holds it any more.
                training.process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                os.kill(board, signal.SIGKILL)
                self.fail("the board went on")
            self.assertTrue(has_ended(board))
