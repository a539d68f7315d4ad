"""shunt-probe and shunt-echo over loopback: a run without faults counts exactly, and every fault is seen as what it is.

Counts are compared, never times. Where the machine can't send at the rate asked for, what was sent is what counts.
"""

import json
import signal
import socket
import subprocess
import unittest

from tool_test import ECHO, LIMIT, PROBE, ToolTest, free_port

KINDS = ("reset", "early_close", "backend_changed", "gap", "duplicate", "corrupt", "silence", "connect_failed",
         "connect_timeout", "socket_error")


def kinds(**counts):
    """What a report's "broken" says when only these happened."""
    return {kind: counts.get(kind, 0) for kind in KINDS}


class FaultFree(ToolTest):
    def test_counts_are_exact(self):
        echo = self.echo()
        report = self.probe("--tcp", 50, "--udp", 20, "--duration", "1s", "--interval", "50ms")
        counts = self.stop_echo(echo)
        tcp, udp = report["tcp"], report["udp"]
        self.assertEqual((report["state"], report["broken"], report["ended_with_backend"], report["breaks"]),
                         ("done", 0, 0, []))
        self.assertEqual((tcp["broken"], udp["broken"]), (kinds(), kinds()))
        self.assertEqual((tcp["wanted"], tcp["opened"], tcp["open"], tcp["unanswered"]), (50, 50, 50, 0))
        self.assertEqual((udp["wanted"], udp["opened"], report["udp_lost"]), (20, 20, 0))
        self.assertEqual((counts["tcp_connections"], counts["tcp_messages"]), (50, tcp["messages_sent"]))
        self.assertEqual((counts["udp_messages"], counts["not_ours"]), (report["udp_sent"], 0))
        self.assertEqual((tcp["messages_received"], report["udp_received"]),
                         (tcp["messages_sent"], report["udp_sent"]))
        self.assertGreaterEqual(tcp["messages_sent"], 100)  # a first message and more of each
        self.assertEqual(tcp["backends"], {"b1": {"connections": 50, "messages": tcp["messages_sent"], "broken": 0,
                                                  "ended_with_backend": 0}})
        self.assertEqual(udp["backends"], {"b1": {"flows": 20, "messages": report["udp_sent"], "broken": 0,
                                                  "ended_with_backend": 0}})
        self.assertIn("nothing broken", self.summary)

    def test_long_messages_and_ipv6(self):
        port = free_port("::1")
        self.target = f"[::1]:{port}"
        self.echo(at=self.target)
        report = self.probe("--tcp", 5, "--udp", 5, "--duration", "300ms", "--interval", "20ms", "--message-bytes", 8192)
        self.assertEqual((report["broken"], report["udp_lost"]), (0, 0))
        self.assertEqual((report["tcp"]["opened"], report["udp"]["opened"]), (5, 5))
        self.assertGreaterEqual(report["tcp"]["messages_received"], 5)

    def test_sources_are_taken_in_turn(self):
        with socket.create_server(("127.0.0.1", self.port)) as server:
            probe = self.start_probe("--tcp", 4, "--duration", "30s", "--source", "127.0.0.2", "--source", "127.0.0.3")
            server.settimeout(LIMIT)
            seen = []
            for _ in range(4):
                connection, peer = server.accept()
                self.addCleanup(connection.close)
                seen.append(peer[0])
            self.end(probe)
        self.assertEqual(sorted(seen), ["127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"])

    def test_udp_is_answered_from_the_address_asked(self):
        self.echo(at=f"0.0.0.0:{self.port}")
        self.target = f"127.9.8.7:{self.port}"  # a connected socket takes nothing from anywhere else
        report = self.probe("--udp", 3, "--duration", "200ms", "--source", "127.0.0.1")
        self.assertEqual((report["udp"]["broken"], report["udp_lost"]), (kinds(), 0))
        self.assertGreaterEqual(report["udp_received"], 3)

    def test_counted_load(self):
        echo = self.echo()
        report = self.probe("--udp", 50, "--udp-rate", 10000, "--duration", "2s")
        counts = self.stop_echo(echo)
        self.assertLessEqual(report["udp_sent"] + report["udp"]["send_failed"], 20000)
        self.assertGreater(report["udp_sent"], 0)
        self.assertEqual((report["udp_lost"], report["udp_duplicates"], report["udp"]["dropped_here"]), (0, 0, 0))
        self.assertEqual(report["udp_received"], report["udp_sent"])
        self.assertEqual(counts["udp_messages"], report["udp_sent"])

    def test_stall_is_measured_and_no_break(self):
        self.echo("b1", "--fault", "stall=400")
        report = self.probe("--tcp", 3, "--udp", 3, "--duration", "300ms", "--interval", "20ms")
        self.assertEqual(report["broken"], 0)
        longest = max(report[protocol]["longest_stall_ms"] for protocol in ("tcp", "udp"))
        self.assertGreaterEqual(longest, 400)  # the echo slept so long with one of them unanswered


class Faults(ToolTest):
    """Each fault: what it makes of 6 connections and 4 flows."""

    def run_fault(self, fault, *words, tcp=6, udp=0, status=1):
        self.echo("b1", "--fault", fault)
        return self.probe("--tcp", tcp, "--udp", udp, "--duration", "1s", "--interval", "20ms", *words, status=status)

    def check_tcp(self, fault, kind, sequence, *words):
        report = self.run_fault(fault, *words)
        self.assertEqual(report["tcp"]["broken"], kinds(**{kind: 6}))
        self.assertEqual((report["broken"], report["tcp"]["open"], report["ended_with_backend"]), (6, 0, 0))
        self.assertEqual(report["tcp"]["backends"]["b1"]["broken"], 6)
        self.assertEqual(len(report["breaks"]), 5)  # the first few
        for what in report["breaks"]:
            self.assertEqual((what["protocol"], what["kind"], what["backend"]), ("tcp", kind, "b1"))
            self.assertRegex(what["local"], r"^127\.0\.0\.1:\d+$")
            self.assertLess(what["flow"], 6)
            if sequence is not None:
                self.assertEqual(what["sequence"], sequence)
        self.assertEqual(len({what["local"] for what in report["breaks"]}), 5)
        self.assertIn(f"broken: {kind}", self.summary)

    def test_reset(self):
        self.check_tcp("rst-after=3", "reset", None)  # an unread answer may go with the reset

    def test_early_close(self):
        self.check_tcp("close-after=3", "early_close", 3)

    def test_gap(self):
        self.check_tcp("gap=3", "gap", 2)

    def test_duplicate(self):
        self.check_tcp("duplicate=3", "duplicate", 3)

    def test_corrupt(self):
        self.check_tcp("corrupt=3", "corrupt", 2)

    def test_backend_changed(self):
        self.check_tcp("id-flip=3", "backend_changed", 3)

    def test_silence(self):
        self.check_tcp("drop-reply=3", "silence", 2, "--silence", "1s")  # judged although the run is shorter

    def test_max_broken(self):
        self.assertEqual(self.run_fault("close-after=3", "--max-broken", 6, status=0)["broken"], 6)

    def test_connect_failed(self):
        report = self.probe("--tcp", 4, "--duration", "100ms", status=1)  # nobody listens
        self.assertEqual(report["tcp"]["broken"], kinds(connect_failed=4))
        self.assertEqual((report["tcp"]["opened"], report["tcp"]["open"]), (0, 0))
        self.assertEqual(report["breaks"][0]["detail"], "Connection refused")

    def test_connect_timeout(self):
        with socket.socket() as full:
            full.bind(("127.0.0.1", self.port))
            full.listen(0)
            fillers = [socket.socket() for _ in range(4)]  # more than its queue takes: SYNs are dropped from then on
            for filler in fillers:
                self.addCleanup(filler.close)
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", self.port))
            report = self.probe("--tcp", 3, "--duration", "100ms", "--connect-timeout", "500ms", status=1)
        self.assertEqual(report["tcp"]["broken"], kinds(connect_timeout=3))

    def test_udp_backend_changed(self):
        report = self.run_fault("id-flip=3", tcp=0, udp=4)
        self.assertEqual((report["udp"]["broken"], report["broken"]), (kinds(backend_changed=4), 4))
        self.assertEqual(report["udp_lost"], 0)
        self.assertEqual(report["udp"]["backends"]["b1"]["messages"], 12)
        self.assertEqual(report["udp"]["backends"]["b1"]["flows"], 4)
        self.assertEqual(report["udp"]["backends"]["another-backend"]["flows"], 0)

    def test_udp_silence(self):
        report = self.run_fault("drop-reply=3", "--silence", "200ms", tcp=0, udp=4)
        self.assertEqual((report["udp"]["broken"], report["udp_received"]), (kinds(silence=4), 8))
        self.assertEqual(report["udp_lost"], report["udp_sent"] - 8)

    def test_udp_never_answered(self):
        report = self.run_fault("drop-reply=1", tcp=0, udp=4)
        self.assertEqual((report["udp"]["broken"], report["udp_received"]), (kinds(silence=4), 0))

    def test_udp_loss_is_counted_and_no_break(self):
        report = self.run_fault("gap=2", tcp=0, udp=4, status=0)
        self.assertEqual((report["broken"], report["udp_lost"]), (0, 4))
        self.assertEqual(report["udp_received"], report["udp_sent"] - 4)

    def test_udp_duplicates_are_counted_once(self):
        report = self.run_fault("duplicate=2", tcp=0, udp=4, status=0)
        self.assertEqual((report["broken"], report["udp_duplicates"], report["udp_lost"]), (0, 4, 0))
        self.assertEqual(report["udp_received"], report["udp_sent"])

    def test_udp_corrupt(self):
        report = self.run_fault("corrupt=2", tcp=0, udp=4)
        self.assertEqual((report["udp"]["broken"], report["udp_lost"]), (kinds(corrupt=4), 4))

    def test_udp_reordered(self):
        """An echo of its own that answers each two datagrams the wrong way round."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", self.port))
            server.settimeout(LIMIT)
            probe = self.start_probe("--udp", 1, "--udp-rate", 100, "--duration", "100ms")
            got = [server.recvfrom(9000) for _ in range(10)]
            for first, second in zip(got[::2], got[1::2]):
                for frame, peer in (second, first):
                    server.sendto(frame[:6] + b"\0\2" + frame[8:32] + b"mirror".ljust(24, b"\0") + frame[56:], peer)
            report = self.finish_probe(probe, 0)
        self.assertEqual((report["udp_sent"], report["udp_received"], report["udp_reordered"]), (10, 10, 5))


class LostBackend(ToolTest):
    """Two echoes share the port, as backends share a VIP; b1 is killed."""

    def run_killed(self, announce, *words, status):
        victim = self.echo("b1", "--share-port")
        self.echo("b2", "--share-port")
        file = self.folder / "status.json"
        probe = self.start_probe("--tcp", 60, "--udp", 60, "--duration", "60s", "--interval", "50ms", "--status-file", file,
                                 *words)

        def all_answered(report):
            return all(sum(backend[name] for backend in report[protocol]["backends"].values()) == 60
                       for protocol, name in (("tcp", "connections"), ("udp", "flows")))
        before = self.wait_status(file, all_answered)
        if announce(probe):  # the probe may read a reset before it reads that
            self.wait_status(file, lambda report: "b1" in report["lost_backends"])
        victim.kill()
        victim.wait(LIMIT)

        def moved(report):
            ended = [report[protocol][where] for protocol in ("tcp", "udp") for where in ("broken", "ended_with_backend")]
            return (ended[0]["reset"] + ended[1]["reset"] == before["tcp"]["backends"]["b1"]["connections"] and
                    ended[2]["backend_changed"] + ended[3]["backend_changed"] == before["udp"]["backends"]["b1"]["flows"])
        self.wait_status(file, moved)
        probe.send_signal(signal.SIGUSR1)
        report = self.finish_probe(probe, status)
        tcp, udp = (before[protocol]["backends"]["b1"] for protocol in ("tcp", "udp"))
        self.assertGreater(tcp["connections"], 0)
        self.assertGreater(udp["flows"], 0)
        self.assertEqual(report["tcp"]["open"], 60 - tcp["connections"])
        self.assertEqual(report["tcp"]["backends"]["b2"]["broken"], 0)
        self.assertEqual(report["udp"]["backends"]["b2"]["broken"], 0)
        return report, tcp["connections"], udp["flows"]

    def test_unannounced_is_broken(self):
        report, connections, flows = self.run_killed(lambda probe: None, "--expect-lost", "b1", status=1)
        self.assertEqual(report["tcp"]["broken"], kinds(reset=connections))
        self.assertEqual(report["udp"]["broken"], kinds(backend_changed=flows))
        self.assertEqual((report["broken"], report["ended_with_backend"]), (connections + flows, 0))

    def check_excused(self, report, connections, flows):
        self.assertEqual((report["broken"], report["ended_with_backend"]), (0, connections + flows))
        self.assertEqual(report["tcp"]["ended_with_backend"], kinds(reset=connections))
        self.assertEqual(report["udp"]["ended_with_backend"], kinds(backend_changed=flows))
        self.assertEqual(report["lost_backends"], ["b1"])
        self.assertEqual(report["tcp"]["backends"]["b1"]["ended_with_backend"], connections)
        self.assertTrue(all(what["ended_with_backend"] for what in report["breaks"]))

    def test_announced_by_signal(self):
        def announce(probe):
            probe.send_signal(signal.SIGUSR2)
            return True
        self.check_excused(*self.run_killed(announce, "--expect-lost", "b1", status=0))

    def test_announced_on_stdin(self):
        def announce(probe):
            probe.stdin.write("lost b1\n")
            probe.stdin.flush()
            return True
        self.check_excused(*self.run_killed(announce, status=0))

    def test_another_one_is_not_excused(self):
        def announce(probe):
            probe.send_signal(signal.SIGUSR2)
        report, connections, flows = self.run_killed(announce, "--expect-lost", "b2", status=1)
        self.assertEqual((report["broken"], report["ended_with_backend"]), (connections + flows, 0))


class Control(ToolTest):
    def test_status_file_and_fifo(self):
        self.echo()
        file, fifo = self.folder / "status.json", self.folder / "control"
        probe = self.start_probe("--tcp", 5, "--duration", "60s", "--status-file", file, "--control", fifo)
        status = self.wait_status(file, lambda report: report["state"] == "running" and report["tcp"]["opened"] == 5)
        self.assertEqual(status["tcp"]["open"], 5)
        fifo.write_text("lost b9\nend\n")
        report = self.finish_probe(probe, 0)
        self.assertEqual((report["lost_backends"], report["tcp"]["open"]), (["b9"], 5))
        self.assertEqual(json.loads(file.read_text()), report)  # the last status is the report
        self.assertFalse(fifo.exists())
        self.assertEqual(list(self.folder.iterdir()), [file])

    def test_ends_early(self):
        for words in ("SIGUSR1", "SIGTERM", "end on stdin"):
            with self.subTest(words):
                file = self.folder / f"{words}.json"
                echo = self.echo()
                probe = self.start_probe("--tcp", 2, "--duration", "10m", "--status-file", file)
                self.wait_status(file, lambda report: report["tcp"]["messages_received"] >= 2)
                if words.startswith("SIG"):
                    probe.send_signal(getattr(signal, words))
                else:
                    probe.stdin.write("end\n")
                    probe.stdin.flush()
                self.assertEqual(self.finish_probe(probe, 0)["tcp"]["opened"], 2)
                self.stop_echo(echo)

    def test_ramp_opens_bit_by_bit(self):
        self.echo()
        report = self.finish_probe(self.start(PROBE, "--target", self.target, "--tcp", 20, "--ramp", "300ms", "--duration",
                                              "100ms", stdin=subprocess.DEVNULL, stderr=subprocess.PIPE), 0)
        self.assertEqual((report["tcp"]["opened"], report["broken"]), (20, 0))

    def test_wrong_words(self):
        for words in ([], ["--target", "localhost:80", "--tcp", "1"], ["--target", self.target],
                      ["--target", self.target, "--tcp", "1", "--interval", "5"], ["--target", self.target, "--tcp", "-1"],
                      ["--target", self.target, "--tcp", "1", "--source", "::1"],
                      ["--target", self.target, "--tcp", "1", "--udp-rate", "5"], ["http"], ["--nonsense"]):
            with self.subTest(words):
                done = subprocess.run([PROBE, *words], capture_output=True, text=True, timeout=LIMIT, check=False,
                                      stdin=subprocess.DEVNULL)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertNotEqual(done.stderr, "")
        for words in (["--id", "b1"], ["--id", "a b", "--tcp", self.target], ["--tcp", self.target],
                      ["--id", "b1", "--tcp", self.target, "--fault", "gap=0"],
                      ["--id", "b1", "--tcp", self.target, "--fault", "nothing=1"]):
            with self.subTest(words):
                done = subprocess.run([ECHO, *words], capture_output=True, text=True, timeout=LIMIT, check=False)
                self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
