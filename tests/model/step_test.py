"""The whole model by rows of {name, frame in, what is allowed}: dispositions, reasons, answers, nat. Golden bytes by hand."""

import struct
import unittest

from model import build, headers, step
from model.addresses import address
from model.checksum import ones_sum, transport_sum
from model.configurations import PORTS, configuration, neighbours
from model.packet import ACK, FIN, ICMP, ICMP6, RST, SYN, TCP, UDP
from model.rehearsal import Rehearsal
from model.state import State

SECOND = 10**9
FORWARDS = ("l2", "ipip", "gue", "nat", "gre")
CLIENT, CLIENT6 = "192.0.2.100", "2001:db8::c:1"
GUE, GUE6 = "198.51.100.11", "2001:db8:100::b"
GRE = "198.51.100.10"
IPIP, IPIP6 = "198.51.100.12", "2001:db8:100::c"
L2, L26 = "198.51.100.13", "2001:db8:100::d"
NAT, NAT6 = "198.51.100.14", "2001:db8:100::e"
NAT_BACKEND, NAT_BACKEND6 = "10.0.0.80", "2001:db8:1::58"


def started(toml=None, known=True, seed=1, **options):
    config = {"type": "config", "toml": toml or configuration(FORWARDS, **options), "ports": PORTS}
    return Rehearsal([{"type": "time", "ns": 1000 * SECOND}, config] + (neighbours(FORWARDS) if known else []), seed)


def frame(packet, port="net0", **options):
    options.setdefault("destination", bytes.fromhex(PORTS[port]["mac"].replace(":", "")))
    return {"type": "frame", "port": port, "hex": build.ethernet(packet, **options).hex()}


def syn(vip, client=CLIENT, sport=1234, dport=80, **options):
    return build.ip(client, vip, TCP, build.tcp(client, vip, sport, dport), **options)


def datagram(vip, client=CLIENT, size=20, sport=1234, dport=53, **options):
    return build.ip(client, vip, UDP, build.udp(client, vip, sport, dport, bytes(size)), **options)


def reasons(expectation):
    return {one.dropped for one in expectation.outcomes}


class Dispositions(unittest.TestCase):
    def setUp(self):
        self.run_ = started()

    def dropped(self, event, *wanted):
        """That nothing but a drop is allowed, for one of the reasons."""
        expectation = self.run_.model.expect(event)
        self.assertEqual(reasons(expectation), {(one,) for one in wanted}, str(expectation))
        self.assertFalse([one for one in expectation.outcomes if one.outputs and one.dropped == ()], str(expectation))
        for one in wanted:
            self.assertTrue(expectation.check({"dropped": {one: 2}}))
        self.assertTrue(expectation.check({"dropped": {"shed": 1}}))
        self.assertTrue(expectation.check({}))

    def punted(self, event):
        expectation = self.run_.model.expect(event)
        self.assertEqual([str(one) for one in expectation.outcomes], [f"punted from {event['port']}"])
        self.assertEqual(expectation.check({"out": [{"kind": "punted", "port": event["port"], "hex": event["hex"]}]}), [])
        self.assertTrue(expectation.check({"out": [{"kind": "punted", "port": event["port"], "hex": event["hex"] + "00"}]}))

    def sent(self, event):
        expectation = self.run_.model.expect(event)
        self.assertTrue(any(str(one).startswith("sent") for one in expectation.outcomes), str(expectation))
        self.assertFalse([one for one in expectation.outcomes if one.dropped], str(expectation))

    def test_parse(self):
        other = bytes.fromhex("02000000beef")
        self.dropped(frame(syn(IPIP), destination=other), "not_our_mac")
        self.dropped(frame(syn(IPIP), destination=b"\xff" * 6), "not_our_mac")
        self.dropped({"type": "frame", "port": "net0", "hex": ""}, "truncated")
        self.dropped({"type": "frame", "port": "net0", "hex": build.PORT_MAC.hex() + "00" * 7}, "truncated")
        self.dropped(frame(syn(IPIP)[:19]), "truncated")
        self.dropped(frame(syn(IPIP6, CLIENT6)[:39]), "truncated")

    def test_the_kernels(self):
        self.punted(frame(syn("192.0.2.2", dport=22)))
        self.punted(frame(headers.put(syn("192.0.2.2", dport=22), 10, b"\0\0")))
        self.punted(frame(syn("192.0.2.2", dport=22, ttl=0)))
        self.punted(frame(b"\1\2\3" * 20, ethertype=0x88CC, destination=bytes.fromhex("0180c200000e")))
        self.punted(frame(datagram("224.0.0.1"), destination=bytes.fromhex("01005e000001")))
        self.punted(frame(syn(IPIP), tags=build.tag(1) * 3))
        self.punted(frame(datagram("203.0.114.1"), "net1"))

    def test_no_host_interface(self):
        toml = configuration(("l2",)).replace('host_interface = "shunt0"\n', "", 1)
        self.run_ = started(toml)
        self.dropped(frame(syn("192.0.2.99")), "no_host_interface")

    def test_services(self):
        self.sent(frame(syn(IPIP)))
        self.sent(frame(syn(IPIP), tags=build.tag(5, 0x88A8) + build.tag(6)))
        self.dropped(frame(syn(IPIP, dport=22)), "no_service")
        self.dropped(frame(datagram(IPIP, dport=80)), "no_service")
        self.dropped(frame(build.ipv4(CLIENT, IPIP, 132, bytes(12))), "no_service")
        self.dropped(frame(build.ipv6(CLIENT6, IPIP6, 59, b"")), "no_service")
        self.sent(frame(datagram("203.0.113.77", dport=4711)))
        self.dropped(frame(syn("203.0.113.77")), "no_service")

    def test_longest_prefix_then_exact_port(self):
        more = ('\n[[service]]\nname = "one"\naddress = "203.0.113.70"\nport = 9\nprotocol = "udp"\npool = "nat4"\n'
                'forward = "ipip"\n[[service]]\nname = "two"\naddress = "203.0.113.70"\nprotocol = "udp"\npool = "gre4"\n'
                'forward = "ipip"\n')
        config = started(configuration(FORWARDS) + more).model.state.config
        for vip, port, name in (("203.0.113.70", 9, "one"), ("203.0.113.70", 10, "two"), ("203.0.113.71", 9, "ipip4-all")):
            self.assertEqual(config.service(address(vip), UDP, port).name, name)

    def test_bad_headers(self):
        self.dropped(frame(headers.put(syn(IPIP), 10, b"\x12\x34")), "bad_checksum")
        self.dropped(frame(build.ipv4(CLIENT, IPIP, TCP, b"", total=19)), "bad_header")
        self.dropped(frame(build.ipv4(CLIENT, IPIP, UDP, build.udp(CLIENT, IPIP, 1, 53, length=7))), "bad_header")
        self.dropped(frame(syn(IPIP, options=b"\x83\x07\x04\1\2\3\4")), "options")
        self.dropped(frame(syn(IPIP6, CLIENT6, extensions=[(43, bytes(7))])), "extension_headers")
        self.dropped(frame(datagram(IPIP6, CLIENT6)[:46] + b"\0\0" + bytes(20)), "bad_checksum", "bad_header")
        self.sent(frame(syn(IPIP, options=b"\x94\4\0\0")))

    def test_sources(self):
        for source in ("0.0.0.0", "0.255.255.255", "127.0.0.1", "224.0.0.1", "255.255.255.255", L2, "203.0.113.9", "192.0.2.250", "10.0.0.240"):
            with self.subTest(source):
                self.dropped(frame(syn(IPIP, source)), "bad_source")
        for source in ("::", "::1", "ff02::1", L26, "2001:db8::ff", "2001:db8:1::f0"):
            with self.subTest(source):
                self.dropped(frame(syn(IPIP6, source)), "bad_source")
        self.sent(frame(syn(IPIP, "223.255.255.255")))
        self.sent(frame(syn(IPIP6, "fe80::1")))

    def test_ttl(self):
        self.dropped(frame(syn(IPIP, ttl=0)), "ttl")
        self.sent(frame(syn(IPIP, ttl=2)))
        expectation = self.run_.model.expect(frame(syn(IPIP, ttl=1)))
        self.assertEqual([str(one) for one in expectation.outcomes], ["originated from net0, dropped ttl"])

    def test_ah(self):
        packet = build.ipv6(CLIENT6, NAT6, TCP, build.tcp(CLIENT6, NAT6, 1, 80), extensions=[(51, bytes([4]) + bytes(22))])
        self.dropped(frame(packet), "extension_headers")
        packet = build.ipv6(CLIENT6, GUE6, TCP, build.tcp(CLIENT6, GUE6, 1, 80), extensions=[(51, bytes([4]) + bytes(22))])
        self.sent(frame(packet))

    def test_loops(self):
        own = "192.0.2.241"
        again = build.ipv4(own, GUE, UDP, build.udp(own, GUE, 50000, 6080, syn(GUE)))
        self.dropped(frame(build.ipv4(CLIENT, "203.0.113.40", UDP, build.udp(CLIENT, "203.0.113.40", 50000, 6080, again))), "loop")
        foreign = build.ipv4("198.18.0.1", GUE, UDP, build.udp("198.18.0.1", GUE, 50000, 6080, syn(GUE)))
        self.sent(frame(build.ipv4(CLIENT, "203.0.113.40", UDP, build.udp(CLIENT, "203.0.113.40", 50000, 6080, foreign))))
        self.dropped(frame(build.ipv4(CLIENT, GUE, 4, again)), "loop", "no_service")
        self.dropped(frame(build.ipv4(own, GUE, 4, syn(GUE))), "bad_source", "loop", "no_service")

    def test_loops_behind_others(self):
        inside = build.ipv4("192.0.2.241", GUE, 4, syn(GUE))
        for depth in range(7):
            self.dropped(frame(build.ipv4(CLIENT, GUE, 4, inside)), "loop", "no_service")
            inside = build.ipv4("198.18.0.1", GUE, 4, inside)
        stranger = build.ipv4("198.18.0.1", GUE, 4, syn(GUE))
        self.dropped(frame(build.ipv4(CLIENT, GUE, 4, stranger)), "no_service")
        cut = inside[:-8]  # it isn't as long as it says
        self.dropped(frame(build.ipv4(CLIENT, GUE, 4, cut)), "loop", "no_service")

    def test_tags_are_stripped_where_they_came_in(self):
        for vip, port_keys in ((IPIP, ('vlan = "strip"', "")), (L2, ("", ""))):
            self.run_ = started(port_keys=port_keys)
            _, _, seen = self.run_.play(frame(syn(vip), tags=build.tag(5, 0x88A8) + build.tag(6)))
            data = bytes.fromhex(seen["out"][0]["hex"])
            self.assertEqual(data[12:14].hex(), "0800" if port_keys[0] else "88a8")

    def test_one_outer_source_for_all_is_a_fault(self):
        self.run_ = started(wide=True)
        alike = 0
        for sport in range(1, 200):
            event = frame(syn(IPIP, sport=sport))
            outcome = next(one for one in self.run_.model.expect(event).outcomes if len(one.facts["backend"][2]) == 4)
            data = outcome.outputs[0].templates[0].example(source=int.from_bytes(address("10.0.0.241"), "big"), id=sport)
            seen = {"out": [{"kind": "sent", "port": "net1", "hex": data.hex()}]}
            alike += bool(self.run_.model.expect(event).check(seen))
            self.run_.model.observe(event, seen)
        self.assertGreater(alike, 100)

    def test_next_hops(self):
        self.run_ = started(known=False)
        self.dropped(frame(syn(GUE)), "no_neighbour")
        far = configuration(("l2",)).replace("10.0.0.64", "10.9.0.64").replace("10.0.0.65", "10.9.0.65").replace("10.0.0.66", "10.9.0.66")
        self.run_ = started(far, known=False)
        self.run_.play({"type": "route", "prefix": "10.9.0.0/16", "port": "net1", "via": "10.0.0.254"})
        self.dropped(frame(syn(L2)), "not_on_link")
        self.run_ = started(configuration(("ipip",)).replace("10.0.0.48", "10.9.0.48"), known=False)
        self.run_.play({"type": "accept", "pool": "ipip4", "backend": "b1", "up": False})
        self.run_.play({"type": "accept", "pool": "ipip4", "backend": "b2", "up": False})
        self.dropped(frame(syn(IPIP)), "no_neighbour")
        self.run_.play({"type": "route", "prefix": "10.9.0.0/16", "port": "net1", "via": "10.0.0.254"})
        self.dropped(frame(syn(IPIP)), "no_neighbour")
        self.run_.play({"type": "neighbour", "address": "10.0.0.254", "port": "net1", "mac": "02:00:00:00:00:77"})
        _, _, seen = self.run_.play(frame(syn(IPIP)))
        self.assertEqual(seen["out"][0]["hex"][:12], "020000000077")

    def test_nobody(self):
        toml = configuration(FORWARDS).replace('address = "10.0.0.', 'weight = 0\naddress = "10.0.0.')
        self.run_ = started(toml)
        self.dropped(frame(syn(L2)), "no_backend")

    def test_bytes_behind_the_packet_are_not_carried(self):
        _, _, seen = self.run_.play(frame(syn(L2) + bytes(6)))
        self.assertEqual(len(bytes.fromhex(seen["out"][0]["hex"])), 14 + 40)


class Answers(unittest.TestCase):
    def answer(self, run, event):
        expectation, outcome, seen = run.play(event)
        self.assertEqual(len(outcome.outputs), 1, str(expectation))
        self.assertEqual(outcome.outputs[0].kinds, ("originated",))
        return bytes.fromhex(seen["out"][0]["hex"])

    def test_echo(self):
        """Type 0 instead of 8: 0800 less in the sum, 0800 more in the checksum. DSCP is copied, ECN free, the tag stays."""
        request = build.ipv4(CLIENT, GUE, ICMP, bytes.fromhex("0800f4f9 00010002 02030100"), tos=0xB8, ttl=1)
        self.assertEqual(ones_sum(request[20:]), 0xFFFF)
        data = self.answer(started(), frame(request, tags=build.tag(9)))
        self.assertEqual(data[:18].hex(), build.CLIENT_MAC.hex() + build.PORT_MAC.hex() + "810000090800")
        self.assertEqual(data[19], 0xB8)
        self.assertEqual(data[30:38], address(GUE) + address(CLIENT))
        self.assertEqual(data[38:].hex(), "0000fcf9" "00010002" "02030100")

    def test_echoes_that_nobody_can_be_answered_to(self):
        run = started(mtus=(1400, 1500))
        for size, wanted in ((1372, {("echo",)}), (1373, {("too_big",)})):
            message = build.icmp(CLIENT, GUE, 8, 0, bytes(4 + size))
            expectation = run.model.expect(frame(build.ipv4(CLIENT, GUE, ICMP, message)))
            self.assertEqual(reasons(expectation), wanted)
        request = build.ipv4(CLIENT, GUE, ICMP, build.icmp(CLIENT, GUE, 8, 0, bytes(12)))
        expectation = run.model.expect(frame(request, source=bytes.fromhex("030000000001")))
        self.assertEqual([(one.dropped, one.outputs) for one in expectation.outcomes], [(("echo",), ())])

    def test_echo_of_ipv6_and_of_a_prefix(self):
        for vip, client in ((GUE6, CLIENT6), ("2001:db8:200:20::99", CLIENT6), ("203.0.113.33", CLIENT)):
            message = build.icmp(client, vip, 8 if "." in vip else 128, 0, b"abcdefgh")
            data = self.answer(started(), frame(build.ip(client, vip, build.icmp_protocol(vip), message)))[14:]
            at = 20 if "." in vip else 40
            self.assertEqual(data[at:at + 2], b"\0\0" if "." in vip else b"\x81\0")
            total = ones_sum(data[at:]) if "." in vip else transport_sum(data[8:24], data[24:40], ICMP6, data[at:])
            self.assertEqual(total, 0xFFFF)

    def test_time_exceeded(self):
        packet = datagram(GUE, size=100, ttl=1)
        data = self.answer(started(), frame(packet))[14:]
        self.assertEqual(data[12:20], address(GUE) + address(CLIENT))
        self.assertEqual((data[20:22].hex(), data[24:28].hex()), ("0b00", "00000000"))
        self.assertEqual(data[28:], packet[:100])  # 128 bytes came: 28 + 100 go
        self.assertEqual(len(data), len(packet))

    def test_small_packets_are_quoted_with_8_bytes_at_least(self):
        packet = build.ipv4(CLIENT, GUE, UDP, build.udp(CLIENT, GUE, 1, 53, b""), ttl=1)
        data = self.answer(started(), frame(packet))[14:]
        self.assertEqual(data[28:], packet)

    def test_too_big_says_the_exact_mtu(self):
        rows = [(GUE, CLIENT, 4, {1500 - 28, 1500 - 48}), (IPIP, CLIENT, 4, {1480, 1460}), (GRE, CLIENT, 4, {1476, 1456}),
                (GUE6, CLIENT6, 6, {1472, 1452}), (IPIP6, CLIENT6, 6, {1480, 1460}), (L26, CLIENT6, 6, {1500}), (NAT, CLIENT, 4, {1500})]
        for vip, client, version, mtus in rows:
            packet = datagram(vip, client, 1600)
            seen = set()
            for seed in range(1, 30):
                data = self.answer(started(seed=seed), frame(packet))[14:]
                at = 20 if version == 4 else 40
                self.assertEqual(data[at:at + 2].hex(), "0304" if version == 4 else "0200")
                self.assertLessEqual(len(data), len(packet) if version == 4 else 1280)
                seen.add(int.from_bytes(data[at + 4:at + 8], "big"))
            self.assertEqual(seen, mtus, vip)

    def test_limits_of_size(self):
        """Exactly as long as fits goes; a byte more doesn't."""
        run = started()
        for size, fits in ((1500 - 28, True), (1500 - 27, False)):
            expectation = run.model.expect(frame(datagram(L2, size=size)))
            self.assertEqual(any(one.dropped for one in expectation.outcomes), not fits)

    def test_nothing_is_answered_in_vain(self):
        """An error, a later fragment, TTL 0, and of course a bad source."""
        run = started()
        quoted = build.ipv4(GUE, CLIENT, UDP, build.udp(GUE, CLIENT, 53, 1234))
        error = build.ipv4(CLIENT, GUE, ICMP, build.icmp(CLIENT, GUE, 3, 3, bytes(4) + quoted[:28]), ttl=1)
        later = build.cut(datagram(GUE, size=400, ttl=1, flags=0), [64], 5)[1]
        for packet, reason in ((error, "ttl"), (later, "ttl"), (datagram(GUE, ttl=0), "ttl")):
            expectation = run.model.expect(frame(packet))
            self.assertEqual([str(one) for one in expectation.outcomes], [f"dropped {reason}"])
        expectation = run.model.expect(frame(datagram(GUE, "127.0.0.1", ttl=1)))
        self.assertEqual({str(one) for one in expectation.outcomes}, {"dropped bad_source", "dropped ttl"})

    def test_rate(self):
        run = started(keys=("[icmp]",))
        request = frame(build.ipv4(CLIENT, GUE, ICMP, build.icmp(CLIENT, GUE, 8, 0, b"abcd")))
        answered = [bool(run.play(request)[1].outputs) for _ in range(4)]
        self.assertEqual(answered, [True] * 4)
        expectation = run.model.expect(request)
        self.assertEqual({one.dropped for one in expectation.outcomes}, {("echo",), ("answer_limit",)})
        for _ in range(8):
            run.play(request)
        self.assertEqual({one.dropped for one in run.model.expect(request).outcomes}, {("answer_limit",)})
        run.play({"type": "time", "ns": 1003 * SECOND})
        self.assertEqual({one.dropped for one in run.model.expect(request).outcomes}, {("echo",)})

    def test_a_limit_that_is_never_reached_is_a_difference(self):
        run = started(keys=("[icmp]",))
        request = frame(build.ipv4(CLIENT, GUE, ICMP, build.icmp(CLIENT, GUE, 8, 0, b"abcd")))
        answer = None
        for _ in range(9):
            expectation = run.model.expect(request)
            answer = answer or {"out": [{"kind": "originated", "port": "net0",
                                         "hex": expectation.outcomes[0].outputs[0].templates[0].example().hex()}], "dropped": {"echo": 1}}
            problems = expectation.check(answer)
            run.model.observe(request, answer)
        self.assertTrue(problems)

    def reset_toml(self):
        return configuration(FORWARDS, service_keys='no_backend = "reset"\n').replace('address = "10.0.0.', 'weight = 0\naddress = "10.0.0.')

    def test_reset(self):
        """RFC 9293 3.5.2: without ACK the reset acknowledges what came, a SYN counting as one; with ACK its number is that one."""
        run = started(self.reset_toml())
        rows = [(SYN, 1000, 0, b"", (0, 1001, RST | ACK)), (0, 1000, 0, b"abc", (0, 1003, RST | ACK)),
                (SYN | FIN, 0xFFFFFFFF, 0, b"", (0, 1, RST | ACK)), (SYN | ACK, 7, 5555, b"", (5555, 0, RST))]
        for flags, seq, ack, payload, wanted in rows:
            with self.subTest(flags=flags):
                packet = build.ipv4(CLIENT, L2, TCP, build.tcp(CLIENT, L2, 1234, 80, flags, seq, ack, payload))
                outcome = next(one for one in run.model.expect(frame(packet)).outcomes if one.dropped == ("no_backend",) and one.outputs)
                data = outcome.outputs[0].templates[0].example()[14:]
                self.assertEqual(struct.unpack("!HHIIBB", data[20:34]), (80, 1234) + wanted[:2] + (0x50, wanted[2]))
                self.assertEqual(transport_sum(data[12:16], data[16:20], TCP, data[20:]), 0xFFFF)

    def test_port_unreachable(self):
        run = started(self.reset_toml())
        self.assertEqual(self.answer(run, frame(datagram(L2)))[34:36].hex(), "0303")

    def test_no_reset_for_a_reset(self):
        packet = build.ipv4(CLIENT, L2, TCP, build.tcp(CLIENT, L2, 1234, 80, RST))
        expectation = started(self.reset_toml()).model.expect(frame(packet))
        self.assertFalse([one for one in expectation.outcomes if one.dropped and one.outputs])

    def test_arp(self):
        toml = configuration(FORWARDS).replace(L2, "192.0.2.200")
        request = bytes.fromhex("0001080006040001 0200000000c1 c0000264 000000000000 c00002c8")
        event = frame(request, ethertype=0x0806, destination=b"\xff" * 6)
        expectation = started(toml).model.expect(event)
        answer = bytes.fromhex("0200000000c1 020000000001 0806 0001080006040002 020000000001 c00002c8 0200000000c1 c0000264")
        self.assertEqual(expectation.check({"out": [{"kind": "originated", "port": "net0", "hex": answer.hex()}], "dropped": {"arp": 1}}), [])


    def test_neighbour_solicitation(self):
        """RFC 4861 by hand: to the solicited-node group, answered with S and O and the port's MAC."""
        vip = "2001:db8::200"
        toml = configuration(FORWARDS).replace(L26, vip)
        rest = bytes(4) + address(vip) + b"\1\1" + build.CLIENT_MAC
        for source, ttl, answered in ((CLIENT6, 255, True), ("::", 255, True), (CLIENT6, 254, False)):
            group = "ff02::1:ff00:200"
            packet = build.ipv6(source, group, ICMP6, build.icmp(source, group, 135, 0, rest), ttl=ttl)
            expectation = started(toml).model.expect(frame(packet, destination=bytes.fromhex("3333ff000200")))
            self.assertEqual(("nd",) in reasons(expectation), answered)
            self.assertEqual(expectation.check({"out": [{"kind": "punted", "port": "net0", "hex": build.ethernet(
                packet, bytes.fromhex("3333ff000200")).hex()}]}), [])
        template = started(toml).model.expect(frame(build.ipv6(CLIENT6, group, ICMP6, build.icmp(CLIENT6, group, 135, 0, rest), ttl=255),
                                                    destination=bytes.fromhex("3333ff000200"))).outcomes[0].outputs[0].templates[0]
        answer = template.example()
        self.assertEqual(answer[:22].hex(), "0200000000c1020000000001" "86dd" "6000000000203aff")
        self.assertEqual(answer[22:54], address(vip) + address(CLIENT6))
        self.assertEqual(answer[54:56].hex() + answer[58:62].hex(), "8800" "60000000")
        self.assertEqual(answer[62:], address(vip) + b"\2\1" + build.PORT_MAC)
        self.assertEqual(transport_sum(answer[22:38], answer[38:54], ICMP6, answer[54:]), 0xFFFF)


class Nat(unittest.TestCase):
    def test_there_by_hand(self):
        """192.0.2.100:1234 -> 198.51.100.14:53 becomes -> 10.0.0.8x:808x; TTL 63; both checksums right."""
        run = started()
        _, outcome, seen = run.play(frame(datagram(NAT, size=4)))
        number = int(outcome.facts["backend"][1][1:])
        data = bytes.fromhex(seen["out"][0]["hex"])
        self.assertEqual(seen["out"][0]["port"], "net1")
        self.assertEqual(data[6:12].hex(), "020000000002")
        ip = data[14:]
        self.assertEqual(ip[16:20], address(f"10.0.0.{80 + number}"))
        self.assertEqual(struct.unpack("!HH", ip[20:24]), (1234, 8080 + number))
        self.assertEqual((ip[8], ones_sum(ip[:20]), transport_sum(ip[12:16], ip[16:20], UDP, ip[20:])), (63, 0xFFFF, 0xFFFF))

    def test_and_back(self):
        for known in (True, False):
            run = started()
            if known:
                run.play(frame(datagram(NAT)))
            reply = build.ipv4(NAT_BACKEND, CLIENT, UDP, build.udp(NAT_BACKEND, CLIENT, 8080, 1234, b"hello"))
            expectation, outcome, seen = run.play(frame(reply, "net1"))
            self.assertEqual(len(expectation.outcomes), 1, str(expectation))
            wanted = build.ipv4(NAT, CLIENT, UDP, build.udp(NAT, CLIENT, 53, 1234, b"hello"), ttl=63)
            self.assertEqual(bytes.fromhex(seen["out"][0]["hex"])[14:], wanted)
            self.assertEqual(seen["out"][0]["port"], "net0")

    def test_what_is_no_reply(self):
        run = started()
        for packet, port in ((build.ipv4(NAT_BACKEND, CLIENT, UDP, build.udp(NAT_BACKEND, CLIENT, 9, 1234)), "net1"),
                             (build.ipv4(NAT_BACKEND, CLIENT, UDP, build.udp(NAT_BACKEND, CLIENT, 8080, 1234)), "net0"),
                             (build.ipv4("10.0.0.99", CLIENT, UDP, build.udp("10.0.0.99", CLIENT, 8080, 1234)), "net1")):
            expectation = run.model.expect(frame(packet, port))
            self.assertEqual([str(one) for one in expectation.outcomes], [f"punted from {port}"])

    def test_errors_go_to_the_backend_translated(self):
        run = started()
        _, outcome, _ = run.play(frame(datagram(NAT)))
        number = int(outcome.facts["backend"][1][1:])
        backend = f"10.0.0.{80 + number}"
        quoted = build.ipv4(NAT, CLIENT, UDP, build.udp(NAT, CLIENT, 53, 1234, b"answer"))
        error = build.ipv4(CLIENT, NAT, ICMP, build.icmp(CLIENT, NAT, 3, 3, bytes(4) + quoted))
        expectation, _, seen = run.play(frame(error))
        self.assertEqual(len(expectation.outcomes), 1, str(expectation))
        quoted = build.ipv4(backend, CLIENT, UDP, build.udp(backend, CLIENT, 8080 + number, 1234, b"answer"))
        wanted = build.ipv4(CLIENT, backend, ICMP, build.icmp(CLIENT, backend, 3, 3, bytes(4) + quoted), ttl=63)
        self.assertEqual(bytes.fromhex(seen["out"][0]["hex"])[14:].hex(), wanted.hex())

    def test_errors_come_back_translated(self):
        for version in (4, 6):
            vip, backend, client = (NAT, NAT_BACKEND, CLIENT) if version == 4 else (NAT6, NAT_BACKEND6, CLIENT6)
            kind, code, rest = (3, 4, struct.pack("!I", 1400)) if version == 4 else (2, 0, struct.pack("!I", 1400))
            protocol = build.icmp_protocol(vip)
            quoted = build.ip(client, backend, UDP, build.udp(client, backend, 1234, 8080, b"question"))
            error = build.ip(backend, client, protocol, build.icmp(backend, client, kind, code, rest + quoted))
            _, _, seen = started().play(frame(error, "net1"))
            quoted = build.ip(client, vip, UDP, build.udp(client, vip, 1234, 53, b"question"))
            wanted = build.ip(vip, client, protocol, build.icmp(vip, client, kind, code, rest + quoted), ttl=63)
            self.assertEqual(bytes.fromhex(seen["out"][0]["hex"])[14:].hex(), wanted.hex())

    def test_eight_quoted_bytes_are_enough(self):
        run = started()
        quoted = build.ipv4(NAT, CLIENT, TCP, build.tcp(NAT, CLIENT, 80, 1234, ACK))[:28]
        error = build.ipv4(CLIENT, NAT, ICMP, build.icmp(CLIENT, NAT, 11, 0, bytes(4) + quoted))
        _, outcome, seen = run.play(frame(error))
        ip = bytes.fromhex(seen["out"][0]["hex"])[14:]
        number = int(outcome.facts["backend"][1][1:])
        self.assertEqual((len(ip), ones_sum(ip[20:])), (56, 0xFFFF))
        self.assertEqual(struct.unpack("!HH", ip[48:52]), (8080 + number, 1234))


class Errors(unittest.TestCase):
    def error(self, vip, client=CLIENT, kind=3, code=1, rest=bytes(4), quoted=None, size=28):
        quoted = build.ip(vip, client, TCP, build.tcp(vip, client, 80, 1234, ACK)) if quoted is None else quoted
        return build.ip(client, vip, build.icmp_protocol(vip), build.icmp(client, vip, kind, code, rest + quoted[:size]))

    def test_to_the_owner_in_every_mode(self):
        for vip in (L2, IPIP, GUE, GRE, NAT):
            for name in ("b0", "b1", "b2"):
                run = started()
                _, outcome, _ = run.play(frame(syn(vip)), backend=name)
                expectation = run.model.expect(frame(self.error(vip)))
                self.assertEqual({one.facts["backend"] for one in expectation.outcomes}, {outcome.facts["backend"]})

    def test_bogus(self):
        run = started()
        stranger = build.ipv4("192.0.2.9", CLIENT, TCP, build.tcp("192.0.2.9", CLIENT, 80, 1234))
        later = build.cut(build.ipv4(GUE, CLIENT, TCP, build.tcp(GUE, CLIENT, 80, 1234, payload=bytes(99))), [64], 3)[1]
        rows = [("quoted source", self.error(GUE, quoted=stranger)), ("seven bytes", self.error(GUE, size=27)), ("later", self.error(GUE, quoted=later)),
                ("protocol", self.error(GUE, quoted=build.ipv4(GUE, CLIENT, 47, bytes(20)))),
                ("checksum", headers.put(self.error(GUE), 22, b"\1\2")),
                ("mtu", self.error(GUE, kind=3, code=4, rest=struct.pack("!I", 551))),
                ("mtu of IPv6", self.error(GUE6, CLIENT6, 2, 0, struct.pack("!I", 1279), size=48))]
        for name, packet in rows:
            with self.subTest(name):
                self.assertEqual([str(one) for one in run.model.expect(frame(packet)).outcomes], ["dropped bogus_icmp"])
        for packet in (self.error(GUE, kind=3, code=4, rest=struct.pack("!I", 552)), self.error(GUE6, CLIENT6, 2, 0, struct.pack("!I", 1280), size=48)):
            self.assertTrue(all(one.outputs for one in run.model.expect(frame(packet)).outcomes))

    def test_a_tunnels_too_big_lowers_the_backends_mtu_for_ten_minutes(self):
        backend, own, router = "10.0.0.48", "192.0.2.241", "10.0.0.77"
        quoted = build.ipv4(own, backend, 4, bytes(60))
        error = build.ipv4(router, own, ICMP, build.icmp(router, own, 3, 4, struct.pack("!I", 1300) + quoted[:28]))
        run = started()
        run.play(frame(syn(IPIP)), backend="b0")

        def fits(size):
            packet = build.ipv4(CLIENT, IPIP, TCP, build.tcp(CLIENT, IPIP, 1234, 80, ACK, 1001, payload=bytes(size - 40)))
            return not run.model.expect(frame(packet)).outcomes[0].dropped
        self.assertTrue(fits(1480))
        run.play(frame(error, "net1"))
        self.assertTrue(fits(1280))
        self.assertFalse(fits(1281))
        run.play({"type": "time", "ns": (1000 + 603) * SECOND})
        self.assertTrue(fits(1480))


class Step(unittest.TestCase):
    def test_it_changes_nothing_of_the_callers(self):
        run = started()
        before = run.model.state
        copy = repr(before)
        state, outcomes, counters = step(before, frame(syn(IPIP)))
        self.assertEqual(repr(before), copy)
        self.assertIsNot(state, before)
        self.assertEqual((counters["received"], counters["sent"], counters["dropped"]), (1, 1, {}))
        self.assertEqual({str(one) for one in outcomes}, {"sent from net1"})
        self.assertEqual(step(before, frame(syn(IPIP)))[2], counters)

    def test_the_sum_of_the_counters(self):
        run = started()
        for event in (frame(syn(IPIP)), frame(syn(IPIP, dport=1)), frame(syn("192.0.2.2")), frame(syn(IPIP, ttl=1)),
                      frame(datagram(GUE, size=3000, flags=0))):
            counters = step(run.model.state, event)[2]
            self.assertEqual(counters["received"] + counters["originated"],
                             counters["sent"] + counters["punted"] + sum(counters["dropped"].values()))

    def test_a_state_begins_empty(self):
        state, outcomes, counters = step(State(), {"type": "time", "ns": 2 * 10**12})
        self.assertEqual((state.now, len(outcomes), counters["received"]), (2 * 10**12, 1, 0))


if __name__ == "__main__":
    unittest.main()
