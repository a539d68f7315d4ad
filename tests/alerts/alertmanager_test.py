"""alertmanager.yml is valid, sends each alert where it should, and a real Alertmanager hides consequences behind their cause.

Skipped (77) where there is no amtool or Alertmanager. The Alertmanager here listens on 127.0.0.1 alone, and its routes lead to nobody:
only what it hides is asked. tests/smoke/test_alerts.py lets it send e-mail.
"""

import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import alert_rules as given
except ModuleNotFoundError as missing:  # PyYAML
    print(f"skipped: {missing}; Debian: python3-yaml")
    sys.exit(77)

CONFIG = given.ROOT / "configs/alertmanager/alertmanager.yml"
DAEMON = "prometheus-alertmanager"
DEADLINE = 30  # seconds

NODE = {"instance": "lb1:8080"}
WEB = {**NODE, "service": "web", "pool": "web"}
WEB_1 = {**NODE, "pool": "web", "backend": "web-1"}
ANOMALY = {"instance": "lb1:8090", "kpi": "failures"}
HOST_1 = {"instance": "10.0.0.11:9100", "pool": "web", "backend": "web-1"}

# Cause, what it hides, what it doesn't.
TREE = [
    (("ShuntDown", NODE),
     [("ShuntServiceDown", WEB), ("ShuntBackendDown", WEB_1), ("ShuntConfigReloadFailed", NODE), ("ShuntBackendSlow", {**WEB, "backend": "web-1"})],
     [("ShuntBackendDown", {**WEB_1, "instance": "lb2:8080"}), ("ShuntBackendCpuHigh", HOST_1), ("ShuntWatchdog", {})]),
    (("ShuntServiceDown", WEB),
     [("ShuntPoolDown", {**NODE, "pool": "web"}), ("ShuntPoolPanic", WEB), ("ShuntBackendDown", WEB_1), ("ShuntFlowsRefused", {**NODE, "service": "web"}),
      ("ShuntRetryStorm", {**NODE, "service": "web"}), ("ShuntAnomalyCritical", {**ANOMALY, "service": "web", "vip": "web"})],
     [("ShuntServiceDown", {**WEB, "service": "web-tls"}), ("ShuntBackendDown", {**WEB_1, "pool": "mail"}), ("ShuntHighFailureRatio", {**NODE, "service": "mail"}),
      ("ShuntPortLinkDown", {**NODE, "port": "net0"}), ("ShuntAnomalyCritical", {**ANOMALY, "service": "mail", "vip": "mail"}),
      ("ShuntAnomalyCritical", {**ANOMALY, "kpi": "up"})]),
    (("ShuntPoolDown", {**NODE, "pool": "web"}),
     [("ShuntPoolDegraded", {**NODE, "pool": "web"}), ("ShuntBackendDown", WEB_1)],
     [("ShuntHighFailureRatio", {**NODE, "service": "web"}), ("ShuntBackendDown", {**WEB_1, "instance": "lb2:8080"})]),
    (("ShuntBackendDown", WEB_1),
     [("ShuntBackendSlow", {**WEB, "backend": "web-1"}), ("ShuntBackendFlapping", WEB_1), ("ShuntSynRetransmitsHigh", {**WEB, "backend": "web-1"})],
     [("ShuntBackendSlow", {**WEB, "backend": "web-2"}), ("ShuntBackendDiskHigh", HOST_1), ("ShuntHighFailureRatio", {**NODE, "service": "web"})]),
    (("ShuntBackendHostDown", HOST_1),
     [("ShuntBackendDown", WEB_1), ("ShuntBackendDown", {**WEB_1, "instance": "lb2:8080"}), ("ShuntBackendDiskHigh", {**HOST_1, "mountpoint": "/"})],
     [("ShuntBackendDown", {**WEB_1, "backend": "web-2"}), ("ShuntBackendDiskHigh", {**HOST_1, "backend": "web-2"})]),
    (("ShuntErrorBudgetBurnFast", {**NODE, "service": "web"}),
     [("ShuntErrorBudgetBurnSlow", {**NODE, "service": "web"})], [("ShuntErrorBudgetBurnSlow", {**NODE, "service": "mail"})]),
    (("ShuntRestartLoop", NODE), [("ShuntNotReady", NODE)], [("ShuntNotReady", {"instance": "lb2:8080"})]),
]


class Alertmanager:
    """A real one on loopback, with the configuration as it is."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._folder = tempfile.TemporaryDirectory(prefix="shunt-alertmanager-")
        self._log = open(f"{self._folder.name}/log", "w+", encoding="utf-8")
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", DAEMON, f"--config.file={CONFIG}", f"--storage.path={self._folder.name}/data",
             f"--web.listen-address=127.0.0.1:{self._port}", "--cluster.listen-address="], stdout=self._log, stderr=self._log)
        try:
            self._wait(lambda: self.ask("GET", "/-/ready")[0] == 200)
        except BaseException:
            self.close()
            raise

    def _wait(self, condition):
        deadline = time.monotonic() + DEADLINE
        while True:
            if self._process.poll() is not None:
                self._log.seek(0)
                raise AssertionError(f"{DAEMON} ended: {self._log.read()}")
            try:
                value = condition()
            except OSError:
                value = None
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError("Alertmanager takes too long")
            time.sleep(0.02)

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def post(self, alerts):
        status, text = self.ask("POST", "/api/v2/alerts", [{"labels": labels} for labels in alerts])
        assert status == 200, text
        self._wait(lambda: all(labels in [alert["labels"] for alert in self.alerts()] for labels in alerts))

    def alerts(self):
        return json.loads(self.ask("GET", "/api/v2/alerts?unprocessed=true")[1])

    def hidden(self, cause, others):
        """Which of the others the cause hides. It learns of a cause some instants after it took it in: waits for the first one."""
        self.post([cause])
        self.post(others)
        return self._wait(lambda: [alert["labels"] for alert in self.alerts() if alert["status"]["inhibitedBy"]])

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        self._folder.cleanup()


def labelled(name, labels):
    return {"alertname": name, "severity": given.alerts()[name]["labels"]["severity"], **labels}


class Configuration(unittest.TestCase):
    def test_check_config(self):
        done = subprocess.run(["amtool", "check-config", str(CONFIG)], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(list(CONFIG.parent.glob("templates/*.tmpl"))), 2)

    def test_routes(self):
        """Each alert by its severity; the dead man's switch by its name."""
        receivers = {"critical": "oncall", "warning": "team", "info": "notes"}
        for name, rule in given.alerts().items():
            severity = rule["labels"]["severity"]
            wanted = "watchdog" if name == given.ALWAYS_FIRES else receivers[severity]
            done = subprocess.run(["amtool", "config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={wanted}",
                                   f"alertname={name}", f"severity={severity}", "instance=lb1:8080", "service=web", "pool=web"],
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout.strip().splitlines()[0]), (0, wanted), f"{name}: {done.stderr}")

    def test_inhibition_names_alerts_that_exist(self):
        names = set(given.alerts())
        for rule in given.read_yaml(CONFIG)["inhibit_rules"]:
            for matcher in rule["source_matchers"] + rule["target_matchers"]:
                hit = {name for name in names if matches(matcher, name)}
                self.assertTrue(hit and (hit < names), matcher)


def matches(matcher, name):
    _, operator, value = re.fullmatch(r'(alertname)(=~|!=|=)"(.*)"', matcher).groups()
    if operator == "=~":
        return re.fullmatch(value, name) is not None
    return (name == value) == (operator == "=")


class Tree(unittest.TestCase):
    def test_causes_hide_consequences_and_nothing_else(self):
        for cause, hidden, shown in TREE:
            with self.subTest(cause[0]):
                daemon = Alertmanager()
                try:
                    got = daemon.hidden(labelled(*cause), [labelled(*alert) for alert in (*hidden, *shown)])
                finally:
                    daemon.close()
                self.assertCountEqual(got, [labelled(*alert) for alert in hidden])

    def test_every_cause_is_in_the_tree(self):
        sources = {rule["source_matchers"][0].partition('"')[2].rstrip('"') for rule in given.read_yaml(CONFIG)["inhibit_rules"]}
        self.assertEqual(sources, {cause[0] for cause, _, _ in TREE})


if __name__ == "__main__":
    for program in ("amtool", DAEMON):
        if not shutil.which(program):
            print(f"skipped: no {program} here; Debian: prometheus-alertmanager")
            sys.exit(77)
    unittest.main()
