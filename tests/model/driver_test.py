#!/usr/bin/python3
"""The driver's protocol: what each event does and answers, what it refuses, and that it says when its account is wrong."""

import json
import os
import subprocess
import unittest

import frames as build
import sequences
from driver_process import Driver, DriverDied

PROGRAM = os.environ["MODEL_DRIVER"]
ANSWER_KEYS = {"out", "dropped", "originated", "in_flight"}
CONFIG = """
[dataplane]
connections = 4096
[[port]]
name = "net0"
device = "vdev:net_null0"
host_interface = "shunt0"
addresses = ["192.0.2.2/24"]
[[port]]
name = "net1"
device = "vdev:net_null1"
addresses = []
gateway_mac = "02:00:00:00:00:99"
[[pool]]
name = "web"
slots = 251
drain = "0s"
health = { port = 80 }
[[pool.backend]]
name = "b1"
address = "192.0.2.11"
[[pool.backend]]
name = "b2"
address = "192.0.2.12"
[[service]]
name = "web"
address = "192.0.2.100"
port = 80
pool = "web"
forward = "l2"
"""
MACS = {"b1": "02:00:00:00:0b:01", "b2": "02:00:00:00:0b:02"}


def config(text=CONFIG, **more):
    return {"type": "config", "toml": text, **more}


def syn(sport=4000, to=sequences.PORT_MAC["net0"]):
    packet = build.ipv4("203.0.113.9", "192.0.2.100", build.TCP, build.tcp("203.0.113.9", "192.0.2.100", sport, 80))
    return build.ethernet(to, sequences.ROUTER_MAC, packet)


def frame(data, port="net0"):
    return {"type": "frame", "port": port, "hex": data.hex()}


class DriverTest(unittest.TestCase):
    def setUp(self):
        self.driver = Driver(PROGRAM)
        self.addCleanup(self.driver.end_quietly)

    def send(self, event):
        answer = self.driver.send(event)
        self.assertNotIn("error", answer)
        return answer

    def start(self):
        answer = self.send(config())
        for name, address in (("b1", "192.0.2.11"), ("b2", "192.0.2.12")):
            self.send({"type": "neighbour", "port": "net0", "address": address, "mac": MACS[name]})
        return answer

    def backend_of(self, answer):
        self.assertEqual([out["kind"] for out in answer["out"]], ["sent"], answer)
        mac = answer["out"][0]["hex"][:12]
        return next(name for name, text in MACS.items() if text.replace(":", "") == mac)

    def refusal(self, event):
        answer = self.driver.send(event)
        self.assertEqual(list(answer), ["error"])
        return answer["error"]


class Events(DriverTest):
    def test_a_new_vip_is_announced_three_times(self):
        out = self.start()["out"]
        later = self.send({"type": "time", "ns": 1_010_000_000_000})["out"]
        gratuitous = build.ethernet("ff:ff:ff:ff:ff:ff", sequences.PORT_MAC["net0"],
                                    build.arp(1, sequences.PORT_MAC["net0"], "192.0.2.100", "00:00:00:00:00:00", "192.0.2.100"),
                                    ether_type=0x0806)
        self.assertEqual(out + later, [{"kind": "originated", "port": "net0", "hex": gratuitous.hex()}] * 3)

    def test_a_frame_is_sent(self):
        self.start()
        answer = self.send(frame(syn()))
        name = self.backend_of(answer)
        packet = build.ipv4("203.0.113.9", "192.0.2.100", build.TCP, build.tcp("203.0.113.9", "192.0.2.100", 4000, 80), ttl=63)
        expected = build.ethernet(MACS[name], sequences.PORT_MAC["net0"], packet)
        self.assertEqual(answer, {"out": [{"kind": "sent", "port": "net0", "hex": expected.hex()}], "dropped": {}})

    def test_a_frame_is_dropped(self):
        self.start()
        self.assertEqual(self.send(frame(syn(to="02:00:00:00:00:55"))), {"out": [], "dropped": {"not_our_mac": 1}})

    def test_an_empty_frame_is_one(self):
        self.start()
        self.assertEqual(self.send(frame(b"")), {"out": [], "dropped": {"truncated": 1}})

    def test_a_frame_is_punted(self):
        self.start()
        data = build.ethernet(sequences.PORT_MAC["net0"], sequences.ROUTER_MAC, build.ipv4("203.0.113.9", "192.0.2.2", 89, b"ospf"))
        self.assertEqual(self.send(frame(data)), {"out": [{"kind": "punted", "port": "net0", "hex": data.hex()}], "dropped": {}})

    def test_arp_for_a_vip_is_answered(self):
        self.start()
        ask = build.arp(1, sequences.ROUTER_MAC, "192.0.2.1", "00:00:00:00:00:00", "192.0.2.100")
        answer = self.send(frame(build.ethernet("ff:ff:ff:ff:ff:ff", sequences.ROUTER_MAC, ask, ether_type=0x0806)))
        reply = build.arp(2, sequences.PORT_MAC["net0"], "192.0.2.100", sequences.ROUTER_MAC, "192.0.2.1")
        expected = build.ethernet(sequences.ROUTER_MAC, sequences.PORT_MAC["net0"], reply, ether_type=0x0806)
        self.assertEqual(answer["dropped"], {"arp": 1})
        self.assertEqual(answer["out"], [{"kind": "originated", "port": "net0", "hex": expected.hex()}])
        self.assertEqual(answer["originated"], 1)

    def test_a_burst_has_one_answer(self):
        self.start()
        burst = [frame(syn(sport)) for sport in range(4000, 4150)] + [frame(syn(), "net1")]
        answer = self.send({"type": "frames", "frames": burst})
        self.assertEqual(len(answer["out"]), 150)
        self.assertEqual(answer["dropped"], {"not_our_mac": 1}, "the last one's MAC is the other port's")

    def test_health_moves_new_flows_only(self):
        self.start()
        owner = self.backend_of(self.send(frame(syn())))
        self.send({"type": "accept", "pool": "web", "backend": owner, "up": False})
        down = {self.backend_of(self.send(frame(syn(sport)))) for sport in range(5000, 5030)}
        self.assertEqual(down, set(MACS) - {owner})
        self.send({"type": "accept", "pool": "web", "backend": owner, "up": True})
        up = {self.backend_of(self.send(frame(syn(sport)))) for sport in range(6000, 6030)}
        self.assertEqual(up, set(MACS))

    def test_a_reload_is_taken_up(self):
        self.start()
        self.send(config(CONFIG.replace("port = 80\npool", "port = 81\npool")))
        self.assertEqual(self.send(frame(syn()))["dropped"], {"no_service": 1})

    def test_a_neighbour_moves(self):
        self.start()
        owner = self.backend_of(self.send(frame(syn())))
        address = {"b1": "192.0.2.11", "b2": "192.0.2.12"}[owner]
        self.send({"type": "neighbour", "port": "net0", "address": address, "mac": "02:00:00:00:0c:0c"})
        self.assertEqual(self.send(frame(syn()))["out"][0]["hex"][:12], "020000000c0c")

    def test_a_route_leads_out_of_the_other_port(self):
        far = CONFIG.replace('"192.0.2.11"', '"10.9.0.1"').replace('"192.0.2.12"', '"10.9.0.2"').replace('"l2"', '"ipip"')
        far = far.replace("addresses = [\"192", "encap_source = \"192.0.2.10\"\naddresses = [\"192")
        self.send(config(far))
        self.send({"type": "route", "prefix": "10.9.0.0/16", "port": "net1"})
        out = self.send(frame(syn()))["out"]
        self.assertEqual([(each["port"], each["hex"][:12]) for each in out], [("net1", "020000000099")], "gateway_mac")

    def test_time_ends_what_is_idle(self):
        self.start()
        opened = self.backend_of(self.send(frame(syn())))
        self.send({"type": "accept", "pool": "web", "backend": opened, "up": False})
        self.send({"type": "time", "ns": 1_000_000_000_000 + 9_000_000_000})
        ack = build.ipv4("203.0.113.9", "192.0.2.100", build.TCP,
                         build.tcp("203.0.113.9", "192.0.2.100", 4000, 80, sequence=1001, flags=build.ACK))
        data = build.ethernet(sequences.PORT_MAC["net0"], sequences.ROUTER_MAC, ack)
        self.assertEqual(self.backend_of(self.send(frame(data))), opened, "the ACK within the time of a SYN")
        self.send({"type": "time", "ns": 1_000_000_000_000 + 3_000_000_000_000})
        self.assertNotEqual(self.backend_of(self.send(frame(data))), opened, "50 minutes later; its backend passed over")

    def test_what_the_kernel_sends_leaves_by_the_port(self):
        self.start()
        data = build.ethernet(sequences.ROUTER_MAC, sequences.PORT_MAC["net0"], b"kernel's", ether_type=0x88CC)
        self.assertEqual(self.send({"type": "host_frame", "port": "net0", "hex": data.hex()}),
                         {"out": [{"kind": "sent", "port": "net0", "hex": data.hex()}], "dropped": {}})

    def test_what_the_kernel_sends_to_a_vip_is_forwarded(self):
        self.send(config(ports={"net0": {"host_mac": sequences.HOST_MAC["net0"]}}))
        for name, address in (("b1", "192.0.2.11"), ("b2", "192.0.2.12")):
            self.send({"type": "neighbour", "port": "net0", "address": address, "mac": MACS[name]})
        data = syn(to=sequences.HOST_MAC["net0"])
        self.assertIn(self.backend_of(self.send({"type": "host_frame", "port": "net0", "hex": data.hex()})), MACS)

    def test_reset_forgets_everything(self):
        self.start()
        self.assertEqual(self.send({"type": "reset"}), {"ok": True})
        self.assertEqual(self.refusal(frame(syn())), "no configuration yet")
        self.assertIn("out", self.start(), "announced anew")

    def test_ports_macs_are_the_events_then_the_files(self):
        self.send(config(ports={"net0": {"mac": "02:00:00:00:07:07"}}))
        self.assertEqual(self.send(frame(syn()))["dropped"], {"not_our_mac": 1})
        self.assertEqual(self.send(frame(syn(to="02:00:00:00:07:07")))["dropped"], {"no_neighbour": 1})


class Refusals(DriverTest):
    def test_a_wrong_configuration_changes_nothing(self):
        self.start()
        said = self.refusal(config(CONFIG.replace("forward", "froward")))
        self.assertRegex(said, r"^\d+:\d+: ")
        self.backend_of(self.send(frame(syn())))

    def test_what_needs_a_restart(self):
        self.start()
        self.assertIn("reset first", self.refusal(config(CONFIG.replace("4096", "8192"))))
        self.assertIn("reset first", self.refusal(config(ports={"net0": {"mac": "02:00:00:00:07:07"}})))

    def test_names_that_there_are_not(self):
        self.start()
        self.assertIn("no port", self.refusal(frame(syn(), "net7")))
        self.assertIn("no pool", self.refusal({"type": "accept", "pool": "x", "backend": "b1", "up": True}))
        self.assertIn("no backend", self.refusal({"type": "accept", "pool": "web", "backend": "x", "up": True}))
        self.assertIn("no host_interface", self.refusal({"type": "host_frame", "port": "net1", "hex": "00" * 14}))

    def test_time_goes_forward(self):
        self.start()
        self.assertIn("doesn't go back", self.refusal({"type": "time", "ns": 5}))
        self.assertIn("a day", self.refusal({"type": "time", "ns": 10**18}))

    def test_too_many_ports(self):
        more = "".join(f'[[port]]\nname = "n{number}"\ndevice = "vdev:net_null{number}"\n' for number in range(2, 6))
        self.assertIn("too large", self.refusal(config(CONFIG + more)))


class Faults(DriverTest):
    """The checks can fail: an account that is wrong by one is said, whichever term it is."""

    def test_every_term(self):
        for term in ("received", "sent", "punted", "originated", "entered", "left"):
            with self.subTest(term):
                driver = Driver(PROGRAM)
                driver.send(config())
                answer = driver.send({"type": "spoil", "term": term})
                self.assertRegex(answer.get("error", ""), "^shunt contradicts itself: ")
                self.assertTrue(any("balance" in fault or "counted" in fault for fault in answer["faults"]), answer["faults"])
                driver.send({"type": "reset"})
                driver.close()

    def test_at_the_end_it_is_the_status(self):
        self.start()
        self.driver.send({"type": "spoil", "term": "received"})
        with self.assertRaisesRegex(DriverDied, "status 3"):
            self.driver.close()


class BadLines(unittest.TestCase):
    def run_line(self, line):
        done = subprocess.run([PROGRAM], input=line + "\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2, line)
        self.assertRegex(done.stderr, r"^line 1: ")
        return done.stderr

    def test_each_is_named_and_ends_with_status_2(self):
        for line, says in [
                ("{", "parse"), ("7", "an event is an object"), ("{}", '"type" is missing'), ('{"type": 7}', "isn't a text"),
                ('{"type": "nonsense"}', 'no event "nonsense"'), ('{"type": "config"}', '"toml" is missing'),
                ('{"type": "time", "ns": -1}', '"ns"'), ('{"type": "time", "ns": "1"}', '"ns"'),
        ]:
            with self.subTest(line):
                self.assertIn(says, self.run_line(line))

    def test_of_an_event_that_needs_a_configuration(self):
        for event, says in [
                ({"type": "frame", "port": "net0"}, '"hex" is missing'), ({"type": "frame", "port": "net0", "hex": "0"}, "whole bytes"),
                ({"type": "frame", "port": "net0", "hex": "zz"}, "hexadecimal"),
                ({"type": "frame", "port": "net0", "hex": "00" * 65536}, "whole bytes"),
                ({"type": "frames", "frames": 7}, "isn't a list"), ({"type": "neighbour", "port": "net0", "address": "x", "mac": "y"}, "address"),
                ({"type": "neighbour", "port": "net0", "address": "192.0.2.9", "mac": "y"}, "MAC"),
                ({"type": "accept", "pool": "web", "backend": "b1", "up": "yes"}, "boolean"),
                ({"type": "route", "port": "net0", "prefix": "192.0.2.1/99"}, "prefix"), ({"type": "spoil", "term": "x"}, "no such term"),
                (config(ports={"net9": {}}), "net9"),
        ]:
            with self.subTest(str(event)[:80]):
                driver = Driver(PROGRAM)
                driver.send(config())
                with self.assertRaisesRegex(DriverDied, "status 2\nline 2: .*" + says):
                    driver.send(event)


class Answers(DriverTest):
    def test_a_long_sequence_is_answered_event_by_event(self):
        events = sequences.generate(3, 600)
        answers = self.driver.send_all(events)
        self.assertEqual(len(answers), len(events))
        held = 0
        for event, answer in zip(events, answers):
            count = len(sequences.frames_in(event))
            self.assertLessEqual(set(answer) - {"ok"}, ANSWER_KEYS, json.dumps(answer))
            self.assertEqual("ok" in answer, count == 0)
            if count:
                left = len(answer["out"]) - answer.get("originated", 0)
                now_held = answer.get("in_flight", 0)
                self.assertEqual(left + sum(answer["dropped"].values()) + now_held, count + held)
            held = answer.get("in_flight", 0)


if __name__ == "__main__":
    unittest.main()
