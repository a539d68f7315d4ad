"""Where shuntd finds backends in the smoke tests: a DNS server and a Kubernetes API, each a thread with a socket in a namespace,
and the real etcd."""

import contextlib
import http.server
import json
import pathlib
import socket
import ssl
import struct
import subprocess
import threading
import urllib.parse

from programs import wait_until


class DnsServer:
    """Answers every question for an A record with `addresses`, TTL 0."""

    PORT = 5353

    def __init__(self, namespace):
        self.addresses = []
        self._closed = False
        with namespace.inside():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind(("127.0.0.1", self.PORT))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._closed:
            question, peer = self._socket.recvfrom(4096)
            if self._closed:
                break
            end = question.index(b"\0", 12) + 5  # the name, its type and class
            answers = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(address)
                               for address in self.addresses)
            header = question[:2] + struct.pack("!HHHHH", 0x8180, 1, len(self.addresses), 0, 0)
            self._socket.sendto(header + question[12:end] + answers, peer)

    def close(self):
        self._closed = True
        self._socket.sendto(b"", self._socket.getsockname())  # wakes it
        self._thread.join()
        self._socket.close()


class Etcd:
    """etcd on 127.0.0.1 of a namespace, with data that outlives a kill."""

    URL = "http://127.0.0.1:2379"

    def __init__(self, topology, namespace):
        self.topology, self.namespace = topology, namespace
        self.process = None

    def start(self):
        folder = f"{self.topology.folder}/etcd"
        with open(f"{folder}.log", "ab") as log:
            self.process = self.topology.start(
                self.namespace, ["etcd", "--data-dir", folder, "--listen-client-urls", self.URL, "--advertise-client-urls",
                                 self.URL, "--listen-peer-urls", "http://127.0.0.1:2380", "--unsafe-no-fsync"], log)
        wait_until(self._answers, 20, f"etcd answers: {folder}.log")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def _ctl(self, *words):
        return subprocess.run(["nsenter", f"--net={self.namespace.path}", "env", "ETCDCTL_API=3", "etcdctl", "--endpoints",
                               self.URL, *words], capture_output=True, text=True, timeout=20, check=False)

    def _answers(self):
        return self._ctl("endpoint", "health").returncode == 0

    def put(self, key, value):
        done = self._ctl("put", key, json.dumps(value))
        assert done.returncode == 0, done.stderr

    def delete(self, key):
        done = self._ctl("del", key)
        assert done.returncode == 0, done.stderr


class KubernetesApi:
    """List and watch of EndpointSlices over TLS, for who has the token. One slice; every change is a version."""

    PORT = 6443
    PATH = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"

    def __init__(self, namespace, folder):
        self.ca_file, self.token_file = f"{folder}/kube.crt", f"{folder}/token"
        self.token = "first"
        self.write_token()
        make_certificate(folder)
        self._changed = threading.Condition()
        self._versions = [self._slice([])]  # what the slice was at each version, from 1
        self.forgotten = 0                  # versions up to here are answered with 410
        self.watches = 0
        self._closed = False
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, f"{folder}/kube.key")
        with namespace.inside():
            self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.PORT), self._handler())
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def write_token(self):
        pathlib.Path(self.token_file).write_text(self.token + "\n", encoding="ascii")

    def set(self, ready, terminating=()):
        """Backends by (name, address): those that are ready, and those that only finish what they have."""
        endpoints = [self._endpoint(name, address, True) for name, address in ready]
        endpoints += [self._endpoint(name, address, False) for name, address in terminating]
        with self._changed:
            self._versions.append(self._slice(endpoints))
            self._changed.notify_all()

    def forget(self):
        """As if all versions so far were compacted: watches of them end with 410."""
        with self._changed:
            self.forgotten = len(self._versions)
            self._changed.notify_all()

    def close(self):
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def _endpoint(name, address, ready):
        return {"addresses": [address], "conditions": {"ready": ready, "serving": True, "terminating": not ready},
                "targetRef": {"kind": "Pod", "name": name}}

    @staticmethod
    def _slice(endpoints):
        return {"metadata": {"name": "web-1"}, "addressType": "IPv4", "endpoints": endpoints,
                "ports": [{"name": "echo", "port": 7000, "protocol": "TCP"}]}

    def _handler(api):  # pylint: disable=no-self-argument
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                wanted = {"labelSelector": "kubernetes.io/service-name=web"}
                if self.headers["Authorization"] != f"Bearer {api.token}":
                    return self.answer(401, {"message": "Unauthorized"})
                if url.path != api.PATH or not wanted.items() <= query.items():
                    return self.answer(404, {"message": f"nothing at {self.path}"})
                return self.watch(query) if query.get("watch") == "1" else self.answer(200, api.listing())

            def answer(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            def watch(self, query):
                version = int(query["resourceVersion"])
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                api.watches += 1
                with contextlib.suppress(OSError):  # shuntd may have ended meanwhile
                    for event in api.events_after(version, float(query["timeoutSeconds"])):
                        line = json.dumps(event).encode() + b"\n"
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                    self.wfile.write(b"0\r\n\r\n")
                self.close_connection = True

        return Handler

    def listing(self):
        with self._changed:
            return {"metadata": {"resourceVersion": str(len(self._versions))}, "items": [self._versions[-1]]}

    def events_after(self, version, seconds):
        while True:
            with self._changed:
                news = self._changed.wait_for(
                    lambda: self._closed or version <= self.forgotten or version < len(self._versions), seconds)
                if not news or self._closed:
                    return
                if version <= self.forgotten:
                    yield {"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}
                    return
                version += 1
                event = json.loads(json.dumps(self._versions[version - 1]))
            event["metadata"]["resourceVersion"] = str(version)
            yield {"type": "MODIFIED", "object": event}


def make_certificate(folder):
    """kube.crt and kube.key for 127.0.0.1, signed by itself."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=kubernetes", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/kube.key",
                    "-out", f"{folder}/kube.crt"], check=True, capture_output=True, timeout=20)
