#!/usr/bin/python3
"""A backend dies: its share moves to the others within fall × interval + timeout, and nobody else notices.

    client1 ── br0 ── backend1, backend2 (killed), backend3: nginx and shunt-echo
                │
               lb0 ┄ shuntd, health checks every 300 ms
"""

import json
import pathlib
import signal
import time

import harness
import traffic

FALL, INTERVAL, TIMEOUT = 2, 0.3, 0.3
BOUND = FALL * INTERVAL * 1.1 + TIMEOUT  # the interval's jitter is a tenth
SLACK = 1.0                              # for a machine that is busy with other tests


@harness.each_forward
class BackendDeath(harness.SmokeTest):
    def check_others_go_on(self, forward):
        bed = self.bed(forward, services={**harness.WEB, **harness.ECHO}, health=harness.HTTP_HEALTH)
        bed.serve_http()
        bed.serve_echo()
        bed.start()
        status_file = pathlib.Path(bed.topology.folder, "probe.json")
        probe = bed.probe("--target", f"{bed.vip}:7000", "--tcp", 300, "--udp", 30, "--interval", "200ms",
                          "--duration", "8s", "--status-file", status_file, "--expect-lost", "backend2")
        time.sleep(2)  # the probe's connections are open and in use
        self.assertEqual({answer.body for answer in self.requests(bed, 0.5)}, {"backend1", "backend2", "backend3"})

        probe.send_signal(signal.SIGUSR2)  # from now on connections of backend2 may end
        bed.topology.kill_host(bed.backends[1])
        killed = time.monotonic()
        answers = self.requests(bed, BOUND + SLACK + 1.5)
        late = [answer for answer in answers if answer.status != 200 and answer.start > killed + BOUND + SLACK]
        self.assertEqual(late, [], f"requests still failed {BOUND + SLACK:.1f} s after the death")
        after = {answer.body for answer in answers if answer.start > killed + BOUND + SLACK}
        self.assertEqual(after, {"backend1", "backend3"})
        self.assertEqual({entry["name"] for entry in bed.daemon.backends("down")}, {"backend2"})

        status, output = bed.finish_probe(probe)
        self.assertEqual(status, 0, output)
        report = json.loads(status_file.read_text(encoding="utf-8"))
        self.assertEqual(report["broken"], 0, output)
        self.assertGreater(report["ended_with_backend"], 0, output)  # the killed backend had connections

    @staticmethod
    def requests(bed, seconds):
        """One request after the other for so long, at most 500 a second, from ports that the kernel knows to be free."""
        answers, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            answers.append(traffic.http_get(bed.client.namespace, bed.vip, timeout=0.5))
            time.sleep(0.002)
        return answers


if __name__ == "__main__":
    harness.main()
