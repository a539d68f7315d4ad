#!/usr/bin/python3
"""Two workers share the traffic, and in nat each flow has one owner among them.

    client1 ── br0 ── backend1, backend2, backend3
                │
               lb0 ┄ shuntd (two queues)

Requests from one client spread over both queues; every one is answered, both workers handled packets, and when all
connections have closed no flow is left active: the worker that owns a flow has seen both sides' ends.
"""

import os

import harness
import traffic

REQUESTS = 500


@harness.each_forward
class Workers(harness.SmokeTest):
    def check_both_work(self, forward):
        if (os.cpu_count() or 1) < 2:
            self.skipTest("needs two CPUs")
        bed = self.bed(forward, health=harness.HTTP_HEALTH)
        bed.config["dataplane"]["workers"] = [0, 1]
        bed.serve_http()
        bed.start()
        answers = traffic.http_many(bed.clients, bed.vip, REQUESTS)
        self.assertEqual([answer for answer in answers if answer.status != 200], [])
        status = bed.daemon.ctl("status")
        self.assertEqual(len(status["workers"]), 2)
        for worker in status["workers"]:
            self.assertGreater(worker["packets"], 0, status)

        def active():
            return sum(service["active_flows"] for service in bed.daemon.ctl("services")["services"])

        if forward == "nat":  # elsewhere the servers' FINs don't pass, and a flow ends with the client's
            harness.wait_until(lambda: active() == 0, 5, "every flow has ended")


if __name__ == "__main__":
    harness.main()
