#!/usr/bin/python3
"""IPv4 options and IPv6 extension headers, as a client's kernel puts them on, by every way of forwarding.

    client1 ── br0 ── backend1; backend2: nat
                │
               lb0 ┄ shuntd
"""

import socket
import struct

import harness
import packets as p
import ways

SIZE, DATAGRAM = 100_000, 4_000
RECORD_ROUTE = bytes([7, 39, 4]) + bytes(36) + b"\0"
TIMESTAMPS = bytes([68, 36, 5, 0]) + bytes(32)
ROUTER_ALERT = bytes([148, 4, 0, 0])      # stands on every fragment, the others on the first only
EXPERIMENT = bytes([30, 4, 0xAA, 0xBB])   # RFC 4727
SKIPPED = bytes([0x1E, 4, 1, 2, 3, 4])    # RFC 4727: who doesn't know it goes on


def header(*options):
    """A hop-by-hop or destination options header; the kernel says what follows."""
    data = b"".join(options)
    data += {0: b"", 7: b"\0"}.get((2 + len(data)) % 8, bytes([1, (4 - len(data)) % 8]) + bytes((4 - len(data)) % 8))
    return struct.pack("!BB", 0, (2 + len(data)) // 8 - 1) + data


FOUR = (socket.IPPROTO_IP, socket.IP_OPTIONS)
HOP_BY_HOP = (socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS)
DESTINATION = (socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS)
# By family: name, options of the socket
ROWS = {
    4: {"record route": [(*FOUR, RECORD_ROUTE)],
        "timestamps": [(*FOUR, TIMESTAMPS)],
        "router alert": [(*FOUR, ROUTER_ALERT)],
        "unknown": [(*FOUR, EXPERIMENT + ROUTER_ALERT)]},
    6: {"hop by hop": [(*HOP_BY_HOP, header(SKIPPED))],
        "destination": [(*DESTINATION, header(SKIPPED, SKIPPED, SKIPPED))],
        "both": [(*HOP_BY_HOP, header(SKIPPED)), (*DESTINATION, header(SKIPPED, SKIPPED))]},
}


class IpOptions(harness.SmokeTest):
    def test_every_way(self):
        bed = self.bed("ipip", backends=1, ipv6=True)
        translated = ways.serve_all(bed, ["tcp", "udp"])
        ways.serve_transfers(self, bed.backends)
        ways.serve_echoes(self, bed, translated)
        bed.expect_drops(too_big=None)
        bed.start()
        for way in ways.ALL:
            rows = ROWS[way.inner]
            with p.Sniffer(bed.topology.lb, "lb0", lambda packet, outgoing: outgoing and has_options(packet)) as seen:
                for name, options in rows.items():
                    with self.subTest(way=way.name, options=name):
                        ways.upload(bed.client, way, ways.MEGABYTE[:SIZE], options)
                        self.exchange_datagram(bed, way, options)
            self.assertGreaterEqual(len(seen.packets), len(rows) * (SIZE // 1500 + 1), "the kernel put them on")

    def exchange_datagram(self, bed, way, options):
        with ways.datagrams(bed.client, way) as sender:
            for option in options:
                sender.setsockopt(*option)
            sender.sendto(ways.MEGABYTE[:DATAGRAM], (way.vip, way.port))
            ways.echoed(sender, way, ways.MEGABYTE[:DATAGRAM])


def has_options(packet):
    ip = packet.frame[14:]
    return packet.kind == p.ETH_IP and ip[0] > 0x45 or packet.kind == p.ETH_IP6 and ip[6] in (0, 44, 60)


if __name__ == "__main__":
    harness.main()
