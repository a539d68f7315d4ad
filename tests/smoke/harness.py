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
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import unittest

import topology as net
import traffic

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORWARDS = ("l2", "ipip", "nat")
TEST_LIMIT = 120      # seconds until a test that hangs is ended
STOP_LIMIT = 2.0      # shuntd promises one second; the rest is for a busy machine
EXIT_CONFIG = 78      # EX_CONFIG


def build_folder():
    return pathlib.Path(os.environ.get("SHUNT_BUILD", ROOT / "build"))


def decap_object():
    return str(build_folder() / net.DECAP_OBJECT)


def program(name):
    for folder in ("", "control", "tests/tools"):
        if os.access(build_folder() / folder / name, os.X_OK):
            return str(build_folder() / folder / name)
    raise FileNotFoundError(f"{name} isn't in {build_folder()}: build it first, or name another folder with --build")


def wait_until(condition, timeout, what):
    """Polls until condition() is true and returns its value; AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.02)


# ---- configuration

def toml(table, path=""):
    """A TOML document: scalars first, then tables; a list of dicts is an array of tables, a dict elsewhere an inline table."""
    lines, later = [], []
    for key, value in table.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            later += [(f"[[{path}{key}]]", item, f"{path}{key}.") for item in value]
        elif isinstance(value, dict) and not path:
            later.append((f"[{key}]", value, f"{key}."))
        elif value is not None:
            lines.append(f"{key} = {_toml_value(value)}")
    for header, item, below in later:
        lines += ["", header, toml(item, below)]
    return "\n".join(lines)


def _toml_value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)  # strings, numbers, booleans and lists of them look the same in both


def backend_port(forward, port):
    """The port that a service's backends listen on; in nat another one, so that ports have to be translated."""
    return port + 8000 if forward == "nat" else port


def default_config(topology, services, weights, health):
    """One pool for each service, with every backend in it: nat services can't share a backend's address and port."""
    folder, forward = topology.folder, topology.forward
    port = {"name": "net0", "device": "tap:lb0", "host_interface": "shunt0", "encap_source": net.NODE_INSIDE,
            "addresses": [f"{net.NODE}/24", f"{net.NODE_INSIDE}/24"]}
    ports = [port]
    if topology.split:
        port["addresses"] = [f"{net.NODE}/24"]
        ports.append({**port, "name": "net1", "device": "tap:lb1", "host_interface": "shunt1",
                      "addresses": [f"{net.NODE_INSIDE}/24"]})
    pools, entries = [], []
    for name, (protocol, number) in services.items():
        pools.append({"name": name, "slots": 65537, "health": health and {**health, "port": backend_port(forward, health["port"])},
                      "backend": [backend_entry(topology, backend, number, weight)
                                  for backend, weight in zip(topology.backends, weights)]})
        entries.append({"name": name, "address": topology.vip, "port": number, "protocol": protocol, "pool": name,
                        "forward": forward})
    return {"node": {"name": "lb1", "state_dir": f"{folder}/state", "runtime_dir": f"{folder}/run"},
            "dataplane": {"workers": [os.cpu_count() - 1], "memory": "ordinary", "idle": "sleep", "connections": 65536},
            "port": ports, "pool": pools, "service": entries,
            "api": {"listen": [f"unix:{folder}/run/api.sock", "127.0.0.1:8080"]}, "log": {"level": "debug"}}


def backend_entry(topology, backend, service_port, weight=1):
    entry = {"name": backend.name, "address": backend.address, "weight": weight}
    if topology.forward == "nat":
        entry["port"] = backend_port("nat", service_port)
    return entry


# ---- the daemon

class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Daemon:
    """One shuntd in namespace lb, its files and its command line tool."""

    def __init__(self, topology):
        self.topology = topology
        self.folder = topology.folder
        self.config_file = f"{self.folder}/shuntd.toml"
        self.log_file = f"{self.folder}/shuntd.log"
        self.socket = f"{self.folder}/run/api.sock"
        self.process = None
        self.on_taps = True   # False: a device whose other end the kernel doesn't see
        self._baseline = {}

    # -- life

    def launch(self, config):
        """Starts shuntd and returns at once. `config` is a dict, or the text of the file."""
        for folder in ("run", "state"):
            os.makedirs(f"{self.folder}/{folder}", exist_ok=True)
        self.write(config)
        self._baseline = {tap: self.topology.lb.counters(tap) for tap in self._interfaces()}
        with open(self.log_file, "ab") as log:
            self.process = self.topology.start(self.topology.lb, [program("shuntd"), "--config", self.config_file], log)

    def start(self, config, timeout=15):
        """launch(), then waits until /readyz says 200."""
        self.launch(config)
        deadline = time.monotonic() + timeout
        if not self.topology.cable:
            self.topology.enslave_taps(deadline)
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"shuntd ended with {self.process.returncode}:\n{self.log()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get("/readyz")[0] == 200:
                    return
            if time.monotonic() > deadline:
                raise AssertionError(f"shuntd isn't ready after {timeout} s:\n{self.log()}")
            time.sleep(0.02)

    def stop(self, number=signal.SIGTERM):
        """Ends shuntd by a signal: status 0, in time, and nothing that it made is left."""
        self.process.send_signal(number)
        try:
            status = self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"shuntd still ran {STOP_LIMIT} s after signal {number}:\n{self.log()[-3000:]}") from None
        assert status == 0, f"shuntd ended with status {status} after signal {number}:\n{self.log()[-3000:]}"
        self.process = None
        self.assert_nothing_left()

    def assert_nothing_left(self):
        left = [name for name in ("shunt0", "shunt1") if self.topology.lb.has_interface(name)]
        if not self.topology.cable:
            left += [name for name in self.topology.taps if self.topology.lb.has_interface(name)]
        left += [str(path) for path in pathlib.Path(self.folder, "run").glob("*.sock")]
        routes = self.topology.lb.run("ip", "route", "show", "table", "all")
        left += [line for line in routes.splitlines() if self.topology.vip in line]
        assert not left, f"shuntd left behind: {left}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return pathlib.Path(self.log_file).read_text(encoding="utf-8", errors="replace") if os.path.exists(self.log_file) else ""

    # -- talking to it

    def write(self, config):
        """Replaces the configuration file as an editor would: whole, by rename."""
        text = config if isinstance(config, str) else toml(config) + "\n"
        new = self.config_file + ".new"
        pathlib.Path(new).write_text(text, encoding="utf-8")
        os.rename(new, self.config_file)

    def shuntctl(self, *words):
        """Runs shuntctl and returns the finished process, whatever its status."""
        return subprocess.run([program("shuntctl"), "--api", f"unix:{self.socket}", *words], capture_output=True, text=True,
                              timeout=20, check=False)

    def ctl(self, *words):
        """shuntctl … --json, as values."""
        done = self.shuntctl(*words, "--json")
        assert done.returncode == 0, f"shuntctl {' '.join(words)}: status {done.returncode}: {done.stderr}{done.stdout}"
        return json.loads(done.stdout)

    def reload(self, config):
        """Writes the configuration and has it loaded; AssertionError if shuntd refuses it."""
        self.write(config)
        done = self.shuntctl("reload")
        assert done.returncode == 0, f"shuntctl reload: status {done.returncode}: {done.stderr}{done.stdout}"

    def get(self, path, timeout=2):
        """(status, body) of a GET over the unix socket."""
        connection = _UnixConnection(self.socket, timeout)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def backends(self, state=None):
        """Backends as `shuntctl backends` lists them; only those in `state`, if given."""
        listed = self.ctl("backends")["backends"]
        return [entry for entry in listed if state in (None, entry["state"])]

    def drops(self):
        return self.ctl("drops")

    # -- accounts

    def _interfaces(self):
        present = [*self.topology.taps, "shunt0", "shunt1"]
        return [name for name in present if self.topology.lb.has_interface(name)]

    def _kernel_count(self, name):
        count = self.topology.lb.counters(name)
        return {key: value - self._baseline.get(name, {}).get(key, 0) for key, value in count.items()}

    def kernel_account(self):
        """What the kernel saw: it sends on a tap what shuntd receives."""
        counts = {name: self._kernel_count(name) for name in self._interfaces()}
        host = [count for name, count in counts.items() if name.startswith("shunt")]
        return {"received": sum(count["tx"] for count in counts.values()),
                "sent": sum(count["rx"] for name, count in counts.items() if not name.startswith("shunt")),
                "punted": sum(count["rx"] for count in host)}

    def port(self, name="net0"):
        return next(port for port in self.ctl("status")["ports"] if port["name"] == name)

    def driver_disagreement(self):
        """"" if the workers' counts of every port are its driver's, else how they differ."""
        for port in self.ctl("status")["ports"]:
            own = {key: port[key]["packets"] for key in ("received", "sent")}
            driver = {key: port[f"driver_{key}"]["packets"] for key in own}
            if own != driver or port["missed"]:
                return f"{port['name']}: workers counted {own}, the driver {driver} and {port['missed']} missed"
        return ""

    def settled_account(self, timeout=10):
        """(drops, kernel's account) read while nothing moved; health checks leave such moments, traffic doesn't.

        The drivers' counts are compared in the same moment.
        """
        deadline = time.monotonic() + timeout
        while True:
            before = self.drops()
            assert_balanced(before)
            kernel = self.kernel_account()
            drivers = self.driver_disagreement()
            after = self.drops()
            if before == after and before["in_flight"] == 0:
                assert not drivers, drivers
                return before, kernel
            assert time.monotonic() < deadline, f"never at rest within {timeout} s: {before} then {after}"
            time.sleep(0.05)

    def check_account(self, expected):
        """expected: {reason: exact count, or None for any}. See the top of the file."""
        drops, kernel = self.settled_account()
        own = {key: drops[key] for key in kernel}
        if self.on_taps:
            assert own == kernel, f"shuntd counted {own}, the kernel's taps {kernel}\n{drops}"
        surprises = {reason: count for reason, count in drops["dropped"].items() if count and reason not in expected}
        wrong = {reason: (count, drops["dropped"].get(reason, 0)) for reason, count in expected.items()
                 if count is not None and drops["dropped"].get(reason, 0) != count}
        assert not surprises, f"drops that this test doesn't expect: {surprises}\n{drops}"
        assert not wrong, f"drops (expected, counted): {wrong}\n{drops}"


def assert_balanced(drops):
    came = drops["received"] + drops["originated"]
    left = drops["sent"] + drops["punted"] + drops["in_flight"] + sum(drops["dropped"].values())
    assert came == left, f"unaccounted: {came - left} packets\n{drops}"


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
        self.client = self.clients[0]
        self.vip = self.topology.vip
        self.services = services or WEB
        self.config = default_config(self.topology, self.services, weights or [1] * backends, health)
        self.daemon = Daemon(self.topology)
        self.expected_drops = {"arp": None}
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
            return sum(entry["mac_known"] for entry in self.daemon.backends("up"))

        wait_until(lambda: up() == wanted, timeout, f"{wanted} backends up and their MACs known")

    def reload(self):
        self.daemon.reload(self.config)

    def serve_http(self, backends=None):
        """nginx on each backend, answering its name at any path; returns when it does."""
        for backend in backends or self.backends:
            start_nginx(self.topology, backend, backend_port(self.forward, 80))

    def serve_echo(self, backends=None, port=7000):
        """shunt-echo on each backend for TCP and UDP."""
        for backend in backends or self.backends:
            number = backend_port(self.forward, port)
            with open(f"{self.topology.folder}/{backend.name}-echo.log", "ab") as log:
                self.topology.start_on(backend, [program("shunt-echo"), "--id", backend.name, "--tcp", f"0.0.0.0:{number}",
                                                 "--udp", f"0.0.0.0:{number}"], log)
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
                             f"{self.topology.lb.run('ip', 'route')}{self.topology.lb.run('ip', 'neighbour')}")
        return "\n".join(parts)

    def close(self):
        self.topology.close()


def start_nginx(topology, backend, port):
    folder = f"{topology.folder}/{backend.name}-nginx"
    os.makedirs(folder, exist_ok=True)
    config = f"""
        daemon off; master_process off; user root; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 4096; }}
        http {{
          access_log off; default_type text/plain;
          client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
          uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
          server {{ listen 0.0.0.0:{port} backlog=4096; return 200 "{backend.name}\\n"; }}
        }}"""
    pathlib.Path(folder, "nginx.conf").write_text(config, encoding="utf-8")
    with open(f"{folder}/output", "ab") as log:
        topology.start_on(backend, ["nginx", "-p", folder, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"], log)
    wait_for_listener(backend, port)


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
    raise TestTimeout(f"the test still ran after {TEST_LIMIT} s")


class SmokeTest(unittest.TestCase):
    """Makes beds, checks the accounts at the end, stops shuntd, shows logs of what failed. Needs root."""

    longMessage = True

    def setUp(self):
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
