#!/usr/bin/env python3
"""clang-tidy over our sources, remembering what passed.

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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIDY = "clang-tidy-14"


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


def key_of(entry, headers, build, tool, known):
    command = entry["command"].replace(str(ROOT), ".")
    text = [tool, command, digest_of(Path(entry["file"]), known)]
    for header in sorted(headers.get(object_of(entry), [])):
        path = (build / header).resolve()
        if path.is_relative_to(ROOT):
            text.append(f"{path.relative_to(ROOT)} {digest_of(path, known)}")
    return hashlib.sha256("\n".join(text).encode()).hexdigest()


def tidy(entry, build):
    # clang-tidy does not know gcc's own warning names.
    command = [TIDY, "-p", str(build), "--quiet", "--extra-arg=-Wno-unknown-warning-option",
               entry["file"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    build = Path(options.build).resolve()

    entries = json.loads((build / "compile_commands.json").read_text())
    ours = [e for e in entries
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
        running = {pool.submit(tidy, e, build): e for e in todo}
        for future in concurrent.futures.as_completed(running):
            entry = running[future]
            status, output, complaint = future.result()
            if status == 0:
                (passed / keys[entry["file"]]).touch()
                continue
            findings += 1
            shown = shlex.quote(str(Path(entry["file"]).relative_to(ROOT)))
            print(f"{shown}:\n{output or complaint}", flush=True)
    print(f"clang-tidy: {len(ours)} files, {len(todo)} looked at again, {findings} with findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
