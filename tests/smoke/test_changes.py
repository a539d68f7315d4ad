#!/usr/bin/python3
"""An operator changes everything while connections live, sees what will happen before, and loses none.

    client1, 2,000 connections ── br0 ── backend1 … backend4 (8)
                                   │
                                  lb0 ┄ shuntd ┄ shuntctl weight, drain, undrain, diff, apply, rollback, save
"""

import copy
import json
import pathlib

import config
import harness

CONNECTIONS = 2000


class Changes(harness.SmokeTest):
    def test_no_connection_notices(self):
        bed = self.bed("ipip", services=harness.ECHO, backends=4, health=None)
        bed.serve_echo()
        bed.start()
        status_file = pathlib.Path(bed.topology.folder, "probe.json")
        probe = bed.probe("--target", f"{bed.vip}:7000", "--tcp", CONNECTIONS, "--udp", 100, "--interval", "500ms",
                          "--ramp", "2s", "--duration", "7s", "--status-file", status_file)
        harness.wait_until(lambda: bed.daemon.ctl("services")["services"][0]["active_flows"] > CONNECTIONS / 4, 5,
                           "a quarter of the connections")
        ctl, text = bed.daemon.ctl, self.succeeds(bed)
        start = ctl("history")["generations"][0]["generation"]
        text("weight", "echo-tcp/backend1", "5")
        text("drain", "echo-tcp/backend2", "echo-tcp/backend3")
        self.assertEqual([edit["value"] for edit in ctl("edits")["edits"]], [5, "draining", "draining"])
        text("undrain", "echo-tcp/backend2")
        harness.wait_until(lambda: ctl("services")["services"][0]["active_flows"] == CONNECTIONS, 8, "all connections")
        # Without backend1: its connections are kept while it drains, and the plan says how many there are.
        fewer = copy.deepcopy(bed.config)
        fewer["pool"][0]["backend"].pop(0)
        file = f"{bed.topology.folder}/fewer.toml"
        pathlib.Path(file).write_text(config.toml(fewer), encoding="utf-8")
        owned = sum(entry["active_flows"] for entry in bed.daemon.backends()
                    if (entry["pool"], entry["name"]) == ("echo-tcp", "backend1"))
        plan = ctl("diff", file)
        self.assertEqual((plan["flows"]["kept"], plan["flows"]["cut"]), (owned, 0), plan)
        self.assertGreater(owned, 0)
        self.assertIn("backend echo-tcp/backend1: removed", text("diff", file))
        text("apply", file)
        self.assertNotIn(("echo-tcp", "backend1"), [(each["pool"], each["name"]) for each in bed.daemon.backends()])
        text("rollback", str(start))
        self.assertEqual(ctl("edits"), {"applied": None, "edits": []})
        history = [row["why"] for row in ctl("history")["generations"] if not row["observed"]]
        self.assertEqual(history[:3], [f"rollback to {start}", f"apply {file}", "enable echo-tcp/backend2"])
        status, output = bed.finish_probe(probe)
        self.assertEqual(status, 0, output)
        report = json.loads(status_file.read_text(encoding="utf-8"))
        self.assertEqual((report["broken"], report["tcp"]["opened"]), (0, CONNECTIONS), output)

    def test_half_of_the_backends_drain_at_once(self):
        """Those that go keep what they have and get nothing new, while connections are opened all the time."""
        bed = self.bed("ipip", services=harness.ECHO, backends=8, health=None)
        bed.serve_echo()
        bed.start()
        status_file = pathlib.Path(bed.topology.folder, "probe.json")
        probe = bed.probe("--target", f"{bed.vip}:7000", "--tcp", CONNECTIONS, "--udp", 100, "--interval", "500ms",
                          "--ramp", "3s", "--duration", "2s", "--status-file", status_file)
        going = [f"backend{number}" for number in (1, 3, 5, 7)]
        harness.wait_until(lambda: min(self.opened(bed).values()) > 20, 15, "each backend has connections")
        self.succeeds(bed)("drain", *(f"echo-tcp/{name}" for name in going))
        before = self.opened(bed)
        harness.wait_until(lambda: bed.daemon.ctl("services")["services"][0]["active_flows"] == CONNECTIONS, 15,
                           "all connections")
        after = self.opened(bed)
        for name, count in after.items():
            if name in going:
                self.assertEqual(count, before[name], name)
            else:
                self.assertGreater(count, before[name], name)
        self.assertEqual({entry["name"]: entry["accept"] for entry in bed.daemon.backends() if entry["pool"] == "echo-tcp"},
                         {name: 0 if name in going else 256 for name in after})
        status, output = bed.finish_probe(probe)
        self.assertEqual(status, 0, output)
        report = json.loads(status_file.read_text(encoding="utf-8"))
        self.assertEqual((report["broken"], report["tcp"]["opened"]), (0, CONNECTIONS), output)

    def opened(self, bed):
        """New flows of each backend of the TCP pool so far."""
        return {entry["name"]: entry["new_flows"] for entry in bed.daemon.backends() if entry["pool"] == "echo-tcp"}

    def test_edits_outlive_shuntd(self):
        bed = self.bed("ipip")
        bed.start()
        text = self.succeeds(bed)
        text("weight", "web/backend1", "7")
        text("drain", "web/backend2")
        text("disable", "web/backend3")
        text("enable", "web/backend3")
        edits = bed.daemon.ctl("edits")
        bed.expect_drops(no_neighbour=None)
        bed.daemon.kill()
        bed.start()
        self.assertEqual(bed.daemon.ctl("edits"), edits)
        self.assertEqual(self.weight_of(bed, "backend1"), 7)
        # In the file, and no edit any more.
        text("save")
        self.assertIn("weight = 7", pathlib.Path(bed.daemon.config_file).read_text(encoding="utf-8"))
        self.assertEqual([edit["backend"] for edit in bed.daemon.ctl("edits")["edits"]], ["backend2"])
        # Torn by whatever: refused whole, said, set aside.
        bed.daemon.kill()
        state = pathlib.Path(bed.topology.folder, "state", "edits.toml")
        state.write_bytes(state.read_bytes()[:-20])
        bed.daemon.start(pathlib.Path(bed.daemon.config_file).read_text(encoding="utf-8"))
        self.assertIn("edits.toml: is torn", bed.daemon.log())
        self.assertEqual(bed.daemon.ctl("edits")["edits"], [])
        self.assertEqual(self.weight_of(bed, "backend1"), 7, "the file's own")
        self.assertTrue(state.with_suffix(".toml.refused").exists())

    def weight_of(self, bed, name):
        return next(entry["weight"] for entry in bed.daemon.backends() if entry["name"] == name)

    def succeeds(self, bed):
        def run(*words):
            done = bed.daemon.shuntctl(*words)
            self.assertEqual(done.returncode, 0, f"shuntctl {' '.join(words)}: {done.stderr}{done.stdout}")
            return done.stdout
        return run


if __name__ == "__main__":
    harness.main()
