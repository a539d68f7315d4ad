#!/usr/bin/python3
"""Requests are shared out by weight, and only nat's answers pass shuntd.

    client1, client2 ── br0 ── backend1 (weight 1), backend2 (1), backend3 (2): nginx
                         │
                        lb0 ┄ shuntd

The source ports are fixed, so the shares are the same in every run with the same cluster key.
"""

import collections
import math

import harness
import packets
import traffic

REQUESTS = 1000
WEIGHTS = [1, 1, 2]


@harness.each_forward
class HttpShares(harness.SmokeTest):
    def check_shares(self, forward):
        bed = self.bed(forward, clients=2, weights=WEIGHTS, health=harness.HTTP_HEALTH)
        bed.serve_http()
        bed.start()

        warm_up = traffic.http_many(bed.clients, bed.vip, 2, first_port=19000)  # nat's next hops to the clients are known
        self.assertEqual({answer.status for answer in warm_up}, {200})
        before = self.counted_replies(bed)
        backends = {backend.address for backend in bed.backends}

        def is_reply(packet, outgoing):  # an answer to a client that the bridge hands to shuntd
            return outgoing and packet.protocol == packets.TCP and \
                (packet.source == bed.vip or packet.source in backends and packet.destination.startswith("10.1.0.10"))

        with packets.Sniffer(bed.topology.lb, "lb0", keep=is_reply) as replies:
            answers = traffic.http_many(bed.clients, bed.vip, REQUESTS)

        self.assertEqual([answer for answer in answers if answer.status != 200], [])
        shares = collections.Counter(answer.body for answer in answers)
        self.assertEqual(len(answers), REQUESTS)
        for backend, weight in zip(bed.backends, WEIGHTS):
            probability = weight / sum(WEIGHTS)
            deviation = math.sqrt(REQUESTS * probability * (1 - probability))
            self.assertAlmostEqual(shares[backend.name], REQUESTS * probability, delta=3 * deviation, msg=f"{shares}")
        self.assert_replies(bed, len(replies.packets), self.counted_replies(bed) - before)

    @staticmethod
    def counted_replies(bed):
        return sum(entry["reply_packets"] for entry in bed.daemon.backends())

    def assert_replies(self, bed, seen, counted):
        if bed.forward == "nat":
            self.assertGreaterEqual(seen, REQUESTS * 3)  # SYN-ACK, answer, FIN
            self.assertEqual(counted, seen)
        else:
            self.assertEqual((seen, counted), (0, 0))


if __name__ == "__main__":
    harness.main()
