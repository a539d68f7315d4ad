#!/usr/bin/python3
"""Backends come and go by a file, DNS, etcd and Kubernetes; connections don't notice, and a source that fails changes nothing.

    client1 ── br0 ── backend1, backend2: always there; backend3, backend4: come and go
                │
               lb0 ┄ shuntd ── 127.0.0.1 of its namespace: DNS server, etcd, Kubernetes API

In each test the probe's connections begin while backends change. Those on backends that go are drained, so they may not
break either. That all changes were seen is known by the state after each.
"""

import json
import os
import pathlib

import harness
from discovery_servers import DnsServer, Etcd, KubernetesApi
from programs import wait_until

CONNECTIONS = 400
MANY = 2000  # where changes come fastest
ROUNDS = 4
SERVICE = {"web": ("tcp", 7000)}


class Discovery(harness.SmokeTest):
    def discovering_bed(self, **discovery):
        bed = self.bed("ipip", services=SERVICE, backends=4)
        pool = bed.pool("web")
        del pool["backend"]
        pool["discovery"] = discovery
        bed.serve_echo()
        bed.expect_drops(no_neighbour=None)  # without health checks a backend that is new is used before its MAC is known
        return bed

    def found(self, bed):
        return sorted(entry["address"] for entry in bed.daemon.backends())

    def wait_found(self, bed, count):
        wanted = sorted(backend.address for backend in bed.backends[:count])
        wait_until(lambda: self.found(bed) == wanted, 10, f"backends {wanted}")
        wait_until(lambda: all(entry["mac_known"] for entry in bed.daemon.backends()), 10, "their MACs")

    def state(self, bed):
        return bed.daemon.ctl("discovery")["pools"][0]["state"]

    def wait_state(self, bed, state):
        wait_until(lambda: self.state(bed) == state, 10, f"discovery is {state}")

    def churn(self, bed, set_count, connections=CONNECTIONS):
        """The probe while set_count(bed, n) makes the source say the first n backends."""
        status_file = pathlib.Path(bed.topology.folder, "probe.json")
        probe = bed.probe("--target", f"{bed.vip}:7000", "--tcp", connections, "--interval", "500ms", "--ramp", "2s",
                          "--duration", "1s", "--status-file", status_file)
        for _ in range(ROUNDS):
            for count in (2, 4, 3):
                set_count(count)
                self.wait_found(bed, count)
        status, output = bed.finish_probe(probe)
        self.assertEqual(status, 0, output)
        report = json.loads(status_file.read_text(encoding="utf-8"))
        self.assertEqual((report["broken"], report["tcp"]["opened"]), (0, connections), output)
        owners = {name: counts["connections"] for name, counts in report["tcp"]["backends"].items()}
        self.assertTrue({"backend1", "backend2"} < set(owners), output)

    def write_file(self, bed, count):
        path = f"{bed.topology.folder}/web.toml"
        entries = [f'[[backend]]\naddress = "{backend.address}"\n' for backend in bed.backends[:count]]
        pathlib.Path(path + ".new").write_text("".join(entries) or "backend = []\n", encoding="utf-8")
        os.rename(path + ".new", path)

    def test_file(self):
        bed = self.discovering_bed(type="file")
        bed.pool("web")["discovery"]["path"] = f"{bed.topology.folder}/web.toml"
        self.write_file(bed, 3)
        bed.daemon.start(bed.config)
        self.wait_found(bed, 3)
        self.churn(bed, lambda count: self.write_file(bed, count), MANY)
        self.write_file(bed, 0)
        self.wait_state(bed, "held")  # all of them at once
        self.wait_found(bed, 3)
        os.remove(f"{bed.topology.folder}/web.toml")
        self.wait_state(bed, "stale")
        bed.daemon.stop()
        bed.daemon.start(bed.config)  # the file is still gone
        self.wait_found(bed, 3)
        self.assertEqual(self.state(bed), "stale")
        status, page = bed.daemon.get("/metrics")
        self.assertEqual(status, 200)
        self.assertIn('shunt_discovery_state{pool="web",state="stale"} 1', page)

    def test_dns(self):
        bed = self.discovering_bed(type="dns", name="web.test", record="a", servers=[f"127.0.0.1:{DnsServer.PORT}"],
                                   min_ttl="100ms", timeout="700ms")
        server = DnsServer(bed.topology.lb)
        self.addCleanup(server.close)

        def set_count(count):
            server.addresses = [backend.address for backend in bed.backends[:count]]

        set_count(3)
        bed.daemon.start(bed.config)
        self.wait_found(bed, 3)
        self.churn(bed, set_count)
        server.addresses = ["127.0.0.1"] + server.addresses  # no backend may be there
        wait_until(lambda: bed.daemon.ctl("discovery")["pools"][0]["refused"], 10, "127.0.0.1 is refused")
        self.wait_found(bed, 3)

    def test_etcd(self):
        bed = self.discovering_bed(type="etcd", endpoints=[Etcd.URL], prefix="/shunt/web/")
        etcd = Etcd(bed.topology, bed.topology.lb)
        etcd.start()
        present = set()

        def set_count(count):
            for backend in bed.backends:
                wanted = backend in bed.backends[:count]
                if wanted and backend not in present:
                    etcd.put(f"/shunt/web/{backend.name}", {"address": backend.address, "port": 7000})
                    present.add(backend)
                elif not wanted and backend in present:
                    etcd.delete(f"/shunt/web/{backend.name}")
                    present.discard(backend)

        set_count(3)
        bed.daemon.start(bed.config)
        self.wait_found(bed, 3)
        self.churn(bed, set_count)
        etcd.kill()
        self.wait_state(bed, "stale")
        self.wait_found(bed, 3)
        self.assertIn("discovery.stale web", bed.daemon.log())
        etcd.start()
        set_count(4)
        self.wait_found(bed, 4)
        self.assertEqual(self.state(bed), "fresh")

    def test_kubernetes(self):
        bed = self.discovering_bed(type="kubernetes", namespace="shop", service="web", refresh="1s",
                                   endpoints=[f"https://127.0.0.1:{KubernetesApi.PORT}"])
        api = KubernetesApi(bed.topology.lb, bed.topology.folder)
        self.addCleanup(api.close)
        bed.pool("web")["discovery"].update(ca_file=api.ca_file, token_file=api.token_file)

        def set_count(count):
            api.set([(backend.name, backend.address) for backend in bed.backends[:count]])

        set_count(3)
        bed.daemon.start(bed.config)
        self.wait_found(bed, 3)
        self.churn(bed, set_count)
        self.assertEqual({entry["name"] for entry in bed.daemon.backends()}, {"backend1", "backend2", "backend3"})
        api.forget()  # 410: a list again
        set_count(4)
        self.wait_found(bed, 4)
        api.token = "second"  # the old one is refused, the new one is in the file
        self.wait_state(bed, "stale")
        self.wait_found(bed, 4)
        api.write_token()
        self.wait_state(bed, "fresh")


if __name__ == "__main__":
    harness.main()
