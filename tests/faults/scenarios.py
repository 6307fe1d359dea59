"""Small runs to strike: each passes through writes that the others do not, within a tenth of a second."""

import dataclasses
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import injection  # noqa: E402
import tiny_network  # noqa: E402
from invariants import State  # noqa: E402

PHOTOS_PER_CLASS = 8
CLASSES = ("aster", "lily")
UNTRAINED = "untrained_mobilenet_0.25_128"
SIGTERM_STATUS = 128 + 15
LONG, MIDDLE, SHORT = 500, 60, 12  # steps
STOPPED_AT = 11
WITHOUT_ONEDNN = "reference"


def scratch_place():
    """Memory where there is some: a run syncs hundreds of files."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 29 else None


@dataclasses.dataclass
class Scenario:
    """A folder to start in, a command there, and what the two come to when nothing befalls them."""

    name: str
    words: list
    start: Path
    old: State = None  # before
    new: State = None  # after, and after a rerun of whatever was struck
    calls: list = dataclasses.field(default_factory=list)
    status: int = 0  # of an undisturbed run
    injections: tuple = ()  # what befalls each run besides
    last_calls: int = 0  # only these many are struck; 0: all
    certain: bool = True  # each run makes the same calls
    partly: bool = False  # the command names what it cannot read, does the rest, and exits with 1


class Kitchen:
    """Makes the scenarios below `scratch`."""

    def __init__(self, graft, scratch):
        self.graft, self.scratch = graft, scratch
        drawn = scratch / "drawn"
        self._must([graft, "sample", f"--output={drawn}", f"--photos_per_class={PHOTOS_PER_CLASS}"],
                   scratch)
        self.photos = scratch / "photos"
        for name in CLASSES:
            shutil.copytree(drawn / name, self.photos / name)
        shutil.rmtree(drawn)
        (scratch / "tiny.pb").write_bytes(tiny_network.graph_def())

    @staticmethod
    def _must(words, folder, status=0, injections=()):
        strace = injection.traced([], os.devnull, injections) if injections else []
        done = injection.run([*strace, *words], folder)
        if done.status != status:
            raise RuntimeError(f"{' '.join(words[:2])}: {done.status}: {done.errors.strip()[-500:]}")

    def own_network(self):
        return [f"--graph={self.scratch}/tiny.pb", *tiny_network.OPTIONS, "--bottleneck_dir=cache"]

    def retrain(self, *more, steps=LONG, seed=1, threads=1):
        return [self.graft, "retrain", f"--image_dir={self.photos}", *self.own_network(),
                "--split_key=relative", "--split_seed=4", "--train_batch_size=5",
                "--eval_step_interval=1", f"--how_many_training_steps={steps}", f"--seed={seed}",
                f"--threads={threads}", "--output_graph=graph.pb", "--output_labels=labels.txt",
                "--summaries_dir=logs", "--intermediate_output_graphs_dir=intermediate",
                "--intermediate_store_frequency=10", *more]

    def with_network_made(self):
        """Makes the program's own network from the photos, and TensorFlow's text files."""
        return [self.graft, "retrain", f"--image_dir={self.photos}", f"--architecture={UNTRAINED}",
                "--model_dir=models", "--bottleneck_dir=cache", "--bottleneck_format=text",
                "--how_many_training_steps=4", "--split_key=relative", "--threads=1",
                "--output_graph=graph.pb", "--output_labels=labels.txt", "--summaries_dir=logs"]

    def folder(self, name, copy_of=None):
        path = self.scratch / name
        if copy_of:
            shutil.copytree(copy_of, path)
        else:
            path.mkdir()
        return path

    def scenario(self, name, words, start=None, first=(), rerun_of=None, **more):
        """first: commands to be run in the folder that it starts in. rerun_of: a scenario that a
        rerun ends like, when it is not the command itself that does."""
        start = self.folder(f"{name}-start", start)
        for before in first:
            self._must(before, start)
        made = Scenario(name, words, start, State(start), **more)
        undisturbed = self.folder(f"{name}-undisturbed", start)
        self._must(words, undisturbed, made.status, made.injections)
        made.new = rerun_of.new if rerun_of else State(undisturbed)
        counted = self.folder(f"{name}-counted", start)
        made.calls = injection.calls_of(words, counted, made.injections)[-made.last_calls:]
        shutil.rmtree(counted)
        return made, undisturbed

    def trainings(self):
        """One of two thousand writes; a short one into an empty folder, beside an older run's files, with
        two threads; one that is stopped by SIGTERM, and gone on with."""
        yield self.scenario("long", self.retrain())[0]
        short = self.retrain(steps=SHORT)
        yield self.scenario("fresh", short)[0]
        yield self.scenario("again", short, first=[self.retrain(steps=5, seed=7)])[0]
        yield self.scenario("threads", self.retrain(steps=SHORT, threads=2), certain=False)[0]
        middle = self.retrain(steps=MIDDLE)
        undisturbed, _ = self.scenario("middle", middle)
        # At a temporary file, which is called after the process.
        stopped, folder = self.scenario("stopped", middle, rerun_of=undisturbed, last_calls=60,
                                        status=SIGTERM_STATUS, certain=False,
                                        injections=(f"getpid:signal=TERM:when={STOPPED_AT}",))
        yield stopped
        # A name of an event file may be taken within the second, which takes another call.
        yield self.scenario("resumed", middle, start=folder, rerun_of=undisturbed, certain=False)[0]

    def other_commands(self):
        """All others that write files, but for downloads; two that only read; and one without oneDNN,
        which does not look whether it got memory for the code that it makes."""
        made = self.folder("made")
        yield self.scenario("texts", self.with_network_made())[0]
        self._must(self.retrain(steps=4), made)
        yield self.scenario(WITHOUT_ONEDNN, self.retrain("--backend=reference", steps=4))[0]
        yield self.scenario("features", [
            self.graft, "features", str(self.photos), *self.own_network(), "--threads=1",
            "--output=features.npy"])[0]
        yield self.scenario("export", [
            self.graft, "cache", "export", "copy", "--bottleneck_dir=cache"], start=made)[0]
        few = self.folder("few")
        shutil.copytree(self.photos / CLASSES[0], few / CLASSES[0])
        yield self.scenario("prune", [
            self.graft, "cache", "prune", f"--image_dir={few}", "--bottleneck_dir=cache"],
            start=made)[0]
        yield self.scenario("evaluate", [
            self.graft, "evaluate", str(self.photos), "--graph=graph.pb", "--predictions=table.csv",
            "--split=all", "--threads=1"], start=made)[0]
        yield self.scenario("label", [
            self.graft, "label", str(self.photos), "--graph=graph.pb", "--threads=1"], start=made,
            partly=True)[0]
        yield self.scenario("sample", [
            self.graft, "sample", "--output=drawn", "--photos_per_class=1", "--threads=1"])[0]
        yield self.scenario("chart", [
            self.graft, "models", "--chart=chart.svg", "--model_dir=models"])[0]
