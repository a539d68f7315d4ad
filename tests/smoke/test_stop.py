#!/usr/bin/python3
"""SIGTERM and SIGINT end shuntd within a second, under traffic too, and remove what it made. Beside that: its log, read by a program.

    client1 ── UDP and HTTP ── br0 ── backend1, backend2, backend3
                                │
                               lb0 ┄ shuntd

Daemon.stop() is what asserts: status 0, in time, no interface, socket or route left.
"""

import datetime
import json
import signal
import time

import harness
import traffic


@harness.each_forward
class Stop(harness.SmokeTest):
    def check_under_traffic(self, forward):
        bed = self.bed(forward, services={**harness.WEB, "udp": ("udp", 9000)}, health=harness.HTTP_HEALTH)
        bed.serve_http()
        for number in (signal.SIGTERM, signal.SIGINT):
            bed.start()
            with traffic.UdpStream(bed.client, bed.backends, bed.vip, 9000, 2000,
                                   backend_port=harness.backend_port(forward, 9000)) as stream:
                harness.wait_until(lambda: stream.seen, 3, "packets arrive")
                self.assertEqual(bed.get().status, 200)
                bed.daemon.stop(number)

    def check_its_own_tap_goes(self, forward):
        bed = self.bed(forward, cable=False)
        bed.start()
        bed.daemon.stop()

    def test_a_users_tap_stays(self):
        bed = self.bed("l2")
        bed.topology.lb.ip("tuntap add dev shunt0 mode tap", "link set dev shunt0 up", "address add 10.9.0.1/24 dev shunt0")
        bed.start()
        bed.daemon.process.terminate()
        self.assertEqual(bed.daemon.process.wait(harness.STOP_LIMIT), 0)
        bed.daemon.process = None
        addresses = bed.topology.lb.run("ip", "-br", "address", "show", "dev", "shunt0")
        self.assertIn("10.9.0.1/24", addresses)
        self.assertNotIn("10.1.0.2", addresses)

    def test_the_log_is_json_from_start_to_stop(self):
        """Every line an object, DPDK's and a refused reload's with its several lines of text too; a reload changes the level."""
        bed = self.bed("l2")
        bed.config["log"] = {"level": "debug", "format": "json"}
        bed.start()
        good = dict(bed.config)
        bed.daemon.write({**good, "nod": {"name": "lb1"}})
        self.assertEqual(bed.daemon.shuntctl("reload").returncode, 78)
        bed.daemon.reload({**good, "log": {"level": "error", "format": "json"}})
        bed.daemon.stop()
        lines = [json.loads(line) for line in bed.daemon.log().splitlines()]
        for line in lines:
            self.assertEqual(list(line), ["time", "level", "area", "message"])
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            datetime.datetime.fromisoformat(line["time"])
        self.assertEqual({line["area"] for line in lines}, {"shuntd", "dpdk"})
        self.assertIn("debug", {line["level"] for line in lines})
        refused = [line for line in lines if line["level"] == "error"]
        self.assertEqual(len(refused), 1, refused)
        self.assertIn("unknown section `nod`", refused[0]["message"])
        self.assertIn("\n", refused[0]["message"])
        self.assertEqual(lines[-1]["level"], "error", "the last reload has silenced the rest")

    def test_during_start(self):
        """A signal that comes before shuntd is ready ends it as well."""
        for milliseconds in (0, 20, 50, 100, 150, 250, 400):
            with self.subTest(after=milliseconds):
                bed = self.bed("l2")
                bed.daemon.launch(bed.config)
                time.sleep(milliseconds / 1000)
                bed.daemon.process.terminate()
                status = bed.daemon.process.wait(harness.STOP_LIMIT)
                bed.daemon.process = None
                self.assertIn(status, (0, -signal.SIGTERM))  # the latter: before main() was reached
                bed.daemon.assert_nothing_left()
                bed.close()


if __name__ == "__main__":
    harness.main()
