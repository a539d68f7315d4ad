#!/usr/bin/python3
"""docs/coverage.md: what the packet tests showed of each way of forwarding.

    coverage_table.py PROGRAM...           runs the programs and compares the page with what they showed
    coverage_table.py --write PROGRAM...   writes it
    coverage_table.py --print PROGRAM...   prints it

Every number is counted by the tests themselves (coverage.h). A column that nothing fills, a way that a column lacks and a
feature that isn't listed here are errors: the page has no holes.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/coverage.md"

# Title, then (feature, what is shown) for each column.
TABLES = [
    ("Forwarding", [
        ("TCP", "opening and known flow, payloads of 0 to 1,001 bytes"),
        ("UDP", "the same of datagrams"),
        ("VIP prefix", "a /24 or /64 as one service"),
        ("every port", "a service without `port`"),
        ("replies", "a backend's answer has the VIP's address and port again"),
        ("one hop less", "TTL or hop limit, from 2 to 255; the outer header begins with 64"),
        ("DSCP and ECN", "the outer header has the packet's own, and the packet keeps them (RFC 6040)"),
        ("`dscp`", "the service's DSCP in the outer header, with the packet's ECN"),
        ("flows spread", "one outer source (and gue port) for a flow, many over many flows"),
        ("ping", "an echo request to the VIP is answered"),
    ]),
    ("Frames and headers", [
        ("VLAN kept", "802.1Q, 802.1ad and both"),
        ("VLAN stripped", "the same with `vlan = \"strip\"`"),
        ("pads cut", "bytes behind the IP packet aren't carried"),
        ("options, extensions", "IPv4 options; IPv6 extension headers, up to eight"),
        ("UDP checksum 0", "over IPv4 it stays 0; over IPv6 the packet is dropped (RFC 8200)"),
        ("wrong checksum", "a wrong TCP or UDP checksum arrives wrong by as much"),
        ("DF and id", "DF outside as inside, set for IPv6; where it is clear an identification of its own (RFC 6864)"),
        ("loops", "a packet with this way's outer header inside another tunnel to a VIP is dropped"),
    ]),
    ("Sizes and fragments", [
        ("fragments", "three, in every order, arrive at one backend and make the packet again"),
        ("jumbo", "9,000 bytes and not one more"),
        ("too big: told", "exactly the MTU passes; with a byte more the sender gets the exact MTU"),
        ("too big: cut", "IPv4 without DF; the pieces make the packet again"),
        ("too big: dropped", "the same with `too_big = \"drop\"`"),
        ("MSS clamp", "`mss_clamp = true`: what fits beside the outer header"),
    ]),
    ("ICMP", [
        ("time exceeded", "of what has one hop left, quoting no more than came; nothing for TTL 0"),
        ("ICMP errors", "every type reaches the backend of the quoted flow; in nat the quote is translated"),
        ("8 bytes quoted", "the same with 8 to 27 bytes of the transport header"),
        ("options quoted", "with options, extension headers, tags and pads"),
        ("errors to clients", "a backend's error about a client's packet has the VIP again, outside and in the quote"),
        ("bogus errors", "what can't be about a flow of the VIP is dropped"),
    ]),
]
MODES = ["l2", "ipip", "gue", "gue variant 0", "gre", "nat"]

HEAD = """# What the packet tests show

Written by `tests/packet/coverage_table.py --write` from a run of the packet tests, and compared with one by a test. A number says how
many checks passed there, each of one packet or more and, but for counts and drops, of every byte that left; "–" and a number say below
the table why that can't be.
A way is the forwarding mode, then the packet's family and the outer header's: `gue, 6 over 4` is an IPv6 packet to a backend at an
IPv4 address. `gue` is variant 1.
"""


def run(programs):
    """{(feature, way): count, or why it can't be}."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "lines")
        path.touch()
        for program in programs:
            done = subprocess.run([program, "--gtest_brief=1"], env={**os.environ, "SHUNT_COVERAGE": str(path)}, capture_output=True,
                                  text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{program} ended with status {done.returncode}: its results don't count\n{done.stdout[-4000:]}")
        for line in path.read_text(encoding="utf-8").splitlines():
            feature, way, number, *why = line.split("\t")
            new = why[0] if number == "-" else int(number)
            before = found.setdefault((feature, way), new if number == "-" else 0)
            if isinstance(before, str) != isinstance(new, str):
                sys.exit(f"{feature} of {way}: shown, and said to be impossible")
            found[feature, way] = new if number == "-" else before + new
    return found


def order_of(way):
    """`gue variant 0, 4 over 6`: its mode's place, as the tests have it within."""
    return MODES.index(way.rsplit(", ", 1)[0])


def check(found, ways):
    listed = [feature for _, columns in TABLES for feature, _ in columns]
    unlisted = sorted({feature for feature, _ in found} - set(listed))
    holes = [f"{feature} of {way}" for feature in listed for way in ways if (feature, way) not in found]
    if unlisted or holes:
        sys.exit("\n".join([f"not listed in {pathlib.Path(__file__).name}: {feature}" for feature in unlisted] +
                           [f"nothing shows {hole}" for hole in holes]))


def table(columns, found, ways):
    notes = []

    def cell(feature, way):
        value = found[feature, way]
        if not isinstance(value, str):
            return str(value)
        if value not in notes:
            notes.append(value)
        return f"– {notes.index(value) + 1}"
    yield "| way | " + " | ".join(feature for feature, _ in columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for way in ways:
        yield f"| {way} | " + " | ".join(cell(feature, way) for feature, _ in columns) + " |"
    if notes:
        yield ""
        yield "Can't be: " + "; ".join(f"{number} {note}" for number, note in enumerate(notes, 1)) + "."
    yield ""
    for feature, meaning in columns:
        yield f"- **{feature}**: {meaning}."


def page(found):
    ways = sorted(dict.fromkeys(way for _, way in found), key=lambda way: (order_of(way), way))
    check(found, ways)
    lines = [HEAD]
    for title, columns in TABLES:
        lines += [f"## {title}", "", *table(columns, found, ways), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--print", action="store_true")
    parser.add_argument("programs", nargs="+")
    options = parser.parse_args()
    text = page(run(options.programs))
    if options.print:
        print(text, end="")
    elif options.write:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"docs/coverage.md isn't what this run showed: {__file__} --write {' '.join(options.programs)}")


if __name__ == "__main__":
    main()
