"""A second shuntd beside a bed's, and a way to its API that can be cut while it goes on.

    client1 ── br0 ── backend1, backend2
              │   └── lb0 ┄ shuntd 2      (namespace lb2)
             lb0 ┄ shuntd 1
"""

import contextlib
import copy
import os
import pathlib
import socket
import threading
import types

import daemon


def second_shunt(bed):
    """Namespace lb2 with a bridge, a tap and a shuntd of its own, wired to the first one's bridge: a Daemon with its `config`, not started."""
    topology = bed.topology
    space = topology._namespace("lb2")
    topology._bridge(space, "br0")
    topology.lb.ip(f"link add dev wire type veth peer name wire netns {space.name}")
    for side in (topology.lb, space):
        side.run("ethtool", "-K", "wire", "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        side.ip("link set dev wire master br0 up")
    space.ip("tuntap add dev lb0 mode tap multi_queue", "link set dev lb0 txqueuelen 10000 master br0 up")
    folder = f"{topology.folder}/lb2"
    pathlib.Path(folder).mkdir()
    shunt = daemon.Daemon(types.SimpleNamespace(lb=space, folder=folder, cable=True, taps=["lb0"], vip=bed.vip, start=topology.start))
    shunt.config = copy.deepcopy(bed.config)
    shunt.config["node"] = {**bed.config["node"], "name": "lb2", "state_dir": f"{folder}/state", "runtime_dir": f"{folder}/run"}
    shunt.config["api"]["listen"] = [f"unix:{folder}/run/api.sock"]
    shunt.config["port"][0]["addresses"] = ["10.1.0.3/24", "10.0.0.3/24"]
    return shunt


class Way:
    """A unix socket at `path` that passes everything on to the one at `end`, both ways, until cut()."""

    def __init__(self, path, end):
        self.path, self._end = path, end
        self._sockets = []
        self.mend()

    def mend(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self.path)
        listener.listen()
        self._sockets = [listener]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self):
        """Who uses it meets the end of the connection, and nobody at the path."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._sockets = []

    def _accept(self, listener):
        with contextlib.suppress(OSError), listener:
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self._sockets += [near, far]
                try:
                    far.connect(self._end)
                except OSError:
                    near.close()
                    continue
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):  # either end: the other thread meets it too
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
