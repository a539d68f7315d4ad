#!/usr/bin/python3
"""ICMP of a VIP, between real kernels: pings, the hop of a traceroute, and path MTU discovery in both directions.

    client1 ── router (br9: MTU 1280) ── br0 ── backend1
                                          │
                                         lb0 ┄ shuntd: 1500, less the outer header in ipip
"""

import errno
import os
import socket
import struct
import threading

import harness
import packets as p
import topology as net

MEGABYTE = 1 << 20
IP_RECVERR = 11                  # linux/in.h
TTL_EXPIRED = (2, 11, 0)         # SO_EE_ORIGIN_ICMP, type, code


class EchoServer(threading.Thread):
    """Sends back what comes on one TCP connection, until the client has no more."""

    def __init__(self, host, port):
        super().__init__(daemon=True)
        with host.namespace.inside():
            self._listener = socket.create_server(("0.0.0.0", port))

    def run(self):
        connection, _ = self._listener.accept()
        with connection, self._listener:
            connection.settimeout(20)
            while data := connection.recv(1 << 16):
                connection.sendall(data)


def echo(client, address, port, data):
    """What comes back of `data`."""
    with client.namespace.inside():
        connection = socket.create_connection((address, port), timeout=10)

    def send():
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    back = bytearray()
    with connection:
        connection.settimeout(20)
        sender = threading.Thread(target=send)
        sender.start()
        while piece := connection.recv(1 << 16):
            back += piece
        sender.join()
    return bytes(back)


class Pings(harness.SmokeTest):
    def test_vips_answer_pings(self):
        bed = self.bed("l2", backends=1, ipv6=True)
        bed.config["service"].append({**bed.config["service"][0], "name": "prefix", "address": "198.51.100.0/28"})
        bed.config["service"].append({**bed.config["service"][0], "name": "six", "address": net.VIP6})
        bed.config["pool"].append({"name": "six", "backend": [{"name": "b", "address": bed.backends[0].address6}]})
        bed.config["service"][-1]["pool"] = "six"
        bed.client.namespace.ip(f"route add 198.51.100.0/28 via {net.NODE}")
        bed.daemon.start(bed.config)
        asked = 0
        for namespace in (bed.client.namespace, bed.topology.lb):
            for address in (net.VIP, net.VIP6, "198.51.100.0", "198.51.100.9"):
                for size in ("0", "56", "1400"):
                    said = namespace.run("ping", "-c", "3", "-i", "0.02", "-W", "2", "-s", size, "-Q", "0xb8", address)
                    self.assertIn(" 0% packet loss", said, f"{address}, {size} bytes")
                    asked += 3
        bed.expect_drops(echo=asked)
        self.assertGreaterEqual(bed.daemon.drops()["originated"], asked)

    def test_a_flood_is_answered_at_the_rate(self):
        bed = self.bed("l2", backends=1)
        bed.config["icmp"] = {"rate": 5}
        bed.start()
        with p.Sniffer(bed.client.namespace, "eth0", lambda packet, outgoing: not outgoing and packet.protocol == p.ICMP) as seen:
            request = struct.pack("!BBHHH", 8, 0, 0, 7, 7)
            request = request[:2] + struct.pack("!H", p.checksum(request)) + request[4:]
            ping = p.ethernet(bed.daemon.port()["mac"], bed.client.mac,
                              p.ipv4(bed.client.address, net.VIP, request, protocol=p.ICMP))
            p.send_frames(bed.client.namespace, "eth0", [ping] * 200)
            harness.wait_until(lambda: sum(bed.daemon.drops()["dropped"][reason] for reason in ("echo", "answer_limit")) == 200,
                               5, "200 pings are accounted for")
        answered = bed.daemon.drops()["dropped"]["echo"]
        self.assertEqual(len(seen.packets), answered)
        self.assertIn(answered, (5, 10), "5 in each second that they fell into")
        bed.expect_drops(echo=answered, answer_limit=200 - answered)


@harness.each_forward
class Paths(harness.SmokeTest):
    def routed(self, forward):
        bed = self.bed(forward, services={"echo": ("tcp", 7000), "udp": ("udp", 7000)}, backends=1, router=True)
        return bed

    def check_traceroute(self, forward):
        bed = self.routed(forward)
        bed.start()
        with bed.client.namespace.inside():
            probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with probe:
            probe.settimeout(3)
            probe.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 2)  # the router takes one
            probe.connect((bed.vip, 7000))
            probe.send(b"who is there?")
            with self.assertRaises(OSError) as refused:
                probe.recv(100)
            self.assertEqual(refused.exception.errno, errno.EHOSTUNREACH)
            _, ancillary, _, _ = probe.recvmsg(100, 512, socket.MSG_ERRQUEUE)
        extended = next(data for level, kind, data in ancillary if (level, kind) == (socket.IPPROTO_IP, IP_RECVERR))
        origin, kind, code = extended[4:7]
        self.assertEqual((origin, kind, code), TTL_EXPIRED)
        self.assertEqual(socket.inet_ntoa(extended[20:24]), bed.vip, "the VIP is the hop")
        bed.expect_drops(ttl=1)

    def check_path_mtu(self, forward):
        """A megabyte up and down: upwards shunt tells what fits, downwards the router, through shunt, tells the backend."""
        bed = self.routed(forward)
        router = bed.topology.router.namespace
        EchoServer(bed.backends[0], harness.backend_port(forward, 7000)).start()
        bed.start()
        if forward == "nat":
            bed.topology.lb.ip(f"route add 10.2.0.0/24 via {bed.topology.router.address}")
        router.ip("link set dev br9 mtu 1280")
        data = os.urandom(MEGABYTE)
        with p.Sniffer(bed.topology.lb, "lb0", lambda packet, outgoing: packet.protocol == p.ICMP) as seen:
            self.assertTrue(echo(bed.client, bed.vip, 7000, data) == data, "it comes back whole")
        told = [packet for packet in seen.packets if packet.destination == bed.vip]
        self.assertTrue(told, "the router told the VIP what fits to the client")
        bed.expect_drops(too_big=None if forward == "ipip" else 0)
        if forward == "ipip":
            self.assertGreaterEqual(bed.daemon.drops()["dropped"]["too_big"], 1)


if __name__ == "__main__":
    harness.main()
