#!/usr/bin/env python3
"""graft beside other programs, in one run on one machine: ./dev bench peers.

Writes bench/RESULTS.md, its pictures and every single time (bench/results/peers.json). Needs ../shared
(or GRAFT_SHARED) with photos and networks, and PyPI once. What cannot be had is skipped in one line.

How to read the figures:
- Contestants take turns: round 1 of each, round 2 of each, … A ratio is taken within a round; its
  median and its whole range are given. Times are wall-clock times.
- All use the same files, the same frozen network converted from one .pb, float32, and the same cores:
  the runner confines itself and its children to --threads of them. Files are in the page cache.
- Features are compared first. A peer that differs by more than 1e-3 from graft's gets no figure: wrong
  rules of decoding or resizing differ by 0.1 and more, float32's rounding by less than 1e-4.
- Two times are kept. Seconds are wall-clock time, and right only on a machine that does nothing else;
  the JSON has its load at each run. Processor seconds are those of all threads: what the work costs,
  which other programs disturb little.
- Every peer has its best setting: threads, photos a call and, with TensorFlow, its kernels are swept,
  for each network and each stage, and that of the least time a photo is taken. All settings tried are
  in the JSON.
- extract: files in, features out, by two clocks. The work alone: a peer's begins when its libraries
  and the network are loaded and a first batch has been through, and ends with the last feature in
  memory; graft's (features.seconds of its --json) begins with photos listed and network ready, no
  photo been through, and ends with its cache on the disk. The whole process: exec to exit, for all.
  graft's processor time is that of the whole process, a peer's of the work alone.
- network: inputs prepared and in memory. Peers are called from Python; a call's own cost is part of
  them, as of every use of them.
- job: photos to checked classifier, 1,000 photos, 500 steps; cold: nothing cached; warm: features
  cached. Whole processes. The codelab's procedure is codelab.py, one photo at a time as there.
- label: one photo, process start to exit, the same graph for both.
- The peers' decoder is libjpeg-turbo as TensorFlow calls it (its bits are the same), in two threads.

Usage: compare.py [--networks=A,B] [--stages=extract,network,job,label,kernels] [--rounds=5]
                  [--photos=512] [--threads=2] [--results=bench/results] [--append]
--append goes on with what is in the JSON (the same machine, peers and graft) instead of beginning
anew: rounds are added, settings and comparisons kept. --stages= measures nothing more.
"""

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import engines  # noqa: E402
from environment import make_environment  # noqa: E402
from jobs import GRAFT, places, processor_seconds, run  # noqa: E402
from results import Results  # noqa: E402
from setting import Setting, best_of  # noqa: E402

SHAPES = ("0.50_224", "1.0_224")  # of which the kernels are measured with AVX2 alone, too
STAGES = ("extract", "network", "job", "label", "kernels")
PHOTOS_OF_A_JOB, STEPS = 1000, 500
PHOTOS_COMPARED, BAR = 25, 1e-3
PHOTOS_SWEPT = 64
WORKER_SECONDS, MOST_TRIES = 60, 3
FLAGS_THAT_MATTER = ("avx", "avx2", "fma", "avx512f", "avx512_vnni", "amx_tile")


def links(source, target, count):
    """Links to `count` photos, as many of every class, spread over their names."""
    classes = sorted(folder for folder in source.iterdir() if folder.is_dir())
    for number, folder in enumerate(classes):
        photos = sorted(folder.glob("*.jpg"))
        (target / folder.name).mkdir(parents=True)
        share = count // len(classes) + (number < count % len(classes))
        for i in range(share):
            photo = photos[i * len(photos) // share]
            (target / folder.name / photo.name).symlink_to(photo)
    return target


def list_of(photos, file):
    file.write_text("".join(f"{photo}\n" for photo in sorted(photos.glob("*/*.jpg"))))
    return file


def machine(threads):
    info = Path("/proc/cpuinfo").read_text()
    model = next(line.split(":")[1].strip() for line in info.splitlines() if "model name" in line)
    flags = set(next(line for line in info.splitlines() if line.startswith("flags")).split())
    return {"processor": model, "flags": [flag for flag in FLAGS_THAT_MATTER if flag in flags],
            "cores_used": threads, "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
            "date": datetime.date.today().isoformat()}


class Comparison:
    """The contestants over the shared photos, with one temporary folder for all that they write."""

    def __init__(self, python, material, options, results, scratch):
        self.python, self.material, self.options = python, material, options
        self.results, self.scratch = results, scratch
        self.models, self.source = material / "models", material / "photos" / "flower_photos"

    # Processes of the peers' environment.

    def python_run(self, script, *words, environment=None, limit=None):
        """(seconds of the process, last line of its output)"""
        seconds, output = run([self.python, HERE / script, *words], limit=limit, environment={
            **os.environ, "NUMBA_CACHE_DIR": str(places.BUILD / "peers" / "numba"),
            **(environment or {})})
        return seconds, output.strip().splitlines()[-1] if output.strip() else ""

    def worker(self, *words, chosen=None):
        """What worker.py printed, with the whole process's seconds. Two threads that call OpenVINO
        were seen to wait for each other for ever: such a process is killed, and another one tried."""
        for _ in range(MOST_TRIES):
            try:
                seconds, line = self.python_run("worker.py", *words, limit=WORKER_SECONDS,
                                                environment=chosen.environment if chosen else None)
                return {**json.loads(line), "process_seconds": seconds}
            except subprocess.TimeoutExpired:
                print(f"peers: {' '.join(map(str, words[:2]))} did not end within {WORKER_SECONDS} s: "
                      "killed", flush=True)
        sys.exit(f"peers: {' '.join(map(str, words))} never ends")

    def engine_run(self, stage, name, architecture, chosen, photo_list, rows=None):
        more = [rows or self.scratch / "rows.npy"] if stage == "extract" else []
        return self.worker(stage, name, self.folder(architecture), chosen.dump(), photo_list, *more,
                           chosen=chosen)

    # What has to be there before anything is timed.

    def folder(self, architecture):
        return places.BUILD / "peers" / architecture

    def convert(self, architecture):
        if not (self.folder(architecture) / "feature.tflite").exists():
            self.python_run("networks.py", self.models, architecture, self.folder(architecture))

    def peers(self):
        """Those that are installed, with their versions noted."""
        noted = self.results.facts.setdefault("installed", [])
        if noted:
            return noted
        for name in engines.NAMES:
            found = self.worker("versions", name)
            found.pop("process_seconds")
            if not found:
                print(f"peers: {engines.TITLES[name]} skipped: it is not installed")
                continue
            self.results.facts.setdefault("versions", {}).update(found)
            noted.append(name)
        self.results.facts["versions"]["graft"] = run([GRAFT, "--version"])[1].strip()
        return noted

    def compare_features(self, architecture, names):
        """Those of the peers whose features are graft's; how far they are is noted, once."""
        noted = self.results.facts.setdefault("agreement", {}).setdefault(architecture, {})
        if not noted.keys() >= set(names):
            self.note_differences(architecture, names, noted)
        agreeing = []
        for name in names:
            found = noted[name]
            same = found["largest"] <= BAR and found["same_arg_max"] == found["photos"]
            print(f"{architecture} {engines.TITLES[name]:22} max |Δ| {found['largest']:.1e} on "
                  f"{found['photos']} photos" + ("" if same else ": differs: not measured"))
            if same:
                agreeing.append(name)
        return agreeing

    def note_differences(self, architecture, names, noted):
        photos = links(self.source, self.scratch / f"compared-{architecture}", PHOTOS_COMPARED)
        photo_list = list_of(photos, self.scratch / "compared.txt")
        ours = self.scratch / "ours.npy"
        self.graft_features(architecture, photos, ours)
        for name in names:
            rows = self.scratch / f"{name}.npy"
            chosen = Setting(1, self.options.threads, 1)
            self.engine_run("extract", name, architecture, chosen, photo_list, rows)
            noted[name] = self.worker("compare", ours, rows)

    def sweep(self, stage, architecture, name):
        """The fastest setting; all that were tried are noted."""
        noted = self.results.facts.setdefault("settings", {}).setdefault(architecture, {})
        tried = noted.setdefault(stage, {}).get(name)
        if not tried:
            photos = self.scratch / "swept"
            if not photos.exists():
                links(self.source, photos, PHOTOS_SWEPT)
            photo_list = list_of(photos, self.scratch / "swept.txt")
            tried = []
            for text in self.worker("settings", name, self.options.threads)["settings"]:
                chosen = Setting.parse(text)
                found = self.engine_run(stage, name, architecture, chosen, photo_list)
                tried.append({"setting": text, **found})
                print(f"  {stage} {engines.TITLES[name]}, {chosen}: "
                      f"{1000 * found['seconds'] / PHOTOS_SWEPT:.2f} ms a photo",
                      flush=True)
            noted[stage][name] = tried
            self.results.save()
        return best_of(tried)

    # graft's own commands.

    def graft_features(self, architecture, photos, output):
        cache = self.scratch / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        seconds, printed = run([
            GRAFT, "features", "--json", f"--image_dir={photos}", f"--model_dir={self.models}",
            "--offline", f"--architecture={architecture}", f"--bottleneck_dir={cache}",
            f"--threads={self.options.threads}", f"--output={output}"])
        done = json.loads(printed)
        return {"seconds": done["features"]["seconds"], "process_seconds": seconds,
                "photos": done["rows"]}

    def graft_retrain(self, architecture, photos, work):
        seconds, output = run([
            GRAFT, "retrain", "--json", "--offline", f"--image_dir={photos}", "--resume=never",
            f"--model_dir={self.models}", f"--architecture={architecture}",
            f"--how_many_training_steps={STEPS}", f"--threads={self.options.threads}",
            f"--bottleneck_dir={work}/bottlenecks", f"--summaries_dir={work}/summaries",
            f"--output_graph={work}/graph.pb", f"--output_labels={work}/labels.txt"])
        return {"seconds": seconds, "accuracy": json.loads(output)["test"]["accuracy"]}

    # The stages: each gives one round of every contestant, as (who, run).

    def extract(self, architecture, names):
        count = self.options.photos
        photos = self.scratch / "extracted"
        if not photos.exists():
            links(self.source, photos, count)
        photo_list = list_of(photos, self.scratch / "extracted.txt")
        chosen = {name: self.sweep("extract", architecture, name) for name in names}

        def one_round():
            yield "graft", self.graft_features(architecture, photos, self.scratch / "graft.npy")
            for name in names:
                yield name, self.engine_run("extract", name, architecture, chosen[name], photo_list)
        return one_round

    def network(self, architecture, names):
        chosen = {name: self.sweep("network", architecture, name) for name in names}
        photo_list = self.scratch / "swept.txt"
        if not photo_list.exists():
            list_of(links(self.source, self.scratch / "swept", PHOTOS_SWEPT), photo_list)

        def one_round():
            rooms = json.loads(run([
                places.BUILD / "bench" / "pipeline_bench", f"--image_dir={self.source}",
                f"--model_dir={self.models}", f"--architecture={architecture}",
                f"--photos={PHOTOS_SWEPT}", f"--threads={self.options.threads}"])[1])
            yield "graft", {"seconds": rooms["photos"] / rooms["all_threads"]["network"],
                            "processor_seconds": rooms["photos"] * self.kernels_seconds(architecture),
                            "photos": rooms["photos"], "rooms": rooms}
            for name in names:
                yield name, self.engine_run("network", name, architecture, chosen[name], photo_list)
        return one_round

    def kernels_seconds(self, architecture):
        """Processor seconds of graft's kernels for one photo, by kernels_bench."""
        shape = architecture.removeprefix("mobilenet_")
        return self.kernels_bench(f"^network/{shape}$")[0]["cpu_time"] / 1000

    def kernels_bench(self, only):
        output = run([places.BUILD / "bench" / "kernels" / "kernels_bench",
                      f"--benchmark_filter={only}", "--benchmark_format=json",
                      "--benchmark_min_time=0.2"])[1]
        return json.loads(output[output.index("{"):])["benchmarks"]

    def job(self, architecture, _names):
        photos = self.scratch / "job-photos"
        if not photos.exists():
            links(self.source, photos, PHOTOS_OF_A_JOB)

        def one_round():
            for who in ("graft", "codelab"):
                work = self.scratch / f"job-{who}"
                shutil.rmtree(work, ignore_errors=True)
                work.mkdir()
                for warmth in ("cold", "warm"):
                    if who == "graft":
                        found = self.graft_retrain(architecture, photos, work)
                    else:
                        seconds, line = self.python_run("codelab.py", "retrain", photos,
                                                        self.folder(architecture), work, STEPS)
                        found = {**json.loads(line), "seconds": seconds}
                    yield f"{who} {warmth}", found
        return one_round

    def label(self, architecture, _names):
        work = self.scratch / f"label-{architecture}"
        work.mkdir()
        photos = links(self.source, work / "photos", 200)
        self.graft_retrain(architecture, photos, work)
        photo = sorted(photos.glob("*/*.jpg"))[0]
        graph, labels = work / "graph.pb", work / "labels.txt"

        def one_round():
            seconds, answer = run([GRAFT, "label", f"--graph={graph}", photo])
            yield "graft", {"seconds": seconds, "answer": answer}
            seconds, answer = run([self.python, HERE / "codelab.py", "label", graph, labels,
                                   architecture.rsplit("_", 1)[1], photo])
            yield "codelab", {"seconds": seconds, "answer": answer}
        return one_round

    def kernels(self, _architecture, _names):
        def one_round():
            begun = time.perf_counter()
            found = self.kernels_bench(".")
            yield "graft", {"seconds": time.perf_counter() - begun, "layers": {
                one["name"]: one.get("%peak", one["GFLOP/s"]) for one in found},
                "avx2": self.shares_of_avx2()}
        return one_round

    def shares_of_avx2(self):
        """shape → layer → percent of the peak, as if the machine had no AVX-512."""
        found = {}
        for line in run([places.BUILD / "bench" / "kernels" / "backends_bench", "--avx2",
                         *SHAPES])[1].splitlines():
            words = line.split()
            if words[:1] == ["mobilenet"]:
                layers = found[words[1]] = {}
            elif "%" in words:
                layers[line[:34].strip()] = float(words[words.index("%") - 1])
        return found

    def measure(self, stage, architecture, names):
        one_round = getattr(self, stage)(architecture, names)
        for _ in range(self.options.rounds):
            number = self.results.next_round(stage, architecture)
            begun = processor_seconds()
            for who, found in one_round():
                # What it and its children took of all cores; a peer's worker knows its own better.
                found.setdefault("processor_seconds", processor_seconds() - begun)
                begun = processor_seconds()
                self.results.runs.append({"stage": stage, "network": architecture, "who": who,
                                          "round": number, "load": os.getloadavg()[0], **found})
                self.results.save()
                print(f"{stage} {architecture} round {number}: {who} {found['seconds']:.3f} s, "
                      f"{found['processor_seconds']:.3f} s of processor", flush=True)


def parse():
    parser = argparse.ArgumentParser(description="graft beside other programs")
    parser.add_argument("--networks", default="mobilenet_0.50_224,mobilenet_0.25_128")
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", type=int, default=512, help="of the stage extract")
    parser.add_argument("--threads", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument("--results", type=Path, default=HERE.parent / "results")
    parser.add_argument("--append", action="store_true")
    options = parser.parse_args()
    for stage in filter(None, options.stages.split(",")):
        if stage not in STAGES:
            parser.error(f"{stage}: no such stage: {', '.join(STAGES)}")
    return options


def main():
    options = parse()
    material, python = places.shared(), make_environment()
    if material is None:
        print("peers: skipped: no ../shared with photos and networks")
    if material is None or python is None:
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.threads])
    results = Results(options.results / "peers.json")
    if not options.append:
        results.forget()
    results.facts["machine"] = machine(options.threads)
    with tempfile.TemporaryDirectory(prefix="graft-peers-") as scratch:
        comparison = Comparison(python, material, options, results, Path(scratch))
        names = comparison.peers()
        for number, architecture in enumerate(options.networks.split(",")):
            comparison.convert(architecture)
            agreeing = comparison.compare_features(architecture, names)
            for stage in filter(None, options.stages.split(",")):
                if stage != "kernels" or number == 0:  # it has the shapes of every network
                    comparison.measure(stage, architecture, agreeing)
        results.save()
        comparison.python_run("report.py", options.results)
    print(options.results.parent / "RESULTS.md")


if __name__ == "__main__":
    main()
