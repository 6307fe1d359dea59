#!/usr/bin/env python3
"""Faults at system calls: wherever one strikes, files are old or new and a rerun ends the same.

Small runs of the program (scenarios.py) are struck by strace at one system call each: killed on
entry to a call that writes, or given an error by one that writes or reads. After each the exit
status and the message are as promised, every file is as it was or as it is to become, event files
are whole, `graft cache check` finds nothing (invariants.py); then the same command runs again
undisturbed and ends with an undisturbed run's bytes.

The points of a fault are spread evenly over all calls that it can strike. --all takes every one; but
only each tenth of those errors that take the same ways through the program as others.

Usage: points.py [--graft FILE] [--all] [--kills 200] [--points 150] [--minutes N]
                 [--faults kill,ENOSPC] [--scenarios fresh,again] [--jobs 2]
"""

import argparse
import collections
import concurrent.futures
import errno
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import injection  # noqa: E402
import places  # noqa: E402
from invariants import (State, cache_complaints, message_complaints, old_or_new, plain_name,  # noqa: E402
                        same_as)
from report import Report  # noqa: E402
from scenarios import WITHOUT_ONEDNN, Kitchen, scratch_place  # noqa: E402

KILLS, POINTS = 200, 150
KILLED = 128 + 9
THINNED = 10
PROGRESS = 500  # points between two words about it


class Point:
    """A call of a scenario that a fault is to strike."""

    def __init__(self, scenario, call, fault):
        self.scenario, self.call, self.fault = scenario, call, fault

    def __str__(self):
        return f"{self.fault.name} at {self.call}, {self.scenario.name}"


def points_of(scenarios, fault):
    return [Point(scenario, call, fault) for scenario in scenarios for call in scenario.calls
            if call.name in fault.calls and call.writing == fault.writing and
            not (fault.error and call.fails) and
            (fault.error != "ENOMEM" or scenario.name == WITHOUT_ONEDNN)]


def is_harmless(call):
    """May a run end well although this call failed? Where nothing is lost by it."""
    return (call.name.startswith("unlink") or is_console(call.path) or
            # The cache is synced before it is closed, and may be read where it cannot be written.
            (plain_name(call.path) == "features.cache" and call.name in ("close", "openat")) or
            (call.name == "close" and call.probe))


def is_console(path):
    return path.startswith("pipe:")


def is_same_file(path, other):
    """Wherever it lies, and whichever process made it when it is temporary."""
    return (plain_name(path) == plain_name(other) and
            path.endswith(".tmp") == other.endswith(".tmp"))


def names_for(paths, point):
    """Words of which the message must have one: the file, or what holds it."""
    names = ["memory"] if point.fault.error == "ENOMEM" else []
    for path in filter(None, paths):
        names += (["standard output"] if is_console(path) else
                  [plain_name(path), plain_name(os.path.dirname(path))])
    if point.call.name == "fsync":  # of a folder: any file that was put there
        names += [*map(os.path.basename, point.scenario.new.files), "run.json", "checkpoint.graft"]
    return names


class Trial:
    """A point, tried in a folder of its own."""

    def __init__(self, graft, point, work):
        self.graft, self.point, self.work = graft, point, work
        self.came = ""  # what came of it
        self.complaints = []

    def run(self):
        point, scenario = self.point, self.point.scenario
        shutil.copytree(scenario.start, self.work, dirs_exist_ok=True)
        outcome, paths = injection.strike(scenario.words, self.work, point.call, point.fault,
                                          scenario.injections, scenario.certain)
        state = State(self.work)
        self.complaints += cache_complaints(self.graft, self.work, state)
        left_out = False
        if outcome.status is None:
            self.came = "hung"
            self.complaints.append("no end")
        elif not point.fault.error:
            self.came = "killed" if outcome.status == KILLED else "not struck"
            self.complaints += old_or_new(state, scenario.old, scenario.new)
        elif not paths:
            self.came = "not struck"
        else:
            left_out = self._failed_call(outcome, state, paths)
        # Where all is done, another run is a new one.
        if left_out or any(same_as(state, scenario.new)):
            self._rerun(left_out)

    def _failed_call(self, outcome, state, paths):
        """Whether the run named and left out what it could not read, so that its files differ."""
        point, scenario = self.point, self.point.scenario
        if state.temporaries and not point.call.name.startswith("unlink"):
            self.complaints.append(f"left behind: {', '.join(state.temporaries)}")
        if state.cut_off:
            self.complaints.append(f"{state.cut_off} bytes of half an event")
        if outcome.status != scenario.status:
            self.came = "failed"
            # Without what cannot be read the request may make no sense any more: too few classes.
            if outcome.status != 1 and not (outcome.status == 2 and not point.fault.writing and
                                                  self._said_why(outcome)):
                self.complaints.append(f"exit {outcome.status}: {outcome.errors.strip()[-300:]}")
            self.complaints += message_complaints(outcome, names_for(paths, point),
                                                  scenario.partly)
            self.complaints += old_or_new(state, scenario.old, scenario.new)
            return False
        self.came = "went on"
        # With threads it may have been a call that reads.
        meant = point.fault.writing and all(is_same_file(path, point.call.path) for path in paths)
        # What a run that was stopped could not note about that is a warning.
        warned = scenario.status != 0 and self._said_why(outcome)
        if meant and not is_harmless(point.call) and not warned:
            self.complaints.append(f"exit {outcome.status} although {paths} failed")
        if scenario.status != 0:
            self.complaints += old_or_new(state, scenario.old, scenario.new)
            return False
        different = list(same_as(state, scenario.new))
        if different and (meant or not self._said_why(outcome)):
            self.complaints += different
        return bool(different)

    def _said_why(self, outcome):
        """Whether it gave the system's reason."""
        return os.strerror(getattr(errno, self.point.fault.error)) in outcome.errors

    def _rerun(self, left_out):
        scenario = self.point.scenario
        again = injection.run(scenario.words, self.work)
        if again.status != 0:
            self.complaints.append(f"the rerun failed: {again.status}: {again.errors.strip()[-300:]}")
            return
        self.complaints += (f"after a rerun: {complaint}" for complaint in
                            same_as(State(self.work), scenario.new, on_the_way=not left_out))


def try_point(graft, point, scratch):
    work = Path(tempfile.mkdtemp(dir=scratch))
    try:
        trial = Trial(graft, point, work)
        trial.run()
        return trial
    finally:
        shutil.rmtree(work)


def spread(points, count):
    """`count` of them, evenly spread; all of them when there are no more."""
    count = min(count, len(points))
    return [points[i * len(points) // count] for i in range(count)]


def thinned(points):
    """Each tenth of those whose fault is like another; all others."""
    return ([point for point in points if not point.fault.like] +
            [point for point in points if point.fault.like][::THINNED])


def chosen(options, possible):
    """possible: points by fault."""
    others = sum(len(points) for fault, points in possible.items() if fault.error)
    for fault, points in possible.items():
        if options.all and not options.points:
            yield from thinned(points)
        else:
            yield from spread(thinned(points), -(-(options.points or POINTS) * len(points) // others) if fault.error
                              else options.kills)


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graft", default=places.graft())
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--points", type=int, help="of all faults but the kill, 150 unless --all")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--minutes", type=float, default=0, help="stop then, in a random order")
    parser.add_argument("--faults", default=",".join(injection.FAULTS))
    parser.add_argument("--scenarios", default="")
    parser.add_argument("--jobs", type=int, default=2)
    return parser.parse_args()


def tried(options, graft, points, scratch):
    """Yields what was tried, until time is up."""
    end = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")

    def one(point):
        return try_point(graft, point, scratch) if time.monotonic() < end else None

    if options.minutes:
        random.Random(1).shuffle(points)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        yield from filter(None, pool.map(one, points))


COLUMNS = ("killed", "failed", "went on", "not struck", "hung", "violations")


def print_table(possible, tally):
    """A line a fault, then a line for each of the runs."""
    scenarios = {point.scenario.name: None for points in possible.values() for point in points}
    rows = [("", "calls", "points", *COLUMNS)]
    for key, calls in [*((fault.name, len(points)) for fault, points in possible.items()),
                       *((name, len({point.call for points in possible.values() for point in points
                                     if point.scenario.name == name})) for name in scenarios)]:
        rows.append((key, calls, tally[key]["points"], *(tally[key][c] for c in COLUMNS)))
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows)]
    for row in rows:
        print("  ".join(str(cell).rjust(width) for cell, width in zip(row, widths)))


def main():
    options = parse_arguments()
    graft, report = str(Path(options.graft).resolve()), Report()
    tally = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory(prefix="graft-faults-", dir=scratch_place()) as folder:
        scratch = Path(folder)
        kitchen = Kitchen(graft, scratch)
        scenarios = [*kitchen.trainings(), *kitchen.other_commands()]
        if options.scenarios:
            scenarios = [s for s in scenarios if s.name in options.scenarios.split(",")]
        possible = {fault: points_of(scenarios, fault) for fault in
                    map(injection.FAULTS.get, options.faults.split(","))}
        points = list(chosen(options, possible))
        for number, trial in enumerate(tried(options, graft, points, scratch), 1):
            point = trial.point
            if number % PROGRESS == 0:
                print(f"{number} of {len(points)} points", file=sys.stderr, flush=True)
            for key in (point.fault.name, point.scenario.name):
                tally[key].update({"points": 1, trial.came: 1,
                                   "violations": int(bool(trial.complaints))})
            if trial.complaints:
                report.check(False, str(point), "; ".join(trial.complaints))
    for fault, points in possible.items():
        count = tally[fault.name]
        report.check(count["violations"] == 0, f"{fault.name} at {count['points']} system calls",
                     f"of {len(points)}")
    print_table(possible, tally)
    report.finish()


if __name__ == "__main__":
    main()
