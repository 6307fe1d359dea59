#!/usr/bin/env python3
"""Faults around a whole run: no room, little memory, company, photos that change.

Each case runs the program for real, with no call's answer made up: a small tmpfs that fills up, files
that may not grow (which makes write() fall short before it fails), address space or descriptors that
end, places that may only be read, several runs at once on one cache, a photo that changes under the
program's hands. Afterwards the same holds as in points.py (invariants.py).

Usage: surroundings.py [--graft FILE] [--all] [--jobs 2]
"""

import argparse
import concurrent.futures
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import injection  # noqa: E402
import places  # noqa: E402
from invariants import State, cache_complaints, message_complaints, old_or_new, same_as  # noqa: E402
from report import Report  # noqa: E402
from scenarios import Kitchen, scratch_place  # noqa: E402

# In a namespace of its own: a tmpfs of $1 on $2, with the files of $3 in it; what the command leaves
# there is copied to $4.
ON_TMPFS = ('mount -t tmpfs -o size="$1" none "$2" && cp -a "$3/." "$2" && cd "$2" || exit 125; to=$4; '
            'shift 4; "$@"; code=$?; cp -a . "$to"; exit $code')
READ_ONLY = ('mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" || exit 125; shift; '
             '"$@"')


class Cases:
    def __init__(self, graft, scratch, report, options):
        self.graft, self.scratch, self.report, self.options = graft, scratch, report, options
        self.kitchen = Kitchen(graft, scratch)
        self.short = self.kitchen.retrain(steps=20)
        self.fresh, _ = self.kitchen.scenario("short", self.short)
        self.again, _ = self.kitchen.scenario("short again", self.short,
                                              first=[self.kitchen.retrain(steps=20, seed=7)])
        self.made, _ = self.kitchen.scenario("made", self.kitchen.with_network_made())
        self.count = 0

    def folder(self, start=None):
        self.count += 1
        return self.kitchen.folder(f"case-{self.count}", start)

    def afterwards(self, scenario, folder, outcome, names):
        """Complaints: a run ended well with everything new, or failed in one line with everything old
        or new; and it can be made good."""
        state = State(folder)
        complaints = list(cache_complaints(self.graft, folder, state))
        if state.temporaries:
            complaints.append(f"left behind: {', '.join(state.temporaries)}")
        if state.cut_off:
            complaints.append(f"{state.cut_off} bytes of half an event")
        if outcome.status == 0:
            return complaints + list(same_as(state, scenario.new))
        # Where no photo can be opened, no class is left.
        if outcome.status != 1 and not (outcome.status == 2 and "Too many open files" in outcome.errors):
            complaints.append(f"exit {outcome.status}: {outcome.errors.strip()[-300:]}")
        complaints += message_complaints(outcome, names)
        complaints += old_or_new(state, scenario.old, scenario.new)
        again = injection.run(scenario.words, folder)
        if again.status != 0:
            complaints.append(f"the rerun failed: {again.errors.strip()[-300:]}")
        return complaints + [f"after a rerun: {c}" for c in same_as(State(folder), scenario.new)]

    def sweep(self, name, trials, one):
        """one(trial) → (outcome, complaints), over all trials; one line for them all."""
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            results = list(zip(trials, pool.map(one, trials)))
        bad = [f"{trial}: {'; '.join(complaints)}" for trial, (_, complaints) in results if complaints]
        for line in bad:
            self.report.check(False, name, line)
        failed = sum(outcome.status != 0 for _, (outcome, _) in results)
        self.report.check(not bad, f"{name}, {len(results)} runs",
                          f"{failed} failed, {len(results) - failed} ended well, {len(bad)} violations")
        self.report.check(0 < failed, f"{name}: some runs fail")

    def many(self, few, all_of_them):
        return all_of_them if self.options.all else few

    # Limits

    def limited(self, scenario, kind, limit, names):
        folder = self.folder(scenario.start)
        outcome = injection.run(scenario.words, folder,
                                preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)))
        return outcome, self.afterwards(scenario, folder, outcome, names)

    def files_that_may_not_grow(self):
        largest = max(path.stat().st_size for path in
                      (self.scratch / "short again-undisturbed").rglob("*") if path.is_file())
        sizes = [i * largest // self.many(12, 400) for i in range(self.many(12, 400))]
        self.sweep("a file that may not grow", sizes, lambda size: self.limited(
            self.again, resource.RLIMIT_FSIZE, size, []))

    def too_few_descriptors(self):
        self.sweep("too few descriptors", range(4, 24, self.many(2, 1)), lambda count: self.limited(
            self.fresh, resource.RLIMIT_NOFILE, count, []))

    def too_little_memory(self):
        if b"__asan_init" in Path(self.graft).read_bytes():
            self.report.skip("too little memory", "the sanitizer itself takes terabytes of addresses")
            return
        def starts(megabytes):
            return injection.run([self.graft, "--version"], self.scratch, preexec_fn=lambda:
                                 resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20,) * 2)
                                 ).status == 0

        least = next(m for m in range(32, 4096, 4) if starts(m))
        step = self.many(12, 1)
        self.sweep("too little memory", range(least, least + 120, step), lambda megabytes:
                   self.limited(self.made, resource.RLIMIT_AS, megabytes << 20, ["memory"]))

    # Mounts

    def can_mount(self):
        return subprocess.run(["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"],
                              capture_output=True, check=False).returncode == 0

    def full_disk(self):
        used = sum(path.stat().st_size for path in
                   (self.scratch / "short again-undisturbed").rglob("*") if path.is_file())
        sizes = [(used // 4 + i * used // self.many(10, 200)) // 1024 for i in range(self.many(12, 240))]

        def one(kilobytes):
            place, after = self.folder(), self.folder()
            outcome = injection.run(["unshare", "-rm", "sh", "-c", ON_TMPFS, "sh", f"{kilobytes}k",
                                     str(place), str(self.again.start), str(after), *self.again.words],
                                    self.scratch)
            if outcome.status == 125:  # not even the older run's files fit
                return outcome, []
            return outcome, self.afterwards(self.again, after, outcome, [])

        self.sweep("a disk that fills up", sizes, one)

    def read_only(self):
        folder = self.folder(self.again.start)
        outcome = injection.run(["unshare", "-rm", "sh", "-c", READ_ONLY, "sh", str(folder),
                                 *self.again.words], self.scratch)
        complaints = self.afterwards(self.again, folder, outcome, ["graph.pb", "logs", "cache"])
        if "Read-only file system" not in outcome.errors:
            complaints.append(outcome.errors.strip()[-300:])
        self.report.check(outcome.status == 1 and not complaints, "a read-only place",
                          "; ".join(complaints))
        # Photos and network there are only read.
        folder = self.folder()
        words = ('mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 125; shift; "$@"')
        outcome = injection.run(["unshare", "-rm", "sh", "-c", words, "sh",
                                 str(self.kitchen.photos), *self.short], folder)
        self.report.check(outcome.status == 0, "photos in a read-only place", outcome.errors[-300:]
                          if outcome.status else "")

    def full_output(self):
        folder = self.folder()
        with open("/dev/full", "w", encoding="utf-8") as full:
            outcome = injection.run(self.short, folder, stdout=full)
        complaints = list(message_complaints(outcome, ["standard output"]))
        complaints += same_as(State(folder), self.fresh.new)
        self.report.check(outcome.status == 1 and not complaints, "standard output is full: exit 1, "
                          "and the classifier is there", "; ".join(complaints))

    # Company

    def at_once(self, count):
        """Runs of one command in folders of their own, with one cache and one folder of logs."""
        shared = self.folder()
        folders = [self.folder() for _ in range(count)]
        words = [*self.short, f"--bottleneck_dir={shared}/cache", f"--summaries_dir={shared}/logs"]
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            outcomes = list(pool.map(lambda folder: injection.run(words, folder), folders))
        complaints = [outcome.errors.strip()[-300:] for outcome in outcomes if outcome.status != 0]
        for folder in folders:
            complaints += same_as(State(folder), self.fresh.new, on_the_way=False)
        logs = State(shared)
        complaints += [*cache_complaints(self.graft, shared, logs), *logs.damage]
        runs = {folder.removesuffix("/train") for folder in logs.events if folder.endswith("/train")}
        expected = self.fresh.new.events
        for run in runs:
            for kind in ("train", "validation"):
                if logs.events[f"{run}/{kind}"] != expected[f"logs/{kind}"]:
                    complaints.append(f"{run}/{kind}: not an undisturbed run's events")
        self.report.check(not complaints and len(runs) == count,
                          f"{count} runs at once on one cache and one folder of logs: each is as alone",
                          "; ".join(complaints) or f"{len(runs)} folders of logs")

    # What changes under the program's hands

    def stopped_at(self, words, folder, call, number, meanwhile):
        """(whether it got there, outcome): runs it, stops it on entry to the number-th such call, does
        `meanwhile`, and lets it go on."""
        with tempfile.NamedTemporaryFile(prefix="graft-strace-") as log:
            strace = injection.traced([call], log.name, [f"{call}:signal=STOP:when={number}"])
            with subprocess.Popen([*strace, *words], cwd=folder, stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  start_new_session=True) as process:
                program = self._stopped(process, Path(log.name))
                if program:
                    meanwhile()
                    os.kill(program, signal.SIGCONT)
                try:
                    output, errors = process.communicate(timeout=injection.PATIENCE)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    return program is not None, injection.Outcome(None, "", "it hung")
                status = process.returncode if process.returncode >= 0 else 128 - process.returncode
        return program is not None, injection.Outcome(status, output, errors)

    @staticmethod
    def _stopped(process, log):
        """The program, once strace says that it stands still; None when it ended instead."""
        end = time.monotonic() + injection.PATIENCE
        while process.poll() is None and time.monotonic() < end:
            said = re.search(r"^(\d+) +--- stopped by SIGSTOP ---$", log.read_text(), re.M)
            if said:
                return int(said.group(1))
            time.sleep(0.002)
        return None

    def photos_that_change(self):
        """While it is read: at the read() itself, so that size and content are of two minds."""
        calls = injection.calls_of(self.short, self.folder())
        reads = [c for c in calls if c.name == "read" and c.path.startswith(str(self.kitchen.photos))]
        photos = {path: path.read_bytes() for path in self.kitchen.photos.rglob("*") if path.is_file()}
        other = next(iter(photos.values()))

        def replace(path):
            beside = path.with_name("beside.tmp")
            beside.write_bytes(other)
            beside.rename(path)

        changes = {
            "cut short": lambda path: os.truncate(path, 100),
            "emptied": lambda path: os.truncate(path, 0),
            "grown": lambda path: path.write_bytes(photos[path] + bytes(100000)),
            "overwritten": lambda path: path.write_bytes(other),
            "replaced": replace,
            "removed": lambda path: path.unlink(),
        }
        for name, change in changes.items():
            complaints, stopped = [], 0
            for call in reads[3::self.many(len(reads), 3)]:
                path, folder = Path(call.path), self.folder()
                struck, outcome = self.stopped_at(self.short, folder, "read", call.nth,
                                                  lambda c=change, p=path: c(p))
                stopped += struck
                complaints += self.after_a_change(folder, outcome)
                path.write_bytes(photos[path])
                again = injection.run(self.short, folder)
                if again.status != 0:
                    complaints.append(f"the rerun failed: {again.errors.strip()[-300:]}")
                complaints += same_as(State(folder), self.fresh.new, on_the_way=False)
            self.report.check(stopped > 0 and not complaints, f"a photo is {name} while it is read",
                              "; ".join(complaints) or f"{stopped} times")

    def after_a_change(self, folder, outcome):
        """Complaints: it trained with what it read, or named the photo and left it out."""
        state = State(folder)
        yield from cache_complaints(self.graft, folder, state)
        yield from state.damage
        if outcome.status != 0:
            yield f"exit {outcome.status}: {outcome.errors.strip()[-300:]}"

    def a_cache_that_is_shortened(self):
        """While its features are trained on: they are read from the mapped file."""
        folder = self.folder()
        struck, outcome = self.stopped_at(self.short, folder, "rename", 3,
                                          lambda: os.truncate(folder / "cache/features.cache", 0))
        complaints = list(message_complaints(outcome, ["cache/features.cache"]))
        again = injection.run(self.short, folder)
        complaints += [] if again.status == 0 else [again.errors.strip()[-300:]]
        complaints += same_as(State(folder), self.fresh.new)
        self.report.check(struck and outcome.status == 1 and not complaints,
                          "a cache that is shortened under a run: exit 1, and a rerun makes it good",
                          "; ".join(complaints))

    def all(self):
        self.files_that_may_not_grow()
        self.too_few_descriptors()
        self.too_little_memory()
        if self.can_mount():
            self.full_disk()
            self.read_only()
        else:
            self.report.skip("a disk that fills up, a read-only place",
                             "this machine lets no program mount")
        self.full_output()
        self.at_once(2)
        self.at_once(8)
        self.photos_that_change()
        self.a_cache_that_is_shortened()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graft", default=places.graft())
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="", help="the name of a method")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="graft-faults-", dir=scratch_place()) as folder:
        cases = Cases(str(Path(options.graft).resolve()), Path(folder), report, options)
        getattr(cases, options.only or "all")()
    report.finish()


if __name__ == "__main__":
    main()
