#!/usr/bin/python3
"""What health checks ask, as servers: health_server.py KIND PORT [ARGUMENT...]. Ends when it is killed.

    flap PORT SECONDS        a TCP port that is open for so long, then closed for so long, and so on
    https PORT PEM           answers 200 to any request; PEM has key and certificate
    udp PORT                 answers `pong` to `ping`
    grpc PORT                grpc.health.v1.Health/Check: SERVING
"""

import contextlib
import socket
import ssl
import struct
import sys
import threading
import time


def listener(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("0.0.0.0", port))
    sock.listen(64)
    return sock


def flap(port, seconds):
    while True:
        with listener(port) as sock:
            sock.settimeout(0.05)
            end = time.monotonic() + float(seconds)
            while time.monotonic() < end:
                with contextlib.suppress(OSError):
                    sock.accept()[0].close()
        time.sleep(float(seconds))


def serve(port, answer):
    with listener(port) as sock:
        while True:
            connection = sock.accept()[0]
            threading.Thread(target=answer_one, args=(connection, answer), daemon=True).start()


def answer_one(connection, answer):
    with connection, contextlib.suppress(OSError):
        connection.settimeout(5)
        answer(connection)


def https(port, pem):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def answer(connection):
        with context.wrap_socket(connection, server_side=True) as tls:
            if tls.recv(4096):
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
    serve(port, answer)


def udp(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", port))
        while True:
            request, client = sock.recvfrom(2048)
            if request == b"ping":
                sock.sendto(b"pong", client)


# ---- as much of HTTP/2 (RFC 9113) and HPACK (RFC 7541) as one answer needs

DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A field that isn't indexed, its strings not Huffman-coded."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise ConnectionError("closed")
        data += piece
    return data


def grpc_answer(connection):
    if read_exactly(connection, 24) != b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
        return
    connection.sendall(frame(SETTINGS, 0, 0))
    while True:
        head = read_exactly(connection, 9)
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        read_exactly(connection, int.from_bytes(head[:3], "big"))
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            ok = b"\x88" + literal(b"content-type", b"application/grpc")  # 0x88: `:status 200` of the static table
            connection.sendall(frame(HEADERS, END_HEADERS, stream, ok)
                               + frame(DATA, 0, stream, b"\0\0\0\0\x02\x08\x01")
                               + frame(HEADERS, END_HEADERS | END_STREAM, stream, literal(b"grpc-status", b"0")))


def grpc(port):
    serve(port, grpc_answer)


if __name__ == "__main__":
    {"flap": flap, "https": https, "udp": udp, "grpc": grpc}[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
