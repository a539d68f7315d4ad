"""Frames for the generator and the tests, from their parts. Whatever is wrong in one was asked for."""

import struct

from .addresses import address as packed
from .checksum import checksum, ones_sum, pseudo_header
from .headers import put, with_header_checksum
from .packet import FRAGMENT, ICMP, ICMP6, IPV4, IPV6, SYN, TCP, UDP

PORT_MAC = bytes.fromhex("020000000001")
CLIENT_MAC = bytes.fromhex("0200000000c1")


def ip_bytes(address):
    return packed(address) if isinstance(address, str) else address


def ethernet(packet, destination=PORT_MAC, source=CLIENT_MAC, tags=b"", ethertype=None):
    if ethertype is None:
        ethertype = IPV4 if packet[0] >> 4 == 4 else IPV6
    return destination + source + tags + struct.pack("!H", ethertype) + packet


def tag(vlan, kind=0x8100):
    return struct.pack("!HH", kind, vlan)


def ipv4(source, destination, protocol, payload, ttl=64, tos=0, identification=1, flags=0x4000, options=b"", total=None):
    """`flags`: the whole word with the fragment's offset."""
    options += b"\0" * (-len(options) % 4)
    length = 20 + len(options) + len(payload) if total is None else total
    header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, tos, length, identification, flags, ttl, protocol, 0)
    return with_header_checksum(header + ip_bytes(source) + ip_bytes(destination) + options) + payload


def ipv6(source, destination, protocol, payload, ttl=64, tos=0, extensions=(), length=None):
    """`extensions`: [(kind, bytes behind its next header field)]."""
    chain, following = b"", protocol
    for kind, body in reversed(list(extensions)):
        chain, following = bytes([following]) + body + chain, kind
    length = len(chain) + len(payload) if length is None else length
    header = struct.pack("!IHBB", 6 << 28 | tos << 20, length, following, ttl)
    return header + ip_bytes(source) + ip_bytes(destination) + chain + payload


def extension(size=8):
    """Body of an extension header of `size` bytes, filled with Pad1 and PadN (RFC 8200 4.2)."""
    room = size - 2
    return bytes([size // 8 - 1]) + (bytes([1, room - 2]) + bytes(room - 2) if room < 256 else bytes(room))


def fragment_extension(identification, offset, more):
    return FRAGMENT, struct.pack("!BHI", 0, offset | more, identification)


def summed(source, destination, protocol, segment, at):
    value = checksum(segment, ones_sum(pseudo_header(ip_bytes(source), ip_bytes(destination), protocol, len(segment))))
    return put(segment, at, struct.pack("!H", value or 0xFFFF if protocol == UDP else value))


def tcp(source, destination, sport, dport, flags=SYN, seq=1000, ack=0, payload=b"", options=b"", offset=None):
    options += b"\1" * (-len(options) % 4)
    words = 5 + len(options) // 4 if offset is None else offset
    header = struct.pack("!HHIIBBHHH", sport, dport, seq % (1 << 32), ack, words << 4, flags, 0xFFFF, 0, 0)
    return summed(source, destination, TCP, header + options + payload, 16)


def udp(source, destination, sport, dport, payload=b"", length=None, checked=True):
    header = struct.pack("!HHHH", sport, dport, 8 + len(payload) if length is None else length, 0)
    return summed(source, destination, UDP, header + payload, 6) if checked else header + payload


def icmp(source, destination, kind, code, rest):
    message = bytes([kind, code, 0, 0]) + rest
    if len(ip_bytes(source)) == 4:
        return put(message, 2, struct.pack("!H", checksum(message)))
    return summed(source, destination, ICMP6, message, 2)


def ip(source, destination, protocol, payload, **options):
    return (ipv4 if len(ip_bytes(source)) == 4 else ipv6)(source, destination, protocol, payload, **options)


def icmp_protocol(address):
    return ICMP if len(ip_bytes(address)) == 4 else ICMP6


def cut_ipv4(packet, sizes, identification):
    """Fragments whose payloads have these sizes (the last one takes what is left)."""
    header_end = (packet[0] & 15) * 4
    payload, at, pieces = packet[header_end:], 0, []
    for number, size in enumerate(list(sizes) + [len(packet)]):
        part = payload[at:at + size]
        more = at + size < len(payload)
        header = packet[:2] + struct.pack("!HHH", header_end + len(part), identification, (0x2000 if more else 0) | at // 8)
        pieces.append(with_header_checksum(header + packet[8:header_end]) + part)
        at += size
        if not more:
            break
    return pieces


def cut_ipv6(packet, sizes, identification):
    """The same for a packet without extension headers."""
    payload, at, pieces = packet[40:], 0, []
    for size in list(sizes) + [len(packet)]:
        part = payload[at:at + size]
        more = at + size < len(payload)
        chain = bytes([packet[6]]) + fragment_extension(identification, at, more)[1]
        header = packet[:4] + struct.pack("!HB", len(chain) + len(part), FRAGMENT) + packet[7:40]
        pieces.append(header + chain + part)
        at += size
        if not more:
            break
    return pieces


def cut(packet, sizes, identification):
    return (cut_ipv4 if packet[0] >> 4 == 4 else cut_ipv6)(packet, sizes, identification)
