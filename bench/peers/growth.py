#!/usr/bin/env python3
"""Time and memory of a cold training from 1,000 to 100,000 photos: ./dev bench growth.

The photos are copies of the shared ones, in their classes, each with a few bytes appended: the cache
knows photos by their content, so that every feature is computed. The disk
needs 46 kB a photo for the time being. Peak memory is sampled every 10 ms: anonymous memory, and
everything resident, which counts the mapped cache.

Usage: growth.py [--sizes=1000,2000,5000,10000,20000] [--architecture=mobilenet_0.25_128] [--append]
       --sizes=100000 --append   adds the largest. Writes bench/results/growth.json.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from environment import make_environment  # noqa: E402
from jobs import Job, copies, peak_memory, places, processor_seconds, run  # noqa: E402
from results import Results  # noqa: E402

SIZES = "1000,2000,5000,10000,20000"


def main():
    parser = argparse.ArgumentParser(description="cost from 1,000 photos to 100,000")
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--architecture", default="mobilenet_0.25_128")
    parser.add_argument("--append", action="store_true")
    options = parser.parse_args()
    material = places.shared()
    if material is None:
        print("growth: skipped: no ../shared with photos and networks")
        return
    results = Results(HERE.parent / "results" / "growth.json")
    if not options.append:
        results.forget()
    for size in map(int, options.sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="graft-growth-") as scratch:
            photos, work = Path(scratch, "photos"), Path(scratch, "work")
            work.mkdir()
            copies(material / "photos" / "flower_photos", photos, size)
            job = Job(photos, material / "models", options.architecture, work)
            begun = processor_seconds()
            anonymous, resident, seconds = peak_memory(job.retrain())
            processor = processor_seconds() - begun
            begun = processor_seconds()
            warm = run(job.retrain())[0]
            warm_processor = processor_seconds() - begun
        results.runs.append({
            "stage": "growth", "network": options.architecture, "who": "graft", "photos": size,
            "round": results.next_round("growth", options.architecture), "seconds": seconds,
            "anonymous_mb": anonymous, "resident_mb": resident, "warm_seconds": warm,
            "processor_seconds": processor, "warm_processor_seconds": warm_processor})
        print(f"{size:7,} photos: {seconds:7.1f} s cold ({processor:.1f} s of processor), "
              f"{warm:5.2f} s warm ({warm_processor:.2f} s), {anonymous:4.0f} MB own, "
              f"{resident:4.0f} MB with mapped files", flush=True)
        results.save()
    python = make_environment()
    if python is not None:
        subprocess.run([python, HERE / "report.py"], check=True)


if __name__ == "__main__":
    main()
