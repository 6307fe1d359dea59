"""graft cache: figures, damage, pruning, and copies for another machine."""

import json
import shutil

from program import CLASSES, PHOTOS_PER_CLASS, PLACE, Case, graft

PHOTOS = CLASSES * PHOTOS_PER_CLASS


class Cache(Case):
    def setUp(self):
        super().setUp()
        self.store = PLACE.work / "cache_test"
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.copytree(PLACE.work / "tf_files" / "bottlenecks", self.store)
        self.file = self.store / "features.cache"

    def cache(self, *words, dir=None):
        return graft("cache", *words, f"--bottleneck_dir={dir or self.store}")

    def stats(self, dir=None):
        done = self.cache("--json", dir=dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def damage(self):
        content = bytearray(self.file.read_bytes())
        content[-200] ^= 1  # in the last vector: 1,001 numbers and 60 bytes of padding
        self.file.write_bytes(content)

    def test_figures(self):
        stats = self.stats()
        self.assertEqual((stats["records"], stats["damaged_records"]), (PHOTOS, 0))
        self.assertEqual(stats["bytes"], self.file.stat().st_size)
        self.assertEqual([space["width"] for space in stats["spaces"]], [1001])
        self.assertIn(f"{PHOTOS} records", self.cache("stats").stdout)

    def test_damage_is_found_and_pruned_and_computed_again(self):
        self.assertEqual(self.cache("check").returncode, 0)
        self.damage()
        found = self.cache("check")
        self.assertEqual(found.returncode, 1)
        self.assertIn("damaged: 1 records", found.stdout)
        self.assertIn("graft cache prune", found.stdout)
        self.assertIn(f"kept {PHOTOS - 1} records, dropped 0, damaged 1", self.cache("prune").stdout)
        self.assertEqual(self.cache("check").returncode, 0)
        done = self.run_ok("features", "--image_dir=tf_files/flower_photos", "--json",
                           "--model_dir=tf_files/models",
                           "--architecture=untrained_mobilenet_0.25_128",
                           f"--bottleneck_dir={self.store}", f"--output={self.store}/f.npy")
        self.assertEqual(json.loads(done.stdout)["features"]["from_store"], PHOTOS - 1)
        self.assertEqual(self.stats()["records"], PHOTOS)

    def test_prune_keeps_the_photos_of_a_folder(self):
        some = PLACE.work / "cache_test_photos"
        shutil.rmtree(some, ignore_errors=True)
        classes = sorted((PLACE.work / "tf_files" / "flower_photos").iterdir())
        shutil.copytree(classes[0], some / classes[0].name)
        before = self.file.stat().st_size
        done = self.cache("prune", f"--image_dir={some}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"kept {PHOTOS_PER_CLASS} records, dropped {PHOTOS - PHOTOS_PER_CLASS}",
                      done.stdout)
        self.assertLess(self.file.stat().st_size, before)
        self.assertEqual(self.stats()["records"], PHOTOS_PER_CLASS)

    def test_copies(self):
        stick = PLACE.work / "cache_test_stick"
        shutil.rmtree(stick, ignore_errors=True)
        self.damage()
        self.assertIn(f"{PHOTOS - 1} records copied", self.cache("export", str(stick)).stdout)
        self.assertEqual(self.stats(stick)["records"], PHOTOS - 1)
        fresh = PLACE.work / "cache_test_fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        self.assertIn(f"{PHOTOS - 1} records copied",
                      self.cache("import", str(stick), dir=fresh).stdout)
        self.assertIn(": 0 records copied", self.cache("import", str(stick), dir=fresh).stdout)
        self.assertEqual(self.stats(fresh)["spaces"], self.stats(stick)["spaces"])

    def test_wrong_requests(self):
        missing = graft("cache", "--bottleneck_dir=nowhere")
        self.assert_one_line_error(missing, 1, "there are no cached features")
        self.assertFalse((PLACE.work / "nowhere").exists())
        self.assert_one_line_error(self.cache("prun"), 2, "did you mean graft cache prune?")
        self.assert_one_line_error(self.cache("export"), 2, "one folder is needed")
        self.assert_one_line_error(self.cache("export", str(self.store)), 2, "same folder")
        self.assert_one_line_error(self.cache("check", "--image_dir=tf_files"), 2, "only graft cache prune")
