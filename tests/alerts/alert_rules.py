"""What the rules, their tests and the dashboards say, and which metrics there are: read for the tests of this folder."""

import functools
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "configs/prometheus"
RULES = PROMETHEUS / "rules"
CASES = ROOT / "tests/alerts/cases"
RUNBOOKS = ROOT / "docs/runbooks"
ALWAYS_FIRES = "ShuntWatchdog"
PROGRAMS = ("shuntd", "shunt-insight")

# Of other programs: what the rules may name, with the labels that they look at.
FOREIGN = {
    "up": set(),
    "node_cpu_seconds_total": {"pool", "backend", "cpu", "mode"},
    "node_memory_MemAvailable_bytes": {"pool", "backend"},
    "node_memory_MemTotal_bytes": {"pool", "backend"},
    "node_filesystem_avail_bytes": {"pool", "backend", "device", "fstype", "mountpoint"},
    "node_filesystem_size_bytes": {"pool", "backend", "device", "fstype", "mountpoint"},
    "node_netstat_TcpExt_ListenOverflows": {"pool", "backend"},
    "node_network_receive_bytes_total": {"pool", "backend", "device"},
    "node_network_transmit_bytes_total": {"pool", "backend", "device"},
    "prometheus_rule_evaluation_failures_total": {"rule_group"},
    "prometheus_rule_group_last_duration_seconds": {"rule_group"},
    "alertmanager_notifications_failed_total": {"integration"},
    "alertmanager_notifications_total": {"integration"},
    "scrape_duration_seconds": set(),
    "ALERTS": {"alertname", "alertstate", "severity", "pool", "backend", "service"},
}

_WORDS = {"by", "on", "and", "or", "unless", "without", "ignoring", "group_left", "group_right", "bool", "offset", "inf", "nan"}


def read_yaml(path):
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.CSafeLoader)


@functools.cache
def rules():
    """Every rule of every file, as a dict."""
    return [rule for path in sorted(RULES.glob("*.yml")) for group in read_yaml(path)["groups"]
            for rule in group["rules"]]


@functools.cache
def alerts():
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


@functools.cache
def recordings():
    return {rule["record"]: rule for rule in rules() if "record" in rule}


def metrics_of(expression):
    """The names of metrics in a PromQL expression: neither functions nor labels."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    bare = re.sub(r"\{[^}]*\}", "", bare)
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    names = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\w|\s*\()", bare)
    return {name for name in names if name not in _WORDS}


def root_metrics(expression, known=None):
    """The same, with recorded series replaced by what they are made of."""
    known = known or recordings()
    found = set()
    for name in metrics_of(expression):
        found |= root_metrics(known[name]["expr"], known) if name in known else {name}
    return found


def labels_in(expression):
    """Labels that an expression selects, groups or matches by."""
    found = set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', expression))
    for inside in re.findall(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)", expression):
        found |= {label.strip() for label in inside.split(",") if label.strip()}
    return found


@functools.cache
def documented_metrics(program="shuntd"):
    """{name: (type, labels)} of a program's in docs/metrics.md, histograms and summaries by the names of their series."""
    found = {}
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    shuntd, insight = page.split("\n## shunt-insight\n")
    for line in {"shuntd": shuntd, "shunt-insight": insight}[program].splitlines():
        row = re.match(r"\| `(shunt_\w+)` \| (\w+) \| ([^|]*)\|", line)
        if not row:
            continue
        name, kind, labels = row[1], row[2], set(re.findall(r"`(\w+)`", row[3]))
        if kind in ("histogram", "summary"):
            found[name + "_sum"] = found[name + "_count"] = (kind, labels)
            if kind == "histogram":
                found[name + "_bucket"] = (kind, labels | {"le"})
        else:
            found[name] = (kind, labels)
    return found


def documented_families(program):
    return {re.sub("_(sum|count|bucket)$", "", name) if kind in ("histogram", "summary") else name
            for name, (kind, _) in documented_metrics(program).items()}


def families_in_code(program):
    """Names of the metric families that a program's sources make."""
    sources = sorted((ROOT / {"shuntd": "control", "shunt-insight": "insight/api"}[program]).glob("*metrics*.cc"))
    return {name for path in sources for name in re.findall(r'"(shunt_[a-z_]+)"', path.read_text(encoding="utf-8"))}


@functools.cache
def known_labels():
    """{name: labels} of everything that a rule or a panel may name, recorded series apart; `instance` and `job` come with a scrape."""
    own = {name: labels for program in PROGRAMS for name, (_, labels) in documented_metrics(program).items()}
    return {name: labels | {"instance", "job"} for name, labels in {**own, **FOREIGN}.items()}


@functools.cache
def cases():
    """(file, test) of every promtool test."""
    return [(path.name, test) for path in sorted(CASES.glob("*.yml")) for test in read_yaml(path)["tests"]]


def series(text):
    """(name, labels) of a series as promtool writes it."""
    name, _, inside = text.partition("{")
    return name, dict(re.findall(r'(\w+)="([^"]*)"', inside))
