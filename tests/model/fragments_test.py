"""Fragments: any order, duplicates, overlaps, limits, and what is said of those that wait."""

import itertools
import unittest

from model import build
from model.configurations import PORTS, configuration, neighbours
from model.packet import TCP, UDP
from model.rehearsal import Rehearsal

SECOND = 10**9
VIPS = {"gre": ("198.51.100.10", "192.0.2.100"), "gre6": ("2001:db8:100::a", "2001:db8::c:1"), "nat": ("198.51.100.14", "192.0.2.100")}


def frame(packet, port="net0"):
    destination = bytes.fromhex(PORTS[port]["mac"].replace(":", ""))
    return {"type": "frame", "port": port, "hex": build.ethernet(packet, destination).hex()}


def pieces(kind="gre", sizes=(64, 64), size=184, identification=7, sport=1234):
    """Three fragments of a datagram of 8 + `size` bytes."""
    vip, client = VIPS[kind]
    whole = build.ip(client, vip, UDP, build.udp(client, vip, sport, 53, bytes(range(size))),
                     **({} if ":" in vip else {"flags": 0}))
    return build.cut(whole, sizes, identification)


class Case(unittest.TestCase):
    def setUp(self):
        self.start()

    def start(self, *keys):
        self.now = 1000 * SECOND
        self.run_ = Rehearsal([{"type": "time", "ns": self.now}, {"type": "config", "toml": configuration(("gre", "nat"), keys=keys),
                                                                  "ports": PORTS}] + neighbours(("gre", "nat")))

    def play(self, packet, **options):
        return self.run_.play(frame(packet, options.pop("port", "net0")), **options)

    def expect(self, packet):
        return {str(one) for one in self.run_.model.expect(frame(packet)).outcomes}

    def after(self, seconds):
        self.now += int(seconds * SECOND)
        self.run_.play({"type": "time", "ns": self.now})


class Order(Case):
    def test_all_reach_the_backend_of_the_first_in_every_order(self):
        for kind in ("gre", "gre6", "nat"):
            for order in itertools.permutations(range(3)):
                with self.subTest(kind, order=order):
                    self.start()
                    parts = pieces(kind)
                    frames, backends = [], set()
                    for number in order:
                        _, outcome, seen = self.play(parts[number])
                        frames += seen["out"]
                        backends |= {outcome.facts["backend"]} if "backend" in outcome.facts else set()
                        self.assertEqual(bool(seen["out"]), 0 in order[:order.index(number) + 1])
                    self.assertEqual((len(frames), len(backends)), (3, 1))
                    self.assertEqual({one["port"] for one in frames}, {"net1"})
                    hops = {one["hex"][:12] for one in frames}
                    self.assertEqual(len(hops), 1)

    def test_later_ones_have_no_other_backend(self):
        parts = pieces()
        _, outcome, _ = self.play(parts[0], backend="b2")
        expectation = self.run_.model.expect(frame(parts[1]))
        self.assertEqual(len(expectation.outcomes), 1)
        self.assertEqual(expectation.outcomes[0].outputs[0].templates[0].example(id=9)[14 + 16:14 + 20], outcome.facts["backend"][2])

    def test_held_ones_leave_with_the_first(self):
        parts = pieces()
        self.assertEqual(self.expect(parts[2]), {"held"})
        self.play(parts[2])
        self.play(parts[1])
        self.assertEqual(self.expect(parts[0]), {"sent from net1, sent from net1, sent from net1"})

    def test_two_datagrams_do_not_mix(self):
        one, two = pieces(identification=7), pieces(identification=8, sport=999)
        self.play(one[1])
        self.play(two[1])
        _, outcome, _ = self.play(one[0])
        self.assertEqual(len(outcome.outputs), 2)
        self.assertEqual(self.expect(one[2]), {"sent from net1"})
        self.assertEqual(self.expect(two[2]), {"held"})


class Refused(Case):
    def test_duplicates(self):
        parts = pieces()
        self.play(parts[0])
        self.assertEqual(self.expect(parts[0]), {"dropped fragment"})
        self.play(parts[0])
        self.assertEqual(self.expect(parts[1]), {"sent from net1"})
        self.play(parts[2])
        self.assertEqual(self.expect(parts[2]), {"dropped fragment"})

    def test_a_duplicate_of_one_that_waits(self):
        parts = pieces()
        self.play(parts[1])
        self.play(parts[1], reason="fragment")
        self.assertEqual(self.expect(parts[0]), {"sent from net1, sent from net1"})

    def test_an_overlap_and_all_that_follows(self):
        parts = pieces()
        over = pieces(sizes=(56, 64))[1]
        self.play(parts[0])
        self.assertEqual(self.expect(over), {"dropped fragment"})
        self.play(over)
        for part in parts:
            self.assertEqual(self.expect(part), {"dropped fragment"})
            self.play(part)

    def test_an_overlap_with_one_that_waits(self):
        parts = pieces()
        self.play(parts[1])
        self.assertEqual(self.expect(pieces(sizes=(72, 64))[1]), {"dropped fragment", "dropped fragment, dropped fragment"})
        self.play(pieces(sizes=(72, 64))[1])
        self.assertEqual(self.expect(parts[0]), {"dropped fragment"})

    def test_no_service(self):
        vip, client = VIPS["gre"]
        for order in ((0, 1), (1, 0)):
            parts = build.cut(build.ipv4(client, vip, TCP, build.tcp(client, vip, 1, 22, payload=bytes(64)), flags=0), [40], 3 + order[0])
            if order == (1, 0):
                self.play(parts[1])
                self.assertIn("dropped no_service", self.expect(parts[0]))
            else:
                self.assertEqual(self.expect(parts[0]), {"dropped no_service"})


class Limits(Case):
    def test_time(self):
        """Before a second is over it waits; long after, the others of its datagram are strangers to it."""
        parts = pieces()
        self.play(parts[1])
        self.after(0.9)
        self.assertEqual(self.expect(parts[0]), {"sent from net1, sent from net1"})
        self.after(9)
        self.assertEqual(self.expect(parts[0]), {"sent from net1"})

    def test_what_waited_too_long_is_dropped_at_any_moment_and_once(self):
        parts = pieces()
        self.play(parts[1])
        self.play(parts[2])
        self.after(0.5)
        strange = frame(build.ipv4("192.0.2.100", "192.0.2.2", UDP, build.udp("192.0.2.100", "192.0.2.2", 1, 2)))
        seen = {"out": [{"kind": "punted", "port": "net0", "hex": strange["hex"]}], "dropped": {"fragment_limit": 2}}
        self.assertTrue(self.run_.model.expect(strange).check(seen))
        self.after(9)
        self.assertEqual(self.run_.model.expect(strange).check(seen), [])
        self.run_.model.observe(strange, seen)
        self.assertTrue(self.run_.model.expect(strange).check(seen))

    def test_time_events_may_report_it_too(self):
        self.play(pieces()[1])
        event = {"type": "time", "ns": self.now + 10 * SECOND}
        self.assertEqual(self.run_.model.expect(event).check({"dropped": {"fragment_limit": 1}}), [])
        self.assertTrue(self.run_.model.expect(event).check({"dropped": {"fragment_limit": 2}}))
        self.run_.model.observe(event, {"dropped": {"fragment_limit": 1}})
        self.assertEqual(self.run_.model.state.overdue, 0)

    def test_entries(self):
        self.start("[fragments]")  # 16 datagrams
        for number in range(16):
            self.play(pieces(identification=number)[1])
        self.assertEqual(self.expect(pieces(identification=99)[1]), {"held [table_full]", "dropped fragment_limit [table_full]"})

    def test_bytes(self):
        self.start("[fragments]")  # 65,536 bytes
        vip, client = VIPS["gre"]
        for number in range(50):
            parts = build.cut(build.ipv4(client, vip, UDP, build.udp(client, vip, 1, 53, bytes(2800)), flags=0), [1400], number)
            if self.expect(parts[1]) == {"dropped fragment_limit"}:
                break
            self.play(parts[1])
        self.assertIn(number, range(45, 50))


class Nat(Case):
    def test_fragments_of_a_reply(self):
        client, backend = "192.0.2.100", "10.0.0.80"
        whole = build.ipv4(backend, client, UDP, build.udp(backend, client, 8080, 1234, bytes(100)), flags=0)
        parts = build.cut(whole, [64], 5)
        _, outcome, _ = self.play(parts[1], port="net1")
        self.assertEqual(str(outcome), "held")
        _, _, seen = self.play(parts[0], port="net1")
        wanted = build.cut(build.ipv4("198.51.100.14", client, UDP, build.udp("198.51.100.14", client, 53, 1234, bytes(100)), flags=0, ttl=63),
                           [64], 5)
        self.assertEqual([bytes.fromhex(one["hex"])[14:] for one in seen["out"]], wanted)

    def test_fragments_of_something_else_go_to_the_kernel(self):
        backend = "10.0.0.80"
        parts = build.cut(build.ipv4(backend, "192.0.2.100", UDP, build.udp(backend, "192.0.2.100", 99, 1, bytes(100)), flags=0), [64], 5)
        self.play(parts[1], port="net1")
        _, outcome, _ = self.play(parts[0], port="net1")
        self.assertEqual([one.kinds for one in outcome.outputs], [("punted",), ("punted",)])


if __name__ == "__main__":
    unittest.main()
