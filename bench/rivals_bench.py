#!/usr/bin/python3
"""The pipeline beside programs of others, which can't run in its process: testpmd csum, macswap and io on a ring device, and
the prototype that found what this kind of machine allows, if its folder is there ($SHUNT_PROTOTYPE, else ../shared/prototype
beside the checkout). They take turns on one CPU within the same minute.

Ours is a hit of a million flows, ipip and IPv4. testpmd looks nothing up: csum is what a program pays that reads and writes
headers only. Its packets are UDP of 64 bytes, 512 of them, round and round.
"""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

from script_rows import BUILD, CPU, ROOT, Clock, free_hugepages, print_rows, read_options, row, summary
from testpmd import Testpmd, is_installed

FLOWS = 1_000_000
ENGINES = ("csum", "macswap", "io")
PROTOTYPE_PAGES = 512
PROTOTYPE_LINE = re.compile(r"^ring IPIP full b64\s+min\s+([\d.]+) p10\s+[\d.]+ med\s+([\d.]+)", re.MULTILINE)


def ours(options):
    """(least, median) of one run of pipeline_bench."""
    words = ["taskset", "-c", str(CPU), BUILD / "bench/pipeline_bench", "--filter", f"hit {FLOWS} ipip IPv4", "--max-flows",
             str(FLOWS)]
    done = subprocess.run(words + ["--quick"] * options.quick, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    made = json.loads(done.stdout)[0]
    return made["ticks_min"], made["ticks_median"]


def testpmd(engine, clock, windows):
    with Testpmd(engine, ["net_ring0"], start="start tx_first 8") as program:
        return summary([clock.ticks(rate) for rate in program.rates(windows, 0.2)])


def build_prototype():
    """The program's path, or None where there is no prototype or no compiler for it. It stays in the build folder."""
    source = pathlib.Path(os.environ.get("SHUNT_PROTOTYPE", ROOT.parent / "shared/prototype"))
    if not os.access(source / "build.sh", os.X_OK):
        print(f"skipped: the prototype isn't in {source} (SHUNT_PROTOTYPE names another folder)", file=sys.stderr)
        return None
    program = BUILD / "bench/prototype/pipeline"
    newest = max(path.stat().st_mtime for path in source.iterdir())
    if program.exists() and program.stat().st_mtime > newest:
        return program
    built = subprocess.run([source / "build.sh", program.parent], capture_output=True, text=True, check=False)
    if built.returncode != 0:
        print(f"skipped: the prototype can't be built: {built.stderr[-500:]}", file=sys.stderr)
        return None
    return built.stdout.strip()


def prototype(program):
    """(least, median), or None where it doesn't run."""
    if free_hugepages() < PROTOTYPE_PAGES:
        print(f"skipped: the prototype needs {PROTOTYPE_PAGES} free hugepages of 2 MiB", file=sys.stderr)
        return None
    words = ["taskset", "-c", str(CPU), program, "-l", str(CPU), "--in-memory", "--no-pci", "--no-telemetry",
             f"--file-prefix=shunt-prototype-{os.getpid()}", "--", "st", "100", "1000", "2048", str(FLOWS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    found = PROTOTYPE_LINE.search(done.stdout)
    if done.returncode != 0 or not found:
        print(f"skipped: the prototype ended with {done.returncode}: {done.stderr[-500:]}", file=sys.stderr)
        return None
    return float(found[1]), float(found[2])


def of_rounds(figures):
    least, median = zip(*figures)
    return round(min(least), 3), round(statistics.median(median), 3)


def take_turns(options, clock, program):
    """{name: [(least, median) of each round]}; ours stands before and after the others in each."""
    results = {"ours": []}
    for _ in range(1 if options.quick else 3):
        clock.probe()
        results["ours"].append(ours(options))
        for engine in ENGINES if is_installed() else ():
            results.setdefault(f"testpmd {engine}", []).append(testpmd(engine, clock, 2 if options.quick else 6))
        if program and (figures := prototype(program)):
            results.setdefault("prototype", []).append(figures)
        results["ours"].append(ours(options))
    return results


def main():
    options = read_options(__doc__)
    if options.filter not in f"hit {FLOWS} ipip IPv4":
        return print_rows([])
    if not is_installed():
        print("skipped: testpmd isn't there (scripts/install bench)", file=sys.stderr)
    clock = Clock()
    results = take_turns(options, clock, build_prototype())
    own = results.pop("ours")
    return print_rows([row("pipeline", FLOWS, of_rounds(own), rival, of_rounds(figures), clock)
                       for rival, figures in results.items()])


if __name__ == "__main__":
    sys.exit(main())
