"""Dashboards are what their program writes, complete, and ask for metrics and labels that exist. tests/smoke/test_alerts.py asks them for data."""

import importlib.util
import json
import re
import sys
import unittest

try:
    import alert_rules as given
except ModuleNotFoundError as missing:  # PyYAML
    print(f"skipped: {missing}; Debian: python3-yaml")
    sys.exit(77)

FOLDER = given.ROOT / "configs/grafana"
UNITS = {"none", "short", "percentunit", "s", "ns", "ops", "pps", "bps", "bytes"}  # of Grafana's; others are mostly misspelt


def load():
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard):
    return [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]


def bare(expression):
    """Grafana's variables replaced, so that it is PromQL."""
    return re.sub(r"\$\w+", "x", expression.replace("$__rate_interval", "5m"))


class Dashboards(unittest.TestCase):
    def setUp(self):
        self.dashboards = load()

    def test_files_are_what_the_program_writes(self):
        spec = importlib.util.spec_from_file_location("generate", FOLDER / "generate.py")
        generate = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(generate)
        written = generate.dashboards()
        self.assertEqual(set(written), set(self.dashboards))
        for name, text in written.items():
            self.assertEqual((FOLDER / name).read_text(encoding="utf-8"), text, f"{name}: run configs/grafana/generate.py")

    def test_names(self):
        uids = [dashboard["uid"] for dashboard in self.dashboards.values()]
        self.assertEqual(sorted(uids), sorted(f"shunt-{name[:-5]}" for name in self.dashboards))
        self.assertEqual(len(self.dashboards), 6)
        for dashboard in self.dashboards.values():
            ids = [panel["id"] for panel in dashboard["panels"]]
            self.assertEqual(len(ids), len(set(ids)))
            self.assertTrue(dashboard["title"] and dashboard["description"])
            rows, section = {}, ""
            for panel in dashboard["panels"]:
                section = panel["title"] if panel["type"] == "row" else section
                rows.setdefault(section, []).append(panel["title"])
            for titles in rows.values():
                self.assertEqual(len(titles), len(set(titles)), titles)

    def test_panels_are_complete(self):
        for dashboard in self.dashboards.values():
            for panel in panels(dashboard):
                self.assertTrue(panel["title"] and panel["targets"] and all(target["expr"].strip() for target in panel["targets"]))
                self.assertRegex(panel["description"], r"^\S.{5,}\.$", panel["title"])
                self.assertIn(panel["fieldConfig"]["defaults"]["unit"], UNITS, panel["title"])
                refs = [target["refId"] for target in panel["targets"]]
                self.assertEqual(len(refs), len(set(refs)))
                if panel["type"] in ("timeseries", "state-timeline", "heatmap"):
                    self.assertTrue(all(target["legendFormat"] for target in panel["targets"]), panel["title"])

    def test_rows_have_panels(self):
        for dashboard in self.dashboards.values():
            kinds = [panel["type"] for panel in dashboard["panels"]] + ["row"]
            self.assertNotIn(("row", "row"), list(zip(kinds, kinds[1:])))

    def test_datasource_is_the_variable(self):
        for dashboard in self.dashboards.values():
            self.assertEqual([entry["name"] for entry in dashboard["templating"]["list"]][0], "datasource")
            for panel in panels(dashboard):
                for asked in (panel, *panel["targets"]):
                    self.assertEqual(asked["datasource"], {"type": "prometheus", "uid": "${datasource}"}, panel["title"])

    def test_places_fit(self):
        for dashboard in self.dashboards.values():
            taken = set()
            for panel in dashboard["panels"]:
                spot = panel["gridPos"]
                cells = {(x, y) for x in range(spot["x"], spot["x"] + spot["w"]) for y in range(spot["y"], spot["y"] + spot["h"])}
                self.assertFalse(cells & taken, panel["title"])
                self.assertTrue(0 <= spot["x"] and spot["x"] + spot["w"] <= 24)
                taken |= cells

    def test_variables_are_defined_and_used(self):
        for dashboard in self.dashboards.values():
            defined = {entry["name"] for entry in dashboard["templating"]["list"]} - {"datasource"}
            used = {name for expression in expressions(dashboard) for name in re.findall(r"\$(\w+)", expression)}
            self.assertEqual(used - {"__rate_interval"}, defined)

    def test_metrics_and_labels_exist(self):
        known, recorded = given.known_labels(), given.recordings()
        for dashboard in self.dashboards.values():
            for expression in map(bare, expressions(dashboard)):
                self.assertEqual(given.metrics_of(expression) - set(known) - set(recorded), set(), expression)
                allowed = set().union(*(known[name] for name in given.root_metrics(expression)))
                self.assertEqual(given.labels_in(expression) - allowed, set(), expression)

    def test_legends_name_labels_that_are_left(self):
        for dashboard in self.dashboards.values():
            for panel in panels(dashboard):
                for target in panel["targets"]:
                    wanted = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                    grouped = re.match(r"\s*(?:histogram_quantile\([\d.]+, )?(?:sum|max|min|avg|count) by \(([^)]*)\)", target["expr"])
                    if grouped:
                        self.assertLessEqual(wanted, {label.strip() for label in grouped[1].split(",")}, target["expr"])

    def test_every_metric_is_on_some_panel(self):
        shown = set().union(*(given.root_metrics(bare(expression)) for dashboard in self.dashboards.values() for expression in expressions(dashboard)))
        families = set().union(*map(given.documented_families, given.PROGRAMS))
        seen = {family for family in families if any(name in (family, family + "_bucket", family + "_count") for name in shown)}
        self.assertEqual(families - seen, set())

    def test_alerts_lead_to_dashboards_with_these_variables(self):
        variables = {dashboard["uid"]: {entry["name"] for entry in dashboard["templating"]["list"]} for dashboard in self.dashboards.values()}
        for name, rule in given.alerts().items():
            path, _, query = rule["annotations"]["dashboard_url"].partition("?")
            uid = path.rpartition("/")[2]
            self.assertIn(uid, variables, name)
            self.assertLessEqual(set(re.findall(r"var-(\w+)=", query)), variables[uid], name)


if __name__ == "__main__":
    unittest.main()
