#!/usr/bin/python3
"""What flows tell, as shuntctl, the API and /metrics show it: what clients did, no more and no less.

    client1 ── requests, resets ──────────── br0 ── backend1, backend2: nginx on 80 (nat: 8080),
            ── a closed port (81)             │     nobody on 81, nft drops what comes for 82
            ── SYNs that nft drops (82)      lb0 ┄ shuntd
"""

import json
import re
import shutil
import socket
import struct
import subprocess
import time

import harness
import traffic
from programs import wait_until
from test_metrics import samples, total

REQUESTS = 12
RESETS = 4
CLOSED = 5
SILENT = 3
SERVICES = {"web": ("tcp", 80), "closed": ("tcp", 81), "silent": ("tcp", 82)}
SCRAPERS = 200


def without(counts):
    """Only what isn't zero."""
    return {name: count for name, count in counts.items() if count}


@harness.each_forward
class FlowViews(harness.SmokeTest):
    def connect(self, bed, port, timeout):
        with bed.client.namespace.inside():
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        connection.connect((bed.vip, port))
        return connection

    def open_bed(self, forward):
        bed = self.bed(forward, services=SERVICES, backends=2)
        for service in bed.config["service"]:
            service["sample"] = 1
            service["timeouts"] = {"syn": "3s"}
        bed.serve_http()
        silent = harness.backend_port(forward, 82)
        for backend in bed.backends:
            backend.namespace.run("nft", "-f", "-", text_input=f"""
                table inet shunt {{
                  counter syns {{ }}
                  chain input {{ type filter hook input priority 0; tcp dport {silent} counter name syns drop; }}
                }}""")
        bed.start()
        return bed

    def syns_dropped(self, bed):
        listed = [backend.namespace.run("nft", "list", "counter", "inet", "shunt", "syns") for backend in bed.backends]
        return sum(int(re.search(r"packets (\d+)", text)[1]) for text in listed)

    def make_traffic(self, bed):
        answers = traffic.http_many([bed.client], bed.vip, REQUESTS)
        self.assertEqual({answer.status for answer in answers}, {200})
        for _ in range(RESETS):
            connection = self.connect(bed, 80, 3)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        for _ in range(CLOSED):
            with self.assertRaises(ConnectionRefusedError):
                self.connect(bed, 81, 3)
        with bed.client.namespace.inside():
            silent = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(SILENT)]
        for connection in silent:
            connection.setblocking(False)
            connection.connect_ex((bed.vip, 82))
        time.sleep(1.5)  # the kernel repeats a SYN after a second
        for connection in silent:
            connection.close()

    def wanted(self, forward):
        """Outcomes by service. Elsewhere than in nat a backend's RST doesn't pass, so the client is just not heard again."""
        refused = "reset_by_server" if forward == "nat" else "syn_timeout"
        return {"web": {"closed": REQUESTS, "reset_by_client": RESETS}, "closed": {refused: CLOSED},
                "silent": {"syn_timeout": SILENT}}

    def check_views(self, forward):
        bed = self.open_bed(forward)
        self.make_traffic(bed)
        wanted = self.wanted(forward)

        def outcomes():
            return {service["name"]: without(service["outcomes"]) for service in bed.daemon.ctl("outcomes")["services"]}

        deadline = time.monotonic() + 15
        while outcomes() != wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(outcomes(), wanted)
        self.assert_outcomes(bed, forward)
        self.assert_latency(bed, forward)
        self.assert_flows(bed, forward)
        time.sleep(0.2)  # a page may be as old as ten times what it took
        self.assert_metrics(bed, wanted)
        for words in (("outcomes",), ("latency",), ("flows",), ("flows", "--failed", "closed", "--limit", "7")):
            shown = bed.daemon.shuntctl(*words)
            self.assertEqual(shown.returncode, 0, shown.stderr)
            self.assertRegex(shown.stdout, "backend[12]")
        self.assertEqual(bed.daemon.shuntctl("flows", "nobody").returncode, 1)

    def assert_outcomes(self, bed, forward):
        services = {service["name"]: service for service in bed.daemon.ctl("outcomes")["services"]}
        repeated = self.syns_dropped(bed) - SILENT
        self.assertGreaterEqual(repeated, SILENT)
        self.assertEqual(services["silent"]["syn_retransmits"], repeated)
        self.assertEqual(services["silent"]["syn_gaps"]["count"], repeated)
        self.assertGreater(services["silent"]["syn_gaps"]["p50"], 0.9)
        self.assertEqual(services["web"]["syn_retransmits"], 0)
        if forward == "nat":  # each of the others came right after a failure that shunt saw
            self.assertEqual(services["closed"]["reconnects"], CLOSED - 1)
            self.assertEqual(services["closed"]["reconnect_gaps"]["count"], CLOSED - 1)
        self.assertEqual(services["web"]["watched"], REQUESTS + RESETS)
        for service in services.values():
            summed = {name: sum(backend["outcomes"][name] for backend in service["backends"]) for name in service["outcomes"]}
            self.assertEqual(summed, service["outcomes"])
        only = bed.daemon.ctl("outcomes", "silent")["services"]
        self.assertEqual([service["name"] for service in only], ["silent"])

    def assert_latency(self, bed, forward):
        connect, response = ("synack", "ttfb") if forward == "nat" else ("ack", "inband")
        backends = bed.daemon.ctl("latency", "web")["backends"]
        self.assertEqual({backend["connect"]["method"] for backend in backends}, {connect})
        self.assertEqual({backend["response"]["method"] for backend in backends}, {response})
        self.assertEqual(sum(backend["connect"]["count"] for backend in backends), REQUESTS + RESETS)
        if forward == "nat":
            self.assertEqual(sum(backend["response"]["count"] for backend in backends), REQUESTS)
        for backend in backends:
            times = backend["connect"]
            if times["count"]:
                self.assertTrue(0 < times["p50"] <= times["p90"] <= times["p95"] <= times["p99"] <= times["p99.9"] < 3)
                self.assertLessEqual(times["p50"] * times["count"] / 2.1, times["sum"])

    def assert_flows(self, bed, forward):
        failed = bed.daemon.ctl("flows", "--failed", "--limit", "2000")["flows"]
        self.assertEqual(len(failed), CLOSED + SILENT)
        self.assertEqual({flow["client"] for flow in failed}, {bed.client.address})
        self.assertLessEqual({flow["backend"] for flow in failed}, {backend.name for backend in bed.backends})
        self.assertEqual(sorted(flow["service"] for flow in failed), ["closed"] * CLOSED + ["silent"] * SILENT)
        self.assertEqual([flow["ended"] for flow in failed], sorted((flow["ended"] for flow in failed), reverse=True))
        silent = bed.daemon.ctl("flows", "--failed", "silent")["flows"]
        self.assertEqual(sum(flow["syn_retransmits"] for flow in silent), self.syns_dropped(bed) - SILENT)
        self.assertEqual({flow["outcome"] for flow in silent}, {"syn_timeout"})
        if forward == "nat":
            attempts = [flow["attempt"] for flow in bed.daemon.ctl("flows", "closed")["flows"]]
            self.assertEqual(attempts, list(range(CLOSED, 0, -1)))
        newest = bed.daemon.ctl("flows", "--limit", "1")["flows"]
        self.assertEqual(len(newest), 1)
        web = [flow for flow in bed.daemon.ctl("flows", "web", "--limit", "2000")["flows"] if flow["sampled"]]
        for flow in web:
            self.assertEqual(flow["protocol"], "tcp")
            self.assertGreater(flow["packets"], 2)
        status, body = bed.daemon.get("/api/v1/flows?failed=true&service=closed&limit=2")
        self.assertEqual((status, len(json.loads(body)["flows"])), (200, 2))
        self.assertEqual(bed.daemon.get("/api/v1/flows?limit=many")[0], 400)

    def assert_metrics(self, bed, wanted):
        text = bed.daemon.get("/metrics")[1]
        page = samples(text)
        for service, outcomes in wanted.items():
            self.assertEqual(total(page, "shunt_flows_closed_total", service=service), outcomes.get("closed", 0), service)
            failures = sum(count for name, count in outcomes.items() if name != "closed")
            self.assertEqual(total(page, "shunt_flow_failures_total", service=service), failures, service)
            for name in outcomes.keys() - {"closed"}:
                self.assertEqual(total(page, "shunt_flow_failures_total", service=service, reason=name), outcomes[name])
        repeated = self.syns_dropped(bed) - SILENT
        self.assertEqual(total(page, "shunt_syn_retransmits_total"), repeated)
        self.assertEqual(total(page, "shunt_retry_gap_seconds_count", kind="syn"), repeated)
        self.assertEqual(total(page, "shunt_connect_duration_seconds_count", service="web"), REQUESTS + RESETS)
        self.assertEqual(total(page, "shunt_connect_duration_seconds_bucket", service="web", le="+Inf"), REQUESTS + RESETS)
        self.assertEqual(total(page, "shunt_flow_events_dropped_total"), 0)
        self.assertEqual(total(page, "shunt_series_dropped_total"), 0)
        self.assertGreaterEqual(total(page, "shunt_flow_records_total"), CLOSED + SILENT)
        if promtool := shutil.which("promtool"):
            done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=20, check=False)
            self.assertEqual((done.returncode, done.stderr, done.stdout), (0, "", ""))


class Scrapers(harness.SmokeTest):
    def scrape(self, bed):
        """All ask before the first answer is read: how many got a whole page."""
        connections = []
        for _ in range(SCRAPERS):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(bed.daemon.socket)  # waits while the backlog is full
            connection.settimeout(10)
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            connections.append(connection)
        whole = 0
        for connection in connections:
            with connection:
                text = b"".join(iter(lambda: connection.recv(1 << 20), b""))
            whole += text.startswith(b"HTTP/1.1 200") and b"\nshunt_series_dropped_total 0\n" in text
        return whole

    def test_two_hundred_scrapers_cost_no_packet(self):
        bed = self.bed("l2", services={"udp": ("udp", 9000)}, backends=2)
        bed.start()
        with traffic.UdpStream(bed.client, bed.backends, bed.vip, 9000, rate=2_000) as stream:
            wait_until(lambda: stream.sent > 1_000, 10, "packets are on their way")
            whole = [self.scrape(bed) for _ in range(5)]
            before = stream.sent
            wait_until(lambda: stream.sent > before + 1_000, 10, "packets go on")
            stream.stop()
        self.assertEqual(whole, [SCRAPERS] * 5)
        self.assertEqual((stream.lost(), stream.duplicates()), ([], []))
        packets = total(samples(bed.daemon.get("/metrics")[1]), "shunt_packets_total", service="udp")
        self.assertEqual(packets, stream.sent)


if __name__ == "__main__":
    harness.main()
