#!/usr/bin/env python3
"""Runs the comparisons with real TensorFlow, in a virtual environment made for them once.

The environment lies in build/interop-venv and is kept; GRAFT_TF_PYTHON names another Python that has
TensorFlow. Where neither is there and PyPI cannot be reached, one line says so, within seconds.

Two scripts run at a time: TensorFlow spends much of its time on one processor, starting.

Usage: run.py [SCRIPT ...]
"""

import concurrent.futures
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
SCRIPTS = ["graph_loads.py", "parity.py", "other_networks.py", "train_agreement.py", "events.py",
           "board.py"]  # those that take long first
AT_ONCE = 2
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


def run(python, script):
    """Whether it succeeded; prints all that it said, once it has ended."""
    begun = time.monotonic()
    done = subprocess.run([str(python), str(HERE / script)], text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = f"\n{script}\n{done.stdout}"
    if done.returncode != 0 and count_cases(done.stdout)[1] == 0:
        said += f"FAIL {script}: ended with status {done.returncode}\n"
    print(f"{said}({time.monotonic() - begun:.0f} s)", flush=True)
    return done.returncode == 0


def main():
    chosen = sys.argv[1:] or SCRIPTS
    python, reason = make_environment()
    if python is None:
        Report().skip("comparison with real TensorFlow and TensorBoard", reason)
        return
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = [pool.submit(run, python, script) for script in chosen]
        succeeded = [future.result() for future in concurrent.futures.as_completed(running)]
    sys.exit(0 if all(succeeded) else 1)


if __name__ == "__main__":
    main()
