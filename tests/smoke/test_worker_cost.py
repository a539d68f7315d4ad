#!/usr/bin/python3
"""What a worker's time goes to: busy share, packets per burst and the cost of each stage, wherever shuntd shows them.

    client1 ── UDP, ever new source ports ── br0 ── backend1, backend2, backend3
                                              │
                                             lb0 ┄ shuntd ┄ /api/v1/status, /metrics, shuntctl status
"""

import socket

import harness
import traffic
from test_metrics import samples, total

PORT = 9000
FLOWS = 40            # in one go
PACKETS = 5           # of each
STAGES = ["receive", "parse", "classify", "lookup", "select", "rewrite", "transmit"]


class WorkerCost(harness.SmokeTest):
    def send(self, bed):
        """New flows, so that select has something to do, and packets after the first, so that lookup finds some."""
        for _ in range(FLOWS):
            with bed.client.namespace.inside():
                sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with sender:
                for _ in range(PACKETS):
                    sender.sendto(b"x", (bed.vip, PORT))

    def worker_under_traffic(self, bed):
        self.send(bed)
        worker = bed.daemon.ctl("status")["workers"][0]
        costs = worker["stages"].values()
        return worker if worker["busy"] > 0 and all(cost["ticks_per_packet"] > 0 for cost in costs) else None

    def test_is_shown_everywhere(self):
        bed = self.bed("l2", services={"udp": ("udp", PORT)})
        for sink in traffic.udp_sinks(bed.backends, PORT):
            self.addCleanup(sink.close)
        bed.start()
        worker = harness.wait_until(lambda: self.worker_under_traffic(bed), 30, "each stage measured")

        self.assertEqual(list(worker["stages"]), STAGES)
        self.assertLessEqual(worker["busy"], 1)
        self.assertGreaterEqual(worker["packets_per_burst"], 1)
        self.assertGreaterEqual(worker["packets"], worker["bursts"])
        for name, cost in worker["stages"].items():
            self.assertGreater(cost["ticks"], 0, name)
            self.assertGreater(cost["packets"], 0, name)
        self.assertGreater(worker["ticks_per_packet"], worker["stages"]["receive"]["ticks_per_packet"])

        page = samples(bed.daemon.get("/metrics")[1])
        self.assertGreaterEqual(total(page, "shunt_worker_bursts_total", worker="0"), worker["bursts"])
        self.assertGreaterEqual(total(page, "shunt_worker_busy_seconds_total", worker="0"), worker["busy_seconds"])
        self.assertEqual(total(page, "shunt_tsc_hz"), bed.daemon.ctl("status")["node"]["tsc_hz"])
        for name, cost in worker["stages"].items():
            of_stage = {"worker": "0", "stage": name}
            self.assertGreaterEqual(total(page, "shunt_worker_stage_ticks_total", **of_stage), cost["ticks"])
            self.assertGreaterEqual(total(page, "shunt_worker_stage_packets_total", **of_stage), cost["packets"])

        lines = bed.daemon.shuntctl("status").stdout.splitlines()
        head = next(number for number, line in enumerate(lines) if line.endswith("TICKS/PACKET"))
        self.assertEqual(lines[head].split(), ["WORKER", *map(str.upper, STAGES), "TICKS/PACKET"])
        self.assertTrue(all(float(figure) > 0 for figure in lines[head + 1].split()[1:]), lines[head + 1])


if __name__ == "__main__":
    harness.main()
