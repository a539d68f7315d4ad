"""Traffic from inside a namespace: HTTP requests with chosen source ports, and UDP packets that are counted one by one."""

import collections
import selectors
import socket
import struct
import threading
import time

SO_RCVBUFFORCE = 33


class Answer(collections.namedtuple("Answer", "status body start seconds")):
    """One HTTP request's end; start is monotonic. status 0: no answer, and body says why."""


def http_get(namespace, address, port=80, path="/", timeout=3.0, source=("", 0)):
    """One request on a connection of its own. Never raises for what the network does."""
    start = time.monotonic()
    authority = f"[{address}]" if ":" in address else address
    with namespace.inside():
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    data = b""
    with connection:
        try:
            connection.settimeout(timeout)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.bind(source)
            connection.connect((address, port))
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n".encode())
            while piece := connection.recv(65536):
                data += piece
        except OSError as error:
            return Answer(0, str(error), start, time.monotonic() - start)
    head, _, body = data.partition(b"\r\n\r\n")
    words = head.split(None, 2)
    if len(words) < 2 or not words[1].isdigit():
        return Answer(0, "no HTTP answer", start, time.monotonic() - start)
    return Answer(int(words[1]), body.decode().strip(), start, time.monotonic() - start)


def http_many(hosts, address, requests, port=80, first_port=20000):
    """Requests dealt out to the hosts in turn, one at a time for each host.

    The source ports are fixed, so with the same cluster key the same backends are chosen in every run.
    """
    answers = []

    def run(host, count):
        for number in range(count):
            answers.append(http_get(host.namespace, address, port, source=("", first_port + number)))

    share = [requests // len(hosts) + (number < requests % len(hosts)) for number in range(len(hosts))]
    threads = [threading.Thread(target=run, args=pair) for pair in zip(hosts, share)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


class UdpStream:
    """Counted UDP packets at a steady rate from a client to address:port, received by sinks on the backends.

    Each packet carries a number; lost() names those that no sink has seen. Sender and sinks are threads, the sinks' sockets
    have 32 MiB, and the sender catches up in small steps when it was not scheduled, so the rate holds on average.
    """

    def __init__(self, client, backends, address, port, rate, flows=64, backend_port=None):
        self.sent = 0
        self.rate = rate
        self.seen = collections.Counter()     # number → how often it came
        self.by_backend = collections.Counter()
        self._target = (address, port)
        self._done = threading.Event()
        self._drained = threading.Event()
        with client.namespace.inside():
            self._senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(flows)]
        for number, sender in enumerate(self._senders):
            sender.bind((client.address, 30000 + number))
        self._selector = selectors.DefaultSelector()
        for backend in backends:
            with backend.namespace.inside():
                sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
            sink.setblocking(False)
            sink.bind(("", backend_port or port))
            self._selector.register(sink, selectors.EVENT_READ, backend.name)
        self._threads = [threading.Thread(target=self._send), threading.Thread(target=self._receive)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, quiet=0.5):
        """Ends the sender, waits until nothing has come for `quiet` seconds, then ends the sinks."""
        if self._drained.is_set():
            return
        self._done.set()
        self._threads[0].join()
        before = -1
        while before != sum(self.by_backend.values()):
            before = sum(self.by_backend.values())
            time.sleep(quiet)
        self._drained.set()
        self._threads[1].join()
        for sender in self._senders:
            sender.close()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def lost(self):
        return [number for number in range(self.sent) if number not in self.seen]

    def duplicates(self):
        return [number for number, count in self.seen.items() if count > 1]

    def _send(self):
        start = time.monotonic()
        while not self._done.is_set():
            due = int((time.monotonic() - start) * self.rate)
            for _ in range(min(due - self.sent, 200)):
                self._senders[self.sent % len(self._senders)].sendto(struct.pack("!Q", self.sent), self._target)
                self.sent += 1
            time.sleep(0.001)

    def _receive(self):
        while not self._drained.is_set():
            for key, _ in self._selector.select(0.1):
                try:
                    while True:
                        self.seen[struct.unpack("!Q", key.fileobj.recv(64))[0]] += 1
                        self.by_backend[key.data] += 1
                except BlockingIOError:
                    pass


def udp_sinks(backends, port):
    """Sockets that take UDP packets and are never read, so that a backend's kernel has nothing to complain about."""
    sinks = []
    for backend in backends:
        with backend.namespace.inside():
            sinks.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sinks[-1].bind(("", port))
    return sinks
