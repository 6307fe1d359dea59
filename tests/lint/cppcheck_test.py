#!/usr/bin/env python3
"""cppcheck.py names the source and the line of a finding."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cppcheck  # noqa: E402

CLEAN = "int first(int i) { return i; }\n"
BEYOND = """int second() {
  int numbers[2] = {1, 2};
  return numbers[2];
}
"""


def main():
    with tempfile.TemporaryDirectory(prefix="graft-cppcheck-test-") as folder:
        sources = [Path(folder) / "clean.cc", Path(folder) / "beyond.cc"]
        for source, text in zip(sources, (CLEAN, BEYOND)):
            source.write_text(text)
        clean, findings = cppcheck.check(sources)
        if clean or "beyond.cc:3: arrayIndexOutOfBounds" not in findings:
            sys.exit(f"the planted finding of beyond.cc, line 3, is not named:\n{findings}")
        clean, findings = cppcheck.check(sources[:1])
        if not clean:
            sys.exit(f"findings in a source without any:\n{findings}")


if __name__ == "__main__":
    main()
