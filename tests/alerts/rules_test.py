"""Rules stand on metrics that exist, each has a runbook and tests in which it fires and in which it doesn't."""

import re
import sys
import unittest

try:
    import alert_rules as given
except ModuleNotFoundError as missing:  # PyYAML
    print(f"skipped: {missing}; Debian: python3-yaml")
    sys.exit(77)

ROOT = given.ROOT


def shuntctl_commands():
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "control").glob("ctl_*.cc"))
    return set(re.findall(r'\{"([a-z]+)",\s*"[A-Z]', text)) | \
        set(re.findall(r'(?:add_subcommand\(|add_verb\([^"]*?)\s*"([a-z]+)"', text))


class Metrics(unittest.TestCase):
    def test_documented_metrics_are_those_of_the_code(self):
        for program in given.PROGRAMS:
            self.assertEqual(given.documented_families(program), given.families_in_code(program))

    def test_expressions_name_metrics_and_labels_that_exist(self):
        known, recorded = given.known_labels(), given.recordings()
        for rule in given.rules():
            with self.subTest(rule.get("alert") or rule["record"]):
                self.assertEqual(given.metrics_of(rule["expr"]) - set(known) - set(recorded), set())
                roots = given.root_metrics(rule["expr"])
                allowed = set().union(*(known[name] for name in roots)) if roots else set()
                self.assertEqual(given.labels_in(rule["expr"]) - allowed, set())

    def test_reasons_and_events_in_selectors_exist(self):
        reasons = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/packet_walk.md").read_text(encoding="utf-8"), re.M))
        page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
        for rule in given.rules():
            for name, wanted in re.findall(r'(shunt_\w+)\{reason(?:=|=~|!~|!=)"([^"]*)"', rule["expr"]):
                text = reasons if name == "shunt_drops_total" else set(re.findall(r"`(\w+)`", page))
                self.assertEqual(set(wanted.split("|")) - text, set(), rule["expr"])

    def test_words_are_told_apart(self):
        text = 'sum by (a, b) (rate(shunt_x_total{c="shunt_no", d=~"e"}[5m])) / on (a) group_left () (up offset 1h > 1e-9)'
        self.assertEqual(given.metrics_of(text), {"shunt_x_total", "up"})
        self.assertEqual(given.labels_in(text), {"a", "b", "c", "d"})


class Alerts(unittest.TestCase):
    def test_there_are_enough_and_each_is_complete(self):
        alerts = given.alerts()
        self.assertGreaterEqual(len(alerts), 24)
        self.assertEqual(len(alerts), sum("alert" in rule for rule in given.rules()), "a name twice")
        for name, rule in alerts.items():
            with self.subTest(name):
                self.assertRegex(name, "^Shunt[A-Z]")
                self.assertIn(rule["labels"]["severity"], ("critical", "warning", "info"))
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook_url", "dashboard_url"})
                self.assertEqual(rule["annotations"]["runbook_url"], f"docs/runbooks/{name}.md")
                self.assertRegex(rule["annotations"]["dashboard_url"], r"^/d/shunt-[a-z]+(\?|$)")

    def test_runbooks(self):
        alerts, commands = given.alerts(), shuntctl_commands()
        self.assertIn("backends", commands)
        self.assertEqual({path.stem for path in given.RUNBOOKS.glob("*.md")} - {"README"}, set(alerts))
        for name in alerts:
            with self.subTest(name):
                text = (given.RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
                for part in (f"# {name}\n", "**What it means.**", "**Look.**", "**Do.**"):
                    self.assertIn(part, text)
                self.assertTrue(text.split("\n")[1].startswith(alerts[name]["labels"]["severity"] + ". "), text.split("\n")[1])
                self.assertEqual(set(re.findall(r"`shuntctl ([a-z]+)", text)) - commands, set())

    def test_the_list_in_docs_is_whole(self):
        rows = dict(re.findall(r"^\| \[(Shunt\w+)\]\(runbooks/\1\.md\) \| (\w+) \|",
                               (ROOT / "docs/alerting.md").read_text(encoding="utf-8"), re.M))
        self.assertEqual(rows, {name: rule["labels"]["severity"] for name, rule in given.alerts().items()})


class Cases(unittest.TestCase):
    """A silent test is one with all that the rule reads present: else it shows nothing."""

    def test_each_alert_fires_and_is_silent(self):
        fires, silent = set(), set()
        for _, test in given.cases():
            present = {given.series(row["series"])[0] for row in test["input_series"]}
            for check in test["alert_rule_test"]:
                wanted = given.root_metrics(given.alerts()[check["alertname"]]["expr"])
                if wanted <= present:
                    (fires if check["exp_alerts"] else silent).add(check["alertname"])
        alerts = set(given.alerts())
        self.assertEqual(alerts - fires, set(), "no test in which it fires")
        self.assertEqual(alerts - silent - {given.ALWAYS_FIRES}, set(), "no test in which it doesn't, with its metrics present")

    def test_series_have_the_labels_that_they_have_in_life(self):
        known = given.known_labels()
        for file, test in given.cases():
            for row in test["input_series"]:
                name, labels = given.series(row["series"])
                if name.startswith("shunt_"):
                    self.assertEqual(set(labels), known[name], f"{file}: {row['series']}")
                else:
                    self.assertLessEqual(known[name] - {"pool", "backend"}, set(labels), f"{file}: {row['series']}")

    def test_texts_are_filled_in(self):
        for file, test in given.cases():
            for check in test["alert_rule_test"]:
                for alert in check["exp_alerts"]:
                    for text in alert["exp_annotations"].values():
                        self.assertNotRegex(text, r"<|\{\{|NaN|%!", f"{file}: {check['alertname']}")


if __name__ == "__main__":
    unittest.main()
