"""Frames of a pcap file as events: with the port's MAC, and a second time with a VIP as destination.

A checksum that was wrong stays as wrong: those that a new destination changes are adjusted, not computed.
"""

import struct

from .checksum import adjusted
from .headers import put
from .packet import IPV4, IPV6, TCP, UDP, ICMP6, read_link, read_packet

MAGIC = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\x3c\x4d": ">"}
ETHERNET = 1


def frames(path):
    """Frames of a classic pcap file of Ethernet."""
    with open(path, "rb") as file:
        data = file.read()
    order = MAGIC.get(data[:4])
    if order is None or struct.unpack(order + "I", data[20:24])[0] & 0xFFFF != ETHERNET:
        raise ValueError(f"{path}: not a pcap file of Ethernet frames")
    at = 24
    while at + 16 <= len(data):
        length, = struct.unpack(order + "I", data[at + 8:at + 12])
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def event(frame, port, mac):
    """The frame to the port's MAC; group addresses stay."""
    group = len(frame) >= 6 and frame[0] & 1
    return {"type": "frame", "port": port, "hex": (frame if group else mac[:len(frame)] + frame[6:]).hex()}


def retargeted(frame, mac, vips):
    """The frame to the port's MAC and the VIP of its family ({4: bytes, 6: bytes}), or None where it isn't IP."""
    link = read_link(frame)
    if link is None or link.type not in (IPV4, IPV6):
        return None
    version = 4 if link.type == IPV4 else 6
    packet = read_packet(frame[link.at:], version)
    if packet is None:
        return None
    data, vip = frame[link.at:], vips[version]
    data = put(data, 16 if version == 4 else 24, vip)
    if version == 4:
        value = adjusted(int.from_bytes(data[10:12], "big"), packet.destination, vip)
        data = put(data, 10, struct.pack("!H", value))
    place = {TCP: 16, UDP: 6}.get(packet.protocol, 2 if packet.protocol == ICMP6 and version == 6 else None)
    at = packet.at + (place or 0)
    if place is not None and packet.first_or_whole and at + 2 <= len(packet.data):
        old = int.from_bytes(data[at:at + 2], "big")
        if old or packet.protocol != UDP:
            data = put(data, at, struct.pack("!H", adjusted(old, packet.destination, vip)))
    return mac + frame[6:link.at] + data
