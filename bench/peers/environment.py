"""The Python of the peers: a virtual environment in build/peers-venv, made once from PyPI.

Versions and hashes are pinned in requirements/. Without base.txt nothing can be compared; each of the
other files is one peer, which may be missing.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "support"))
import places  # noqa: E402
from virtual_environment import VirtualEnvironment  # noqa: E402

BASE = HERE / "requirements" / "base.txt"
PEERS = [HERE / "requirements" / f"{name}.txt" for name in ("onnxruntime", "openvino", "litert")]
PROBE = "simplejpeg==1.9.0"  # small, and of base.txt


def make_environment():
    """The environment's Python, or None. Says in one line what could not be installed."""
    environment = VirtualEnvironment(places.BUILD / "peers-venv", BASE, *PEERS)
    if environment.complete():
        return environment.python
    reason = environment.create(PROBE)
    if reason:
        print(f"peers: skipped: {reason}")
        return None
    print("Installing the peers into build/peers-venv (once, 2 GB) …", flush=True)
    for file in (BASE, *PEERS):
        ready, reason = environment.install("--no-deps", "--require-hashes", "-r", str(file))
        if ready:
            continue
        print(f"peers: {file.stem} skipped: it could not be installed ({reason}): delete "
              f"{places.BUILD / 'peers-venv'} to try again")
        if file == BASE:
            return None
    environment.mark_complete()
    return environment.python
