#!/usr/bin/env python3
"""tidy.py names the source and the line of a finding, whichever source of a unit it is in."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tidy  # noqa: E402

CLEAN = """#include <string>
namespace {
std::size_t size_of(const std::string& text) { return text.size(); }
}  // namespace
std::size_t first() { return size_of("text"); }
"""
MOVED_FROM = """#include <string>
#include <utility>
std::size_t second(std::string text) {
  const std::string other = std::move(text);
  return other.size() + text.size();
}
"""


def main():
    with tempfile.TemporaryDirectory(prefix="graft-tidy-test-") as folder:
        batch = []
        for name, text in (("clean.cc", CLEAN), ("moved.cc", MOVED_FROM)):
            source = Path(folder) / name
            source.write_text(text)
            batch.append({"directory": folder, "file": str(source),
                          "command": f"c++ -std=c++20 -o some.dir/{name}.o -c {source}"})
        clean, output = tidy.tidy(batch)
        if clean or "moved.cc:5:" not in output or "bugprone-use-after-move" not in output:
            sys.exit(f"the planted finding of moved.cc, line 5, is not named:\n{output}")
        clean, output = tidy.tidy(batch[:1])
        if not clean:
            sys.exit(f"findings in a source without any:\n{output}")
        if [len(b) for b in tidy.batches_of(batch * 5)] != [8, 2]:
            sys.exit("sources of one target are not taken together")


if __name__ == "__main__":
    main()
