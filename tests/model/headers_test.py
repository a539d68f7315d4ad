"""What goes out, against bytes worked out by hand; where scapy is installed, against what it makes of the same too."""

import random
import unittest

from model import build, headers
from model.addresses import address, prefix
from model.checksum import checksum, ones_sum, pseudo_header, transport_sum
from model.packet import ACK, SYN, TCP, UDP, read_packet

try:
    from scapy import all as scapy
except ImportError:
    scapy = None

LINK = bytes.fromhex("0200000000110200000000010800")
# 203.0.113.5:1234 -> 198.51.100.10:80, TTL 64, DF. Its header: 4528+1... sums to 0x2b74 without the checksum, so d48b.
INNER = bytes.fromhex("4500002800014000 4006d48b cb007105c633640a" "04d20050000003e8000000005002ffff 0000 0000")


def outer(forward, inner, backend, sources, tos=None, **values):
    packet = read_packet(inner, inner[0] >> 4)
    template = headers.encapsulate(LINK, inner, packet, address(backend), forward, tuple(prefix(one) for one in sources), tos,
                                   lambda *_: "", {})[0]
    return template.example(**values)[len(LINK):]


class Ttl(unittest.TestCase):
    def test_ipv4(self):
        """One less in TTL's byte, the high one of its word: the checksum is 0x100 more."""
        self.assertEqual(headers.lower_ttl(read_packet(INNER, 4))[:20].hex(), "45000028000140003f06d58bcb007105c633640a")

    def test_ipv6(self):
        packet = build.ipv6("2001:db8::1", "2001:db8:100::2", TCP, b"", ttl=2)
        self.assertEqual(headers.lower_ttl(read_packet(packet, 6)), packet[:7] + b"\1" + packet[8:])


class Outer(unittest.TestCase):
    def test_4in4(self):
        """4500+003c+0000+4000+4004+c000+0202+0a00+000b = 1914d, folded 914e, inverted 6eb1."""
        data = outer("ipip", INNER, "10.0.0.11", ["192.0.2.2"])
        self.assertEqual(data[:20].hex(), "4500003c0000400040046eb1c00002020a00000b")
        self.assertEqual(data[20:], INNER)

    def test_6in4_has_df_set_and_protocol_41(self):
        inner = build.ipv6("2001:db8::1", "2001:db8:100::2", TCP, bytes(20), tos=0xB9)
        data = outer("ipip", inner, "10.0.0.11", ["192.0.2.2"])
        self.assertEqual((data[1], data[6:8].hex(), data[9]), (0xB9, "4000", 41))

    def test_4in6(self):
        data = outer("ipip", INNER[:1] + b"\xb8" + INNER[2:], "2001:db8::11", ["2001:db8::2"])
        self.assertEqual(data[:8].hex(), "6b80000000280440")  # class b8, 40 bytes behind, protocol 4, hop limit 64
        self.assertEqual(data[8:40].hex(), "20010db8000000000000000000000002" "20010db8000000000000000000000011")

    def test_6in6(self):
        inner = build.ipv6("2001:db8::1", "2001:db8:100::2", TCP, bytes(20))
        self.assertEqual(outer("ipip", inner, "2001:db8::11", ["2001:db8::2"])[:8].hex(), "60000000003c2940")

    def test_gre(self):
        data = outer("gre", INNER, "10.0.0.11", ["192.0.2.2"])
        self.assertEqual((data[9], data[20:24].hex(), data[24:]), (47, "00000800", INNER))
        inner = build.ipv6("2001:db8::1", "2001:db8:100::2", TCP, bytes(20))
        self.assertEqual(outer("gre", inner, "10.0.0.11", ["192.0.2.2"])[20:24].hex(), "000086dd")

    def test_gue_over_ipv4_with_and_without_checksum(self):
        data = outer("gue", INNER, "10.0.0.11", ["192.0.2.2"], gue_port=0xC001)
        self.assertEqual((data[2:4].hex(), data[9], data[20:28].hex()), ("0044", 17, "c00117c000300000"))
        data = outer("gue", INNER, "10.0.0.11", ["192.0.2.2"], gue_port=0xC001, gue_checksum=1)
        self.assertEqual(transport_sum(data[12:16], data[16:20], UDP, data[20:]), 0xFFFF)

    def test_gue_over_ipv6_has_a_checksum(self):
        data = outer("gue", INNER, "2001:db8::11", ["2001:db8::2"], gue_port=0xC001)
        self.assertEqual(data[40:46].hex(), "c00117c00030")
        self.assertEqual(transport_sum(data[8:24], data[24:40], UDP, data[40:]), 0xFFFF)

    def test_a_service_has_its_own_dscp_and_ecn_stays(self):
        data = outer("ipip", INNER[:1] + b"\x03" + INNER[2:], "10.0.0.11", ["192.0.2.2"], tos=46)
        self.assertEqual(data[1], 46 << 2 | 3)

    def test_variant_0(self):
        self.assertEqual(headers.gue0_header(4, b"abcd").hex(), "01040000" + b"abcd".hex())
        self.assertEqual(headers.gue0_header(6).hex(), "00290000")

    def test_source_must_lie_in_the_prefix(self):
        packet = read_packet(INNER, 4)
        template = headers.encapsulate(LINK, INNER, packet, address("10.0.0.11"), "ipip", (prefix("192.0.2.240/28"),), None,
                                       lambda *_: "", {})[0]
        for source, fits in (("192.0.2.240", True), ("192.0.2.255", True), ("192.0.2.239", False)):
            frame = template.build({"id": 7, "source": int.from_bytes(address(source), "big")})
            self.assertEqual(template.compare(frame)[1] == "", fits, source)

    @unittest.skipUnless(scapy, "scapy isn't installed for this python3")
    def test_scapy_makes_the_same(self):
        inner = scapy.IP(INNER)
        with self.subTest("4in4"):
            wanted = bytes(scapy.IP(src="192.0.2.2", dst="10.0.0.11", flags="DF", id=0, ttl=64) / inner)
            self.assertEqual(outer("ipip", INNER, "10.0.0.11", ["192.0.2.2"]), wanted)
        with self.subTest("gre"):
            wanted = bytes(scapy.IP(src="192.0.2.2", dst="10.0.0.11", flags="DF", id=0, ttl=64) / scapy.GRE() / inner)
            self.assertEqual(outer("gre", INNER, "10.0.0.11", ["192.0.2.2"]), wanted)
        with self.subTest("gue6"):
            wanted = bytes(scapy.IPv6(src="2001:db8::2", dst="2001:db8::11", hlim=64) /
                           scapy.UDP(sport=0xC001, dport=6080) / scapy.Raw(INNER))
            self.assertEqual(outer("gue", INNER, "2001:db8::11", ["2001:db8::2"], gue_port=0xC001), wanted)
        with self.subTest("6in6"):
            inner6 = scapy.IPv6(src="2001:db8::1", dst="2001:db8:100::2", tc=5) / scapy.UDP(sport=5, dport=6) / b"data"
            wanted = bytes(scapy.IPv6(src="2001:db8::2", dst="2001:db8::11", hlim=64, tc=5) / inner6)
            self.assertEqual(outer("ipip", bytes(inner6), "2001:db8::11", ["2001:db8::2"]), wanted)


class Translation(unittest.TestCase):
    def translated(self, packet, **change):
        found = headers.translate(packet, headers.lower_ttl(packet), **change)
        self.assertEqual(len(found), 1)
        return found[0]

    def test_udp_by_hand(self):
        """10.0.0.1:1 to 10.0.0.2:2 "hi", to 10.0.0.3:4. The sum 7c94 becomes 7c94 + 1 + 2 = 7c97, so 8368."""
        packet = read_packet(build.ipv4("10.0.0.1", "10.0.0.2", UDP, bytes.fromhex("00010002000a836b") + b"hi"), 4)
        data = self.translated(packet, destination=address("10.0.0.3"), dport=4)
        self.assertEqual(data[12:].hex(), "0a0000010a000003" "00010004000a8368" + b"hi".hex())
        self.assertEqual(ones_sum(data[:20]), 0xFFFF)

    def test_udp_zero_stays_over_ipv4(self):
        packet = read_packet(build.ipv4("10.0.0.1", "10.0.0.2", UDP, build.udp("10.0.0.1", "10.0.0.2", 1, 2, checked=False)), 4)
        self.assertEqual(self.translated(packet, dport=5)[26:28], b"\0\0")

    def test_udp_never_becomes_zero(self):
        """The destination port is chosen so that the new checksum would be 0."""
        segment = build.udp("2001:db8::1", "2001:db8::2", 1, 2, b"hi")
        port = (2 + int.from_bytes(segment[6:8], "big")) % 0xFFFF
        packet = read_packet(build.ipv6("2001:db8::1", "2001:db8::2", UDP, segment), 6)
        self.assertEqual(self.translated(packet, dport=port)[46:48], b"\xff\xff")

    def test_a_wrong_checksum_is_as_wrong_after(self):
        rng = random.Random(3)
        for version in (4, 6):
            one, two, three = (("192.0.2.1", "198.51.100.10", "10.0.0.9") if version == 4 else
                               ("2001:db8::1", "2001:db8::2", "2001:db8::3"))
            for wrong in [0] + [rng.randrange(1, 1 << 16) for _ in range(50)]:
                segment = build.tcp(one, two, 5, 80, ACK, payload=b"abc")
                right = int.from_bytes(segment[16:18], "big")
                segment = headers.put(segment, 16, ((right + wrong) % 0xFFFF).to_bytes(2, "big"))
                packet = read_packet(build.ip(one, two, TCP, segment), version)
                before = transport_sum(packet.source, packet.destination, TCP, segment)
                for data in headers.translate(packet, headers.lower_ttl(packet), destination=address(three), dport=8080):
                    after = transport_sum(address(one), address(three), TCP, data[packet.at:])
                    self.assertEqual(after % 0xFFFF, before % 0xFFFF)

    def test_later_fragments_keep_their_bytes(self):
        whole = build.ipv4("10.0.0.1", "10.0.0.2", UDP, build.udp("10.0.0.1", "10.0.0.2", 1, 2, b"x" * 40), flags=0)
        later = read_packet(build.cut(whole, [24], 7)[1], 4)
        self.assertEqual(self.translated(later, destination=address("10.0.0.3"), dport=9)[20:], later.data[20:])


class Mss(unittest.TestCase):
    def clamped(self, options, most, flags=SYN):
        packet = read_packet(build.ipv4("10.0.0.1", "10.0.0.2", TCP, build.tcp("10.0.0.1", "10.0.0.2", 1, 2, flags, options=options)), 4)
        found = headers.clamp_mss(packet, packet.data, most)
        for data in found:
            self.assertEqual(transport_sum(packet.source, packet.destination, TCP, data[20:]), 0xFFFF)
        return found[0][40:]

    def test_lowered(self):
        self.assertEqual(self.clamped(bytes.fromhex("020405b4"), 1400).hex(), "02040578")

    def test_lowered_in_odd_place(self):
        self.assertEqual(self.clamped(bytes.fromhex("01020405b4010101"), 1400).hex(), "0102040578010101")

    def test_smaller_and_absent_stay(self):
        self.assertEqual(self.clamped(bytes.fromhex("02040200"), 1400).hex(), "02040200")
        self.assertEqual(self.clamped(bytes.fromhex("01010402"), 1400).hex(), "01010402")
        self.assertEqual(self.clamped(bytes.fromhex("020405b4"), 1400, ACK).hex(), "020405b4")


class Cut(unittest.TestCase):
    def test_sizes_and_offsets(self):
        """1,480 bytes in at most 620: 20 + 600, 20 + 600, 20 + 280."""
        whole = build.ipv4("10.0.0.1", "10.0.0.2", UDP, bytes(range(256)) * 5 + bytes(200), identification=9, flags=0)
        pieces = headers.cut(whole, 620)
        self.assertEqual([len(one) for one in pieces], [620, 620, 300])
        self.assertEqual([one[4:8].hex() for one in pieces], ["00092000", "0009204b", "00090096"])
        self.assertEqual(b"".join(one[20:] for one in pieces), whole[20:])
        for one in pieces:
            self.assertEqual(ones_sum(one[:20]), 0xFFFF)

    def test_a_fragment_is_cut_again(self):
        whole = build.ipv4("10.0.0.1", "10.0.0.2", UDP, bytes(800), identification=9, flags=0x2000 | 100)
        self.assertEqual([one[6:8].hex() for one in headers.cut(whole, 420)], ["2064", "2096"])

    def test_only_options_with_the_copied_bit_go_on(self):
        whole = build.ipv4("10.0.0.1", "10.0.0.2", UDP, bytes(800), flags=0, options=bytes.fromhex("0707040000000094040000"))
        first, second = headers.cut(whole, 500)
        self.assertEqual((first[0], first[20:31].hex()), (0x48, "0707040000000094040000"))
        self.assertEqual((second[0], second[20:24].hex()), (0x46, "94040000"))


class Trust(unittest.TestCase):
    def test_gue_over_ipv6_may_trust_a_wrong_inner_checksum(self):
        """Summed from the headers alone, as if the inner segment summed to 0xffff."""
        wrong = INNER[:36] + b"\x12\x34" + INNER[38:]
        templates = headers.encapsulate(LINK, wrong, read_packet(wrong, 4), address("2001:db8::11"), "gue",
                                        (prefix("2001:db8::2"),), None, lambda *_: "", {})
        self.assertEqual(len(templates), 2)
        sums = set()
        for template in templates:
            data = template.example()[len(LINK):]
            sums.add(transport_sum(data[8:24], data[24:40], UDP, data[40:]))
        inner_sum = transport_sum(wrong[12:16], wrong[16:20], TCP, wrong[20:])
        self.assertEqual(sums, {0xFFFF, inner_sum})

    def test_right_ones_have_one_answer(self):
        segment = build.tcp("203.0.113.5", "198.51.100.10", 1, 2)
        right = build.ipv4("203.0.113.5", "198.51.100.10", TCP, segment)
        self.assertEqual(headers.trusted_difference(right), 0)
        self.assertEqual(checksum(segment, ones_sum(pseudo_header(right[12:16], right[16:20], TCP, 20))), 0)


if __name__ == "__main__":
    unittest.main()
