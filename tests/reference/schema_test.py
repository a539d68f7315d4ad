#!/usr/bin/python3
"""The JSON Schema of the configuration: it accepts what `shuntctl check` accepts, and refuses what a schema can know.

    schema_test.py SHUNTCTL
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib
import unittest

try:
    import jsonschema
except ImportError:  # python3-jsonschema
    jsonschema = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/unit/config_golden"
SHUNTCTL = sys.argv.pop(1) if len(sys.argv) > 1 else "shuntctl"

# Mistakes that are seen in one value or key by itself. The others need a second value, or the text.
KNOWN = {"unknown_section", "unknown_key", "unsupported_section", "unsupported_key", "unsupported_value", "missing_key",
         "section_is_a_list", "wrong_type", "out_of_range", "unknown_choice", "duration_without_unit", "bad_duration",
         "bad_address", "bad_mac", "group_mac", "too_many", "bad_name", "relative_path", "no_workers", "duplicate_worker",
         "no_port"}
# JSON has no numbers but finite ones; what a key of control characters is called depends on who prints it.
NOT_IN_A_SCHEMA = {"025_unknown_key_control_characters.toml", "037_range_not_a_number.toml", "038_range_infinite.toml"}


def as_json(value):
    """What JSON makes of a TOML value; dates become a list, which no option takes."""
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_json(one) for one in value]
    return value if isinstance(value, (str, int, float, bool)) else [str(value)]


def check(file):
    done = subprocess.run([SHUNTCTL, "check", "--json", str(file)], capture_output=True, text=True, timeout=30, check=False)
    return json.loads(done.stdout)["errors"]


def is_known(error):
    """A duration's range is in the schema's text only."""
    duration = error["id"] == "out_of_range" and re.search(r"must be from \d+(ms|s|m|h) to", error["message"])
    return error["id"] in KNOWN and not duration


def names_in(error):
    """The keys that a schema's error is about: those on its way, and those that it calls unexpected or missing."""
    names = {str(part) for part in error.absolute_path}
    names |= set(re.findall(r"'([^']+)'", error.message)) if error.validator in ("additionalProperties", "required") else set()
    return names


@unittest.skipIf(jsonschema is None, "python3-jsonschema isn't installed")
class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = subprocess.run([SHUNTCTL, "schema"], capture_output=True, text=True, timeout=30, check=True).stdout
        cls.schema = json.loads(text)
        cls.validator = jsonschema.Draft202012Validator(cls.schema)

    def errors(self, file):
        return list(self.validator.iter_errors(as_json(tomllib.loads(file.read_text(encoding="utf-8")))))

    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_the_examples_name_it(self):
        for file in sorted(set((ROOT / "configs").glob("*.toml")) - {ROOT / "configs/insight.toml"}):
            with self.subTest(file=file.name):
                self.assertEqual(file.read_text(encoding="utf-8").splitlines()[0], "#:schema ./shunt.schema.json")
                self.assertEqual([error.message for error in self.errors(file)], [])

    def test_it_refuses_nothing_that_check_accepts(self):
        good = 0
        for file in sorted(GOLDEN.glob("*.toml")):
            if check(file):
                continue
            good += 1
            with self.subTest(file=file.name):
                self.assertEqual([error.message for error in self.errors(file)], [])
        self.assertGreaterEqual(good, 5)

    def test_it_refuses_what_it_can_know(self):
        seen = set()
        for file in sorted(GOLDEN.glob("*.toml")):
            known = [error for error in check(file) if is_known(error)]
            if not known or file.name in NOT_IN_A_SCHEMA:
                continue
            try:
                named = set().union(*map(names_in, self.errors(file)), {""})
            except tomllib.TOMLDecodeError:
                continue
            with self.subTest(file=file.name):
                self.assertGreater(len(named), 1, "the schema has no error")
            for error in known:
                # The key is in the line that check shows; the schema has to be about one of its words.
                line = (file.read_text(encoding="utf-8").split("\n"))[error["line"] - 1]
                words = set(re.findall(r"[A-Za-z0-9_]+", line)) | set(re.findall(r"`([^`]+)`", error["message"]))
                with self.subTest(file=file.name, error=error["message"], line=error["line"]):
                    if error["id"] not in ("no_port", "too_many"):  # about a whole list
                        self.assertTrue(words & named, f"schema: {sorted(named)}")
                seen.add(error["id"])
        self.assertEqual(sorted(KNOWN - seen), [])

    def test_every_option_is_described(self):
        def walk(schema, path):
            for key, one in schema.get("properties", {}).items():
                with self.subTest(option=path + key):
                    self.assertGreater(len(one["description"]), 9)
                    self.assertEqual(one.get("type") == "object" or one.get("items", {}).get("type") == "object",
                                     "properties" in one or "properties" in one.get("items", {}))
                walk(one, f"{path}{key}.")
                walk(one.get("items", {}), f"{path}{key}.")
        walk(self.schema, "")


if __name__ == "__main__":
    unittest.main()
