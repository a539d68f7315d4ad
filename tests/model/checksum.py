"""The internet checksum: computed (RFC 1071) and adjusted (RFC 1624, equation 3)."""

import struct


def ones_sum(data, start=0):
    """Folded sum in ones' complement of the 16-bit words of `data`; an odd last byte counts as if a zero followed."""
    if len(data) % 2:
        data += b"\0"
    total = start + sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def checksum(data, start=0):
    return ~ones_sum(data, start) & 0xFFFF


def adjusted(old, removed, added):
    """RFC 1624: HC' = ~(~HC + ~m + m'). `removed` and `added` are whole 16-bit words and were or are in even places."""
    inverted = bytes(byte ^ 0xFF for byte in removed)
    return ~ones_sum(inverted + added, ~old & 0xFFFF) & 0xFFFF


def pseudo_header(source, destination, protocol, length):
    """What TCP, UDP and ICMPv6 sum beside themselves: RFC 9293 3.1, RFC 8200 8.1."""
    if len(source) == 4:
        return source + destination + struct.pack("!BBH", 0, protocol, length)
    return source + destination + struct.pack("!IHBB", length, 0, 0, protocol)


def transport_sum(source, destination, protocol, segment):
    """0xffff where the checksum inside is right."""
    return ones_sum(segment, ones_sum(pseudo_header(source, destination, protocol, len(segment))))
