#!/usr/bin/python3
"""What shunt-traffic sent is what the backends counted and what shuntd counted as flows: over TCP and UDP, to the last one.

    client1: shunt-traffic ── br0 ── backend1, backend2 (1 : 3): shunt-test-backend
                               │
                              lb0 ┄ shuntd
"""

import contextlib
import http.client
import json
import subprocess

import harness
from daemon import UnixConnection
from programs import program, wait_until
from test_metrics import samples, total

PORT = 7000
SERVICES = {"tcp": ("tcp", PORT), "udp": ("udp", PORT + 1)}


class TestBackend:
    """shunt-test-backend on a backend, asked over its control socket."""

    def __init__(self, bed, backend):
        self._path = f"{bed.topology.folder}/{backend.name}.sock"
        words = [word for _, port in SERVICES.values() for word in ("--listen", f"0.0.0.0:{harness.backend_port(bed.forward, port)}")]
        with open(f"{bed.topology.folder}/{backend.name}-backend.log", "ab") as log:
            bed.topology.start_on(backend, [program("shunt-test-backend"), "--id", backend.name, "--control", self._path, *words], log)
        wait_until(self.answers, 15, f"{backend.name} answers")

    def answers(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return bool(self.metrics())
        return False

    def metrics(self):
        with contextlib.closing(UnixConnection(self._path, 5)) as connection:
            connection.request("GET", "/metrics")
            return samples(connection.getresponse().read().decode())


class Traffic(harness.SmokeTest):
    def send(self, bed, port, *words):
        done = subprocess.run(["nsenter", f"--net={bed.client.namespace.path}", program("shunt-traffic"), "--target",
                               f"{bed.vip}:{port}", "--json", "--quiet", "--ports", "20000-29999", *words],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_counts(self):
        bed = self.bed("nat", services=SERVICES, backends=2, weights=[1, 3])
        backends = {backend.name: TestBackend(bed, backend) for backend in bed.backends}
        bed.start()
        tcp = self.send(bed, PORT, "--profile", "spike", "--rate", "100", "--peak", "500", "--duration", "1s")
        udp = self.send(bed, PORT + 1, "--udp", "--requests", "300", "--concurrent", "20")

        self.assertEqual((tcp["ok"], udp["ok"]), (tcp["offered"], 300))
        counted = {name: backend.metrics() for name, backend in backends.items()}
        answers = {name: total(page, "test_backend_requests_total", route="/", status="200") for name, page in counted.items()}
        self.assertEqual(answers, tcp["backends"])  # who the client heard of
        self.assertEqual(sum(total(page, "test_backend_datagrams_total", result="answered") for page in counted.values()), 300)
        for service, sent in (("tcp", tcp["offered"]), ("udp", 300)):
            wait_until(lambda name=service, wanted=sent: self.flows(bed, name) == wanted, 10,
                       f"{sent} flows of {service}, not {self.flows(bed, service)}")

    @staticmethod
    def flows(bed, service):
        return total(samples(bed.daemon.get("/metrics")[1]), "shunt_flows_total", service=service)


if __name__ == "__main__":
    harness.main()
