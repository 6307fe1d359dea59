"""Places that cannot be written: found before the work, and the old files stay."""

import os
import resource
import shutil
import unittest
from pathlib import Path

from program import (NETWORK, PLACE, Case, as_nobody, bash, class_folder, graft, photos,
                     retrain_words)


def nobody_can_run():
    try:
        return graft("--version", **as_nobody()).returncode == 0
    except OSError:
        return False


class Places(Case):
    def test_a_file_where_a_folder_should_be(self):
        (PLACE.work / "a_file").write_text("x")
        for option in ("--output_graph=a_file/g.pb", "--output_labels=a_file/l.txt",
                       "--summaries_dir=a_file/s",
                       "--intermediate_output_graphs_dir=a_file/i"):
            done = graft(*retrain_words("blocked", option, "--intermediate_store_frequency=5"))
            self.assert_one_line_error(done, 1, option.split("=")[0], "a_file")
        self.assert_one_line_error(graft("features", "tf_files/flower_photos",
                                         f"--architecture={NETWORK}", "--output=a_file/f.npy"), 1,
                                   "a_file")
        self.assert_one_line_error(graft("evaluate", "tf_files/flower_photos",
                                         "--predictions=a_file/p.csv"), 1, "a_file")

    def test_two_outputs_in_one_file(self):
        done = graft(*retrain_words("same", "--output_labels=same/graph.pb"))
        self.assert_one_line_error(done, 2, "--output_labels", "same/graph.pb")

    def test_folders_without_permission(self):
        if not nobody_can_run():
            raise unittest.SkipTest("this machine lets no program change its user")
        locked, free = PLACE.work / "locked", PLACE.work / "free"
        for folder, mode in ((locked, 0o555), (free, 0o777)):
            folder.mkdir()
            folder.chmod(mode)
        out = {"--output_graph": "g.pb", "--output_labels": "l.txt", "--summaries_dir": "s",
               "--bottleneck_dir": "b"}
        for refused in out:
            places = [f"{option}={'locked' if option == refused else 'free'}/{name}"
                      for option, name in out.items()]
            done = graft("retrain", "--image_dir=tf_files/flower_photos",
                         f"--architecture={NETWORK}", "--model_dir=tf_files/models", *places,
                         **as_nobody())
            self.assertEqual(done.returncode, 1, done.stderr)
            last = done.stderr.splitlines()[-1]
            self.assertRegex(last, r"^graft: .*locked/.*: Permission denied: ")
            self.assertNotIn("Step 0", done.stderr)
        # A cache that may only be read serves all the same.
        (PLACE.work / "tf_files/bottlenecks").chmod(0o755)
        done = graft(*retrain_words("free", "--how_many_training_steps=2"), **as_nobody())
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_folder_to_label_without_permission(self):
        if not nobody_can_run():
            raise unittest.SkipTest("this machine lets no program change its user")
        folder = PLACE.work / class_folder("to_label", {"open": photos()[:1], "shut": photos()[1:2]})
        (folder / "shut").chmod(0)
        done = graft("label", "to_label", **as_nobody())
        self.assertEqual(done.returncode, 1)
        self.assertIn("to_label/open", done.stdout)
        self.assertEqual(done.stderr.splitlines()[0],
                         "graft: to_label/shut: Permission denied: check its permissions")

    def test_photos_without_permission(self):
        if not nobody_can_run():
            raise unittest.SkipTest("this machine lets no program change its user")
        for name in ("open", "shut"):
            folder = PLACE.work / "private" / name
            folder.mkdir(parents=True)
            (folder / "1.jpg").write_bytes(photos()[0].read_bytes())
        (PLACE.work / "private/shut").chmod(0)
        (PLACE.work / "private_out").mkdir()
        (PLACE.work / "private_out").chmod(0o777)
        done = graft(*retrain_words("private_out", "--image_dir=private"), **as_nobody())
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("private/shut", done.stderr)
        self.assertIn("Permission denied", done.stderr)

    def test_a_file_that_may_not_grow(self):
        """RLIMIT_FSIZE, like a full disk, makes write() fail; the signal with it kills nobody."""
        done = self.run_ok(*retrain_words("grow", "--how_many_training_steps=2"))
        old = (PLACE.work / "grow/graph.pb").read_bytes()

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(old) - 1, len(old) - 1))

        done = graft(*retrain_words("grow", "--how_many_training_steps=3"), preexec_fn=limit)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("grow/graph.pb: cannot be written: File too large", done.stderr)
        self.assertEqual((PLACE.work / "grow/graph.pb").read_bytes(), old)
        self.assertEqual(sorted(os.listdir(PLACE.work / "grow")),
                         ["graph.json", "graph.pb", "labels.txt", "summaries"])

    def test_a_full_disk_is_an_error(self):
        for command in (f"label {photos()[0]}", "models", "inspect tf_files/retrained_graph.pb"):
            done = bash(f"graft {command} > /dev/full")
            self.assertEqual(done.returncode, 1, command)
            self.assertIn("standard output: No space left on device", done.stderr)

    def test_a_reader_who_leaves_is_no_crash(self):
        done = bash("graft label tf_files/flower_photos | head -n 1; echo ${PIPESTATUS[0]}")
        self.assertEqual(len(done.stdout.splitlines()), 2, done.stdout)
        self.assertEqual(done.stdout.splitlines()[1], "0", done.stderr)
        words = " ".join(retrain_words("left", "--how_many_training_steps=2"))
        for command in ("inspect tf_files/retrained_graph.pb", "retrain --help", "models", words):
            done = bash(f"graft {command} | true; echo ${{PIPESTATUS[0]}}")
            self.assertEqual(done.stdout, "0\n", done.stderr)
        self.assertTrue((PLACE.work / "left/graph.pb").is_file())
        done = bash(f"graft {words} 2>&1 | head -n 1; echo ${{PIPESTATUS[0]}}")
        self.assertEqual(done.stdout, "Looking for images in 'allium'\n0\n")



class Memory(Case):
    def test_the_end_of_memory_is_an_error(self):
        """From where the program can just start to where it succeeds: never a crash."""
        if b"__asan_init" in Path(PLACE.binary).read_bytes():
            raise unittest.SkipTest("the sanitizer itself takes terabytes of addresses")

        def limited(megabytes, *words):
            limit = megabytes << 20
            return graft(*words, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS,
                                                                       (limit, limit)))

        start = next(m for m in range(32, 4096, 8) if limited(m, "--version").returncode == 0)
        for words in (["label", "tf_files/flower_photos", "--threads=2"],
                      retrain_words("memory", "--bottleneck_dir=memory/cache", "--threads=2",
                                    "--how_many_training_steps=2")):
            failures = 0
            for megabytes in range(start, 4096, 6):
                shutil.rmtree(PLACE.work / "memory", ignore_errors=True)
                done = limited(megabytes, *words)
                if done.returncode == 0:
                    break
                failures += 1
                self.assertEqual(done.returncode, 1, f"{megabytes} MiB: {done.stderr}")
                self.assertIn("memory", done.stderr)
            self.assertEqual(done.returncode, 0)
            self.assertGreater(failures, 0)
