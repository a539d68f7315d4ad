"""tshark_test.py TELEMETRY_CAPTURE: what telemetry told of generated TCP connections, against tshark's analysis of the same packets.

Every connection has to agree in each of the things compared, or to stand in EXPLAINED (and in the table of docs/telemetry.md).
"""

import collections
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
FIELDS = ("frame.number", "tcp.stream", "tcp.srcport", "tcp.dstport", "tcp.len", "tcp.flags.syn", "tcp.flags.ack", "tcp.flags.fin",
          "tcp.flags.reset", "tcp.analysis.retransmission", "tcp.analysis.out_of_order", "tcp.analysis.keep_alive")

# Of connections of this name: what telemetry says and what tshark says, where they differ.
EXPLAINED = {
    ("out of order", "retransmits"): (1, 0),
}


def streams(capture):
    """What tshark says: for each stream, in the order of their first packets, the frames as dicts."""
    words = [word for field in FIELDS for word in ("-e", field)]
    done = subprocess.run(["tshark", "-n", "-r", capture, "-T", "fields", "-E", "separator=,", *words], capture_output=True,
                          text=True, check=True, timeout=120)
    found = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        values = line.split(",")
        frame = {field: value not in ("", "0") if field.startswith(("tcp.flags", "tcp.analysis")) else int(value)
                 for field, value in zip(FIELDS, values)}
        found[frame["tcp.stream"]].append(frame)
    return [found[number] for number in sorted(found)]


def ends_as(frames):
    """The outcome that tshark's flags tell, by telemetry's definition: what came first."""
    answered = any(frame["tcp.flags.syn"] and frame["tcp.flags.ack"] for frame in frames)
    for frame in frames:
        if frame["tcp.flags.reset"]:
            return "reset_by_server" if frame["tcp.srcport"] == 80 else "reset_by_client"
        if frame["tcp.flags.fin"]:
            return "closed"
    return "idle_timeout" if answered else "syn_timeout"


def by_tshark(frames):
    syns = [frame for frame in frames if frame["tcp.flags.syn"] and not frame["tcp.flags.ack"]]
    again = [frame for frame in frames if frame["tcp.len"] and frame["tcp.analysis.retransmission"]]
    return {"outcome": ends_as(frames), "syn_retransmits": sum(frame["tcp.analysis.retransmission"] for frame in syns),
            "syns": len(syns), "retransmits": len(again)}


def by_telemetry(connection):
    record, = connection["records"]
    return {"outcome": record["outcome"], "syn_retransmits": record["syn_retransmits"], "syns": 1 + record["syn_retransmits"],
            "retransmits": connection["retransmits"]}


def main(program):
    if not shutil.which("tshark"):
        print("skipped: tshark isn't installed (scripts/install test)")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="shunt-tshark-") as folder:
        capture = pathlib.Path(folder, "capture.pcap")
        told = subprocess.run([program, capture], capture_output=True, text=True, check=True, timeout=120).stdout
        connections = [json.loads(line) for line in told.splitlines()]
        frames = streams(capture)
    wrong, explained, compared = [], set(), 0
    if len(connections) != len(frames):
        wrong.append(f"{len(connections)} connections, {len(frames)} streams")
    for connection, stream in zip(connections, frames):
        if len(connection["records"]) != 1:
            wrong.append(f"{connection['name']}: {len(connection['records'])} records")
            continue
        ours, theirs = by_telemetry(connection), by_tshark(stream)
        for what, value in ours.items():
            compared += 1
            pair = (value, theirs[what])
            if EXPLAINED.get((connection["name"], what)) == pair:
                explained.add((connection["name"], what))
            elif value != theirs[what]:
                wrong.append(f"{connection['name']} (port {connection['port']}): {what}: telemetry {value}, tshark {theirs[what]}")
    wrong += [f"explained, but they agree: {name}" for name in set(EXPLAINED) - explained]
    print(f"{len(connections)} connections, {compared} comparisons, {len(explained)} kinds of difference explained")
    print("\n".join(wrong))
    return 1 if wrong else 0


sys.exit(main(sys.argv[1]))
