"""promtool finds nothing wrong with configuration and rules, and its tests of rules pass. Skipped (77) where there is no promtool."""

import re
import shutil
import subprocess
import sys
import unittest

try:
    import alert_rules as given
except ModuleNotFoundError as missing:  # PyYAML
    print(f"skipped: {missing}; Debian: python3-yaml")
    sys.exit(77)

LIMIT = 300  # seconds for one file


def promtool(*words):
    return subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, timeout=LIMIT, check=False)


class Promtool(unittest.TestCase):
    def test_configurations(self):
        for name in ("prometheus.yml", "prometheus-lab.yml"):
            done = promtool("check", "config", given.PROMETHEUS / name)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_rules(self):
        files = sorted(given.RULES.glob("*.yml"))
        self.assertGreater(len(files), 1)
        done = promtool("check", "rules", "--lint=all", "--lint-fatal", *files)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_case(self):
        for path in sorted(given.CASES.glob("*.yml")):
            with self.subTest(path.name):
                done = promtool("test", "rules", path)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_laboratory_differs_in_times_only(self):
        both = [re.sub(r"(?m)^#.*\n", "", (given.PROMETHEUS / name).read_text(encoding="utf-8"))
                for name in ("prometheus.yml", "prometheus-lab.yml")]
        self.assertEqual(*[re.sub(r"(interval|timeout): \d+s", r"\1:", text) for text in both])
        self.assertEqual([re.findall(r"_interval: (\d+s)", text) for text in both], [["15s", "15s"], ["1s", "1s"]])


if __name__ == "__main__":
    if not shutil.which("promtool"):
        print("skipped: no promtool here; Debian: prometheus")
        sys.exit(77)
    unittest.main()
