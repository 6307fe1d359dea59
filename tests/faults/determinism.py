#!/usr/bin/env python3
"""The same answer every time: for any number of threads, on each backend, and after any interruption.

Same seed, same photos: byte-identical graphs, and event files identical but for their times, with one
thread, two and three; on each backend, and on oneDNN held to older instruction sets. Between
backends features differ by rounding: the difference is printed and bounded by what each is held to
against TensorFlow (1e-4, see docs/formats/preprocessing.md), that is by twice as much.

A run that is stopped by SIGTERM while it computes features, or while it trains, goes on where it was:
each photo is computed once and each step is made once, counted over both sittings, and the result is
that of an undisturbed run. With --resume=never it begins anew.

Usage: determinism.py [--graft FILE]
"""

import argparse
import array
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import injection  # noqa: E402
import places  # noqa: E402
from invariants import State, events, same_as  # noqa: E402
from report import Report  # noqa: E402
from scenarios import SIGTERM_STATUS, UNTRAINED, Kitchen, scratch_place  # noqa: E402

TOLERANCE = 2 * 1e-4
BACKENDS = ("highway", "onednn", "reference")
ONEDNN_SETS = ("SSE41", "AVX", "AVX2")
THREADS = (1, 2, 3)


def must(words, folder, **options):
    done = injection.run(words, folder, **options)
    if done.status != 0:
        raise RuntimeError(f"{' '.join(words[:2])}: {done.status}: {done.errors.strip()[-500:]}")
    return done


def npy(file):
    """The numbers of a .npy file of float32 (numpy/lib/format.py)."""
    data = file.read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00" and b"'<f4'" in data[:128]
    values = array.array("f")
    values.frombytes(data[10 + int.from_bytes(data[8:10], "little"):])
    return values


def step_of(event):
    """Event.step, the varint of field 2; None where it is left out, as the first step's is."""
    if event[:1] != b"\x10":
        return None
    step, shift = 0, 0
    for byte in event[1:]:
        step |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return step
    return None


class Checks:
    def __init__(self, graft, scratch, report):
        self.graft, self.scratch, self.report = graft, scratch, report
        self.kitchen = Kitchen(graft, scratch)
        self.network = [f"--architecture={UNTRAINED}", f"--model_dir={scratch}/models", "--offline"]
        first = self.kitchen.folder("first")
        must(self.training(1), first)  # makes the network, once for all

    def training(self, threads, *more):
        return [self.graft, "retrain", f"--image_dir={self.kitchen.photos}", *self.network,
                "--bottleneck_dir=cache", "--split_key=relative", "--split_seed=4", "--seed=5",
                "--how_many_training_steps=40", "--train_batch_size=5", "--output_graph=graph.pb",
                "--output_labels=labels.txt", "--summaries_dir=logs", f"--threads={threads}", *more]

    def same_for_all_threads(self, name, *more, env=None):
        """One state, or None: they differ."""
        states = []
        for threads in THREADS:
            folder = self.kitchen.folder(f"{name}, {threads} threads")
            must(self.training(threads, *more), folder, env=env)
            states.append(State(folder))
        different = [c for state in states[1:] for c in same_as(state, states[0])]
        self.report.check(not different, f"{name}: 1, 2 and 3 threads, the same bytes",
                          "; ".join(different) or f"graph {states[0].files['graph.pb'][:12]}, "
                          f"{sum(map(len, states[0].events.values()))} events")
        return states[0]

    def features(self, name, *more, env=None):
        folder = self.kitchen.folder(f"features of {name}")
        must([self.graft, "features", str(self.kitchen.photos), *self.network, "--output=f.npy",
              "--bottleneck_dir=cache", *more], folder, env=env)
        return npy(folder / "f.npy")

    def across_backends(self):
        kinds = [(name, [f"--backend={name}"], None) for name in BACKENDS]
        kinds += [(f"onednn held to {isa}", ["--backend=onednn"], {"ONEDNN_MAX_CPU_ISA": isa})
                  for isa in ONEDNN_SETS]
        kinds.insert(0, ("as chosen", [], None))
        exact = self.features("the reference", "--backend=reference")
        for name, words, more in kinds:
            env = {**os.environ, **more} if more else None
            self.same_for_all_threads(name, *words, env=env)
            values = self.features(name, *words, env=env)
            difference = max(abs(a - b) for a, b in zip(values, exact))
            equal = sum(a == b for a, b in zip(values, exact))
            self.report.check(len(values) == len(exact) and difference <= TOLERANCE,
                              f"{name}: features beside the reference's",
                              f"{difference:.2e} apart at most, {TOLERANCE:.0e} allowed; {equal} of "
                              f"{len(exact)} equal")

    # Resume

    def stop(self, words, folder, injection_words):
        strace = injection.traced([], os.devnull, [injection_words])
        return injection.run([*strace, *words], folder)

    def resumed_extraction(self):
        drawn = self.scratch / "more"
        must([self.graft, "sample", f"--output={drawn}", "--photos_per_class=20"], self.scratch)
        words = [*self.kitchen.retrain("--json", steps=20), f"--image_dir={drawn}"]
        words = [word for word in words if word != f"--image_dir={self.kitchen.photos}"]
        undisturbed = self.kitchen.folder("extraction, undisturbed")
        total = json.loads(must(words, undisturbed).output)["features"]["computed"]
        expected = State(undisturbed)
        calls = injection.calls_of(words, self.kitchen.folder("extraction, counted"))
        opened = [c for c in calls if c.name == "openat" and c.path.startswith(str(drawn)) and
                  c.path.endswith(".jpg")]  # each once: nothing is cached that one could look up
        for part in (1, 3, 5, 7):
            call = opened[total * part // 8]
            folder = self.kitchen.folder(f"extraction, stopped at {part} of 8")
            stopped = self.stop(words, folder, f"openat:signal=TERM:when={call.nth}")
            said = re.search(r"stopped after (\d+) of (\d+) photos", stopped.errors)
            kept = re.search(r": (\d+) records", must(
                [self.graft, "cache", "check", "--bottleneck_dir=cache"], folder).output)
            again = json.loads(must(words, folder).output)["features"]
            rightly = (stopped.status == SIGTERM_STATUS and said and kept and
                       int(said[1]) == int(kept[1]) == again["from_store"] and
                       again["from_store"] + again["computed"] == total and
                       0 < again["from_store"] < total)
            different = list(same_as(State(folder), expected))
            self.report.check(rightly and not different, "stopped while it computed features: each is "
                              "computed once, and the result is the same",
                              f"{said and said[1]} of {total} computed, then {again['computed']}" +
                              "".join(f"; {d}" for d in different))

    def resumed_training(self):
        words, steps = self.kitchen.retrain(), 500
        undisturbed = self.kitchen.folder("training, undisturbed")
        must(words, undisturbed)
        expected = State(undisturbed)
        for number in (12, 40, 80):  # of the temporary file at which it is told to stop
            folder = self.kitchen.folder(f"training, stopped at {number}")
            stopped = self.stop(words, folder, f"getpid:signal=TERM:when={number}")
            said = re.search(r"stopped after (\d+) of (\d+) steps", stopped.errors)
            again = injection.run(words, folder)
            record = json.loads((folder / "logs/run.json").read_text())
            made = [step_of(event) or 0 for file in (folder / "logs/train").iterdir()
                    for event in events(file)[0] if b"cross_entropy" in event]
            rightly = (stopped.status == SIGTERM_STATUS and again.status == 0 and said and
                       0 < int(said[1]) < steps and record.get("resumed_at_step") == int(said[1]) and
                       sorted(made) == list(range(steps)))
            different = list(same_as(State(folder), expected))
            self.report.check(rightly and not different, "stopped while it trained: each step is made "
                              "once, and the result is the same",
                              f"{said and said[1]} of {steps} steps, then "
                              f"{steps - record.get('resumed_at_step', 0)}; {len(made)} in the logs" +
                              "".join(f"; {d}" for d in different))
        # The same, but told not to go on.
        folder = self.kitchen.folder("training, begun anew")
        self.stop(words, folder, "getpid:signal=TERM:when=40")
        again = injection.run([*words, "--resume=never"], folder)
        record = json.loads((folder / "logs/run-2/run.json").read_text())
        self.report.check(again.status == 0 and "Going on" not in again.errors and
                          "resumed_at_step" not in record and
                          State(folder).files["graph.pb"] == expected.files["graph.pb"],
                          "--resume=never begins anew, beside what was stopped")

    def all(self):
        self.across_backends()
        self.resumed_extraction()
        self.resumed_training()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--graft", default=places.graft())
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="graft-same-", dir=scratch_place()) as folder:
        Checks(str(Path(options.graft).resolve()), Path(folder), report).all()
    report.finish()


if __name__ == "__main__":
    main()
