#!/usr/bin/python3
"""run_level.py LEVEL PROGRAM [ARGUMENT...]: runs a program that was built for LEVEL, or says that this CPU can't (status 77)."""

import os
import sys

from cpu_levels import supported_levels


def main():
    level, program = sys.argv[1:3]
    if level not in supported_levels():
        print(f"skipped: this CPU has no {level}")
        return 77
    os.execv(program, sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
