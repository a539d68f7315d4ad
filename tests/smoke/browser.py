"""Browser: Debian's Chromium in namespace lb, driven by tests/browser/drive.mjs; one question at a time."""

import json
import os
import pathlib
import select
import shutil
import subprocess

from programs import ROOT, build_folder

FOLDER = ROOT / "tests/browser"
PLACES = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
ANSWER_LIMIT = 90  # seconds; each wait in a case has a deadline of its own


def missing():
    """Why no browser can be had here, or ""."""
    if not shutil.which("node"):
        return "no node"
    if not (FOLDER / "node_modules").is_dir():
        return "no modules: npm ci --prefix tests/browser"
    if not os.environ.get("SHUNT_CHROMIUM") and not any(os.path.exists(place) for place in PLACES):
        return "no Chromium"
    if not (ROOT / "dashboard/dist/index.html").exists():
        return "the page isn't built: npm run --prefix dashboard build"
    return ""


def screenshots_folder():
    """Where pictures stay: beside the logs of scripts/test."""
    return pathlib.Path(os.environ.get("SHUNT_SCREENSHOTS", build_folder() / "screenshots"))


class Browser:
    """Has a home of its own in the topology's folder; ended by close(), or with the namespace."""

    def __init__(self, topology, url):
        self._log = f"{topology.folder}/browser.log"
        environment = {**os.environ, "HOME": f"{topology.folder}/home", "TMPDIR": topology.folder}
        os.makedirs(environment["HOME"], exist_ok=True)
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(["nsenter", f"--net={topology.lb.path}", "node", "drive.mjs", "--url", url, "--serve"], cwd=FOLDER,
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, start_new_session=True)
        topology.processes.append(self._process)

    def ask(self, case, timeout=ANSWER_LIMIT, **arguments):
        """Runs a case; its findings are the AssertionError, its figures the answer."""
        self._process.stdin.write(json.dumps({"case": case, "arguments": arguments}).encode() + b"\n")
        self._process.stdin.flush()
        return self.answer(case, timeout)

    def begin(self, case, **arguments):
        """Begins a case; answer() waits for its end."""
        self._process.stdin.write(json.dumps({"case": case, "arguments": arguments}).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self, case, timeout=ANSWER_LIMIT):
        ready, _, _ = select.select([self._process.stdout], [], [], timeout)
        assert ready, f"{case}: the browser doesn't answer within {timeout} s\n{self.log()}"
        line = self._process.stdout.readline()
        assert line, f"{case}: the browser ended\n{self.log()}"
        told = json.loads(line)
        assert not told["findings"], f"{case}:\n  " + "\n  ".join(told["findings"])
        return told["figures"]

    def log(self):
        return pathlib.Path(self._log).read_text(encoding="utf-8", errors="replace")[-4000:]

    def close(self):
        if self._process.poll() is None:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process.stdout.close()
