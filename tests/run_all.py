#!/usr/bin/env python3
"""Every check of the project, stage by stage; ./dev test calls it after building Release.

Each stage prints a heading, what failed, and its time. The last line counts real test cases:
"N passed, N failed, N skipped". Exit status 1 after any failure.

--quick: unit tests, and lint of the files that differ from the last commit.
--only STAGE[,STAGE]: some stages.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from report import count_cases  # noqa: E402

JOBS = str(max(2, min(8, len(os.sched_getaffinity(0)))))
SOURCE_SUFFIXES = (".cc", ".h")


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed=0, failed=0, skipped=0):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    def case(self, ok, name, output=""):
        self.add(passed=int(ok), failed=int(not ok))
        print(f"{'PASS' if ok else 'FAIL'} {name}", flush=True)
        if not ok and output:
            print(output.rstrip(), flush=True)


def run(command, timeout=1800, **options):
    """(succeeded, output): stdout and stderr together; a hang counts as a failure."""
    try:
        done = subprocess.run([str(c) for c in command], cwd=ROOT, text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                              check=False, **options)
    except subprocess.TimeoutExpired as hang:
        text = hang.stdout or b""
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        return False, f"{text}\nno end after {timeout} s"
    return done.returncode == 0, done.stdout


def processor_time():
    """Seconds that what has been run and waited for has taken of all processors together."""
    times = os.times()
    return times.children_user + times.children_system


def end_all(process):
    """Ends a process that leads a session, and what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stream(command, tally, timeout=900, show_passed=False, **options):
    """Runs a script that prints PASS/FAIL/SKIP lines and counts them; shows all but what passed. A
    hang counts as a failure."""
    lines = []
    with subprocess.Popen([str(c) for c in command], cwd=ROOT, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                          **options) as process:
        limit = threading.Timer(timeout, end_all, [process])
        limit.start()
        try:
            for line in process.stdout:
                lines.append(line)
                if show_passed or not line.startswith("PASS "):
                    print(line, end="", flush=True)
            status = process.wait()
        except KeyboardInterrupt:
            end_all(process)  # whose session has no terminal that would tell it
            raise
        finally:
            hung = not limit.is_alive()
            limit.cancel()
    passed, failed, skipped = count_cases("".join(lines))
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    tally.add(passed, failed, skipped)
    if hung:
        tally.case(False, f"{Path(command[1]).name}: no end after {timeout} s",
                   "It came as far as:\n" + "".join(lines[-5:]))
    elif status != 0 and failed == 0:
        tally.case(False, f"{Path(command[1]).name} ended with status {status}")


def run_ctest(build, tally, arguments=(), environment=None):
    """ctest; GoogleTest binaries are counted case by case, anything else as one case."""
    results = ROOT / build / "test-results"
    results.mkdir(exist_ok=True)
    for old in results.iterdir():
        old.unlink()
    junit = results / "ctest.xml"
    variables = {**os.environ, "GTEST_OUTPUT": f"json:{results}/", **(environment or {})}
    _, output = run(["ctest", "--test-dir", build, "-j", JOBS, "--output-on-failure",
                     "--output-junit", junit, *arguments], timeout=3600, env=variables)
    if not junit.exists():
        tally.case(False, f"ctest in {build}", output)
        return
    _, listing = run(["ctest", "--test-dir", build, "--show-only=json-v1", *arguments])
    binary_of = {t["name"]: Path(t["command"][0]).name
                 for t in json.loads(listing)["tests"] if "command" in t}
    # Test cases by binary; a binary that ctest calls several times leaves several files.
    cases, counted = {}, set()
    for file in results.glob("*.json"):
        for suite in json.loads(file.read_text()).get("testsuites", []):
            for case in suite["testsuite"]:
                if case.get("result") == "SUPPRESSED" or case.get("status") == "NOTRUN":
                    continue
                binary = file.stem
                while binary not in binary_of.values() and "_" in binary:
                    binary = binary.rsplit("_", 1)[0]
                cases.setdefault(binary, []).append(
                    "failed" if case.get("failures") else
                    "skipped" if case.get("result") == "SKIPPED" else "passed")
    shown_failures = False
    for test in xml.etree.ElementTree.parse(junit).getroot().iter("testcase"):
        name, status = test.get("name"), test.get("status")
        binary = binary_of.get(name, name)
        outcomes = [] if binary in counted else cases.get(binary, [])
        counted.add(binary)
        passed, failed = outcomes.count("passed"), outcomes.count("failed")
        skipped = outcomes.count("skipped")
        if status == "fail" and failed == 0:
            failed = 1  # a crash, a leak at the end, or not a GoogleTest binary
        elif not outcomes and binary not in cases:
            passed, skipped = int(status == "run"), int(status != "run" and status != "fail")
        tally.add(passed, failed, skipped)
        note = f", {skipped} skipped" if skipped else ""
        note += f", {failed} FAILED" if failed else ""
        print(f"{'FAIL' if failed else 'ok  '} {name}: {passed} passed{note}"
              f" ({float(test.get('time') or 0):.1f} s)", flush=True)
        shown_failures |= bool(failed)
    if shown_failures:
        print(output)


def stage_unit(tally, _options):
    run_ctest("build", tally)
    print("The program's command line:")
    stream([sys.executable, "tests/cli/run.py", "build/graft"], tally)


def sources():
    """Tracked and new sources that git does not ignore."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", "src", "tests", "bench"],
                             cwd=ROOT, capture_output=True, text=True, check=False)
    files = listing.stdout.splitlines() if listing.returncode == 0 else [
        str(p.relative_to(ROOT)) for d in ("src", "tests", "bench") for p in (ROOT / d).rglob("*")]
    return sorted(f for f in files if f.endswith(SOURCE_SUFFIXES) and (ROOT / f).exists())


def changed_sources():
    listing = subprocess.run(["git", "status", "--porcelain", "-uall"], cwd=ROOT,
                             capture_output=True, text=True, check=False).stdout
    names = {line[3:].split(" -> ")[-1].strip('"') for line in listing.splitlines()}
    return [f for f in sources() if f in names]


def stage_lint(tally, options):
    files = changed_sources() if options.quick else sources()
    if files:
        tally.case(*swap(run(["clang-format-14", "--dry-run", "-Werror", *files]),
                         f"clang-format over {len(files)} files"))
    tally.case(*swap(run([sys.executable, "tests/lint/check_layers_test.py"]),
                     "check_layers.py finds what it should"))
    tally.case(*swap(run([sys.executable, "tests/lint/check_layers.py"]), "rooms and layers"))
    tally.case(*swap(run([sys.executable, "tests/lint/tidy_test.py"]), "tidy.py names what it finds"))
    tally.case(*swap(run([sys.executable, "tests/lint/cppcheck_test.py"]),
                     "cppcheck.py names what it finds"))
    tally.case(*swap(run([sys.executable, "tests/lint/check_docs.py"]),
                     "docs/reliability.md names tests that exist"))
    tally.case(*swap(run([sys.executable, "tests/lint/web_build_test.py"]),
                     "the page is done without where npm cannot be had"))
    tally.case(*swap(run(["bash", "-n", "dev"]), "dev is well-formed"))
    compiled = [f for f in files if f.endswith(".cc")]
    if compiled:
        ok, output = run([sys.executable, "tests/lint/tidy.py", "--jobs", JOBS, *compiled])
        print((output.strip().splitlines() or [""])[-1])
        tally.case(ok, "clang-tidy", output)
    if files:
        tally.case(*swap(run([sys.executable, "tests/lint/cppcheck.py", "--jobs", JOBS, *files]),
                         "cppcheck"))


def swap(outcome, name):
    ok, output = outcome
    return ok, name, output


def build_preset(preset, tally, targets=()):
    ok, output = run(["cmake", "--preset", preset, "-Wno-dev"])
    if ok:
        ok, output = run(["ninja", "-C", f"build-{preset}", "--quiet", *targets], timeout=3600)
    tally.case(ok, f"clang compiles it ({preset})", output)
    return ok


def stage_web(tally, _options):
    """The board's page: types, modules, and every page in a browser."""
    if not (ROOT / "web" / "dist" / "index.html").exists() or not (ROOT / "web" / "node_modules").exists():
        print("SKIP web: the page is not built: node, npm or its packages were not to be had", flush=True)
        tally.add(skipped=1)
        return
    tally.case(*swap(run(["node", "web/node_modules/typescript/bin/tsc", "--noEmit", "-p", "web"]),
                     "the page's types"))
    stream(["node", "web/tests/run.mjs"], tally)


def stage_sanitizers(tally, _options):
    if not build_preset("asan", tally):
        return
    environment = {
        "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    run_ctest("build-asan", tally, environment=environment)
    stream([sys.executable, "tests/cli/run.py", "build-asan/graft"], tally,
           env={**os.environ, **environment})
    stream([sys.executable, "tests/faults/hostile_folder.py", "--graft", "build-asan/graft"], tally,
           env={**os.environ, **environment})


# Those that read what a download, a colleague or another program may have left; the rest are for
# ./dev fuzz.
FUZZED = ("archive", "graph", "saved_files", "text_cache")


def stage_fuzz(tally, _options):
    if build_preset("asan", tally, [f"fuzz_{target}" for target in FUZZED]):
        stream([sys.executable, "tests/fuzz/run.py", "--minutes", "1", *FUZZED], tally,
               show_passed=True)


def stage_threads(tally, _options):
    """ThreadSanitizer over the rooms that use threads."""
    rooms = ["base", "data", "summary", "train", "board"]
    if build_preset("tsan", tally, [f"{room}_test" for room in rooms]):
        run_ctest("build-tsan", tally, ["-R", f"^({'|'.join(rooms)})$"],
                  {"TSAN_OPTIONS": f"halt_on_error=1:suppressions={ROOT}/tests/support/tsan.supp"})


def stage_faults(tally, _options):
    """Samples; ./dev faults has the long forms."""
    for script in ("points.py", "surroundings.py", "determinism.py", "board_flood.py",
                   "clock_jumps.py"):
        stream([sys.executable, f"tests/faults/{script}"], tally)


def stage_interop(tally, _options):
    stream([sys.executable, "tests/interop/run.py"], tally, timeout=1800)


class Beside:
    """A stage that runs in a process of its own while another one does."""

    def __init__(self, name):
        self.output = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen([sys.executable, __file__, "--only", name],
                                        stdout=self.output, stderr=subprocess.STDOUT)

    def finish(self, tally):
        """Waits for its end, prints what it said and counts its cases."""
        status = self.process.wait()
        self.output.seek(0)
        text = self.output.read().rstrip()
        print(text.partition("\n-- ")[0], flush=True)
        totals = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped", text.rpartition("\n")[2])
        if totals:
            tally.add(*map(int, totals.groups()))
        if not totals or (status != 0 and totals.group(2) == "0"):
            tally.case(False, f"a stage ended with status {status}", text)


# The browser's tests wait most of their time, clang-tidy never does.
BESIDE = {"web": "lint"}

STAGES = {
    "unit": ("Unit tests (Release, gcc)", stage_unit),
    "lint": ("Lint", stage_lint),
    "web": ("The board's page", stage_web),
    "sanitizers": ("AddressSanitizer and UndefinedBehaviorSanitizer (clang)", stage_sanitizers),
    "fuzz": ("Fuzzing, a minute a target (clang)", stage_fuzz),
    "threads": ("ThreadSanitizer (clang)", stage_threads),
    "faults": ("Faults at system calls and around runs, the same answer, 10,000 connections, a clock", stage_faults),
    "interop": ("Against real TensorFlow and TensorBoard", stage_interop),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else (
        ["unit", "lint"] if options.quick else list(STAGES))
    unknown = [n for n in names if n not in STAGES]
    if unknown:
        sys.exit(f"run_all.py: no stage {unknown[0]}: one of {', '.join(STAGES)}")

    total, begun, beside = Tally(), time.monotonic(), {}
    for name in names:
        heading, stage = STAGES[name]
        for other, host in BESIDE.items():
            if host == name and other in names:
                beside[other] = Beside(other)
        if name not in beside:
            print(f"\n== {heading}", flush=True)
        start, worked = time.monotonic(), processor_time()
        if name in beside:
            beside[name].finish(total)
        else:
            stage(total, options)
        print(f"-- {name}: {time.monotonic() - start:.0f} s, of which each processor worked "
              f"{(processor_time() - worked) / len(os.sched_getaffinity(0)):.0f}", flush=True)
    print(f"\nAll stages: {time.monotonic() - begun:.0f} s")
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    sys.exit(1 if total.failed else 0)


if __name__ == "__main__":
    main()
