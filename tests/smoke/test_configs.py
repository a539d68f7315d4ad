#!/usr/bin/python3
"""The examples in configs/ run as they are (but for the folders that they use).

    lb0 (and lb1) ┄ shuntd; nobody at the other end
"""

import pathlib
import re
import subprocess

import harness
import packets

CONFIGS = harness.ROOT / "configs"


class Configs(harness.SmokeTest):
    def test_shuntctl_check_accepts_all(self):
        files = sorted(set(CONFIGS.glob("*.toml")) - {CONFIGS / "insight.toml"})  # that one is shunt-insight's
        self.assertGreaterEqual(len(files), 6)
        for file in files:
            with self.subTest(file=file.name):
                done = subprocess.run([harness.program("shuntctl"), "check", str(file)], capture_output=True, text=True,
                                              timeout=10, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def run_example(self, name):
        """Starts shuntd with the example; gives the bed back when it is ready."""
        text = (CONFIGS / name).read_text(encoding="utf-8")
        bed = self.bed("l2", clients=0, backends=0, cable=False, split='"tap:lb1"' in text, ipv6="2001:db8:" in text)
        folder = bed.topology.folder
        text = re.sub(r'^(runtime_dir|state_dir|listen) = .*\n', "", text, flags=re.M)
        text = text.replace("configs/example.pcap", f"{CONFIGS}/example.pcap")
        text = text.replace("/tmp/shunt-out.pcap", f"{folder}/out.pcap")
        node = f'runtime_dir = "{folder}/run"\nstate_dir = "{folder}/state"\n'
        text = text.replace("[node]\n", f"[node]\n{node}") if "[node]" in text else f"[node]\n{node}\n{text}"
        bed.topology.taps = [tap for tap in ("lb0", "lb1") if f'"tap:{tap}"' in text]
        bed.daemon.on_taps = bool(bed.topology.taps)
        bed.expect_drops(no_neighbour=None)
        bed.daemon.start(text)
        return bed

    def test_the_pcap_example_encapsulates_every_packet(self):
        bed = self.run_example("pcap.toml")
        frames = packets.read_pcap(CONFIGS / "example.pcap")
        harness.wait_until(lambda: bed.daemon.drops()["sent"] >= len(frames), 5, "the file is played")
        bed.daemon.check_account({})
        bed.daemon.stop()
        out = [packets.Packet(frame) for frame in packets.read_pcap(pathlib.Path(bed.topology.folder, "out.pcap"))]
        self.assertEqual([packet.protocol for packet in out], [packets.IPIP] * len(frames))
        sources = [(packet.inner.source, packet.inner.sport) for packet in out]
        self.assertEqual(sources, [(packets.Packet(frame).source, packets.Packet(frame).sport) for frame in frames])
        owners = {}
        for packet in out:  # a connection's packets have one backend
            self.assertEqual(owners.setdefault(packet.inner.sport, packet.destination), packet.destination)


def _add_example(name):
    def test(self):
        bed = self.run_example(name)
        self.assertEqual(bed.daemon.get("/healthz")[0], 200)
    setattr(Configs, f"test_{name.removesuffix('.toml')}_starts", test)


for _name in ("minimal.toml", "l2.toml", "ipip.toml", "gue.toml", "gre.toml", "nat.toml", "demo.toml", "dual_stack.toml", "discovery.toml"):
    _add_example(_name)

if __name__ == "__main__":
    harness.main()
