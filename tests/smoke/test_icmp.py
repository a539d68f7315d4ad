#!/usr/bin/python3
"""ICMP of a VIP, between real kernels: pings, the hop of a traceroute, and refused datagrams. (Path MTU: test_paths.py.)

    client1 ── router ── br0 ── backend1, backend2; backend3, backend4: nat
                          │
                         lb0 ┄ shuntd
"""

import contextlib
import errno
import select
import socket
import struct

import harness
import packets as p
import topology as net
import ways

# Of a family: the level of its options, that for errors, that for hops, what an error says (origin, type, code: linux/errqueue.h),
# and where the address that it came from stands behind that.
TRACE = {4: (socket.IPPROTO_IP, 11, socket.IP_TTL, (2, 11, 0), 20),
         6: (socket.IPPROTO_IPV6, 25, socket.IPV6_UNICAST_HOPS, (3, 3, 0), 24)}


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


class Errors(harness.SmokeTest):
    """In every way of forwarding."""

    def start_bed(self):
        bed = self.bed("ipip", backends=2, router=True, ipv6=True)
        self.translated = ways.serve_all(bed, ["udp"], nat_backends=2)
        for host in (bed.client, *bed.backends):
            host.namespace.sysctl(**{"net/ipv4/icmp_ratelimit": 0, "net/ipv6/icmp/ratelimit": 0})
        bed.start()
        bed.topology.lb.ip(f"route add 10.2.0.0/24 via {net.ROUTER}", f"route add 2001:db8:9::/64 via {net.ROUTER6}")
        return bed

    def test_the_hop_of_a_traceroute(self):
        bed = self.start_bed()
        for way in ways.ALL:
            with self.subTest(way=way.name), ways.bound(bed.client.namespace, way.address_of(bed.client)) as probe:
                level, receive_errors, hops, expired, at = TRACE[way.inner]
                probe.setsockopt(level, receive_errors, 1)
                probe.setsockopt(level, hops, 2)  # the router takes one
                probe.connect((way.vip, way.port))
                probe.send(b"who is there?")
                with self.assertRaises(OSError) as refused:
                    probe.recv(100)
                self.assertEqual(refused.exception.errno, errno.EHOSTUNREACH)
                _, ancillary, _, _ = probe.recvmsg(100, 512, socket.MSG_ERRQUEUE)
                extended = next(data for *kind, data in ancillary if kind == [level, receive_errors])
                self.assertEqual(tuple(extended[4:7]), expired)
                hop = extended[at:at + (4 if way.inner == 4 else 16)]
                self.assertEqual(socket.inet_ntop(socket.AF_INET if way.inner == 4 else socket.AF_INET6, hop), way.vip)
        bed.expect_drops(ttl=len(ways.ALL))

    def test_a_closed_port_at_either_end(self):
        bed = self.start_bed()
        for way in ways.ALL:
            with self.subTest(way=way.name, closed="the backend's"):
                self.check_backend_refuses(bed, way)
            with self.subTest(way=way.name, closed="the client's"):
                self.check_client_refuses(bed, way)

    def check_backend_refuses(self, bed, way):
        with ways.bound(bed.client.namespace, way.address_of(bed.client)) as client:
            client.settimeout(0.2)
            client.connect((way.vip, way.port))

            def refused():
                try:
                    client.send(b"is this open?")
                    client.recv(100)
                except TimeoutError:  # nat's first answer, to a router that the kernel doesn't know yet
                    return False
                except ConnectionRefusedError:
                    return True

            harness.wait_until(refused, 5, "the client hears of it")

    def check_client_refuses(self, bed, way):
        """The client is gone when the answer comes; what its kernel says of that reaches the backend that answered, and its socket."""
        with contextlib.ExitStack() as stack:
            is_nat = way.is_nat
            listeners = [stack.enter_context(ways.bound(host.namespace, way.address_of(host) if is_nat else way.vip, way.backend_port))
                         for host in bed.backends if is_nat == (host in self.translated)]
            with ways.bound(bed.client.namespace, way.address_of(bed.client)) as client:
                client.sendto(b"a question", (way.vip, way.port))
                owner = select.select(listeners, [], [], ways.PATIENCE)[0][0]
                _, sender = owner.recvfrom(100)
            owner.connect(sender)
            owner.send(b"an answer")
            with self.assertRaises(ConnectionRefusedError):
                while True:  # a question that was late
                    owner.recv(100)


if __name__ == "__main__":
    harness.main()
