#!/usr/bin/python3
"""What must not change whom a flow gets, over generated flows, in every way of forwarding and both families: tags, options, payload, and
whatever else isn't its 5-tuple. Each variant is the first packet that a fresh shunt (with other keys for its tables) sees of
the flow, and a later one of a flow that it knows. (The order of backends, and two shunts of a cluster: driver/agreement_test.cc.)
"""

import os
import random
import unittest

import corpus
import frames as build
import sequences
from driver_process import Driver

PROGRAM = os.environ["MODEL_DRIVER"]
FLOWS = 20  # of each protocol, way of forwarding and family
SEED = 20

# What a variant says of its segment, its packet and its frame.
TCP_VARIANTS = {
    "an unknown option": ({"options": b"\xfd\x04ab"}, {}, {}),
    "an MSS": ({"options": b"\x02\x04\x05\xb4"}, {}, {}),
    "forty bytes of options": ({"options": b"\x01" * 20 + b"\xfe\x14" + bytes(18)}, {}, {}),
    "options that make no sense": ({"options": b"\x02\x00\x03\xff"}, {}, {}),
    "a payload": ({"payload": b"GET / HTTP/1.1\r\n\r\n"}, {}, {}),
    "a long payload": ({"payload": bytes(range(256)) * 5}, {}, {}),
    "a sequence number": ({"sequence": 0xFFFFFFFF}, {}, {}),
    "a window": ({"window": 1}, {}, {}),
    "reserved bits": ({"reserved": 15}, {}, {}),
    "ECN": ({"flags": build.SYN | 0xC0}, {"tos": 1}, {}),
    "a wrong checksum": ({"sum16": 0x1234}, {}, {}),
    "the middle of the flow": ({"flags": build.ACK, "ack": 7, "payload": b"data"}, {}, {}),
    "its end": ({"flags": build.FIN | build.ACK, "ack": 7}, {}, {}),
}
UDP_VARIANTS = {
    "a payload": ({"payload": b"other"}, {}, {}),
    "no payload": ({"payload": b""}, {}, {}),
    "a long payload": ({"payload": bytes(range(256)) * 5}, {}, {}),
    "a wrong checksum": ({"sum16": 0x1234}, {}, {}),
}
PACKET_VARIANTS = {
    "a tag": ({}, {}, {"tags": [(build.VLAN, 5)]}),
    "another tag": ({}, {}, {"tags": [(build.QINQ, 0xE123)]}),
    "two tags": ({}, {}, {"tags": [(build.QINQ, 7), (build.VLAN, 9)]}),
    "padding behind the packet": ({}, {}, {"trailer": b"\xee" * 18}),
    "DSCP": ({}, {"tos": 0xB8}, {}),
}
FAMILY_VARIANTS = {
    4: {
        "TTL": ({}, {"ttl": 2}, {}),
        "an identification": ({}, {"ident": 0xFFFF}, {}),
        "DF clear": ({}, {"flags": 0}, {}),
        "IP options": ({}, {"options": b"\x01\x01\x01\x01\x94\x04\x00\x00"}, {}),
    },
    6: {
        "hop limit": ({}, {"hops": 2}, {}),
        "a flow label": ({}, {"label": 0xABCDE}, {}),
    },
}


def variants(protocol, family):
    own = TCP_VARIANTS if protocol == build.TCP else UDP_VARIANTS
    return {**own, **PACKET_VARIANTS, **FAMILY_VARIANTS[family]}


def frame_of(flow, segment=None, packet=None, frame=None):
    """A flow is (source, destination, protocol, sport, dport)."""
    source, destination, protocol, sport, dport = flow
    if protocol == build.TCP:
        body = build.tcp(source, destination, sport, dport, **(segment or {}))
    else:
        body = build.udp(source, destination, sport, dport, **({"payload": b"first"} | (segment or {})))
    header = build.ipv4 if "." in destination else build.ipv6
    return build.ethernet(corpus.OWN_MAC, sequences.ROUTER_MAC, header(source, destination, protocol, body, **(packet or {})), **(frame or {}))


def flows(mode, exact, family, protocol):
    chance = random.Random(f"{SEED} {mode} {exact} {family} {protocol}")
    vip = corpus.vip(mode, exact, family)
    for _ in range(FLOWS):
        source = f"203.0.113.{1 + chance.randrange(250)}" if family == 4 else f"2001:db8:c::{1 + chance.randrange(60000):x}"
        dport = corpus.EXACT_PORT[protocol] if exact else chance.randrange(1, 65536)
        yield source, vip, protocol, chance.randrange(1024, 65536), dport


def address_at(frame, at):
    """The destination of the IP header there."""
    version = frame[at] >> 4
    data = frame[at + 16:at + 20] if version == 4 else frame[at + 24:at + 40]
    return str(build.ipaddress.ip_address(data))


def backend_of(answer, mode, backends):
    """Whom the one packet of an answer goes to; else what became of it."""
    if [each["kind"] for each in answer["out"]] != ["sent"] or answer["dropped"]:
        return str(answer)
    frame = bytes.fromhex(answer["out"][0]["hex"])
    if mode == "l2":
        return next((each for each in backends if build.mac_bytes(corpus.backend_mac(each)) == frame[:6]), frame[:6].hex())
    return address_at(frame, build.l3_offset(frame)[0])


class Metamorphic(unittest.TestCase):
    def setUp(self):
        self.driver = Driver(PROGRAM)
        self.addCleanup(self.driver.end_quietly)
        self.table_seed = 0

    def fresh(self, *way):
        self.table_seed += 1
        self.driver.reset()
        self.driver.send_all(corpus.opening_events([way], self.table_seed))

    def backends(self, mode, backends, frames):
        return [backend_of(answer, mode, backends) for answer in self.driver.send_all(map(corpus.frame_event, frames))]

    def check_way(self, mode, exact, family, protocol):
        backends = corpus.backends_of(mode, exact, family)
        some = list(flows(mode, exact, family, protocol))
        self.fresh(mode, exact, family)
        first = self.backends(mode, backends, [frame_of(flow) for flow in some])
        self.assertEqual(set(first), set(backends), "each has flows, and nothing else has any")
        for name, parts in variants(protocol, family).items():
            changed = [frame_of(flow, *parts) for flow in some]
            with self.subTest(name, flow="new"):
                self.fresh(mode, exact, family)
                self.assertEqual(self.backends(mode, backends, changed), first)
            with self.subTest(name, flow="known"):
                self.fresh(mode, exact, family)
                for _ in range(2):
                    self.backends(mode, backends, [frame_of(flow) for flow in some])
                self.assertEqual(self.backends(mode, backends, changed), first)

    def test_tcp_over_ipv4(self):
        self.check_all(4, build.TCP)

    def test_udp_over_ipv4(self):
        self.check_all(4, build.UDP)

    def test_tcp_over_ipv6(self):
        self.check_all(6, build.TCP)

    def test_udp_over_ipv6(self):
        self.check_all(6, build.UDP)

    def check_all(self, family, protocol):
        for mode in corpus.MODES:
            for exact in (False, True):
                with self.subTest(mode=mode, one_port=exact):
                    self.check_way(mode, exact, family, protocol)

    def test_another_source_does_change_it(self):
        """The flows are told apart at all: by each part of the tuple, over many."""
        backends = corpus.backends_of("ipip", False, 4)
        base = ("203.0.113.9", corpus.vip("ipip", False, 4), build.TCP, 4000, 80)
        for place, values in ((0, [f"203.0.113.{i}" for i in range(1, 60)]), (3, range(5000, 5060)), (4, range(100, 160))):
            self.fresh("ipip", False, 4)
            changed = [frame_of(base[:place] + (value,) + base[place + 1:]) for value in values]
            self.assertEqual(set(self.backends("ipip", backends, changed)), set(backends))


if __name__ == "__main__":
    unittest.main()
