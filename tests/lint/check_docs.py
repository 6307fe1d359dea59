#!/usr/bin/env python3
"""docs/reliability.md names tests that exist.

`Suite.Case` is a GoogleTest case under src/; `script.py: text` (or .mjs) is a script under tests/ or
web/tests/ that has the text in it; `script.py` alone is one that exists. Prints one line for each that is missing; exit status
1 if there is any.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASE = re.compile(r"`([A-Z]\w+)\.([A-Z]\w+)`")
SCRIPT = re.compile(r"`([\w.]+\.(?:py|mjs))(?:: ([^`]+))?`")
TEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.M)


def missing(page, root):
    tests = {match.groups() for path in (root / "src").rglob("*_test.cc")
             for match in TEST.finditer(path.read_text())}
    for suite, case in CASE.findall(page):
        if (suite, case) not in tests:
            yield f"no test is called {suite}.{case}"
    for script, text in SCRIPT.findall(page):
        found = [path.read_text() for folder in ("tests", "web/tests")
                 for path in (root / folder).rglob(script)]
        if not any(text.strip() in content for content in found):
            yield f"{script} is not there" if not found else f"{script} has no \"{text}\""


def main():
    page = ROOT / "docs" / "reliability.md"
    problems = list(missing(page.read_text(), ROOT))
    for problem in problems:
        print(f"docs/reliability.md: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
