#!/usr/bin/python3
"""A TCP server of one behaviour: tcp_server.py PORT BACKLOG BEHAVIOUR. Says `ready` when it listens.

    echo     gives back what comes, until the client closes
    deaf     accepts and never reads
    stream   sends without end and never reads
    idle     listens and never accepts
"""

import contextlib
import socket
import sys
import threading


def serve(connection, behaviour):
    with connection, contextlib.suppress(OSError):
        if behaviour == "echo":
            while data := connection.recv(65536):
                connection.sendall(data)
            return
        while behaviour == "stream":
            connection.sendall(bytes(8192))
        threading.Event().wait()


def main(port, backlog, behaviour):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)  # what `stream` has under way
    listener.bind(("0.0.0.0", int(port)))
    listener.listen(int(backlog))
    print("ready", flush=True)
    if behaviour == "idle":
        threading.Event().wait()
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], behaviour), daemon=True).start()


main(*sys.argv[1:])
