"""The verbs and options of shuntctl as `--help` tells them, and a made-up shuntd that has names to tell."""

import http.server
import json
import os
import re
import socketserver
import subprocess
import tempfile
import threading

ANSWERS = {
    "/api/v1/services": {"services": [{"name": "web"}, {"name": "dns:udp"}]},
    "/api/v1/backends": {"backends": [{"pool": "web", "name": "web-1"}, {"pool": "web", "name": "web-2"},
                                      {"pool": "far", "name": "far-1"}]},
    "/api/v1/history": {"generations": [{"generation": 7, "can_roll_back": True}, {"generation": 8, "can_roll_back": False}]},
}


def help_of(shuntctl, *verb):
    return subprocess.run([shuntctl, *verb, "--help"], capture_output=True, text=True, timeout=30, check=True).stdout


def verbs_of(shuntctl):
    below = help_of(shuntctl).split("Subcommands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  ([a-z]+)\s", below, re.M)


def options_of(shuntctl, *verb):
    """The options in --help's list: none that only an example has."""
    listed = re.search(r"^Options:\n((?:  .*\n)+)", help_of(shuntctl, *verb) + "\n", re.M)
    lines = [line for line in listed.group(1).splitlines() if re.match(r"  -", line)]
    return {name for line in lines for name in re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", line.split("Excludes:")[0].strip().split("  ")[0])}


class Shuntd:
    """Answers ANSWERS on a unix socket; `path` is its address."""

    class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    class _Handler(http.server.BaseHTTPRequestHandler):
        def address_string(self):
            return "unix"

        def log_message(self, *_):
            pass

        def do_GET(self):
            body = json.dumps(ANSWERS.get(self.path, {})).encode()
            self.send_response(200 if self.path in ANSWERS else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self._folder.name, "api.sock")
        self._server = self._Server(self.path, self._Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()
