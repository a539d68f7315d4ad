#!/usr/bin/python3
"""Datagrams of 4,000 bytes, in three fragments in every order, and their answers; kernels put them together at both ends.

    client1 ── br0 ── backend1, backend2 (echo 4,000 bytes; VIPs on lo and decap.bpf.o); backend3, backend4 (nat)
                │
               lb0 ┄ shuntd

Fragments that went to different backends would make no datagram anywhere.
"""

import itertools
import struct

import harness
import packets as p
import topology as net
import ways

PORT, FIRST_SOURCE_PORT = 7100, 30000
STEP = 1360            # bytes of a fragment; a multiple of 8
PAYLOAD = bytes(number * 7 % 256 for number in range(4000))
ORDERS = list(itertools.permutations(range(3)))


def is_six(address):
    return ":" in address


def fragments(source, destination, segment, identification, step=STEP):
    """The IP packets that carry a UDP segment in parts."""
    made = []
    for at in range(0, len(segment), step):
        part, more = segment[at:at + step], at + step < len(segment)
        if is_six(destination):
            header = struct.pack("!BBHI", p.UDP, 0, at | more, identification)
            made.append(p.ipv6(source, destination, header + part, protocol=44))
        else:
            packet = p.ipv4(source, destination, part, identification=identification, dont_fragment=False)
            packet = packet[:6] + struct.pack("!H", more << 13 | at // 8) + packet[8:10] + b"\0\0" + packet[12:]
            made.append(packet[:10] + struct.pack("!H", p.checksum(packet[:20])) + packet[12:])
    return made


class Fragments(harness.SmokeTest):
    def start_bed(self):
        bed = self.bed("ipip", backends=2, ipv6=True)
        self.translated = ways.serve_all(bed, ["udp"], nat_backends=2)
        ways.serve_echoes(self, bed, self.translated)
        bed.start()
        self.mac = bed.daemon.port()["mac"]
        self.numbers = itertools.count(1000)
        return bed

    def exchange(self, bed, way, order):
        """A datagram whose fragments come in this order; the answer, and the backend that it came from."""
        client, number = way.address_of(bed.client), next(self.numbers)
        sport = FIRST_SOURCE_PORT + number
        parts = fragments(client, way.vip, p.udp(client, way.vip, sport, way.port, PAYLOAD), number)
        kind = p.ETH_IP6 if way.inner == 6 else p.ETH_IP
        with ways.bound(bed.client.namespace, client, sport) as listener:
            p.send_frames(bed.client.namespace, "eth0", [p.ethernet(self.mac, bed.client.mac, parts[part], kind) for part in order])
            return ways.echoed(listener, way, PAYLOAD)

    def test_every_order_in_every_way(self):
        bed = self.start_bed()
        seen = {"direct": set(), "nat": set()}
        for way in ways.ALL:
            for order in ORDERS:
                with self.subTest(way=way.name, order=order):
                    seen["nat" if way.is_nat else "direct"].add(self.exchange(bed, way, order))
        self.assertEqual(seen, {"direct": {"backend1", "backend2"}, "nat": {"backend3", "backend4"}})
        self.check_the_kernels_own(bed)
        self.check_answers_in_every_order(bed)

    def check_the_kernels_own(self, bed):
        """The client's kernel sends fragments that leave no room for an outer header: shuntd cuts those of IPv4 once more, and
        says of those of IPv6 what fits."""
        before = bed.daemon.drops()
        for way in ways.ALL:
            with self.subTest(by="the kernel", way=way.name), ways.datagrams(bed.client, way) as sender:
                bed.client.namespace.forget_paths()
                if way.inner == 6 and way.encapsulates:
                    sender.sendto(PAYLOAD, (way.vip, way.port))
                    told = harness.wait_until(lambda: bed.client.namespace.path_mtu(way.vip), 5, "the client is told what fits")
                    self.assertEqual(told, 1500 - way.outer_bytes)
                sender.sendto(PAYLOAD, (way.vip, way.port))
                ways.echoed(sender, way, PAYLOAD)
        after = bed.daemon.drops()
        outer4 = sum(way.inner == 4 and way.encapsulates for way in ways.ALL)
        outer6 = sum(way.inner == 6 and way.encapsulates for way in ways.ALL)
        # Two of three fragments are full ones, and only the first fragment is answered.
        self.assertGreaterEqual(after["originated"] - before["originated"], 2 * outer4 + outer6)
        bed.expect_drops(too_big=2 * outer6)

    def check_answers_in_every_order(self, bed):
        """A kernel sends its fragments in one order only: these answers of nat's backends are made by hand."""
        backend = self.translated[0]
        for way in (way for way in ways.ALL if way.is_nat):
            source, client = way.address_of(backend), way.address_of(bed.client)
            for order in ORDERS:
                with self.subTest(answers=way.name, order=order):
                    number = next(self.numbers)
                    sport = FIRST_SOURCE_PORT + number
                    parts = fragments(source, client, p.udp(source, client, way.backend_port, sport, PAYLOAD), number)
                    kind = p.ETH_IP6 if way.inner == 6 else p.ETH_IP
                    with ways.bound(bed.client.namespace, client, sport) as listener:
                        p.send_frames(backend.namespace, "eth0", [p.ethernet(self.mac, backend.mac, parts[part], kind) for part in order])
                        answer, sender = listener.recvfrom(65535)
                    self.assertEqual((answer, sender[:2]), (PAYLOAD, (way.vip, way.port)))


class JumboFrames(harness.SmokeTest):
    """Taps carry 1,500 bytes at most, so these come from a file and go to one; what doesn't fit is cut.

        in.pcap ──▶ vdev:net_pcap0 (mtu 9000) ┄ shuntd ┄ vdev:net_pcap0 ──▶ out.pcap
    """
    MAC, GATEWAY_MAC, CLIENT, BACKEND = "02:00:00:00:00:01", "02:00:00:00:00:02", "192.0.2.77", "10.0.0.11"

    def datagram(self, ip_bytes, identification, ttl=64, **header):
        segment = p.udp(self.CLIENT, net.VIP, 1234, PORT, bytes(ip_bytes - 28))
        return p.ipv4(self.CLIENT, net.VIP, segment, ttl=ttl, identification=identification, **header)

    def test_frames_of_9000_bytes(self):
        bed = self.bed("ipip", services={"udp": ("udp", PORT)}, backends=1, clients=0)
        folder = bed.topology.folder
        fits, cut, marked = self.datagram(8980, 1), self.datagram(9000, 2, dont_fragment=False), self.datagram(8981, 3)
        bed.expect_drops(too_big=1)
        self.start_on_files(bed, [fits, cut, marked], 9000)
        harness.wait_until(lambda: bed.daemon.drops()["sent"] == 4, 5, "one packet whole, one in two pieces, one refused")
        bed.daemon.check_account(bed.expected_drops)
        bed.daemon.stop()
        left = [p.Packet(frame) for frame in p.read_pcap(f"{folder}/out.pcap")]
        told = [packet for packet in left if packet.inner is None]
        self.assertEqual([(packet.source, packet.destination, packet.protocol) for packet in told], [(net.VIP, self.CLIENT, p.ICMP)])
        inner = [packet.inner.frame[14:] for packet in left if packet.inner is not None]
        self.assertEqual(inner[0], self.datagram(8980, 1, ttl=63))
        self.assertEqual([len(packet) for packet in inner[1:]], [8980, 40])
        self.assertEqual(inner[1][20:] + inner[2][20:], cut[20:])

    def test_longer_than_the_port_takes(self):
        """The device hands such a frame over in several buffers. More of them than there are buffers, and the last packet goes on."""
        bed = self.bed("ipip", services={"udp": ("udp", PORT)}, backends=1, clients=0)
        folder = bed.topology.folder
        long, last = self.datagram(2500, 1), self.datagram(1400, 2)
        self.start_on_files(bed, [long] * 8000 + [last], 1500)
        bed.expect_drops(truncated=8000)
        harness.wait_until(lambda: bed.daemon.drops()["sent"] == 1, 10, "the last one has left")
        bed.daemon.check_account(bed.expected_drops)
        bed.daemon.stop()
        self.assertEqual([p.Packet(frame).inner.frame[14:] for frame in p.read_pcap(f"{folder}/out.pcap")],
                         [self.datagram(1400, 2, ttl=63)])

    def start_on_files(self, bed, packets, mtu):
        """shuntd reads the packets from in.pcap and writes out.pcap."""
        folder = bed.topology.folder
        p.write_pcap(f"{folder}/in.pcap", [p.ethernet(self.MAC, self.GATEWAY_MAC, packet) for packet in packets])
        bed.config["port"] = [{"name": "net0", "mac": self.MAC, "gateway_mac": self.GATEWAY_MAC, "encap_source": "10.0.0.2", "mtu": mtu,
                               "device": f"vdev:net_pcap0,rx_pcap={folder}/in.pcap,tx_pcap={folder}/out.pcap"}]
        bed.config["service"][0]["announce"] = "none"
        bed.daemon.on_taps = False
        bed.daemon.start(bed.config)

    def test_a_tap_says_that_it_cannot(self):
        bed = self.bed("ipip", backends=1)
        bed.config["port"][0]["mtu"] = 9000
        bed.daemon.launch(bed.config)
        self.assertEqual(bed.daemon.process.wait(10), 1)
        self.assertIn('port "net0" (tap:lb0): takes frames of at most 1522 bytes, too few for an mtu of 9000', bed.daemon.log())
        bed.daemon.process = None


if __name__ == "__main__":
    harness.main()
