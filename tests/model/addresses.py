"""Addresses as the packets have them: 4 or 16 bytes for IP, 6 for a MAC. Prefixes, and a table that finds the longest."""

import ipaddress
from typing import NamedTuple


class Prefix(NamedTuple):
    size: int   # bytes of an address: 4 or 16
    value: int  # of the first address
    bits: int

    def contains(self, address):
        rest = self.size * 8 - self.bits
        return len(address) == self.size and int.from_bytes(address, "big") >> rest == self.value >> rest

    @property
    def single(self):
        return self.bits == self.size * 8

    @property
    def first(self):
        return self.value.to_bytes(self.size, "big")


def address(text):
    return ipaddress.ip_address(text).packed


def prefix(text):
    """`10.0.0.1` or `10.0.0.0/8`."""
    network = ipaddress.ip_network(text, strict=False)
    return Prefix(network.max_prefixlen // 8, int(network.network_address), network.prefixlen)


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def text(packed):
    return str(ipaddress.ip_address(packed))


def longest(prefixes, packed):
    """Of those that contain the address the one with most bits, or None."""
    return max((one for one in prefixes if one.contains(packed)), key=lambda one: one.bits, default=None)


def is_group(packed):
    """Multicast, or the limited broadcast."""
    return packed == b"\xff" * 4 or (224 <= packed[0] < 240 if len(packed) == 4 else packed[0] == 255)
