#!/usr/bin/env python3
"""cppcheck over our sources, one by one; what it is mistaken about is in cppcheck_suppressions.txt.

Usage: cppcheck.py [--jobs N] FILE ... Exit status 1 if there is any finding.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def check(files, jobs=1):
    """(clean, findings): a line each. Names of files are relative to the project."""
    done = subprocess.run(
        ["cppcheck", "--quiet", "-j", str(jobs), "--language=c++", "--std=c++20", "-Isrc",
         "--library=posix", "--library=googletest", "--enable=warning,performance,portability",
         "--suppress=missingInclude", "--suppressions-list=tests/lint/cppcheck_suppressions.txt",
         "--template={file}:{line}: {id}: {message}", "--error-exitcode=1", *map(str, files)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode == 0, done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    clean, findings = check(options.files, options.jobs)
    print(findings, end="")
    sys.exit(0 if clean else 1)


if __name__ == "__main__":
    main()
