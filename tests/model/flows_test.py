"""Which backends a flow's packets may go to: items 3, 4, 5 and 8 of the specification, by sequences."""

import unittest

from model import build
from model.configurations import PORTS, configuration, neighbours
from model.packet import ACK, FIN, RST, SYN, TCP, UDP
from model.rehearsal import Rehearsal

SECOND = 10**9
VIP, CLIENT = "198.51.100.10", "192.0.2.100"  # the gre services: pool gre4 with b0, b1, b2


class Flow:
    """One client's flow, played packet by packet."""

    def __init__(self, protocol=TCP, toml=None, sport=1234):
        config = {"type": "config", "toml": toml or configuration(("gre",)), "ports": PORTS}
        self.protocol, self.sport, self.now = protocol, sport, 1000 * SECOND
        self.run = Rehearsal([{"type": "time", "ns": self.now}, config] + neighbours(("gre",)))

    def event(self, flags=0, seq=1000, payload=b"", sport=None):
        sport = sport or self.sport
        upper = (build.tcp(CLIENT, VIP, sport, 80, flags, seq, 1, payload) if self.protocol == TCP else
                 build.udp(CLIENT, VIP, sport, 53, payload))
        return {"type": "frame", "port": "net0", "hex": build.ethernet(build.ipv4(CLIENT, VIP, self.protocol, upper)).hex()}

    def may(self, flags=0, seq=1000, payload=b"", sport=None):
        """Names of the backends that this packet may go to; "nobody" among them."""
        outcomes = self.run.model.expect(self.event(flags, seq, payload, sport)).outcomes
        return {one.facts["backend"][1] if "backend" in one.facts else "nobody" for one in outcomes}

    def send(self, flags=0, seq=1000, payload=b"", backend=None, sport=None):
        _, outcome, _ = self.run.play(self.event(flags, seq, payload, sport), backend)
        return outcome.facts["backend"][1]

    def after(self, seconds):
        self.now += seconds * SECOND
        self.run.play({"type": "time", "ns": self.now})

    def health(self, backend, up):
        self.run.play({"type": "accept", "pool": "gre4", "backend": backend, "up": up})

    def config(self, drain="60s", **options):
        toml = configuration(("gre",), **options).replace('drain = "60s"', f'drain = "{drain}"')
        self.run.play({"type": "config", "toml": toml, "ports": PORTS})

    def established(self, backend="b0"):
        self.send(SYN, backend=backend)
        self.send(ACK, 1001)
        return self


class Choice(unittest.TestCase):
    def test_anybody_who_is_up(self):
        flow = Flow()
        self.assertEqual(flow.may(SYN), {"b0", "b1", "b2"})
        flow.health("b1", False)
        self.assertEqual(flow.may(SYN), {"b0", "b2"})

    def test_panic(self):
        """panic 0.5, 3 members: with two down only the third; with all down all of them."""
        flow = Flow()
        flow.health("b0", False)
        flow.health("b1", False)
        self.assertEqual(flow.may(SYN), {"b2"})
        flow.health("b2", False)
        self.assertEqual(flow.may(SYN), {"b0", "b1", "b2"})

    def test_panic_with_five_members(self):
        flow = Flow(toml=configuration(("gre",), 5))
        for name in ("b0", "b1"):
            flow.health(name, False)
        self.assertEqual(flow.may(SYN), {"b2", "b3", "b4"})
        flow.health("b2", False)
        self.assertEqual(flow.may(SYN), {"b0", "b1", "b2", "b3", "b4"})

    def test_backup_pool(self):
        toml = configuration(("gre",), 3, service_keys='backup_pool = "gre6"\n')
        flow = Flow(toml=toml)
        self.assertEqual(flow.may(SYN), {"b0", "b1", "b2"})
        for name in ("b0", "b1"):
            flow.health(name, False)
        pools = {one.facts["backend"][0] for one in flow.run.model.expect(flow.event(SYN)).outcomes}
        self.assertEqual(pools, {"gre6"})

    def test_one_tuple_has_one_owner(self):
        """Learned from one opening: after the flow is forgotten the same tuple gets the same backend."""
        flow = Flow()
        flow.send(SYN, backend="b1")
        flow.after(1000)
        self.assertEqual(flow.may(SYN), {"b1"})
        flow.health("b1", False)
        self.assertEqual(flow.may(SYN), {"b0", "b2"})
        flow.send(SYN, backend="b2")
        flow.after(1000)
        self.assertEqual(flow.may(SYN), {"b2"})  # the probes are a function of the tuple too
        flow.health("b1", True)
        self.assertEqual(flow.may(SYN), {"b1"})

    def test_only_a_downs_own_flows_move(self):
        flow = Flow()
        flow.send(SYN, backend="b1")
        flow.after(1000)
        flow.health("b0", False)
        self.assertEqual(flow.may(SYN), {"b1"})

    def test_mid_flow_goes_to_the_owner_whatever_it_accepts(self):
        flow = Flow()
        flow.send(SYN, backend="b1")
        flow.after(1000)
        flow.health("b1", False)
        self.assertEqual(flow.may(ACK, 77), {"b1"})
        flow.after(70)  # longer than drain, 60 s
        self.assertEqual(flow.may(ACK, 77), {"b0", "b2"})


class Probation(unittest.TestCase):
    def test_a_syn_is_remembered(self):
        flow = Flow()
        flow.send(SYN, backend="b0")
        flow.health("b0", False)
        self.assertEqual(flow.may(ACK, 1001), {"b0"})
        self.assertEqual(flow.may(RST, 1001), {"b0"})

    def test_a_syn_to_one_that_accepts_nobody_opens_anew(self):
        flow = Flow()
        flow.send(SYN, backend="b0")
        flow.health("b0", False)
        self.assertEqual(flow.may(SYN), {"b1", "b2"})

    def test_only_the_answer_moves_it(self):
        """1 to 2^20 ahead moves the flow; what doesn't leaves it to `syn`, 10 s from the first."""
        for ahead, moved in ((1, True), (1 << 20, True), (0, False), ((1 << 20) + 1, False), (-1, False)):
            flow = Flow()
            flow.send(SYN, backend="b0")
            flow.send(ACK, 1000 + ahead)
            flow.health("b0", False)
            flow.after(20)
            self.assertEqual(flow.may(SYN) >= {"b0"}, False)
            memories = next(iter(flow.run.model.state.flows.values()))
            self.assertEqual({one.entry is not None for one in memories}, {moved}, ahead)

    def test_a_reset_and_a_lone_fin_are_remembered_nowhere(self):
        for flags in (RST, FIN, FIN | ACK):
            flow = Flow()
            flow.send(flags, 5)
            self.assertEqual(flow.run.model.state.flows, {})

    def test_udp_moves_with_the_second_packet(self):
        flow = Flow(UDP)
        flow.send(backend="b2")
        flow.send()
        flow.health("b2", False)
        flow.after(50)
        self.assertEqual(flow.may(), {"b2"})
        flow.after(200)
        self.assertEqual(flow.may(), {"b0", "b1"})

    def test_mid_flow_is_remembered_for_two_minutes(self):
        flow = Flow()
        flow.send(ACK, 5, backend="b1")
        flow.health("b1", False)
        flow.after(100)
        self.assertEqual(flow.may(ACK, 6), {"b1"})


class Table(unittest.TestCase):
    def test_a_hit_stays_whatever_happens(self):
        flow = Flow().established("b0")
        flow.health("b0", False)
        self.assertEqual(flow.may(ACK, 1001), {"b0"})
        flow.config(without=(0,))
        self.assertEqual(flow.may(ACK, 1001), {"b0"})
        flow.after(50)
        self.assertEqual(flow.may(ACK, 1001), {"b0"})

    def test_gone_after_drain(self):
        flow = Flow().established("b0")
        flow.config(without=(0,))
        flow.after(100)
        self.assertEqual(flow.may(ACK, 1001), {"b1", "b2"})

    def test_a_syn_on_a_live_entry_changes_nothing(self):
        flow = Flow().established("b0")
        self.assertEqual(flow.may(SYN, 99999), {"b0"})

    def test_a_syn_opens_anew_where_nobody_is_accepted(self):
        flow = Flow().established("b0")
        flow.health("b0", False)
        self.assertEqual(flow.may(SYN, 99999), {"b1", "b2"})

    def test_a_spoofed_syn_takes_nothing_away(self):
        """The old flow's packets go on; only the ACK that follows the SYN replaces the entry."""
        flow = Flow().established("b0")
        flow.send(FIN | ACK, 1001)
        flow.health("b0", False)
        flow.send(SYN, 5000, backend="b1")
        self.assertIn("b0", flow.may(ACK, 1002))
        self.assertEqual(flow.may(ACK, 5001), {"b1"})
        flow.send(ACK, 5001)
        self.assertEqual(flow.may(ACK, 5001), {"b1"})

    def test_states_and_timeouts(self):
        """b0 is removed with a long drain: known flows are its own, forgotten ones go elsewhere. Idle seconds for each."""
        rows = [("established", [], 890, 1000), ("fin", [(FIN | ACK, 1001)], 25, 70), ("reset", [(RST, 1001)], 7, 50),
                ("reset, then a packet", [(RST, 1001), (ACK, 1001)], 890, 1000),
                ("fin, then data", [(FIN | ACK, 1001), (ACK, 1001, b"x")], 890, 1000),
                ("fin, then a bare ACK", [(FIN | ACK, 1001), (ACK, 1002)], 25, 70)]
        for name, packets, known, forgotten in rows:
            for seconds, wanted in ((known, {"b0"}), (forgotten, {"b1", "b2"})):
                with self.subTest(name, seconds=seconds):
                    flow = Flow(toml=configuration(("gre",)).replace('drain = "60s"', 'drain = "2h"')).established("b0")
                    for one in packets:
                        flow.send(*one)
                    flow.config(without=(0,), drain="2h")
                    flow.after(seconds)
                    self.assertEqual(flow.may(ACK, 1002), wanted)

    def test_what_was_seen_settles_what_was_open(self):
        """At the edge of a timeout either is right; what it was holds from then on."""
        flow = Flow().established("b0")
        flow.health("b0", False)
        flow.run.model.state.owners.clear()
        flow.run.model.state.choices.clear()
        flow.after(900)
        self.assertEqual(flow.may(ACK, 1001) >= {"b0", "b1"}, True)
        flow.send(ACK, 1001, backend="b1")
        self.assertEqual(flow.may(ACK, 1001), {"b1"})


class Entropy(unittest.TestCase):
    def test_one_outer_source_and_port_for_a_flow(self):
        run = Rehearsal([{"type": "time", "ns": 10**12}, {"type": "config", "toml": configuration(("gue",)).replace(
            'encap_source = "10.0.0.240"', 'encap_source = "10.0.0.240/28"'), "ports": PORTS}] + neighbours(("gue",)))
        packet = build.ipv4(CLIENT, "198.51.100.11", UDP, build.udp(CLIENT, "198.51.100.11", 7, 53))
        event = {"type": "frame", "port": "net0", "hex": build.ethernet(packet).hex()}
        expectation = run.model.expect(event)
        outcome = next(one for one in expectation.outcomes if one.facts["backend"][1] == "b0")
        template = outcome.outputs[0].templates[0]

        def seen(**values):
            values = {one.name: one.default for one in template.fields} | values
            return {"out": [{"kind": "sent", "port": "net1", "hex": template.build(values).hex()}], "dropped": {}}
        base = int.from_bytes(b"\n\0\0\xf0", "big")
        self.assertEqual(expectation.check(seen(source=base + 5, gue_port=50001)), [])
        self.assertTrue(expectation.check(seen(source=base + 16)))
        self.assertTrue(expectation.check(seen(gue_port=49151)))
        run.model.observe(event, seen(source=base + 5, gue_port=50001))
        expectation = run.model.expect(event)
        self.assertEqual(expectation.check(seen(source=base + 5, gue_port=50001)), [])
        self.assertTrue(expectation.check(seen(source=base + 6, gue_port=50001)))
        self.assertTrue(expectation.check(seen(source=base + 5, gue_port=50002)))

    def test_identifications_do_not_repeat_without_df(self):
        run = Rehearsal([{"type": "time", "ns": 10**12}, {"type": "config", "toml": configuration(("ipip",)), "ports": PORTS}]
                        + neighbours(("ipip",)))
        vip = "198.51.100.12"
        for flags, repeats in ((0, False), (0x4000, True)):
            packet = build.ipv4(CLIENT, vip, UDP, build.udp(CLIENT, vip, 7, 53), flags=flags)
            event = {"type": "frame", "port": "net0", "hex": build.ethernet(packet).hex()}
            expectation = run.model.expect(event)
            template = next(one for one in expectation.outcomes if one.facts["backend"][1] == "b0").outputs[0].templates[0]
            seen = {"out": [{"kind": "sent", "port": "net1", "hex": template.example(id=77).hex()}]}
            self.assertEqual(expectation.check(seen), [])
            run.model.observe(event, seen)
            self.assertEqual(run.model.expect(event).check(seen) == [], repeats)


if __name__ == "__main__":
    unittest.main()
