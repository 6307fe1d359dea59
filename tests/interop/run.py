#!/usr/bin/env python3
"""Runs the comparisons with real TensorFlow, in a virtual environment made for them once.

The environment lies in build/interop-venv and is kept; GRAFT_TF_PYTHON names another Python that has
TensorFlow. Where neither is there and PyPI cannot be reached, one line says so, within seconds.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from report import Report, count_cases  # noqa: E402
from virtual_environment import VirtualEnvironment  # noqa: E402

VENV = HERE.parents[1] / "build" / "interop-venv"
SCRIPTS = ["parity.py", "other_networks.py", "graph_loads.py", "train_agreement.py", "events.py",
           "board.py"]
PROBE = "tensorflow-estimator==2.15.0"  # small, and there only where TensorFlow is


def make_environment():
    """The Python to use, or a reason why there is none."""
    given = os.environ.get("GRAFT_TF_PYTHON")
    if given:
        return Path(given), ""
    requirements = HERE / "requirements.txt"
    environment = VirtualEnvironment(VENV, requirements)
    if environment.complete():
        return environment.python, ""
    reason = environment.create(PROBE)
    if reason:
        return None, reason
    print("Installing TensorFlow into build/interop-venv (once) …", flush=True)
    ready, reason = environment.install("-r", str(requirements))
    if not ready:
        return None, f"TensorFlow could not be installed ({reason})"
    environment.mark_complete()
    return environment.python, ""


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
