"""Every way of forwarding in every mix of families, side by side in one shuntd: a service for each, on a port of its own.

    bed = self.bed("ipip", backends=2, ipv6=True)
    ways.serve_all(bed)                       # edits bed.config; adds a backend for nat
    for way in ways.ALL: …

The backends of `bed` hold the VIPs and take outer headers off; nat has backends of its own, which answer through shuntd.
"""

import contextlib
import dataclasses
import hashlib
import os
import selectors
import socket
import threading

import harness
import topology as net

# Bytes between the outer IP header and the packet (None: there is no outer header), and what the service says.
MODES = {"l2": (None, {"forward": "l2"}), "nat": (None, {"forward": "nat"}), "ipip": (0, {"forward": "ipip"}),
         "gue": (8, {"forward": "gue"}), "gue variant 0": (12, {"forward": "gue", "gue_variant": 0}), "gre": (4, {"forward": "gre"})}
MEGABYTE = os.urandom(1 << 20)
GET = b"get"
PATIENCE = 10  # seconds without a byte
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0  # linux/in.h


@dataclasses.dataclass(frozen=True)
class Way:
    mode: str
    inner: int       # family of the VIP
    outer: int       # family of the backends
    port: int

    @property
    def name(self):
        return f"{self.mode} {self.inner} in {self.outer}" if self.encapsulates else f"{self.mode} {self.inner}"

    @property
    def encapsulates(self):
        return MODES[self.mode][0] is not None

    @property
    def is_nat(self):
        return self.mode == "nat"

    @property
    def vip(self):
        return net.VIP if self.inner == 4 else net.VIP6

    @property
    def pool(self):
        return f"{'nat' if self.is_nat else 'direct'}-{self.outer}"

    @property
    def backend_port(self):
        return harness.backend_port(self.mode, self.port)

    @property
    def outer_bytes(self):
        """What stands before the packet on its way to the backend."""
        if not self.encapsulates:
            return 0
        return (20 if self.outer == 4 else 40) + MODES[self.mode][0]

    def address_of(self, host):
        """A host's own address of the VIP's family."""
        return host.address if self.inner == 4 else host.address6


def _all():
    mixes = [(mode, inner, outer) for mode, (shim, _) in MODES.items() for inner in (4, 6) for outer in (4, 6)
             if shim is not None or inner == outer]
    return [Way(*mix, 7001 + number) for number, mix in enumerate(mixes)]


ALL = _all()
NAT = [way for way in ALL if way.is_nat]
TUNNELS = [way for way in ALL if way.encapsulates]


def serve_all(bed, protocols=("tcp",), nat_backends=1, ways=ALL):
    """Gives the configuration a service for each way. Returns nat's backends; the others are bed.backends as they were."""
    direct = list(bed.backends)
    translated = [bed.topology.add_backend("nat") for _ in range(nat_backends)]
    pools = {}
    for way in ways:
        members = [{"name": host.name, "address": host.address if way.outer == 4 else host.address6}
                   for host in (translated if way.is_nat else direct)]
        if way.is_nat:
            members = [{**member, "port": way.backend_port} for member in members]
        pools[way.pool] = {"name": way.pool, "slots": 65537, "backend": members}
    bed.config["pool"] = list(pools.values())
    bed.config["service"] = [{"name": f"{way.name} {protocol}".replace(" ", "-"), "address": way.vip, "port": way.port,
                              "protocol": protocol, "pool": way.pool, **MODES[way.mode][1]}
                             for way in ways for protocol in protocols]
    # With two workers an error, a fragment or an answer may come in at another one than its flow.
    bed.config["dataplane"]["workers"] = sorted(os.sched_getaffinity(0))[-2:]
    bed.config["icmp"] = {"rate": 100_000}  # one client is told by every way
    bed.expect_drops(no_neighbour=None)  # nat's first answer to a client that the kernel doesn't know yet
    return translated


class Transfers(threading.Thread):
    """On every way's port of a backend: takes what a client sends until its end, then answers the backend's name, a line end,
    and MEGABYTE if it was asked to send, else the digest of what came."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self._name = host.name.encode()
        self._done = threading.Event()
        self._selector = selectors.DefaultSelector()
        with host.namespace.inside():
            for port in sorted({way.backend_port for way in ALL}):
                listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
                self._selector.register(listener, selectors.EVENT_READ)

    def run(self):
        while not self._done.is_set():
            for key, _ in self._selector.select(0.05):
                threading.Thread(target=self._serve, args=(key.fileobj.accept()[0],), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):  # a client that gave up says so itself
            connection.settimeout(PATIENCE)
            came = receive_all(connection)
            connection.sendall(self._name + b"\n" + (MEGABYTE if came == GET else digest(came)))

    def stop(self):
        self._done.set()
        self.join()
        close_all(self._selector)


def serve_transfers(test, hosts):
    """Transfers on each host, until the test's end."""
    for host in hosts:
        server = Transfers(host)
        server.start()
        test.addCleanup(server.stop)


def upload(client, way, data=MEGABYTE, options=()):
    """Sends the data to the way's VIP. Returns the name of the backend that got all of it, or raises. `options`: of the socket."""
    return _exchange(client, way, data, digest(data), options)


def download(client, way):
    """Fetches the MEGABYTE. Returns the name of the backend that it came from whole, or raises."""
    return _exchange(client, way, GET, MEGABYTE)


def _exchange(client, way, data, wanted, options=()):
    with client.namespace.inside():
        connection = socket.socket(socket.AF_INET if way.inner == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    with connection:
        for option in options:
            connection.setsockopt(*option)
        connection.settimeout(PATIENCE)
        connection.connect((way.vip, way.port))
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        name, _, came = receive_all(connection).partition(b"\n")
    assert came == wanted, f"{way.name}: {len(came)} bytes of {name} came, not the {len(wanted)} that were wanted"
    return name.decode()


class Echoes(threading.Thread):
    """Sends every datagram back from the address and port that it came to, with the backend's name before it."""

    def __init__(self, host, places):
        super().__init__(daemon=True)
        self._name = host.name.encode()
        self._done = threading.Event()
        self._selector = selectors.DefaultSelector()
        for address, port in places:
            self._selector.register(bound(host.namespace, address, port), selectors.EVENT_READ)

    def run(self):
        while not self._done.is_set():
            for key, _ in self._selector.select(0.05):
                payload, sender = key.fileobj.recvfrom(65535)
                key.fileobj.sendto(self._name + payload, sender)

    def stop(self):
        self._done.set()
        self.join()
        close_all(self._selector)


def serve_echoes(test, bed, nat_backends):
    """Echoes for each way on the backends that it uses, until the test's end."""
    for host in bed.backends:
        is_nat = host in nat_backends
        echoes = Echoes(host, [(way.address_of(host) if is_nat else way.vip, way.backend_port)
                               for way in ALL if is_nat == way.is_nat])
        echoes.start()
        test.addCleanup(echoes.stop)


def bound(namespace, address, port=0):
    """A UDP socket."""
    with namespace.inside():
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    made.settimeout(PATIENCE)
    return made


def datagrams(client, way):
    """A UDP socket whose kernel cuts datagrams into fragments; those of IPv4 may be cut on their way, too."""
    made = bound(client.namespace, way.address_of(client))
    if way.inner == 4:
        made.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
    return made


def echoed(sender, way, payload):
    """The name of the backend that sends the payload back from the VIP, or raises."""
    answer, source = sender.recvfrom(65535)
    assert answer.endswith(payload) and source[:2] == (way.vip, way.port), f"{way.name}: {len(answer)} bytes from {source}"
    return answer.removesuffix(payload).decode()


def close_all(selector):
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    selector.close()


def receive_all(connection):
    data = bytearray()
    while piece := connection.recv(1 << 16):
        data += piece
    return bytes(data)


def digest(data):
    return hashlib.sha256(data).digest()
