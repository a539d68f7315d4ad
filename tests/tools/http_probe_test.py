"""shunt-probe http against a server that answers right, wrong, late or not at all."""

import contextlib
import json
import socket
import subprocess
import threading
import unittest

from tool_test import LIMIT, PROBE, ToolTest


class WebServer:
    """Answers what it is told to, one connection after the other; `answers` gives the bytes, None: never, b"": nothing."""

    def __init__(self, port, answers):
        self._answers = answers
        self._held = []
        self.requests = []
        self._socket = socket.create_server(("127.0.0.1", port), backlog=128)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, peer = self._socket.accept()
                connection.settimeout(LIMIT)
                request = b""
                with contextlib.suppress(OSError):
                    while b"\r\n\r\n" not in request:
                        piece = connection.recv(4096)
                        if not piece:
                            break
                        request += piece
                    self.requests.append((peer[0], request))
                    answer = self._answers(len(self.requests) - 1)
                    if answer is None:
                        self._held.append(connection)
                        continue
                    connection.sendall(answer)
                connection.close()

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(LIMIT)
        self._socket.close()
        for connection in self._held:
            connection.close()


def response(status, body):
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


class Http(ToolTest):
    def serve(self, answers):
        server = WebServer(self.port, answers)
        self.addCleanup(server.close)
        return server

    def http(self, *words, status):
        done = subprocess.run([PROBE, "http", "--target", self.target, *map(str, words)], capture_output=True, text=True,
                              timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)

    def test_shares(self):
        server = self.serve(lambda number: response(200, "b1\nmore\n" if number % 4 == 0 else "b2\n"))
        report = self.http("--requests", 100, "--path", "/who", "--source", "127.0.0.5", status=0)
        self.assertEqual((report["requests"], report["ok"], report["failed"]), (100, 100, 0))
        self.assertEqual((report["statuses"], report["failures"]), ({"200": 100}, {}))
        self.assertEqual(report["backends"], {"b1": {"requests": 25, "share": 0.25}, "b2": {"requests": 75, "share": 0.75}})
        self.assertEqual({(peer, request.split(b"\r\n")[0]) for peer, request in server.requests},
                         {("127.0.0.5", b"GET /who HTTP/1.0")})
        self.assertEqual(len(server.requests), 100)

    def test_failures(self):
        cut = b"HTTP/1.0 200 OK\r\ncontent-length: 9\r\n\r\nb1"
        answers = [response(200, "b1\n"), response(503, "no\n"), b"", b"nonsense", cut, None]
        self.serve(lambda number: answers[number])
        report = self.http("--requests", 6, "--concurrent", 1, "--each-timeout", "500ms", status=1)
        self.assertEqual((report["requests"], report["ok"], report["failed"]), (6, 1, 5))
        self.assertEqual(report["statuses"], {"200": 1, "503": 1})
        self.assertEqual(report["failures"], {"bad_response": 2, "early_close": 1, "timeout": 1})
        self.assertEqual(report["backends"], {"b1": {"requests": 1, "share": 1.0}})

    def test_refused(self):
        report = self.http("--requests", 20, status=1)
        self.assertEqual((report["ok"], report["failures"]), (0, {"connect_failed": 20}))

    def test_until_ok(self):
        self.serve(lambda number: response(200 if number >= 3 else 503, "b1\n"))
        report = self.http("--until-ok", "30s", status=0)
        self.assertEqual((report["in_time"], report["requests"], report["statuses"]), (True, 4, {"200": 1, "503": 3}))
        self.assertGreater(report["took_ms"], 0)

    def test_until_ok_in_a_row(self):
        self.serve(lambda number: response(503 if number in (0, 2) else 200, "b1\n"))
        report = self.http("--until-ok", "30s", "--in-a-row", 3, status=0)
        self.assertEqual((report["requests"], report["ok"]), (6, 4))

    def test_until_ok_too_late(self):
        report = self.http("--until-ok", "200ms", status=1)
        self.assertEqual((report["in_time"], report["took_ms"], report["ok"]), (False, None, 0))
        self.assertEqual(report["failures"], {"connect_failed": report["requests"]})


if __name__ == "__main__":
    unittest.main()
