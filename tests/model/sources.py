"""Sources that no packet to a VIP may have, and packets that carry our own outer header again."""

from . import headers
from .packet import UDP, read_packet


def bad_source(state, packet):
    """{True}: a source that no packet to a VIP may have; both: the specification contradicts itself."""
    source = packet.source
    if len(source) == 4 and (source[0] in (0, 127) or source[0] >= 224):
        return {True}
    if len(source) == 16 and (source in (bytes(16), bytes(15) + b"\1") or source[0] == 255):
        return {True}
    if state.config.vip(source):
        return {True}
    if len(source) == 16 and source[:10] == bytes(10):  # IPv4-mapped and the like: not in the list, but no sender either
        return {True, False}
    if state.config.is_encap_source(source):
        return {True, False} if state.config.is_node(source) else {True}
    return {False}


def our_outer(state, data, version):
    """{True}: these bytes are a packet in an outer header of our making; both: one that is broken."""
    packet = read_packet(data, version)
    if packet is None or not state.config.is_encap_source(packet.source) or tunnel_inside(packet) is None:
        return {False}
    return {True, False} if packet.faults else {True}


def tunnel_inside(packet):
    """(bytes, version) of what an outer header carries, or None where this isn't one."""
    data = packet.data[packet.at:]
    if packet.fragment:
        return None
    if packet.protocol in (headers.IP_IN_IP, headers.IPV6_IN_IP):
        return data, 4 if packet.protocol == headers.IP_IN_IP else 6
    if packet.protocol == headers.GRE and data[:2] == b"\0\0" and data[2:4] in (b"\x08\x00", b"\x86\xdd"):
        return data[4:], 4 if data[2] == 8 else 6
    if packet.protocol == UDP and packet.dport == headers.GUE_PORT and len(data) >= 12:
        if data[8] >> 4 in (4, 6):
            return data[8:], data[8] >> 4
        if data[8] >> 5 == 0:
            return data[12 + (data[8] & 31) * 4:], 4 if data[9] == headers.IP_IN_IP else 6
    return None


def loops(state, packet):
    """{True}: carries our own outer header again; both: comes with our outer source, or what it carries is broken."""
    inside = tunnel_inside(packet)
    if inside is None:
        return {False}
    again = our_outer(state, *inside)
    return again | {True} if state.config.is_encap_source(packet.source) else again
