#!/usr/bin/python3
"""memory = hugepages | auto | ordinary on a machine without reserved huge pages.

    lb0 ┄ shuntd; no traffic
"""

import re

import harness


def huge_pages():
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(re.search(r"HugePages_Total:\s+(\d+)", file.read())[1])


class Memory(harness.SmokeTest):
    def setUp(self):
        super().setUp()
        if huge_pages():
            self.skipTest("huge pages are reserved on this machine, and this is about a machine without")

    def bed_with(self, memory):
        bed = self.bed("l2", backends=1, clients=0)
        bed.config["dataplane"]["memory"] = memory
        return bed

    def test_hugepages_that_are_missing(self):
        bed = self.bed_with("hugepages")
        bed.daemon.launch(bed.config)
        self.assertEqual(bed.daemon.process.wait(10), harness.EXIT_CONFIG, bed.daemon.log())
        bed.daemon.process = None
        bed.daemon.assert_nothing_left()
        log = bed.daemon.log()
        message = re.search(r"(\d+) hugepages of 2 MiB needed, (\d+) free", log)
        self.assertTrue(message, log)
        self.assertEqual(message[2], "0")
        self.assertGreater(int(message[1]), 0)
        self.assertIn(f"sysctl -w vm.nr_hugepages={message[1]}", log)  # what to type

    def test_auto_takes_ordinary_memory(self):
        bed = self.bed_with("auto")
        bed.start()
        self.assertEqual(bed.daemon.ctl("status")["node"]["memory"], "ordinary")

    def test_ordinary(self):
        bed = self.bed_with("ordinary")
        bed.start()
        self.assertEqual(bed.daemon.ctl("status")["node"]["memory"], "ordinary")


if __name__ == "__main__":
    harness.main()
