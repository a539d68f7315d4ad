#!/usr/bin/python3
"""same_outcomes_test.py LEVEL=PROGRAM...: the same 220,000 random packets have the same outcomes at every level of x86-64.

Each program holds Anything.EveryPacketHasOneFate, built for its level; it prints a digest of every frame that was sent or
punted and every drop, in order. Levels that this CPU doesn't have are left out; with fewer than two there is nothing to compare.
"""

import re
import subprocess
import sys

from cpu_levels import supported_levels

TEST = "Anything.EveryPacketHasOneFate"


def digest_of(program):
    done = subprocess.run([program, f"--gtest_filter={TEST}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=240, check=False)
    found = re.search(r"^digest of (\d+) packets: (\w{16})$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not found:
        sys.exit(f"{program}: status {done.returncode}\n{done.stdout}")
    return found.groups()


def main():
    supported = supported_levels()
    digests = {}
    for word in sys.argv[1:]:
        level, program = word.split("=", 1)
        if level in supported:
            digests[level] = digest_of(program)
            print(f"{level}: {digests[level][0]} packets, digest {digests[level][1]}")
        else:
            print(f"{level}: left out, this CPU doesn't have it")
    if len(digests) < 2:
        print("skipped: only one level to compare")
        return 77
    if len(set(digests.values())) > 1:
        print("the levels disagree: what differs is found by printing outcomes beside the digest in anything_test.cc")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
