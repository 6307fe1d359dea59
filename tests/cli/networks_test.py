"""Networks beside the MobileNets of --architecture: Inception V3, and graphs of the user's own."""

import json
import os
import subprocess

from program import NETWORK, PLACE, Case, class_folder, graft, photos

import tiny_network

SEEN, UNSEEN = 8, 2  # photos of each of two classes
POOLED = "MobilenetV1/Logits/AvgPool_1a/AvgPool"


class Networks(Case):
    def setUp(self):
        class_folder("two", {name: photos(f"{name}/*.jpg")[:SEEN] for name in ("aster", "lily")})


def words(folder, *more):
    return ["retrain", "two", f"--output_graph={folder}/graph.pb", "--how_many_training_steps=100",
            f"--output_labels={folder}/labels.txt", f"--summaries_dir={folder}/summaries",
            f"--bottleneck_dir={folder}/bottlenecks", "--testing_percentage=25",
            "--split_key=relative", "--split_seed=1", *more]


class Inception(Networks):
    """The whole job on Inception V3: the fixture has the official file's structure and names."""

    def setUp(self):
        super().setUp()
        maker = PLACE.build / "tests/fixtures/make_inception"
        if not maker.exists():
            self.skipTest(f"{maker} is not built")
        self.file = PLACE.work / "inception/inception-2015-12-05/classify_image_graph_def.pb"
        self.file.parent.mkdir(parents=True)
        subprocess.run([str(maker), str(self.file)], check=True)
        self.addCleanup(os.unlink, self.file)

    def test_the_whole_job(self):
        network = ["--architecture=inception_v3", "--model_dir=inception", "--offline"]
        trained = json.loads(self.run_ok(*words("i", *network, "--json")).stdout)
        self.assertEqual(trained["features"]["computed"], 2 * SEEN)
        again = json.loads(self.run_ok(*words("i", *network, "--json")).stdout)
        self.assertEqual(again["features"]["from_store"], 2 * SEEN)
        self.assertEqual(again["graph_sha256"], trained["graph_sha256"])

        side = json.loads((PLACE.work / "i/graph.json").read_text())
        self.assertEqual(side["architecture"], "inception_v3")
        self.assertEqual(side["feature_tensor"], "pool_3/_reshape:0")
        self.assertEqual(side["input"]["tensor"], "Mul:0")
        self.assertEqual([side["input"][key] for key in ("height", "width", "mean", "std")],
                         [299, 299, 128.0, 128.0])

        result = json.loads(self.run_ok("evaluate", "two", "--graph=i/graph.pb", "--json").stdout)
        self.assertEqual(result["confusion"], trained["test"]["confusion"])
        unseen = [str(p) for p in photos("aster/*.jpg")[SEEN:SEEN + UNSEEN]]
        labelled = json.loads(self.run_ok("label", "--graph=i/graph.pb", "--json", *unseen).stdout)
        self.assertEqual(len(labelled), UNSEEN)
        for entry in labelled:
            self.assertEqual({p["label"] for p in entry["predictions"]}, {"aster", "lily"})
            self.assertAlmostEqual(sum(p["score"] for p in entry["predictions"]), 1, delta=1e-5)

        # Its own classes' logits, under a key of their own.
        logits = json.loads(self.run_ok(*words("i", *network, "--feature=logits", "--json")).stdout)
        self.assertEqual(logits["features"]["computed"], 2 * SEEN)
        # The same file as a network of one's own: the same feature, found by structure.
        own = self.run_ok(*words("i", f"--graph={self.file.relative_to(PLACE.work)}"))
        self.assertIn("photos enter at Mul (299x299, mean 128.0, std 128.0), the feature is "
                      "pool_3/_reshape (2,048 values)", own.stderr)
        self.assertIn(f"0 computed, {2 * SEEN} from the cache", own.stdout)


class OwnGraph(Networks):
    def model(self):
        return str(next((PLACE.work / "tf_files/models").rglob("*.pb")).relative_to(PLACE.work))

    def test_layers_are_found_and_shown(self):
        done = self.run_ok(*words("own", f"--graph={self.model()}"))
        self.assertIn(f"the feature is {POOLED} (256 values)", done.stderr)
        side = json.loads((PLACE.work / "own/graph.json").read_text())
        self.assertEqual(side["feature_tensor"], POOLED + ":0")
        self.run_ok("evaluate", "two", "--graph=own/graph.pb")
        self.run_ok("label", "--graph=own/graph.pb", str(photos("lily/*.jpg")[SEEN]))

        # What inspect lists can be typed.
        listed = json.loads(self.run_ok("inspect", "--json", self.model()).stdout)["bottlenecks"]
        self.assertEqual([(b["layer"], b["width"]) for b in listed],
                         [(POOLED, 256), ("MobilenetV1/Predictions/Reshape", 1001)])
        for entry in listed:
            out = f"own/{entry['width']}.npy"
            summary = json.loads(self.run_ok(
                "features", "two", f"--graph={self.model()}", f"--output={out}",
                f"--bottleneck_layer={entry['layer']}", "--bottleneck_dir=own/bottlenecks",
                "--json").stdout)
            self.assertEqual(summary["width"], entry["width"])

    def test_channels_first(self):
        features = []
        for first in (False, True):
            (PLACE.work / f"tiny{first}.pb").write_bytes(tiny_network.graph_def(first))
            self.run_ok("features", "two", f"--graph=tiny{first}.pb", *tiny_network.OPTIONS,
                        f"--output=own/tiny{first}.npy", "--bottleneck_dir=own/tiny")
            features.append((PLACE.work / f"own/tiny{first}.npy").read_bytes())
        self.assertEqual(*features)
        self.run_ok(*words("own", "--graph=tinyTrue.pb", *tiny_network.OPTIONS))
        self.run_ok("label", "--graph=own/graph.pb", str(photos("lily/*.jpg")[SEEN]))

    def test_a_feature_by_kind(self):
        common = [f"--architecture={NETWORK}", "--model_dir=tf_files/models"]
        done = json.loads(self.run_ok(*words("kind", *common, "--feature=pooled", "--json")).stdout)
        self.assertEqual(done["features"]["computed"], 2 * SEEN)
        self.assertEqual(json.loads((PLACE.work / "kind/graph.json").read_text())["feature_tensor"],
                         POOLED + ":0")
        self.assert_one_line_error(
            graft(*words("kind", *common, "--feature=pooled", "--bottleneck_format=text")), 2,
            "--bottleneck_format=text")

    def test_mistakes(self):
        model = self.model()
        for more, *parts in (
                ([f"--graph={model}", f"--architecture={NETWORK}"], "--graph, --architecture"),
                (["--graph="], "--graph", "empty"),
                (["--input_mean=0"], "--input_mean", "--graph"),
                ([f"--graph={model}", "--bottleneck_layer=MobilenetV1/Logits/AvgPool"],
                 "--bottleneck_layer", "no such node"),
                ([f"--graph={model}", "--input_height=100"], "not 100"),
                ([f"--graph={model}", "--feature=pooled"], "--feature", "--bottleneck_layer")):
            self.assert_one_line_error(graft(*words("mistakes", *more)), 2, *parts)
        self.assert_one_line_error(graft(*words("mistakes", "--graph=none.pb")), 1, "none.pb")
        # A classifier of ours is no network to start from.
        done = graft(*words("mistakes", "--graph=tf_files/retrained_graph.pb"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("retrain from the original network", done.stderr)
