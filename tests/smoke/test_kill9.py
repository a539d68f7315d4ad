#!/usr/bin/python3
"""kill -9 leaves nothing that stops the next start, which adopts what is there.

    client1 ── br0 ── backend1, backend2, backend3: nginx
                │
               lb0 ┄ shuntd, killed and started again
"""

import json

import harness


@harness.each_forward
class Kill9(harness.SmokeTest):
    def interface_index(self, bed, name):
        return json.loads(bed.topology.lb.run("ip", "-j", "link", "show", "dev", name))[0]["ifindex"]

    def routes(self, bed):
        return sorted(bed.topology.lb.run("ip", "route", "show", "table", "all").splitlines())

    def assert_serves(self, bed):
        harness.wait_until(lambda: bed.get(timeout=0.5).status == 200, 3, "an answered request")

    def check_starts_again(self, forward):
        bed = self.bed(forward, health=harness.HTTP_HEALTH)
        bed.serve_http()
        bed.start()
        self.assert_serves(bed)
        index, routes = self.interface_index(bed, "shunt0"), self.routes(bed)
        bed.expect_drops(no_neighbour=None)  # old connections' last packets may come before the first MAC is known
        for _ in range(3):
            bed.daemon.kill()
            bed.start()
            self.assertEqual(self.interface_index(bed, "shunt0"), index, "shunt0 was made anew")
            self.assertEqual(self.routes(bed), routes)
            self.assert_serves(bed)

    def check_starts_again_with_its_own_tap(self, forward):
        bed = self.bed(forward, cable=False, health=harness.HTTP_HEALTH)
        bed.serve_http()
        for _ in range(2):
            bed.start()
            self.assert_serves(bed)
            bed.daemon.kill()
            bed.expect_drops(no_neighbour=None)  # old connections' last packets may come before the first MAC is known
        bed.start()

    def test_a_changed_configuration_takes_the_leftovers(self):
        """What the killed process had made for VIPs and addresses that are gone by now is removed."""
        bed = self.bed("l2", health=harness.HTTP_HEALTH)
        bed.serve_http()
        bed.start()
        bed.daemon.kill()
        bed.expect_drops(no_neighbour=None)
        bed.config["service"][0]["address"] = bed.vip = "10.1.0.140"
        bed.config["port"][0]["addresses"][0] = "10.1.0.3/24"
        for backend in bed.backends:
            backend.namespace.ip("address add 10.1.0.140/32 dev lo")
        bed.start()
        self.assert_serves(bed)
        left = [line for line in self.routes(bed) if "10.1.0.100" in line or "10.1.0.2 " in line]
        self.assertEqual(left, [])


if __name__ == "__main__":
    harness.main()
