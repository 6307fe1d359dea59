#!/usr/bin/env python3
"""Runs the comparisons with real TensorFlow, in a virtual environment made for them once.

The environment lies in build/interop-venv and is kept; GRAFT_TF_PYTHON names another Python that has
TensorFlow. Where neither is there and PyPI cannot be reached, one line says so, within seconds.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from report import Report, count_cases  # noqa: E402

VENV = HERE.parents[1] / "build" / "interop-venv"
SCRIPTS = ["parity.py", "other_networks.py", "graph_loads.py", "train_agreement.py", "events.py",
           "board.py"]
PROBE = "tensorflow-estimator==2.15.0"  # small, and there only where TensorFlow is


def pip(python, *arguments, seconds):
    """(succeeded, last line of output)"""
    try:
        done = subprocess.run([str(python), "-m", "pip", "--disable-pip-version-check", *arguments],
                              capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return False, f"no answer in {seconds} s"
    return done.returncode == 0, (done.stderr.strip().splitlines() or [""])[-1]


def make_environment():
    """The Python to use, or a reason why there is none."""
    given = os.environ.get("GRAFT_TF_PYTHON")
    if given:
        return Path(given), ""
    requirements = HERE / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    python, stamp = VENV / "bin" / "python", VENV / "complete"
    if stamp.exists() and stamp.read_text() == digest:
        return python, ""
    base = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    made = subprocess.run([base, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True,
                          check=False)
    if made.returncode != 0:
        return None, "no virtual environment could be made (Debian: python3-venv)"
    with tempfile.TemporaryDirectory() as nowhere:
        reached, reason = pip(python, "download", "--no-deps", "--no-cache-dir", "--retries", "0",
                              "--timeout", "5", "-q", "-d", nowhere, PROBE, seconds=25)
    if not reached:
        return None, f"PyPI cannot be reached ({reason})"
    print("Installing TensorFlow into build/interop-venv (once) …", flush=True)
    ready, reason = pip(python, "install", "-q", "--retries", "2", "--timeout", "60", "-r",
                        str(requirements), seconds=900)
    if not ready:
        return None, f"TensorFlow could not be installed ({reason})"
    stamp.write_text(digest)
    return python, ""


def main():
    chosen = sys.argv[1:] or SCRIPTS
    python, reason = make_environment()
    if python is None:
        Report().skip("comparison with real TensorFlow and TensorBoard", reason)
        return
    failed = False
    for script in chosen:
        begun = time.monotonic()
        print(f"\n{script}", flush=True)
        with subprocess.Popen([str(python), "-u", str(HERE / script)], text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            lines = []
            for line in process.stdout:
                lines.append(line)
                print(line, end="", flush=True)
            status = process.wait()
        if status != 0 and count_cases("".join(lines))[1] == 0:
            print(f"FAIL {script}: ended with status {status}")
        failed |= status != 0
        print(f"({time.monotonic() - begun:.0f} s)", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
