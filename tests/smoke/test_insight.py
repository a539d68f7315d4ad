#!/usr/bin/python3
"""shunt-insight as a person meets it: every page in a real browser beside the API, a backend that dies, an operator's changes; and what is left
of it when it is killed, or when shuntd is.

    client1 ── shunt-traffic ── br0 ── backend1 (node_exporter), backend2, backend3 (some answers fail): shunt-test-backend; backend4: nothing
                                 │
                                lb0 ┄ shuntd ┄ flow records ┄ shunt-insight ── HTTP ── Chromium          in shuntd's namespace

Screenshots stay in BUILD/screenshots, or $SHUNT_SCREENSHOTS.
"""

import json
import os
import pathlib
import subprocess
import time

import browser
import harness
import traffic
from insight import COUNTRIES, URL, HostExporter, Insight, Load, Servers
from programs import ROOT, program, wait_until

SERVICES = {"web": ("tcp", 80), "echo": ("udp", 7000)}
HEALTH = {**harness.HTTP_HEALTH, "interval": "500ms", "timeout": "500ms", "fall": 2}
RATE = 60               # connections a second
DATAGRAMS = 2000        # a second, counted one by one
SECONDS = float(os.environ.get("SHUNT_VIEWER_SECONDS", 5))


def is_rich(frame):
    """Every kind of figure is in it: flows, times, failures, countries, a host's numbers, an incident, an alert."""
    backends = frame["backends"]
    return (frame["totals"]["flows"] > 0 and frame["totals"]["connect_p50_us"] is not None and frame["totals"]["failures"] > 0 and
            {one["country"] for one in frame["countries"]} >= set(COUNTRIES) and any(one["host"] for one in backends) and
            frame["incidents"] and frame["alerts"]["firing"] > 0)


def has_flows(frame):
    return frame["totals"]["flows"] > 0


class InsightTest(harness.SmokeTest):
    """A bed with servers, and a shunt-insight that isn't started yet; it ends before the bed does."""

    ALONE = True  # a browser takes a CPU, and no packet may be lost for want of one

    def start_bed(self, services=None, served=("web", "echo"), discovered=(), **sections):
        """discovered: names of the pools whose backends stand in a file of their own."""
        try:
            program("shunt-insight")
        except FileNotFoundError as error:
            self.skipTest(str(error))
        bed = self.bed("nat", services=services or SERVICES, health=HEALTH, backends=4)
        for service in bed.config["service"]:
            service["sample"] = 1
        for name in discovered:
            self.discover(bed, bed.pool(name))
        self.serving = bed.backends[:3]
        self.servers = Servers(bed, served, self.serving)
        bed.daemon.start(bed.config)
        wait_until(lambda: len(bed.daemon.backends("up")) == 3 * len(bed.services), 10, "three backends of each service up")
        self.insight = Insight(bed, **sections)
        self.addCleanup(self.insight.stop)
        of_bed = bed.evidence
        bed.evidence = lambda: f"{of_bed()}\n--- shunt-insight's log\n{self.insight.log()}"
        return bed

    @staticmethod
    def discover(bed, pool):
        path = pathlib.Path(bed.topology.folder, f"{pool['name']}.json")
        path.write_text(json.dumps({"backend": pool.pop("backend")}), encoding="utf-8")
        pool["discovery"] = {"type": "file", "path": str(path)}

    def rest(self, bed):
        """Nothing more is under way: accounts are compared in such moments."""
        self.insight.stop()
        for pool in bed.config["pool"]:
            pool["health"] = None
        bed.reload()


class Page(InsightTest):
    def setUp(self):
        super().setUp()
        if reason := browser.missing():
            self.skipTest(reason)

    def start_browser(self, bed):
        chromium = browser.Browser(bed.topology, URL)
        self.addCleanup(chromium.close)
        return chromium

    def start_traffic(self, bed, ready=is_rich):
        """What every page has something to show of: two services, three countries, failures, a backend's host, one that is down."""
        self.servers.set(bed.backends[2], "latency=lognormal:3ms,0.5 reset=0.05")
        HostExporter(bed, bed.backends[0])
        self.insight.start()
        self.loads = [Load(bed, "web", RATE), Load(bed, "echo", RATE / 2)]
        self.insight.wait_frame(ready, 45, "a frame that has what this test looks at")

    def end(self, bed, chromium):
        chromium.close()
        for load in self.loads:
            load.end()
        self.rest(bed)

    def test_figures(self):
        bed = self.start_bed(discovered=["echo"])
        self.start_traffic(bed)
        chromium = self.start_browser(bed)
        chromium.ask("figures")
        chromium.ask("tables")
        chromium.ask("deep_link", service="web")
        self.print_load(bed, chromium)
        self.end(bed, chromium)

    def print_load(self, bed, chromium):
        """How long pages take to appear, and how 50 viewers fare: nothing is asserted of times."""
        print("\n".join(chromium.ask("load")["lines"]), flush=True)
        done = subprocess.run(["nsenter", f"--net={bed.topology.lb.path}", ROOT / "scripts/viewers", URL, "--seconds", str(SECONDS), "--pid",
                               str(self.insight.pid)], capture_output=True, text=True, timeout=SECONDS + 40, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        print(done.stdout, flush=True)

    def test_for_everybody(self):
        """By keyboard alone, and for those who can't see it."""
        bed = self.start_bed()
        self.start_traffic(bed)
        chromium = self.start_browser(bed)
        chromium.ask("keyboard")
        chromium.ask("accessibility")
        self.end(bed, chromium)

    def test_pictures(self):
        bed = self.start_bed()
        self.start_traffic(bed)
        chromium = self.start_browser(bed)
        chromium.ask("screenshots", folder=str(browser.screenshots_folder()))
        self.end(bed, chromium)

    def test_killed_backend(self):
        bed = self.start_bed()
        self.start_traffic(bed, has_flows)
        chromium = self.start_browser(bed)
        victim = bed.backends[1]
        subject = {"service": "web", "pool": "web", "backend": victim.name}
        chromium.ask("watch", **subject, state="up")
        chromium.begin("seen", **subject, state="down", seconds=20)
        killed = time.time()
        bed.topology.kill_host(victim)
        told = wait_until(lambda: self.is_down(bed, victim) and time.time(), 10, "shuntd says that it is down")
        seen = chromium.answer("seen")
        print(", ".join(f"/{page} says so {at - killed:.2f} s after the kill, {at - told:.2f} s after shuntd" for page, at in seen["at"].items()),
              flush=True)
        self.servers.start(victim)
        chromium.ask("seen", **subject, state="up", seconds=20)
        self.end(bed, chromium)

    @staticmethod
    def is_down(bed, backend):
        return any(entry["name"] == backend.name and entry["pool"] == "web" and entry["state"] == "down"
                   for entry in bed.daemon.answer("backends")["backends"])

    def test_operator(self):
        bed = self.start_bed()
        self.insight.need_tokens("reader", "operator")
        self.start_traffic(bed, has_flows)
        chromium = self.start_browser(bed)
        subject = {"service": "web", "pool": "web", "backend": "backend1"}
        chromium.ask("must_sign_in", wrong="not a token")
        chromium.ask("sign_in", role="reader", token=self.insight.tokens["reader"])
        chromium.ask("reader_changes_nothing", **subject)
        self.assertEqual(self.backend(bed)["admin"], "enabled")
        anomaly = self.open_anomaly()
        chromium.ask("reader_accepts_nothing", anomaly=anomaly["id"])
        chromium.ask("sign_out")
        chromium.ask("sign_in", role="operator", token=self.insight.tokens["operator"])
        chromium.ask("drain", **subject)
        self.assertEqual(self.backend(bed)["admin"], "draining")
        chromium.ask("undrain", **subject)
        self.assertEqual(self.backend(bed)["admin"], "enabled")
        chromium.ask("weight", **subject, weight=7)
        self.assertEqual(self.backend(bed)["weight"], 7)
        chromium.ask("accept", anomaly=anomaly["id"])
        accepted = next(one for one in self.insight.answer("anomalies")["anomalies"] if one["id"] == anomaly["id"])
        self.assertIsNotNone(accepted["closed"])
        self.assertIn("accepted as expected", accepted["reason"])
        chromium.ask("sign_out")
        self.end(bed, chromium)

    def open_anomaly(self):
        """Of the backend on which nothing runs."""
        return next(one for one in self.insight.answer("anomalies?open=1")["anomalies"] if (one["service"], one["backend"]) == ("web", "backend4"))

    @staticmethod
    def backend(bed):
        return next(entry for entry in bed.daemon.answer("backends")["backends"] if (entry["pool"], entry["name"]) == ("web", "backend1"))


class Life(InsightTest):
    """No browser: what shunt-insight's end and shuntd's leave behind."""

    def test_killed_and_stopped(self):
        bed = self.start_bed(services={"web": ("tcp", 80), "udp": ("udp", 9000)}, served=["web"])
        self.insight.start()
        incident = wait_until(lambda: self.open_incidents(), 30, "an incident")[0]
        stream = traffic.UdpStream(bed.client, self.serving, bed.vip, 9000, DATAGRAMS, backend_port=harness.backend_port("nat", 9000))
        with stream:
            load = Load(bed, "web", RATE)
            begin = int(time.time()) - 10
            before = wait_until(lambda: self.some_seconds(begin), 20, "some seconds with flows")
            self.insight.kill()
            time.sleep(2)
            self.insight.start()
            self.assert_goes_on(begin, before)
            self.assertIn((incident["id"], incident["opened"]), [(one["id"], one["opened"]) for one in self.open_incidents()])
            self.insight.pause()
            time.sleep(3)
            self.insight.resume()
            resumed = time.time()
            self.insight.wait_frame(lambda frame: frame["t"] > resumed, 10, "frames after SIGCONT")
            report = load.end()
            stream.stop()
        self.assertEqual(stream.lost(), [], f"of {stream.sent}")
        self.assertEqual(stream.duplicates(), [])
        self.assertEqual(report["ok"], report["offered"] - report.get("unfinished", 0), report)
        self.rest(bed)

    def test_tokens_are_read_again(self):
        bed = self.start_bed(served=["web"])
        self.insight.need_tokens("reader")
        self.insight.start()
        old = self.insight.tokens["reader"]
        self.assertEqual(self.insight.get("/api/v1/info", old)[0], 200)
        self.insight.need_tokens("reader")
        new = self.insight.tokens["reader"]
        self.insight.reload()
        wait_until(lambda: self.insight.get("/api/v1/info", new)[0] == 200, 5, "the new token is known")
        self.assertEqual(self.insight.get("/api/v1/info", old)[0], 401)
        pathlib.Path(self.insight.config["api"]["token_file"]).write_text("nonsense\n", encoding="ascii")
        self.insight.reload()
        wait_until(lambda: "nothing has changed" in self.insight.log(), 5, "it says that the file is wrong")
        self.assertEqual(self.insight.get("/api/v1/info", new)[0], 200)
        self.rest(bed)

    def open_incidents(self):
        return self.insight.answer("incidents?open=1")["incidents"]

    def flows_by_second(self, begin):
        """{second: flows} as the warehouse and the live cells have it; without the newest two, which may not be over."""
        told = self.insight.answer(f"timeseries?from={begin}&to={begin + 120}&points=300&service=web")
        self.assertEqual(told["step"], 1)
        return {second: flows for second, flows in zip(told["t"], told["flows"]) if flows is not None and second < time.time() - 3}

    def some_seconds(self, begin):
        seconds = self.flows_by_second(begin)
        return seconds if sum(flows > 0 for flows in seconds.values()) >= 5 else None

    def assert_goes_on(self, begin, before):
        def has_more():
            after = self.flows_by_second(begin)
            return after if any(second > max(before) + 4 and flows > 0 for second, flows in after.items()) else None

        after = wait_until(has_more, 20, "seconds after the restart")
        kept = sorted(before)[:-2]  # a batch is written each second, so kill -9 may cost what wasn't written yet
        self.assertEqual({second: after.get(second) for second in kept}, {second: before[second] for second in kept})

    def test_shuntd_goes_and_comes(self):
        bed = self.start_bed(served=["web"])
        self.insight.start()
        self.insight.wait_frame(lambda frame: frame["nodes"][0]["state"] == "up", 10, "the node is up")
        self.send(bed, 200)
        wait_until(lambda: self.opened() == 200, 10, "200 flows counted")
        bed.daemon.stop()
        down = self.insight.wait_frame(lambda frame: frame["nodes"][0]["state"] == "down", 15, "the node is down")
        self.assertNotEqual(down["nodes"][0]["error"], "")
        self.assertEqual({one["state"] for one in down["backends"]}, {"unknown"})
        bed.daemon.start(bed.config)
        self.insight.wait_frame(lambda frame: frame["nodes"][0]["state"] == "up" and
                                [one["state"] for one in frame["backends"]].count("up") == 6, 15, "the node and its backends are up")
        self.send(bed, 300)
        wait_until(lambda: self.opened() == 500, 10, "500 flows counted")
        self.assertEqual(self.insight.answer("kpis?window=300&service=web")["totals"]["failed_flows"], 0)
        self.rest(bed)

    def send(self, bed, requests):
        done = subprocess.run(["nsenter", f"--net={bed.client.namespace.path}", program("shunt-traffic"), "--target", f"{bed.vip}:80", "--json",
                               "--quiet", "--requests", str(requests), "--concurrent", "10", "--ports", "20000-29999"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout)["ok"], requests)

    def opened(self):
        return self.insight.answer("kpis?window=300&service=web")["totals"]["opened"]


if __name__ == "__main__":
    harness.main()
