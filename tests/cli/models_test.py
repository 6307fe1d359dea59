"""graft models and downloads: the list, the chart, get, import, verify, remove and recommend, against
servers on this machine that stand for mirrors, honest and not."""

import csv
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import ssl
import subprocess
import tarfile
import threading
import unittest
import xml.etree.ElementTree

from program import NETWORK, PLACE, Case, bash, graft, photos

NAME = "mobilenet_0.25_128"
FOLDER = "mobilenet_v1_0.25_128"
ARCHIVE = "mobilenet_v1_0.25_128_frozen.tgz"
SHARED = os.environ.get("GRAFT_SHARED") or os.path.join(os.path.dirname(__file__), "../../../shared")
OFFICIAL = os.path.join(SHARED, "models", ARCHIVE)


def network_bytes():
    return next((PLACE.work / "tf_files/models").rglob("*.pb")).read_bytes()


def archive_of(names):
    """A .tgz in memory: {name: bytes}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in names.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Mirror:
    """An HTTP(S) server on this machine; answer(handler) writes the response."""

    def __init__(self, answer, certificate=None):
        self.asked = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://localhost:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def gives(content, length=None):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        handler.end_headers()
        handler.wfile.write(content)
    return answer


def redirects(location):
    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    return answer


class List(Case):
    def test_table(self):
        text = self.run_ok("models", "--model_dir=tf_files/models").stdout
        self.assertEqual(len(re.findall(r"(?m)^(?:mobilenet|inception)_", text)), 33)
        row = next(line for line in text.splitlines() if line.startswith("mobilenet_0.50_224 "))
        self.assertEqual(row.split(), ["mobilenet_0.50_224", "224", "150", "1.34", "64.0", "~5.5", "-"])
        self.assertIn("graft models get mobilenet_0.50_224", text)
        self.assertIn("curl -fL http://download.tensorflow.org/models/", text)
        self.assertIn("graft models import", text)
        built_in = next(line for line in text.splitlines() if line.startswith(NETWORK))
        self.assertIn("tf_files/models/graft_untrained_0.25_128/frozen_graph.pb", built_in)

    def test_forms_agree(self):
        rows = list(csv.DictReader(io.StringIO(self.run_ok("models", "--csv").stdout)))
        entries = json.loads(self.run_ok("models", "--json").stdout)
        self.assertEqual([r["architecture"] for r in rows], [e["architecture"] for e in entries])
        for row, entry in zip(rows, entries):
            self.assertEqual(float(row["top1"] or 0), entry["top1"] or 0)
            self.assertEqual(int(row["file_bytes"]), entry["file_bytes"])
            self.assertEqual(row["url"], entry["url"] or "")
        self.assert_one_line_error(graft("models", "--csv", "--json"), 2, "--csv")

    def test_unknown_words(self):
        self.assert_one_line_error(graft("models", "verfy"), 2, "did you mean graft models verify?")
        self.assert_one_line_error(graft("models", "get"), 2, "no network is named")
        self.assert_one_line_error(graft("models", "get", "mobilenet_0.5_224"), 2,
                                   "did you mean mobilenet_0.50_224?")
        for command in ("get", "import", "verify", "remove", "recommend"):
            done = self.run_ok("models", command, "--help")
            self.assertTrue(done.stdout.startswith(f"graft models {command}: "))
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)


class Chart(Case):
    def test_svg(self):
        self.run_ok("models", "--chart=out/models.svg", "--model_dir=tf_files/models")
        path = PLACE.work / "out/models.svg"
        root = xml.etree.ElementTree.parse(path).getroot()
        self.assertTrue(root.tag.endswith("}svg"))
        first = path.read_bytes()
        self.run_ok("models", "--chart", "out/models.svg", "--model_dir=tf_files/models")
        self.assertEqual(path.read_bytes(), first)
        (PLACE.work / "a_plain_file").write_text("x")
        self.assert_one_line_error(graft("models", "--chart=a_plain_file/x.svg"), 1, "--chart")

    def test_terminal(self):
        text = self.run_ok("models", "--chart").stdout
        self.assertNotIn("\x1b", text)
        self.assertLess(max(map(len, text.splitlines())), 80)
        self.assertIn("million multiply-adds", text)


class Import(Case):
    def place(self, name):
        folder = PLACE.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return name

    def test_round_trip(self):
        """A strange name comes to its place, is checked, used, and taken away again."""
        place = self.place("import")
        (PLACE.work / "handed.bin").write_bytes(archive_of({"who/knows.pb": network_bytes(),
                                                            "who/labels.txt": b"x\n"}))
        done = self.run_ok("models", "import", "handed.bin", f"--model_dir={place}")
        path = f"{place}/graft_untrained_0.25_128/frozen_graph.pb"
        self.assertEqual(done.stdout.split(), [NETWORK, path])
        self.assertEqual((PLACE.work / path).read_bytes(), network_bytes())
        record = json.loads((PLACE.work / place / "graft_models.json").read_text())
        entry = record["files"]["graft_untrained_0.25_128/frozen_graph.pb"]
        self.assertEqual(entry["sha256"], hashlib.sha256(network_bytes()).hexdigest())
        self.assertTrue(entry["source"].endswith("/handed.bin"))
        again = self.run_ok("models", "import", "handed.bin", f"--model_dir={place}")
        self.assertIn("was there already", again.stdout)
        done = self.run_ok("models", "verify", f"--model_dir={place}", "--json")
        verified, = json.loads(done.stdout)
        self.assertEqual((verified["architecture"], verified["ok"], verified["checksum"]),
                         (NETWORK, True, "as_recorded"))
        done = self.run_ok("models", "remove", NETWORK, f"--model_dir={place}")
        self.assertEqual(done.stdout, f"deleted {path}\n")
        self.assertEqual(os.listdir(PLACE.work / place), ["graft_models.json"])
        self.assert_one_line_error(graft("models", "verify", f"--model_dir={place}"), 1,
                                   "no network is there")

    def test_what_is_no_network(self):
        place = self.place("import_not")
        cases = {"page.tgz": (b"<!DOCTYPE html><html>log in</html>", "web page"),
                 "half.tgz": (archive_of({"a.pb": os.urandom(9000)})[:4000], "cut off"),
                 "photos.tgz": (archive_of({"a.jpg": b"x"}), "no .pb file is in it"),
                 "empty.tgz": (b"", "is empty"),
                 "photo.pb": (photos()[0].read_bytes(), "photo.pb"),
                 "graph.pb": ((PLACE.work / "tf_files/retrained_graph.pb").read_bytes(),
                              "graft label --graph")}
        for name, (content, part) in cases.items():
            (PLACE.work / name).write_bytes(content)
            done = graft("models", "import", name, f"--model_dir={place}")
            self.assert_one_line_error(done, 1, name, part)
        self.assert_one_line_error(graft("models", "import", "nowhere.tgz"), 1, "no such file")
        self.assert_one_line_error(graft("models", "import"), 2, "no file is named")
        self.assertEqual(os.listdir(PLACE.work / place), [])

    def test_verify_notices_a_change(self):
        place = self.place("changed")
        (PLACE.work / "net.pb").write_bytes(network_bytes())
        self.run_ok("models", "import", "net.pb", f"--model_dir={place}")
        path = PLACE.work / place / "graft_untrained_0.25_128/frozen_graph.pb"
        content = bytearray(network_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        done = graft("models", "verify", f"--model_dir={place}")
        self.assert_one_line_error(done, 1, "has changed since", "graft_models.json")
        done = graft("models", "verify", f"--model_dir={place}", "--csv")
        self.assertEqual(done.returncode, 1)
        row, = csv.DictReader(io.StringIO(done.stdout))
        self.assertEqual(row["ok"], "false")
        self.assertIn("has changed since", row["error"])

    def test_remove_leaves_what_others_placed(self):
        if not os.path.exists(OFFICIAL):
            raise unittest.SkipTest("no official archive at hand")
        place = self.place("by_hand")
        shutil.copy(OFFICIAL, PLACE.work / place)
        done = graft("models", "remove", NAME, f"--model_dir={place}")
        self.assert_one_line_error(done, 2, "placed there by someone else", f"rm '{place}/{ARCHIVE}'")
        self.assertTrue((PLACE.work / place / ARCHIVE).exists())
        done = self.run_ok("models", "verify", NAME, f"{NAME}_quantized", f"--model_dir={place}")
        self.assertEqual(done.stdout.count("the published file"), 2)


class Get(Case):
    def get(self, *words, model_dir, mirror, name=NAME, **more):
        shutil.rmtree(PLACE.work / model_dir, ignore_errors=True)
        return graft("models", "get", name, f"--model_dir={model_dir}", f"--model_mirror={mirror}",
                     *words, **more)

    def test_the_official_archive_from_a_mirror(self):
        if not os.path.exists(OFFICIAL):
            raise unittest.SkipTest("no official archive at hand")
        with open(OFFICIAL, "rb") as file:
            content = file.read()
        with Mirror(gives(b"gone")) as wrong, Mirror(gives(content)) as right:
            done = self.get(model_dir="got", mirror=f"{wrong.url},{right.url}/models/")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(right.asked, [f"/models/{ARCHIVE}"])
            self.assertEqual(done.stdout.split()[:2], [NAME, f"got/{ARCHIVE}"])
            self.assertIn("the published file", done.stdout)
            self.assertEqual((PLACE.work / "got" / ARCHIVE).read_bytes(), content)
            again = self.run_ok("models", "get", NAME, "--model_dir=got",
                                f"--model_mirror={right.url}")
            self.assertIn("was there already", again.stdout)
            self.assertEqual(len(right.asked), 1)
        self.run_ok("models", "remove", NAME, "--model_dir=got")
        self.assertEqual(os.listdir(PLACE.work / "got"), ["graft_models.json"])

    def test_retrain_and_features_ask_the_mirror_too(self):
        if not os.path.exists(OFFICIAL):
            raise unittest.SkipTest("no official archive at hand")
        with open(OFFICIAL, "rb") as file:
            content = file.read()
        with Mirror(gives(content)) as mirror:
            done = bash(f"GRAFT_MODEL_MIRROR={mirror.url} graft retrain "
                        f"--image_dir=tf_files/flower_photos --architecture={NAME} "
                        "--model_dir=mirrored --bottleneck_dir=mirrored/b --summaries_dir=mirrored/s "
                        "--output_graph=mirrored/g.pb --output_labels=mirrored/l.txt "
                        "--how_many_training_steps=2")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(mirror.asked), 1)
            done = graft("features", "tf_files/flower_photos", f"--architecture={NAME}",
                         "--model_dir=mirrored2", f"--model_mirror={mirror.url}",
                         "--bottleneck_dir=mirrored2/b", "--output=mirrored2/f.npy")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(mirror.asked), 2)

    def test_lies(self):
        """Nothing useless stays, and the message says what came and where to put the right one."""
        for answer, part in ((gives(b"<html>log in</html>"), "a web page came"),
                             (gives(b"short", 100), "before its announced length"),
                             (gives(b"x" * 5000), "wrong checksum"),
                             (gives(b"", 0), "wrong checksum"),
                             (redirects(f"/{ARCHIVE}"), "redirected in a circle"),
                             (redirects("file:///etc/passwd"), "other than http")):
            with Mirror(answer) as mirror:
                done = self.get(model_dir="lies", mirror=mirror.url)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(part, done.stderr)
                self.assertIn(f"put it at lies/{ARCHIVE}", done.stderr)
                self.assertNotIn(ARCHIVE, os.listdir(PLACE.work / "lies"))

    def test_no_way_down_from_https(self):
        if shutil.which("openssl") is None:
            raise unittest.SkipTest("openssl makes the certificate")
        key, certificate = PLACE.work / "key.pem", PLACE.work / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        archive = archive_of({"x": b"y"})
        with Mirror(gives(archive)) as plain:
            with Mirror(redirects(f"{plain.url}/x"), (certificate, key)) as safe:
                script = (f"SSL_CERT_FILE={certificate} graft models get {NAME} --model_dir=safe "
                          f"--model_mirror=")
                done = bash(script + safe.url)
                self.assertEqual(done.returncode, 1)
                self.assertIn("redirected from https to an unprotected address", done.stderr)
                self.assertEqual(plain.asked, [])
                # Without the certificate nothing is asked at all.
                done = bash(f"graft models get {NAME} --model_dir=safe --model_mirror={safe.url}")
                self.assertEqual(done.returncode, 1)
                self.assertIn("certificate", done.stderr)
                self.assertEqual(len(safe.asked), 1)

    def test_bad_mirrors(self):
        done = self.get(model_dir="bad", mirror="/mnt/stick")
        self.assert_one_line_error(done, 2, "--model_mirror", "not an http or https address")
        done = self.get(model_dir="bad", mirror="https://ada:secret@example.org/")
        self.assert_one_line_error(done, 2, "--model_mirror")
        self.assertNotIn("secret", done.stderr)
        self.assert_one_line_error(graft("models", "get", NETWORK), 2, "made from your photos")


class NearlyRight(Case):
    """What people put into --model_dir, and what they are told."""

    def told(self, place, content, name="mobilenet_0.50_224"):
        folder = PLACE.work / "nearly"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / place).parent.mkdir(parents=True)
        (folder / place).write_bytes(content)
        done = graft("retrain", "--image_dir=tf_files/flower_photos", f"--architecture={name}",
                     "--model_dir=nearly", "--offline", "--bottleneck_dir=nearly_b",
                     "--output_graph=nearly_o/g.pb", "--output_labels=nearly_o/l.txt",
                     "--summaries_dir=nearly_o/s")
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr.splitlines()[-1]

    def test_messages(self):
        network = network_bytes()
        half = archive_of({"mobilenet_v1_0.50_224/frozen_graph.pb": os.urandom(9000)})[:4000]
        stem = "mobilenet_v1_0.50_224"
        for place, content, part in (
                ("mine/frozen_graph.pb", network, "graft models import nearly/mine"),
                (f"{stem}_frozen.tgz", b"<html>", "a web page saved under the archive's name"),
                (f"{stem}_frozen.tgz", half, "cut short or damaged"),
                (f"{stem}_frozen.tgz.part", half, "a download that was not finished"),
                (f"{stem}/quantized_graph.pb", network,
                 "--architecture=mobilenet_0.50_224_quantized"),
                ("mobilenet_v1_0.50_192/frozen_graph.pb", network, "which is mobilenet_0.50_192"),
                (f"{stem}/frozen_graph.pb", network, f"is {NETWORK}, not mobilenet_0.50_224"),
                (f"{stem}_frozen.tgz", archive_of({"mobilenet_v1_0.25_224/frozen_graph.pb": network}),
                 "holds mobilenet_0.25_224, not mobilenet_0.50_224")):
            self.assertIn(part, self.told(place, content), place)
        self.assertIn("mkdir -p nearly && curl -fL http://", self.told("notes.txt", b"x"))


class Recommend(Case):
    def test_takes_the_most_accurate_that_fits(self):
        done = self.run_ok("models", "recommend", "--max_mb=6", "--json", "--threads=1",
                           str(photos()[0]))
        result = json.loads(done.stdout)
        # Nothing is asked of the speed: the largest of at most 6 MB with the best published figure.
        self.assertEqual(result["recommended"], "mobilenet_1.0_224_quantized")
        self.assertEqual(result["threads"], 1)
        self.assertGreater(result["decode_seconds"], 0)
        self.assertEqual(len(result["networks"]), 33)
        for network in result["networks"]:
            self.assertGreater(network["estimated_photos_per_second"], 0)
            self.assertEqual(network["small_enough"], network["file_bytes"] <= 6e6)
        rate = {n["architecture"]: n["estimated_photos_per_second"] for n in result["networks"]}
        self.assertGreater(rate["mobilenet_0.25_128"], rate["mobilenet_0.25_224"])

    def test_text(self):
        done = self.run_ok("models", "recommend", "--photos-per-second", "0.001", "--max-mb", "20")
        self.assertTrue(done.stdout.startswith("mobilenet_1.0_224: the most accurate network that "))
        self.assertIn("too large", done.stdout)  # Inception V3
        self.assertIn("graft retrain --architecture=mobilenet_1.0_224", done.stdout)
        self.assertIn("Estimated from", done.stdout)

    def test_nothing_fits(self):
        done = graft("models", "recommend", "--photos_per_second=1e8")
        self.assert_one_line_error(done, 1, "no network does 1e+08 photos a second here", "ask for less")
        done = graft("models", "recommend", "--max_mb=0.5")
        self.assert_one_line_error(done, 1, "0.9 MB")

    def test_not_a_photo(self):
        (PLACE.work / "no_photo.jpg").write_text("x")
        self.assert_one_line_error(graft("models", "recommend", "no_photo.jpg"), 1, "no_photo.jpg")
        self.assert_one_line_error(graft("models", "recommend", "a.jpg", "b.jpg"), 2, "one photo")
