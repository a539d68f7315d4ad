#!/usr/bin/python3
"""Backends come and go; connections of those that stay don't notice.

    client1 ── br0 ── backend1, backend2, backend3: stay; backend4, backend5: added and removed 50 times
                │
               lb0 ┄ shuntd

The probe opens its connections while the changes have begun, so some start on backends that are then removed: those are
drained, their servers run on, and they may not break either.
"""

import json
import pathlib
import time

import harness

CHANGES = 50
CONNECTIONS = 2000


@harness.each_forward
class BackendChurn(harness.SmokeTest):
    def check_connections_stay(self, forward):
        bed = self.bed(forward, services=harness.ECHO, backends=5, health=None)
        bed.serve_echo()
        bed.start()
        status_file = pathlib.Path(bed.topology.folder, "probe.json")
        probe = bed.probe("--target", f"{bed.vip}:7000", "--tcp", CONNECTIONS, "--udp", 100, "--interval", "1s",
                          "--ramp", "3s", "--duration", "17s", "--status-file", status_file)
        full = {pool["name"]: pool["backend"] for pool in bed.config["pool"]}
        time.sleep(0.5)
        for change in range(CHANGES):
            for count in (3, 4 + change % 2):  # without both, then with one or two of them
                for pool in bed.config["pool"]:
                    pool["backend"] = full[pool["name"]][:count]
                bed.reload()
        status, output = bed.finish_probe(probe)
        self.assertEqual(status, 0, output)
        report = json.loads(status_file.read_text(encoding="utf-8"))
        self.assertEqual(report["broken"], 0, output)
        self.assertEqual(report["tcp"]["opened"], CONNECTIONS, output)
        owners = {name: counts["connections"] for name, counts in report["tcp"]["backends"].items()}
        for backend in bed.backends[:3]:
            self.assertGreater(owners.get(backend.name, 0), 0, output)
        self.assertGreater(owners.get("backend4", 0) + owners.get("backend5", 0), 0, output)


if __name__ == "__main__":
    harness.main()
