#!/usr/bin/python3
"""Checks through the tunnel say what clients meet: a backend whose own address answers, and whose VIP or decapsulation is broken.

    client1 ── br0 ── backend1 (broken, then mended), backend2: nginx on port 80
                │
               lb0 ┄ shuntd: pool `through` is checked by 198.18.0.0/15 (2001:2::/48), pool `direct` by the backends' own addresses
"""

import harness
import topology as net
import traffic

CHECK = {"type": "http", "path": "/", "port": 80, "interval": "200ms", "timeout": "200ms", "rise": 1, "fall": 2}


class TunnelCheck(harness.SmokeTest):
    def start(self, forward, v4=True):
        """One service for each of two pools of the same backends, differently checked."""
        bed = self.bed(forward, services={"through": ("tcp", 80), "direct": ("tcp", 81)}, backends=2, ipv6=not v4, health=CHECK)
        bed.pool("through")["health"] = {**CHECK, "via": "tunnel"}
        if not v4:
            for pool in bed.config["pool"]:
                for entry, backend in zip(pool["backend"], bed.backends):
                    entry["address"] = backend.address6
            for service in bed.config["service"]:
                service["address"] = net.VIP6
        bed.serve_http()
        bed.start()
        return bed

    @staticmethod
    def states(bed, pool):
        return {entry["name"]: entry["state"] for entry in bed.daemon.backends() if entry["pool"] == pool}

    def wait_for(self, bed, state):
        """backend1 is in that state as clients meet it; everything else is up all the time."""
        harness.wait_until(lambda: self.states(bed, "through") == {"backend1": state, "backend2": "up"}, 15,
                           f"backend1 {state} in the check through the tunnel")
        self.assertEqual(self.states(bed, "direct"), {"backend1": "up", "backend2": "up"})

    def who_answers(self, bed, v4):
        answers = traffic.http_many(bed.clients, net.VIP if v4 else net.VIP6, 20)
        self.assertEqual({answer.status for answer in answers}, {200})
        return {answer.body for answer in answers}

    def see_broken_and_mended(self, bed, breaking, mending, v4=True):
        self.assertEqual(self.who_answers(bed, v4), {"backend1", "backend2"})
        breaking()
        self.wait_for(bed, "down")
        self.assertEqual(self.who_answers(bed, v4), {"backend2"})
        mending()
        self.wait_for(bed, "up")
        reasons = {entry["reason"] for entry in bed.daemon.backends()}
        self.assertEqual(reasons, {"HTTP 200"})
        # No probe address is left over when nobody is checked so any more.
        for pool in bed.config["pool"]:
            pool["health"] = None
        bed.reload()
        routes = bed.topology.lb.run("ip", "-4" if v4 else "-6", "route")
        self.assertNotIn("198.18." if v4 else "2001:2:", routes)

    def test_l2_without_the_vip(self):
        bed = self.start("l2")
        broken = bed.backends[0].namespace
        self.see_broken_and_mended(bed, lambda: broken.ip(f"address del {net.VIP}/32 dev lo"),
                                   lambda: broken.ip(f"address add {net.VIP}/32 dev lo"))

    def check_decapsulation(self, forward, v4=True):
        bed = self.start(forward, v4)
        broken = bed.backends[0].namespace
        self.see_broken_and_mended(bed, lambda: broken.run("tc", "qdisc", "del", "dev", "eth0", "clsact"),
                                   lambda: bed.topology.decapsulate(broken), v4)

    def test_ipip_without_decapsulation(self):
        self.check_decapsulation("ipip")

    def test_gue_over_ipv6(self):
        self.check_decapsulation("gue", v4=False)


if __name__ == "__main__":
    harness.main()
