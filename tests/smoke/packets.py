"""Frames by hand: building, reading, pcap files, a sniffer. IPv4 and IPv6, no options, no VLAN.

    frame = ethernet(dst, src, ipv4(client, VIP, udp(client, VIP, 1234, 53, b"hello")))
"""

import contextlib
import select
import socket
import struct
import threading
import time

ETH_IP = 0x0800
ETH_ARP = 0x0806
ETH_IP6 = 0x86DD
BROADCAST = "ff:ff:ff:ff:ff:ff"
IPIP, TCP, UDP, ICMP, IP6IP, GRE, ICMP6 = 4, 6, 17, 1, 41, 47, 58
GUE = 6080
SOLICITATION, ADVERTISEMENT, MLD_REPORT = 135, 136, 143
SYN, ACK, FIN, RST, PSH = 0x02, 0x10, 0x01, 0x04, 0x08


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def mac_text(data):
    return data.hex(":")


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(destination, source, payload, kind=ETH_IP):
    return mac_bytes(destination) + mac_bytes(source) + struct.pack("!H", kind) + payload


def arp(operation, sender_mac, sender_ip, target_mac, target_ip):
    return struct.pack("!HHBBH", 1, ETH_IP, 6, 4, operation) + mac_bytes(sender_mac) + socket.inet_aton(sender_ip) \
        + mac_bytes(target_mac) + socket.inet_aton(target_ip)


def ipv4(source, destination, payload, protocol=UDP, ttl=64, tos=0, identification=0, dont_fragment=True):
    flags = 0x4000 if dont_fragment else 0
    header = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), identification, flags, ttl, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(source, destination, payload, protocol=UDP, hop_limit=64, tos=0):
    return struct.pack("!IHBB", 6 << 28 | tos << 20, len(payload), protocol, hop_limit) + address6(source) \
        + address6(destination) + payload


def address6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def text6(data):
    return socket.inet_ntop(socket.AF_INET6, data)


def solicited_group(address):
    """(group, its MAC) in which an address is asked for; RFC 4291 2.7.1, RFC 2464 7."""
    last = address6(address)[-3:]
    return text6(bytes.fromhex("ff02" + "00" * 9 + "01ff") + last), mac_text(bytes.fromhex("3333ff") + last)


def solicitation(source, destination, target, source_mac=None):
    """An IPv6 packet that asks for target; without source_mac nobody's (a probe for duplicates has none)."""
    option = b"\x01\x01" + mac_bytes(source_mac) if source_mac else b""
    message = struct.pack("!BBHI", SOLICITATION, 0, 0, 0) + address6(target) + option
    value = _transport_checksum(source, destination, ICMP6, message)
    return ipv6(source, destination, message[:2] + struct.pack("!H", value) + message[4:], ICMP6, 255)


def _transport_checksum(source, destination, protocol, segment):
    if ":" in source:
        return checksum(address6(source) + address6(destination) + struct.pack("!II", len(segment), protocol) + segment)
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, protocol, len(segment))
    return checksum(pseudo + segment)


def udp(source, destination, sport, dport, payload=b""):
    segment = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    value = _transport_checksum(source, destination, UDP, segment) or 0xFFFF
    return segment[:6] + struct.pack("!H", value) + segment[8:]


def tcp(source, destination, sport, dport, flags, sequence=0, acknowledgement=0, payload=b""):
    segment = struct.pack("!HHIIBBHHH", sport, dport, sequence, acknowledgement, 5 << 4, flags, 65535, 0, 0) + payload
    value = _transport_checksum(source, destination, TCP, segment)
    return segment[:16] + struct.pack("!H", value) + segment[18:]


def gre(inner, flags=0):
    """RFC 2784: flags and version, the EtherType of the IP packet that follows."""
    return struct.pack("!HH", flags, ETH_IP if inner[0] >> 4 == 4 else ETH_IP6) + inner


def gue(inner, words=0, flags=0, control=0, version=0, protocol=None):
    """draft-ietf-intarea-gue-09 3.1, variant 0: Hlen words of private data, the protocol of what follows."""
    protocol = protocol or (IPIP if inner[0] >> 4 == 4 else IP6IP)
    return struct.pack("!BBH", version << 6 | control << 5 | words, protocol, flags) + bytes(range(4 * words)) + inner


class Packet:
    """What a frame says, field by field; fields that it doesn't have are None. `inner` is the packet inside ipip, gue or gre."""

    def __init__(self, frame):
        self.frame = frame
        self.destination_mac, self.source_mac = mac_text(frame[:6]), mac_text(frame[6:12])
        self.kind = struct.unpack("!H", frame[12:14])[0]
        self.source = self.destination = self.protocol = self.sport = self.dport = self.flags = None
        self.operation = self.inner = self.icmp_type = None
        if self.kind == ETH_ARP and len(frame) >= 42:
            self.operation = struct.unpack("!H", frame[20:22])[0]
            self.sender_mac, self.source = mac_text(frame[22:28]), socket.inet_ntoa(frame[28:32])
            self.target_mac, self.destination = mac_text(frame[32:38]), socket.inet_ntoa(frame[38:42])
        elif self.kind == ETH_IP and len(frame) >= 34 and frame[14] == 0x45:
            self._read_ip(frame[14:])
        elif self.kind == ETH_IP6 and len(frame) >= 54:
            self._read_ip6(frame[14:])

    def _read_ip6(self, data):
        self.ttl, self.source, self.destination = data[7], text6(data[8:24]), text6(data[24:40])
        self.tos = struct.unpack("!H", data[:2])[0] >> 4 & 0xFF
        self.protocol, message = data[6], data[40:40 + struct.unpack("!H", data[4:6])[0]]
        if self.protocol == 0:  # hop by hop: an MLD report's router alert
            self.protocol, message = message[0], message[8 + 8 * message[1]:]
        if self.protocol != ICMP6 or len(message) < 8:
            return self._read_segment(message)
        self.icmp_type = message[0]
        self.checksum_right = _transport_checksum(self.source, self.destination, ICMP6, message) == 0
        if self.icmp_type in (SOLICITATION, ADVERTISEMENT):
            self.flags, self.target = message[4], text6(message[8:24])
            self.link_option = (message[24], mac_text(message[26:32])) if len(message) >= 32 else None
        elif self.icmp_type == MLD_REPORT:  # RFC 3810 5.2; no record of the kernel's has sources
            self.groups = [text6(message[at + 4:at + 20]) for at in range(8, len(message) - 19, 20)]

    def _read_ip(self, data):
        length = struct.unpack("!H", data[2:4])[0]
        data = data[:length]
        self.tos, self.ttl, self.protocol = data[1], data[8], data[9]
        self.source, self.destination = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
        self.header_checksum_right = checksum(data[:20]) == 0
        self._read_segment(data[20:])

    def _read_segment(self, segment):
        if self.protocol in (TCP, UDP) and len(segment) >= 8:
            self.sport, self.dport = struct.unpack("!HH", segment[:4])
            self.checksum_right = _transport_checksum(self.source, self.destination, self.protocol, segment) == 0
            start = (segment[12] >> 4) * 4 if self.protocol == TCP else 8
            self.flags = segment[13] if self.protocol == TCP else None
            self.has_checksum = self.protocol == TCP or segment[6:8] != b"\0\0"
            self.payload = segment[start:]
            if self.protocol == UDP and self.dport == GUE and self.payload and self.payload[0] >> 4 in (4, 6):
                self._read_inner(self.payload)
            elif self.protocol == UDP and self.dport == GUE and self.payload[4:] and self.payload[:4] == gue(self.payload[4:])[:4]:
                self._read_inner(self.payload[4:])
        elif self.protocol in (IPIP, IP6IP):
            self._read_inner(segment)
        elif self.protocol == GRE and segment[:2] == b"\0\0" and segment[4:] and segment[:4] == gre(segment[4:])[:4]:
            self._read_inner(segment[4:])

    def _read_inner(self, packet):
        kind = ETH_IP if packet[:1] and packet[0] >> 4 == 4 else ETH_IP6
        self.inner = Packet(self.frame[:12] + struct.pack("!H", kind) + packet)

    def __repr__(self):
        if self.operation is not None:
            return f"<arp {self.operation} {self.source} ({self.sender_mac}) → {self.destination}>"
        if self.icmp_type is not None:
            return f"<{self.source_mac} → {self.destination_mac} {self.source} → {self.destination} ICMPv6 {self.icmp_type}>"
        text = f"{self.source}:{self.sport} → {self.destination}:{self.dport} protocol {self.protocol}"
        return f"<{self.source_mac} → {self.destination_mac} {text}{f' [{self.inner}]' if self.inner else ''}>"


def write_pcap(path, frames):
    """Microsecond pcap, Ethernet; frame n has time n ms."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(frames):
            file.write(struct.pack("<IIII", number // 1000, number % 1000 * 1000, len(frame), len(frame)) + frame)


def read_pcap(path):
    """The frames of a little-endian pcap file; one that is still being written ends at its last whole record."""
    with open(path, "rb") as file:
        data = file.read()
    frames, offset = [], 24
    while offset + 16 <= len(data):
        captured = struct.unpack("<I", data[offset + 8:offset + 12])[0]
        if offset + 16 + captured > len(data):
            break
        frames.append(data[offset + 16:offset + 16 + captured])
        offset += 16 + captured
    return frames


def send_frames(namespace, interface, frames):
    with namespace.inside():
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    with raw:
        raw.bind((interface, 0))
        for frame in frames:
            raw.send(frame)


class Sniffer(threading.Thread):
    """Records the frames on an interface while it is open: those for which keep(Packet, outgoing) is true.

    `outgoing` is the kernel's view: on a tap or a bridge member, frames that leave the kernel by it.
    """

    def __init__(self, namespace, interface, keep=lambda packet, outgoing: True):
        super().__init__(daemon=True)
        self.packets = []
        self._keep = keep
        self._done = threading.Event()
        with namespace.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 25)  # SO_RCVBUFFORCE: 32 MiB, so that none is missed
        self._socket.bind((interface, 0x0003))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        time.sleep(0.02)  # what is already on its way to the socket
        self._done.set()
        self.join()
        self._socket.close()

    def run(self):
        while not self._done.is_set() or select.select([self._socket], [], [], 0)[0]:
            if not select.select([self._socket], [], [], 0.05)[0]:
                continue
            with contextlib.suppress(BlockingIOError):
                frame, source = self._socket.recvfrom(65535, socket.MSG_DONTWAIT)
                packet = Packet(frame)
                if self._keep(packet, source[2] == socket.PACKET_OUTGOING):
                    self.packets.append(packet)

    def wait_for(self, condition, timeout=5):
        """The first recorded packet that fulfils the condition, or None after the timeout."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for packet in list(self.packets):
                if condition(packet):
                    return packet
            time.sleep(0.01)
        return None
