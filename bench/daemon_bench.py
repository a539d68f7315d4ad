#!/usr/bin/python3
"""The whole daemon beside testpmd macswap: both play the same pcap file round and round on the same device, in turn.

    file ──▶ net_pcap0 (infinite_rx=1) ┄ shuntd | testpmd ┄ net_pcap0 without a file to send to: what it is given is freed

Rates come from each program's own counters, over windows of a quarter of a second of the polling thread's CPU. shuntd does the whole of its work: tables,
encapsulation for 1,000 backends, counters, its control and punt threads, on the CPU beside. The driver's part (a buffer from
the pool and a copy of the packet) is in both figures. TCP without a SYN: shuntd learns the flows in the first pass.
"""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import replay
from script_rows import BUILD, CPU, Clock, PollingThread, print_rows, read_options, row, summary
from testpmd import Testpmd, is_installed

FLOWS = (1, 2_048, 65_536)
START_LIMIT = 20
NO_ROOM = 0.001   # of the flows, at most: both buckets of a flow may be full


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=2)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Shuntd:
    """shuntd in a network namespace of its own, which has nothing in it."""

    def __init__(self, folder, device, flows):
        self.socket = f"{folder}/run/api.sock"
        config = pathlib.Path(folder, "shuntd.toml")
        config.write_text(replay.config(device, folder, CPU, max(2 * flows, 4096)), encoding="utf-8")
        for name in ("run", "state"):
            os.makedirs(f"{folder}/{name}", exist_ok=True)
        self.log = pathlib.Path(folder, "shuntd.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["unshare", "--net", BUILD / "shuntd", "--config", config], stdout=log,
                                            stderr=subprocess.STDOUT)
        self._wait_ready()
        self.thread = PollingThread(self.process.pid, "shunt-worker0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _get(self, path):
        connection = UnixConnection(self.socket)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def _wait_ready(self):
        deadline = time.monotonic() + START_LIMIT
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self._get("/readyz")[0] == 200:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"shuntd doesn't run:\n{self.log.read_text(encoding='utf-8', errors='replace')[-3000:]}")
            time.sleep(0.02)

    def status(self):
        """(seconds that the worker's thread ran until then, the worker, the port)"""
        seconds = self.thread.seconds()
        status = json.loads(self._get("/api/v1/status")[1])
        return (seconds + self.thread.seconds()) / 2, status["workers"][0], status["ports"][0]

    def wait_for_hits(self, flows):
        """Until the connection table knows every flow that it has room for."""
        deadline = time.monotonic() + START_LIMIT
        while self.status()[1]["flow_table"]["entries"] < (1 - NO_ROOM) * flows:
            if time.monotonic() > deadline:
                raise RuntimeError(f"not all of {flows} flows came into the table: {self.status()[1]}")
            time.sleep(0.02)

    def rates(self, windows, seconds):
        """Packets a second of the worker's CPU, by window."""
        rates = []
        began, worker, port = self.status()
        for _ in range(windows):
            self.thread.wait(seconds)
            ended, next_worker, next_port = self.status()
            rates.append((next_port["sent"]["packets"] - port["sent"]["packets"]) / (ended - began))
            prove_hits(worker["lookups"], next_worker["lookups"])
            began, worker, port = ended, next_worker, next_port
        return rates


def prove_hits(before, after):
    counts = {name: after[name] - before[name] for name in after}
    if counts["hit"] < (1 - NO_ROOM) * sum(counts.values()) or not counts["hit"]:
        raise RuntimeError(f"not only hits were measured: {counts}")


def measure(flows, rounds, windows, clock):
    ours, theirs = [], []
    with tempfile.TemporaryDirectory(prefix="shunt-bench-") as folder:
        packets = replay.write_pcap(f"{folder}/in.pcap", flows)
        device = f"net_pcap0,rx_pcap={folder}/in.pcap,infinite_rx=1"
        for _ in range(rounds):
            clock.probe()
            with Shuntd(folder, f"vdev:{device}", flows) as shuntd:
                shuntd.wait_for_hits(flows)
                ours += [clock.ticks(rate) for rate in shuntd.rates(windows, 0.25)]
            clock.probe()
            if is_installed():
                with Testpmd("macswap", [device], buffers=packets + 8192) as testpmd:
                    theirs += [clock.ticks(rate) for rate in testpmd.rates(windows, 0.25)]
    return summary(ours), summary(theirs)


def main():
    options = read_options(__doc__)
    if os.geteuid() != 0:
        print("shuntd needs root here: nothing was measured", file=sys.stderr)
        return 1
    if not is_installed():
        print("skipped: testpmd isn't there (scripts/install bench)", file=sys.stderr)
    rows = []
    clock = Clock()
    for flows in FLOWS:
        if flows > max(options.max_flows, FLOWS[0]) or options.filter not in f"hit {flows} ipip IPv4":
            continue
        ours, theirs = measure(flows, 1 if options.quick else 4, 4 if options.quick else 8, clock)
        rows.append(row("daemon", flows, ours, "testpmd macswap" if theirs else None, theirs, clock))
    return print_rows(rows)


if __name__ == "__main__":
    sys.exit(main())
