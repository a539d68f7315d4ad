"""Testpmd: dpdk-testpmd in its interactive mode, on one CPU, with the devices and the forwarding engine of a bench.

    with Testpmd("macswap", ["net_ring0"], start="start tx_first 8") as testpmd:
        rates = testpmd.rates(windows=4, seconds=0.25)     # packets that port 0 received, a second
"""

import os
import re
import shutil
import subprocess

from script_rows import CPU, PollingThread, control_cpu, free_hugepages

PROMPT = "testpmd> "
PROGRAM = "dpdk-testpmd"


def is_installed():
    return shutil.which(PROGRAM) is not None


class Testpmd:
    def __init__(self, engine, devices, start="start", buffers=8192, arguments=()):
        # Without hugepages no buffer lies across two pages of 4 KiB.
        huge = free_hugepages() * 2 >= 128 + buffers * 2560 // 2**20
        memory = ["--in-memory"] if huge else ["--no-huge", "--no-shconf", "-m", str(128 + buffers * 4096 // 2**20)]
        # Its answers go through stdio, the prompt doesn't: line by line, or the prompt comes first.
        command = ["stdbuf", "-oL", PROGRAM, f"--lcores=0@{control_cpu()},1@{CPU}", "--no-pci", "--no-telemetry", "--iova-mode=va",
                   f"--file-prefix=shunt-testpmd-{os.getpid()}", *memory, *(f"--vdev={device}" for device in devices),
                   "--", "-i", f"--forward-mode={engine}", "--port-topology=loop", "--nb-cores=1", "--burst=64",
                   f"--total-num-mbufs={buffers}", "--no-lsc-interrupt", *arguments]
        self.log = ""
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._wait_for_prompt()
        self.say(start)
        self.thread = PollingThread(self.process.pid, "rte-worker-1")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _wait_for_prompt(self):
        text = b""
        while not text.endswith(PROMPT.encode()):
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                raise RuntimeError(f"{PROGRAM} ended:\n{(self.log + text.decode(errors='replace'))[-3000:]}")
            text += piece
        answer = text.decode(errors="replace")
        self.log += answer
        return answer

    def say(self, words):
        """Types a line and returns what is printed until the next prompt."""
        self.process.stdin.write(f"{words}\n".encode())
        self.process.stdin.flush()
        return self._wait_for_prompt()

    def received(self):
        """(seconds that the forwarding thread ran, packets that port 0 received)"""
        seconds = self.thread.seconds()
        packets = int(re.search(r"RX-packets:\s+(\d+)", self.say("show port stats 0"))[1])
        return (seconds + self.thread.seconds()) / 2, packets

    def rates(self, windows, seconds):
        """Packets a second of its CPU, by window."""
        self.thread.wait(0.1)  # caches are warm, and the file has been round
        rates = []
        began, before = self.received()
        for _ in range(windows):
            self.thread.wait(seconds)
            ended, after = self.received()
            rates.append((after - before) / (ended - began))
            began, before = ended, after
        if not all(rates):
            raise RuntimeError(f"{PROGRAM} forwards nothing:\n{self.log[-3000:]}")
        return rates

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.write(b"quit\n")
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
