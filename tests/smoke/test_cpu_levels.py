#!/usr/bin/python3
"""shuntd takes the build of its packet path that fits the CPU, and each of them carries traffic.

    client1 ── br0 ── backend1, backend2: nginx
                │
               lb0 ┄ shuntd, told by GLIBC_TUNABLES what its CPU can't do

A level that this machine's CPU doesn't have is skipped.
"""

import subprocess

import harness
import traffic

REQUESTS = 100
WITHOUT = {"x86-64-v2": "-AVX512F,-AVX2", "x86-64-v3": "-AVX512F", "x86-64-v4": ""}


def supported_levels():
    """What this machine's loader would look for: lines such as `  x86-64-v3 (supported, searched)`."""
    text = subprocess.run(["/lib64/ld-linux-x86-64.so.2", "--help"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in text.splitlines() if "(supported, searched)" in line}


class CpuLevels(harness.SmokeTest):
    def check_level(self, level):
        if level not in supported_levels():
            self.skipTest(f"this CPU has no {level}")
        bed = self.bed("ipip", backends=2, health=harness.HTTP_HEALTH)
        bed.daemon.environment["GLIBC_TUNABLES"] = f"glibc.cpu.hwcaps={WITHOUT[level]}"
        bed.serve_http()
        bed.start()
        self.assertEqual(bed.daemon.ctl("status")["node"]["cpu_level"], level)
        self.assertIn(f"packet path for {level}", bed.daemon.shuntctl("status").stdout)
        self.assertIn(f"packet path for {level}", bed.daemon.log())

        answers = traffic.http_many(bed.clients, bed.vip, REQUESTS)
        self.assertEqual([answer for answer in answers if answer.status != 200], [])
        self.assertEqual({answer.body for answer in answers}, {backend.name for backend in bed.backends})

    def test_v2(self):
        self.check_level("x86-64-v2")

    def test_v3(self):
        self.check_level("x86-64-v3")

    def test_v4(self):
        self.check_level("x86-64-v4")


if __name__ == "__main__":
    harness.main()
