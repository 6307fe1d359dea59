#!/usr/bin/env python3
"""check_layers.py finds each kind of violation in a small tree, and nothing in a clean one."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from check_layers import Checker  # noqa: E402

CLEAN = {
    "src/LAYERS": "# rooms\nbase:\nimage: base\ncli: base image\n",
    "src/LIBRARIES": "png.h: image\narchive: cli\n",
    "src/base/file.h": "#pragma once\n#include <sys/stat.h>\n#include <vector>\n",
    "src/base/file_test.cc": '#include "base/file.h"\n#include <gtest/gtest.h>\n',
    "src/image/decode.cc":
        '#include <png.h>\n#include "base/file.h"\n'
        '// printf("not code") and #include "cli/x.h"\n'
        'const char* kText = "exit(1)";\nint n = std::snprintf(b, 4, "%d", 1);\n',
    "src/image/CMakeLists.txt": "graft_room(NAME image SOURCES decode.cc DEPS graft_base)\n",
    "src/cli/main.cc": '#include <archive.h>\n#include "image/decode.h"\nint main() { exit(0); }\n',
    "src/image/decode.h": "#pragma once\n",
}


class CheckLayersTest(unittest.TestCase):
    def violations(self, **changes):
        """Violations of the clean tree with some files replaced (keys: path with / as __)."""
        with tempfile.TemporaryDirectory() as root:
            for name, text in {**CLEAN, **changes.get("files", {})}.items():
                path = Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return Checker(root).run()

    def expect_one(self, files, *words):
        found = self.violations(files=files)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def test_clean_tree(self):
        self.assertEqual(self.violations(), [])

    def test_include_that_climbs(self):
        self.expect_one({"src/base/file.cc": '#include "image/decode.h"\n'},
                        "src/base/file.cc:1", "base may not include image")

    def test_generated_header_of_a_proto(self):
        self.assertEqual(self.violations(files={
            "src/base/event.proto": 'syntax = "proto3";\nimport "base/other.proto";\n',
            "src/base/other.proto": 'syntax = "proto3";\n',
            "src/image/use.cc": '#include "base/event.pb.h"\n'}), [])

    def test_proto_import_that_climbs(self):
        self.expect_one({"src/base/event.proto": 'import "image/x.proto";\n',
                         "src/image/x.proto": ""}, "base may not include image")

    def test_header_that_is_not_there(self):
        self.expect_one({"src/image/use.cc": '#include "base/gone.h"\n'}, "gone.h is no file")

    def test_foreign_library(self):
        self.expect_one({"src/base/file.cc": "#include <png.h>\n"}, "belongs to image")

    def test_library_without_owner(self):
        self.expect_one({"src/base/file.cc": "#include <boost/any.hpp>\n"}, "belongs to no room")
        self.expect_one({"src/base/file.cc": '#include "zlib.h"\n'}, "belongs to no room")

    def test_test_library_outside_a_test(self):
        self.expect_one({"src/base/file.cc": "#include <gtest/gtest.h>\n"}, "belongs to no room")

    def test_cycle_between_rooms(self):
        found = self.violations(files={
            "src/LAYERS": "base: image\nimage: base\ncli: base image\n"})
        self.assertEqual(len(found), 1, found)
        self.assertIn("does not stand above", found[0])

    def test_unlisted_room(self):
        self.expect_one({"src/attic/x.h": ""}, "src/attic is not listed")

    def test_link_that_climbs(self):
        self.expect_one(
            {"src/base/CMakeLists.txt": "graft_room(NAME base SOURCES f.cc DEPS graft_image)\n"},
            "may not link graft_image")

    def test_printing_and_exiting(self):
        for code in ("std::cout << 1;", 'printf("x");', 'std::fprintf(stderr, "x");', "exit(2);",
                     "std::cerr << 1;", "_exit (1);"):
            self.expect_one({"src/image/use.cc": f"void f() {{ {code} }}\n"}, "only the cli room")

    def test_last_words_before_abort_are_allowed(self):
        code = 'void f() {\n  std::fprintf(stderr, "mistake: %d;", 1);\n  std::abort();\n}\n'
        self.assertEqual(self.violations(files={"src/image/use.cc": code}), [])
        self.expect_one({"src/image/use.cc": code.replace("std::abort", "g(); std::abort")},
                        "only the cli room")

    def test_abort_and_members_are_allowed(self):
        self.assertEqual(self.violations(files={
            "src/image/use.cc": "void f() { std::abort(); out.puts(1); p->exit(2); }\n"}), [])

    def test_long_file(self):
        self.expect_one({"src/image/use.cc": "\n" * 701}, "701 lines")
        self.assertEqual(self.violations(files={"src/image/use.cc": "\n" * 700}), [])


if __name__ == "__main__":
    unittest.main()
