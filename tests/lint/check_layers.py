#!/usr/bin/env python3
"""The house rules that a compiler does not know.

  * src/LAYERS: a room includes, and links, only the rooms that it may; the rooms form no cycle.
  * src/LIBRARIES: a library's headers are included by the rooms that own it, by no other.
  * A file has at most 700 lines.
  * Only the cli room prints or ends the process. A programmer mistake may abort() anywhere, with its
    last words right before.

Usage: check_layers.py [ROOT]. Prints one line a violation; exit status 1 if there is any.
"""

import re
import sys
from pathlib import Path

MAX_LINES = 700
CODE_ROOTS = ("src", "tests", "bench", "docs", "cmake")
CODE_SUFFIXES = {".cc", ".h", ".proto", ".py", ".sh", ".cmake", ".ts", ".tsx"}

# C, POSIX and Linux headers that any room may include (C++ ones have no suffix).
SYSTEM_HEADERS = {
    "dirent.h", "dlfcn.h", "errno.h", "fcntl.h", "fenv.h", "immintrin.h", "limits.h", "poll.h",
    "pthread.h", "sched.h", "setjmp.h", "signal.h", "spawn.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "time.h",
    "unistd.h", "cpuid.h", "malloc.h",
}
SYSTEM_PREFIXES = ("sys/", "linux/", "arpa/", "netinet/")
# Tests may use the test libraries wherever they stand.
TEST_PREFIXES = ("gtest/", "gmock/", "sanitizer/")

INCLUDE = re.compile(r'^\s*(?:#\s*include|import)\s*([<"])([^>"]+)[>"]', re.M)
PRINTS = re.compile(
    r"(?<![\w.>])(?:std\s*::\s*)?"
    r"(?:printf|vprintf|fprintf|vfprintf|puts|fputs|putchar|fputc|perror|exit|_exit|_Exit|quick_exit)"
    r"\s*\("
)
LAST_WORDS = re.compile(r"[^;]*;\s*(?:std\s*::\s*)?abort\s*\(")
STREAMS = re.compile(r"\bstd\s*::\s*(cout|cerr|clog)\b")


def read_table(path):
    """"key: a b c" lines, in file order; '#' starts a comment."""
    table = {}
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        key, _, values = line.partition(":")
        table[key.strip()] = values.split()
    return table


def without_comments_and_strings(text):
    """C++ with comments and literals blanked, line structure kept."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return re.sub(
        r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'',
        blank, text, flags=re.S)


def is_test(path):
    return path.stem.endswith("_test") or path.stem.endswith("_testing")


class Checker:
    def __init__(self, root):
        self.root = Path(root)
        self.src = self.root / "src"
        self.violations = []
        self.rooms = read_table(self.src / "LAYERS")
        self.libraries = read_table(self.src / "LIBRARIES")

    def complain(self, path, line, message):
        where = path.relative_to(self.root)
        self.violations.append(f"{where}:{line}: {message}" if line else f"{where}: {message}")

    def check_table(self):
        """Every room stands below what it names, so that there can be no cycle."""
        layers = self.src / "LAYERS"
        above = set()
        for room, allowed in self.rooms.items():
            for other in allowed:
                if other not in self.rooms:
                    self.complain(layers, 0, f"{room} names {other}, which is no room")
                elif other not in above:
                    self.complain(layers, 0, f"{room} names {other}, which does not stand above it")
            above.add(room)
        for folder in sorted(p for p in self.src.iterdir() if p.is_dir()):
            if folder.name not in self.rooms:
                self.complain(layers, 0, f"the folder src/{folder.name} is not listed")
        for prefix, owners in self.libraries.items():
            for owner in owners:
                if owner not in self.rooms:
                    self.complain(self.src / "LIBRARIES", 0, f"{prefix} belongs to {owner}, no room")

    def check_include(self, path, room, line, quote, name):
        first = name.split("/")[0]
        if quote == '"' and "/" in name and first in self.rooms:
            if first != room and first not in self.rooms[room]:
                self.complain(path, line, f"{room} may not include {first} ({name}): see src/LAYERS")
            target = self.src / name
            generated = self.src / name.replace(".pb.h", ".proto")
            if not target.exists() and not generated.exists():
                self.complain(path, line, f"{name} is no file under src")
            return
        if is_test(path) and name.startswith(TEST_PREFIXES):
            return
        if "." not in name.split("/")[-1] and "/" not in name and first not in self.libraries:
            return  # a C++ header: <vector>
        if name in SYSTEM_HEADERS or name.startswith(SYSTEM_PREFIXES):
            return
        for prefix, owners in self.libraries.items():
            if name.startswith(prefix):
                if room not in owners:
                    self.complain(
                        path, line,
                        f"{room} may not include {name}: it belongs to {' '.join(owners)} "
                        "(src/LIBRARIES)")
                return
        self.complain(path, line, f"{name} belongs to no room: name its owner in src/LIBRARIES")

    def check_source(self, path, room):
        text = path.read_text(encoding="utf-8", errors="replace")
        bare = without_comments_and_strings(text)
        lines_with_code = bare.splitlines()
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start(1)) + 1
            if lines_with_code[line - 1].strip():  # not inside a comment
                self.check_include(path, room, line, match.group(1), match.group(2))
        if room != "cli" and not is_test(path) and path.suffix != ".proto":
            for pattern in (PRINTS, STREAMS):
                for match in pattern.finditer(bare):
                    if LAST_WORDS.match(bare, match.end()):
                        continue
                    line = bare.count("\n", 0, match.start()) + 1
                    what = " ".join(match.group(0).split()).rstrip("( ")
                    self.complain(path, line, f"{what}: only the cli room prints or exits")

    def check_links(self, room):
        """CMake's DEPS say the same as src/LAYERS."""
        lists = self.src / room / "CMakeLists.txt"
        if not lists.exists():
            return
        text = re.sub(r"#[^\n]*", "", lists.read_text())
        for call in re.findall(r"\bgraft_room\s*\((.*?)\)", text, re.S):
            for other in re.findall(r"\bgraft_(\w+)", call):
                if other in self.rooms and other != room and other not in self.rooms[room]:
                    self.complain(lists, 0, f"{room} may not link graft_{other}: see src/LAYERS")

    def check_lengths(self):
        for folder in CODE_ROOTS:
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in CODE_SUFFIXES and path.is_file():
                    count = path.read_bytes().count(b"\n")
                    if count > MAX_LINES:
                        self.complain(path, 0, f"{count} lines: {MAX_LINES} at most")

    def run(self):
        self.check_table()
        for room in self.rooms:
            for path in sorted((self.src / room).rglob("*")):
                if path.suffix in (".cc", ".h", ".proto"):
                    self.check_source(path, room)
            self.check_links(room)
        self.check_lengths()
        return self.violations


def main(arguments):
    root = arguments[0] if arguments else Path(__file__).resolve().parents[2]
    violations = Checker(root).run()
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
