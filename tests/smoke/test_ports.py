#!/usr/bin/python3
"""Several ports: clients on one tap, backends on another.

    client1 ── br0 ── lb0 ┄ shuntd ┄ lb1 ── br1 ── backend1, backend2, backend3: nginx
                │                                      │
                └────────── l2, ipip: answers ─────────┘

nat's answers come back by lb1 and leave by lb0.
"""

import harness
import traffic

REQUESTS = 100


@harness.each_forward
class Ports(harness.SmokeTest):
    def check_two_ports(self, forward):
        bed = self.bed(forward, split=True, health=harness.HTTP_HEALTH)
        bed.serve_http()
        bed.start()
        before = self.counts(bed)
        answers = traffic.http_many(bed.clients, bed.vip, REQUESTS)
        self.assertEqual({answer.status for answer in answers}, {200}, answers[:3])
        self.assertEqual({answer.body for answer in answers}, {backend.name for backend in bed.backends})
        moved = {key: count - before[key] for key, count in self.counts(bed).items()}
        self.assertGreaterEqual(moved["net0", "received"], 4 * REQUESTS)
        self.assertGreaterEqual(moved["net1", "sent"], 4 * REQUESTS)
        if forward == "nat":
            self.assertGreaterEqual(moved["net1", "received"], 3 * REQUESTS)
            self.assertGreaterEqual(moved["net0", "sent"], 3 * REQUESTS)
        else:
            self.assertLess(moved["net0", "sent"], REQUESTS)  # ARP at most
        macs = {port["mac"] for port in bed.daemon.ctl("status")["ports"]}
        self.assertEqual(len(macs), 2)

    @staticmethod
    def counts(bed):
        return {(port["name"], way): port[way]["packets"] for port in bed.daemon.ctl("status")["ports"]
                for way in ("received", "sent")}


if __name__ == "__main__":
    harness.main()
