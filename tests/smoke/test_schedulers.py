#!/usr/bin/python3
"""The scheduler is switched over all its kinds while connections are opened and talk: none breaks.

    client1 ── 2,000 TCP connections, 100 UDP flows ── br0 ── backend1 … backend4
                                                        │
                                                       lb0 ┄ shuntd
"""

import json
import pathlib
import time

import harness

KINDS = ("round-robin", "least-connections", "rendezvous", "least-response-time", "source-hash", "maglev")
CONNECTIONS = 2000


@harness.each_forward
class Schedulers(harness.SmokeTest):
    def check_no_switch_breaks_a_connection(self, forward):
        bed = self.bed(forward, services=harness.ECHO, backends=4, health=None)
        bed.serve_echo()
        bed.start()
        status_file = pathlib.Path(bed.topology.folder, "probe.json")
        probe = bed.probe("--target", f"{bed.vip}:7000", "--tcp", CONNECTIONS, "--udp", 100, "--interval", "1s",
                          "--ramp", "3s", "--duration", "5s", "--status-file", status_file)
        time.sleep(0.3)
        for kind in KINDS:
            for service in bed.config["service"]:
                service["scheduler"] = kind
            bed.reload()
            shown = {service["scheduler"] for service in bed.daemon.ctl("services")["services"]}
            self.assertEqual(shown, {kind})
            time.sleep(0.5)
        status, output = bed.finish_probe(probe)
        self.assertEqual(status, 0, output)
        report = json.loads(status_file.read_text(encoding="utf-8"))
        self.assertEqual(report["broken"], 0, output)
        self.assertEqual(report["tcp"]["opened"], CONNECTIONS, output)


if __name__ == "__main__":
    harness.main()
