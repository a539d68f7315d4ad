#!/usr/bin/python3
"""A pcap file is played through the real daemon, and what comes out is compared packet by packet.

    in.pcap ──▶ vdev:net_pcap0 ┄ shuntd ┄ vdev:net_pcap0 ──▶ out.pcap

No interface, no kernel: gateway_mac is every next hop. Rows: what goes in → what must come out, or the reason of its drop.
"""

import struct
import time

import harness
import packets as p
import topology as net
from daemon import assert_balanced

PORT_MAC = "02:00:00:00:00:01"
GATEWAY_MAC = "02:00:00:00:00:02"
CLIENT_MAC = "02:00:00:00:01:01"
CLIENT, BACKEND = "192.0.2.77", "10.0.0.11"
ENCAP_SOURCE = "10.0.0.2"


def to_port(packet):
    return p.ethernet(PORT_MAC, CLIENT_MAC, packet)


def sent(packet):
    return p.ethernet(GATEWAY_MAC, PORT_MAC, packet)


def udp_to_vip(ttl=64, port=9000, source=CLIENT, tos=0, payload=b"question"):
    return p.ipv4(source, net.VIP, p.udp(source, net.VIP, 1234, port, payload), ttl=ttl, tos=tos)


def tcp_packet(source, destination, sport, dport, flags, ttl=64):
    segment = p.tcp(source, destination, sport, dport, flags, sequence=1000)
    return p.ipv4(source, destination, segment, protocol=p.TCP, ttl=ttl)


def syn_to_vip(ttl=64):
    return tcp_packet(CLIENT, net.VIP, 1234, 80, p.SYN, ttl)


def time_exceeded(packet):
    """The VIP's answer to a UDP packet that had one hop left: it quotes the headers (RFC 792)."""
    message = struct.pack("!BBHI", 11, 0, 0, 0) + packet[:28]
    message = message[:2] + struct.pack("!H", p.checksum(message)) + message[4:]
    return p.ethernet(CLIENT_MAC, PORT_MAC, p.ipv4(net.VIP, CLIENT, message, protocol=p.ICMP, tos=0xC0))


@harness.each_forward
class PcapReplay(harness.SmokeTest):
    def expected(self, forward):
        """Rows (frame in, frame out or drop reason)."""
        wrong_checksum = bytearray(to_port(udp_to_vip()))
        wrong_checksum[24] ^= 0x55
        rows = [
            (to_port(udp_to_vip(ttl=1)), "ttl"),
            (to_port(udp_to_vip(port=9001)), "no_service"),
            (to_port(udp_to_vip(source="127.0.0.1")), "bad_source"),
            (bytes(wrong_checksum), "bad_checksum"),
            (p.ethernet("02:00:00:00:00:99", CLIENT_MAC, udp_to_vip()), "not_our_mac"),
            (to_port(p.ipv4(CLIENT, "192.0.2.200", p.udp(CLIENT, "192.0.2.200", 1, 2))), "no_host_interface"),
            (to_port(udp_to_vip())[:30], "truncated"),
        ]
        if forward == "l2":
            rows += [(to_port(udp_to_vip(tos=0xB8)), sent(udp_to_vip(ttl=63, tos=0xB8))),
                     (to_port(syn_to_vip()), sent(syn_to_vip(63)))]
        elif forward == "nat":
            reply = p.ipv4(BACKEND, CLIENT, p.udp(BACKEND, CLIENT, 17000, 1234, b"answer"), ttl=60)
            restored = p.ipv4(net.VIP, CLIENT, p.udp(net.VIP, CLIENT, 9000, 1234, b"answer"), ttl=59)
            inside = p.ipv4(CLIENT, BACKEND, p.udp(CLIENT, BACKEND, 1234, 17000, b"question"), ttl=63)
            rows += [(to_port(udp_to_vip()), sent(inside)),
                     (to_port(reply), sent(restored)),
                     (to_port(syn_to_vip()), sent(tcp_packet(CLIENT, BACKEND, 1234, 8080, p.SYN, 63)))]
        else:
            rows += [(to_port(udp_to_vip(tos=0xB8)), self.encapsulated(udp_to_vip(ttl=63, tos=0xB8), 0xB8)),
                     (to_port(syn_to_vip()), self.encapsulated(syn_to_vip(63), 0))]
        return rows

    @staticmethod
    def encapsulated(inner, tos):
        return sent(p.ipv4(ENCAP_SOURCE, BACKEND, inner, protocol=p.IPIP, ttl=64, tos=tos))

    def check_packets(self, forward):
        rows = self.expected(forward)
        bed = self.bed(forward, services={**harness.WEB, "udp": ("udp", 9000)}, backends=1, clients=0)
        folder = bed.topology.folder
        p.write_pcap(f"{folder}/in.pcap", [frame for frame, _ in rows])
        bed.config["port"] = [{"name": "net0", "mac": PORT_MAC, "gateway_mac": GATEWAY_MAC, "encap_source": ENCAP_SOURCE,
                               "device": f"vdev:net_pcap0,rx_pcap={folder}/in.pcap,tx_pcap={folder}/out.pcap"}]
        if forward == "l2":
            for pool in bed.config["pool"]:
                pool["backend"][0]["mac"] = GATEWAY_MAC
        for service in bed.config["service"]:
            service["announce"] = "none"
        bed.daemon.on_taps = False
        bed.daemon.start(bed.config)
        harness.wait_until(lambda: bed.daemon.drops()["received"] >= len(rows), 5, "the whole file is read")
        time.sleep(0.3)  # it would come again if the end of the file weren't the end
        drops = bed.daemon.drops()
        self.assertEqual(drops["received"], len(rows))
        reasons = [wanted for _, wanted in rows if isinstance(wanted, str)]
        bed.expect_drops(**{reason: reasons.count(reason) for reason in reasons})
        bed.daemon.check_account(bed.expected_drops)
        bed.daemon.stop()  # writes the file's end

        out = p.read_pcap(f"{folder}/out.pcap")
        self.assertEqual([p.Packet(frame) for frame in out if p.Packet(frame).kind == p.ETH_ARP], [])
        answers = [frame for frame in out if p.Packet(frame).protocol == p.ICMP]
        self.assertEqual(answers, [time_exceeded(udp_to_vip(ttl=1))])
        out = [frame for frame in out if frame not in answers]
        for got, wanted in zip(out, (wanted for _, wanted in rows if not isinstance(wanted, str))):
            self.assertEqual(self.comparable(got), self.comparable(wanted), f"{p.Packet(got)}, wanted {p.Packet(wanted)}")
        self.assertEqual(len(out), len(rows) - len(reasons), out)

    @staticmethod
    def comparable(frame):
        """The frame as hex with the outer identification and what follows from it taken out: those are shunt's to choose."""
        packet = p.Packet(frame)
        if packet.protocol == p.IPIP:
            assert packet.header_checksum_right, packet
            frame = frame[:18] + b"\0\0" + frame[20:24] + b"\0\0" + frame[26:]
        return frame.hex()


class EndlessReplay(harness.SmokeTest):
    """`infinite_rx=1` keeps the whole file in buffers, more of them than the queues need.

        in.pcap, round and round ──▶ vdev:net_pcap0 ┄ shuntd ┄ no file: what is sent is freed
    """
    PACKETS = 12_000

    def test_file_larger_than_the_queues(self):
        bed = self.bed("ipip", services={"udp": ("udp", 9000)}, backends=1, clients=0)
        folder = bed.topology.folder
        p.write_pcap(f"{folder}/in.pcap", [to_port(udp_to_vip())] * self.PACKETS)
        bed.config["port"] = [{"name": "net0", "mac": PORT_MAC, "gateway_mac": GATEWAY_MAC, "encap_source": ENCAP_SOURCE,
                               "device": f"vdev:net_pcap0,rx_pcap={folder}/in.pcap,infinite_rx=1"}]
        for service in bed.config["service"]:
            service["announce"] = "none"
        bed.daemon.on_taps = False
        bed.daemon.start(bed.config)
        harness.wait_until(lambda: bed.daemon.drops()["sent"] > 2 * self.PACKETS, 10, "the file has been round twice")
        drops = bed.daemon.drops()
        assert_balanced(drops)
        self.assertEqual({reason: count for reason, count in drops["dropped"].items() if count}, {})
        bed.daemon.stop()


if __name__ == "__main__":
    harness.main()
