"""Checksums against the examples of the RFCs, and adjusting against computing anew."""

import random
import unittest

from model.checksum import adjusted, checksum, ones_sum, pseudo_header, transport_sum


class Checksum(unittest.TestCase):
    def test_rfc1071_example(self):
        self.assertEqual(ones_sum(bytes.fromhex("0001f203f4f5f6f7")), 0xDDF2)
        self.assertEqual(checksum(bytes.fromhex("0001f203f4f5f6f7")), 0x220D)

    def test_odd_length_counts_as_if_a_zero_followed(self):
        self.assertEqual(ones_sum(b"\x12\x34\x56"), 0x1234 + 0x5600)

    def test_a_known_header(self):
        header = bytes.fromhex("45000073000040004011b861c0a80001c0a800c7")
        self.assertEqual(ones_sum(header), 0xFFFF)
        self.assertEqual(checksum(header[:10] + b"\0\0" + header[12:]), 0xB861)

    def test_rfc1624_example(self):
        """Section 4: equation 3 gives 0x0000 where RFC 1141 gave 0xffff."""
        self.assertEqual(adjusted(0xDD2F, b"\x55\x55", b"\x32\x85"), 0x0000)

    def test_adjusting_equals_computing(self):
        rng = random.Random(1)
        corners = (b"\0\0", b"\xff\xff", b"\0\1", b"\xff\xfe")
        for _ in range(20000):
            words = [rng.choice(corners) if rng.random() < 0.5 else rng.randbytes(2) for _ in range(6)]
            if ones_sum(b"".join(words)) == 0:
                continue  # all zero: no header is
            at = rng.randrange(6)
            new = rng.choice(corners + (rng.randbytes(2),))
            changed = words[:at] + [new] + words[at + 1:]
            if ones_sum(b"".join(changed)) == 0:
                continue
            self.assertEqual(adjusted(checksum(b"".join(words)), words[at], new), checksum(b"".join(changed)))

    def test_pseudo_headers(self):
        self.assertEqual(pseudo_header(b"\1\2\3\4", b"\5\6\7\10", 6, 20).hex(), "010203040506070800060014")
        self.assertEqual(pseudo_header(bytes(15) + b"\1", bytes(15) + b"\2", 17, 9).hex(),
                         "00" * 15 + "01" + "00" * 15 + "02" + "00000009" + "00000011")

    def test_a_right_udp_datagram(self):
        """10.0.0.1:1 to 10.0.0.2:2 with "hi": 0a00+0001+0a00+0002+0011+000a + 0001+0002+000a+6869 = 7c94."""
        segment = bytes.fromhex("00010002000a836b") + b"hi"
        self.assertEqual(transport_sum(b"\n\0\0\1", b"\n\0\0\2", 17, segment), 0xFFFF)


if __name__ == "__main__":
    unittest.main()
