"""The model over captured hostile frames: one disposition each, and never an exception.

They are adversarial.pcap in $SHUNT_CORPUS, or in ../shared/corpus beside the checkout.
"""

import collections
import os
import pathlib
import struct
import tempfile
import unittest

from model import build, captures
from model.addresses import address
from model.checksum import ones_sum, transport_sum
from model.configurations import PORTS, configuration, neighbours
from model.packet import TCP
from model.rehearsal import Rehearsal

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = pathlib.Path(os.environ.get("SHUNT_CORPUS", CHECKOUT.parent / "shared" / "corpus"), "adversarial.pcap")
MAC = bytes.fromhex("020000000001")
VIPS = {4: address("198.51.100.11"), 6: address("2001:db8:100::b")}


class Reading(unittest.TestCase):
    def test_a_file_by_hand(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for frame in (b"abc", b"defg"):
                file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
            file.flush()
            self.assertEqual(list(captures.frames(file.name)), [b"abc", b"defg"])

    def test_another_destination_keeps_what_was_right_and_what_was_wrong(self):
        for one, two, version in (("192.0.2.1", "198.18.0.1", 4), ("2001:db8::1", "2001:db8::2", 6)):
            segment = build.tcp(one, two, 1, 80, payload=b"x")
            for change in (0, 1):
                wrong = segment[:17] + bytes([(segment[17] + change) % 256]) + segment[18:]
                data = captures.retargeted(build.ethernet(build.ip(one, two, TCP, wrong)), MAC, VIPS)[14:]
                at = 20 if version == 4 else 40
                self.assertEqual(data[at - len(VIPS[version]):at], VIPS[version])
                self.assertEqual(transport_sum(address(one), VIPS[version], TCP, data[at:]) == 0xFFFF, change == 0)
                if version == 4:
                    self.assertEqual(ones_sum(data[:20]), 0xFFFF)


@unittest.skipUnless(CORPUS.is_file(), f"no corpus: {CORPUS} isn't there")
class Corpus(unittest.TestCase):
    def test_one_disposition_each(self):
        forwards = ("l2", "ipip", "gue", "nat", "gre")
        run = Rehearsal([{"type": "time", "ns": 10**12}, {"type": "config", "toml": configuration(forwards), "ports": PORTS}]
                        + neighbours(forwards))
        kinds, now = collections.Counter(), 10**12
        for number, frame in enumerate(captures.frames(CORPUS)):
            again = captures.retargeted(frame, MAC, VIPS)
            for one in (frame, again):
                if one is None:
                    continue
                _, outcome, _ = run.play(captures.event(one, "net0", MAC))
                kinds["open" if outcome.doubt else "exact"] += 1
            if number % 100 == 0:
                now += 10 * 10**9
                run.play({"type": "time", "ns": now})
        self.assertLess(kinds["open"], kinds["exact"] // 20)


if __name__ == "__main__":
    unittest.main()
