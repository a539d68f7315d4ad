#!/usr/bin/python3
"""A backend is killed and e-mail says so; it comes back and e-mail says that; every query of every dashboard has data.

    client1 ── 20 requests a second ── br0 ── backend1, backend2, backend3: nginx; node_exporter on backend1
                                        │
                                       lb0 ┄ shuntd ── /metrics ── Prometheus (1 s) ── Alertmanager ── SMTP sink
                                        └┄ shunt-insight ── /metrics ──┘
                                                                   all in shuntd's namespace, on the files of configs/

nft makes what a healthy system doesn't show: SYNs to backend2 are lost for a second.

SHUNT_ALERT_ROUNDS=10 kills and mends that often, and prints how long it took from the kill to the e-mail.
"""

import itertools
import json
import os
import pathlib
import random
import re
import signal
import socket
import sys
import threading
import time

import harness
from alerting import Alerting, missing_programs
from insight import Insight
from programs import ROOT, wait_until

sys.path.append(str(ROOT / "tests/alerts"))

HEALTH = {**harness.HTTP_HEALTH, "interval": "500ms", "timeout": "500ms", "fall": 3}  # a busy machine is no fault
ROUNDS = int(os.environ.get("SHUNT_ALERT_ROUNDS", "1"))
VARIABLES = {"$__rate_interval": "1m", "$instance": ".*", "$insight": ".*", "$service": ".*", "$pool": ".*", "$backend": ".*"}

# What stays 0 where nothing is lost, full, cut or in panic.
STILL = {"shunt_packets_in_flight", "shunt_pool_panic", "shunt_nic_rx_missed_total", "shunt_flow_events_dropped_total", "shunt_series_dropped_total",
         "shunt_flows_unwatched_total", "shunt_flows_revived_total", "shunt_data_retransmits_total", "shunt_probation_entries",
         "shunt_discovery_unusable_entries", "shunt_active_flows",
         "shunt_insight_records_lost_total", "shunt_insight_rows_dropped_total", "shunt_insight_rows_queued", "shunt_insight_queries_failed_total",
         "shunt_insight_viewers", "shunt_insight_alerts_firing", "shunt_insight_loop_lag_seconds"}


class Requests:
    """Four clients, each with a request every 200 ms on a port of its own, and a datagram to a port of no service, until the end."""

    def __init__(self, bed):
        self._done = threading.Event()
        self._ports = itertools.count(20000)
        self._threads = [threading.Thread(target=self._run, args=(bed,)) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def _run(self, bed):
        with bed.client.namespace.inside():
            astray = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with astray:
            while not self._done.wait(0.2):
                bed.get(source=("", next(self._ports)), timeout=5)
                astray.sendto(b"x", (bed.vip, 9999))

    def close(self):
        self._done.set()
        for thread in self._threads:
            thread.join()


class Alerts(harness.SmokeTest):
    def start(self):
        bed = self.bed("nat", services={**harness.WEB, "udp": ("udp", 9000)}, health=HEALTH)
        bed.expect_drops(no_service=None)
        bed.config["service"][0].update(sample=1, timeouts={"syn": "2s"})
        hosts = pathlib.Path(bed.topology.folder, "udp.toml")
        hosts.write_text("".join(f'[[backend]]\naddress = "{backend.address}"\nport = 17000\n' for backend in bed.backends), encoding="utf-8")
        udp = bed.pool("udp")
        del udp["backend"]
        udp.update(health=None, discovery={"type": "file", "path": str(hosts)})
        bed.serve_http()
        bed.daemon.start(bed.config)
        wait_until(lambda: len(bed.daemon.backends("up")) >= 3, 10, "backends up")
        return bed

    def test_fault_to_mail_and_every_panel(self):
        if missing := missing_programs():
            self.skipTest(f"needs {', '.join(missing)}")
        signal.alarm(harness.TEST_LIMIT + 60 * (ROUNDS - 1))
        bed = self.start()
        insight = Insight(bed)
        insight.need_tokens("reader")
        insight.start()
        alerting = Alerting(bed, bed.backends[:1], insight)
        try:
            requests = Requests(bed)
            try:
                alerting.wait_ready()
                self.nothing_fires(alerting)
                self.lose_syns(bed.backends[1])
                for left in reversed(range(ROUNDS)):
                    self.kill_and_mend(bed, alerting, insight)
                    if left:  # Alertmanager forgets a group that is over within 30 s: then the next one waits group_wait again
                        time.sleep(random.uniform(31, 35))
                self.rules_are_well(alerting)
                self.page_has_what_is_documented("shuntd", bed.daemon.get("/metrics")[1])
                self.page_has_what_is_documented("shunt-insight", self.unusual)
                self.dashboards_have_data(alerting)
            finally:
                requests.close()
        except BaseException as error:
            error.add_note(alerting.evidence())
            raise
        finally:
            alerting.close()
            insight.stop()
        self.rest(bed)

    def nothing_fires(self, alerting):
        wait_until(lambda: alerting.query("service:shunt_flow_errors:ratio_rate5m >= 0"), 20, "recorded series")
        self.assertEqual(set(alerting.firing()), {("ShuntWatchdog", "")})

    @staticmethod
    def lose_syns(backend):
        """Clients' SYNs, not health checks', until one came again."""
        nft = backend.namespace.run
        nft("nft", "add table ip loss; add chain ip loss input { type filter hook input priority 0; };"
                   "add rule ip loss input ip saddr 10.1.0.0/24 ip saddr != 10.1.0.2 tcp flags & (syn | ack) == syn counter drop")

        def lost_some():
            found = re.search(r"counter packets (\d+)", nft("nft", "list", "table", "ip", "loss"))
            return int(found[1]) >= 8  # four clients' first SYNs, and these again

        wait_until(lost_some, 15, "SYNs are lost")
        nft("nft", "delete", "table", "ip", "loss")

    def kill_and_mend(self, bed, alerting, insight):
        victim = bed.backends[0]
        before = len(alerting.sink.mails())
        killed = time.monotonic()
        bed.topology.kill_host(victim)
        mail = alerting.mail("[WARNING]", "backend backend1 of pool web is down", after=before)
        if ROUNDS > 1:
            print(f"from the kill to the e-mail: {time.monotonic() - killed:.2f} s", flush=True)
        self.assertEqual(mail["To"], "team@example.net")
        for kind in ("plain", "html"):
            text = mail.get_body((kind,)).get_content()
            for words in ("https://docs.example.net/shunt/docs/runbooks/ShuntBackendDown.md",
                          "http://grafana.example.net:3000/d/shunt-backends?var-instance=127.0.0.1:8080&var-pool=web&var-backend=backend1",
                          "Services that use it: web.", "It gets no new flows"):
                self.assertIn(words, text.replace("&amp;", "&"))
        wait_until(lambda: alerting.query('shunt_anomaly_score{backend="backend1"}'), 20, "an anomaly")
        insight.answer("anomalies")  # a question to its warehouse
        self.unusual = insight.get("/metrics")[1]
        harness.start_nginx(bed.topology, victim, harness.backend_port(bed.forward, 80))
        mail = alerting.mail("[RESOLVED]", "backend backend1 of pool web is down", after=before)
        self.assertIn("RESOLVED", mail.get_body(("plain",)).get_content())

    def rules_are_well(self, alerting):
        rules = [rule for group in alerting.ask("rules")["groups"] for rule in group["rules"]]
        self.assertGreater(len(rules), 60)
        self.assertEqual({rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")}, {})

    def page_has_what_is_documented(self, program, page):
        """Families and labels; and whatever this run makes happen is counted: a rule on a figure that never moves is no rule."""
        import alert_rules  # needs python3-yaml
        labels, sums = {}, {}
        for line in page.splitlines():
            if match := re.fullmatch(r"(shunt_\w+)(\{.*\})? (\S+)", line):
                labels.setdefault(match[1], set()).update(re.findall(r'(\w+)="', match[2] or ""))
                sums[match[1]] = sums.get(match[1], 0) + float(match[3])
        self.assertEqual(labels, {name: wanted for name, (_, wanted) in alert_rules.documented_metrics(program).items()})
        self.assertLessEqual({name for name, value in sums.items() if value == 0}, STILL)

    def dashboards_have_data(self, alerting):
        dashboards = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "configs/grafana").glob("*.json"))]
        asked = {target["expr"] for dashboard in dashboards for panel in dashboard["panels"] for target in panel.get("targets", [])}
        self.assertGreater(len(asked), 100)
        empty = set(asked)

        def has_data(expression):
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            return any(row["value"][1] != "NaN" for row in alerting.query(expression))

        def all_have():
            empty.difference_update([expression for expression in sorted(empty) if has_data(expression)])
            return not empty

        try:
            wait_until(all_have, 20, "data for every query")
        except AssertionError:
            self.fail("queries without data:\n" + "\n".join(sorted(empty)))
        for dashboard in dashboards:
            for entry in dashboard["templating"]["list"][1:]:
                inside, label = re.fullmatch(r"label_values\((.*), (\w+)\)", entry["definition"]).groups()
                for name, value in VARIABLES.items():
                    inside = inside.replace(name, value)
                self.assertTrue(alerting.ask(f"label/{label}/values", **{"match[]": inside}), entry["definition"])

    @staticmethod
    def rest(bed):
        """No more checks: accounts are compared when nothing is under way."""
        for pool in bed.config["pool"]:
            pool["health"] = None
        bed.reload()


if __name__ == "__main__":
    harness.main()
