"""Reading frames written by hand: what is found, and which faults."""

import unittest

from model import build
from model.packet import read_link, read_packet

# 192.0.2.1:1000 -> 198.51.100.10:80, SYN, sequence number 1; the checksums aren't looked at here except the header's.
IPV4 = "45000028000140004006 0000 c0000201 c633640a"
TCP = "03e80050 00000001 00000000 5002ffff 00000000"
IPV6 = "60000000 0014 06 40" + "20010db8000000000000000000000001" + "20010db8010000000000000000000002"


def ipv4(text, header_checksum=None):
    data = bytes.fromhex(text)
    end = (data[0] & 15) * 4
    if end < 20 or end > len(data):
        end = 20
    head = build.with_header_checksum(data[:end])
    if header_checksum is not None:
        head = head[:10] + header_checksum + head[12:]
    return read_packet(head + data[end:], 4)


def ipv6(text):
    return read_packet(bytes.fromhex(text), 6)


class Link(unittest.TestCase):
    def test_plain(self):
        link = read_link(bytes.fromhex("020000000001 0200000000c1 0800 45"))
        self.assertEqual((link.destination.hex(), link.tags, link.type, link.at), ("020000000001", b"", 0x0800, 14))

    def test_two_tags_and_no_third(self):
        link = read_link(bytes.fromhex("020000000001 0200000000c1 88a80007 81000005 86dd 60"))
        self.assertEqual((link.tags.hex(), link.type, link.at), ("88a8000781000005", 0x86DD, 22))
        link = read_link(bytes.fromhex("020000000001 0200000000c1 88a80007 81000005 81000006 0800 45"))
        self.assertEqual((link.type, link.at), (0x8100, 22))

    def test_too_short(self):
        whole = bytes.fromhex("020000000001 0200000000c1 81000005 0800")
        for length in range(len(whole)):
            self.assertIsNone(read_link(whole[:length]), length)
        self.assertEqual(read_link(whole).type, 0x0800)


class Ipv4(unittest.TestCase):
    def check(self, packet, faults, doubts=()):
        self.assertEqual((packet.faults, set(packet.doubts)), (set(faults), set(doubts)))

    def test_syn(self):
        packet = ipv4(IPV4 + TCP)
        self.check(packet, [])
        self.assertEqual((packet.sport, packet.dport, packet.flags, packet.seq, packet.payload), (1000, 80, 2, 1, 0))
        self.assertTrue(packet.dont_fragment)

    def test_bytes_behind_the_packet_are_no_part_of_it(self):
        self.assertEqual(len(ipv4(IPV4 + TCP + "00" * 6).data), 40)

    def test_faults(self):
        rows = [
            ("header checksum", ipv4(IPV4 + TCP, b"\x12\x34"), {"bad_checksum"}),
            ("version 5", ipv4("55" + IPV4[2:] + TCP), {"bad_header"}),
            ("header of 16 bytes", ipv4("44" + IPV4[2:] + TCP), {"bad_header"}),
            ("total length below the header", ipv4("450000130001" + IPV4[12:] + TCP), {"bad_header"}),
            ("total length beyond the frame", ipv4("450000290001" + IPV4[12:] + TCP), {"truncated"}),
            ("TCP cut", ipv4("450000260001" + IPV4[12:] + TCP[:-4]), {"truncated", "bad_header"}),
            ("TCP offset 4", ipv4(IPV4 + TCP.replace("5002", "4002")), {"bad_header"}),
            ("TCP offset 6, no options there", ipv4(IPV4 + TCP.replace("5002", "6002")), {"truncated", "bad_header"}),
            ("loose source route", ipv4("47000030000140004006 0000 c0000201 c633640a 830704 01020304 00" + TCP), {"options"}),
            ("option of length 0", ipv4("4600002c000140004006 0000 c0000201 c633640a 94000000" + TCP), {"options"}),
            ("option beyond the header", ipv4("4600002c000140004006 0000 c0000201 c633640a 94050000" + TCP), {"options"}),
            ("router alert", ipv4("4600002c000140004006 0000 c0000201 c633640a 94040000" + TCP), set()),
            ("source route behind the end of options", ipv4("4600002c000140004006 0000 c0000201 c633640a 00838383" + TCP), set()),
        ]
        for name, packet, faults in rows:
            with self.subTest(name):
                self.check(packet, faults)

    def test_udp_lengths(self):
        head = "4500001e000140004011 0000 c0000201 c633640a"  # 30 bytes: 10 for UDP
        self.check(ipv4(head + "00010035000a0000" + "6869"), [])
        self.check(ipv4(head + "0001003500070000" + "6869"), ["bad_header"])
        self.check(ipv4(head + "00010035000b0000" + "6869"), ["bad_header", "truncated"])
        self.check(ipv4(head + "0001003500090000" + "6869"), [], ["udp_shorter_than_ip"])

    def test_fragments(self):
        first = ipv4("4500002c000120004006 0000 c0000201 c633640a" + TCP + "00" * 4)
        self.check(first, [])
        self.assertEqual(tuple(first.fragment)[:3], (1, 0, True))
        rows = [
            ("later", "4500001c000100b04011 0000 c0000201 c633640a" + "00" * 8, set()),
            ("TCP at offset 8", "4500001c000100014006 0000 c0000201 c633640a" + "00" * 8, {"fragment"}),
            ("first without the TCP header", "45000024000120004006 0000 c0000201 c633640a" + TCP[:35], {"fragment"}),
            ("first with odd length", "45000029000120004006 0000 c0000201 c633640a" + TCP + "00", {"fragment", "bad_header"}),
            ("no bytes", "45000014000100b04011 0000 c0000201 c633640a", {"fragment", "bad_header"}),
            ("beyond 65,535", "4500001c00011fff4011 0000 c0000201 c633640a" + "00" * 8, {"fragment", "bad_header"}),
            ("of ICMP", "4500001c000120004001 0000 c0000201 c633640a" + "08" + "00" * 7, {"fragment"}),
        ]
        for name, text, faults in rows:
            with self.subTest(name):
                self.check(ipv4(text), faults)

    def test_too_short_for_the_addresses(self):
        self.assertIsNone(read_packet(bytes(19), 4))
        self.assertIsNone(read_packet(bytes(39), 6))


class Ipv6(unittest.TestCase):
    def chain(self, extensions, upper=TCP):
        data = build.ipv6("2001:db8::1", "2001:db8:100::2", 6, bytes.fromhex(upper), extensions=extensions)
        return read_packet(data, 6)

    def test_syn(self):
        packet = ipv6(IPV6 + TCP)
        self.assertEqual((packet.faults, packet.protocol, packet.at, packet.dport), (set(), 6, 40, 80))

    def test_limits_of_the_chain(self):
        pad = (60, build.extension())
        rows = [(8, [pad] * 8, set()), (9, [pad] * 9, {"extension_headers"}),
                ("256 bytes", [(60, build.extension(256))], set()),
                ("264 bytes", [(60, build.extension(256)), pad], {"extension_headers"}),
                ("fragment header counts", [pad] * 8 + [build.fragment_extension(1, 0, 0)], {"extension_headers"}),
                ("routing type 0", [(43, bytes([0, 0, 0, 0, 0, 0, 0]))], {"extension_headers"}),
                ("routing type 4", [(43, bytes([0, 4, 0, 0, 0, 0, 0]))], set())]
        for name, extensions, faults in rows:
            with self.subTest(name):
                self.assertEqual(self.chain(extensions).faults, faults)

    def test_headers_to_walk_over(self):
        pad = build.extension()
        for kind in (0, 43, 60, 135, 139, 140):
            body = bytes([0, 4, 0, 0, 0, 0, 0]) if kind == 43 else pad
            packet = self.chain([(kind, body)])
            self.assertEqual((packet.faults, packet.doubts, packet.at, packet.dport, packet.bound), (set(), {}, 48, 80, False), kind)
        self.assertTrue(self.chain([(43, bytes([0, 4, 1, 0, 0, 0, 0]))]).bound)

    def test_a_second_fragment_header(self):
        atomic = build.fragment_extension(9, 0, 0)
        for second in (atomic, build.fragment_extension(9, 0, 1), build.fragment_extension(9, 16, 1)):
            self.assertIn("extension_headers", self.chain([atomic, second]).faults)

    def test_a_later_fragment_of_what_begins_with_another_header(self):
        packet = self.chain([build.fragment_extension(9, 16, 0), (60, build.extension())])
        self.assertTrue(packet.may_have_ports)
        self.assertEqual((packet.faults, packet.protocol, packet.dport), (set(), 60, 0))

    def test_ah_is_in_words_of_four(self):
        packet = self.chain([(51, bytes([4]) + bytes(22))])  # (4 + 2) * 4 = 24 bytes
        self.assertEqual((packet.faults, packet.at, packet.has_ah, packet.dport), (set(), 64, True, 80))

    def test_atomic_fragment_is_none(self):
        packet = self.chain([build.fragment_extension(9, 0, 0)])
        self.assertEqual((packet.faults, packet.fragment, packet.dport), (set(), None, 80))

    def test_first_fragment_needs_the_whole_chain(self):
        extensions = [build.fragment_extension(9, 0, 1), (60, build.extension(64))]
        data = build.ipv6("2001:db8::1", "2001:db8:100::2", 6, bytes.fromhex(TCP), extensions=extensions)
        short = data[:4] + (24).to_bytes(2, "big") + data[6:64]
        self.assertIn("fragment", read_packet(short, 6).faults)

    def test_udp_without_checksum(self):
        packet = read_packet(build.ipv6("2001:db8::1", "2001:db8:100::2", 17, bytes.fromhex("0001003500080000")), 6)
        self.assertEqual(packet.faults, {"bad_checksum", "bad_header"})

    def test_a_chain_that_ends_in_the_middle(self):
        packet = read_packet(build.ipv6("2001:db8::1", "2001:db8:100::2", 60, b"\x06\x01" + bytes(6)), 6)
        self.assertTrue(packet.faults)


if __name__ == "__main__":
    unittest.main()
