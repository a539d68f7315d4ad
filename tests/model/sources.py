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


DEEPEST = 8  # outer headers that are looked behind


def tunnel_inside(packet):
    """(bytes, version) of what an outer header carries, or None where this isn't one."""
    data = packet.data[packet.at:]
    if packet.fragment:
        return None
    if packet.protocol in (headers.IP_IN_IP, headers.IPV6_IN_IP):
        return data, 4 if packet.protocol == headers.IP_IN_IP else 6
    if packet.protocol == headers.GRE and data[:2] == b"\0\0" and data[2:4] in (b"\x08\x00", b"\x86\xdd"):
        return data[4:], 4 if data[2] == 8 else 6
    if packet.protocol == UDP and packet.dport == headers.GUE_PORT and len(data) > 8:
        if data[8] >> 4 in (4, 6):
            return data[8:], data[8] >> 4
        if data[8] >> 5 == 0 and data[9:10] in (b"\4", b"\x29"):
            return data[12 + (data[8] & 31) * 4:], 4 if data[9] == headers.IP_IN_IP else 6
    return None


def is_whole(inner, data):
    return not inner.faults and not inner.doubts and len(inner.data) == len(data) and (inner.version == 4 or inner.at == 40)


def loops(state, packet):
    """{True}: carries an outer header of our making again, behind others or not; both: what there is of it is broken.

    What is broken: headers with faults, of another version or length than announced, extension headers (shunt makes none), nothing inside.
    """
    found, sure = tunnel_inside(packet), True
    if found is None:
        return {False}
    if state.config.is_encap_source(packet.source):
        return {True, False}
    for _ in range(DEEPEST):
        data, version = found
        said = data[0] >> 4 if data else 0
        inner = read_packet(data, said) if said in (4, 6) else None
        found = tunnel_inside(inner) if inner else None
        if found is None:
            return {True, False} if inner and not is_whole(inner, data) else {False}
        sure = sure and said == version and is_whole(inner, data) and len(found[0]) >= 20
        if state.config.is_encap_source(inner.source):
            return {True} if sure else {True, False}
    return {True, False}
