"""PostgresServer: a PostgreSQL of a test's own, in the topology's folder, on a socket there and no port, as user postgres (it refuses to be root)."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess

from programs import wait_until

USER = "postgres"
PATIENCE = 30
AS_USER = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]


def binaries():
    """The folder of the newest one that is installed; None: there is none."""
    found = sorted(path.parent for path in pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1] if found else None


def missing():
    """Why there is none to run here, or ""."""
    if binaries() is None:
        return "PostgreSQL isn't installed"
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return f"there is no user {USER} to run PostgreSQL as"
    return ""


class PostgresServer:
    """Made, started, with one database. Ended by stop(), by the topology at the latest, and at once when this process is killed."""

    def __init__(self, topology):
        self.folder = pathlib.Path(topology.folder, "postgres")
        self.folder.mkdir()
        shutil.chown(self.folder, USER, USER)
        os.chmod(topology.folder, 0o711)  # the way to it
        self.url = f"postgresql://shunt@/shunt?host={self.folder}"
        data = self.folder / "data"
        made = subprocess.run([*AS_USER, binaries() / "initdb", "-D", data, "-U", "shunt", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8"],
                              cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert made.returncode == 0, f"initdb: {made.stdout}{made.stderr}"
        with open(f"{topology.folder}/postgres.log", "ab") as log:
            # The signal of a parent's death is forgotten where the user changes.
            self.process = topology.start(topology.lb, [
                *AS_USER, "--pdeathsig=QUIT", binaries() / "postgres", "-D", data, "-k", self.folder, "-h", "", "-F", "-c", "shared_buffers=16MB", "-c",
                "max_connections=20"], log)
        wait_until(lambda: self._psql("postgres", "SELECT 1").returncode == 0, PATIENCE, "PostgreSQL answers")
        self._psql("postgres", "CREATE DATABASE shunt")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)  # SIGTERM would wait for whoever is connected
            self.process.wait(PATIENCE)

    def number(self, query):
        """The one whole number that it answers; None where that is NULL."""
        done = self._psql("shunt", query)
        assert done.returncode == 0, f"{query}: {done.stderr}"
        return int(done.stdout) if done.stdout.strip() else None

    def _psql(self, database, query):
        return subprocess.run([binaries() / "psql", "-h", self.folder, "-U", "shunt", "-d", database, "-XAtc", query], cwd=self.folder,
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
