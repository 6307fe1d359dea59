#!/usr/bin/env python3
"""Fuzzing: hostile bytes for hours or for a minute, with AddressSanitizer and UBSan watching.

run.py [--minutes N] [--build DIR] [TARGET ...]: each target (all by default) for N minutes, two at a
time. What was found worth keeping lies in BUILD/corpus/TARGET and is where the next call goes on; a
finding lies in BUILD/findings/TARGET, whose message says how to see it again. One PASS or FAIL line a
target, with executions, coverage (edges of the program's own code) and corpus size.

Unbounded memory and time are findings, too: one allocation of more than MALLOC_MB, RSS_MB altogether,
or TIMEOUT seconds for one input.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import places  # noqa: E402
from report import Report  # noqa: E402

MALLOC_MB, RSS_MB, TIMEOUT = 256, 1536, 25
# Bytes of an input at most: enough for what each format can say, few enough to be tried fast.
MAX_LENGTH = {"archive": 16384, "graph": 16384, "saved_files": 8192, "text_cache": 12288,
              "events": 8192, "board_log": 8192, "board_records": 4096, "board_requests": 4096,
              "job_form": 2048}
# Real files among the shared material that a target starts from as well, the smallest of them.
REAL = {"jpeg": "photos/flower_photos/*/*.jpg", "text_cache": "bottlenecks/*/*.txt"}
REAL_COUNT = 10


def targets(build):
    return sorted(p.name.removeprefix("fuzz_") for p in build.glob("tests/fuzz/fuzz_*")
                  if p.is_file() and os.access(p, os.X_OK) and not p.suffix)


def environment(scratch):
    return {
        **os.environ, "TMPDIR": str(scratch),
        # Freed memory that is kept to notice its use counts towards RSS_MB.
        "ASAN_OPTIONS": "quarantine_size_mb=64:detect_stack_use_after_return=1:"
                        "strict_string_checks=1:allocator_may_return_null=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }


def plant(target, program, corpus, variables):
    """The target's own seeds and some real files, beside what earlier calls found; or a complaint."""
    corpus.mkdir(parents=True, exist_ok=True)
    shared = places.shared()
    real = sorted(shared.glob(REAL[target])) if shared and target in REAL else []
    for path in sorted(real, key=lambda p: p.stat().st_size)[:REAL_COUNT]:
        shutil.copyfile(path, corpus / path.name)
    done = subprocess.run([program], env={**variables, "GRAFT_FUZZ_SEEDS": str(corpus)}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return None if done.returncode == 0 else done.stdout


def fuzz(target, build, seconds):
    """(ok, one line, what to print below it)"""
    program = build / "tests" / "fuzz" / f"fuzz_{target}"
    corpus, findings = build / "corpus" / target, build / "findings" / target
    findings.mkdir(parents=True, exist_ok=True)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    scratch = Path(tempfile.mkdtemp(prefix="graft_fuzz_", dir=memory))
    try:
        variables = environment(scratch)
        complaint = plant(target, program, corpus, variables)
        if complaint is not None:
            return False, "writes no seeds", complaint
        limits = [f"-rss_limit_mb={RSS_MB}", f"-malloc_limit_mb={MALLOC_MB}", f"-timeout={TIMEOUT}"]
        command = [program, corpus, f"-max_total_time={seconds}", *limits, "-print_final_stats=1",
                   f"-max_len={MAX_LENGTH.get(target, 16384)}", "-reload=0",
                   f"-artifact_prefix={findings}/"]
        with open(findings / "log", "w+b") as log:
            start = time.time()
            try:
                status = subprocess.run([str(c) for c in command], env=variables, stdout=log,
                                        stderr=subprocess.STDOUT, check=False,
                                        timeout=2 * seconds + 600).returncode
            except subprocess.TimeoutExpired:
                status = "no end"
            log.seek(0)
            output = log.read().decode(errors="replace")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    coverage = re.findall(r"\bcov: (\d+) ft: (\d+) corp: (\d+)/", output)
    edges, _, corpus_size = coverage[-1] if coverage else ("?", "?", "?")
    line = (f"{executions.group(1) if executions else '?'} executions, {edges} edges, "
            f"{corpus_size} inputs kept, {time.time() - start:.0f} s")
    if status == 0 and executions:
        return True, line, ""
    tail = "\n".join(output.splitlines()[-60:])
    kept = sorted(p for p in findings.iterdir()
                  if p.name != "log" and p.stat().st_mtime >= start - 1)
    again = "\n".join(f"to see it again: {program} {' '.join(limits)} {p}" for p in kept)
    return False, line, f"{tail}\n{again or f'the whole log: {findings}/log'}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--build", default=str(ROOT / "build-asan"))
    parser.add_argument("--list", action="store_true", help="the targets that are built")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    options = parser.parse_args()
    build = Path(options.build).resolve()
    known = targets(build)
    if options.list:
        print("\n".join(known))
        return
    for target in options.targets:
        if target not in known:
            sys.exit(f"run.py: no target {target}: one of {', '.join(known)}")
    wanted = options.targets or known
    report = Report()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = {pool.submit(fuzz, t, build, max(1, int(options.minutes * 60))): t for t in wanted}
        for future in concurrent.futures.as_completed(running):
            ok, line, below = future.result()
            report.check(ok, f"fuzz {running[future]}", line)
            if below:
                print(below, flush=True)
    report.finish()


if __name__ == "__main__":
    main()
