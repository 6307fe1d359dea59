#!/usr/bin/env python3
"""The program from outside: command lines as people type them, exit codes, both output streams.

run.py GRAFT [NAME ...]: all cases, or those whose name contains a NAME; one PASS, FAIL or SKIP line
a case. Everything runs on photos that the program draws and on its built-in network, in a fresh
temporary folder, without a network connection.
"""

import argparse
import os
import sys
import traceback
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import program  # noqa: E402
from report import Report  # noqa: E402


class Lines(unittest.TestResult):
    """Prints each case as it ends, and what went wrong under it."""

    def __init__(self, report):
        super().__init__()
        self.report = report

    def startTest(self, test):
        super().startTest(test)
        self.failed_part = False

    def addSuccess(self, test):
        if not self.failed_part:
            self.report.check(True, self._name(test))

    def addFailure(self, test, err):
        self._failed(test, err)

    def addError(self, test, err):
        self._failed(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None and not self.failed_part:
            self.failed_part = True
            self._failed(test, err)

    def addSkip(self, test, reason):
        self.report.skip(self._name(test), reason)

    def _failed(self, test, err):
        self.report.check(False, self._name(test))
        print(self._exc_info_to_string(err, test), flush=True)

    @staticmethod
    def _name(test):
        return ".".join(test.id().split(".")[-2:])


def cases(suite):
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from cases(part)
        else:
            yield part


NUMBER = 2  # bytes of a case's number


def run_some(binary, all_cases, queue):
    """Takes one case after the other from the queue, a pipe with their numbers, and runs them in a
    working folder of its own; never returns. For a forked process."""
    status = 1
    try:
        program.PLACE.set_up(binary)
        report = Report()
        while number := os.read(queue, NUMBER):
            all_cases[int.from_bytes(number, "little")].run(Lines(report))
        status = 1 if report.counts["FAIL"] else 0
        program.PLACE.tear_down()
    except BaseException:  # what is raised must not climb into the parent's code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("graft")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    found = unittest.defaultTestLoader.discover(str(HERE), pattern="*_test.py")
    wanted = [case for case in cases(found)
              if not options.names or any(name in case.id() for name in options.names)]
    sys.stdout.flush()
    queue, end = os.pipe()
    for number in range(len(wanted)):
        os.write(end, number.to_bytes(NUMBER, "little"))
    os.close(end)
    children = []
    for _ in range(options.jobs):
        child = os.fork()
        if child == 0:
            run_some(os.path.abspath(options.graft), wanted, queue)
        children.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(1 if any(statuses) else 0)


if __name__ == "__main__":
    main()
