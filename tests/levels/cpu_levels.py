"""Which levels of x86-64 this machine has, by the loader's own answer."""

import subprocess

LOADER = "/lib64/ld-linux-x86-64.so.2"


def supported_levels():
    """From lines such as `  x86-64-v3 (supported, searched)`."""
    text = subprocess.run([LOADER, "--help"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in text.splitlines() if "(supported, searched)" in line}
