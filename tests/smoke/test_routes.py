#!/usr/bin/python3
"""VIPs as routes: announced while fit, withdrawn when shuntd stops, dies or stays away; and VRRP between two shunts.

    client1 ── router: bird ── br0 ── backend1, backend2: nginx            BGP: the router hears of the VIP from
                                │                                         bird or ExaBGP beside shuntd
                               lb0 ┄ shunt-guard ─ shuntd, bird or exabgp

    client1 ── br0 ── backend1, backend2: nginx                           VRRP: keepalived beside each shuntd
              │   └── lb0 ┄ shuntd 2, keepalived      (namespace lb2)
             lb0 ┄ shuntd 1, keepalived
"""

import json
import os
import pathlib
import signal

import harness
import packets
import routers
import topology as net
from programs import program
from second_shunt import second_shunt

VIP = routers.ROUTED_VIP
PATIENCE = 15


class RouteTest(harness.SmokeTest):
    def routed_bed(self, ends=(net.NODE, net.ROUTER), **routes):
        """`ends`: of the BGP session, shunt's and the router's."""
        bed = self.bed("l2", backends=2, router=True, health=harness.HTTP_HEALTH)
        bed.vip = bed.topology.vip = bed.config["service"][0]["address"] = VIP
        bed.config["routes"] = {"metric": 10, **routes}
        for backend in bed.backends:
            backend.namespace.ip(f"address add {VIP}/32 dev lo")
        if ends == routers.MANAGEMENT:
            routers.add_management(bed)
        routers.start_upstream(bed, ends)
        bed.serve_http()
        return bed

    def wait_heard(self, bed, what):
        return harness.wait_until(lambda: routers.heard(bed), PATIENCE, what)

    def wait_unheard(self, bed, what):
        harness.wait_until(lambda: routers.heard(bed) is None, PATIENCE, what)

    def kinds(self, bed, subject=VIP):
        return [event["kind"] for event in bed.daemon.ctl("events")["events"] if event["subject"] == subject]


class Bgp(RouteTest):
    def test_a_route_lives_and_ends_with_its_backends_and_shuntd(self):
        bed = self.routed_bed(stop_wait="60s", metric_step=5)
        bed.start()
        routers.start_announcing_bird(bed)
        self.assertEqual(self.wait_heard(bed, "the router hears of the VIP")["gateway"], net.NODE)
        self.assertEqual(bed.get().status, 200)

        # One of two down: five tenths. The new metric's route comes before the old one goes.
        bed.topology.kill_host(bed.backends[0])
        harness.wait_until(lambda: routers.med(bed) == 10 + 5 * 5, PATIENCE, "the metric follows the health share")
        bed.topology.kill_host(bed.backends[1])
        self.wait_unheard(bed, "nobody is up: withdrawn")
        vip = bed.daemon.ctl("routes")["vips"][0]
        self.assertEqual((vip["announced"], vip["reason"]), (False, "0 of 2 backends of web up, 1 needed"))
        bed.serve_http()
        self.wait_heard(bed, "it is back")
        harness.wait_until(lambda: routers.med(bed) == 10, PATIENCE, "with its own metric")
        kinds = self.kinds(bed)
        self.assertEqual(kinds[0], "route.announced")
        self.assertEqual(set(kinds), {"route.announced", "route.metric", "route.withdrawn"})

        # Routers elsewhere may not have heard yet: what they send after the withdrawal is served.
        bed.topology.router.namespace.ip(f"route add {VIP}/32 via {net.NODE} metric 5000")
        bed.daemon.process.terminate()
        self.wait_unheard(bed, "withdrawn before shuntd ends")
        self.assertEqual([bed.get().status for _ in range(5)], [200] * 5)
        self.assertEqual(bed.daemon.get("/readyz")[0], 503)
        self.assertTrue(bed.daemon.ctl("routes")["stopping"])
        bed.daemon.stop()  # a second signal ends the wait

    def test_a_clean_stop_waits_and_ends(self):
        bed = self.routed_bed(stop_wait="300ms")
        bed.start()
        harness.wait_until(lambda: bed.daemon.ctl("routes")["vips"][0]["announced"], PATIENCE, "announced")
        bed.daemon.stop()
        self.assertIn("routes are withdrawn; stopping in 300 ms", bed.daemon.log())

    def test_another_table_and_somebody_who_removes_the_route(self):
        bed = self.routed_bed(table=100, protocol=98)
        bed.start()

        def route():
            return bed.topology.lb.run("ip", "route", "show", "table", "100")

        harness.wait_until(lambda: f"{VIP} dev shunt0 proto 98" in route(), PATIENCE, "the route is in its table")
        self.assertNotIn("proto 98", bed.topology.lb.run("ip", "route", "show", "table", "main"))
        self.assertTrue(all(entry["mac_known"] for entry in bed.daemon.backends()), "next hops come from the main table")
        bed.topology.lb.ip(f"route del {VIP} table 100 proto 98")
        harness.wait_until(lambda: VIP in route(), PATIENCE, "shuntd puts it back")

    def test_exabgp_announces_what_shuntctl_says(self):
        bed = self.routed_bed(routers.MANAGEMENT, exabgp=f"next-hop {net.NODE} community [65001:90]", metric_step=5)
        bed.config["dataplane"]["restart_grace"] = "200ms"
        bed.start()
        routers.start_exabgp(bed, routers.MANAGEMENT)
        self.assertEqual(self.wait_heard(bed, "the router hears of the VIP from ExaBGP")["gateway"], net.NODE)
        self.assertEqual(routers.med(bed), 10)
        self.assertEqual(bed.get().status, 200)
        for backend in bed.backends:
            bed.topology.kill_host(backend)
        self.wait_unheard(bed, "nobody is up: withdrawn")
        bed.serve_http()
        self.wait_heard(bed, "it is back")
        bed.daemon.kill()
        self.wait_unheard(bed, "shuntd was killed: withdrawn after restart_grace")


class Guarded(RouteTest):
    """shunt-guard, with a gate: while its file isn't there, shuntd stays away."""

    def guarded_bed(self, grace):
        bed = self.routed_bed(routers.MANAGEMENT)
        bed.config["dataplane"]["restart_grace"] = grace
        self.gate = pathlib.Path(bed.topology.folder, "gate")
        self.gate.touch()
        bed.daemon.wrapper = [program("shunt-guard"), "sh", "-c", f'test -e {self.gate} && exec "$@"; exec sleep 1000', "sh"]
        bed.start()
        routers.start_announcing_bird(bed, routers.MANAGEMENT)
        self.wait_heard(bed, "the router hears of the VIP")
        return bed

    def child(self, bed):
        """The guard's, as a pid; None: none."""
        listed = pathlib.Path(f"/proc/{bed.daemon.process.pid}/task/{bed.daemon.process.pid}/children").read_text(encoding="ascii")
        return int(listed.split()[0]) if listed.split() else None

    def is_ready(self, bed):
        try:
            return bed.daemon.get("/readyz")[0] == 200
        except OSError:
            return False

    def kill_child(self, bed):
        before = self.child(bed)
        os.kill(before, signal.SIGKILL)
        harness.wait_until(lambda: self.child(bed) not in (None, before), PATIENCE, "the guard starts another")

    def test_a_quick_restart_keeps_the_route(self):
        bed = self.guarded_bed("60s")
        watch = routers.start(bed, bed.topology.lb, "monitor", "ip", "monitor", "route")
        self.kill_child(bed)
        harness.wait_until(lambda: self.is_ready(bed), PATIENCE, "shuntd is back")
        bed.wait_up()
        harness.wait_until(lambda: bed.get(timeout=0.5).status == 200, PATIENCE, "requests are answered")
        self.assertTrue(bed.daemon.ctl("routes")["vips"][0]["announced"])
        watch.terminate()
        watch.wait()
        seen = pathlib.Path(bed.topology.folder, "monitor.log").read_text(encoding="utf-8")
        self.assertNotIn("Deleted 198.51.100.10 dev shunt0 proto 90", seen)
        bed.daemon.stop()

    def test_who_stays_away_loses_the_route(self):
        bed = self.guarded_bed("100ms")
        self.gate.unlink()
        self.kill_child(bed)
        self.wait_unheard(bed, "the guard withdraws")
        self.assertIn("1 route is withdrawn", bed.daemon.log())
        self.gate.touch()
        self.kill_child(bed)
        self.wait_heard(bed, "shuntd is back, and announces")
        bed.daemon.stop()

    def test_a_configuration_that_broke_meanwhile_ends_both(self):
        bed = self.guarded_bed("60s")
        bed.daemon.write("[nonsense]\n")
        os.kill(self.child(bed), signal.SIGKILL)
        self.assertEqual(bed.daemon.process.wait(PATIENCE), harness.EXIT_CONFIG)
        bed.daemon.process = None
        self.wait_unheard(bed, "the guard withdraws at once")


class Vrrp(harness.SmokeTest):
    def state(self, shunt):
        path = pathlib.Path(shunt.folder, "vrrp.state")
        return path.read_text(encoding="ascii").strip() if path.exists() else None

    def test_the_second_shunt_takes_over(self):
        bed = self.bed("l2", backends=2, health=harness.HTTP_HEALTH)
        bed.config["node"]["standby"] = True
        bed.serve_http()
        first, second = bed.daemon, second_shunt(bed)
        for shunt in (first, second):
            shunt.topology.lb.ip("tuntap add dev shunt0 mode tap")
        with packets.Sniffer(bed.client.namespace, "eth0", lambda packet, outgoing: not outgoing) as seen:
            bed.start()
            second.start(second.config)
            self.assertEqual(bed.get(timeout=1).status, 0, "nobody answers for the VIP in standby")
            routers.start_keepalived(bed, first, 110)
            harness.wait_until(lambda: self.state(first) == "MASTER", PATIENCE, "the first is master")
            routers.start_keepalived(bed, second, 100)
            harness.wait_until(lambda: self.state(second) == "BACKUP", PATIENCE, "the second is backup")
            harness.wait_until(lambda: bed.get(timeout=0.5).status == 200, PATIENCE, "requests are answered")
            first_mac, second_mac = first.port()["mac"], second.port()["mac"]
            self.assertFalse(second.ctl("routes")["announcing"])
            first.kill()
            claim = seen.wait_for(lambda packet: packet.operation is not None and packet.source == packet.destination == bed.vip
                                  and packet.sender_mac == second_mac, timeout=PATIENCE)
            self.assertIsNotNone(claim, "the second says by gratuitous ARP that it has the VIP")
        harness.wait_until(lambda: bed.get(timeout=0.5).status == 200, PATIENCE, "the client's requests work again")
        neighbour = json.loads(bed.client.namespace.run("ip", "-j", "neighbour", "show", bed.vip))[0]
        self.assertEqual(neighbour["lladdr"], second_mac)
        self.assertNotEqual(first_mac, second_mac)
        self.assertEqual([bed.get().status for _ in range(20)], [200] * 20)

        # Who comes back waits, and has its turn when the other one stops in good order.
        bed.start()
        harness.wait_until(lambda: self.state(first) == "BACKUP", PATIENCE, "the first is backup")
        second.check_account({"arp": None, "no_neighbour": None})
        second.process.terminate()
        self.assertEqual(second.process.wait(harness.STOP_LIMIT), 0)
        harness.wait_until(lambda: self.state(first) == "MASTER", PATIENCE, "the first is master again")
        harness.wait_until(lambda: bed.get(timeout=0.5).status == 200, PATIENCE, "and serves")
        first.process.terminate()  # shunt0 is the user's, and stays
        self.assertEqual(first.process.wait(harness.STOP_LIMIT), 0)
        first.process = None


if __name__ == "__main__":
    harness.main()
