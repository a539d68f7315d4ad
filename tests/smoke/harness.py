"""What a smoke test stands on: a Bed (topology + configuration + shuntd + what runs on the backends) and SmokeTest.

    @each_forward
    class HttpShares(SmokeTest):
        def check_shares(self, forward):          # becomes test_shares_l2, _ipip and _nat
            bed = self.bed(forward, weights=[1, 1, 2])
            bed.start()

At the end of every test shuntd's own account has to add up, to agree with its driver and with the kernel's counters of the
taps, and to hold no drop reason that the test didn't expect; then shuntd has to end on SIGTERM and leave nothing behind.
"""

import contextlib
import functools
import os
import pathlib
import signal
import socket
import sys
import unittest

import topology as net
import traffic
from config import backend_port, default_config
from daemon import STOP_LIMIT, Daemon  # noqa: F401  tests take it from here, as they do ROOT
from programs import ROOT, decap_object, program, tags_object, wait_until  # noqa: F401

FORWARDS = ("l2", "ipip", "nat")
TEST_LIMIT = 120      # seconds until a test that hangs is ended
EXIT_CONFIG = 78      # EX_CONFIG


# ---- a test's bed

HTTP_HEALTH = {"type": "http", "path": "/health", "port": 80, "interval": "300ms", "timeout": "300ms", "rise": 1, "fall": 2}
ECHO_HEALTH = {"type": "tcp", "port": 7000, "interval": "300ms", "timeout": "300ms", "rise": 1, "fall": 2}
WEB = {"web": ("tcp", 80)}
ECHO = {"echo-tcp": ("tcp", 7000), "echo-udp": ("udp", 7000)}


class Bed:
    """Topology, configuration (a dict to edit before start() or reload()), shuntd, and servers on the backends."""

    def __init__(self, forward, services=None, weights=None, health=None, backends=3, **options):
        self.forward = forward
        self.topology = net.Topology(forward, backends=backends, decap=decap_object(), **options)
        self.clients, self.backends = self.topology.clients, self.topology.backends
        self.client = self.clients[0] if self.clients else None
        self.vip = self.topology.vip
        self.services = services or WEB
        self.config = default_config(self.topology, self.services, weights or [1] * backends, health)
        self.daemon = Daemon(self.topology)
        self.expected_drops = {"arp": None, "nd": None} if self.topology.ipv6 else {"arp": None}
        if forward == "nat":
            self.expected_drops["no_neighbour"] = None  # the first answer to a client that the kernel doesn't know yet

    def expect_drops(self, **reasons):
        """Reasons that this test causes: a count that must be exact, or None for any."""
        self.expected_drops.update(reasons)

    def pool(self, name):
        return next(pool for pool in self.config["pool"] if pool["name"] == name)

    def start(self):
        self.daemon.start(self.config)
        self.wait_up()

    def wait_up(self, timeout=10):
        """Every backend of the configuration is up, and shuntd knows its MAC."""
        wanted = sum(len(pool["backend"]) for pool in self.config["pool"])

        def up():
            return len({(entry["pool"], entry["name"]) for entry in self.daemon.backends("up") if entry["mac_known"]})

        wait_until(lambda: up() == wanted, timeout, f"{wanted} backends up and their MACs known")

    def reload(self):
        self.daemon.reload(self.config)

    def serve_http(self, backends=None):
        """nginx on each backend, answering its name at any path; returns when it does."""
        for backend in backends or self.backends:
            start_nginx(self.topology, backend, backend_port(self.forward, 80))

    def serve_echo(self, backends=None, port=7000):
        """shunt-echo on each backend for TCP and UDP."""
        number = backend_port(self.forward, port)
        at = "0.0.0.0" if self.forward == "nat" else self.vip  # a UDP answer has to come from the VIP
        for backend in backends or self.backends:
            with open(f"{self.topology.folder}/{backend.name}-echo.log", "ab") as log:
                self.topology.start_on(backend, [program("shunt-echo"), "--id", backend.name, "--tcp", f"0.0.0.0:{number}",
                                                 "--udp", f"{at}:{number}"], log)
            wait_for_listener(backend, number)

    def probe(self, *words, client=None):
        """Starts shunt-probe on a client; finish_probe() waits for its end."""
        client = client or self.client
        log = open(f"{self.topology.folder}/probe.log", "wb")  # closed with the process in finish_probe
        process = self.topology.start(client.namespace, [program("shunt-probe"), *words], log)
        process.log = log
        return process

    def finish_probe(self, process, timeout=60):
        """(status, what it printed)."""
        status = process.wait(timeout)
        process.log.close()
        return status, pathlib.Path(process.log.name).read_text(encoding="utf-8", errors="replace")

    def get(self, client=None, **options):
        return traffic.http_get((client or self.client).namespace, self.vip, **options)

    def evidence(self):
        """What to show when the test failed: the log's end, and what shuntd says about itself."""
        parts = [f"--- shuntd's log\n{self.daemon.log()[-6000:]}"]
        if self.daemon.running:
            for words in (("status",), ("backends",), ("drops",)):
                with contextlib.suppress(Exception):
                    parts.append(f"--- shuntctl {words[0]}\n{self.daemon.shuntctl(*words).stdout}")
            with contextlib.suppress(Exception):
                parts.append(f"--- addresses and routes in lb\n{self.topology.lb.run('ip', '-br', 'address')}"
                             f"{self.topology.lb.run('ip', 'route')}{self.topology.lb.run('ip', '-6', 'route')}"
                             f"{self.topology.lb.run('ip', 'neighbour')}")
        return "\n".join(parts)

    def close(self):
        self.topology.close()


def start_nginx(topology, backend, *ports):
    """nginx on these ports, in every family that the topology has; returns when it listens."""
    listeners = "".join(f"listen 0.0.0.0:{port} backlog=4096; " for port in ports)
    if topology.ipv6:
        listeners += "".join(f"listen [::]:{port} backlog=4096 ipv6only=on; " for port in ports)
    folder = f"{topology.folder}/{backend.name}-nginx"
    os.makedirs(folder, exist_ok=True)
    config = f"""
        daemon off; master_process off; user root; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 4096; }}
        http {{
          access_log off; default_type text/plain;
          client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
          uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
          server {{ {listeners}return 200 "{backend.name}\\n"; }}
        }}"""
    pathlib.Path(folder, "nginx.conf").write_text(config, encoding="utf-8")
    with open(f"{folder}/output", "ab") as log:
        topology.start_on(backend, ["nginx", "-p", folder, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"], log)
    wait_for_listener(backend, ports[-1])


def wait_for_listener(host, port, timeout=10):
    def accepts():
        with host.namespace.inside():
            attempt = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with attempt:
            return attempt.connect_ex((host.address, port)) == 0
    wait_until(accepts, timeout, f"{host.name} listens on port {port}")


# ---- unittest

def each_forward(test_class):
    """Turns every check_NAME(self, forward) into test_NAME_l2, test_NAME_ipip and test_NAME_nat."""
    for name, function in list(vars(test_class).items()):
        if name.startswith("check_"):
            for forward in FORWARDS:
                method = functools.partialmethod(function, forward)
                setattr(test_class, f"test_{name[6:]}_{forward}", method)
    return test_class


class TestTimeout(BaseException):
    """Not an Exception, so that no test swallows it."""


def _on_alarm(_number, _frame):
    SmokeTest.timed_out = True
    raise TestTimeout(f"the test still ran after {TEST_LIMIT} s")


class SmokeTest(unittest.TestCase):
    """Makes beds, checks the accounts at the end, stops shuntd, shows logs of what failed. Needs root."""

    longMessage = True
    timed_out = False

    def setUp(self):
        SmokeTest.timed_out = False
        if os.geteuid() != 0:
            self.skipTest("needs root: it makes network namespaces")
        self.beds = []
        signal.signal(signal.SIGALRM, _on_alarm)
        signal.alarm(TEST_LIMIT)
        self.addCleanup(signal.alarm, 0)

    def bed(self, forward, **options):
        bed = Bed(forward, **options)
        self.addCleanup(bed.close)
        self.beds.append(bed)
        return bed

    def subTest(self, *arguments, **names):  # unittest's own would swallow the timeout and begin the next one
        if SmokeTest.timed_out:
            raise TestTimeout(f"the test still ran after {TEST_LIMIT} s")
        return super().subTest(*arguments, **names)

    def tearDown(self):
        for bed in self.beds:
            if bed.daemon.running:
                bed.daemon.check_account(bed.expected_drops)
                bed.daemon.stop()
            elif bed.daemon.process is not None:
                self.fail(f"shuntd ended by itself with status {bed.daemon.process.returncode}")

    def run(self, result=None):
        self._evidence = []
        return super().run(result)

    def _callTestMethod(self, method):
        with self._keep_evidence():
            method()  # not by super(): unittest cuts tracebacks off at its own frames

    def _callTearDown(self):
        with self._keep_evidence():
            self.tearDown()

    @contextlib.contextmanager
    def _keep_evidence(self):
        """Asks for evidence while the beds are still up, and puts it where the runner prints it: on the exception."""
        try:
            yield
        except unittest.SkipTest:
            raise
        except BaseException as error:
            if not self._evidence:
                self._evidence = [bed.evidence() for bed in getattr(self, "beds", [])]
                error.add_note("\n".join(self._evidence))
            raise


def main():
    """What a test file calls when it is run alone; the same options as run.py."""
    import run  # not at the top: run imports this file
    sys.exit(run.main([*sys.argv[1:], "--file", sys.modules["__main__"].__file__]))
