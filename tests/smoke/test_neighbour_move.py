#!/usr/bin/python3
"""A next hop announces a new MAC by gratuitous ARP: traffic follows at once.

    client1 ── br0 ── backend1: its eth0 gets another MAC while requests go on
                │
               lb0 ┄ shuntd

    client1 ── router ── br0 …: the same for the router, the next hop of nat's answers
"""

import harness
import packets
import traffic


@harness.each_forward
class NeighbourMove(harness.SmokeTest):
    @staticmethod
    def move(host, mac):
        host.namespace.ip(f"link set dev eth0 address {mac}")
        claim = packets.arp(1, mac, host.address, "00:00:00:00:00:00", host.address)
        packets.send_frames(host.namespace, "eth0", [packets.ethernet(packets.BROADCAST, mac, claim, packets.ETH_ARP)])

    def assert_follows(self, bed, host, mac):
        """Requests succeed again, and what shuntd sends to the host has the new MAC."""
        harness.wait_until(lambda: bed.get(timeout=0.5).status == 200, 3, "an answered request after the move")
        with packets.Sniffer(bed.topology.lb, "lb0", keep=lambda packet, outgoing: not outgoing) as sent:
            self.assertEqual({answer.status for answer in traffic.http_many(bed.clients, bed.vip, 20)}, {200})
        macs = {packet.destination_mac for packet in sent.packets}
        self.assertIn(mac, macs)
        self.assertNotIn(host.mac, macs)

    def check_backend(self, forward):
        bed = self.bed(forward, backends=1)
        bed.serve_http()
        bed.start()
        harness.wait_until(lambda: bed.get(timeout=0.5).status == 200, 3, "an answered request before the move")
        for number in (0xA1, 0xA2):
            mac = f"02:00:00:00:02:{number:x}"
            self.move(bed.backends[0], mac)
            self.assert_follows(bed, bed.backends[0], mac)

    def test_router_nat(self):
        bed = self.bed("nat", backends=1, router=True)
        bed.serve_http()
        bed.start()
        bed.topology.lb.ip(f"route add 10.2.0.0/24 via {bed.topology.router.address}")
        harness.wait_until(lambda: bed.get(timeout=0.5).status == 200, 3, "an answered request before the move")
        self.move(bed.topology.router, "02:00:00:00:03:a1")
        self.assert_follows(bed, bed.topology.router, "02:00:00:00:03:a1")

    def test_client_nat(self):
        bed = self.bed("nat", backends=1)
        bed.serve_http()
        bed.start()
        harness.wait_until(lambda: bed.get(timeout=0.5).status == 200, 3, "an answered request before the move")
        self.move(bed.client, "02:00:00:00:01:a1")
        self.assert_follows(bed, bed.client, "02:00:00:00:01:a1")


if __name__ == "__main__":
    harness.main()
