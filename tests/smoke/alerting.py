"""The real Prometheus (the laboratory's 1 s), Alertmanager and node_exporter, on the files of configs/ as a site would edit them."""

import contextlib
import http.client
import json
import pathlib
import re
import shutil
import urllib.parse

from mail_sink import MailSink
from programs import ROOT, wait_until

PROGRAMS = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter")
SHUNTD = "127.0.0.1:8080"  # as targets/shunt.yml has it


def missing_programs():
    return [name for name in PROGRAMS if not shutil.which(name)]


class Alerting:
    """In the namespace of shuntd; node_exporters on the backends that are named. close() ends them before shuntd's accounts are read.

    `insight` (insight.Insight) wants a reader's token.
    """

    def __init__(self, bed, watched, insight):
        self._bed, self._lb, self._folder = bed, bed.topology.lb, bed.topology.folder
        self.sink = MailSink(self._lb, self._folder, "alerts@example.net", "a password")
        self._processes = [self._start(backend.namespace, "prometheus-node-exporter", f"--web.listen-address={backend.address}:9100",
                                       "--collector.disable-defaults", "--collector.cpu", "--collector.meminfo", "--collector.filesystem",
                                       "--collector.netstat", "--collector.netdev") for backend in watched]
        self._processes.append(self._start(
            self._lb, "prometheus-alertmanager", f"--config.file={self._alertmanager_file()}", f"--storage.path={self._folder}/alertmanager-data",
            "--web.listen-address=127.0.0.1:9093", "--cluster.listen-address="))
        self._processes.append(self._start(
            self._lb, "prometheus", f"--config.file={self._prometheus_file(watched, insight)}", f"--storage.tsdb.path={self._folder}/prometheus-data",
            "--web.listen-address=127.0.0.1:9090"))

    def _start(self, namespace, program, *words):
        with open(f"{self._folder}/{program}.log", "ab") as log:
            return self._bed.topology.start(namespace, [program, *words], log)

    def _prometheus_file(self, watched, insight):
        """configs/prometheus, with the backends' hosts, shunt-insight and its token filled in."""
        folder = pathlib.Path(self._folder, "prometheus")
        shutil.copytree(ROOT / "configs/prometheus", folder)
        pools = [pool["name"] for pool in self._bed.config["pool"]][:1]
        hosts = [{"targets": [f"{backend.address}:9100"], "labels": {"pool": pool, "backend": backend.name}} for backend in watched for pool in pools]
        (folder / "targets/backends.yml").write_text(json.dumps(hosts), encoding="utf-8")  # JSON is YAML
        (folder / "targets/insight.yml").write_text(json.dumps([{"targets": insight.config["api"]["listen"]}]), encoding="utf-8")
        (folder / "insight_token").write_text(insight.tokens["reader"], encoding="utf-8")
        text, count = re.subn("# authorization:", "authorization:", (folder / "prometheus-lab.yml").read_text(encoding="utf-8"))
        assert count == 1, "prometheus-lab.yml has no line for a token"
        (folder / "prometheus-lab.yml").write_text(text, encoding="utf-8")
        return folder / "prometheus-lab.yml"

    def _alertmanager_file(self):
        """configs/alertmanager with the sink as server; what changes in a group is told after 2 s instead of 30."""
        folder = pathlib.Path(self._folder, "alertmanager")
        shutil.copytree(ROOT / "configs/alertmanager", folder)
        (folder / "password").write_text(self.sink.password, encoding="utf-8")
        text = (folder / "alertmanager.yml").read_text(encoding="utf-8")
        for pattern, to in ((r"mail\.example\.net:587", f"localhost:{MailSink.PORT}"), (r"/etc/prometheus/smtp_password", f"{folder}/password"),
                            (r"group_interval: 30s", "group_interval: 2s"),
                            (r"(?m)^( +)send_resolved:", rf"\1tls_config: {{ca_file: {self.sink.certificate}}}\n\1send_resolved:")):
            text, count = re.subn(pattern, to, text)
            assert count, f"alertmanager.yml has no {pattern}"
        (folder / "alertmanager.yml").write_text(text, encoding="utf-8")
        return folder / "alertmanager.yml"

    # ---- asking Prometheus

    def ask(self, path, **words):
        """`data` of Prometheus' answer; AssertionError if it objects."""
        with self._lb.inside():
            connection = http.client.HTTPConnection("127.0.0.1", 9090, timeout=10)
            connection.connect()
        with contextlib.closing(connection):
            connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(words, doseq=True)}")
            answer = json.loads(connection.getresponse().read())
        assert answer["status"] == "success", f"{words}: {answer}"
        return answer["data"]

    def query(self, expression):
        return self.ask("query", query=expression)["result"]

    def wait_ready(self):
        def all_up():
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                targets = self.ask("targets")["activeTargets"]
                return len(targets) >= 5 and all(target["health"] == "up" for target in targets)
        wait_until(all_up, 30, "Prometheus reads all its targets")

    def firing(self):
        """{(alert, backend or service or ""): labels} of what fires."""
        return {(alert["labels"]["alertname"], alert["labels"].get("backend") or alert["labels"].get("service") or ""): alert
                for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def mail(self, *words, after=0):
        """Waits for an e-mail with all these words in its subject."""
        def found():
            return next((mail for mail in self.sink.mails()[after:] if all(word in mail["Subject"] for word in words)), None)
        return wait_until(found, 45, f"an e-mail with {words}")

    def close(self):
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(10)
        self.sink.close()

    def evidence(self):
        parts = [f"--- {program}\n{pathlib.Path(self._folder, program + '.log').read_text(encoding='utf-8')[-2000:]}" for program in PROGRAMS[:2]]
        return "\n".join([*parts, "--- e-mails", *(mail["Subject"] for mail in self.sink.mails())])
