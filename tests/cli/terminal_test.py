"""On a terminal: colours and a bar, unless the environment says no."""

import os
import pty
import re
import select
import subprocess

from program import CLASSES, PHOTOS_PER_CLASS, PLACE, Case, environment, retrain_words


class Terminal(Case):
    def on_terminal(self, words, **more):
        """(exit code, what the terminal was sent); standard output goes elsewhere."""
        master, slave = pty.openpty()
        variables = {**environment(), "TERM": "xterm", **more}
        if "NO_COLOR" not in more:
            variables.pop("NO_COLOR", None)
        with subprocess.Popen([PLACE.binary, *words], cwd=PLACE.work, stdin=slave,
                              stdout=subprocess.DEVNULL, stderr=slave, env=variables) as process:
            os.close(slave)
            seen = b""
            while True:
                ready, _, _ = select.select([master], [], [], 60)
                try:
                    piece = os.read(master, 65536) if ready else b""
                except OSError:  # the other end was closed
                    piece = b""
                if not piece:
                    break
                seen += piece
            code = process.wait(60)
        os.close(master)
        return code, seen.decode(errors="replace")

    def test_colours(self):
        self.assertIn("\x1b[31m", self.on_terminal(["retrian"])[1])
        self.assertNotIn("\x1b", self.on_terminal(["retrian"], NO_COLOR="1")[1])
        self.assertNotIn("\x1b", self.on_terminal(["retrian"], TERM="dumb")[1])

    def test_bar(self):
        words = ["label", "tf_files/flower_photos"]
        code, seen = self.on_terminal(words)
        self.assertEqual(code, 0)
        total = CLASSES * PHOTOS_PER_CLASS
        self.assertRegex(seen, rf"Labelling  \[#*-*\]  \d+ of {total} photos")
        self.assertNotIn("[#", self.on_terminal(words, TERM="dumb")[1])

    def test_bar_of_a_training_with_the_time_left(self):
        words = retrain_words("bar", "--bottleneck_dir=bar/cache", "--how_many_training_steps=20000",
                              "--eval_step_interval=5000", "--threads=1")
        code, seen = self.on_terminal(words)
        self.assertEqual(code, 0, seen)
        # How often the bar is drawn depends on the machine; what it says does not.
        self.assertRegex(seen, r"Features  \[#*-*\]  \d+ of \d+ photos, [\d,.]+ a second")
        self.assertRegex(seen, r"Training  \[#*-*\]  [\d,]+ of 20,000 steps, [\d,.]+ a second")
        for done, total, rest in re.findall(r"\]  ([\d,]+) of ([\d,]+) [a-z]+, [\d,.]+ a second([^\r\x1b]*)",
                                            seen):
            self.assertRegex(rest, r"^, .+ left$" if done != total else r"^$")
        # The bar is gone at the end: what remains are whole lines.
        self.assertTrue(seen.endswith("\r\n") or seen.endswith("\x1b[2K"), repr(seen[-80:]))
        widest = max(len(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", part))
                     for line in seen.split("\n") for part in line.split("\r") if "[#" in part)
        self.assertLess(widest, 80)

    def test_standard_input_that_is_a_terminal(self):
        code, seen = self.on_terminal(["label", "-"])
        self.assertEqual(code, 2)
        self.assertIn("pipe something in", seen)
