#!/usr/bin/python3
"""Reloads under load lose nothing, and a file with errors changes nothing.

    client1 ── 10,000 numbered UDP packets a second ── br0 ── backend1, backend2, backend3: counted one by one
                                                        │
                                                       lb0 ┄ shuntd, 10 reloads a second
"""

import signal
import time

import harness
import traffic

RATE = 10_000
RELOADS = {"l2": 80, "ipip": 80, "nat": 200}  # ten a second
UDP = {"udp": ("udp", 9000)}


@harness.each_forward
class ReloadStorm(harness.SmokeTest):
    ALONE = True  # of 10,000 packets a second none may be lost for want of a CPU

    def loaded_bed(self, forward):
        bed = self.bed(forward, services=UDP)
        bed.start()
        return bed, traffic.UdpStream(bed.client, bed.backends, bed.vip, 9000, RATE,
                                      backend_port=harness.backend_port(forward, 9000))

    def assert_nothing_lost(self, bed, stream, seconds):
        queue = bed.topology.lb.counters("lb0")
        lost = stream.lost()
        self.assertEqual(len(lost), 0, f"of {stream.sent}; first {lost[:10]}; lb0: {queue}")
        self.assertEqual(stream.duplicates(), [])
        self.assertGreaterEqual(stream.sent, 0.9 * RATE * seconds)  # or the load wasn't what this test is about
        self.assertEqual(set(stream.by_backend), {backend.name for backend in bed.backends})

    def check_nothing_lost(self, forward):
        bed, stream = self.loaded_bed(forward)
        before = bed.daemon.ctl("status")["node"]["generation"]
        start = time.monotonic()
        with stream:
            for number in range(RELOADS[forward]):
                for backend, weight in zip(bed.pool("udp")["backend"], ((1, 1, 2), (2, 1, 1))[number % 2]):
                    backend["weight"] = weight
                if number % 4 < 2:
                    bed.reload()
                else:
                    bed.daemon.write(bed.config)
                    bed.daemon.process.send_signal(signal.SIGHUP)
                time.sleep(max(0, start + (number + 1) / 10 - time.monotonic()))
            seconds = time.monotonic() - start
        self.assert_nothing_lost(bed, stream, seconds)
        wanted = before + RELOADS[forward]
        harness.wait_until(lambda: bed.daemon.ctl("status")["node"]["generation"] == wanted, 2,
                           f"generation {wanted}, is {bed.daemon.ctl('status')['node']}")

    def check_a_bad_file_changes_nothing(self, forward):
        bed, stream = self.loaded_bed(forward)
        before = bed.daemon.ctl("status")["node"]["generation"]
        good = bed.daemon.config_file
        with open(good, encoding="utf-8") as file:
            text = file.read()
        bad = text.replace('protocol = "udp"', 'protocl = "udp"').replace('pool = "udp"', 'pool = "upd"')
        with stream:
            time.sleep(0.5)
            bed.daemon.write(bad)
            done = bed.daemon.shuntctl("reload")
            self.assertNotEqual(done.returncode, 0)
            for word in (f"{good}:", "protocl", "upd"):  # every error, with its place
                self.assertIn(word, done.stderr + done.stdout)
            bed.daemon.process.send_signal(signal.SIGHUP)
            harness.wait_until(lambda: bed.daemon.log().count("protocl") >= 2, 3, "both refusals are in the log")
            time.sleep(0.5)
        node = bed.daemon.ctl("status")["node"]
        self.assertEqual((node["generation"], node["last_reload"]["accepted"]), (before, False))
        self.assert_nothing_lost(bed, stream, 1)
        bed.reload()  # and the next good one is taken
        self.assertTrue(bed.daemon.ctl("status")["node"]["last_reload"]["accepted"])


if __name__ == "__main__":
    harness.main()
