"""Where things are: the source tree, the program under test, the shared material."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def graft(build="build"):
    """The program; GRAFT_BINARY names another one."""
    return os.environ.get("GRAFT_BINARY") or str(ROOT / build / "graft")


def shared():
    """$GRAFT_SHARED, else ../shared, else None."""
    for place in (os.environ.get("GRAFT_SHARED"), ROOT / ".." / "shared"):
        if place and Path(place).is_dir():
            return Path(place).resolve()
    return None
