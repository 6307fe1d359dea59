#!/usr/bin/env python3
"""kill -9 at 200 points of a run: every file is as before or as after, and a rerun ends the same.

A small run (the program's own sample photos, its built-in network) is killed by strace on entry to
its N-th writing system call, for N spread evenly over all of them. Half of the runs start in an
empty folder; half where an older run with another seed has left its outputs and cache. After each
kill every output must be absent (first half only), the old one or the new one, byte for byte; every
event file must be whole up to its last record. Then the same command runs again undisturbed and must
end with the bytes of a run that was never killed.

Usage: kill_points.py [--graft FILE] [--points 200] [--jobs 2]
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import places  # noqa: E402
from report import Report  # noqa: E402

CALLS = ("write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,msync,ftruncate,fallocate,rename,"
         "renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat")
OUTPUTS = ("retrained_graph.pb", "retrained_graph.json", "labels.txt")
PHOTOS_PER_CLASS = 12
STEPS = 60


def command(graft, photos, work, seed, threads):
    return [
        graft, "retrain", f"--image_dir={photos}", "--architecture=untrained_mobilenet_0.25_128",
        f"--how_many_training_steps={STEPS}", "--train_batch_size=20", "--eval_step_interval=10",
        f"--intermediate_store_frequency=20", f"--seed={seed}", f"--threads={threads}",
        f"--output_graph={work}/{OUTPUTS[0]}", f"--output_labels={work}/{OUTPUTS[2]}",
        f"--summaries_dir={work}/summaries", f"--bottleneck_dir={work}/bottlenecks",
        f"--intermediate_output_graphs_dir={work}/intermediate", f"--model_dir={work}/models",
    ]


def run(words, **options):
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", check=False, timeout=120, **options)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def digests(work):
    """Outputs and intermediate graphs by name."""
    found = {name: digest(work / name) for name in OUTPUTS}
    for graph in sorted((work / "intermediate").glob("*.pb")):
        found[f"intermediate/{graph.name}"] = digest(graph)
    return found


def whole_records(path):
    """True when the file is complete TFRecord frames and at most one truncated one at its end."""
    data, at = path.read_bytes(), 0
    while at + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        if length > 1 << 30:
            return False
        at += 16 + length
    return True


def writing_calls(words):
    """(name, how many of that name so far) of each writing system call of an undisturbed run, in
    order, for the thread that makes most of them: strace counts calls by thread and by name."""
    with tempfile.NamedTemporaryFile(prefix="graft-strace-") as log:
        done = run(["strace", "-f", "--seccomp-bpf", "-e", f"trace={CALLS}", "-o", log.name, *words])
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip()[-500:])
        calls = re.findall(r"^(\d+) +(?!\+\+\+|---|<\.\.\.)(\w+)\(", Path(log.name).read_text(), re.M)
    (busiest, _), = collections.Counter(thread for thread, _ in calls).most_common(1)
    so_far = collections.Counter()
    sequence = []
    for thread, name in calls:
        if thread == busiest:
            so_far[name] += 1
            sequence.append((name, so_far[name]))
    return sequence


class Start:
    """A state to start from, and what an undisturbed run makes of it."""

    def __init__(self, name, scratch, graft, photos, threads, older_seed=None):
        self.name, self.graft, self.photos, self.threads = name, graft, photos, threads
        self.folder = scratch / name
        self.folder.mkdir()
        if older_seed is not None:
            self._must(command(graft, photos, self.folder, older_seed, threads))
        self.old = digests(self.folder)
        reference = scratch / f"{name}-undisturbed"
        shutil.copytree(self.folder, reference)
        self._must(command(graft, photos, reference, 1, threads))
        self.new = digests(reference)
        counted = scratch / f"{name}-counted"
        shutil.copytree(self.folder, counted)
        self.calls = writing_calls(command(graft, photos, counted, 1, threads))

    @staticmethod
    def _must(words):
        done = run(words)
        if done.returncode != 0:
            raise RuntimeError(f"an undisturbed run failed: {done.stderr.strip()[-500:]}")


def states_allowed(start, name, found):
    """Is this digest the old file's, the new one's, or rightly none?"""
    if found is None:
        return start.old.get(name) is None
    if name.startswith("intermediate/"):
        return found in set(start.old.values()) | set(start.new.values())
    return found in (start.old[name], start.new[name])


def one_point(start, number, scratch):
    """(killed, list of complaints, state) for a kill on entry to start.calls[number]."""
    name, count = start.calls[number]
    work = scratch / f"{start.name}-{number}"
    shutil.copytree(start.folder, work)
    words = command(start.graft, start.photos, work, 1, start.threads)
    done = run(["strace", "-f", "-qq", "-e", f"trace={name}", "-e",
                f"inject={name}:signal=KILL:when={count}", "-o", os.devnull, *words])
    killed = done.returncode in (-9, 137)
    complaints = []
    if not killed and done.returncode != 0:
        complaints.append(f"exit {done.returncode}: {done.stderr.strip()[-200:]}")
    found = digests(work)
    for name, value in found.items():
        if not states_allowed(start, name, value):
            complaints.append(f"{name} is neither old nor new")
    for file in work.rglob("events.out.tfevents*"):
        if not whole_records(file):
            complaints.append(f"{file.name} is damaged")
    for file in work.rglob("run.json"):
        try:
            json.loads(file.read_text())
        except ValueError:
            complaints.append(f"{file.relative_to(work)} is not JSON")
    state = "new" if found[OUTPUTS[0]] == start.new[OUTPUTS[0]] else (
        "old" if found[OUTPUTS[0]] else "absent")

    again = run(words)
    if again.returncode != 0:
        complaints.append(f"the rerun failed: {again.stderr.strip()[-300:]}")
    elif "damaged" in again.stdout + again.stderr:
        complaints.append("the rerun met a damaged cache record")
    after = digests(work)
    for name, value in start.new.items():
        if after.get(name) != value:
            complaints.append(f"{name} after the rerun is not an undisturbed run's")
    shutil.rmtree(work)
    return killed, complaints, state


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graft", default=places.graft())
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    graft, report = str(Path(options.graft).resolve()), Report()

    with tempfile.TemporaryDirectory(prefix="graft-kill-") as folder:
        scratch = Path(folder)
        photos = scratch / "photos"
        drawn = run([graft, "sample", f"--output={photos}",
                     f"--photos_per_class={PHOTOS_PER_CLASS}"])
        if not report.check(drawn.returncode == 0, "sample photos for the kill test", drawn.stderr):
            report.finish()
        quarter = options.points // 4
        starts = [Start("empty-1", scratch, graft, photos, 1),
                  Start("empty-2", scratch, graft, photos, 2),
                  Start("finished-1", scratch, graft, photos, 1, older_seed=7),
                  Start("finished-2", scratch, graft, photos, 2, older_seed=7)]
        for start in starts:
            report.check(start.new[OUTPUTS[0]] == starts[0].new[OUTPUTS[0]],
                         f"the same graph from start {start.name}", f"{len(start.calls)} writing calls")
        points = []
        for start in starts:
            points += [(start, i * len(start.calls) // quarter) for i in range(quarter)]
        tally = collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            results = pool.map(lambda point: (point, one_point(*point, scratch)), points)
            for (start, number), (killed, complaints, state) in results:
                tally["killed" if killed else "finished before"] += 1
                tally[state] += 1
                report.check(not complaints, f"kill at call {number} of {len(start.calls)}, "
                             f"{' '.join(map(str, start.calls[number]))}, {start.name}",
                             "; ".join(complaints))
        print(f"{len(points)} points: {tally['killed']} killed, {tally['finished before']} finished "
              f"before the kill; graph absent {tally['absent']}, old {tally['old']}, "
              f"new {tally['new']}")
        report.check(tally["killed"] >= options.points * 95 // 100, "nearly every kill struck",
                     f"{tally['killed']} of {len(points)}")
    report.finish()


if __name__ == "__main__":
    main()
