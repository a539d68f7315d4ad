"""Adversarial sequences of events, by seed: `events(seed, length)`.

Actors (a TCP flow, a cut datagram, a prober …) are interleaved at random with health changes, configurations and time. What one
actor sends is in order unless it means otherwise. `python3 -m model.generate --seed 7 --events 100` prints events as JSON lines.
"""

import argparse
import json
import random
import re
import struct

from . import build, headers
from .addresses import address as packed, mac
from .configurations import CLIENTS, FORWARDS, KEYS, PORTS, backend_address, configuration, families, neighbours, vip
from .packet import (ACK, AH, DESTINATION, FIN, HIP, HOP_BY_HOP, ICMP, ICMP6, MOBILITY, NO_NEXT, ROUTING, RST, SHIM6, SYN, TCP, UDP)
from .services import TUNNELS

SECOND = 10**9
STEPS = (0, 0, 0, 10**6, 10**8, 5 * SECOND, 40 * SECOND, 200 * SECOND)
BAD_SOURCES = {4: ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "198.51.100.12", "192.0.2.241"),
               6: ("::", "::1", "ff02::1", "2001:db8:100::c", "2001:db8::f1")}


class Target:
    """A service to send to: its VIP, port and protocol."""

    def __init__(self, rng, forwards, mtus=(1500, 1500)):
        self.rng = rng
        self.mtus = mtus
        self.forward = rng.choice(forwards)
        self.family = rng.choice((4, 6))
        self.protocol = rng.choice((TCP, TCP, UDP))
        self.vip = vip(self.forward, self.family)
        self.port = 80 if self.protocol == TCP else 53
        if self.protocol == UDP and self.forward != "nat" and rng.random() < 0.3:
            self.vip, self.port = self.prefix_vip(), rng.choice((53, 443, 6080, 1))
        self.client = rng.choice(CLIENTS[self.family])
        self.sport = rng.randrange(1024, 65536)
        tags = [build.tag(rng.randrange(1, 4095))]
        self.tags = b"" if rng.random() < 0.8 else rng.choice([tags[0], build.tag(7, 0x88A8) + tags[0]])

    def prefix_vip(self):
        last = self.rng.randrange(32)
        block = sorted(FORWARDS).index(self.forward) * 32
        return f"203.0.113.{block + last}" if self.family == 4 else f"2001:db8:200:{block:x}::{last:x}"

    @property
    def icmp(self):
        return ICMP if self.family == 4 else ICMP6

    def upper(self, flags=ACK, seq=1001, ack=1, payload=b"", options=b"", checked=True):
        if self.protocol == TCP:
            return build.tcp(self.client, self.vip, self.sport, self.port, flags, seq, ack, payload, options)
        return build.udp(self.client, self.vip, self.sport, self.port, payload, checked=checked or self.family == 6)

    def packet(self, upper=None, source=None, **options):
        return build.ip(source or self.client, self.vip, self.protocol, self.upper() if upper is None else upper, **options)

    def frame(self, packet, port="net0", **options):
        options.setdefault("tags", self.tags)
        options.setdefault("destination", mac(PORTS[port]["mac"]))
        data = build.ethernet(packet, **options)
        return {"type": "frame", "port": port, "hex": data.hex()}


def backend(forward, family, number):
    """Address of a backend of that pool."""
    kinds = families(forward, family)
    return backend_address(forward, kinds[number % len(kinds)], number + 8 * (family == 6))


def payload(rng, size=None):
    return rng.randbytes(rng.choice((0, 1, 7, 64, 500)) if size is None else size)


# -- actors: each yields events --------------------------------------------------------------------------------------------

def tcp_flow(rng, target):
    target.protocol, target.port = TCP, 80
    target.vip = vip(target.forward, target.family)
    seq = rng.randrange(1 << 32)
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        yield target.frame(target.packet(target.upper(SYN, seq, 0, options=b"\2\4\5\xb4\1\3\3\7")))
    ahead = rng.choice((1, 1, 1, 0, (1 << 20) + 1, 1 << 20))
    yield target.frame(target.packet(target.upper(ACK, seq + ahead)))
    at = seq + 1
    for _ in range(rng.randrange(5)):
        data = payload(rng)
        yield target.frame(target.packet(target.upper(ACK | 8, at, payload=data), tos=rng.randrange(256)))
        at += len(data)
    for flags in rng.choice(([], [FIN | ACK], [FIN | ACK, ACK], [RST], [RST, ACK], [FIN], [SYN], [FIN | ACK, SYN, ACK])):
        yield target.frame(target.packet(target.upper(flags, at if flags != SYN else at + 5000)))
    if rng.random() < 0.3:
        yield target.frame(target.packet(target.upper(ACK, at + 5001, payload=payload(rng))))


def udp_flow(rng, target):
    target.protocol, target.port = UDP, 53
    target.vip = vip(target.forward, target.family)
    for _ in range(rng.randrange(1, 5)):
        yield target.frame(target.packet(target.upper(payload=payload(rng), checked=rng.random() < 0.8)))


def odd_flags(rng, target):
    target.protocol, target.port, target.vip = TCP, 80, vip(target.forward, target.family)
    for _ in range(4):
        yield target.frame(target.packet(target.upper(rng.randrange(256), rng.randrange(1 << 32))))


def sizes(rng, target):
    """Around every limit that a mode has, with DF and without, with options and extension headers, itself a fragment."""
    for _ in range(4):
        room = target.mtus[1] - headers.overhead(target.forward, rng.choice((4, 16)))
        size = rng.choice((room - 1, room, room, room + 1, room + 1, room + 8, room + 21, target.mtus[1], 2 * room + 1, 1280, 600))
        more, options = 0, {}
        if target.family == 4:
            options = {"flags": rng.choice((0, 0, 0x4000)), "identification": rng.randrange(1 << 16)}
            if rng.random() < 0.3:  # copied into every piece, or not (RFC 791 3.1)
                options["options"] = rng.choice((b"\x94\4\0\0", b"\7\7\4\0\0\0\0\0", b"\1\x94\4\0\0\0\0\0", b"\x88\4\1\2\x44\4\5\0"))
                more = len(options["options"])
            if rng.random() < 0.15:
                options["flags"] = 0x2000
                size -= (size - 20 - more) % 8
        elif rng.random() < 0.3:
            options, more = {"extensions": [(DESTINATION, build.extension(16))]}, 16
        header = (20 if target.family == 4 else 40) + more + (20 if target.protocol == TCP else 8)
        yield target.frame(target.packet(target.upper(payload=payload(rng, max(0, size - header))), **options))


def segment_sizes(rng, target):
    """SYNs, and a nat backend's SYN-ACKs, with an MSS option somewhere, or something like it."""
    target.protocol, target.port, target.vip = TCP, 80, vip(target.forward, target.family)
    for _ in range(4):
        mss = b"\2\4" + struct.pack("!H", rng.choice((65535, 8960, 1460, 1401, 1400, 1399, 1220, 536, 535, 0, rng.randrange(1 << 16))))
        options = rng.choice((b"", b"\1", b"\1\1", b"\1\1\1", b"\3\3\7", b"\4\2", b"\x1e\5abc", b"\x08\x0a" + bytes(8))) + mss
        options = rng.choice((options, options, options, options, options + mss, b"\0" + mss, b"\x1e\0" + mss, b"\x1e\x28" + mss, mss[:3]))
        if target.forward == "nat" and rng.random() < 0.5:
            address, number = backend("nat", target.family, 1), target.sport
            upper = build.tcp(address, target.client, 8081, number, SYN | ACK, 7, 8, options=options)
            yield target.frame(build.ip(address, target.client, TCP, upper), "net1")
        else:
            flags = rng.choice((SYN, SYN, SYN, SYN | ACK, ACK))
            yield target.frame(target.packet(target.upper(flags, rng.randrange(1 << 32), 0, options=options)))


def replies(rng, target):
    """From a nat backend, whether anybody asked or not."""
    target.forward = "nat"
    target.vip = vip("nat", target.family)
    number = rng.randrange(3)
    address = backend("nat", target.family, number)
    sport = rng.choice((8080 + number, 8080 + number, 8080, 22))
    client, target.tags = target.client, b""
    for flags in (SYN | ACK, ACK, rng.choice((ACK, FIN | ACK, RST))):
        if target.protocol == TCP:
            upper = build.tcp(address, client, sport, target.sport, flags, 5, 6, payload(rng), b"\2\4\5\xb4" if flags & SYN else b"")
        else:
            upper = build.udp(address, client, sport, target.sport, payload(rng))
        packet = build.ip(address, client, target.protocol, upper, ttl=rng.choice((64, 64, 64, 2, 1, 0)))
        yield target.frame(packet, rng.choice(("net1", "net1", "net1", "net0")))
    for flags in (0, 0x4000):
        size = target.mtus[0] + rng.choice((-1, 0, 1, 9, 700))
        options = {"flags": flags, "identification": rng.randrange(1 << 16)} if target.family == 4 else {}
        body = payload(rng, size - (28 if target.family == 4 else 48))
        upper = build.udp(address, client, 8080 + number, target.sport, body)
        yield target.frame(build.ip(address, client, UDP, upper, **options), "net1")


def reply_datagram(rng, target):
    """A nat backend's datagram in pieces, in any order, sometimes one twice, to a client or to the node itself."""
    target.forward, target.protocol, target.tags = "nat", UDP, b""
    address = backend("nat", target.family, 1)
    node = "192.0.2.2" if target.family == 4 else "2001:db8::2"
    client = rng.choice((target.client,) * 5 + (node,))
    sport = rng.choice((8081, 8081, 8081, 53))
    options = {"flags": 0} if target.family == 4 else {}
    whole = build.ip(address, client, UDP, build.udp(address, client, sport, target.sport, payload(rng, rng.choice((100, 1000)))),
                     ttl=rng.choice((64, 64, 64, 1)), **options)
    pieces = build.cut(whole, [rng.choice((8, 64)), rng.choice((8, 64))], rng.randrange(1 << 16))
    rng.shuffle(pieces)
    if rng.random() < 0.2:
        pieces.insert(rng.randrange(len(pieces) + 1), mangled_piece(rng, rng.choice(pieces)))
    for piece in pieces:
        yield target.frame(piece, "net1")


def errors(rng, target):
    """ICMP errors about a flow, some known, quoting as little as allowed or less."""
    if rng.random() < 0.7:
        for _ in range(2):
            yield target.frame(target.packet(target.upper(ACK, 1001)))
    size = rng.choice((8, 8, 8, 20, 40, 7, 0, 400))
    quoted_upper = (build.tcp(target.vip, target.client, target.port, target.sport, ACK, 9, 9) if target.protocol == TCP else
                    build.udp(target.vip, target.client, target.port, target.sport, b"x" * 20, checked=rng.random() < 0.8))
    options = {"options": b"\x94\4\0\0"} if target.family == 4 and rng.random() < 0.2 else {}
    if target.family == 6 and rng.random() < 0.3:
        options = {"extensions": [(DESTINATION, build.extension())]}
    if target.family == 4 and rng.random() < 0.15:
        options["flags"] = rng.choice((0x2000, 0x2010, 3))  # a first fragment's, a later one's
    elif target.family == 6 and rng.random() < 0.15:
        options = {"extensions": [build.fragment_extension(9, rng.choice((0, 0, 80)), 1)]}
    quoted_source = rng.choice((target.vip,) * 9 + (backend(target.forward, target.family, 0) if target.family in
                               families(target.forward, target.family) else target.client,))
    if len(packed(quoted_source)) != len(packed(target.vip)):
        quoted_source = target.vip
    quoted = build.ip(quoted_source, target.client, rng.choice((target.protocol,) * 6 + (47,)), quoted_upper, **options)
    head = len(quoted) - len(quoted_upper)
    for _ in range(2):
        kind, code, rest = rng.choice(ERRORS[target.family])
        router = rng.choice((target.client, "203.0.200.1" if target.family == 4 else "2001:db8:ffff::1"))
        message = build.icmp(router, target.vip, kind, code, rest + quoted[:head + size])
        if rng.random() < 0.1:
            message = headers.put(message, 2, b"\x12\x34")
        yield target.frame(build.ip(router, target.vip, target.icmp, message, ttl=rng.choice((64, 64, 1))))


ERRORS = {4: [(3, 4, struct.pack("!I", mtu)) for mtu in (1400, 552, 551, 0, 68)] + [(3, 1, bytes(4)), (11, 0, bytes(4)),
              (12, 0, bytes([20, 0, 0, 0])), (3, 3, bytes(4)), (4, 0, bytes(4)), (5, 0, bytes(4))],
          6: [(2, 0, struct.pack("!I", mtu)) for mtu in (1400, 1280, 1279, 0)] + [(1, 0, bytes(4)), (3, 0, bytes(4)), (4, 1, bytes(4))]}


def errors_from_inside(rng, target):
    """From a nat backend or a router before it, about what shunt sent to the backend."""
    target.forward = "nat"
    address = backend("nat", target.family, 1)
    upper = (build.tcp(target.client, address, target.sport, 8081, ACK) if target.protocol == TCP else
             build.udp(target.client, address, target.sport, 8081, b"y" * 12))
    quoted = build.ip(target.client, address, target.protocol, upper)
    size = len(quoted) - len(upper) + rng.choice((8, 20, 100))
    kind, code, rest = rng.choice(ERRORS[target.family][:8])
    source = rng.choice((address, "10.0.0.200" if target.family == 4 else "2001:db8:1::200"))
    message = build.icmp(source, target.client, kind, code, rest + quoted[:size])
    yield target.frame(build.ip(source, target.client, target.icmp, message), "net1")


def echoes(rng, target):
    kind = 8 if target.family == 4 else 128
    for _ in range(rng.choice((1, 2, 20))):
        size = rng.choice((4, 5, 12, 60, 60, 60, target.mtus[0] - (24 if target.family == 4 else 44) + rng.choice((0, 1, 300))))
        message = build.icmp(target.client, target.vip, kind, rng.choice((0, 0, 0, 3)), payload(rng, size))
        if rng.random() < 0.05:
            message = headers.put(message, 2, b"\0\1")
        options = {"ttl": rng.choice((64, 255, 1)), "tos": rng.randrange(256)}
        if rng.random() < 0.1:
            options |= {"options": b"\x94\4\0\0"} if target.family == 4 else {"extensions": [(HOP_BY_HOP, build.extension())]}
        source = rng.choice((build.CLIENT_MAC,) * 9 + (bytes.fromhex("030000000001"),))
        yield target.frame(build.ip(target.client, target.vip, target.icmp, message, **options), source=source)


def datagram(rng, target, mangled=1):
    """A datagram in pieces: any order, lost, doubled, overlapping, too small, beyond the end."""
    if target.protocol == TCP and rng.random() < 0.5:
        target.protocol, target.port, target.vip = UDP, 53, vip(target.forward, target.family)
    options = {"flags": rng.choice((0, 0x4000)), "ttl": rng.choice((64, 64, 64, 64, 2, 1, 0)), "tos": rng.randrange(256)}
    if target.family == 6:
        del options["flags"]
    elif rng.random() < 0.1:
        options["options"] = b"\x94\4\0\0"
    whole = target.packet(target.upper(payload=payload(rng, rng.choice((100, 1000, 3000)))), **options)
    if target.family == 6 and rng.random() < 0.2:  # the chain behind the fragment header is in the first one
        whole = build.ipv6(target.client, target.vip, DESTINATION, bytes([target.protocol]) + build.extension() + whole[40:])
    first = rng.choice((8, 16, 24, 64, 512, 1200))
    pieces = build.cut(whole, [first] + [rng.choice((8, 64, 512, 1200)) for _ in range(rng.randrange(4))], rng.randrange(1 << 16))
    order = rng.choice(("straight", "backwards", "shuffled", "shuffled"))
    pieces = pieces[::-1] if order == "backwards" else pieces
    if order == "shuffled":
        rng.shuffle(pieces)
    for _ in range(rng.choice((0, 0, mangled))):
        pieces.insert(rng.randrange(len(pieces) + 1), mangled_piece(rng, rng.choice(pieces)))
    if rng.random() < 0.1 and len(pieces) > 1:
        pieces.pop()
    for piece in pieces:
        yield target.frame(piece)


def sound_datagram(rng, target):
    yield from datagram(rng, target, mangled=0)


def mangled_piece(rng, piece):
    """The same again, an overlap, one of odd length, or one that ends beyond 65,535."""
    kind = rng.choice(("same", "overlap", "odd", "far"))
    if piece[0] >> 4 == 4:
        end = (piece[0] & 15) * 4
        word, = struct.unpack("!H", piece[6:8])
        payload_bytes = piece[end:]
        if kind == "overlap":
            word, payload_bytes = word + 1 if len(payload_bytes) > 8 else word, payload_bytes[:-8] or payload_bytes
        if kind == "odd":
            word, payload_bytes = word | 0x2000, payload_bytes[:-3]
        if kind == "far":
            word = (word & 0xE000) | 0x1FFE
        header = piece[:2] + struct.pack("!HHH", end + len(payload_bytes), int.from_bytes(piece[4:6], "big"), word) + piece[8:end]
        return headers.with_header_checksum(header) + payload_bytes
    word = int.from_bytes(piece[42:44], "big")
    payload_bytes = piece[48:]
    if kind == "overlap":
        word, payload_bytes = word + 8 if len(payload_bytes) > 8 else word, payload_bytes[:-8] or payload_bytes
    if kind == "odd":
        word, payload_bytes = word | 1, payload_bytes[:-3]
    if kind == "far":
        word = 0xFFF0 | word & 1
    return piece[:4] + struct.pack("!H", 8 + len(payload_bytes)) + piece[6:42] + struct.pack("!H", word) + piece[44:48] + payload_bytes


def extension_chains(rng, target):
    target.family, target.client = 6, rng.choice(CLIENTS[6])
    target.vip = vip(target.forward, 6)
    target.port = 80 if target.protocol == TCP else 53
    pad = build.extension()
    chains = [[(HOP_BY_HOP, pad)], [(DESTINATION, pad)] * 8, [(DESTINATION, pad)] * 9, [(DESTINATION, build.extension(256))],
              [(DESTINATION, build.extension(256)), (DESTINATION, pad)], [(DESTINATION, build.extension(248)), (DESTINATION, pad)],
              [(DESTINATION, build.extension(264))], [(ROUTING, bytes([0, 0, 0, 0, 0, 0, 0]))], [(ROUTING, bytes([0, 4, 0, 0, 0, 0, 0]))],
              [(ROUTING, bytes([2, 0, 1] + [0] * 20))], [(AH, bytes([4]) + bytes(22))], [(HOP_BY_HOP, pad), (AH, bytes([4]) + bytes(22))],
              [build.fragment_extension(77, 0, 0)], [build.fragment_extension(78, 0, 0), (DESTINATION, pad)], [(DESTINATION, pad), (HOP_BY_HOP, pad)],
              [(MOBILITY, pad)], [(HIP, pad)], [(SHIM6, pad), (MOBILITY, pad)], [(ROUTING, bytes([0, 4, 1, 0, 0, 0, 0]))],
              [build.fragment_extension(82, 0, 0), build.fragment_extension(83, 0, 1)], [build.fragment_extension(84, 8, 1), (DESTINATION, pad)],
              [(HOP_BY_HOP, pad), build.fragment_extension(79, 0, 1), (DESTINATION, pad)],
              [(DESTINATION, bytes([200]) + bytes(6))], [(DESTINATION, pad)] * 7 + [build.fragment_extension(80, 0, 1)],
              [(DESTINATION, pad)] * 8 + [build.fragment_extension(81, 0, 1)]]
    for _ in range(3):
        upper = target.upper(payload=payload(rng, 64))
        protocol = target.protocol if rng.random() < 0.95 else NO_NEXT
        yield target.frame(build.ipv6(target.client, target.vip, protocol, upper, extensions=rng.choice(chains)))


def option_lists(rng, target):
    target.family, target.client, target.vip = 4, rng.choice(CLIENTS[4]), vip(target.forward, 4)
    target.port = 80 if target.protocol == TCP else 53
    lists = (b"\1\1\1\1", b"\x94\4\0\0", b"\x83\7\4\1\2\3\4\0", b"\x89\7\4\1\2\3\4\0", b"\7\7\4\0\0\0\0\0", b"\x44\x0c\5\0" + bytes(8),
             b"\x94\0\0\0", b"\x94\1\0\0", b"\x94\5\0\0", b"\0\x83\x83\x83", b"\1\1\1\x94", b"\x99\x28" + bytes(38))
    for _ in range(3):
        packet = target.packet(target.upper(payload=payload(rng)), options=rng.choice(lists), flags=rng.choice((0, 0x4000, 0x8000)))
        yield target.frame(packet)


def truncated(rng, target):
    """One frame at a stretch of its lengths, plain or with the length fields made to agree."""
    whole = target.frame(target.packet(target.upper(payload=b"0123456789")))["hex"]
    start = rng.randrange(len(whole) // 2)
    for length in range(start, min(start + 12, len(whole) // 2)):
        yield {"type": "frame", "port": "net0", "hex": whole[:length * 2]}
    upper = target.upper(payload=b"")
    for _ in range(3):
        yield target.frame(target.packet(upper[:rng.randrange(len(upper))]))


def flipped(rng, target):
    """Bytes changed at random: behind the MAC addresses, so that it is looked at."""
    for _ in range(5):
        data = bytearray.fromhex(target.frame(target.packet(target.upper(payload=b"abc")))["hex"])
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(12, len(data))] = rng.choice((0, 1, 255, rng.randrange(256)))
        yield {"type": "frame", "port": "net0", "hex": bytes(data).hex()}


def checksums(rng, target):
    """Wrong ones, and both zeros of ones' complement."""
    at = 16 if target.protocol == TCP else 6
    for value in (0, 0xFFFF, rng.randrange(1 << 16)):
        yield target.frame(target.packet(headers.put(target.upper(payload=payload(rng)), at, struct.pack("!H", value))))
    if target.family == 4:
        yield target.frame(headers.put(target.packet(), 10, b"\xff\xff"))


def bad_sources(rng, target):
    source = rng.choice(BAD_SOURCES[target.family])
    upper = build.udp(source, target.vip, target.sport, target.port) if target.protocol == UDP else \
        build.tcp(source, target.vip, target.sport, target.port)
    yield target.frame(build.ip(source, target.vip, target.protocol, upper, ttl=rng.choice((64, 1))))


def ttls(rng, target):
    for ttl in (0, 1, 2, 1):
        yield target.frame(target.packet(ttl=ttl))


def tunnels(rng, target):
    """Outer headers of ours and of others, whole and broken, to a VIP: loops, and what only looks like one."""
    target.vip = target.prefix_vip() if target.forward != "nat" else vip("nat", target.family)
    for _ in range(3):
        own = rng.choice(("192.0.2.241", "2001:db8::f1", "10.0.0.240", "2001:db8:1::f0"))
        inside = wrapped(rng, own, rng.random() < 0.7)
        for _ in range(rng.choice((0, 0, 0, 1, 7, 8))):
            inside = wrapped(rng, "203.0.200.8", True, inside)
        if rng.random() < 0.3:
            inside = bytes(damaged(rng, inside))
        source = rng.choice((target.client, target.client, BAD_SOURCES[target.family][-1]))
        kind = rng.choice(("ipip", "gre", "gue", "gue0", "gre0", "none"))
        yield target.frame(tunnelled(rng, kind, source, target.vip, inside))


def wrapped(rng, own, ours, inside=None):
    """A packet to some VIP in an outer header that begins at `own`, or just a packet."""
    family = 4 if ":" not in own else 6
    peer, client = vip(rng.choice(FORWARDS), family), "203.0.200.9" if family == 4 else "2001:db8:ffff::9"
    inside = inside or build.ip(client, peer, UDP, build.udp(client, peer, 9, 53))
    return tunnelled(rng, rng.choice(("ipip", "gre", "gue", "gue0")), own, peer, inside) if ours else inside


def tunnelled(rng, kind, source, destination, inside):
    version = 6 if inside[:1] and inside[0] >> 4 == 6 else 4
    if kind == "gre":
        return build.ip(source, destination, 47, headers.gre_header(version) + inside)
    if kind == "gre0":  # with a checksum, a key, another version, another type: none of ours
        return build.ip(source, destination, 47, rng.choice((b"\x80\0\x08\0\0\0\0\0", b"\x20\0\x08\0" + bytes(4), b"\0\1\x08\0",
                                                             b"\0\0\x65\x58", b"\0\0", b"")) + inside)
    if kind in ("gue", "gue0"):
        head = b"" if kind == "gue" else rng.choice((headers.gue0_header(version), headers.gue0_header(version, bytes(8)), b"\x20\4\0\0",
                                                     b"\x1f\4\0\0", b"\0\6\0\0", b"\x80\4\0\0", b"\0"))
        return build.ip(source, destination, UDP, build.udp(source, destination, 50000, 6080, head + inside))
    return build.ip(source, destination, 4 if version == 4 else 41, inside if kind == "ipip" else b"")


def damaged(rng, data):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 3)):
        data[rng.randrange(min(48, len(data)))] = rng.choice((0, 1, 255, rng.randrange(256)))
    return data[:rng.choice((len(data), len(data), rng.randrange(len(data) + 1)))]


def path_mtu(rng, target):
    """An ICMP too-big about a packet in an outer header, to the outer source."""
    if rng.random() < 0.5:
        own, outer, router = "192.0.2.241", backend("ipip", 4, 0), "10.0.0.77"
        quoted = build.ipv4(own, outer, 4, bytes(60))
        message = build.icmp(router, own, 3, 4, struct.pack("!I", rng.choice((1400, 1300, 100))) + quoted[:28])
    else:
        own, outer, router = "2001:db8::f1", backend("gue", 6, 1), "2001:db8:1::77"
        quoted = build.ipv6(own, outer, UDP, build.udp(own, outer, 50000, rng.choice((6080, 6080, 53)), bytes(60)))
        message = build.icmp(router, own, 2, 0, struct.pack("!I", rng.choice((1400, 1300, 100))) + quoted[:48])
    yield target.frame(build.ip(router, own, build.icmp_protocol(own), message), "net1")


def strangers(rng, target):
    """Not for a VIP, not for this port, not IP."""
    node = "192.0.2.2" if target.family == 4 else "2001:db8::2"
    whole = build.ip(target.client, node, TCP, build.tcp(target.client, node, 5, 22))
    yield target.frame(whole)
    yield target.frame(headers.put(whole, 10, b"\0\0"))
    yield target.frame(target.packet(), destination=bytes.fromhex("02000000ffff"))
    yield target.frame(target.packet(), destination=b"\xff" * 6)
    yield target.frame(target.packet(), tags=build.tag(1) * 3)
    request = bytes.fromhex("0001080006040001") + build.CLIENT_MAC + packed("192.0.2.100") + bytes(6) + packed("192.0.2.2")
    yield target.frame(request, ethertype=0x0806, destination=b"\xff" * 6)
    group = "ff02::1:ff00:2"
    question = build.icmp("2001:db8::c:1", group, 135, 0, bytes(4) + packed("2001:db8::2") + b"\1\1" + build.CLIENT_MAC)
    yield target.frame(build.ipv6("2001:db8::c:1", group, ICMP6, question, ttl=255), destination=bytes.fromhex("3333ff000002"))
    yield target.frame(payload(rng, 46), ethertype=rng.choice((0x88CC, 0x0026, 0x8847)), destination=bytes.fromhex("0180c200000e"))
    yield target.frame(target.packet(build.tcp(target.client, target.vip, 5, 22)) if target.protocol == TCP else target.packet())
    yield target.frame(target.packet() + payload(rng, 20))


ACTORS = (tcp_flow, tcp_flow, tcp_flow, udp_flow, udp_flow, odd_flags, sizes, sizes, segment_sizes, errors, errors, echoes, datagram, datagram,
          sound_datagram, extension_chains, option_lists, truncated, flipped, checksums, bad_sources, ttls, tunnels, path_mtu, strangers)
NAT_ACTORS = (replies, replies, reply_datagram, errors_from_inside)
# What depends on its order with others of one burst, which stages needn't keep: an error about a flow that opens or a path that is
# used, an overlap with what waits.
NOT_IN_BURSTS = (errors, datagram, reply_datagram, path_mtu)


class World:
    """What the next configuration says, apart from who is there: by chance for each seed, and it changes."""

    def __init__(self, rng, forwards):
        self.rng, self.forwards = rng, forwards
        self.without = ()
        self.mtus = rng.choice((1500, 1500, 1600, 9000)), rng.choice((1500, 1500, 1500, 1400, 9000))
        self.wide = rng.random() < 0.5
        self.keys = tuple(key for key in sorted(KEYS) if rng.random() < 0.25)
        self.port_keys = tuple(rng.choice(("", "", "", 'vlan = "strip"')) for _ in range(2))
        self.without_host = rng.random() < 0.15  # net0 then has no addresses, and gives nothing to the kernel
        self.service_keys = {forward: self.keys_of(forward) for forward in forwards}

    def keys_of(self, forward):
        """TOML of a mode's services. All of a VIP have the same `unserved`."""
        chance, text = self.rng.random, ""
        if chance() < 0.3:
            text += f"mss_clamp = {self.rng.choice(('true', 'true', 1400, 1220, 536))}\n"
        if chance() < 0.3:
            text += 'too_big = "drop"\n'
        if chance() < 0.3:
            text += 'timeouts = { established = "30s", syn = "3s", fin = "4s", udp = "6s" }\n'
        if forward in TUNNELS and chance() < 0.4:
            text += f"dscp = {self.rng.choice((0, 10, 46, 63))}\n"
        others = [one for one in self.forwards if one in TUNNELS and one != forward]
        if forward in TUNNELS and others and chance() < 0.3:
            text += f'backup_pool = "{self.rng.choice(others)}{{family}}"\n'
        if chance() < 0.1:
            text += 'unserved = "punt"\n'
        return text

    def change(self):
        """Somebody comes or goes, or a mode's services get other keys. What the others have stays."""
        if self.rng.random() < 0.7:
            self.without = self.rng.choice(((), (), (0,), (1,), (2,)))
            return
        forward = self.rng.choice(self.forwards)
        unserved = 'unserved = "punt"\n'
        kept = unserved if unserved in self.service_keys[forward] else ""
        self.service_keys[forward] = self.keys_of(forward).replace(unserved, "") + kept

    def event(self):
        text = configuration(self.forwards, 3, self.without, self.mtus, self.keys, self.service_keys, self.port_keys, self.wide)
        if self.without_host:
            text = re.sub(r'host_interface = "shunt0"\naddresses = .*\n', "", text)
        return {"type": "config", "toml": text, "ports": PORTS}

    def members(self):
        return [one for one in range(3) if one not in self.without]


def events(seed, length, forwards=FORWARDS, bursts=True):
    """`length` events after the ones that set up. The same seed gives the same events."""
    rng = random.Random(seed)
    world = World(rng, forwards)
    now = (1000 + rng.randrange(3600)) * SECOND
    made = [{"type": "time", "ns": now}, world.event()] + neighbours(forwards)
    actors = []
    kinds = ACTORS + (NAT_ACTORS if "nat" in forwards else ())
    length += len(made)
    while len(made) < length:
        chance = rng.random()
        if chance < 0.06:
            now += rng.choice(STEPS)
            made.append({"type": "time", "ns": now})
        elif chance < 0.08:
            made.append(health(rng, forwards, rng.choice(world.members())))
        elif chance < 0.085:
            before = world.without
            world.change()
            made.append(world.event())
            # Who comes back has a first result: whether it is still known from before depends on sweeps.
            made += [health(rng, (forward,), one, family) for one in before if one not in world.without
                     for forward in forwards for family in (4, 6)]
        elif bursts and chance < 0.1:
            few = [one for one in kinds if one not in NOT_IN_BURSTS]
            frames = [next_frame(rng, world, actors, few, forwards) for _ in range(rng.randrange(2, 12))]
            made.append({"type": "frames", "frames": [{"port": one["port"], "hex": one["hex"]} for one in frames]})
        else:
            made.append(next_frame(rng, world, actors, kinds, forwards))
    return made


def health(rng, forwards, number, family=None):
    pool = f"{rng.choice(forwards)}{family or rng.choice((4, 6))}"
    return {"type": "accept", "pool": pool, "backend": f"b{number}", "up": rng.random() < 0.6}


def next_frame(rng, world, actors, kinds, forwards):
    """Of six actors of these kinds, one after the other as it comes. `of` says whose it is: actor, mode, family (of the VIP)."""
    while True:
        mine = [one for one in actors if one[0] in kinds]
        if len(mine) < 6:
            kind, target = rng.choice(kinds), Target(rng, forwards, world.mtus)
            mine.append((kind, target, kind(rng, target)))
            actors.append(mine[-1])
        kind, target, actor = chosen = rng.choice(mine)
        event = next(actor, None)
        if event is not None:
            return event | {"of": f"{kind.__name__} {target.forward} {target.family}"}
        actors.remove(chosen)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--forward", nargs="+", default=list(FORWARDS), choices=sorted(FORWARDS))
    options = parser.parse_args()
    for event in events(options.seed, options.events, tuple(options.forward)):
        print(json.dumps(event))


if __name__ == "__main__":
    main()
