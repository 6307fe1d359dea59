"""Virtual environments for comparisons with programs from PyPI: made once, kept, never needed to build."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path


def pip(python, *arguments, seconds):
    """(succeeded, last line of output)"""
    try:
        done = subprocess.run([str(python), "-m", "pip", "--disable-pip-version-check", *arguments],
                              capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return False, f"no answer in {seconds} s"
    return done.returncode == 0, (done.stderr.strip().splitlines() or [""])[-1]


class VirtualEnvironment:
    """A folder with a Python and the packages of requirements files."""

    def __init__(self, folder, *requirements):
        self.python = folder / "bin" / "python"
        self._folder, self._stamp = folder, folder / "complete"
        self._digest = hashlib.sha256(b"".join(r.read_bytes() for r in requirements)).hexdigest()

    def complete(self):
        """Whether everything was installed, from these very requirements."""
        return self._stamp.exists() and self._stamp.read_text() == self._digest

    def mark_complete(self):
        self._stamp.write_text(self._digest)

    def create(self, probe):
        """Makes the empty environment; "" or the reason why it cannot be used, within seconds.

        `probe` is a small package, pinned, whose download shows that PyPI can be reached.
        """
        base = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
        made = subprocess.run([base, "-m", "venv", "--clear", str(self._folder)],
                              capture_output=True, text=True, check=False)
        if made.returncode != 0:
            return "no virtual environment could be made (Debian: python3-venv)"
        with tempfile.TemporaryDirectory() as nowhere:
            reached, reason = pip(self.python, "download", "--no-deps", "--no-cache-dir", "--retries",
                                  "0", "--timeout", "5", "-q", "-d", nowhere, probe, seconds=25)
        return "" if reached else f"PyPI cannot be reached ({reason})"

    def install(self, *what):
        """Installs the arguments of `pip install`: (succeeded, the last line that pip wrote)."""
        return pip(self.python, "install", "-q", "--retries", "2", "--timeout", "60", *what,
                   seconds=900)
