#!/usr/bin/env python3
"""Speeds and memory of this machine: ./dev bench.

Rooms are timed by build/bench/pipeline_bench in one process; whole commands are timed from outside,
from exec to exit. Every figure is a median. Photos and networks: ../shared (or GRAFT_SHARED) with
mobilenet_0.50_224, else the program's own sample photos and its built-in network. Memory is measured
over copies of the photos with a few bytes appended, so that each has another content and every
feature is computed. Prints a table; writes build/bench.json.

Usage: run.py [--quick]     (--quick: no 20,000 photos)
       run.py board         (the board alone: board/run.py)
       run.py peers         (beside other programs: peers/compare.py)
       run.py growth        (from 1,000 to 100,000 photos: peers/growth.py)
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from jobs import GRAFT, ROOT, Job, copies, median_seconds, peak_memory, places, run

MANY, FEW = 20000, 1000
INCEPTION_PHOTOS = 40


def cold_rate(job, photos):
    """Photos a second of the whole command with an empty cache."""
    times = []
    for _ in range(3):
        job.forget()
        times.append(run(job.features())[0])
    return photos / statistics.median(times)


def measure_inception(source, scratch):
    """Inception V3 (the tests' fixture: the official structure, weights from a seed)."""
    models, work, photos = scratch / "inception", scratch / "inception-work", scratch / "forty"
    file = models / "inception-2015-12-05" / "classify_image_graph_def.pb"
    file.parent.mkdir(parents=True)
    work.mkdir()
    run([places.BUILD / "tests" / "fixtures" / "make_inception", file])
    copies(source, photos, INCEPTION_PHOTOS)
    rooms = json.loads(run([places.BUILD / "bench" / "pipeline_bench", f"--image_dir={source}",
                            f"--model_dir={models}", "--architecture=inception_v3",
                            "--photos=12"])[1])
    job = Job(photos, models, "inception_v3", work)
    return {"rooms": rooms, "memory": peak_memory(job.retrain())}


def measure(scratch, quick):
    shared = places.shared()
    if shared and (shared / "photos" / "flower_photos").is_dir():
        source, models = shared / "photos" / "flower_photos", shared / "models"
        architecture = "mobilenet_0.50_224"
    else:
        source, models = scratch / "sample", scratch / "models"
        architecture = "untrained_mobilenet_0.25_128"
        run([GRAFT, "sample", f"--output={source}", "--photos_per_class=200"])
    results = {"cores": len(os.sched_getaffinity(0)), "architecture": architecture}

    few = scratch / "few"
    copies(source, few, FEW)
    work = scratch / "work"
    work.mkdir()
    job = Job(few, models, architecture, work)
    run(job.retrain())  # makes the built-in network where that is the one

    rooms = json.loads(run([places.BUILD / "bench" / "pipeline_bench", f"--image_dir={source}",
                            f"--model_dir={models}", f"--architecture={architecture}"])[1])
    results["rooms"] = rooms

    results["start_up_ms"] = 1000 * median_seconds([GRAFT, "--version"], 21)
    results["cold_photos_per_second"] = cold_rate(job, FEW)
    training = [json.loads(run(job.retrain())[1])["seconds"]["training"] for _ in range(7)]
    results["retrain_500_steps_ms"] = 1000 * statistics.median(training)
    results["warm_rerun_s"] = median_seconds(job.retrain(), 7)
    photo = sorted((few / sorted(os.listdir(few))[0]).iterdir())[0]
    results["label_one_ms"] = 1000 * median_seconds(
        [GRAFT, "label", f"--graph={work}/graph.pb", photo], 21)

    job.forget()
    results["memory_1000"] = peak_memory(job.retrain())
    if not quick:
        many = scratch / "many"
        copies(source, many, MANY)
        big = Job(many, models, architecture, scratch / "big")
        results["memory_20000"] = peak_memory(big.retrain())
    results["inception"] = measure_inception(source, scratch)
    return results


def percent_of_peak(rooms, rate, cores):
    """Of the multiply-adds that so many cores could do, how many `rate` photos a second take."""
    gflops = rate * rooms["million_multiply_adds"] * 2 / 1000
    return 100 * gflops / (rooms["peak_gflops"] * cores)


def show(results):
    one, every = results["rooms"]["one_thread"], results["rooms"]["all_threads"]
    print(f"{results['architecture']} ({results['rooms']['numeric_mode']}), "
          f"{results['cores']} cores\n")
    print(f"{'images a second':34}{'1 thread':>12}{str(every['threads']) + ' threads':>12}")
    for stage in ("decode", "resize", "network", "pipeline"):
        label = {"pipeline": "read, decode, resize, network"}.get(stage, stage)
        print(f"  {label:32}{one[stage]:12.0f}{every[stage]:12.0f}")
    print(f"  {'graft features, cold, 1,000 photos':32}{'':>10}{results['cold_photos_per_second']:12.0f}")
    if "precisions" in results["rooms"]:
        for what, times in results["rooms"]["precisions"].items():
            print(f"  {what.replace('_', ' ') + ', float32 and int8':44}{times['float32_ms']:10.2f} ms"
                  f"{times['int8_ms']:10.2f} ms  ({times['ratio']:.2f} times as fast)")
    large = results["rooms"]["large_photo"]
    print(f"  {'12 megapixels (JPEG), by libjpeg and by graft':44}{large['whole_ms']:10.2f} ms"
          f"{large['needed_ms']:10.2f} ms  ({large['ratio']:.2f} times as fast)")
    rows = [("500 training steps alone", results["rooms"]["steps_500_ms"], "ms"),
            ("500 training steps of a run, logs written", results["retrain_500_steps_ms"], "ms"),
            ("start-up (graft --version)", results["start_up_ms"], "ms"),
            ("graft label, one photo", results["label_one_ms"], "ms"),
            ("warm rerun of the job, 1,000 photos", results["warm_rerun_s"] * 1000, "ms"),
            ("compile the network", results["rooms"]["compile_ms"], "ms")]
    print()
    for name, value, unit in rows:
        print(f"  {name:44}{value:10.1f} {unit}")
    print(f"\n  {'peak memory of a cold run':44}{'own':>10}{'with mapped files':>20}{'time':>10}")
    for key, name in (("memory_1000", "1,000 photos"), ("memory_20000", "20,000 photos")):
        if key in results:
            anonymous, resident, seconds = results[key]
            print(f"  {name:44}{anonymous:7.0f} MB{resident:17.0f} MB{seconds:8.1f} s")

    rooms = results["inception"]["rooms"]
    one, every = rooms["one_thread"], rooms["all_threads"]
    print(f"\ninception_v3, {rooms['million_multiply_adds']:,.0f} million multiply-adds a photo; "
          f"a core's peak {rooms['peak_gflops']:.0f} GFLOP/s")
    cores = min(every["threads"], results["cores"])
    for label, rates, count in (("1 thread", one, 1), (f"{every['threads']} threads", every, cores)):
        print(f"  {label + ', photos a second':44}{rates['pipeline']:10.1f}   "
              f"network alone {rates['network']:.1f}, "
              f"{percent_of_peak(rooms, rates['network'], count):.0f} % of the peak")
    anonymous, resident, seconds = results["inception"]["memory"]
    print(f"  {f'retrain, {INCEPTION_PHOTOS} photos, nothing cached':44}{anonymous:7.0f} MB"
          f"{resident:17.0f} MB{seconds:8.1f} s")


def main():
    others = {"board": "board/run.py", "peers": "peers/compare.py", "growth": "peers/growth.py"}
    if sys.argv[1:] and sys.argv[1] in others:
        sys.exit(subprocess.run([sys.executable, str(ROOT / "bench" / others[sys.argv[1]]),
                                 *sys.argv[2:]], check=False).returncode)
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graft-bench-") as scratch:
        results = measure(Path(scratch), options.quick)
    show(results)
    (places.BUILD / "bench.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
