#!/usr/bin/python3
"""Every way of forwarding in a VLAN: frames with one tag (802.1Q) or two (802.1ad around it).

    client1 ── br0 ── lb0 ┄ shuntd ┄ lb1 ── br1 ── backend1; backend2: nat
      tags      └───────────── answers, tagged ───────┘

Each end takes frames with exactly its tags and no others (vlan_tags.bpf.o), so what arrives has them. Hosts in a VLAN don't
hear the node's untagged questions: the kernel is told the backends' MACs.
"""

import harness
import topology as net
import ways

SIZE = 100_000
TAGGED = {"802.1Q": 1, "802.1ad and 802.1Q": 2}


def attach(host, interface, receives, sends):
    """The interface takes frames with so many tags, and puts so many on what it sends."""
    program = harness.tags_object()
    tc = ("tc", "filter", "replace", "dev", interface)
    how = ("pref", "1", "handle", "1", "bpf", "direct-action", "object-file", program, "section")
    host.namespace.run(*tc, "ingress", *how, f"pop{receives}")
    if sends:
        host.namespace.run(*tc, "egress", *how, f"push{sends}")
    else:
        host.namespace.run("tc", "filter", "delete", "dev", interface, "egress")


class VlanTags(harness.SmokeTest):
    def start_bed(self):
        bed = self.bed("ipip", backends=1, split=True, ipv6=True)
        self.direct, (self.translated,) = bed.backends[0], ways.serve_all(bed, ["tcp", "udp"])
        ways.serve_transfers(self, [self.direct, self.translated])
        ways.serve_echoes(self, bed, [self.translated])
        for host, interface in ((bed.client, "eth0"), (self.direct, "eth1"), (self.translated, "eth0")):
            host.namespace.run("tc", "qdisc", "add", "dev", interface, "clsact")
        bed.expect_drops(too_big=None)
        bed.daemon.start(bed.config)
        for host in (self.direct, self.translated):
            bed.topology.lb.ip(*(f"neighbour replace {address} lladdr {host.mac} dev shunt1 nud permanent"
                                 for address in (host.address, host.address6)))
        gateway = bed.daemon.port("net1")["mac"]
        self.translated.namespace.ip(*(f"neighbour replace {address} lladdr {gateway} dev eth0 nud permanent"
                                       for address in (net.NODE_INSIDE, net.NODE_INSIDE6)))
        bed.wait_up()
        return bed

    def configure(self, bed, outside, inside):
        bed.config["port"][0]["vlan"], bed.config["port"][1]["vlan"] = outside, inside
        bed.reload()

    def exchange(self, bed, way):
        """TCP each way; shuntd tells the client what fits into outer headers, in its VLAN. And a datagram in fragments."""
        backend = "backend2" if way.is_nat else "backend1"
        bed.client.namespace.forget_paths()
        self.assertEqual(ways.upload(bed.client, way, ways.MEGABYTE[:SIZE]), backend)
        self.assertEqual(bed.client.namespace.path_mtu(way.vip), 1500 - way.outer_bytes if way.encapsulates else None)
        self.assertEqual(ways.download(bed.client, way), backend)
        with ways.datagrams(bed.client, way) as sender:
            sender.sendto(ways.MEGABYTE[:4000], (way.vip, way.port))
            self.assertEqual(ways.echoed(sender, way, ways.MEGABYTE[:4000]), backend)

    def test_every_way_in_a_vlan(self):
        bed = self.start_bed()
        for vlan, tags in TAGGED.items():
            attach(bed.client, "eth0", receives=tags, sends=tags)
            attach(self.direct, "eth1", receives=tags, sends=tags)

            self.configure(bed, "keep", "keep")
            attach(self.direct, "eth0", receives=tags, sends=tags)
            attach(self.translated, "eth0", receives=tags, sends=tags)
            for way in ways.ALL:
                with self.subTest(vlan=vlan, tags="kept", way=way.name):
                    self.exchange(bed, way)

            self.configure(bed, "strip", "keep")
            attach(self.direct, "eth0", receives=0, sends=0)
            for way in ways.ALL:
                if not way.is_nat:
                    with self.subTest(vlan=vlan, tags="off the clients' frames", way=way.name):
                        self.exchange(bed, way)

            self.configure(bed, "keep", "strip")
            attach(bed.client, "eth0", receives=0, sends=0)
            attach(self.translated, "eth0", receives=0, sends=tags)
            for way in ways.ALL:
                if way.is_nat:
                    with self.subTest(vlan=vlan, tags="off the backends' frames", way=way.name):
                        self.exchange(bed, way)


if __name__ == "__main__":
    harness.main()
