"""The program as its tests run it: in a fresh folder with photos that it drew itself and a classifier
that the codelab's command trained on them, without network or anything outside that folder."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

NETWORK = "untrained_mobilenet_0.25_128"
PHOTOS_PER_CLASS = 24
CLASSES = 5

# The codelab's command line, `python -m scripts.retrain` replaced by `graft retrain`.
CODELAB = r"""
graft retrain \
  --bottleneck_dir=tf_files/bottlenecks \
  --how_many_training_steps=500 \
  --model_dir=tf_files/models/ \
  --summaries_dir=tf_files/training_summaries/"${ARCHITECTURE}" \
  --output_graph=tf_files/retrained_graph.pb \
  --output_labels=tf_files/retrained_labels.txt \
  --architecture="${ARCHITECTURE}" \
  --image_dir=tf_files/flower_photos
"""


class Place:
    """Where the tests work: `work`, `binary`, `build` and the finished `codelab` command, once set up."""

    work = Path()
    binary = ""
    build = Path()  # where what was built beside the program lies
    codelab = None

    def set_up(self, binary):
        os.umask(0o022)  # some tests run as nobody
        self.work = Path(tempfile.mkdtemp(prefix="graft-cli-"))
        self.work.chmod(0o755)
        (self.work / "bin").mkdir()
        self.build = Path(binary).resolve().parent
        # A copy: nobody may not be let into the build folder.
        self.binary = str(shutil.copy(binary, self.work / "bin" / "graft"))
        done = graft("sample", "--output=tf_files/flower_photos",
                     f"--photos_per_class={PHOTOS_PER_CLASS}")
        assert done.returncode == 0, done.stderr
        self.codelab = bash(CODELAB, NETWORK)
        assert self.codelab.returncode == 0, self.codelab.stderr

    def tear_down(self):
        shutil.rmtree(self.work, ignore_errors=True)


PLACE = Place()


def environment(**more):
    variables = {**os.environ, "PATH": f"{PLACE.work / 'bin'}:{os.environ['PATH']}", **more}
    if "ARCHITECTURE" not in more:
        variables.pop("ARCHITECTURE", None)
    variables.pop("GRAFT_MODEL_DIR", None)
    variables.pop("GRAFT_MODEL_MIRROR", None)
    return variables


def graft(*words, text=True, cwd=None, **options):
    """stdout and stderr as bytes when text=False, else decoded so that every byte comes through."""
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    done = subprocess.run([PLACE.binary, *words], cwd=cwd or PLACE.work, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300, check=False, env=environment(),
                          **options)
    if text:
        done.stdout = done.stdout.decode(errors="surrogateescape")
        done.stderr = done.stderr.decode(errors="surrogateescape")
    return done


def bash(script, architecture=None, cwd=None):
    more = {} if architecture is None else {"ARCHITECTURE": architecture}
    return subprocess.run(["bash", "-c", script], cwd=cwd or PLACE.work, env=environment(**more),
                          text=True, errors="surrogateescape", stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)


def as_nobody():
    """Options for graft() that keep root from reading and writing everything."""
    return {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}


def photos(pattern="*/*.jpg"):
    return sorted((PLACE.work / "tf_files/flower_photos").glob(pattern))


def relative(path):
    return str(path.relative_to(PLACE.work))


def retrain_words(folder, *words):
    """A training on the drawn photos that writes below `folder` and finds the features cached."""
    return ["retrain", "--image_dir=tf_files/flower_photos", f"--architecture={NETWORK}",
            "--model_dir=tf_files/models", "--bottleneck_dir=tf_files/bottlenecks",
            f"--output_graph={folder}/graph.pb", f"--output_labels={folder}/labels.txt",
            f"--summaries_dir={folder}/summaries", *words]


def class_folder(name, sources):
    """A folder of photos below the working folder: {class: [photo, ...]}, names as str or bytes."""
    for label, files in sources.items():
        folder = PLACE.work / name / os.fsdecode(label)
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, folder)
    return name


class Case(unittest.TestCase):
    def run_ok(self, *words, **options):
        done = graft(*words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def assert_one_line_error(self, done, code, *parts):
        """One line on standard error, "graft: what: why: what to do", and nothing else."""
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("graft: "), lines[0])
        self.assertGreaterEqual(lines[0].count(": "), 3, lines[0])
        for part in parts:
            self.assertIn(part, lines[0])
