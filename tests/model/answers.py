"""What shunt itself originates: ICMP errors, echo replies, resets, ARP and ND. It goes back where the frame came from.

TTL, DSCP of errors, identification and DF of an answer are free within the values named here; all else is exact.
"""

import struct

from .checksum import checksum, ones_sum, pseudo_header
from .headers import ethertype, with_header_checksum
from .icmp import ECHO_REPLY, is_any_error
from .packet import ACK, ARP, FIN, ICMP, ICMP6, IPV6, RST, SYN, TCP
from .state import SECOND, Outcome, Output, drop
from .template import Field, Template, exactly

TIME_EXCEEDED = {4: (11, 0), 6: (3, 0)}
TOO_BIG = {4: (3, 4), 6: (2, 0)}
PORT_UNREACHABLE = {4: (3, 3), 6: (1, 4)}
ANSWER_TTLS = (64, 255)


def may_answer(packet, link):
    """Never an error, a group MAC (of either side) or a later fragment; the caller knows about bad sources."""
    return not (packet.later_fragment or link.group or link.from_group or is_any_error(packet))


def ip_template(link, port, source, destination, protocol, body, tos, options=b""):
    """An answer to `link`'s frame. `tos`: what is allowed there; `options`: of IPv4."""
    start = 14 + len(link.tags)
    head = link.header(link.source, port.mac, ethertype(4 if len(source) == 4 else 6))
    ttl_at = start + (8 if len(source) == 4 else 7)
    ttl = Field("ttl", ttl_at, 1, lambda value: value in ANSWER_TTLS, ANSWER_TTLS[0])
    if len(source) == 4:
        fields = (Field("tos", start + 1, 1, lambda value: value in tos, tos[0]), Field("id", start + 4, 2, lambda value: True, 0),
                  Field("flags", start + 6, 2, lambda value: value in (0, 0x4000), 0), ttl)

        def build(values):
            header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, values["tos"], 20 + len(options) + len(body), values["id"],
                                 values["flags"], values["ttl"], protocol, 0)
            return head + with_header_checksum(header + source + destination + options) + body
        return Template(build, fields)

    def allowed(value):
        return value >> 28 == 6 and value >> 20 & 0xFF in tos

    def build6(values):
        return head + struct.pack("!IHBB", values["first"], len(body), protocol, values["ttl"]) + source + destination + body
    return Template(build6, (Field("first", start, 4, allowed, (6 << 8 | tos[0]) << 20), ttl))


def icmp_body(source, destination, kind, code, rest):
    """`rest`: all behind the checksum."""
    body = bytes([kind, code, 0, 0]) + rest
    start = 0 if len(source) == 4 else ones_sum(pseudo_header(source, destination, ICMP6, len(body)))
    return body[:2] + struct.pack("!H", checksum(body, start)) + body[4:]


def quote_lengths(packet):
    """How many bytes an error may quote: as many as keep it no bigger than the packet, but header + 8 always.

    RFC 4443 2.4 limits the error to 1,280 bytes; for IPv4 RFC 1812 4.3.2.3 recommends 576. "Header" with extensions in it or not.
    """
    whole = len(packet.data)
    if packet.version == 4:
        least, limits = [(packet.data[0] & 15) * 4 + 8], (576 - 28, whole - 28)
        most = [min(limit, whole - 28) for limit in limits]
    else:
        least = [48, packet.at + 8]
        most = [min(1280 - 48, whole - 48)]
    return sorted({min(whole, max(low, high)) for low in least for high in most}, reverse=True)


def error(packet, link, port, source, what, rest):
    """Templates of an ICMP error about the packet. `rest`: the four bytes before the quote."""
    protocol = ICMP if packet.version == 4 else ICMP6
    tos = (0, 0xC0, packet.tos & 0xFC, packet.tos)
    return tuple(ip_template(link, port, source, packet.source, protocol,
                             icmp_body(source, packet.source, *what, rest + packet.data[:length]), tos)
                 for length in quote_lengths(packet))


def time_exceeded(packet, link, port, source):
    return error(packet, link, port, source, TIME_EXCEEDED[packet.version], bytes(4))


def too_big(packet, link, port, source, mtu):
    return error(packet, link, port, source, TOO_BIG[packet.version], struct.pack("!I", mtu))


def port_unreachable(packet, link, port):
    return error(packet, link, port, packet.destination, PORT_UNREACHABLE[packet.version], bytes(4))


def echo_reply(packet, link, port):
    """IPv4 options of the request come back (RFC 1122 3.2.2.6) or don't."""
    body = icmp_body(packet.destination, packet.source, ECHO_REPLY[packet.version], 0, packet.data[packet.at + 4:])
    protocol = ICMP if packet.version == 4 else ICMP6
    options = {b"", packet.data[20:packet.at]} if packet.version == 4 else {b""}
    return tuple(ip_template(link, port, packet.destination, packet.source, protocol, body, (packet.tos & 0xFC, packet.tos), one)
                 for one in sorted(options))


def reset(packet, link, port):
    """RFC 9293 3.5.2, group 1."""
    if packet.flags & ACK:
        seq, ack, flags = packet.ack, 0, RST
    else:
        length = packet.payload + bool(packet.flags & SYN) + bool(packet.flags & FIN)
        seq, ack, flags = 0, (packet.seq + length) % (1 << 32), RST | ACK
    body = struct.pack("!HHIIBBHHH", packet.dport, packet.sport, seq, ack, 0x50, flags, 0, 0, 0)
    value = checksum(body, ones_sum(pseudo_header(packet.destination, packet.source, TCP, len(body))))
    body = body[:16] + struct.pack("!H", value) + body[18:]
    return (ip_template(link, port, packet.destination, packet.source, TCP, body, (0, 0xC0, packet.tos & 0xFC, packet.tos)),)


def arp_reply(link, port, request):
    """`request`: the 28 bytes of an ARP request (RFC 826)."""
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + port.mac + request[24:28] + request[8:14] + request[14:18]
    return (exactly(link.header(link.source, port.mac, ARP) + body),)


def advertisement(link, port, packet, target):
    """RFC 4861 4.4: solicited and overriding, with the port's MAC; to all nodes where the question has no source. R is free."""
    asked = any(packet.source)
    destination = packet.source if asked else bytes.fromhex("ff02" + "00" * 13 + "01")
    start = 14 + len(link.tags)
    head = link.header(link.source if asked else bytes.fromhex("333300000001"), port.mac, IPV6)
    least = 0x60 if asked else 0x20

    def build(values):
        body = icmp_body(target, destination, 136, 0, bytes([values["flags"], 0, 0, 0]) + target + b"\2\1" + port.mac)
        return head + struct.pack("!IHBB", values["first"], len(body), ICMP6, 255) + target + destination + body
    return (Template(build, (Field("first", start, 4, lambda value: value >> 28 == 6, 6 << 28),
                             Field("flags", start + 44, 1, lambda value: value & 0x7F == least, least))),)


def limit(state, kind, source):
    """Whether one more answer to this source is within the rate: {True}, {False} or both.

    A window and a bucket count differently: up to twice the rate may pass in a second, and sources may share a counter.
    """
    rate = state.config.answer_rate
    mine = [when for when in state.answered.get((kind, source), ()) if when > state.now - SECOND]
    everybody = sum(1 for (other, _), times in state.answered.items() if other == kind
                    for when in times if when > state.now - SECOND)
    if everybody < rate:
        return {True}
    return {False} if len(mine) >= 2 * rate else {True, False}


def answered(state, packet, port, reason, kind, templates):
    """Outcomes of a packet that is answered and dropped by the reason that asked."""
    outcomes = []
    within = limit(state, kind, packet.source)
    if True in within:
        outcomes.append(Outcome((reason,), (Output(("originated",), port.name, templates),),
                                facts={"answered": (kind, packet.source)}))
    if False in within:
        doubt = "answer_limit" if True in within else ""
        outcomes.append(drop("answer_limit", doubt))
        if kind != "echo":
            outcomes.append(drop(reason, "answer_limit"))
    return outcomes


def note_answer(state, facts):
    if "answered" in facts:
        recent = tuple(when for when in state.answered.get(facts["answered"], ()) if when > state.now - 2 * SECOND)
        state.answered[facts["answered"]] = recent + (state.now,)
