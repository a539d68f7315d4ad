"""What the tests of the tools share: programs that are started, waited for with a deadline, and ended by their own pid."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

PROBE = os.environ.get("SHUNT_PROBE")
ECHO = os.environ.get("SHUNT_ECHO")
LIMIT = 60  # seconds until something that hangs is ended


def free_port(host="127.0.0.1"):
    """A port that neither TCP nor UDP uses."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as tcp, socket.socket(family, socket.SOCK_DGRAM) as udp:
            tcp.bind((host, 0))
            with contextlib.suppress(OSError):
                udp.bind(tcp.getsockname()[:2])
                return tcp.getsockname()[1]


class ToolTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="shunt-probe-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.port = free_port()
        self.target = f"127.0.0.1:{self.port}"

    def start(self, *words, **options):
        process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        """Kills it if it still runs; by its own pid."""
        if process.poll() is None:
            process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()
        process.wait(LIMIT)

    def echo(self, name="b1", *words, at=None):
        process = self.start(ECHO, "--id", name, "--tcp", at or self.target, "--udp", at or self.target, *words)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def stop_echo(self, process):
        """Its own counts."""
        process.send_signal(signal.SIGTERM)
        counts = json.loads(process.communicate(timeout=LIMIT)[0])
        self.assertEqual(process.returncode, 0)
        return counts

    def start_probe(self, *words, **options):
        return self.start(PROBE, "--target", self.target, "--ramp", "0", *words, stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE, **options)

    def finish_probe(self, process, status):
        out, self.summary = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, status, self.summary)
        return json.loads(out)

    def probe(self, *words, status=0):
        return self.finish_probe(self.start_probe(*words), status)

    def wait_status(self, file, condition):
        """The status file's content once it is as wanted."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            with contextlib.suppress(FileNotFoundError):
                status = json.loads(file.read_text())  # must parse at any moment: it is rewritten atomically
                if condition(status):
                    return status
            time.sleep(0.05)
        self.fail(f"{file} never showed what was waited for: {file.read_text() if file.exists() else 'no file'}")
