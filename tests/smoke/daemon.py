"""Daemon: one shuntd in a topology, its files, its command line tool, and the accounts it has to give."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import topology as net
from config import toml
from programs import program

STOP_LIMIT = 2.0      # shuntd promises one second; the rest is for a busy machine


class UnixConnection(http.client.HTTPConnection):
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
        self.environment = {}  # for shuntd alone
        self.wrapper = []      # a program that starts it, with its arguments
        self.on_taps = True   # False: a device whose other end the kernel doesn't see
        self.may_miss = False  # True: a device that loses frames when shuntd doesn't run for a while, and says so
        self._baseline = {}

    # -- life

    def launch(self, config):
        """Starts shuntd and returns at once. `config` is a dict, or the text of the file."""
        for folder in ("run", "state"):
            os.makedirs(f"{self.folder}/{folder}", exist_ok=True)
        self.write(config)
        self._baseline = {tap: self.topology.lb.counters(tap) for tap in self._interfaces()}
        with open(self.log_file, "ab") as log:
            settings = [f"{name}={value}" for name, value in self.environment.items()]
            self.process = self.topology.start(
                self.topology.lb, ["env", *settings, *self.wrapper, program("shuntd"), "--config", self.config_file], log)

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
        routes += self.topology.lb.run("ip", "-6", "route", "show", "table", "all")
        left += [line for line in routes.splitlines() if self.topology.vip in line or net.VIP6 in line]
        assert not left, f"shuntd left behind: {left}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        if not os.path.exists(self.log_file):
            return ""
        return pathlib.Path(self.log_file).read_text(encoding="utf-8", errors="replace")

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

    def get(self, path, timeout=5):
        """(status, body) of a GET over the unix socket."""
        connection = UnixConnection(self.socket, timeout)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def answer(self, path):
        """What the API says at /api/v1/…: no process to start, for readings that have to lie close together."""
        status, body = self.get(f"/api/v1/{path}")
        assert status == 200, f"{path}: {status}: {body}"
        return json.loads(body)

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
        for port in self.answer("status")["ports"]:
            own = {key: port[key]["packets"] for key in ("received", "sent")}
            driver = {key: port[f"driver_{key}"]["packets"] for key in own}
            if own != driver or (port["missed"] and not self.may_miss):
                return f"{port['name']}: workers counted {own}, the driver {driver} and {port['missed']} missed"
        return ""

    def settled_account(self, timeout=30):
        """drops, read while nothing moved; health checks leave such moments, traffic doesn't.

        In the same moment the workers' counts are compared with the drivers' and the kernel's: what the kernel has sent and a worker
        not yet met is on its way, so they only have to agree in the end.
        """
        deadline = time.monotonic() + timeout
        while True:
            before = self.answer("drops")
            assert_balanced(before)
            kernel = self.kernel_account()
            differ = self.driver_disagreement()
            after = self.answer("drops")
            own = {key: before[key] for key in kernel}
            if self.on_taps and own != kernel:
                differ = differ or f"shuntd counted {own}, the kernel's taps {kernel}\n{before}"
            if before != after or before["in_flight"]:
                differ = f"never at rest within {timeout} s: {before} then {after}"
            if not differ:
                return before
            assert time.monotonic() < deadline, differ
            time.sleep(0.05)

    def check_account(self, expected):
        """expected: {reason: exact count, or None for any}. See the top of the file."""
        drops = self.settled_account()
        surprises = {reason: count for reason, count in drops["dropped"].items() if count and reason not in expected}
        wrong = {reason: (count, drops["dropped"].get(reason, 0)) for reason, count in expected.items()
                 if count is not None and drops["dropped"].get(reason, 0) != count}
        assert not surprises, f"drops that this test doesn't expect: {surprises}\n{drops}"
        assert not wrong, f"drops (expected, counted): {wrong}\n{drops}"


def assert_balanced(drops):
    came = drops["received"] + drops["originated"]
    left = drops["sent"] + drops["punted"] + drops["in_flight"] + sum(drops["dropped"].values())
    assert came == left, f"unaccounted: {came - left} packets\n{drops}"
