"""Frames, field by field. What isn't said is right (lengths, checksums); every one of them may be said, and then stands there
however wrong. Written with struct alone, from the RFCs: nothing of shunt's."""

import ipaddress
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
VLAN, QINQ = 0x8100, 0x88A8


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def packed(address):
    return ipaddress.ip_address(address).packed


def pseudo_header(source, destination, protocol, size):
    """RFC 9293 3.1, RFC 8200 8.1."""
    addresses = packed(source) + packed(destination)
    if len(addresses) == 8:
        return addresses + struct.pack("!BBH", 0, protocol, size)
    return addresses + struct.pack("!II", size, protocol)


def tcp(source, destination, sport, dport, *, sequence=1000, ack=0, flags=SYN, options=b"", payload=b"", sum16=None, words=None,
        window=0xFAF0, reserved=0):
    words = 5 + len(options) // 4 if words is None else words

    def segment(total):
        return struct.pack("!HHIIBBHHH", sport, dport, sequence & 0xFFFFFFFF, ack, words << 4 | reserved, flags, window, total,
                           0) + options + payload

    if sum16 is None:
        whole = segment(0)
        sum16 = checksum(pseudo_header(source, destination, TCP, len(whole)) + whole)
    return segment(sum16)


def udp(source, destination, sport, dport, *, payload=b"", sum16=None, size=None):
    size = 8 + len(payload) if size is None else size
    if sum16 is None:
        whole = struct.pack("!HHHH", sport, dport, size, 0) + payload
        sum16 = checksum(pseudo_header(source, destination, UDP, len(whole)) + whole) or 0xFFFF  # RFC 768
    return struct.pack("!HHHH", sport, dport, size, sum16) + payload


def icmp(kind, code, rest, body, *, sum16=None):
    """RFC 792: `rest` are the four bytes behind the checksum."""
    whole = struct.pack("!BBH", kind, code, 0) + rest + body
    return struct.pack("!BBH", kind, code, checksum(whole) if sum16 is None else sum16) + rest + body


def icmp6(source, destination, kind, code, rest, body, *, sum16=None):
    """RFC 4443."""
    whole = struct.pack("!BBH", kind, code, 0) + rest + body
    if sum16 is None:
        sum16 = checksum(pseudo_header(source, destination, ICMP6, len(whole)) + whole)
    return struct.pack("!BBH", kind, code, sum16) + rest + body


def ipv4(source, destination, protocol, body, *, tos=0, ttl=64, ident=0x1234, flags=0x4000, options=b"", total=None, words=None,
         version=4, sum16=None):
    """`flags`: DF 0x4000, MF 0x2000, and the offset in units of 8."""
    words = 5 + len(options) // 4 if words is None else words
    total = 20 + len(options) + len(body) if total is None else total

    def header(value):
        return struct.pack("!BBHHHBBH4s4s", (version << 4 | words) & 0xFF, tos, total & 0xFFFF, ident, flags, ttl, protocol, value,
                           packed(source), packed(destination)) + options

    return header(checksum(header(0)) if sum16 is None else sum16) + body


def ipv6(source, destination, protocol, body, *, tos=0, label=0, hops=64, length=None, version=6, extensions=()):
    """`extensions`: (number, bytes behind its next-header byte), in order."""
    chain, following = b"", [number for number, _ in extensions] + [protocol]
    for (_, rest), after in zip(extensions, following[1:]):
        chain += bytes([after]) + rest
    length = len(chain) + len(body) if length is None else length
    return struct.pack("!IHBB16s16s", version << 28 | tos << 20 | label, length & 0xFFFF, following[0], hops, packed(source),
                       packed(destination)) + chain + body


def ethernet(to, sender, packet, *, tags=(), ether_type=None, trailer=b""):
    """`tags`: (EtherType, TCI), outermost first."""
    if ether_type is None:
        ether_type = 0x86DD if packet[:1] and packet[0] >> 4 == 6 else 0x0800
    chain = b"".join(struct.pack("!HH", kind, tci) for kind, tci in tags)
    return mac_bytes(to) + mac_bytes(sender) + chain + struct.pack("!H", ether_type) + packet + trailer


def arp(operation, sender_mac, sender, target_mac, target):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, mac_bytes(sender_mac), packed(sender), mac_bytes(target_mac),
                       packed(target))


def l3_offset(frame):
    """Where the packet begins, behind at most two tags; (offset, EtherType)."""
    at = 14
    kind = int.from_bytes(frame[12:14], "big")
    for _ in range(2):
        if kind not in (VLAN, QINQ) or len(frame) < at + 4:
            break
        kind = int.from_bytes(frame[at + 2:at + 4], "big")
        at += 4
    return at, kind
