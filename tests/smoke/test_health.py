#!/usr/bin/python3
"""Health checks against real servers: a port that flaps breaks nothing; each type once; panic is said.

    client1 ── br0 ── backend1, backend2, backend3: shunt-echo, and health_server.py beside it
                │
               lb0 ┄ shuntd

SHUNT_FLAP_SECONDS=120 makes the flapping last two minutes; it is 6 s otherwise.
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import harness

SERVER = pathlib.Path(__file__).with_name("health_server.py")
FLAP_SECONDS = int(os.environ.get("SHUNT_FLAP_SECONDS", "6"))
HEALTH_PORT = 7099
QUICK = {"interval": "200ms", "timeout": "200ms", "rise": 1, "fall": 2}


class Health(harness.SmokeTest):
    def serve(self, bed, kind, port, *words, backends=None):
        """The server on each backend; their processes."""
        processes = []
        for backend in backends or bed.backends:
            with open(f"{bed.topology.folder}/{backend.name}-{kind}.log", "ab") as log:
                processes.append(bed.topology.start_on(backend, ["/usr/bin/python3", SERVER, kind, port, *words], log))
        return processes

    @staticmethod
    def rest(bed):
        """No more checks: accounts are compared when nothing is under way."""
        for pool in bed.config["pool"]:
            pool["health"] = None
        bed.reload()

    @staticmethod
    def downs(bed, backend):
        return len(re.findall(rf"backend echo-tcp/{backend} is down", bed.daemon.log()))

    def test_a_flapping_check_breaks_nothing(self):
        """At 1 Hz, the data port alive: not even connections of the backend that flaps."""
        signal.alarm(harness.TEST_LIMIT + FLAP_SECONDS)
        bed = self.bed("ipip", services=harness.ECHO, health={"type": "tcp", "port": HEALTH_PORT, **QUICK,
                                                              "interval": "100ms", "timeout": "100ms"})
        bed.serve_echo()
        first, flapping, last = bed.backends
        self.serve(bed, "flap", HEALTH_PORT, 3600, backends=[first, last])
        self.serve(bed, "flap", HEALTH_PORT, 0.5, backends=[flapping])
        bed.start()
        status_file = pathlib.Path(bed.topology.folder, "probe.json")
        probe = bed.probe("--target", f"{bed.vip}:7000", "--tcp", 300, "--udp", 30, "--interval", "200ms",
                          "--ramp", "3s", "--duration", f"{FLAP_SECONDS}s", "--status-file", status_file)
        status, output = bed.finish_probe(probe, timeout=FLAP_SECONDS + 40)
        self.assertEqual(status, 0, output)
        report = json.loads(status_file.read_text(encoding="utf-8"))
        self.assertEqual(report["broken"], 0, output)
        self.assertGreater(report["tcp"]["backends"][flapping.name]["connections"], 0, output)
        self.assertGreater(self.downs(bed, flapping.name), FLAP_SECONDS // 3)
        self.assertEqual(self.downs(bed, first.name) + self.downs(bed, last.name), 0)
        self.rest(bed)

    def test_passive_evidence(self):
        """One of four backends answers pings, and its kernel refuses connections: that one is given less, nobody else."""
        bed = self.bed("ipip", services={"web": ("tcp", 80)}, backends=4, weights=[1] * 4, health=None)
        bed.pool("web").update(passive=True, health={"type": "icmp", **QUICK})
        bed.config["service"][0]["timeouts"] = {"syn": "1s"}
        *good, refusing = bed.backends
        self.serve(bed, "flap", 80, 3600, backends=good)
        bed.start()
        words = rf"backend web/{refusing.name} is given 50 % of its usual new flows: clients left \d+ handshakes unfinished"

        def lowered():
            with bed.client.namespace.inside():
                sockets = [socket.socket() for _ in range(40)]
            for client in sockets:
                client.setblocking(False)
                client.connect_ex((bed.vip, 80))
            time.sleep(0.2)
            for client in sockets:
                client.close()
            return re.search(words, bed.daemon.log())

        harness.wait_until(lowered, 20, "the backend that refuses is given less")
        accept = {entry["name"]: entry["accept"] for entry in bed.daemon.backends("up")}
        self.assertEqual(accept, {**{backend.name: 256 for backend in good}, refusing.name: 128})
        self.rest(bed)

    def test_types_and_panic(self):
        """https, grpc, udp and icmp see good servers, and say what is wrong when they are gone."""
        bed = self.bed("ipip", services={"s-https": ("tcp", 443), "s-grpc": ("tcp", 50051), "s-udp": ("udp", 5000),
                                         "s-icmp": ("tcp", 81)}, health=None)
        pem = f"{bed.topology.folder}/server.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=shunt", "-addext", "subjectAltName=DNS:web.example", "-keyout", pem, "-out", pem + ".crt"],
                       check=True, capture_output=True)
        with open(pem, "a", encoding="utf-8") as both:
            both.write(pathlib.Path(pem + ".crt").read_text(encoding="utf-8"))
        checks = {"s-https": {"type": "https", "sni": "web.example", "ca_file": pem + ".crt", "body": "ok"},
                  "s-grpc": {"type": "grpc"}, "s-udp": {"type": "udp", "send": "ping", "receive": "pong"},
                  "s-icmp": {"type": "icmp"}}
        for name, check in checks.items():
            bed.pool(name)["health"] = {**check, "interval": "300ms", "timeout": "300ms", "rise": 1, "fall": 2}
        secure = self.serve(bed, "https", 443, pem)
        self.serve(bed, "grpc", 50051)
        datagrams = self.serve(bed, "udp", 5000)
        bed.start()
        reasons = {entry["pool"]: entry["reason"] for entry in bed.daemon.backends("up")}
        self.assertEqual(reasons, {"s-https": "HTTP 200, body as wanted", "s-grpc": "SERVING",
                                   "s-udp": "answered, 4 bytes", "s-icmp": "echo answered"})
        for process in secure + datagrams[:1]:
            process.kill()
        harness.wait_until(lambda: len(bed.daemon.backends("down")) == 4, 10, "four backends down")
        down = {(entry["pool"], entry["name"]): entry["reason"] for entry in bed.daemon.backends("down")}
        self.assertEqual(down, {("s-https", backend.name): "connect: Connection refused" for backend in bed.backends}
                         | {("s-udp", bed.backends[0].name): "port unreachable, says ICMP"})
        harness.wait_until(lambda: "service s-https: 0 of 3 backends of pool s-https up" in bed.daemon.log(), 10, "panic is said")
        page = bed.daemon.get("/metrics")[1]
        self.assertIn('shunt_pool_panic{service="s-https",pool="s-https"} 1\n', page)
        self.assertIn('shunt_pool_panic{service="s-udp",pool="s-udp"} 0\n', page)
        panic = {service["name"]: service["panic"] for service in bed.daemon.ctl("services")["services"]}
        self.assertEqual((panic["s-https"], panic["s-udp"]), (True, False))
        self.rest(bed)


if __name__ == "__main__":
    harness.main()
