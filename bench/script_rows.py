"""What the benches that are scripts have in common: their options, the clock probe, and rows like those of measure.h.

SHUNT_BUILD names the build folder (default: build-bench/ of this checkout), SHUNT_CPU the CPU that is measured (default: 1).
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("SHUNT_BUILD", ROOT / "build-bench"))
CPU = int(os.environ.get("SHUNT_CPU", "1"))
HUGEPAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"


def read_options(about):
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--filter", default="", help="only rows with this text in their name")
    parser.add_argument("--max-flows", type=int, default=1 << 62, help="leaves larger sizes out")
    return parser.parse_args()


def control_cpu():
    """A CPU for what isn't measured: not CPU, if there is another."""
    others = sorted(os.sched_getaffinity(0) - {CPU})
    return others[0] if others else CPU


def free_hugepages():
    with contextlib.suppress(OSError, ValueError):
        return int(pathlib.Path(HUGEPAGES).read_text(encoding="ascii"))
    return 0


class Clock:
    """The TSC's rate, and the core's beside each measurement."""

    def __init__(self):
        if not os.access(BUILD / "bench/clock_probe", os.X_OK):
            sys.exit(f"{BUILD} has no benches: scripts/build build-bench -Dbench=true, or name another folder in SHUNT_BUILD")
        self.probes = []
        self.tsc_ghz = self.probe()["tsc_ghz"]

    def probe(self):
        done = subprocess.run(["taskset", "-c", str(CPU), BUILD / "bench/clock_probe"], capture_output=True, text=True, check=True)
        probe = json.loads(done.stdout)
        self.probes.append(probe["ghz"])
        return probe

    def ticks(self, packets_per_second):
        return self.tsc_ghz * 1e9 / packets_per_second

    @property
    def ghz(self):
        return statistics.median(self.probes)


class PollingThread:
    """A thread that never sleeps. What it does is counted per second that it ran: others may have had its CPU meanwhile."""

    def __init__(self, pid, name):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            if (task / "comm").read_text(encoding="ascii").strip() == name:
                self._file = task / "schedstat"
                return
        raise RuntimeError(f"process {pid} has no thread {name}")

    def seconds(self):
        return int(self._file.read_text(encoding="ascii").split()[0]) / 1e9

    def wait(self, seconds):
        """Until it ran so long."""
        wanted = self.seconds() + seconds
        deadline = time.monotonic() + 20 * seconds + 5
        while (missing := wanted - self.seconds()) > 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"CPU {CPU} is too busy: a thread that polls gets less than a twentieth of it")
            time.sleep(max(missing, 0.01))


def row(bench, flows, ours, rival, theirs, clock):
    """`ours` and `theirs`: (least, median) ticks per packet, or None. A row of JSON, said on stderr too."""
    theirs = theirs or (None, None)
    made = {"bench": bench, "case": "hit", "flows": flows, "forward": "ipip", "family": "IPv4",
            "ticks_min": ours[0], "ticks_median": ours[1], "rival": rival, "rival_ticks_min": theirs[0],
            "rival_ticks_median": theirs[1], "ghz": round(clock.ghz, 3), "tsc_ghz": clock.tsc_ghz}
    print(f"{bench} hit {flows:,} ipip IPv4  {ours[0]} / {ours[1]}  {rival} {theirs[0]} / {theirs[1]}  {clock.ghz:.2f} GHz",
          file=sys.stderr)
    return made


def summary(ticks):
    """(least, median), or None of nothing."""
    return (round(min(ticks), 3), round(statistics.median(ticks), 3)) if ticks else None


def print_rows(rows):
    """The status of main()."""
    print("[" + ",\n".join(json.dumps(one) for one in rows) + "]")
    return 0 if rows else 1
