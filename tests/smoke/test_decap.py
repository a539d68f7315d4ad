#!/usr/bin/python3
"""The decapsulation program of ebpf/ on a real kernel, with real TCP; no shuntd.

    client1 ── br0 ── backend1 (VIP on lo, decap on eth0)
                │
               lb0 ── Encapsulator, a few lines of Python: what comes for the VIP goes to backend1 in an outer header

Requests pass the encapsulator, answers go straight from backend1 to the client.
"""

import fcntl
import json
import os
import select
import socket
import struct
import threading

import harness
import packets as p
import topology as net
import traffic
from kernel_counters import tcp_counters
from programs import program

TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_MULTI_QUEUE = 0x400454CA, 0x0002, 0x1000, 0x0100
OWN_MAC = "02:00:00:00:00:01"
OUTER_SOURCE = "10.0.0.2"
OUTER_SOURCE6 = "2001:db8:2::2"
# Variant 0, and how many words of private data it has.
GUE_WORDS = {"gue variant 0": 0, "gue variant 0, 4 bytes": 1, "gue variant 0, 124 bytes": 31}
KINDS = ("ipip", "gue", "gre", *GUE_WORDS)


class Encapsulator(threading.Thread):
    def __init__(self, topology):
        super().__init__(daemon=True)
        self.backend = topology.backends[0]
        self.encapsulated = 0
        self.answers_seen = 0
        self._done = threading.Event()
        with topology.lb.inside():
            self._tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(self._tap, TUNSETIFF, struct.pack("16sH22x", b"lb0", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE))

    def run(self):
        while not self._done.is_set():
            if select.select([self._tap], [], [], 0.05)[0]:
                self._handle(p.Packet(os.read(self._tap, 2048)))

    def _handle(self, packet):
        if packet.operation == 1 and packet.destination == net.VIP:
            answer = p.arp(2, OWN_MAC, net.VIP, packet.sender_mac, packet.source)
            os.write(self._tap, p.ethernet(packet.sender_mac, OWN_MAC, answer, p.ETH_ARP))
        elif packet.destination == net.VIP:
            self.encapsulated += 1
            outer = p.ipv4(OUTER_SOURCE, self.backend.address, packet.frame[14:], protocol=p.IPIP)
            os.write(self._tap, p.ethernet(self.backend.mac, OWN_MAC, outer))
        elif packet.source == net.VIP:
            self.answers_seen += 1

    def stop(self):
        self._done.set()
        self.join()
        os.close(self._tap)


class Decap(harness.SmokeTest):
    def setUp(self):
        super().setUp()
        self.topology = net.Topology("ipip", backends=1, decap=harness.decap_object(), ipv6=True)
        self.addCleanup(self.topology.close)
        self.client, self.backend = self.topology.clients[0], self.topology.backends[0]

    def test_tcp_through_a_tunnel_answers_directly(self):
        harness.start_nginx(self.topology, self.backend, 80)
        encapsulator = Encapsulator(self.topology)
        encapsulator.start()
        self.addCleanup(encapsulator.stop)
        answers = traffic.http_many([self.client], net.VIP, 50)
        self.assertEqual([(answer.status, answer.body) for answer in answers], [(200, "backend1")] * 50)
        self.assertGreaterEqual(encapsulator.encapsulated, 50 * 4)  # SYN, ACK, request, FIN at least
        self.assertEqual(encapsulator.answers_seen, 0)

    def decap(self, *words):
        return self.backend.namespace.run(program("shunt-decap"), *words)

    def test_shunt_decap_attaches_counts_and_goes(self):
        """Both programs by shunt-decap instead of tc; what it counts is what the kernel sent."""
        self.backend.namespace.run("tc", "filter", "del", "dev", "eth0", "ingress")
        self.assertRaises(net.TopologyError, self.decap, "status", "eth0")  # nothing is attached
        for _ in range(2):  # again: the same
            self.decap("attach", "eth0")
        self.test_tcp_through_a_tunnel_answers_directly()
        before = tcp_counters(self.backend.namespace)["OutRsts"]
        for port in (81, 82, 82):  # nobody listens
            self.assertIn("refused", traffic.http_get(self.client.namespace, net.VIP, port).body)
        # From an address that is no VIP: not counted.
        self.assertIn("refused", traffic.http_get(self.client.namespace, self.backend.address, 83).body)
        self.assertEqual(tcp_counters(self.backend.namespace)["OutRsts"] - before, 4)
        self.decap("attach", "eth0")  # counts go on
        counts = json.loads(self.decap("status", "eth0", "--json"))
        refused = [row for row in counts["resets"] if row["port"] != 80]  # nginx may reset what it served
        self.assertEqual(refused, [{"address": net.VIP, "port": 81, "reset": 0, "refused": 1},
                                   {"address": net.VIP, "port": 82, "reset": 0, "refused": 2}])
        self.assertEqual(counts["others"], {"reset": 0, "refused": 0})
        self.assertIn('shunt_decap_refused_total{address="10.1.0.100",port="82"} 2\n', self.decap("status", "eth0", "--prometheus"))
        self.decap("detach", "eth0")
        self.assertRaises(net.TopologyError, self.decap, "status", "eth0")

    def receive_udp(self, frames):
        """What a UDP socket on the VIP at the backend gets of the frames: [(payload, TOS)]."""
        with self.backend.namespace.inside():
            sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sink:
            sink.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
            sink.settimeout(2)
            sink.bind((net.VIP, 5000))
            last = self.outer(b"last", 0, 0)
            p.send_frames(self.client.namespace, "eth0", [*frames, last])
            got = []
            while not got or got[-1][0] != b"last":
                data, ancillary, _, _ = sink.recvmsg(2048, 64)
                got.append((data, ancillary[0][2][0]))
            return got[:-1]

    def outer(self, payload, outer_tos, inner_tos, **header):
        client = self.client.address
        inner = p.ipv4(client, net.VIP, p.udp(client, net.VIP, 4000, 5000, payload), tos=inner_tos)
        outer = p.ipv4(OUTER_SOURCE, self.backend.address, inner, protocol=p.IPIP, tos=outer_tos, **header)
        return p.ethernet(self.backend.mac, self.client.mac, outer)

    def test_a_congestion_mark_is_carried_inside(self):
        # (outer, inner) → inner; RFC 6040 4.2. The DSCP (46) of the inner header stays.
        expedited = 46 << 2
        rows = [(0, 0, 0), (2, 2, 2), (3, 2, 3), (3, 1, 3), (3, 3, 3),
                (0, expedited | 2, expedited | 2), (3, expedited | 2, expedited | 3)]
        frames = [self.outer(bytes([number]), outer, inner) for number, (outer, inner, _) in enumerate(rows)]
        wanted = [(bytes([number]), tos) for number, (_, _, tos) in enumerate(rows)]
        self.assertEqual(self.receive_udp(frames), wanted)

    def test_a_mark_that_the_sender_cannot_read_drops(self):
        self.assertEqual(self.receive_udp([self.outer(b"not-ect", 3, 0)]), [])

    def inside(self, family, payload, tos):
        client, vip = (self.client.address, net.VIP) if family == 4 else (self.client.address6, net.VIP6)
        build = p.ipv4 if family == 4 else p.ipv6
        return build(client, vip, p.udp(client, vip, 4000, 5000, payload), tos=tos)

    def around(self, kind, family, inner, tos=0, protocol=None):
        """A frame to the backend: `inner` in ipip, gue or gre, over IPv4 or IPv6."""
        source, backend = (OUTER_SOURCE, self.backend.address) if family == 4 else (OUTER_SOURCE6, self.backend.address6)
        build, ethernet_type = (p.ipv4, p.ETH_IP) if family == 4 else (p.ipv6, p.ETH_IP6)
        if kind in GUE_WORDS:
            inner = p.gue(inner, GUE_WORDS[kind])
        if kind == "gue" or kind in GUE_WORDS:
            inner, protocol = p.udp(source, backend, 50000, p.GUE, inner), p.UDP
        elif kind == "gre":
            inner, protocol = p.gre(inner), p.GRE
        else:
            protocol = protocol or (p.IPIP if inner[0] >> 4 == 4 else p.IP6IP)
        return p.ethernet(self.backend.mac, self.client.mac, build(source, backend, inner, protocol=protocol, tos=tos),
                          ethernet_type)

    def sinks(self):
        with self.backend.namespace.inside():
            four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            gue = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        four.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        four.bind((net.VIP, 5000))
        six.bind((net.VIP6, 5000))
        gue.bind(("::", p.GUE))
        for sink in (four, six, gue):
            sink.settimeout(1)
            self.addCleanup(sink.close)
        return {4: four, 6: six, "gue": gue}

    def test_every_outer_header_comes_off(self):
        sinks = self.sinks()
        expedited = 46 << 2
        for kind in KINDS:
            for outer in (4, 6):
                for inner in (4, 6):
                    with self.subTest(kind=kind, outer=outer, inner=inner):
                        payload = f"{kind} {inner} in {outer}".encode()
                        frames = [self.around(kind, outer, self.inside(inner, payload, expedited | 2), tos=tos) for tos in (2, 3)]
                        p.send_frames(self.client.namespace, "eth0", frames)
                        for mark in (2, 3):  # RFC 6040: the outer mark is carried inside
                            data, ancillary, _, _ = sinks[inner].recvmsg(2048, 64)
                            self.assertEqual((data, ancillary[0][2][0]), (payload, expedited | mark))

    def test_what_is_no_outer_header_of_ours(self):
        sinks = self.sinks()
        not_ect = [self.around(kind, outer, self.inside(inner, b"not-ect", 0), tos=3)
                   for kind in KINDS for outer in (4, 6) for inner in (4, 6)]
        wrong = [self.around("ipip", 4, self.inside(4, b"wrong", 0), protocol=p.IP6IP),
                 self.around("ipip", 6, self.inside(6, b"wrong", 0), protocol=p.IPIP),
                 self.around("ipip", 6, b"\x45", protocol=p.IPIP)]
        last = [self.around("ipip", 4, self.inside(inner, b"last", 0)) for inner in (4, 6)]
        p.send_frames(self.client.namespace, "eth0", [*not_ect, *wrong, *last])
        for inner in (4, 6):
            self.assertEqual(sinks[inner].recv(2048), b"last")

    def test_gue_that_is_not_ours_is_the_kernels(self):
        sinks = self.sinks()
        packet = self.inside(4, b"inside", 0)
        bodies = {"a control message": p.gue(packet, control=1), "variant 2": p.gue(packet, version=2),
                  "another protocol": p.gue(packet, protocol=p.UDP), "flags": p.gue(packet, flags=0x8000),
                  "Hlen beyond the end": b"\x1f" + p.gue(packet)[1:], "nothing inside": p.gue(packet)[:4],
                  "another packet than it says": p.gue(packet, protocol=p.IP6IP), "its first bytes": b"\0\4\0",
                  "variant 1 with half a header": packet[:12], "nothing at all": b"?"}
        for name, body in bodies.items():
            for family in (4, 6):
                with self.subTest(name, family=family):
                    p.send_frames(self.client.namespace, "eth0", [self.around("gue", family, body)])
                    self.assertEqual(sinks["gue"].recv(2048), body)
        p.send_frames(self.client.namespace, "eth0", [self.around("gue", 4, self.inside(4, b"last", 0))])
        self.assertEqual(sinks[4].recv(2048), b"last")

    def test_not_ipv4_inside_is_dropped_and_plain_packets_pass(self):
        client = self.client.address
        broken = p.ipv4(OUTER_SOURCE, self.backend.address, b"\x60" + bytes(59), protocol=p.IPIP)
        plain = p.ipv4(client, net.VIP, p.udp(client, net.VIP, 4000, 5000, b"plain"))
        frames = [p.ethernet(self.backend.mac, self.client.mac, packet) for packet in (broken, plain)]
        self.assertEqual(self.receive_udp(frames), [(b"plain", 0)])


if __name__ == "__main__":
    harness.main()
