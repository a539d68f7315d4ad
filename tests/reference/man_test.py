#!/usr/bin/python3
"""The manual pages: nothing to complain of for mandoc and man, every verb, option and configuration key in them.

    man_test.py SHUNTCTL REFERENCE_PAGES
"""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import command_line

PAGES = sys.argv.pop(2) if len(sys.argv) > 2 else "reference_pages"
SHUNTCTL = sys.argv.pop(1) if len(sys.argv) > 1 else "shuntctl"
NAMES = ["shuntctl.1", "shuntd.8", "shuntd.toml.5"]


def page(name):
    return subprocess.run([PAGES, name], capture_output=True, text=True, timeout=30, check=True).stdout


def words_of(text):
    """The page as it reads, without macros and fonts."""
    return re.sub(r"\\f[BIR]|\\&", "", text).replace("\\-", "-").replace("\\e", "\\")


class Man(unittest.TestCase):
    @unittest.skipIf(shutil.which("mandoc") is None, "mandoc isn't installed")
    def test_mandoc_finds_nothing(self):
        for name in NAMES:
            with self.subTest(page=name), tempfile.NamedTemporaryFile("w", suffix=name) as file:
                file.write(page(name))
                file.flush()
                done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", file.name], capture_output=True, text=True, timeout=30,
                                      check=False)
                self.assertEqual(done.stdout + done.stderr, "")

    @unittest.skipIf(shutil.which("man") is None, "man isn't installed")
    def test_man_warns_of_nothing(self):
        for name in NAMES:
            with self.subTest(page=name), tempfile.NamedTemporaryFile("w", suffix=name) as file:
                file.write(page(name))
                file.flush()
                done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", file.name], capture_output=True,
                                      text=True, timeout=30, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_every_verb_and_option_is_there(self):
        text = words_of(page("shuntctl.1"))
        verbs = command_line.verbs_of(SHUNTCTL)
        self.assertEqual(re.findall(r"^\.SS (\S+)$", text, re.M), verbs)
        parts = dict(zip(verbs, re.split(r"^\.SS \S+$", text, flags=re.M)[1:]))
        for verb in verbs:
            for option in command_line.options_of(SHUNTCTL, verb) - {"--help", "-h"}:
                with self.subTest(verb=verb, option=option):
                    self.assertRegex(parts[verb], rf"(?m)^{option}\b|, {option}\b")
        own = text.split(".SH COMMANDS")[0]
        for option in command_line.options_of(SHUNTCTL):
            self.assertIn(option, own)

    def test_every_key_of_the_configuration_is_there(self):
        text = words_of(page("shuntd.toml.5"))
        schema = subprocess.run([SHUNTCTL, "schema"], capture_output=True, text=True, timeout=30, check=True).stdout
        keys = set(re.findall(r'"([a-z][a-z0-9_]*)": \{\n\s+"description"', schema))
        self.assertGreater(len(keys), 80)
        for key in keys:
            with self.subTest(key=key):
                self.assertRegex(text, rf"(?m)^{key}$")

    def test_shuntd_tells_its_signals_and_status(self):
        text = words_of(page("shuntd.8"))
        for word in ("--config", "SIGHUP", "SIGTERM", "Exit status"):
            self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()
