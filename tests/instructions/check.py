#!/usr/bin/python3
"""Compares the instructions that shunt executes for a packet with those of counts.json. See README.md.

    tests/instructions/check.py --build build-tests            compare; status 1 when a case is off
    tests/instructions/check.py --build build-tests --write    take what was counted for right: rewrites counts.json
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
COUNTS = HERE / "counts.json"
TOLERANCE = 0.03
SKIPPED = 77
TIME_LIMIT = 240
BLIND = "-blind"  # the same case without telemetry
TELEMETRY_SHARE = 0.03  # what telemetry may cost a packet of a known flow
WRITE = "tests/instructions/check.py --build FOLDER --write"


def run_program(program, folder):
    """(compiler, {case: packets}, [absent cases]); the counts lie in `folder` afterwards."""
    command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--toggle-collect=shunt_measured_loop",
               f"--callgrind-out-file={folder}/out", f"--log-file={folder}/log", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    if done.returncode != 0:
        log = pathlib.Path(folder, "log").read_text(encoding="utf-8", errors="replace")
        sys.exit(f"{program} ended with status {done.returncode}\n{done.stdout}{done.stderr}{log[-2000:]}")
    compiler, packets, absent = "", {}, []
    for line in done.stdout.splitlines():
        kind, rest = line.split(maxsplit=1)
        if kind == "compiler":
            compiler = rest
        elif kind == "case":
            name, number = rest.split()
            packets[name] = int(number)
        elif kind == "absent":
            absent.append(rest)
    return compiler, packets, absent


def read_dumps(folder):
    """{name of the dump: instructions} of callgrind's files."""
    totals = {}
    for path in pathlib.Path(folder).glob("out.*"):
        name = total = None
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("desc: Trigger: Client Request: "):
                name = line.rpartition(": ")[2]
            elif line.startswith(("summary: ", "totals: ")):
                total = int(line.split()[1])
        if name is not None:
            totals[name] = total
    return totals


def count(program):
    with tempfile.TemporaryDirectory(prefix="shunt-instructions-") as folder:
        compiler, packets, absent = run_program(program, folder)
        totals = read_dumps(folder)
    missing = [name for name in packets if not totals.get(name)]
    if missing:
        sys.exit(f"callgrind counted nothing for {', '.join(missing)}: does it still know shunt_measured_loop?")
    return compiler, {name: round(totals[name] / number, 1) for name, number in packets.items()}, absent


def compare(counted, expected, absent):
    """Prints a row for each case; the complaints."""
    complaints = []
    print(f"{'case':<20}{'counts.json':>12}{'counted':>10}{'change':>9}")
    for name in [*counted, *(name for name in expected if name not in counted)]:
        have, want = counted.get(name), expected.get(name)
        change = (have - want) / want if have and want else None
        print(f"{name:<20}{want or '-':>12}{have or '-':>10}" + (f"{change:>+9.1%}" if change is not None else ""))
        if have is None:
            complaints.append(f"{name} is in counts.json, but this build doesn't forward such packets")
        elif want is None:
            complaints.append(f"{name} is forwarded now, but isn't in counts.json")
        elif change > TOLERANCE:
            complaints.append(f"{name} takes {have} instructions a packet, {change:.1%} more than counts.json says")
        elif change < -TOLERANCE:
            complaints.append(f"{name} takes {have} instructions a packet, {-change:.1%} less than counts.json says: keep the gain")
    for name in absent:
        if name not in expected:
            print(f"{name:<16} not forwarded by this build yet")
    return complaints


def cost_of_telemetry(counted):
    """Prints what telemetry costs; the complaints."""
    complaints = []
    print(f"{'with telemetry':<20}{'without':>12}{'with':>10}{'cost':>9}")
    for name, blind in ((name.removesuffix(BLIND), count) for name, count in counted.items() if name.endswith(BLIND)):
        cost = (counted[name] - blind) / blind
        print(f"{name:<20}{blind:>12}{counted[name]:>10}{cost:>+9.1%}")
        if name.startswith("hit") and cost > TELEMETRY_SHARE:
            complaints.append(f"telemetry costs {name} {cost:.1%}, more than {TELEMETRY_SHARE:.0%}")
    return complaints


def cannot_run(compiler):
    """Why the figures can't be compared here, or ""."""
    expected = json.loads(COUNTS.read_text(encoding="utf-8"))["compiler"]
    return "" if compiler == expected else f"counted with g++ {expected}, and this program was built with {compiler}"


def parse_arguments():
    parser = argparse.ArgumentParser(description="Instructions for a packet, against counts.json.")
    parser.add_argument("--build", type=pathlib.Path, default="build-tests", help="the build folder (default: build-tests)")
    parser.add_argument("--write", action="store_true", help="rewrite counts.json")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    program = arguments.build / "tests" / "instructions" / "instructions"
    if not program.exists():
        sys.exit(f"{program} isn't there: ninja -C {arguments.build} tests/instructions/instructions")
    if shutil.which("valgrind") is None:
        print("skipped: valgrind is missing (scripts/install test)")
        return SKIPPED
    compiler, counted, absent = count(program)
    if arguments.write:
        COUNTS.write_text(json.dumps({"compiler": compiler, "instructions_per_packet": counted}, indent=2) + "\n", encoding="utf-8")
        print(f"{COUNTS.name}: {len(counted)} cases written")
        return 0
    reason = cannot_run(compiler)
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    complaints = compare(counted, json.loads(COUNTS.read_text(encoding="utf-8"))["instructions_per_packet"], absent)
    complaints += cost_of_telemetry(counted)
    for complaint in complaints:
        print(complaint)
    if complaints:
        print(f"If that is meant, rewrite the file and commit it with the change: {WRITE}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
