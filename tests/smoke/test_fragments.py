#!/usr/bin/python3
"""Datagrams of 4,000 bytes, in three fragments in every order, and their answers; kernels put them together at both ends.

    client1 ── br0 ── backend1, backend2 (echo 4,000 bytes; VIPs on lo and decap.bpf.o, or behind nat)
                │
               lb0 ┄ shuntd

Fragments that went to different backends would make no datagram anywhere.
"""

import itertools
import select
import socket
import struct
import threading

import harness
import packets as p
import topology as net

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


class Echo(threading.Thread):
    """Sends every datagram back from the address it came to, with the backend's name before it."""

    def __init__(self, backend, addresses, port):
        super().__init__(daemon=True)
        self.name_of_backend = backend.name.encode()
        self._done = threading.Event()
        self._sockets = [bound(backend.namespace, address, port) for address in addresses]

    def run(self):
        while not self._done.is_set():
            for ready in select.select(self._sockets, [], [], 0.05)[0]:
                payload, sender = ready.recvfrom(65535)
                ready.sendto(self.name_of_backend + payload, sender)

    def stop(self):
        self._done.set()
        self.join()
        for each in self._sockets:
            each.close()


def bound(namespace, address, port):
    with namespace.inside():
        made = socket.socket(socket.AF_INET6 if is_six(address) else socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    made.settimeout(5)
    return made


class Fragments(harness.SmokeTest):
    def start_bed(self, forward):
        bed = self.bed(forward, backends=2, ipv6=True)
        nat = forward == "nat"
        number = harness.backend_port(forward, PORT)
        for backend in bed.backends:
            addresses = [backend.address, backend.address6] if nat else [net.VIP, net.VIP6]
            echo = Echo(backend, addresses, number)
            echo.start()
            self.addCleanup(echo.stop)
        bed.config["pool"] = [{"name": name, "slots": 65537,
                               "backend": [{"name": backend.name, "address": getattr(backend, key), **({"port": number} if nat else {})}
                                           for backend in bed.backends]}
                              for name, key in (("four", "address"), ("six", "address6"))]
        bed.config["service"] = [{"name": name, "address": vip, "port": PORT, "protocol": "udp", "forward": forward, "pool": name}
                                 for name, vip in (("four", net.VIP), ("six", net.VIP6))]
        bed.start()
        return bed

    def client_of(self, bed, vip):
        return bed.client.address6 if is_six(vip) else bed.client.address

    def exchange(self, bed, vip, order, number):
        """A datagram whose fragments come in this order; the answer, and the backend that it came from."""
        client = self.client_of(bed, vip)
        segment = p.udp(client, vip, FIRST_SOURCE_PORT + number, PORT, PAYLOAD)
        parts = fragments(client, vip, segment, 1000 + number)
        kind = p.ETH_IP6 if is_six(vip) else p.ETH_IP
        mac = bed.daemon.port()["mac"]
        with bound(bed.client.namespace, client, FIRST_SOURCE_PORT + number) as listener:
            p.send_frames(bed.client.namespace, "eth0", [p.ethernet(mac, bed.client.mac, parts[part], kind) for part in order])
            answer, sender = listener.recvfrom(65535)
        self.assertEqual(sender[:2], (vip, PORT))
        self.assertTrue(answer.endswith(PAYLOAD))
        return answer[:-len(PAYLOAD)].decode()

    def check_every_order(self, bed):
        for vip in (net.VIP, net.VIP6):
            backends = set()
            for number, order in enumerate(ORDERS):
                with self.subTest(vip=vip, order=order):
                    backends.add(self.exchange(bed, vip, order, number))
            self.assertEqual(backends, {"backend1", "backend2"}, "six flows meet both")

    def test_every_order_in_ipip(self):
        bed = self.start_bed("ipip")
        self.check_every_order(bed)
        # By the client's kernel, in fragments that leave no room for an outer header: shuntd cuts them once more.
        with bound(bed.client.namespace, bed.client.address, FIRST_SOURCE_PORT + 50) as sender:
            sender.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
            sender.sendto(PAYLOAD, (net.VIP, PORT))
            self.assertTrue(sender.recvfrom(65535)[0].endswith(PAYLOAD))
        self.assertGreater(bed.daemon.drops()["originated"], 0)

    def test_every_order_in_nat(self):
        bed = self.start_bed("nat")
        self.check_every_order(bed)
        self.check_answers_in_every_order(bed)

    def check_answers_in_every_order(self, bed):
        """A kernel sends its fragments in one order only: these answers are made by hand."""
        mac, backend = bed.daemon.port()["mac"], bed.backends[0]
        number = harness.backend_port("nat", PORT)
        for vip, source in ((net.VIP, backend.address), (net.VIP6, backend.address6)):
            client = self.client_of(bed, vip)
            for count, order in enumerate(ORDERS):
                with self.subTest(answers=vip, order=order):
                    sport = FIRST_SOURCE_PORT + 100 + count
                    parts = fragments(source, client, p.udp(source, client, number, sport, PAYLOAD), 2000 + count)
                    kind = p.ETH_IP6 if is_six(vip) else p.ETH_IP
                    with bound(bed.client.namespace, client, sport) as listener:
                        p.send_frames(backend.namespace, "eth0", [p.ethernet(mac, backend.mac, parts[part], kind) for part in order])
                        answer, sender = listener.recvfrom(65535)
                    self.assertEqual((answer, sender[:2]), (PAYLOAD, (vip, PORT)))


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
        p.write_pcap(f"{folder}/in.pcap", [p.ethernet(self.MAC, self.GATEWAY_MAC, packet) for packet in (fits, cut, marked)])
        bed.config["port"] = [{"name": "net0", "mac": self.MAC, "gateway_mac": self.GATEWAY_MAC, "encap_source": "10.0.0.2", "mtu": 9000,
                               "device": f"vdev:net_pcap0,rx_pcap={folder}/in.pcap,tx_pcap={folder}/out.pcap"}]
        bed.config["service"][0]["announce"] = "none"
        bed.daemon.on_taps = False
        bed.expect_drops(too_big=1)
        bed.daemon.start(bed.config)
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

    def test_a_tap_says_that_it_cannot(self):
        bed = self.bed("ipip", backends=1)
        bed.config["port"][0]["mtu"] = 9000
        bed.daemon.launch(bed.config)
        self.assertEqual(bed.daemon.process.wait(10), 1)
        self.assertIn('port "net0" (tap:lb0): takes frames of at most 1522 bytes, too few for an mtu of 9000', bed.daemon.log())
        bed.daemon.process = None


if __name__ == "__main__":
    harness.main()
