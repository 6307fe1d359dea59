"""What a test script prints: one line a case, so that tests/run_all.py can count real cases.

    PASS name: detail        FAIL name: detail        SKIP name: reason
"""

import re
import sys

CASE = re.compile(r"^(PASS|FAIL|SKIP) ")


class Report:
    def __init__(self):
        self.counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}

    def _line(self, outcome, name, detail):
        self.counts[outcome] += 1
        detail = " ".join(str(detail).split())
        print(f"{outcome} {name}{': ' + detail if detail else ''}", flush=True)

    def check(self, ok, name, detail=""):
        self._line("PASS" if ok else "FAIL", name, detail)
        return ok

    def skip(self, name, reason):
        self._line("SKIP", name, reason)

    def finish(self):
        """Ends the script: status 1 after any failure."""
        sys.exit(1 if self.counts["FAIL"] else 0)


def count_cases(output):
    """(passed, failed, skipped) in a script's output."""
    outcomes = [m.group(1) for m in map(CASE.match, output.splitlines()) if m]
    return tuple(outcomes.count(kind) for kind in ("PASS", "FAIL", "SKIP"))
