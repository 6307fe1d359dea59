#!/usr/bin/env python3
"""clang-tidy over our sources, remembering what passed.

Most of clang-tidy's time goes into the headers of a source, so sources of one target are looked at
several at once: their texts, one after the other, are the translation unit. (They compile like that:
the sanitizers' builds are unity builds. A text rather than a list of #includes, because some checks
look at the main file alone.)

A file is looked at again only when it, a header of ours that it includes, its compile command, the
checks or clang-tidy itself changed: the digest of all these is the name of an empty file in
~/.cache/graft-tidy, kept there as ccache keeps what it compiled, for every checkout. Which headers a
source includes is what ninja noted while compiling it.

Usage: tidy.py [--build DIR] [--jobs N] [FILE ...]. Exit status 1 if there is any finding.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIDY = "clang-tidy-14"
BATCH = 8  # sources a translation unit: 5 times as fast as one by one


def included_headers(build):
    """Object file → headers, from ninja's dependency log."""
    listing = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True,
                             text=True, check=True).stdout
    headers, current = {}, None
    for line in listing.splitlines():
        if line.startswith("ninja:"):
            continue
        if line and not line.startswith(" "):
            current = headers.setdefault(line.split(":")[0], [])
        elif line.strip() and current is not None:
            current.append(line.strip())
    return headers


def digest_of(path, known):
    if path not in known:
        known[path] = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "gone"
    return known[path]


def object_of(entry):
    """The object file that a compile command writes."""
    return entry.get("output") or re.search(r"-o (\S+)", entry["command"]).group(1)


def compiled(entries):
    """The entries, with the sources of a unity build's unit in place of the unit."""
    for entry in entries:
        if "/Unity/unity_" not in entry["file"]:
            yield entry
            continue
        for source in re.findall(r'^#include "(.*)"$', Path(entry["file"]).read_text(), re.M):
            yield {**entry, "file": source, "output": object_of(entry),
                   "command": entry["command"].replace(entry["file"], source)}


def key_of(entry, headers, build, tool, known):
    command = entry["command"].replace(str(ROOT), ".")
    text = [tool, command, digest_of(Path(entry["file"]), known)]
    for header in sorted(headers.get(object_of(entry), [])):
        path = (build / header).resolve()
        if path.is_relative_to(ROOT):
            text.append(f"{path.relative_to(ROOT)} {digest_of(path, known)}")
    return hashlib.sha256("\n".join(text).encode()).hexdigest()


def own_unit(source):
    """Is it a source that Highway includes once an instruction set?"""
    return "HWY_TARGET_INCLUDE" in source.read_text()


def batches_of(entries):
    """Lists of entries that make one translation unit each: of one target, in their order."""
    by_target = {}
    for entry in entries:
        target = object_of(entry).split(".dir/")[0]
        alone = entry["file"] if own_unit(Path(entry["file"])) else ""
        by_target.setdefault((target, alone), []).append(entry)
    return [group[i:i + BATCH] for group in by_target.values() for i in range(0, len(group), BATCH)]


class Unit:
    """A translation unit of several sources, which knows where each of its lines comes from."""

    def __init__(self, batch, folder):
        self.sources = [Path(e["file"]) for e in batch]
        self.begins, lines = [], []
        for source in self.sources:
            self.begins.append(len(lines))
            lines += source.read_text().splitlines()
        self.file = folder / "unit.cc"
        self.file.write_text("\n".join(lines) + "\n")
        command = batch[0]["command"].replace(batch[0]["file"], str(self.file))
        for place in sorted({source.parent for source in self.sources}):
            command += f" -iquote {shlex.quote(str(place))}"
        (folder / "compile_commands.json").write_text(json.dumps(
            [{"directory": batch[0]["directory"], "command": command, "file": str(self.file)}]))

    def told(self, output):
        """clang-tidy's output with the places of the sources in it."""
        def place(match):
            line = int(match.group(1))
            index = max(i for i, begin in enumerate(self.begins) if begin < line)
            return f"{os.path.relpath(self.sources[index], ROOT)}:{line - self.begins[index]}"
        return re.sub(re.escape(str(self.file)) + r":(\d+)", place, output)


def tidy(batch):
    """(found nothing, what clang-tidy said)."""
    with tempfile.TemporaryDirectory(prefix="graft-tidy-") as folder:
        unit = Unit(batch, Path(folder))
        # clang-tidy does not know gcc's own warning names.
        done = subprocess.run(
            [TIDY, "-p", folder, "--quiet", f"--config-file={ROOT / '.clang-tidy'}",
             "--extra-arg=-Wno-unknown-warning-option", str(unit.file)],
            capture_output=True, text=True, check=False)
        return done.returncode == 0, unit.told(done.stdout.strip() or done.stderr.strip())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    build = Path(options.build).resolve()

    entries = json.loads((build / "compile_commands.json").read_text())
    ours = [e for e in compiled(entries)
            if Path(e["file"]).is_relative_to(ROOT) and not Path(e["file"]).is_relative_to(build)]
    if options.files:
        wanted = {str(Path(f).resolve()) for f in options.files}
        ours = [e for e in ours if e["file"] in wanted]
    # One object a source is enough: the same file compiled for two targets is the same text.
    ours = list({e["file"]: e for e in ours}.values())

    tool = subprocess.run([TIDY, "--version"], capture_output=True, text=True, check=True).stdout
    tool += (ROOT / ".clang-tidy").read_text()
    headers, known = included_headers(build), {}
    passed = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "graft-tidy")
    passed.mkdir(parents=True, exist_ok=True)
    keys = {e["file"]: key_of(e, headers, build, tool, known) for e in ours}
    todo = [e for e in ours if not (passed / keys[e["file"]]).exists()]

    findings = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(tidy, batch): batch for batch in batches_of(todo)}
        for future in concurrent.futures.as_completed(running):
            clean, output = future.result()
            if clean:
                for entry in running[future]:
                    (passed / keys[entry["file"]]).touch()
            else:
                findings += 1
                print(output, flush=True)
    print(f"clang-tidy: {len(ours)} files, {len(todo)} looked at again, {findings} units with findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
