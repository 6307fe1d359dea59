#!/usr/bin/env python3
"""Where Node.js or its packages cannot be had, web/build.sh and the web stage of run_all.py do without,
and say so in one plain line. Exit status 1 when they do not."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import run_all  # noqa: E402

NODE = ("node", "nodejs", "npm", "npx")


class WithoutNpm(unittest.TestCase):
    def setUp(self):
        self.work = Path(tempfile.mkdtemp(prefix="graft-web-"))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        self.web = self.work / "web"
        shutil.copytree(ROOT / "web", self.web,
                        ignore=shutil.ignore_patterns("node_modules", "dist", ".tests"))

    def build(self, **variables):
        return subprocess.run(["bash", str(self.web / "build.sh")], env={**os.environ, **variables},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                              check=False)

    def assert_does_without(self, done, start):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)
        self.assertTrue(done.stdout.startswith(start), done.stdout)

    def path_without_node(self):
        """A folder of links to all programs but Node.js's."""
        links = self.work / "bin"
        links.mkdir()
        for folder in os.environ["PATH"].split(os.pathsep):
            for program in Path(folder).iterdir() if Path(folder).is_dir() else ():
                if program.name not in NODE and not (links / program.name).is_symlink():
                    (links / program.name).symlink_to(program)
        return str(links)

    def test_node_is_missing(self):
        done = self.build(PATH=self.path_without_node())
        self.assert_does_without(done, "web: the board has no page: node or npm is missing: ")

    def test_an_older_page_is_kept(self):
        (self.web / "dist").mkdir()
        page = self.web / "dist" / "index.html"
        page.write_text("older")
        os.utime(page, (1, 1))
        done = self.build(PATH=self.path_without_node())
        self.assert_does_without(done, "web: the board keeps an older page: node or npm is missing: ")
        self.assertEqual(page.read_text(), "older")

    @unittest.skipUnless(shutil.which("node") and shutil.which("npm"), "Node.js is not here")
    def test_the_registry_refuses(self):
        # Port 9 is "discard", which nobody serves.
        done = self.build(npm_config_registry="http://127.0.0.1:9/")
        self.assert_does_without(done, "web: the board has no page: npm's registry does not answer: ")
        self.assertFalse((self.web / "dist").exists())

    def test_the_stage_is_skipped(self):
        said, tally = io.StringIO(), run_all.Tally()
        root, run_all.ROOT = run_all.ROOT, self.work
        try:
            with contextlib.redirect_stdout(said):
                run_all.stage_web(tally, None)
        finally:
            run_all.ROOT = root
        self.assertEqual((tally.passed, tally.failed, tally.skipped), (0, 0, 1))
        self.assertRegex(said.getvalue(), r"\ASKIP web: .*not built.*\n\Z")


if __name__ == "__main__":
    unittest.main()
