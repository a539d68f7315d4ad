"""shunt-traffic and shunt-test-backend over loopback: what one counts the other has counted, each knob does what it says, and
a backend that is overloaded can't hide from an open loop.

Counts are compared; of times only those that follow from the arithmetic, as lower bounds.
"""

import contextlib
import csv
import http.client
import json
import os
import pathlib
import py_compile
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from tool_test import LIMIT, ToolTest, free_port

TRAFFIC = os.environ["SHUNT_TRAFFIC"]
BACKEND = os.environ["SHUNT_TEST_BACKEND"]
ROOT = pathlib.Path(__file__).resolve().parents[2]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("backend", timeout=LIMIT)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Backend:
    """A shunt-test-backend that is asked over its control socket, which counts nothing."""

    def __init__(self, test, *knobs, name="b1", listen=None):
        self.control = str(test.folder / f"{name}.sock")
        words = [word for knob in knobs for word in ("--set", knob)]
        self.process = test.start(BACKEND, "--id", name, "--listen", listen or test.target, "--control", self.control, *words,
                                  stderr=subprocess.DEVNULL)
        test.assertEqual(self.process.stdout.readline(), "ready\n")

    def ask(self, method, path, body=None):
        with contextlib.closing(UnixConnection(self.control)) as connection:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def set(self, *knobs):
        status, text = self.ask("POST", "/control", " ".join(knobs))
        assert status == 200, text
        return json.loads(text)

    def metrics(self):
        """{name{labels}: value}"""
        text = self.ask("GET", "/metrics")[1]
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if not line.startswith("#")}

    def requests(self, status="200", route="/"):
        return self.metrics().get(f'test_backend_requests_total{{route="{route}",status="{status}"}}', 0)

    def datagrams(self, result="answered"):
        return self.metrics()[f'test_backend_datagrams_total{{result="{result}"}}']


class TrafficTest(ToolTest):
    def run_traffic(self, *words, status=0):
        done = subprocess.run([TRAFFIC, *map(str, words)], capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def traffic(self, *words, status=0):
        """The report."""
        report = json.loads(self.run_traffic("--target", self.target, "--json", "--quiet", *words, status=status).stdout)
        self.assertEqual(report["offered"], sum(report["outcomes"].values()))
        return report

    def outcomes(self, *words, status=1):
        """Those that there were."""
        return {name: count for name, count in self.traffic(*words, status=status)["outcomes"].items() if count}


class Counts(TrafficTest):
    def test_open_loop(self):
        backend = Backend(self)
        report = self.traffic("--rate", 400, "--duration", "1s")
        self.assertGreater(report["ok"], 300)  # seed 1: always the same
        self.assertEqual((report["ok"], report["connections"]), (report["offered"], report["offered"]))
        self.assertEqual(report["backends"], {"b1": report["ok"]})
        self.assertEqual(backend.requests(), report["ok"])
        metrics = backend.metrics()
        self.assertEqual(metrics["test_backend_connections_total"], report["connections"])
        self.assertEqual((metrics["test_backend_open_connections"], metrics["test_backend_requests_in_work"]), (0, 0))
        self.assertEqual(metrics["test_backend_request_duration_seconds_count"], report["ok"])
        latency = report["latency_ms"]
        self.assertLessEqual(latency["p50"], latency["p99"])
        self.assertLessEqual(latency["p99"], latency["p999"])
        self.assertLessEqual(latency["p999"], latency["max"])

    def test_kept_connections(self):
        backend = Backend(self)
        report = self.traffic("--requests", 600, "--concurrent", 1, "--keep", 6)
        self.assertEqual((report["ok"], report["connections"], backend.requests()), (600, 100, 600))
        self.assertEqual(backend.metrics()["test_backend_connections_total"], 100)
        report = self.traffic("--udp", "--requests", 60, "--concurrent", 1, "--keep", 6, "--bytes", 1400)
        self.assertEqual((report["ok"], report["connections"], backend.datagrams()), (60, 10, 60))
        self.assertEqual(backend.metrics()["test_backend_datagram_bytes_total"], 60 * 1400)

    def test_udp(self):
        backend = Backend(self)
        report = self.traffic("--udp", "--rate", 400, "--duration", "1s", "--arrivals", "even")
        self.assertEqual((report["offered"], report["ok"], backend.datagrams()), (400, 400, 400))

    def test_ipv6_and_large_answers(self):
        self.target = f"[::1]:{free_port('::1')}"
        backend = Backend(self)
        path = "/api/data?bytes=3000000&seed=4"
        report = self.traffic("--requests", 20, "--concurrent", 5, "--path", path)
        self.assertEqual((report["ok"], backend.requests(route="/api/data")), (20, 20))

    def test_sources_and_ports_are_taken_in_turn(self):
        seen = []
        with socket.create_server(("127.0.0.1", self.port), backlog=128) as server:
            def serve():
                for _ in range(6):
                    connection, peer = server.accept()
                    seen.append(peer)
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nb1\n")
                    connection.close()
            thread = threading.Thread(target=serve)
            thread.start()
            first = free_port()
            words = ("--source", "127.0.0.2", "--source", "127.0.0.3", "--ports", f"{first}-{first + 9}")
            report = self.traffic("--requests", 6, "--concurrent", 1, *words)
            thread.join(LIMIT)
        self.assertEqual(report["backends"], {"b1": 6})
        self.assertEqual(seen, [(f"127.0.0.{2 + turn % 2}", first + turn // 2) for turn in range(6)])

    def test_a_thousand_at_once(self):
        backend = Backend(self, "hang=1")
        process = self.start(TRAFFIC, "--target", self.target, "--requests", 1000, "--concurrent", 1000, "--json", "--quiet",
                             "--timeout", "40s", stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + LIMIT
        while backend.metrics()["test_backend_open_connections"] < 1000:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        report = json.loads(process.communicate(timeout=LIMIT)[0])
        self.assertEqual((report["outcomes"]["unfinished"], report["interrupted"]), (1000, True))


class Words(TrafficTest):
    def test_first_try(self):
        backend = Backend(self)
        text = self.run_traffic("--target", self.target, "--requests", 300, "--concurrent", 10).stdout
        self.assertRegex(text, rf"300 of 300 requests to {re.escape(self.target)} \(TCP\) were answered .* 10 at a time")
        self.assertIn("None failed.", text)
        self.assertIn("Answered by: b1 300.", text)
        self.assertEqual(backend.requests(), 300)

    def test_seconds(self):
        Backend(self)
        file = self.folder / "seconds.csv"
        done = self.run_traffic("--target", self.target, "--rate", 100, "--duration", "2s", "--arrivals", "even", "--csv", file)
        self.assertRegex(done.stderr, r"0 s  offered    100  ok")
        with file.open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        self.assertEqual([int(row["offered"]) for row in rows[:2]], [100, 100])
        self.assertEqual(sum(int(row["ok"]) for row in rows), 200)
        self.run_traffic("--target", self.target, "--requests", 1, "--csv", "/nowhere/x.csv", status=2)

    def test_interrupted(self):
        backend = Backend(self)
        process = self.start(TRAFFIC, "--target", self.target, "--rate", 50, "--duration", "1h", "--json", stderr=subprocess.PIPE)
        process.stderr.readline()  # a second is over
        process.send_signal(signal.SIGINT)
        report = json.loads(process.communicate(timeout=LIMIT)[0])
        self.assertEqual((process.returncode, report["interrupted"]), (0, True))
        self.assertEqual((report["ok"], backend.requests()), (report["offered"], report["offered"]))
        self.assertGreater(report["ok"], 20)

    def test_wrong_words(self):
        for words, wanted in (((), "--target"), (("--target", "here"), "isn't ADDR:PORT"),
                              (("--target", self.target, "--requests", 5, "--rate", 5), "closed loop"),
                              (("--target", self.target, "--rate", "fast"), "isn't a rate"),
                              (("--target", self.target, "--profile", "hill"), "isn't steady, ramp"),
                              (("--target", self.target, "--source", "::1"), "family"),
                              (("--target", self.target, "--ports", "9-8"), "FIRST-LAST"),
                              (("--target", self.target, "--path", "a b"), "--path"),
                              (("--target", self.target, "--profile", "trace:/nowhere"), "/nowhere: can't be read")):
            done = self.run_traffic(*words, status=2)
            self.assertIn(wanted, done.stderr + done.stdout, words)


class Plans(TrafficTest):
    def plan(self, *words):
        lines = self.run_traffic("--plan", *words).stdout.splitlines()
        self.assertEqual(lines[0], "at_s")
        return lines[1:]

    def test_seed(self):
        words = ("--profile", "flash-crowd", "--rate", 50, "--duration", "10s")
        self.assertEqual(self.plan(*words, "--seed", 5), self.plan(*words, "--seed", 5))
        self.assertNotEqual(self.plan(*words, "--seed", 5), self.plan(*words, "--seed", 6))

    def test_file_and_options_over_it(self):
        file = self.folder / "profile.toml"
        file.write_text('profile = "ramp"\nrate = 0\npeak = 200\nduration = "4s"\narrivals = "even"\n', encoding="utf-8")
        self.assertEqual(len(self.plan("--profile-file", file)), 400)
        self.assertEqual(len(self.plan("--profile-file", file, "--duration", "2s")), 200)
        file.write_text("rate = 5\nspeed = 6\n", encoding="utf-8")
        self.assertIn(f"{file}:2:1: there is no setting", self.run_traffic("--plan", "--profile-file", file, status=2).stderr)

    def test_profiles_of_the_tree(self):
        for file in sorted((ROOT / "tests/traffic/profiles").glob("*.toml")):
            with self.subTest(file=file.name):
                self.assertGreater(len(self.plan("--profile-file", file)), 100)

    def test_locustfile_compiles(self):
        py_compile.compile(str(ROOT / "scripts/locustfile.py"), cfile=str(self.folder / "locustfile.pyc"), doraise=True)


class Failures(TrafficTest):
    """What is no answer, told apart; counted by both sides where both can know."""

    def test_nobody_listens(self):
        self.assertEqual(self.outcomes("--requests", 20), {"refused": 20})
        self.assertEqual(self.outcomes("--udp", "--requests", 20), {"refused": 20})
        self.traffic("--requests", 20, "--max-failed", 20)  # status 0

    def test_errors(self):
        backend = Backend(self, "errors=0.5")
        outcomes = self.outcomes("--requests", 200)
        self.assertEqual(outcomes, {"ok": backend.requests(), "error_status": backend.requests("500")})
        self.assertGreater(outcomes["error_status"], 50)

    def test_resets(self):
        backend = Backend(self, "reset=0.5")
        outcomes = self.outcomes("--requests", 200)
        self.assertEqual(outcomes, {"ok": backend.requests(), "reset": backend.requests("reset")})
        self.assertGreater(outcomes["reset"], 50)

    def test_silence(self):
        backend = Backend(self, "hang=0.2")
        outcomes = self.outcomes("--requests", 50, "--timeout", "1s", "--concurrent", 50)
        self.assertEqual(outcomes["answer_timeout"], backend.requests("hang"))
        backend.set("hang=0", "udp_loss=0.2")
        outcomes = self.outcomes("--udp", "--requests", 50, "--timeout", "1s", "--concurrent", 50)
        self.assertEqual(outcomes, {"ok": backend.datagrams(), "answer_timeout": backend.datagrams("lost")})

    def test_no_handshake(self):
        with socket.create_server(("127.0.0.1", self.port), backlog=0):
            outcomes = self.outcomes("--requests", 8, "--concurrent", 8, "--connect-timeout", "500ms", "--timeout", "500ms")
        self.assertGreater(outcomes.get("connect_timeout", 0), 0)  # the backlog takes one or two
        self.assertEqual(sum(outcomes.values()), outcomes["connect_timeout"] + outcomes.get("answer_timeout", 0))

    def test_wrong_answers(self):
        answers = [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", b"",
                   b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab"]
        with socket.create_server(("127.0.0.1", self.port)) as server:
            def serve():
                for answer in answers:
                    connection, _ = server.accept()
                    connection.recv(4096)
                    connection.sendall(answer)
                    connection.close()
            thread = threading.Thread(target=serve)
            thread.start()
            outcomes = self.outcomes("--requests", 4, "--concurrent", 1)
            thread.join(LIMIT)
        self.assertEqual(outcomes, {"wrong_answer": 2, "early_close": 2})

    def test_wrong_datagram(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", self.port))

            def serve():
                data, peer = server.recvfrom(100)
                server.sendto(data[:-1] + b"x", peer)
            thread = threading.Thread(target=serve)
            thread.start()
            self.assertEqual(self.outcomes("--udp", "--requests", 1), {"wrong_answer": 1})
            thread.join(LIMIT)

    def test_no_local_port(self):
        Backend(self, "hang=1")
        port = free_port()
        outcomes = self.outcomes("--requests", 3, "--concurrent", 3, "--ports", f"{port}-{port}", "--timeout", "300ms")
        self.assertEqual(outcomes, {"answer_timeout": 1, "no_local_port": 2})

    def test_too_many_open(self):
        backend = Backend(self, "hang=1")
        report = self.traffic("--rate", 100, "--duration", "1s", "--arrivals", "even", "--max-open", 30, "--timeout", "1s",
                              status=1)
        self.assertEqual(report["outcomes"]["answer_timeout"], backend.requests("hang"))
        self.assertGreaterEqual(report["outcomes"]["not_begun"], 1)
        self.assertTrue(report["generator_late"])


class Knobs(TrafficTest):
    def get(self, path):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def test_control(self):
        backend = Backend(self)
        self.assertEqual(self.get("/control")[0], 404)  # only where its socket's owner can ask
        self.assertEqual(backend.set("health=down", "data_bytes=77")["health"], "down")
        self.assertEqual(self.get("/health"), (503, "down\n"))
        self.assertEqual(len(self.get("/api/data")[1]), 77)
        self.assertEqual(backend.ask("POST", "/control", "health=up speed=2"), (400, "speed: no such knob\n"))
        self.assertEqual(json.loads(backend.ask("GET", "/control")[1])["health"], "down")
        self.assertEqual(os.stat(backend.control).st_mode & 0o777, 0o600)

    def test_latency(self):
        backend = Backend(self, "latency=30ms")
        self.assertGreaterEqual(self.traffic("--requests", 30)["latency_ms"]["p50"], 29.5)
        backend.set("latency=lognormal:30ms,0.1")
        self.assertGreaterEqual(self.traffic("--udp", "--requests", 30)["latency_ms"]["p50"], 20)

    def test_slow_accept(self):
        Backend(self, "accept_gap=30ms")
        report = self.traffic("--requests", 10, "--concurrent", 10)
        self.assertEqual(report["ok"], 10)
        self.assertGreaterEqual(report["latency_ms"]["max"], 9 * 30 - 30)  # the last of ten

    def test_small_backlog(self):
        backend = Backend(self, "backlog=1", "accept_gap=1h")
        outcomes = self.outcomes("--requests", 8, "--concurrent", 8, "--connect-timeout", "500ms", "--timeout", "500ms")
        self.assertGreater(outcomes.get("connect_timeout", 0), 0)
        backend.set("backlog=4096", "accept_gap=0")  # at once, not in an hour
        self.assertEqual(self.traffic("--requests", 20)["ok"], 20)

    def test_crash_now(self):
        backend = Backend(self, "exit_code=7")
        with self.assertRaises((http.client.HTTPException, OSError)):
            backend.set("crash=now")
        self.assertEqual(backend.process.wait(LIMIT), 7)

    def test_crash_after(self):
        backend = Backend(self, "crash_after=20", "exit_code=9")
        outcomes = self.outcomes("--requests", 30, "--concurrent", 1)
        self.assertEqual(backend.process.wait(LIMIT), 9)
        # The kernel closes the dead program's sockets one by one: its port may still accept the next one, and then resets that too.
        self.assertEqual((outcomes["ok"], outcomes["reset"] + outcomes["refused"]), (19, 11))
        self.assertIn(outcomes["reset"], (1, 2))

    def test_overload_shows_in_an_open_loop(self):
        """200 a second fit; 400 come in half a second, which is work for two. The last waits 1.5 s: queueing, not luck."""
        backend = Backend(self, "workers=1", "latency=5ms")
        closed = self.traffic("--requests", 60, "--concurrent", 2)
        report = self.traffic("--rate", 800, "--duration", "500ms", "--arrivals", "even", "--timeout", "50s")
        self.assertEqual((report["ok"], backend.requests()), (400, 460))
        self.assertGreater(report["latency_ms"]["p99"], 1400)
        self.assertGreater(report["latency_ms"]["p99"], closed["latency_ms"]["p50"])
        self.assertGreaterEqual(report["latency_ms"]["max"], report["service_ms"]["max"])


if __name__ == "__main__":
    unittest.main()
