"""Where things are: the source tree, the program under test, the shared material."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The build folder whose programs are tested; GRAFT_BUILD names another one than build/.
BUILD = ROOT / os.environ.get("GRAFT_BUILD", "build")


def graft():
    return str(BUILD / "graft")


def shared():
    """$GRAFT_SHARED, else ../shared, else None."""
    for place in (os.environ.get("GRAFT_SHARED"), ROOT / ".." / "shared"):
        if place and Path(place).is_dir():
            return Path(place).resolve()
    return None
