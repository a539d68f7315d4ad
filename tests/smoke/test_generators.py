#!/usr/bin/python3
"""The command files of scripts/generators/: testpmd runs its own, and what it makes is what their shunt.toml takes.

    testpmd flowgen ──▶ flows.pcap ──▶ shuntd with shunt.toml ──▶ out.pcap
                                  └──▶ testpmd csum           ──▶ csum.pcap

pktgen-dpdk isn't packaged: of its files only the addresses are compared with shunt.toml.
"""

import ipaddress
import os
import pathlib
import re
import shutil
import subprocess
import tomllib
import unittest

import harness
import packets as p

GENERATORS = harness.ROOT / "scripts/generators"
FLOWS, PACKETS = 64, 4_000
GENERATOR_MAC = "00:01:02:03:04:00"
STDIO_BUFFER = 4096   # of the file that testpmd writes: the rest comes when it quits


def example():
    return tomllib.loads((GENERATORS / "shunt.toml").read_text(encoding="utf-8"))


def run_testpmd(case, folder, command_file, device, done, arguments=()):
    """Starts testpmd with a command file, waits until done() and lets it quit."""
    command = ["dpdk-testpmd", "--lcores=0,1", "--no-pci", "--no-telemetry", "--no-huge", "--no-shconf", "-m", "256",
               f"--file-prefix=shunt-test-{os.getpid()}", f"--vdev={device}", "--", "-i", "--port-topology=loop",
               "--total-num-mbufs=8192", f"--cmdline-file={GENERATORS / command_file}", *arguments]
    with open(f"{folder}/testpmd.log", "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
    try:
        harness.wait_until(lambda: process.poll() is not None or done(), 15, f"{command_file} has done its part")
        process.communicate(b"quit\n", 15)
    finally:
        process.kill()
        process.wait()
    log = pathlib.Path(f"{folder}/testpmd.log").read_text(encoding="utf-8", errors="replace")
    case.assertEqual(process.returncode, 0, log)
    case.assertNotIn("Bad arguments", log)
    case.assertNotIn("Command not found", log)


class Generators(harness.SmokeTest):
    def setUp(self):
        super().setUp()
        if shutil.which("dpdk-testpmd") is None:
            self.skipTest("dpdk-testpmd isn't installed (package dpdk-dev)")

    def made_by_flowgen(self, folder):
        """Frames of 60 bytes, in whole rounds of all flows."""
        path = pathlib.Path(folder, "flowgen.pcap")
        run_testpmd(self, folder, "testpmd-flowgen.cmd", f"net_pcap0,tx_pcap={path}",
                    lambda: path.exists() and path.stat().st_size > (PACKETS + 1) * 76, [f"--flowgen-flows={FLOWS}"])
        with open(path, "rb") as whole:
            pathlib.Path(folder, "head.pcap").write_bytes(whole.read(24 + PACKETS // FLOWS * FLOWS * 76))
        frames = p.read_pcap(f"{folder}/head.pcap")
        self.assertEqual({len(frame) for frame in frames}, {60})
        self.assertEqual(len({frame[30:34] for frame in frames}), FLOWS)
        path.unlink()
        return frames

    def test_flowgen_and_csum(self):
        bed = self.bed("l2", backends=1, clients=0)
        folder = bed.topology.folder
        frames = self.made_by_flowgen(folder)
        bed.config.clear()
        bed.config.update(example())
        bed.config["node"].update(state_dir=f"{folder}/state", runtime_dir=f"{folder}/run")
        bed.config["dataplane"].update(memory="ordinary", connections=4096)
        bed.config["port"][0]["device"] = f"vdev:net_pcap0,rx_pcap={folder}/head.pcap,tx_pcap={folder}/out.pcap"
        bed.daemon.on_taps = False
        bed.daemon.start(bed.config)
        harness.wait_until(lambda: bed.daemon.drops()["received"] >= len(frames), 10, "the whole file is read")
        bed.daemon.check_account({})
        tracked = bed.daemon.ctl("status")["workers"][0]["flow_table"]["entries"]
        self.assertEqual(tracked, FLOWS, "each destination of flowgen is a flow")
        bed.daemon.stop()
        self.check_forwarded(frames, p.read_pcap(f"{folder}/out.pcap"))
        self.check_csum(folder, frames)

    def check_forwarded(self, frames, out):
        self.assertEqual(len(out), len(frames))
        backends = {backend["address"] for backend in example()["pool"][0]["backend"]}
        for frame in out:
            packet = p.Packet(frame)
            self.assertEqual(packet.protocol, p.IPIP)
            self.assertEqual(frame[:6].hex(":"), GENERATOR_MAC)
            self.assertIn(str(ipaddress.ip_address(frame[30:34])), backends)

    def check_csum(self, folder, frames):
        path = pathlib.Path(folder, "csum.pcap")
        run_testpmd(self, folder, "testpmd-csum.cmd", f"net_pcap0,rx_pcap={folder}/head.pcap,tx_pcap={path}",
                    lambda: path.exists() and path.stat().st_size > 24 + 76 * len(frames) - STDIO_BUFFER,
                    ["--no-flush-rx"])
        out = p.read_pcap(str(path))
        self.assertEqual([frame[14:] for frame in out], [frame[14:] for frame in frames])
        self.assertEqual({frame[:6].hex(":") for frame in out}, {GENERATOR_MAC})


class Pktgen(unittest.TestCase):
    def test_addresses_are_those_of_the_example(self):
        text = (GENERATORS / "pktgen.pkt").read_text(encoding="utf-8")
        ranges = {match[1]: match[2].split() for match in re.finditer(r"^range 0 ((?:src|dst) \w+) (.*)$", text, re.MULTILINE)}
        config = example()
        port = config["port"][0]
        tcp = next(service for service in config["service"] if service["protocol"] == "tcp")
        self.assertEqual(set(ranges["dst mac"][:3]), {port["mac"]})
        self.assertEqual(set(ranges["src mac"][:3]), {port["gateway_mac"]})
        self.assertEqual(set(ranges["dst port"][:3]), {str(tcp["port"])})
        vips = ipaddress.ip_network(tcp["address"])
        for address in ranges["dst ip"][:3]:
            self.assertIn(ipaddress.ip_address(address), vips)
        for address in ranges["src ip"][:3]:
            self.assertIn(ipaddress.ip_address(address), ipaddress.ip_network("198.18.0.0/15"))

    def test_the_example_is_right(self):
        done = subprocess.run([harness.program("shuntctl"), "check", GENERATORS / "shunt.toml"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()
