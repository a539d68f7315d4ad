"""Insight: the real shunt-insight in namespace lb, its configuration, its API, and traffic for it to see.

Clients' addresses are given countries by two small files, as tor-geoipdb's are: private addresses have none in the real ones.
"""

import contextlib
import http.client
import ipaddress
import json
import os
import pathlib
import signal
import socket
import subprocess

from config import backend_port, toml
from daemon import UnixConnection
from programs import ROOT, program, wait_until
from topology import TopologyError

PORT = 8081                                   # 8080 is shuntd's
URL = f"http://127.0.0.1:{PORT}"
PAGE = ROOT / "dashboard/dist"
COUNTRIES = {"DE": "10.1.0.101", "FR": "10.1.0.201", "JP": "10.1.0.211"}  # of a client's addresses; what is between them belongs to the earlier one
STOP_LIMIT = 5                                # it writes its last rows
LOAD_LIMIT = 110                              # seconds; a test has 120


class Insight:
    """One shunt-insight. Its files are in the topology's folder, and so is its warehouse, which outlives it."""

    def __init__(self, bed, **sections):
        self._bed, self._lb, self.folder = bed, bed.topology.lb, bed.topology.folder
        self.process = None
        self.tokens = {}
        self._write_countries()
        self.config = {
            "api": {"listen": [f"127.0.0.1:{PORT}"], "anonymous": "reader", "page_dir": str(PAGE) if PAGE.is_dir() else ""},
            "warehouse": {"url": f"sqlite:{self.folder}/insight.db"},
            "node": [{"name": "lb1", "api": f"unix:{bed.daemon.socket}", "records": f"{self.folder}/run/records"}],
            "hosts": {"interval": "1s"},
            "countries": {"dir": f"{self.folder}/countries"},
            "log": {"level": "info"},
        }
        for name, values in sections.items():
            self.config[name].update(values)

    def _write_countries(self):
        folder = pathlib.Path(self.folder, "countries")
        folder.mkdir(exist_ok=True)
        starts = [(int(ipaddress.ip_address(address)), code) for code, address in COUNTRIES.items()]
        ends = [start - 1 for start, _ in starts[1:]] + [int(ipaddress.ip_address("10.1.0.254"))]
        (folder / "geoip").write_text("".join(f"{start},{end},{code}\n" for (start, code), end in zip(starts, ends)), encoding="ascii")
        (folder / "geoip6").write_text("2001:db8:1::,2001:db8:1:ffff:ffff:ffff:ffff:ffff,SE\n", encoding="ascii")

    def need_tokens(self, *roles):
        """From now on a token is needed; self.tokens has one for each role."""
        lines = []
        for role in roles:
            made = json.loads(subprocess.run([program("shuntctl"), "token", f"the-{role}", "--role", role, "--json"], check=True,
                                             capture_output=True).stdout)
            self.tokens[role] = made["token"]
            lines.append(made["line"])
        path = pathlib.Path(self.folder, "insight-tokens")
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
        path.chmod(0o600)
        self.config["api"]["token_file"] = str(path)

    # -- life

    def start(self, timeout=15):
        """Returns when its API answers and it has read its node twice, so that there are rates."""
        path = pathlib.Path(self.folder, "insight.toml")
        path.write_text(toml(self.config) + "\n", encoding="utf-8")
        with open(f"{self.folder}/insight.log", "ab") as log:
            self.process = self._bed.topology.start(self._lb, [program("shunt-insight"), "--config", path], log)
        wait_until(self._answers, timeout, "shunt-insight answers")

    def _answers(self):
        assert self.process.poll() is None, f"shunt-insight ended with {self.process.returncode}:\n{self.log()}"
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/readyz")[0] == 200
        return False

    def wait_frame(self, condition, timeout, what):
        """The first frame of which the condition is true."""
        def fits():
            frame = self.answer("stream")
            return frame if condition(frame) else None
        return wait_until(fits, timeout, what)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def reload(self):
        """Tokens and certificate anew; it says in its log what came of that."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        status = self.process.wait(STOP_LIMIT)
        assert status == 0, f"shunt-insight ended with status {status}:\n{self.log()}"

    @property
    def pid(self):
        return self.process.pid  # nsenter became it

    def log(self):
        return pathlib.Path(self.folder, "insight.log").read_text(encoding="utf-8", errors="replace")[-6000:]

    # -- talking to it

    def get(self, path, token=None, timeout=5):
        """(status, body)."""
        return self._ask("GET", path, token, timeout)

    def _ask(self, method, path, token=None, timeout=5, body=None):
        with self._lb.inside():
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=timeout)
            connection.connect()
        with contextlib.closing(connection):
            token = token or next(iter(self.tokens.values()), None)
            connection.request(method, path, body, {"Authorization": f"Bearer {token}"} if token else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def answer(self, path):
        """What the API says at /api/v1/…"""
        status, body = self.get(f"/api/v1/{path}")
        assert status == 200, f"{path}: {status}: {body}"
        return json.loads(body)

    def change(self, path, **values):
        """POSTs to /api/v1/…; each node's word."""
        status, body = self._ask("POST", f"/api/v1/{path}", body=json.dumps(values))
        assert status == 200, f"{path}: {status}: {body}"
        return json.loads(body)["nodes"]


# ---- what it sees

class Servers:
    """shunt-test-backend on each backend for some services of the bed, with knobs to make it worse."""

    def __init__(self, bed, services, backends):
        self._bed = bed
        self._ports = [backend_port(bed.forward, bed.services[service][1]) for service in services]
        for backend in backends:
            self.start(backend)

    def start(self, backend):
        listen = [word for port in self._ports for word in ("--listen", f"0.0.0.0:{port}")]
        with open(f"{self._bed.topology.folder}/{backend.name}-backend.log", "ab") as log:
            self._bed.topology.start_on(backend, [program("shunt-test-backend"), "--id", backend.name, "--control", self._socket(backend),
                                                  *listen], log)
        wait_until(lambda: self._listens(backend), 10, f"{backend.name} listens")

    def set(self, backend, knobs):
        with contextlib.closing(UnixConnection(self._socket(backend), 5)) as connection:
            connection.request("POST", "/control", knobs)
            answer = connection.getresponse()
            assert answer.status == 200, f"{knobs}: {answer.status}: {answer.read().decode()}"

    def _socket(self, backend):
        return f"{self._bed.topology.folder}/{backend.name}.sock"

    def _listens(self, backend):
        with backend.namespace.inside():
            attempt = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with attempt:
            return attempt.connect_ex((backend.address, self._ports[0])) == 0


class Load:
    """shunt-traffic on a service at a steady rate, from the client's addresses in several countries, until end()."""

    def __init__(self, bed, service, rate, *words):
        topology, client = bed.topology, bed.client
        protocol, port = bed.services[service]
        sources = [client.address, *(address for address in COUNTRIES.values() if address != client.address)]
        for source in sources[1:]:
            with contextlib.suppress(TopologyError):  # another Load has added it
                client.namespace.ip(f"address add {source}/24 dev eth0")
        self._path = f"{topology.folder}/traffic-{service}.json"
        with open(self._path, "wb") as output:
            self._process = topology.start(client.namespace, [
                program("shunt-traffic"), "--target", f"{bed.vip}:{port}", "--profile", "steady", "--rate", rate, "--duration", f"{LOAD_LIMIT}s",
                "--json", "--quiet", "--ports", "20000-39999", "--seed", 1, *(["--udp"] if protocol == "udp" else []),
                *(word for source in sources for word in ("--source", source)), *words], output)

    def end(self):
        """Interrupts it; its report."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(10)
        text = pathlib.Path(self._path).read_text(encoding="utf-8")
        return json.loads(text[text.index("{"):])  # before it, the same in words


class HostExporter:
    """node_exporter on one backend."""

    def __init__(self, bed, backend):
        with open(f"{bed.topology.folder}/node-exporter.log", "ab") as log:
            self.process = bed.topology.start_on(backend, [
                "prometheus-node-exporter", f"--web.listen-address={backend.address}:9100", "--collector.disable-defaults", "--collector.cpu",
                "--collector.meminfo", "--collector.filesystem", "--collector.netdev"], log)
