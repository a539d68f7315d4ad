#!/usr/bin/python3
"""The API of a shuntd that works: TLS and tokens, WebSockets, slow clients, and a control thread that stands still.

    client1 ── HTTP, UDP ── br0 ── backend1, backend2
                             │
                            lb0 ┄ shuntd ── API: unix socket; TCP and TLS inside the node
"""

import base64
import contextlib
import ctypes
import json
import os
import pathlib
import resource
import shutil
import socket
import ssl
import subprocess
import threading
import unittest

import harness
import traffic
from programs import program, wait_until

SLOW_CLIENTS = 1000
RATE = 2000                                                # packets a second
HELD_SECONDS = float(os.environ.get("SHUNT_TEST_HOLD", 2))  # 60 in a long run
UDP = {"udp": ("udp", 9000)}
LINTER = pathlib.Path(__file__).resolve().parent.parent / "openapi"


class Api(harness.SmokeTest):
    def secured(self, bed):
        """TLS and tokens in bed's configuration; {role: file with its token}."""
        folder = bed.topology.folder
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=lb1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/key.pem",
                        "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
        files, lines = {}, []
        for role in ("reader", "operator"):
            made = json.loads(subprocess.run([program("shuntctl"), "token", role, "--role", role, "--json"], check=True,
                                             capture_output=True).stdout)
            files[role] = f"{folder}/{role}.token"
            pathlib.Path(files[role]).write_text(made["token"], encoding="ascii")
            lines.append(made["line"])
        pathlib.Path(folder, "tokens").write_text("\n".join(lines) + "\n", encoding="ascii")
        os.chmod(f"{folder}/tokens", 0o600)
        bed.config["api"].update(token_file=f"{folder}/tokens", tls_certificate=f"{folder}/cert.pem", tls_key=f"{folder}/key.pem")
        bed.config["log"]["audit_file"] = f"{folder}/audit"
        return files

    def far_shuntctl(self, bed, token, *words):
        return subprocess.run(["nsenter", f"--net={bed.topology.lb.path}", program("shuntctl"), "--api", "https://127.0.0.1:8080",
                               "--ca", f"{bed.topology.folder}/cert.pem", "--token-file", token, *words],
                              capture_output=True, text=True, timeout=20, check=False)

    def test_tls_tokens_and_a_websocket(self):
        bed = self.bed("ipip", backends=2, health=harness.HTTP_HEALTH)
        bed.serve_http()
        tokens = self.secured(bed)
        bed.start()
        self.assertEqual(self.far_shuntctl(bed, tokens["reader"], "backends").returncode, 0)
        self.assertEqual(self.far_shuntctl(bed, tokens["reader"], "reload").returncode, 1)
        with contextlib.closing(self.websocket(bed, tokens["reader"], "/api/v1/events?after=0")) as feed:
            self.assertEqual(self.far_shuntctl(bed, tokens["operator"], "reload").returncode, 0)
            kinds = []
            while "reload.accepted" not in kinds:
                kinds.append(self.message(feed)["kind"])
            self.assertIn("backend.up", kinds)
        audit = [json.loads(line) for line in pathlib.Path(bed.topology.folder, "audit").read_text(encoding="utf-8").splitlines()]
        self.assertEqual([(line["who"], line["outcome"]) for line in audit],
                         [("token reader", "refused"), ("token operator", "done")])
        status, body = bed.daemon.get("/request?service=web&path=/", timeout=5)
        self.assertEqual((status, json.loads(body)["status"]), (200, 200), body)
        self.assertIn("backend1", self.far_shuntctl(bed, tokens["reader"], "top", "--once").stdout)

    @unittest.skipUnless(shutil.which("node") and (LINTER / "node_modules").is_dir(), "no linter: npm ci --prefix tests/openapi")
    def test_the_document_is_clean(self):
        bed = self.bed("l2")
        bed.start()
        document = bed.daemon.get("/api/v1/openapi.json")[1]
        for text, status in ((document, 0), (document.replace('"summary"', '"sumary"', 1), 1)):
            done = subprocess.run(["node", "lint.mjs"], cwd=LINTER, input=text, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)

    def websocket(self, bed, token, path):
        context = ssl.create_default_context(cafile=f"{bed.topology.folder}/cert.pem")
        with bed.topology.lb.inside():
            plain = socket.create_connection(("127.0.0.1", 8080), timeout=10)
        feed = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.assertEqual(feed.version(), "TLSv1.3")
        secret = pathlib.Path(token).read_text(encoding="ascii")
        feed.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                     f"Authorization: Bearer {secret}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.exactly(feed, 1)
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
        return feed

    def exactly(self, feed, size):
        data = b""
        while len(data) < size:
            piece = feed.recv(size - len(data))
            self.assertTrue(piece, "the WebSocket ended")
            data += piece
        return data

    def message(self, feed):
        first, second = self.exactly(feed, 2)
        size = second if second < 126 else int.from_bytes(self.exactly(feed, 2), "big")
        self.assertEqual(first, 0x81)  # text, whole
        return json.loads(self.exactly(feed, size))

    def streaming(self, bed):
        return traffic.UdpStream(bed.client, bed.backends, bed.vip, 9000, RATE)

    def test_a_thousand_slow_clients(self):
        bed = self.bed("l2", services=UDP, backends=2)
        bed.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        with self.streaming(bed) as stream, contextlib.ExitStack() as held:
            wait_until(lambda: stream.seen, 3, "packets arrive")
            for _ in range(SLOW_CLIENTS):
                with bed.topology.lb.inside():
                    client = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                client.settimeout(10)
                client.connect(("127.0.0.1", 8080))
                with contextlib.suppress(OSError):  # those that there was no room for
                    client.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: a\r\nX-Slow: ")
            for _ in range(20):
                self.assertEqual(bed.daemon.get("/healthz")[0], 200)
            self.assertEqual(bed.daemon.shuntctl("status").returncode, 0)
            stream.stop()
        self.assertEqual(stream.lost(), [])

    def test_the_control_thread_stands_still(self):
        """Stopped by ptrace, which stops a thread and not its process."""
        bed = self.bed("l2", services=UDP, backends=2)
        bed.start()
        with self.streaming(bed) as stream:
            wait_until(lambda: stream.seen, 3, "packets arrive")
            with held_thread(bed.daemon.process.pid):
                with self.assertRaises(OSError):
                    bed.daemon.get("/healthz", timeout=0.3)
                before = len(stream.seen)
                threading.Event().wait(HELD_SECONDS)
                self.assertGreater(len(stream.seen), before)
            self.assertEqual(bed.daemon.get("/healthz", timeout=5)[0], 200)
            stream.stop()
        self.assertEqual(stream.lost(), [])


PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def ptrace(request, thread):
    _libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    _libc.ptrace.restype = ctypes.c_long
    if _libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace({request:#x}, {thread})")


@contextlib.contextmanager
def held_thread(thread):
    """The thread stands still; the others of its process go on. A process's first thread has its number."""
    ptrace(PTRACE_SEIZE, thread)
    try:
        ptrace(PTRACE_INTERRUPT, thread)
        os.waitpid(thread, WALL)
        with open(f"/proc/{thread}/task/{thread}/stat", encoding="ascii") as stat:
            state = stat.read().rsplit(")", 1)[1].split()[0]
        assert state == "t", f"the thread is in state {state}"
        yield
    finally:
        ptrace(PTRACE_DETACH, thread)


if __name__ == "__main__":
    harness.main()
