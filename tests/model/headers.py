"""What is done to a packet on its way out: TTL, translation, MSS, outer headers, cutting. "Headers" of the specification."""

import struct

from .checksum import adjusted, checksum, ones_sum, pseudo_header, transport_sum
from .packet import IPV4, IPV6, SYN, TCP, UDP
from .template import Field, Template

GUE_PORT = 6080
IP_IN_IP, IPV6_IN_IP, GRE = 4, 41, 47
BEHIND_OUTER = {"ipip": 0, "gre": 4, "gue": 8}


def ethertype(version):
    return IPV4 if version == 4 else IPV6


def with_header_checksum(header):
    header = header[:10] + b"\0\0" + header[12:]
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:]


def lower_ttl(packet):
    """The packet's bytes with TTL or hop limit one less. The header checksum was right, or the packet would have been dropped."""
    if packet.version == 6:
        return packet.data[:7] + bytes([packet.ttl - 1]) + packet.data[8:]
    header_end = (packet.data[0] & 15) * 4
    header = packet.data[:8] + bytes([packet.ttl - 1]) + packet.data[9:header_end]
    return with_header_checksum(header) + packet.data[header_end:]


def put(data, at, new):
    return data[:at] + new + data[at + len(new):]


def checksum_place(packet):
    """Where the transport checksum is, or None: no TCP or UDP, a later fragment, or a UDP datagram without one."""
    if packet.later_fragment or packet.protocol not in (TCP, UDP):
        return None
    at = packet.at + (16 if packet.protocol == TCP else 6)
    if packet.protocol == UDP and packet.version == 4 and packet.data[at:at + 2] == b"\0\0":
        return None
    return at


def edited_checksums(packet, data, removed, added):
    """`data` with the transport checksum adjusted: every allowed version.

    RFC 1624 leaves nothing open where the checksum was right. Where it was wrong or said 0xffff, the two zeros of ones' complement
    are equally wrong: either is allowed.
    """
    at = checksum_place(packet)
    if at is None:
        return [data]
    value = adjusted(int.from_bytes(packet.data[at:at + 2], "big"), removed, added)
    if packet.protocol == UDP:
        return [put(data, at, struct.pack("!H", value or 0xFFFF))]
    values = [value] + ([value ^ 0xFFFF] if value in (0, 0xFFFF) else [])
    return [put(data, at, struct.pack("!H", one)) for one in values]


def translate(packet, data, source=None, sport=None, destination=None, dport=None):
    """Every allowed version of `data` (of `packet`, TTL already lowered) with other addresses and ports."""
    removed, added = b"", b""
    at = 12 if packet.version == 4 else 8
    size = len(packet.source)
    for place, old, new in ((at, packet.source, source), (at + size, packet.destination, destination)):
        if new is not None:
            data, removed, added = put(data, place, new), removed + old, added + new
    if packet.first_or_whole:
        for place, old, new in ((packet.at, packet.sport, sport), (packet.at + 2, packet.dport, dport)):
            if new is not None:
                data, removed, added = (put(data, place, struct.pack("!H", new)), removed + struct.pack("!H", old),
                                        added + struct.pack("!H", new))
    if packet.version == 4:
        header_end = (data[0] & 15) * 4
        data = with_header_checksum(data[:header_end]) + data[header_end:]
    return edited_checksums(packet, data, removed, added)


def clamp_mss(packet, data, most):
    """Every allowed version of a SYN or SYN-ACK whose MSS option is lowered to `most`. Other packets stay."""
    if packet.protocol != TCP or not packet.flags & SYN or packet.fragment:
        return [data]
    end = packet.at + (data[packet.at + 12] >> 4) * 4
    at = packet.at + 20
    while at + 1 < end and data[at] != 0:
        length = 1 if data[at] == 1 else data[at + 1]
        if data[at] == 2 and length == 4 and at + 4 <= end:
            return lower_mss(packet, data, at + 2, most)
        if length < 1 or (data[at] != 1 and length < 2):
            break
        at += length
    return [data]


def lower_mss(packet, data, at, most):
    old = int.from_bytes(data[at:at + 2], "big")
    if old <= most:
        return [data]
    # The adjusted words are the two that hold the value, where it lies across them (after a NOP).
    first, last = at - (at - packet.at) % 2, at + 2 + (at - packet.at) % 2
    new = put(data, at, struct.pack("!H", most))
    place = packet.at + 16
    value = adjusted(int.from_bytes(data[place:place + 2], "big"), data[first:last], new[first:last])
    values = [value] + ([value ^ 0xFFFF] if value in (0, 0xFFFF) else [])
    return [put(new, place, struct.pack("!H", one)) for one in values]


def cut(data, longest):
    """An IPv4 packet (perhaps a fragment) as fragments of at most `longest` bytes: RFC 791 3.2, each as long as can be."""
    header_end = (data[0] & 15) * 4
    first_header, payload = data[:header_end], data[header_end:]
    later_header = copied_options(first_header)
    base, = struct.unpack("!H", data[6:8])
    pieces, at = [], 0
    while at < len(payload):
        header = later_header if at else first_header
        room = longest - len(header)
        more = at + room < len(payload)
        piece = payload[at:at + (room // 8 * 8 if more else room)]
        flags = (base & 0xE000) | (0x2000 if more else 0) | ((base & 0x1FFF) + at // 8)
        header = header[:2] + struct.pack("!H", len(header) + len(piece)) + header[4:6] + struct.pack("!H", flags) + header[8:]
        pieces.append(with_header_checksum(header) + piece)
        at += len(piece)
    return pieces


def copied_options(header):
    """The header of a later fragment: only options with the copied bit, filled up to whole words."""
    kept, at = b"", 20
    while at < len(header) and header[at] != 0:
        length = 1 if header[at] == 1 else header[at + 1]
        if header[at] & 0x80:
            kept += header[at:at + length]
        at += length
    kept += b"\0" * (-len(kept) % 4)
    return bytes([0x40 | (20 + len(kept)) // 4]) + header[1:20] + kept


def overhead(forward, size):
    """Bytes that the mode puts before a packet; `size`: 4 or 16, of the backend's address."""
    return (20 if size == 4 else 40) + BEHIND_OUTER[forward] if forward in BEHIND_OUTER else 0


def outer_protocol(forward, inner_version):
    return {"gre": GRE, "gue": UDP}.get(forward) or (IP_IN_IP if inner_version == 4 else IPV6_IN_IP)


def gre_header(inner_version):
    return struct.pack("!HH", 0, ethertype(inner_version))  # RFC 2784: no options, version 0


def gue0_header(inner_version, private=b""):
    """GUE variant 0: data message, no flags, private data in whole words."""
    return struct.pack("!BBH", len(private) // 4, IP_IN_IP if inner_version == 4 else IPV6_IN_IP, 0) + private


def middle(forward, inner, values, pseudo):
    """What lies between the outer IP header and the packet. `pseudo(length)`: sum of the pseudo header for UDP."""
    version = inner[0] >> 4
    if forward == "ipip":
        return b""
    if forward == "gre":
        return gre_header(version)
    length = 8 + len(inner)
    header = struct.pack("!HHHH", values["gue_port"], GUE_PORT, length, 0)
    value = 0 if values.get("gue_checksum") == 0 else checksum(header + inner, pseudo(length)) or 0xFFFF
    return header[:6] + struct.pack("!H", value)


def trusted_difference(inner):
    """What a GUE checksum made from the headers alone differs by, where the inner transport checksum is wrong; 0: nothing."""
    from .packet import read_packet
    packet = read_packet(inner, inner[0] >> 4)
    if packet is None or packet.faults or packet.fragment or checksum_place(packet) is None:
        return 0
    total = transport_sum(packet.source, packet.destination, packet.protocol, packet.data[packet.at:])
    return 0 if total == 0xFFFF else 0xFFFF - total


def encapsulate(link_header, inner, packet, backend, forward, prefixes, dscp, also, remembered, spread=lambda values: ""):
    """Templates of a frame that carries `inner` to the backend.

    Free are the outer source (in one of `prefixes`), the identification, the IPv6 flow label, GUE's source port, and GUE's checksum
    over IPv4 (0 or right). `also`, `spread`: what is wrong with identification, and with the flow's values beside others', or "".
    `remembered`: {name: value} of what this flow had before, one for the flow.
    """
    tos = packet.tos if dscp is None else dscp << 2 | packet.tos & 3
    if len(backend) == 4:
        return [outer4(link_header, inner, packet, backend, forward, prefixes, tos, also, spread, remembered)]
    return [outer6(link_header, inner, packet, backend, forward, prefixes, tos, spread, remembered, difference)
            for difference in {0, trusted_difference(inner) if forward == "gue" else 0}]


def source_field(at, size, prefixes, remembered):
    def allowed(value):
        return any(one.contains(value.to_bytes(size, "big")) for one in prefixes) and remembered.get("source") in (None, value)
    return Field("source", at, size, allowed, remembered.get("source") or prefixes[0].value)


def gue_port_field(at, remembered):
    return Field("gue_port", at, 2, lambda value: value >= 49152 and remembered.get("gue_port") in (None, value),
                 remembered.get("gue_port") or 49152)


def outer4(link_header, inner, packet, backend, forward, prefixes, tos, also, spread, remembered):
    start = len(link_header)
    fragment_word = 0x4000 if packet.version == 6 or packet.dont_fragment else 0
    protocol = outer_protocol(forward, packet.version)
    fields = [Field("id", start + 4, 2, lambda value: True, 0), source_field(start + 12, 4, prefixes, remembered)]
    if forward == "gue":
        fields += [gue_port_field(start + 20, remembered), Field("gue_checksum", start + 26, 2, lambda value: True, 0)]

    def build(values):
        source = values["source"].to_bytes(4, "big")
        between = middle(forward, inner, values, lambda length: ones_sum(pseudo_header(source, backend, UDP, length)))
        header = struct.pack("!BBHHHBBH", 0x45, tos, 20 + len(between) + len(inner), values["id"], fragment_word, 64, protocol, 0)
        return link_header + with_header_checksum(header + source + backend) + between + inner

    def unique(values):
        return spread(values) or ("" if fragment_word else also(values["source"].to_bytes(4, "big"), backend, values["id"]))
    return Template(build, tuple(fields), unique)


def outer6(link_header, inner, packet, backend, forward, prefixes, tos, spread, remembered, difference):
    start = len(link_header)
    protocol = outer_protocol(forward, packet.version)
    first = (6 << 8 | tos) << 20
    fields = [Field("flow_label", start, 4, lambda value: value >> 20 == first >> 20, first),
              source_field(start + 8, 16, prefixes, remembered)]
    if forward == "gue":
        fields.append(gue_port_field(start + 40, remembered))

    def build(values):
        source = values["source"].to_bytes(16, "big")

        def pseudo(length):
            return ones_sum(pseudo_header(source, backend, UDP, length)) + difference
        between = middle(forward, inner, values, pseudo)
        header = struct.pack("!IHBB", values["flow_label"], len(between) + len(inner), protocol, 64)
        return link_header + header + source + backend + between + inner
    return Template(build, tuple(fields), spread)
