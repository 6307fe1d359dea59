"""Commands timed and watched from outside, and the photos that they are given."""

import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import places  # noqa: E402

GRAFT = places.graft()


def run(words, environment=None, limit=None):
    """Seconds from start to end, and the output; ends the program when the command fails. `limit`:
    seconds after which it is killed, and subprocess.TimeoutExpired raised."""
    begun = time.perf_counter()
    done = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", check=False, env=environment, timeout=limit)
    seconds = time.perf_counter() - begun
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, words))}\n{done.stderr}")
    return seconds, done.stdout


def processor_seconds():
    """Of all child processes that have ended, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def median_seconds(words, times):
    return statistics.median(run(words)[0] for _ in range(times))


def status_kilobytes(pid):
    """(anonymous memory, all resident memory) of a process, in kB."""
    fields = {}
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key in ("RssAnon", "VmRSS"):
                fields[key] = int(value.split()[0])
    return fields.get("RssAnon", 0), fields.get("VmRSS", 0)


def peak_memory(words):
    """(peak anonymous MB, peak resident MB with mapped files, seconds), sampled every 10 ms."""
    begun = time.perf_counter()
    process = subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    anonymous = resident = 0
    while process.poll() is None:
        try:
            now = status_kilobytes(process.pid)
        except (FileNotFoundError, ProcessLookupError):
            break
        anonymous, resident = max(anonymous, now[0]), max(resident, now[1])
        time.sleep(0.01)
    if process.wait() != 0:
        sys.exit(f"bench: failed: {' '.join(map(str, words))}")
    return anonymous / 1000, resident / 1000, time.perf_counter() - begun


def copies(source, target, count):
    """`count` photos of distinct content in the same classes (decoders ignore trailing bytes)."""
    classes = sorted(p for p in source.iterdir() if p.is_dir())
    for number, folder in enumerate(classes):
        (target / folder.name).mkdir(parents=True)
        photos = sorted(folder.iterdir())
        share = count // len(classes) + (number < count % len(classes))
        for i in range(share):
            data = photos[i % len(photos)].read_bytes() + i.to_bytes(4, "little") + bytes([number])
            (target / folder.name / f"{i:05}.jpg").write_bytes(data)


class Job:
    """The command under test over one folder of photos, with its own outputs."""

    def __init__(self, photos, models, architecture, work):
        self.common = [f"--image_dir={photos}", f"--model_dir={models}",
                       f"--architecture={architecture}", f"--bottleneck_dir={work}/bottlenecks"]
        self.work = work

    def retrain(self):
        return [GRAFT, "retrain", *self.common, "--how_many_training_steps=500", "--json",
                f"--summaries_dir={self.work}/summaries", f"--output_graph={self.work}/graph.pb",
                f"--output_labels={self.work}/labels.txt"]

    def features(self):
        return [GRAFT, "features", *self.common, f"--output={self.work}/features.npy"]

    def forget(self):
        shutil.rmtree(self.work / "bottlenecks", ignore_errors=True)
