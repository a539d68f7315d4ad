#!/usr/bin/python3
"""What looks into the data plane, beside a real kernel's connections: trace names the backend before the client meets it,
flows --live lists the connection, a capture holds its packets as they came and as they left, and tshark reads it.

    client1 ── br0 ── lb0 ┄ shuntd;  backend1 … backend3: nginx, on br0;  port 81: a service without anybody to choose
"""

import contextlib
import socket
import subprocess

import harness
from programs import program

FIRST_PORT = 41_000
CONNECTIONS = 6
FIELDS = ("frame.comment", "frame.interface_name", "ip.src", "ip.dst", "tcp.srcport")


class Views(harness.SmokeTest):
    def open_bed(self):
        bed = self.bed("ipip", services={"web": ("tcp", 80), "nobody": ("tcp", 81)})
        for backend in bed.pool("nobody")["backend"]:
            backend["weight"] = 0
        bed.serve_http()
        bed.start()
        return bed

    def connect(self, bed, port):
        with bed.client.namespace.inside():
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.settimeout(10)
        connection.bind((bed.client.address, port))
        connection.connect((bed.vip, 80))
        return connection

    def who_answers(self, connection):
        """nginx's name; the connection stays."""
        connection.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        answer = b""
        while b"backend" not in answer:
            part = connection.recv(4096)
            self.assertTrue(part, "the connection ended")
            answer += part
        return answer[answer.rindex(b"backend"):].decode().split()[0]

    def trace(self, bed, port, vip_port=80):
        return bed.daemon.ctl("trace", f"{bed.client.address}:{port}", f"{bed.vip}:{vip_port}")

    def test_trace_and_live_flows(self):
        bed = self.open_bed()
        for port in range(FIRST_PORT, FIRST_PORT + CONNECTIONS):
            told = self.trace(bed, port)
            self.assertEqual((told["service"], told["packet"], told["known"], told["end"]), ("web", "syn", None, "sent"))
            with contextlib.closing(self.connect(bed, port)) as connection:
                self.assertEqual(self.who_answers(connection), told["backend"])
                self.assertEqual(told["way"]["destination"], next(
                    backend.address for backend in bed.backends if backend.name == told["backend"]))
                listed = bed.daemon.ctl("flows", "--live", "web", "--client", bed.client.address, "--state", "established")
                mine = [flow for flow in listed["connections"] if flow["client_port"] == port]
                self.assertEqual([flow["backend"] for flow in mine], [told["backend"]])
                again = self.trace(bed, port)
                self.assertEqual((again["packet"], again["known"]["state"], again["backend"]),
                                 ("ack", "established", told["backend"]))
        self.assertEqual(bed.daemon.ctl("flows", "--live", "--client", "203.0.113.0/24")["connections"], [])
        nobody = self.trace(bed, FIRST_PORT, 81)
        self.assertEqual((nobody["service"], nobody["drop"]["reason"], nobody["backend"]), ("nobody", "no_backend", None))
        self.assertIn("its weight is 0", bed.daemon.shuntctl(
            "trace", f"{bed.client.address}:{FIRST_PORT}", f"{bed.vip}:81").stdout)

    def start_capture(self, bed, *words):
        """A capture that runs: its file has begun."""
        file = f"{bed.topology.folder}/{len(words)}.pcapng"
        command = [program("shuntctl"), "--api", f"unix:{bed.daemon.socket}", "capture", *words, "-w", file]

        def begun():
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.stderr.close)
            self.addCleanup(process.kill)
            harness.wait_until(lambda: process.poll() is not None or self.size_of(file) > 0, 10, "the capture begins")
            return process if self.size_of(file) > 0 else None  # the one before may not have ended yet

        return harness.wait_until(begun, 10, "a capture"), file

    def size_of(self, file):
        try:
            with open(file, "rb") as opened:
                return opened.seek(0, 2)
        except FileNotFoundError:
            return 0

    def read(self, file):
        """The packets that tshark finds, as dicts by field."""
        words = [word for field in FIELDS for word in ("-e", field)]
        done = subprocess.run(["tshark", "-r", file, "-T", "fields", *words], capture_output=True, text=True, timeout=30,
                              check=False)
        return [dict(zip(FIELDS, line.split("\t"))) for line in done.stdout.splitlines()]

    def test_capture(self):
        bed = self.open_bed()
        process, file = self.start_capture(bed, "web", "--client", bed.client.address, "--count", "3")
        told = self.trace(bed, FIRST_PORT)
        with contextlib.closing(self.connect(bed, FIRST_PORT)) as connection:
            self.assertEqual(self.who_answers(connection), told["backend"])
        self.assertEqual(process.wait(20), 0)
        packets = self.read(file)
        self.assertEqual(len(packets), 6, "SYN, ACK and request, before and after")
        backend = next(backend for backend in bed.backends if backend.name == told["backend"])
        rest = f", service web, flow {bed.client.address}:{FIRST_PORT}, backend web/{backend.name}"
        before, after = packets[0], packets[1]
        self.assertEqual((before["frame.comment"], after["frame.comment"]), ("before" + rest, "after" + rest))
        self.assertEqual((before["frame.interface_name"], after["frame.interface_name"]), ("net0 in", "net0 out"))
        self.assertEqual((before["ip.src"], before["ip.dst"]), (bed.client.address, bed.vip))
        self.assertEqual(after["ip.dst"], f"{backend.address},{bed.vip}")
        self.assertEqual(before["tcp.srcport"], str(FIRST_PORT))

        process, file = self.start_capture(bed, "--drop", "no_backend", "--count", "1")
        with bed.client.namespace.inside():
            lost = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with contextlib.closing(lost):
            lost.setblocking(False)
            lost.connect_ex((bed.vip, 81))
            self.assertEqual(process.wait(20), 0)
        dropped = self.read(file)
        self.assertEqual(len(dropped), 1)
        self.assertTrue(dropped[0]["frame.comment"].startswith("dropped: no_backend, service nobody, flow"),
                        dropped[0]["frame.comment"])
        self.assertIn("backup_pool", bed.daemon.shuntctl("drops").stdout)
        bed.expect_drops(no_backend=None)
        events = [event["kind"] for event in bed.daemon.ctl("events")["events"]]
        self.assertIn("capture.ended", events)


if __name__ == "__main__":
    harness.main()
