#!/usr/bin/python3
"""shuntctl doctor, on a node that is set up right, and then isn't.

    client1 ── br0 ── lb0 ┄ shuntd;  backend1 ── br0
"""

import harness


class Doctor(harness.SmokeTest):
    def found(self, bed):
        """{(name, subject)} of what isn't a note."""
        findings = bed.daemon.ctl("doctor")["findings"]
        return {(finding["name"], finding["subject"]) for finding in findings if finding["gravity"] != "note"}

    def wait_for(self, bed, *wanted):
        harness.wait_until(lambda: self.found(bed) == set(wanted), 5, f"the findings are {wanted}, not {self.found(bed)}")

    def test_findings_come_and_go(self):
        bed = self.bed("l2", backends=1, health=harness.HTTP_HEALTH)
        bed.serve_http()
        bed.start()
        self.wait_for(bed)
        pool = bed.config["pool"][0]
        backend = pool["backend"][0]
        # Nobody has this address on the wire, and none of the kernel's routes leads to the other.
        absent = {**backend, "name": "absent", "address": "10.1.0.99"}
        lost = {**backend, "name": "lost", "address": "203.0.113.9"}
        pool["backend"] += [absent, lost]
        bed.daemon.reload(bed.config)
        subject = f"backend {pool['name']}/"
        self.wait_for(bed, ("no-neighbour", f"{subject}absent"), ("no-route", f"{subject}lost"))
        shown = bed.daemon.shuntctl("doctor").stdout
        self.assertIn("ip route add 203.0.113.9", shown)
        pool["backend"] = [backend]
        bed.daemon.reload(bed.config)
        self.wait_for(bed)
        bed.topology.lb.ip(f"address add {bed.vip}/32 dev lo")
        self.wait_for(bed, ("kernel-has-vip", f"VIP {bed.vip}"))
        bed.topology.lb.ip(f"address del {bed.vip}/32 dev lo")
        bed.backends[0].namespace.ip("link set dev eth0 down")
        harness.wait_until(lambda: ("nobody-up", f"service {pool['name']}") in self.found(bed), 5, "nobody is up")


if __name__ == "__main__":
    harness.main()
