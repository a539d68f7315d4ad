"""The generator: repeatable, of every kind; and the model against an implementation that obeys it, and against ones that don't."""

import collections
import pathlib
import random
import unittest

from model import build, generate, reach
from model.packet import IPV4, read_link, read_packet
from model.rehearsal import Rehearsal

FORWARDS = ("l2", "ipip", "gue", "nat", "gre")


class Generator(unittest.TestCase):
    def test_a_seed_repeats(self):
        self.assertEqual(generate.events(5, 200), generate.events(5, 200))
        self.assertNotEqual(generate.events(5, 200), generate.events(6, 200))

    def test_every_actor_has_something_to_send(self):
        for actor in generate.ACTORS + generate.NAT_ACTORS:
            for seed in range(20):
                rng = random.Random(seed)
                sent = list(actor(rng, generate.Target(rng, FORWARDS)))
                self.assertTrue(sent, actor.__name__)
                self.assertTrue(all(event["type"] == "frame" for event in sent))

    def test_what_must_be_reached_is_something_that_is_made(self):
        made = {actor.__name__ for actor in generate.ACTORS + generate.NAT_ACTORS}
        self.assertEqual({actor for actor, *_ in reach.wanted()} - made, set())
        counted = reach.Reached()
        self.assertEqual(len(counted.missing()), len(reach.ANYWHERE) + len(reach.wanted()))
        event, reply = {"type": "frame", "of": "echoes gre 6"}, {"kind": "originated", "port": "net0", "hex": ""}
        counted.note(event, {"out": [reply], "dropped": {"echo": 1, "ttl": 0}})
        self.assertEqual(counted.kinds, {("echoes", "gre", 6, "answered echo"): 1, ("echoes", "gre", 6, "dropped echo"): 1})
        counted.note(event, {"out": [], "dropped": {}})
        self.assertEqual(counted.anywhere, {"answered echo": 1, "dropped echo": 1, "held": 1})
        self.assertEqual(len(counted.missing()), len(reach.ANYWHERE) + len(reach.wanted()) - 4)

    def test_pieces_make_the_whole_again(self):
        for one, two in (("192.0.2.1", "198.51.100.1"), ("2001:db8::1", "2001:db8::2")):
            whole = build.ip(one, two, 17, build.udp(one, two, 1, 2, bytes(range(200))))
            parts = [read_packet(part, 4 if "." in one else 6) for part in build.cut(whole, [64, 72], 3)]
            self.assertEqual(b"".join(part.data[part.fragment.at:] for part in parts), whole[20 if "." in one else 40:])
            self.assertEqual([part.fragment.offset for part in parts], [0, 64, 136])


class Together(unittest.TestCase):
    def test_the_model_agrees_with_who_obeys_it(self):
        reasons, kinds, doubts, frames = collections.Counter(), collections.Counter(), collections.Counter(), 0
        names = set()
        for seed in range(12):
            run = Rehearsal(seed=seed)
            for event in generate.events(seed, 300, FORWARDS, bursts=False):
                expectation, outcome, seen = run.play(event)
                if event["type"] == "frame":
                    frames += 1
                    reasons.update(seen["dropped"].keys())
                    kinds.update(one["kind"] for one in seen["out"])
                    doubts[bool(expectation.doubts(seen))] += 1
                    names |= {one.doubt for one in expectation.outcomes if one.doubt}
        for reason in ("not_our_mac truncated bad_header bad_checksum bad_source options extension_headers fragment loop ttl too_big "
                       "no_service bogus_icmp echo answer_limit").split():
            self.assertTrue(reasons[reason], f"no event was dropped {reason}")
        for kind in ("sent", "punted", "originated"):
            self.assertTrue(kinds[kind], kind)
        self.assertLess(doubts[True], frames // 20, "too much of what is generated is left open")
        readme = pathlib.Path(__file__).with_name("README.md").read_text()
        self.assertGreater(len(names), 10)
        self.assertEqual([name for name in sorted(names) if f"`{name}`" not in readme], [])

    def test_it_notices_what_is_wrong(self):
        """A flipped byte, another reason, a lost or doubled frame, another port: a difference, except in what is free."""
        run = Rehearsal()
        noticed = missed = 0
        for event in generate.events(3, 400, FORWARDS):
            if event["type"] == "frame":
                expectation = run.model.expect(event)
            _, outcome, seen = run.play(event)
            if event["type"] != "frame" or outcome.anything:
                continue
            for wrong in self.worse(seen, event):
                if expectation.check(wrong):
                    noticed += 1
                else:
                    missed += 1
        self.assertGreater(noticed, 2000)
        self.assertLess(missed, noticed // 50)

    def worse(self, seen, event):
        for reason in seen["dropped"]:
            yield {"out": seen["out"], "dropped": {"transmit_full": 1}}
            yield {"out": seen["out"], "dropped": {reason: 2}}
        for number, one in enumerate(seen["out"]):
            others = seen["out"][:number] + seen["out"][number + 1:]
            data = bytearray.fromhex(one["hex"])
            yield {"out": others, "dropped": seen["dropped"]}
            yield {"out": seen["out"] + [one], "dropped": seen["dropped"]}
            yield {"out": others + [one | {"port": "net7"}], "dropped": seen["dropped"]}
            for at in {0, 6, 12, len(data) - 1, self.checksum_at(data)} & set(range(len(data))):
                changed = bytearray(data)
                changed[at] ^= 0x20
                yield {"out": others + [one | {"hex": bytes(changed).hex()}], "dropped": seen["dropped"]}

    def checksum_at(self, data):
        link = read_link(bytes(data))
        return link.at + 10 if link and link.type == IPV4 and link.at + 10 < len(data) else 0


if __name__ == "__main__":
    unittest.main()
