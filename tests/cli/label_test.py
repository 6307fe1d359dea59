"""graft label: one photo, many, a folder, standard input; text, CSV, JSON; the original's flags."""

import csv
import io
import json
import os
import shutil

from program import CLASSES, PHOTOS_PER_CLASS, PLACE, Case, bash, graft, photos, relative


class Label(Case):
    def test_standard_input(self):
        photo = photos()[3]
        by_name = self.run_ok("label", str(photo)).stdout
        self.assertEqual(self.run_ok("label", "-", input=photo.read_bytes()).stdout, by_name)
        self.assertEqual(self.run_ok("label", "/dev/stdin", input=photo.read_bytes()).stdout, by_name)
        self.assertEqual(bash(f"graft label --image=- < {photo}").stdout, by_name)
        self.assert_one_line_error(graft("label", "-", "-", input=b""), 2, "twice")
        self.assertEqual(graft("label", "-", input=b"").returncode, 1)

    def test_a_folder_in_order_whatever_the_threads(self):
        outputs = {self.run_ok("label", "--csv", "--top_k=2", f"--threads={n}",
                               "tf_files/flower_photos").stdout for n in (1, 2, 7)}
        self.assertEqual(len(outputs), 1)
        rows = list(csv.DictReader(io.StringIO(outputs.pop())))
        self.assertEqual(len(rows), 2 * CLASSES * PHOTOS_PER_CLASS)
        self.assertEqual([row["path"] for row in rows[::2]], [relative(p) for p in photos()])
        for first, second in zip(rows[::2], rows[1::2]):
            self.assertEqual((first["rank"], second["rank"]), ("1", "2"))
            self.assertGreaterEqual(float(first["score"]), float(second["score"]))

    def test_the_three_forms_agree(self):
        some = [str(p) for p in photos()[:3]]
        entries = json.loads(self.run_ok("label", "--format=json", *some).stdout)
        self.assertEqual(entries, json.loads(self.run_ok("label", "--json", *some).stdout))
        self.assertEqual([e["path"] for e in entries], some)
        for entry in entries:
            self.assertAlmostEqual(sum(p["score"] for p in entry["predictions"]), 1, delta=1e-5)
        one = json.loads(self.run_ok("label", "--json", some[0]).stdout)
        self.assertEqual(one, entries[:1])
        rows = csv.DictReader(io.StringIO(self.run_ok("label", "--format=csv", *some).stdout))
        self.assertEqual([(r["path"], r["label"], float(r["score"])) for r in rows],
                         [(e["path"], p["label"], p["score"]) for e in entries
                          for p in e["predictions"]])
        text = self.run_ok("label", "--format=text", *some).stdout
        self.assertEqual(text, "".join(
            e["path"] + "\n" + "".join(f"{p['label']} (score={p['score']:.5f})\n"
                                       for p in e["predictions"]) + "\n" for e in entries))
        best = self.run_ok("label", "--top_k=1", *some).stdout.splitlines()
        self.assertEqual([line.split(" (")[0] for line in best],
                         [f"{e['path']}: {e['predictions'][0]['label']}" for e in entries])

    def test_a_list_of_paths(self):
        some = [str(p) for p in photos()[:4]]
        text = "".join(p + "\n" for p in some)
        (PLACE.work / "list.txt").write_text(text)
        from_file = self.run_ok("label", "--top_k=1", "--list=list.txt").stdout
        from_pipe = self.run_ok("label", "--top_k=1", "--list=-", input=text.encode()).stdout
        self.assertEqual(from_file, from_pipe)
        self.assertEqual([line.split(": ")[0] for line in from_file.splitlines()], some)

    def test_bad_photos_do_not_stop_the_others(self):
        bad = PLACE.work / os.fsdecode(b"bad\xff.jpg")
        bad.write_bytes(b"no photo")
        some = [str(photos()[0]), str(bad), "missing.jpg", str(photos()[1])]
        done = graft("label", "--json", *some)
        self.assertEqual(done.returncode, 1)
        entries = json.loads(done.stdout)
        self.assertEqual([sorted(e) for e in entries],
                         [["path", "predictions"], ["error", "path"], ["error", "path"],
                          ["path", "predictions"]])
        self.assertIn("missing.jpg", done.stderr)
        self.assertIn("2 of 4 photos", done.stderr)
        done = graft("label", "--csv", *some)
        self.assertEqual(done.returncode, 1)
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        self.assertEqual(sum(bool(r["error"]) for r in rows), 2)

    def test_nothing_to_label(self):
        (PLACE.work / "no_photos").mkdir()
        (PLACE.work / "no_photos/notes.txt").write_text("words")
        self.assert_one_line_error(graft("label", "no_photos"), 2, "no_photos: no photo in it")
        self.assert_one_line_error(graft("label", "--image="), 2, "empty")
        self.assert_one_line_error(graft("label", "--list=-", input=b"\n"), 2, "no photo in it")
        self.assert_one_line_error(graft("label", "--list=nowhere.txt"), 1, "nowhere.txt")

    def test_the_preprocessing_travels_with_the_graph(self):
        photo = str(photos()[7])
        plain = self.run_ok("label", photo).stdout
        (PLACE.work / "moved").mkdir(exist_ok=True)
        shutil.copy(PLACE.work / "tf_files/retrained_graph.pb", PLACE.work / "moved/g.pb")
        self.assertEqual(self.run_ok("label", "--graph=moved/g.pb", photo).stdout, plain)
        spelled = self.run_ok("label", "--graph=moved/g.pb", "--input_height=128",
                              "--input_width=128", "--input_mean=127.5", "--input_std=127.5",
                              "--input_layer=input", "--output_layer=final_result",
                              "--labels=tf_files/retrained_labels.txt", photo)
        self.assertEqual(spelled.stdout, plain)
        self.assertNotIn("warning", spelled.stderr)
        # What the original's defaults would spoil is pointed out; what cannot be is refused.
        other = self.run_ok("label", "--input_mean", "128", "--input_std", "128", photo)
        self.assertIn("127.5", other.stderr)
        self.assert_one_line_error(graft("label", "--input_height=299", "--input_width=299", photo), 2,
                                   "--input_height")
        self.assert_one_line_error(graft("label", "--output_layer=final_resul", photo), 2,
                                   "did you mean final_result?")
        self.assert_one_line_error(graft("label", "--labels=list_of_none.txt", photo), 1,
                                   "list_of_none.txt")
