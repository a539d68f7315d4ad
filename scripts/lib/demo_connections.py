#!/usr/bin/python3
"""Both ends of the demo's long-lived TCP connections.

Run as a program, `demo_connections.py NAME PORT` is the server: it answers each line with its name and the line. Imported, it
is the client: HeldConnections opens connections, keeps them, and asks on each who is at the other end.
"""

import os
import socket
import socketserver
import sys


class HeldConnections:
    def __init__(self, namespace, address, port, count):
        self._sockets, self.owners = [], []
        for _ in range(count):
            with namespace.inside():
                self._sockets.append(socket.create_connection((address, port), timeout=3))
        self.owners = [_who(connection) for connection in self._sockets]

    def check(self):
        """[(owner at the start, owner now)] for each connection; "" for a broken one."""
        return [(owner, _who(connection)) for owner, connection in zip(self.owners, self._sockets)]

    def close(self):
        for connection in self._sockets:
            connection.close()


def _who(connection):
    token = os.urandom(8).hex()
    try:
        connection.sendall(f"{token}\n".encode())
        line = b""
        while not line.endswith(b"\n"):
            piece = connection.recv(256)
            if not piece:
                return ""
            line += piece
    except OSError:
        return ""
    name, _, said = line.decode().strip().partition(" ")
    return name if said == token else ""


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256


def _serve(name, port):
    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                self.wfile.write(name.encode() + b" " + line)

    with _Server(("0.0.0.0", port), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
