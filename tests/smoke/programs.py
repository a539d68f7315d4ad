"""Where the programs under test are, and waiting with a deadline."""

import os
import pathlib
import time

import topology as net

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build_folder():
    return pathlib.Path(os.environ.get("SHUNT_BUILD", ROOT / "build"))


def decap_object():
    return str(build_folder() / net.DECAP_OBJECT)


def tags_object():
    return str(build_folder() / "tests/tools/vlan_tags.bpf.o")


def program(name):
    for folder in ("", "control", "ebpf", "tests/tools", "tests/traffic"):
        if os.access(build_folder() / folder / name, os.X_OK):
            return str(build_folder() / folder / name)
    raise FileNotFoundError(f"{name} isn't in {build_folder()}: build it first, or name another folder with --build")


def wait_until(condition, timeout, what):
    """Polls until condition() is true and returns its value; AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.02)
