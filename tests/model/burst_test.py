"""Bursts: what was seen of many frames lies in one bag, in any order. And what may be seen where no frame came."""

import random
import unittest

from model import Model, build, generate
from model.configurations import PORTS, configuration, neighbours
from model.packet import TCP
from model.rehearsal import Rehearsal

FORWARDS = ("l2", "ipip", "gue", "nat", "gre")
VIP, CLIENT = "198.51.100.13", "192.0.2.100"


def bursts(seed, length):
    """(model before, event, bag, the same with a frame or drop missing) of frames that stand together in a generated sequence."""
    run, rng = Rehearsal(seed=seed), random.Random(seed)
    waiting, bag, before = [], {"out": [], "dropped": {}}, None
    for event in generate.events(seed, length, FORWARDS):
        if event["type"] == "frame" and len(waiting) < 8:
            before = before or run.model.state
            _, outcome, seen = run.play(event)
            waiting.append({"port": event["port"], "hex": event["hex"]})
            bag["out"] += seen["out"]
            for reason, count in seen["dropped"].items():
                bag["dropped"][reason] = bag["dropped"].get(reason, 0) + count
            continue
        if len(waiting) > 1:
            rng.shuffle(bag["out"])
            yield before, {"type": "frames", "frames": waiting}, bag
        waiting, bag, before = [], {"out": [], "dropped": {}}, None
        if event["type"] != "frame":
            run.play(event)


def after(state):
    model = Model()
    model.state = state
    return model


class Bursts(unittest.TestCase):
    def test_any_order_of_what_was_seen(self):
        tried = 0
        for seed in range(12):
            for state, event, bag in bursts(seed, 300):
                self.assertEqual(after(state).expect(event).check(bag), [], (seed, event))
                tried += 1
        self.assertGreater(tried, 50)

    def test_doubts_are_named(self):
        names = set()
        for seed in range(12):
            for state, event, bag in bursts(seed, 300):
                names |= after(state).expect(event).doubts(bag)
        self.assertTrue(names)
        self.assertNotIn("", names)

    def test_nothing_may_be_missing_or_too_much(self):
        """But for what is open: answers to nat backends, fragments of a datagram that met something doubtful."""
        noticed = missed = 0
        for state, event, bag in bursts(3, 300):
            for number in range(len(bag["out"])):
                fewer = bag["out"][:number] + bag["out"][number + 1:]
                problems = after(state).expect(event).check({"out": fewer, "dropped": bag["dropped"]})
                noticed, missed = noticed + bool(problems), missed + (not problems)
            more = bag["dropped"] | {"shed": 1}
            self.assertTrue(after(state).expect(event).check({"out": bag["out"], "dropped": more}))
        self.assertGreater(noticed, 50)
        self.assertLess(missed, noticed // 20)

    def test_the_state_follows(self):
        """Two SYNs of one flow in a burst: both to one backend, and so is the next packet."""
        model = Model()
        for event in [{"type": "config", "toml": configuration(FORWARDS), "ports": PORTS}] + neighbours(FORWARDS):
            model.observe(event, {})
        syn = build.ethernet(build.ipv4(CLIENT, VIP, TCP, build.tcp(CLIENT, VIP, 7, 80))).hex()
        event = {"type": "frames", "frames": [{"port": "net0", "hex": syn}] * 2}
        single = model.expect({"type": "frame", "port": "net0", "hex": syn})
        frames = {one.facts["backend"][1]: {"kind": "sent", "port": "net1", "hex": one.outputs[0].templates[0].example().hex()}
                  for one in single.outcomes}
        self.assertEqual(model.expect(event).check({"out": [frames["b1"], frames["b1"]]}), [])
        self.assertTrue(model.expect(event).check({"out": [frames["b1"], frames["b2"]]}))
        model.observe(event, {"out": [frames["b1"], frames["b1"]]})
        self.assertEqual({one.facts["backend"][1] for one in model.expect({"type": "frame", "port": "net0", "hex": syn}).outcomes}, {"b1"})

    def test_the_difference_names_the_frame(self):
        model = Model()
        model.observe({"type": "config", "toml": configuration(FORWARDS), "ports": PORTS}, {})
        short = {"port": "net0", "hex": build.PORT_MAC.hex()}
        other = {"port": "net0", "hex": "02000000beef" + "00" * 20}
        problems = model.expect({"type": "frames", "frames": [short, other]}).check({"dropped": {"truncated": 2}})
        self.assertIn("frame 1 of the burst", problems[0])


class Announcements(unittest.TestCase):
    def setUp(self):
        toml = configuration(FORWARDS).replace(VIP, "192.0.2.200").replace("2001:db8:100::d", "2001:db8::200")
        self.event = {"type": "config", "toml": toml, "ports": PORTS}
        self.arp = "ff" * 6 + "020000000001" + "0806" + "0001080006040001" + "020000000001" + "c00002c8" + "000000000000" + "c00002c8"

    def check(self, text, kind="originated"):
        return Model().expect(self.event).check({"ok": True, "out": [{"kind": kind, "port": "net0", "hex": text}]})

    def test_gratuitous_arp_of_a_vip(self):
        self.assertEqual(self.check(self.arp), [])
        self.assertTrue(self.check(self.arp, "sent"))
        self.assertTrue(self.check(self.arp.replace("c00002c8", "c00002c9")))
        self.assertTrue(self.check(self.arp.replace("020000000001", "020000000009")))

    def test_nothing_else(self):
        self.assertEqual(Model().expect(self.event).check({"ok": True}), [])
        self.assertTrue(Model().expect(self.event).check({"dropped": {"ttl": 1}}))


if __name__ == "__main__":
    unittest.main()
