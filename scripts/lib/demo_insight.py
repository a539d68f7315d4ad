"""One shunt-insight: a process that watches shuntds by their sockets, its files, its page and API."""

import contextlib
import http.client
import ipaddress
import json
import re
import subprocess
import time
import urllib.request

from programs import program  # of tests/smoke, which demo.py put on the path

STOP_LIMIT = 10
# Of private addresses no country is known; these two are made up, for something to see.
COUNTRIES = {"10.1.0.101": "SE", "10.1.0.102": "PT"}


class Insight:
    """`config` is the text of its file; `listen`, the warehouse's url and the folder of countries are replaced or added, and what it
    makes is in `folder`."""

    def __init__(self, folder, config):
        self.folder = folder
        self.config = config
        self.config_file = f"{folder}/insight.toml"
        self.log_file = f"{folder}/insight.log"
        self.warehouse = f"{folder}/insight.db"
        self.url = None
        self.process = None

    def start(self, ports=(8080,), timeout=15):
        """On the first of the ports that is free."""
        for port in ports:
            self.url = f"http://127.0.0.1:{port}"
            if self._launch(port, timeout):
                return
        raise AssertionError(f"shunt-insight found none of the ports free:\n{self.log()}")

    def _launch(self, port, timeout):
        text = re.sub(r'(?m)^listen = .*$', f'listen = ["127.0.0.1:{port}"]', self.config)
        text = re.sub(r'(?m)^url = .*$', f'url = "sqlite:{self.warehouse}"', text)
        with open(self.config_file, "w", encoding="utf-8") as file:
            file.write(f'{text}\n[countries]\ndir = "{self._made_up_countries()}"\n')
        before = len(self.log())
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([program("shunt-insight"), "--config", self.config_file],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                text = self.log()[before:]
                if "in use" in text:
                    return False
                raise AssertionError(f"shunt-insight ended with {self.process.returncode}:\n{text}")
            if self.answers():
                return True
            time.sleep(0.02)
        raise AssertionError(f"shunt-insight isn't there after {timeout} s:\n{self.log()[before:]}")

    def _made_up_countries(self):
        rows = sorted((int(ipaddress.ip_address(address)), code) for address, code in COUNTRIES.items())
        for name, text in (("geoip", "".join(f"{number},{number},{code}\n" for number, code in rows)), ("geoip6", "2001:db8::,2001:db8::ffff,SE\n")):
            with open(f"{self.folder}/{name}", "w", encoding="ascii") as file:
                file.write(text)
        return self.folder

    def answers(self):
        with contextlib.suppress(OSError, http.client.HTTPException), urllib.request.urlopen(self.url + "/healthz", timeout=10):
            return True
        return False

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def log(self):
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def stop(self):
        """Its status; None where it doesn't run."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        process.terminate()
        try:
            return process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"shunt-insight still ran {STOP_LIMIT} s:\n{self.log()[-3000:]}") from None
