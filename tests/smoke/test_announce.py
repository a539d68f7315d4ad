#!/usr/bin/python3
"""Who answers for a VIP, and what reaches the kernel.

    client1 ── br0 ── backend1, backend2, backend3: nginx
                │
               lb0 ┄ shuntd ┄ shunt0 (10.1.0.2, 10.0.0.2; the node's own kernel)
"""

import socket

import harness
import packets
import topology as net
import traffic

ROUTED_VIP = "198.51.100.10"


def is_claim(packet, address):
    """Gratuitous ARP, as request or reply."""
    return packet.operation is not None and packet.source == packet.destination == address


class Announce(harness.SmokeTest):
    def ask(self, bed, address):
        """MAC of the answer to an ARP request by the client, or None."""
        client = bed.client
        request = packets.arp(1, client.mac, client.address, "00:00:00:00:00:00", address)
        with packets.Sniffer(client.namespace, "eth0", lambda packet, outgoing: not outgoing) as seen:
            frame = packets.ethernet(packets.BROADCAST, client.mac, request, packets.ETH_ARP)
            packets.send_frames(client.namespace, "eth0", [frame])
            answer = seen.wait_for(lambda packet: packet.operation == 2 and packet.source == address, timeout=1)
        return answer and answer.sender_mac

    def test_arp_is_answered_with_the_ports_mac(self):
        bed = self.bed("l2")
        bed.start()
        mac = bed.daemon.port()["mac"]
        self.assertEqual(self.ask(bed, bed.vip), mac)
        self.assertEqual(self.ask(bed, net.NODE), mac)      # by the kernel
        self.assertIsNone(self.ask(bed, "10.1.0.99"))        # nobody's

    def test_a_new_vip_is_announced(self):
        bed = self.bed("l2")
        with packets.Sniffer(bed.client.namespace, "eth0", lambda packet, outgoing: not outgoing) as seen:
            bed.start()
            mac = bed.daemon.port()["mac"]
            claim = seen.wait_for(lambda packet: is_claim(packet, bed.vip))
            self.assertEqual(claim and claim.sender_mac, mac)
            bed.config["service"].append({**bed.config["service"][0], "name": "second", "address": "10.1.0.150"})
            bed.reload()
            claim = seen.wait_for(lambda packet: is_claim(packet, "10.1.0.150"))
            self.assertEqual(claim and claim.sender_mac, mac)
        self.assertEqual(self.ask(bed, "10.1.0.150"), mac)
        del bed.config["service"][1]
        bed.reload()
        self.assertIsNone(self.ask(bed, "10.1.0.150"))

    def test_announce_none_is_silent(self):
        bed = self.bed("l2")
        bed.config["service"][0]["announce"] = "none"
        with packets.Sniffer(bed.client.namespace, "eth0", lambda packet, outgoing: not outgoing) as seen:
            bed.start()
            self.assertIsNone(self.ask(bed, bed.vip))
            self.assertEqual([packet for packet in seen.packets if is_claim(packet, bed.vip)], [])

    def test_what_no_service_takes_does_not_reach_the_kernel(self):
        bed = self.bed("l2")
        bed.start()
        with bed.topology.lb.inside():
            ssh = socket.create_server(("0.0.0.0", 22))
        with ssh:
            answer = traffic.http_get(bed.client.namespace, bed.vip, port=22, timeout=1)
            self.assertEqual((answer.status, answer.body), (0, "timed out"))  # neither accepted nor refused
            ssh.settimeout(0)
            self.assertRaises(BlockingIOError, ssh.accept)
            with bed.client.namespace.inside():
                socket.create_connection((net.NODE, 22), timeout=2).close()  # while the node's own address does
        dropped = bed.daemon.drops()["dropped"]["no_service"]
        self.assertGreaterEqual(dropped, 1)
        bed.expect_drops(no_service=dropped)

    def test_the_nodes_own_address_is_pinged(self):
        bed = self.bed("l2")
        bed.start()
        for address in (net.NODE, net.NODE_INSIDE):
            bed.client.namespace.run("ping", "-c", "5", "-i", "0.05", "-W", "2", address)
        bed.topology.lb.run("ping", "-c", "5", "-i", "0.05", "-W", "2", bed.client.address)
        self.assertGreaterEqual(bed.daemon.drops()["punted"], 15)


@harness.each_forward
class Host(harness.SmokeTest):
    def check_the_node_itself_reaches_the_vip(self, forward):
        bed = self.bed(forward)
        bed.serve_http()
        bed.start()
        answers = [traffic.http_get(bed.topology.lb, bed.vip, source=("", 20000 + number)) for number in range(30)]
        self.assertEqual({answer.status for answer in answers}, {200}, answers)
        self.assertEqual({answer.body for answer in answers}, {backend.name for backend in bed.backends})

    def check_a_routed_vip(self, forward):
        """announce = "route": the kernel has a route for a BGP daemon while a backend is up; clients come by it."""
        bed = self.bed(forward, backends=1, health=harness.HTTP_HEALTH)
        backend = bed.backends[0]
        bed.vip = bed.topology.vip = bed.config["service"][0]["address"] = ROUTED_VIP
        bed.client.namespace.ip(f"route add {ROUTED_VIP} via {net.NODE}")
        if forward != "nat":
            backend.namespace.ip(f"address add {ROUTED_VIP}/32 dev lo")
        bed.daemon.start(bed.config)
        self.assertNotIn(ROUTED_VIP, self.announced(bed))  # nothing is up yet
        bed.serve_http()
        harness.wait_until(lambda: ROUTED_VIP in self.announced(bed), 5, "the route is there")
        self.assertEqual(bed.get().status, 200)
        bed.topology.kill_host(backend)
        harness.wait_until(lambda: ROUTED_VIP not in self.announced(bed), 5, "the route is gone")

    @staticmethod
    def announced(bed):
        return bed.topology.lb.run("ip", "route", "show", "table", "main", "proto", "90")


if __name__ == "__main__":
    harness.main()
