#!/usr/bin/python3
"""A megabyte up and down over narrow paths, in every way of forwarding, with the path MTU that kernels find out.

    client1 ── router (br9: MTU 1280) ── br0 ──────── lb0 ┄ shuntd ┄ lb1 (MTU 1340) ── br1 ── backend1, backend2; backend3: nat
                                          └────────────────────────────────── answers ──────────┘

Up, packets of 1,500 bytes meet shuntd's narrow port: it tells the client what fits beside the outer header. Down, they meet
the router's: it tells the VIP, and shuntd finds the backend that this is for.
"""

import harness
import packets as p
import topology as net
import ways

SOURCES6 = "2001:db8:a::/64"
HOP_MTU, BACKENDS_MTU, FAR_MTU, CLIENTS_MTU = 1280, 1340, 1400, 1300


class PathMtu(harness.SmokeTest):
    def start_narrow(self):
        bed = self.bed("ipip", backends=2, router=True, split=True, ipv6=True)
        topology = bed.topology
        translated = ways.serve_all(bed)
        for host in translated:
            # The link has one MTU for all; but backends beyond a router would not know, and ask clients for full segments.
            host.namespace.ip(f"link set dev eth0 mtu {BACKENDS_MTU}", f"route replace default via {net.NODE_INSIDE} advmss 1460",
                              f"route replace default via {net.NODE_INSIDE6} advmss 1440")
        bed.config["port"][1]["mtu"] = BACKENDS_MTU
        bed.expect_drops(too_big=None)
        self.hosts = {host.name: host for host in [*bed.backends, *translated]}
        ways.serve_transfers(self, self.hosts.values())
        bed.start()
        topology.lb.ip(f"route add 10.2.0.0/24 via {net.ROUTER}", f"route add 2001:db8:9::/64 via {net.ROUTER6}")
        topology.router.namespace.ip(f"link set dev br9 mtu {HOP_MTU}")
        return bed

    def known_paths(self, bed, way):
        """What hosts keep: the client of the VIP, backends of the client."""
        known = {name: host.namespace.path_mtu(way.address_of(bed.client)) for name, host in self.hosts.items()}
        known["client"] = bed.client.namespace.path_mtu(way.vip)
        return {name: mtu for name, mtu in known.items() if mtu is not None}

    def forget_paths(self, bed):
        for host in (bed.client, *self.hosts.values()):
            host.namespace.forget_paths()

    def test_a_megabyte_each_way(self):
        bed = self.start_narrow()
        for way in ways.ALL:
            with self.subTest(way=way.name):
                self.forget_paths(bed)
                ways.upload(bed.client, way)
                owner = ways.download(bed.client, way)
                self.assertEqual(self.known_paths(bed, way), {"client": BACKENDS_MTU - way.outer_bytes, owner: HOP_MTU})
        self.check_clamped(bed)

    def check_clamped(self, bed):
        """With mss_clamp nobody has to be told: not the backend by the hop, and with nat not the client by shuntd."""
        self.forget_paths(bed)
        for way, service in zip(ways.ALL, bed.config["service"]):
            service["mss_clamp"] = HOP_MTU - (40 if way.inner == 4 else 60)
        bed.reload()
        for way in ways.ALL:
            with self.subTest(way=way.name, clamped=True):
                ways.download(bed.client, way)
                if way.is_nat:
                    ways.upload(bed.client, way)
                self.assertEqual(self.known_paths(bed, way), {})

    def test_a_router_before_the_backends(self):
        """
            client1 ── br0 ── lb0 ┄ shuntd ┄ lb1 ── br1 ── router (br8: MTU 1400) ── backend1; backend2: nat
                        └──────────────────────────────────────── answers ──────────────┘

        The router tells shuntd, whose outer headers it sees; and shuntd the client, when it sends again. With nat the router tells
        the client, and shuntd puts the VIP in the backend's place.
        """
        bed = self.bed("ipip", backends=1, split=True, far=True, ipv6=True)
        ways.serve_all(bed, ways=[*ways.TUNNELS, *ways.NAT])
        ways.serve_transfers(self, bed.backends)
        bed.config["port"][1]["encap_source6"] = SOURCES6  # IPv4's is an address of the node
        bed.expect_drops(too_big=None)
        bed.daemon.start(bed.config)
        bed.topology.far_router.namespace.ip(f"link set dev br8 mtu {FAR_MTU}", f"route add {SOURCES6} via {net.NODE_INSIDE6}")
        bed.topology.lb.ip(f"route add 10.3.0.0/24 via {net.FAR_ROUTER}", f"route add 2001:db8:3::/64 via {net.FAR_ROUTER6}")
        bed.wait_up()
        for way in (*ways.TUNNELS, *ways.NAT):
            with self.subTest(way=way.name):
                bed.client.namespace.forget_paths()
                ways.upload(bed.client, way)
                self.assertEqual(bed.client.namespace.path_mtu(way.vip), FAR_MTU - way.outer_bytes)

    def test_nat_to_a_narrow_port(self):
        """
            client1 ── br0 ── lb0 (MTU 1300) ┄ shuntd ┄ lb1 ── br1 ── backend1

        What the backend sends doesn't fit: shuntd tells it.
        """
        bed = self.bed("nat", backends=0, split=True, ipv6=True)
        hosts = ways.serve_all(bed, ways=ways.NAT)
        ways.serve_transfers(self, hosts)
        bed.config["port"][0]["mtu"] = CLIENTS_MTU
        bed.client.namespace.ip(f"link set dev eth0 mtu {CLIENTS_MTU}", "route replace 10.1.0.0/24 dev eth0 advmss 1460",
                                "route replace 2001:db8:1::/64 dev eth0 metric 256 advmss 1440")
        bed.expect_drops(too_big=None)
        bed.start()
        for way in ways.NAT:
            with self.subTest(way=way.name):
                ways.download(bed.client, way)
                self.assertEqual(hosts[0].namespace.path_mtu(way.address_of(bed.client)), CLIENTS_MTU)
                hosts[0].namespace.forget_paths()


class JumboPath(harness.SmokeTest):
    """A path of 9,000 bytes. DPDK's taps carry no more than 1,500, so shuntd reads and writes a veth, as its pcap device can.

        client1 ── br0 ── backend1: all of MTU 9000
                    │
                   lb0 ══ lb0x ┄ vdev:net_pcap0 ┄ shuntd
    """
    MTU = 9000

    def widen(self, topology):
        topology.lb.ip("link delete dev lb0", "link add dev lb0 type veth peer name lb0x")
        for interface in ("lb0", "lb0x"):
            topology.lb.run("ethtool", "-K", interface, "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        topology.lb.ip("link set dev lb0x arp off", "link set dev lb0 master br0",
                       *(f"link set dev {link} mtu {self.MTU} up" for link in ("lb0", "lb0x", "br0")))
        for host in (*topology.clients, *topology.backends):
            topology.lb.ip(f"link set dev {host.plug} mtu {self.MTU}")
            host.namespace.ip(f"link set dev eth0 mtu {self.MTU}")

    def test_a_megabyte_in_jumbo_frames(self):
        bed = self.bed("ipip", backends=1, ipv6=True)
        ways.serve_all(bed)
        ways.serve_transfers(self, bed.backends)
        self.widen(bed.topology)
        bed.config["port"][0].update(device="vdev:net_pcap0,rx_iface_in=lb0x,tx_iface=lb0x", mtu=self.MTU)
        bed.config["dataplane"]["workers"] = bed.config["dataplane"]["workers"][:1]  # as many as the device has queues
        bed.daemon.on_taps = False  # what comes before pcap listens is the kernel's alone
        bed.daemon.may_miss = True  # pcap's buffer holds few frames of this size; TCP sends again
        bed.expect_drops(too_big=None)
        bed.start()
        for way in ways.ALL:
            with self.subTest(way=way.name):
                bed.client.namespace.forget_paths()
                with p.Sniffer(bed.topology.lb, "lb0", lambda packet, outgoing: not outgoing) as sent:
                    ways.upload(bed.client, way)
                    ways.download(bed.client, way)
                self.assertEqual(max(len(packet.frame) for packet in sent.packets), 14 + self.MTU)
                self.assertEqual(bed.client.namespace.path_mtu(way.vip), self.MTU - way.outer_bytes if way.encapsulates else None)


if __name__ == "__main__":
    harness.main()
