"""Reading a frame: Ethernet with VLAN tags, IPv4 with options, IPv6 with extension headers, TCP, UDP, ICMP.

Nothing is dropped here. A packet carries `faults`, the reasons for which it would be dropped if it were for a VIP: where there is
more than one, any of them is right, because the specification orders stages and not the checks of one stage. `doubts` are
defects for which the specification leaves open whether the packet is dropped: {name of the doubt: reasons}.
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

from .checksum import ones_sum

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
HOP_BY_HOP, ROUTING, FRAGMENT, ESP, AH, NO_NEXT, DESTINATION, MOBILITY, HIP, SHIM6 = 0, 43, 44, 50, 51, 59, 60, 135, 139, 140
EXTENSIONS = {HOP_BY_HOP, ROUTING, FRAGMENT, AH, DESTINATION, MOBILITY, HIP, SHIM6}
MAX_EXTENSIONS, MAX_EXTENSION_BYTES = 8, 256
FIN, SYN, RST, ACK = 1, 2, 4, 16
IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806
TAGS = {0x8100, 0x88A8}
LOOSE_ROUTE, STRICT_ROUTE = 131, 137


class Link(NamedTuple):
    """The frame's first bytes. `tags` are those of the VLANs, four bytes each, as they were."""
    destination: bytes
    source: bytes
    tags: bytes
    type: int
    at: int  # where the payload begins

    @property
    def group(self):
        return bool(self.destination[0] & 1)

    @property
    def from_group(self):
        return bool(self.source[0] & 1)

    def header(self, destination, source, ethertype, strips=False):
        """For a frame with other MACs and the same tags, or without."""
        return destination + source + (b"" if strips else self.tags) + struct.pack("!H", ethertype)


class Fragment(NamedTuple):
    id: int
    offset: int  # in bytes
    more: bool
    at: int      # where the fragment's own bytes begin in the packet


@dataclass
class Packet:
    """An IP packet without the bytes behind it."""
    data: bytes
    version: int
    source: bytes
    destination: bytes
    ttl: int = 0
    tos: int = 0
    protocol: int = -1               # of the upper layer; -1: unknown
    at: int = 0                      # where the upper layer begins
    dont_fragment: bool = True       # IPv6: always
    fragment: Optional[Fragment] = None
    has_ah: bool = False
    on_its_way: bool = False         # a routing header has segments left: the last destination is another
    fragment_headers: int = 0        # of IPv6, atomic ones too
    sport: int = 0
    dport: int = 0
    flags: int = 0                   # TCP's
    seq: int = 0
    ack: int = 0
    payload: int = 0                 # bytes behind the TCP or UDP header
    icmp_type: int = -1
    icmp_code: int = 0
    faults: set = field(default_factory=set)
    doubts: dict = field(default_factory=dict)

    @property
    def first_or_whole(self):
        return self.fragment is None or self.fragment.offset == 0

    @property
    def later_fragment(self):
        return not self.first_or_whole

    @property
    def may_have_ports(self):
        """A later fragment whose datagram begins with another extension header: only the first fragment says what follows."""
        return self.later_fragment and self.version == 6 and self.protocol in EXTENSIONS

    @property
    def bound(self):
        """Its addresses can't be changed: AH covers them (RFC 4302), or the pseudo header has the last segment (RFC 8200 8.1)."""
        return self.has_ah or self.on_its_way

    @property
    def tuple(self):
        return self.source, self.sport, self.destination, self.dport


def read_link(frame):
    """None where the frame ends before its type does. At most two tags are read, so a third is an unknown type."""
    if len(frame) < 14:
        return None
    at = 12
    while at < 20 and int.from_bytes(frame[at:at + 2], "big") in TAGS:
        at += 4
        if len(frame) < at + 2:
            return None
    return Link(frame[0:6], frame[6:12], frame[12:at], int.from_bytes(frame[at:at + 2], "big"), at + 2)


def read_packet(data, version):
    """`version` is what the Ethernet type says. None where the packet ends before its addresses do."""
    return read_ipv4(data) if version == 4 else read_ipv6(data)


def read_ipv4(data):
    if len(data) < 20:
        return None
    first, tos, total, identification, flags, ttl, protocol = struct.unpack("!BBHHHBB", data[:10])
    packet = Packet(data, 4, data[12:16], data[16:20], ttl, tos, protocol, (first & 15) * 4, bool(flags & 0x4000))
    if first >> 4 != 4 or packet.at < 20:
        packet.faults.add("bad_header")
        packet.at = 20
    if total < packet.at:
        packet.faults.add("bad_header")
    if total > len(data) or packet.at > len(data):
        packet.faults.add("truncated")
    elif total >= packet.at:
        packet.data = data = data[:total]
    header = data[:packet.at]
    if ones_sum(header) != 0xFFFF:
        packet.faults.add("bad_checksum")
    read_options(packet, header[20:])
    offset, more = (flags & 0x1FFF) * 8, bool(flags & 0x2000)
    if offset or more:
        packet.fragment = Fragment(identification, offset, more, packet.at)
        check_fragment(packet, 65535 - packet.at)
    if "bad_header" not in packet.faults:
        read_upper(packet)
    return packet


def read_options(packet, options):
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options) or options[at] in (LOOSE_ROUTE, STRICT_ROUTE):
            packet.faults.add("options")
            return
        at += length


def read_ipv6(data):
    if len(data) < 40:
        return None
    word, payload, following, ttl = struct.unpack("!IHBB", data[:8])
    packet = Packet(data, 6, data[8:24], data[24:40], ttl, word >> 20 & 0xFF, at=40)
    if word >> 28 != 6:
        packet.faults.add("bad_header")
    if payload + 40 > len(data):
        packet.faults.add("truncated")
    else:
        packet.data = data[:payload + 40]
    walk_extensions(packet, following)
    return packet


def walk_extensions(packet, following):
    """RFC 8200 4.1. What begins behind the chain is read, unless the packet is a later fragment."""
    data, at, count = packet.data, 40, 0
    while following in EXTENSIONS and not packet.later_fragment:
        length = extension_length(data, at, following)
        count += 1
        if count > MAX_EXTENSIONS or at - 40 + (length or 8) > MAX_EXTENSION_BYTES:
            packet.faults.add("extension_headers")
            break
        if length is None:
            packet.faults |= {"truncated", "bad_header", "extension_headers"} | ({"fragment"} if packet.fragment else set())
            break
        note_extension(packet, following, at, count)
        following, at = data[at], at + length
    else:
        packet.protocol, packet.at = following, at
    if packet.fragment:
        check_fragment(packet, 65535 - (packet.fragment.at - 48))  # RFC 8200 4.5: of the whole, without the fragment header
    if packet.protocol >= 0:
        read_upper(packet)


def extension_length(data, at, kind):
    """None where the header isn't there whole."""
    if at + 8 > len(data):
        return None
    length = 8 if kind == FRAGMENT else (data[at + 1] + 2) * 4 if kind == AH else (data[at + 1] + 1) * 8
    return length if at + length <= len(data) else None


def note_extension(packet, kind, at, count):
    data = packet.data
    if kind == ROUTING and data[at + 2] == 0:
        packet.faults.add("extension_headers")
    if kind == ROUTING and data[at + 3]:
        packet.on_its_way = True
    if kind == HOP_BY_HOP and count > 1:
        packet.doubts["hop_by_hop_not_first"] = {"extension_headers", "bad_header"}
    if kind == AH:
        packet.has_ah = True
        if data[at + 1] % 2:  # RFC 4302 2.2: a multiple of 8 bytes in IPv6
            packet.doubts["odd_ah_length"] = {"extension_headers", "bad_header"}
    if kind == FRAGMENT:
        offset, identification = struct.unpack("!HI", data[at + 2:at + 8])
        packet.fragment_headers += 1
        if packet.fragment_headers > 1:  # RFC 8200 4.1: once at most
            packet.faults |= {"fragment", "extension_headers", "bad_header"}
        elif offset & 0xFFF9:  # both offset and M clear: an atomic fragment is none
            packet.fragment = Fragment(identification, offset & 0xFFF8, bool(offset & 1), at + 8)


def check_fragment(packet, longest):
    """A fragment whose bytes can't be part of any datagram."""
    length = len(packet.data) - packet.fragment.at
    wrong_length = length <= 0 or packet.fragment.more and length % 8
    if not packet.faults & {"truncated", "bad_header"} and (wrong_length or packet.fragment.offset + length > longest):
        packet.faults |= {"fragment", "bad_header"}
    if packet.fragment.offset == 8 and packet.protocol == TCP:  # RFC 1858
        packet.faults.add("fragment")
    if packet.protocol == (ICMP if packet.version == 4 else ICMP6):
        packet.faults.add("fragment")


def read_upper(packet):
    if packet.later_fragment or packet.at > len(packet.data):
        return
    segment = packet.data[packet.at:]
    if packet.protocol == TCP:
        read_tcp(packet, segment)
    elif packet.protocol == UDP:
        read_udp(packet, segment)
    elif packet.protocol == (ICMP if packet.version == 4 else ICMP6):
        if len(segment) < 8:
            packet.faults |= {"truncated", "bad_header", "bogus_icmp", "no_service"}
        if len(segment) >= 2:
            packet.icmp_type, packet.icmp_code = segment[0], segment[1]


def too_short(packet):
    packet.faults |= {"fragment"} if packet.fragment else {"truncated", "bad_header"}


def read_tcp(packet, segment):
    if len(segment) < 20:
        return too_short(packet)
    packet.sport, packet.dport, packet.seq, packet.ack, length, packet.flags = struct.unpack("!HHIIBB", segment[:14])
    length = (length >> 4) * 4
    if length < 20:
        packet.faults.add("bad_header")
    elif length > len(segment):
        too_short(packet)
    packet.payload = max(0, len(segment) - length)


def read_udp(packet, segment):
    if len(segment) < 8:
        return too_short(packet)
    packet.sport, packet.dport, length, check = struct.unpack("!HHHH", segment[:8])
    packet.payload = len(segment) - 8
    if length < 8:
        packet.faults.add("bad_header")
    elif packet.fragment is None and length > len(segment):
        packet.faults |= {"bad_header", "truncated"}
    elif packet.fragment is None and length < len(segment):  # UDP options (RFC 9868), or a wrong length
        packet.doubts["udp_shorter_than_ip"] = {"bad_header"}
    if check == 0 and packet.version == 6:
        packet.faults |= {"bad_checksum", "bad_header"}
