"""ICMP errors that come in: what they quote, whether they are bogus, and their translation for nat."""

import struct
from typing import NamedTuple, Optional

from .checksum import adjusted, checksum, ones_sum, pseudo_header
from .headers import put, with_header_checksum
from .packet import EXTENSIONS, FRAGMENT, ICMP6, TCP, UDP, extension_length

ERRORS = {4: {3, 11, 12}, 6: {1, 2, 3, 4}}
OTHER_ERRORS = {4: {4, 5}, 6: set()}  # source quench and redirect: errors, but not among those carried
ECHO_REQUEST = {4: 8, 6: 128}
ECHO_REPLY = {4: 0, 6: 129}
SOLICITATION = 135
LEAST_MTU = {4: 552, 6: 1280}


class Quote(NamedTuple):
    """What is quoted, as far as it is there. `at` and `upper` are places in the whole packet."""
    source: bytes
    destination: bytes
    protocol: int
    sport: int
    dport: int
    at: int
    upper: int


def is_error(packet):
    return packet.icmp_type in ERRORS[packet.version]


def is_any_error(packet):
    """For "never in answer to an ICMP error". In IPv6 every type below 128 is one (RFC 4443 2.1)."""
    if packet.version == 6:
        return 0 <= packet.icmp_type < 128
    return packet.icmp_type in ERRORS[4] | OTHER_ERRORS[4]


def icmp_sum(packet):
    """0xffff where the ICMP checksum is right."""
    message = packet.data[packet.at:]
    if packet.version == 4:
        return ones_sum(message)
    return ones_sum(message, ones_sum(pseudo_header(packet.source, packet.destination, ICMP6, len(message))))


def reported_mtu(packet):
    """What a too-big error says, or None for another error."""
    at = packet.at
    if packet.version == 4 and (packet.icmp_type, packet.icmp_code) == (3, 4):
        return int.from_bytes(packet.data[at + 6:at + 8], "big")
    if packet.version == 6 and packet.icmp_type == 2:
        return int.from_bytes(packet.data[at + 4:at + 8], "big")
    return None


def read_quote(packet) -> Optional[Quote]:
    """None where it can't name a TCP or UDP flow: no such protocol, fewer than 8 bytes of it, a later fragment, a broken header."""
    data, at = packet.data, packet.at + 8
    found = quoted_upper4(data, at) if packet.version == 4 else quoted_upper6(data, at)
    if found is None:
        return None
    protocol, upper = found
    if protocol not in (TCP, UDP) or upper + 8 > len(data):
        return None
    places = (at + 12, at + 16, at + 20) if packet.version == 4 else (at + 8, at + 24, at + 40)
    sport, dport = struct.unpack("!HH", data[upper:upper + 4])
    return Quote(data[places[0]:places[1]], data[places[1]:places[2]], protocol, sport, dport, at, upper)


def quoted_upper4(data, at):
    if at + 20 > len(data) or data[at] >> 4 != 4 or data[at] & 15 < 5:
        return None
    later = int.from_bytes(data[at + 6:at + 8], "big") & 0x1FFF
    return None if later else (data[at + 9], at + (data[at] & 15) * 4)


def quoted_upper6(data, at):
    if at + 40 > len(data) or data[at] >> 4 != 6:
        return None
    following, upper, count = data[at + 6], at + 40, 0
    while following in EXTENSIONS:
        length = extension_length(data, upper, following)
        count += 1
        if length is None or count > 8 or upper + length - at - 40 > 256:
            return None
        if following == FRAGMENT and int.from_bytes(data[upper + 2:upper + 4], "big") & 0xFFF8:
            return None
        following, upper = data[upper], upper + length
    return following, upper


def bogus(packet):
    """Whether the checksum or the MTU is wrong. The quote is judged by those who know what it should be."""
    mtu = reported_mtu(packet)
    return icmp_sum(packet) != 0xFFFF or (mtu is not None and mtu < LEAST_MTU[packet.version])


def translate_error(packet, data, quote, source=None, destination=None, quoted_source=None, quoted_sport=None,
                    quoted_destination=None, quoted_dport=None):
    """Every allowed version of `data` (of `packet`, TTL already lowered): outer and quoted header translated, all three checksums.

    The ICMP checksum was verified, so the new one is computed whole. The quoted ones are adjusted: they may be wrong, or cut off.
    """
    size = len(packet.source)
    first = 12 if packet.version == 4 else 8
    if source is not None:
        data = put(data, first, source)
    if destination is not None:
        data = put(data, first + size, destination)
    removed, added = b"", b""
    address_places = (quote.at + first, quote.at + first + size)
    for place, new in zip(address_places, (quoted_source, quoted_destination)):
        if new is not None:
            removed, added, data = removed + data[place:place + size], added + new, put(data, place, new)
    if packet.version == 4 and added:
        old = int.from_bytes(data[quote.at + 10:quote.at + 12], "big")
        data = put(data, quote.at + 10, struct.pack("!H", adjusted(old, removed, added)))
    for place, new in ((quote.upper, quoted_sport), (quote.upper + 2, quoted_dport)):
        if new is not None:
            removed, added = removed + data[place:place + 2], added + struct.pack("!H", new)
            data = put(data, place, struct.pack("!H", new))
    versions = quoted_checksums(data, quote, packet.version, removed, added)
    return [with_checksums(packet, one) for one in versions]


def quoted_checksums(data, quote, version, removed, added):
    at = quote.upper + (16 if quote.protocol == TCP else 6)
    if at + 2 > len(data):
        return [data]
    old = int.from_bytes(data[at:at + 2], "big")
    if quote.protocol == UDP and old == 0:
        return [data] if version == 4 else [data, put(data, at, struct.pack("!H", adjusted(0, removed, added)))]
    value = adjusted(old, removed, added)
    if quote.protocol == UDP:
        return [put(data, at, struct.pack("!H", value or 0xFFFF))]
    values = [value] + ([value ^ 0xFFFF] if value in (0, 0xFFFF) else [])
    return [put(data, at, struct.pack("!H", one)) for one in values]


def with_checksums(packet, data):
    at = packet.at
    data = put(data, at + 2, b"\0\0")
    if packet.version == 4:
        header_end = (data[0] & 15) * 4
        data = with_header_checksum(data[:header_end]) + data[header_end:]
        value = checksum(data[at:])
    else:
        value = checksum(data[at:], ones_sum(pseudo_header(data[8:24], data[24:40], ICMP6, len(data) - at)))
    return put(data, at + 2, struct.pack("!H", value))
