#!/usr/bin/python3
"""IPv6 VIPs and backends, GUE and GRE, between real kernels.

    client1 ── br0 ── backend1, backend2: VIPs on lo, decap.bpf.o; backend3 behind nat
                │
               lb0 ┄ shuntd ┄ shunt0 (2001:db8:1::2, 2001:db8:2::2 and the IPv4 ones)
"""

import json

import harness
import packets as p
import topology as net
import traffic

ROUTED_VIP = "2001:db8:f::10"
FAR = "2001:db8:3::11"            # backend1's too, behind its link-local address
FAR_GATEWAY = "fe80::ff:fe00:201"
HEALTH = {"type": "http", "path": "/health", "interval": "300ms", "timeout": "300ms", "rise": 1, "fall": 2}

PREFIX = "2001:db8:e::/64"        # of VIPs; clients come by the node's address
OF_PREFIX = "2001:db8:e::77"

# name: (VIP, port, forward, pool); the port is the backend's too, but in nat
WAYS = {
    "l2": (net.VIP6, 80, "l2", "six"),
    "ipip 6in6": (net.VIP6, 81, "ipip", "six"),
    "ipip 4in6": (net.VIP, 81, "ipip", "six"),
    "ipip 6in4": (net.VIP6, 82, "ipip", "four"),
    "ipip 6in6 by a router": (net.VIP6, 83, "ipip", "far"),
    "gue 6 over 6": (net.VIP6, 84, "gue", "six"),
    "gue 4 over 6": (net.VIP, 84, "gue", "six"),
    "gue 6 over 4": (net.VIP6, 85, "gue", "four"),
    "gue 4 over 4": (net.VIP, 85, "gue", "four"),
    "gre 6 over 6": (net.VIP6, 87, "gre", "six"),
    "gre 4 over 6": (net.VIP, 87, "gre", "six"),
    "gre 6 over 4": (net.VIP6, 88, "gre", "four"),
    "gre 4 over 4": (net.VIP, 88, "gre", "four"),
    "gue variant 0, 6 over 6": (net.VIP6, 89, "gue", "six"),
    "gue variant 0, 4 over 6": (net.VIP, 89, "gue", "six"),
    "gue variant 0, 6 over 4": (net.VIP6, 90, "gue", "four"),
    "gue variant 0, 4 over 4": (net.VIP, 90, "gue", "four"),
    "nat": (net.VIP6, 86, "nat", "nat"),
    "a prefix": (OF_PREFIX, 80, "l2", "six"),
}
PORTS = [80, 81, 82, 83, 84, 85, 87, 88, 89, 90]
NAT_PORT = 8086


def pool(name, addresses, **health):
    return {"name": name, "slots": 65537, "health": {**HEALTH, **health},
            "backend": [{"name": key, "address": address} for key, address in addresses.items()]}


def mac_of(namespace, address, interface):
    """What the kernel's neighbour table has for an address."""
    rows = json.loads(namespace.run("ip", "-6", "-j", "neighbour", "show", "to", address, "dev", interface) or "[]")
    return rows[0].get("lladdr") if rows else None


class Ways(harness.SmokeTest):
    def start_ways(self):
        bed = self.bed("ipip", backends=2, ipv6=True)
        topology, backends = bed.topology, bed.backends
        nat_backend = topology.add_backend("nat")
        harness.start_nginx(topology, nat_backend, NAT_PORT)
        for backend in backends[:2]:
            harness.start_nginx(topology, backend, *PORTS)
            backend.namespace.ip(f"route add local {PREFIX} dev lo")
        bed.client.namespace.ip(f"route add {PREFIX} via {net.NODE6}")
        backends[0].namespace.ip(f"address add {FAR}/128 dev lo nodad")
        bed.config["pool"] = [
            pool("four", {backend.name: backend.address for backend in backends[:2]}, port=80),
            pool("six", {backend.name: backend.address6 for backend in backends[:2]}, port=80),
            pool("far", {"backend1": FAR}, port=80),
            pool("nat", {nat_backend.name: nat_backend.address6}, port=NAT_PORT)]
        bed.config["pool"][-1]["backend"][0]["port"] = NAT_PORT
        bed.config["service"] = [
            {"name": name.replace(" ", "-"), "address": PREFIX if vip == OF_PREFIX else vip, "port": port, "forward": forward, "pool": pool_name}
            for name, (vip, port, forward, pool_name) in WAYS.items()]
        for service in bed.config["service"]:
            if "variant-0" in service["name"]:
                service["name"], service["gue_variant"] = service["name"].replace(",", ""), 0
        bed.expect_drops(no_neighbour=None)  # the first answer behind nat to a client that the kernel doesn't know yet
        bed.daemon.start(bed.config)
        # backend1 is also a router that is known by its link-local address only.
        topology.lb.ip(f"route add 2001:db8:3::/64 via {FAR_GATEWAY} dev shunt0")
        harness.wait_until(lambda: all(entry["state"] == "up" and entry["mac_known"] for entry in bed.daemon.backends()), 10,
                           "every backend of every service is up, and its MAC known")
        return bed

    def test_every_way_carries_tcp(self):
        bed = self.start_ways()
        for name, (vip, port, forward, pool_name) in WAYS.items():
            with self.subTest(way=name):
                with p.Sniffer(bed.topology.lb, "lb0", lambda packet, outgoing: not outgoing) as sent:
                    answers = [traffic.http_get(bed.client.namespace, vip, port=port, timeout=2, source=("", 20000 + number))
                               for number in range(8)]
                backends = bed.pool(pool_name)["backend"]
                self.assertEqual({answer.status for answer in answers}, {200}, answers)
                self.assertEqual({answer.body for answer in answers}, {entry["name"] for entry in backends})
                self.check_outer(sent, forward, vip, {entry["address"] for entry in backends})
                if forward == "gue":
                    firsts = {packet.payload[0] >> 4 for packet in sent.packets if packet.inner is not None}
                    self.assertEqual(firsts, {0} if "variant 0" in name else {6 if ":" in vip else 4})
        with self.subTest("the node itself"):
            for name in ("l2", "gue 6 over 4", "nat", "a prefix"):
                vip, port, _, _ = WAYS[name]
                self.assertEqual(traffic.http_get(bed.topology.lb, vip, port=port, timeout=2).status, 200, name)
        self.check_views(bed)

    def check_outer(self, sent, forward, vip, backends):
        """What left for the VIP's backends was inside the outer header that `forward` says, or in none."""
        outers = [packet for packet in sent.packets if packet.inner is not None]
        if forward not in ("ipip", "gue", "gre"):
            return self.assertEqual(outers, [])
        protocol = {"gue": p.UDP, "gre": p.GRE}.get(forward, p.IP6IP if ":" in vip else p.IPIP)
        over_v6 = any(":" in address for address in backends)
        self.assertEqual({packet.protocol for packet in outers}, {protocol})
        self.assertEqual({packet.destination for packet in outers}, backends)
        self.assertEqual({(packet.source, packet.ttl) for packet in outers},
                         {(net.NODE_INSIDE6 if over_v6 else net.NODE_INSIDE, 64)})
        self.assertEqual({packet.inner.destination for packet in outers}, {vip})
        self.assertEqual({packet.inner.ttl for packet in outers}, {63})
        self.assertTrue(all(packet.inner.checksum_right for packet in outers))
        if forward == "gue":
            self.assertTrue(all(packet.checksum_right or not packet.has_checksum and not over_v6 for packet in outers))
            flows = {(packet.inner.sport, packet.sport) for packet in outers}
            self.assertEqual(len(flows), 8, "one port for each flow")
            self.assertTrue(all(49152 <= port for _, port in flows))

    def check_views(self, bed):
        """What people read has the addresses as people write them."""
        services = bed.daemon.shuntctl("services").stdout
        self.assertIn(f"[{net.VIP6}]:80 ", services)
        self.assertIn(f"{net.VIP}:84 ", services)
        backends = bed.daemon.shuntctl("backends").stdout
        self.assertIn(f"[{bed.backends[0].address6}]:80 ", backends)
        listed = {entry["name"]: entry for entry in bed.daemon.ctl("services")["services"]}
        self.assertEqual((listed["l2"]["address"], listed["l2"]["announced"]), (net.VIP6, "arp"))
        self.assertEqual({entry["forward"] for entry in listed.values()}, {"l2", "ipip", "gue", "gre", "nat"})
        status, metrics = bed.daemon.get("/metrics")
        self.assertEqual(status, 200)
        self.assertIn('service="gue-6-over-6"', metrics)

    def test_a_backend_that_dies_is_passed_over(self):
        bed = self.bed("ipip", backends=2, ipv6=True)
        for backend in bed.backends:
            harness.start_nginx(bed.topology, backend, 80)
        bed.config["pool"] = [pool("six", {backend.name: backend.address6 for backend in bed.backends}, type="tcp", port=80)]
        del bed.config["pool"][0]["health"]["path"]
        bed.config["service"] = [{"name": "web", "address": ROUTED_VIP, "port": 80, "forward": "ipip", "pool": "six",
                                  "announce_min": 2}]
        for backend in bed.backends:
            backend.namespace.ip(f"address add {ROUTED_VIP}/128 dev lo nodad")
        bed.client.namespace.ip(f"route add {ROUTED_VIP}/128 via {net.NODE6}")
        bed.start()
        harness.wait_until(lambda: ROUTED_VIP in self.announced(bed), 5, "the route is there")
        self.assertEqual(traffic.http_get(bed.client.namespace, ROUTED_VIP).status, 200)
        bed.topology.kill_host(bed.backends[0])
        harness.wait_until(lambda: ROUTED_VIP not in self.announced(bed), 5, "the route is gone")
        bodies = {traffic.http_get(bed.client.namespace, ROUTED_VIP, source=("", 21000 + number)).body for number in range(8)}
        self.assertEqual(bodies, {"backend2"})

    @staticmethod
    def announced(bed):
        return bed.topology.lb.run("ip", "-6", "route", "show", "table", "main", "proto", "90")


class NeighbourDiscovery(harness.SmokeTest):
    def start_l2(self):
        bed = self.made
        bed.config["service"] = [{"name": "six", "address": net.VIP6, "port": 80, "pool": "web"}]
        bed.config["pool"] = [pool("web", {"backend1": bed.backends[0].address6}, port=80)]
        harness.start_nginx(bed.topology, bed.backends[0], 80)
        bed.start()
        self.mac = bed.daemon.port()["mac"]
        return bed

    @staticmethod
    def is_unsolicited(packet, vip):
        return packet.icmp_type == p.ADVERTISEMENT and packet.target == vip and packet.destination == "ff02::1"

    def advertisement(self, seen, vip):
        """The first unsolicited one for a VIP."""
        return seen.wait_for(lambda packet: self.is_unsolicited(packet, vip))

    def ask(self, source, target, destination=None, destination_mac=None, source_mac=None):
        """The answer to a solicitation by the client, or None."""
        client = self.made.client
        group, group_mac = p.solicited_group(target)
        question = p.solicitation(source, destination or group, target, source_mac)
        with p.Sniffer(client.namespace, "eth0", lambda packet, outgoing: not outgoing) as seen:
            frame = p.ethernet(destination_mac or group_mac, client.mac, question, p.ETH_IP6)
            p.send_frames(client.namespace, "eth0", [frame])
            return seen.wait_for(lambda packet: packet.icmp_type == p.ADVERTISEMENT and packet.target == target
                                 and packet.destination == ("ff02::1" if source == "::" else source), timeout=1)

    def check_answer(self, answer, target, destination, destination_mac, flags):
        self.assertIsNotNone(answer)
        self.assertEqual((answer.source, answer.target, answer.destination), (target, target, destination))
        self.assertEqual((answer.source_mac, answer.destination_mac), (self.mac, destination_mac))
        self.assertEqual((answer.flags, answer.link_option), (flags, (2, self.mac)))
        self.assertTrue(answer.checksum_right and answer.ttl == 255)

    def test_a_vip_is_announced_answered_for_and_joined(self):
        self.made = self.bed("l2", backends=1, ipv6=True)
        client = self.made.client
        with p.Sniffer(client.namespace, "eth0", lambda packet, outgoing: not outgoing) as seen:
            bed = self.start_l2()
            self.check_answer(self.advertisement(seen, net.VIP6), net.VIP6, "ff02::1", "33:33:00:00:00:01", 0x20)
            group, _ = p.solicited_group(net.VIP6)
            joined = seen.wait_for(lambda packet: packet.icmp_type == p.MLD_REPORT and group in packet.groups)
            self.assertIsNotNone(joined, "MLD tells the switches")
            self.assertEqual(traffic.http_get(client.namespace, net.VIP6).body, "backend1")
            self.assertEqual(mac_of(client.namespace, net.VIP6, "eth0"), self.mac)

            second = "2001:db8:1::150"
            bed.config["service"].append({**bed.config["service"][0], "name": "second", "address": second})
            bed.reload()
            self.assertIsNotNone(self.advertisement(seen, second))
            # From here on nobody hears of VIP6 without asking.
            harness.wait_until(lambda: len([packet for packet in seen.packets if self.is_unsolicited(packet, net.VIP6)]) == 3, 5,
                               "three unsolicited advertisements")
        with self.subTest("in the group"):
            self.check_answer(self.ask(client.address6, second, source_mac=client.mac), second, client.address6, client.mac, 0x60)
        with self.subTest("to the VIP itself, as a neighbour that checks what it knows does"):
            answer = self.ask(client.address6, net.VIP6, net.VIP6, self.mac, client.mac)
            self.check_answer(answer, net.VIP6, client.address6, client.mac, 0x60)
        with self.subTest("by somebody who looks for a duplicate"):
            self.check_answer(self.ask("::", net.VIP6), net.VIP6, "ff02::1", "33:33:00:00:00:01", 0x20)
        with self.subTest("the kernel's own address"):
            self.assertEqual(self.ask(client.address6, net.NODE6, source_mac=client.mac).link_option, (2, self.mac))
        self.assertIsNone(self.ask(client.address6, "2001:db8:1::99", source_mac=client.mac), "nobody's")
        answered = bed.daemon.drops()["dropped"]["nd"]
        self.assertGreaterEqual(answered, 3)
        del bed.config["service"][1]
        bed.reload()
        self.assertIsNone(self.ask(client.address6, second, source_mac=client.mac))


if __name__ == "__main__":
    harness.main()
