#!/usr/bin/python3
"""Every frame of the adversarial corpus, through the driver, in ten ways: as captured; to the port's own MAC; and at a VIP of each way
of forwarding, of a service of every port and of one with one port (destination rewritten, checksums edited: what was wrong stays
wrong). Each frame has exactly one fate, the account balances, nothing crashes, and bursts end as single frames do.

    corpus.py --driver PROGRAM [--corpus FILE] [--outcomes FILE] [--model MODULE] [--no-bursts]

The corpus is adversarial.pcap in $SHUNT_CORPUS, or in ../shared/corpus beside the checkout; status 77 where it is absent. Prints a table
of fates. --outcomes: one line for each frame, a digest of what became of it, so that two builds can be compared. Where
there is a module MODULE (default: model) its Model is asked about each frame too; --model none: not.
"""

import argparse
import hashlib
import os
import pathlib
import struct
import sys
from collections import Counter

import frames as build
from differential import NoModel, ask, load_model, model_words
from driver_process import Driver, DriverDied
from sequences import PORT_MAC, PORTS, backend_mac

OWN_MAC = PORT_MAC["net0"]
START_NS = 1_000_000_000_000
LOOP_NS = 10_000_000
BURST = 32
MOST_PRINTED = 20
MODES = {"l2": 1, "ipip": 2, "gue": 3, "nat": 4}
EXACT_PORT = {build.TCP: 80, build.UDP: 53}


def vip(mode, exact, family):
    number = MODES[mode] + (10 if exact else 0)
    return f"198.51.100.{number}" if family == 4 else f"2001:db8:f::{number:x}"


ALL_WAYS = [(mode, exact, family) for mode in MODES for exact in (False, True) for family in (4, 6)]


def configuration(ways):
    blocks = ["""[dataplane]
connections = 4096
[[port]]
name = "net0"
device = "vdev:net_null0"
host_interface = "shunt0"
mtu = 9000
addresses = ["192.0.2.2/24", "2001:db8:a::2/64"]
encap_source = "192.0.2.10"
encap_source6 = "2001:db8:a::f0"
[[port]]
name = "net1"
device = "vdev:net_null1"
host_interface = "shunt1"
mtu = 9000
addresses = ["10.0.0.1/24", "2001:db8:b::1/64"]
encap_source = "10.0.0.10"
encap_source6 = "2001:db8:b::f0"
"""]
    for way in ways:
        blocks += service_blocks(*way)
    return "".join(blocks)


def backends_of(mode, exact, family):
    first = 16 * MODES[mode] + (8 if exact else 0)
    return [f"10.0.0.{first + i}" if family == 4 else f"2001:db8:b::{first + i:x}" for i in range(3)]


def service_blocks(mode, exact, family):
    name = f"{mode}{family}{'x' if exact else ''}"
    yield f'[[pool]]\nname = "{name}"\nslots = 251\n'
    for address in backends_of(mode, exact, family):
        port = "port = 8080\n" if exact and mode == "nat" else ""
        yield f'[[pool.backend]]\nname = "{address}"\naddress = "{address}"\n{port}'
    for protocol, number in (("tcp", build.TCP), ("udp", build.UDP)):
        port = f"port = {EXACT_PORT[number]}\n" if exact else ""
        yield (f'[[service]]\nname = "{name}-{protocol}"\naddress = "{vip(mode, exact, family)}"\nprotocol = "{protocol}"\n{port}'
               f'pool = "{name}"\nforward = "{mode}"\n')


def opening_events(ways=None, table_seed=1):
    """A shunt with these ways (mode, one port, family) to its services, or all; and a network that knows the backends."""
    ways = ways or ALL_WAYS
    yield {"type": "time", "ns": START_NS}
    yield {"type": "config", "toml": configuration(ways), "ports": PORTS,
           "table_seed": table_seed}
    for way in ways:
        for address in backends_of(*way):
            yield {"type": "neighbour", "address": address, "port": "net1", "mac": backend_mac(address)}


def read_pcap(path):
    """The frames of a pcap file (little-endian, microseconds, Ethernet)."""
    data = pathlib.Path(path).read_bytes()
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    if magic != 0xA1B2C3D4 or link != 1:
        raise ValueError(f"{path} isn't a little-endian pcap of Ethernet frames")
    frames, at = [], 24
    while at < len(data):
        size = struct.unpack_from("<IIII", data, at)[2]
        frames.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return frames


def edited(sum16, old, new):
    """RFC 1624: the checksum after `old` became `new`."""
    total = 0xFFFF - sum16
    for before, after in zip(struct.unpack(f"!{len(old) // 2}H", old), struct.unpack(f"!{len(new) // 2}H", new)):
        total += (0xFFFF - before) + after
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def put(frame, at, data):
    """Overwrites as much as there is."""
    if at < len(frame):
        frame[at:at + len(data)] = data[:len(frame) - at]


def edit_checksum(frame, at, old, new):
    if at + 2 <= len(frame):
        frame[at:at + 2] = edited(int.from_bytes(frame[at:at + 2], "big"), old, new).to_bytes(2, "big")


def to_own_mac(frame):
    frame = bytearray(frame)
    put(frame, 0, build.mac_bytes(OWN_MAC))
    return bytes(frame)


def to_vip(frame, mode, exact):
    """At the port's MAC and the mode's VIP; `exact`: at the port of its service too. What is no IP packet only gets the MAC."""
    frame = bytearray(to_own_mac(frame))
    at, kind = build.l3_offset(frame)
    version = {0x0800: 4, 0x86DD: 6}.get(kind)
    if version is None or len(frame) < at + (20 if version == 4 else 40):
        return bytes(frame)
    place = at + (16 if version == 4 else 24)
    new = build.packed(vip(mode, exact, version))
    old = bytes(frame[place:place + len(new)])
    put(frame, place, new)
    if version == 4:
        edit_checksum(frame, at + 10, old, new)
        protocol, l4 = frame[at + 9], at + (frame[at] & 15) * 4
        if int.from_bytes(frame[at + 6:at + 8], "big") & 0x1FFF:
            return bytes(frame)  # a later fragment has no ports and no checksum
    else:
        protocol, l4 = frame[at + 6], at + 40
    retarget_segment(frame, protocol, l4, old, new, EXACT_PORT.get(protocol) if exact else None)
    return bytes(frame)


def retarget_segment(frame, protocol, l4, old, new, dport):
    sum_at = {build.TCP: l4 + 16, build.UDP: l4 + 6}.get(protocol)
    if sum_at is None or (protocol == build.UDP and bytes(frame[sum_at:sum_at + 2]) == b"\0\0"):
        sum_at = len(frame)
    edit_checksum(frame, sum_at, old, new)
    if dport is None or len(frame) < l4 + 4:
        return
    edit_checksum(frame, sum_at, bytes(frame[l4 + 2:l4 + 4]), dport.to_bytes(2, "big"))
    put(frame, l4 + 2, dport.to_bytes(2, "big"))


def variants():
    """{name: what it makes of a frame}."""
    ways = {"raw": lambda frame: frame, "own MAC": to_own_mac}
    for mode in MODES:
        for exact in (False, True):
            ways[f"{mode}{' port' if exact else ''}"] = lambda frame, mode=mode, exact=exact: to_vip(frame, mode, exact)
    return ways


def frame_event(frame):
    return {"type": "frame", "port": "net0", "hex": frame.hex()}


def events_of(frames, size):
    """The frames, `size` in an event, with a loop's time behind each BURST: what is punted has a rate."""
    now_ns = START_NS
    for at in range(0, len(frames), BURST):
        some = frames[at:at + BURST]
        if size == 1:
            yield from map(frame_event, some)
        else:
            yield {"type": "frames", "frames": [{"port": "net0", "hex": frame.hex()} for frame in some]}
        now_ns += LOOP_NS
        yield {"type": "time", "ns": now_ns}


def fates(answer):
    """{fate: how many} of an answer."""
    count = Counter(answer.get("dropped", {}))
    count.update(each["kind"] for each in answer.get("out", []))
    return count


def check(event, answer, held):
    """What is wrong with an answer; (complaints, frames held now)."""
    if "error" in answer:
        return [answer["error"]], held
    came = len(event["frames"]) if event["type"] == "frames" else int(event["type"] == "frame")
    now_held = answer.get("in_flight", 0)
    went = sum(fates(answer).values()) - answer.get("originated", 0) + now_held - held
    return ([f"{went} fates of {came} frames"] if went != came else []), now_held


class Pass:
    """All frames of one variant, once; `complaints` are (what is wrong, event)."""

    def __init__(self, driver, frames, size, model):
        self.fates, self.digests, self.complaints, self.held, self.originated = Counter(), [], [], 0, 0
        driver.reset()
        opening = list(opening_events())
        self.feed(driver, opening, model)
        self.feed(driver, list(events_of(frames, size)), model)

    def feed(self, driver, events, model):
        if isinstance(model, NoModel):
            for event, answer in zip(events, driver.send_all(events)):
                self.take(event, answer)
            return
        for event in events:
            answer = driver.send(event)
            self.take(event, answer)
            self.complaints += [(str(difference), event) for difference in ask(model, event, answer)]

    def take(self, event, answer):
        complaints, self.held = check(event, answer, self.held)
        self.complaints += [(complaint, event) for complaint in complaints]
        if event["type"] in ("frame", "frames"):
            self.fates += fates(answer)
            self.originated += answer.get("originated", 0)
        if event["type"] == "frame":
            self.digests.append(hashlib.sha256(repr(answer).encode()).hexdigest()[:16])


def find_death(driver, frames):
    """The first frame of a variant after which the driver is dead, or None."""
    driver.reset()
    for event in list(opening_events()) + list(events_of(frames, 1)):
        try:
            driver.send(event)
        except DriverDied:
            return event
    return None


def print_table(columns):
    """{variant: {fate: count}} with a row for each fate, in the order of how often."""
    total = sum(columns.values(), Counter())
    print(f"{'':18}" + "".join(f"{name:>11}" for name in columns))
    for fate, _ in total.most_common():
        print(f"{fate:18}" + "".join(f"{counts.get(fate, 0) or '':>11}" for counts in columns.values()))


def run(driver, frames, model_type, bursts_too, outcomes):
    """Complaints, printed as they come, counted."""
    columns, failed = {}, 0
    for name, change in variants().items():
        changed = [change(frame) for frame in frames]
        try:
            single = Pass(driver, changed, 1, model_type())
            bursts = Pass(driver, changed, BURST, NoModel()) if bursts_too else single
        except DriverDied as died:
            print(f"{name}: {died}\n  at {find_death(driver, changed)}")
            failed += 1
            continue
        columns[name] = single.fates
        complaints = single.complaints + (bursts.complaints if bursts_too else [])
        if single.fates != bursts.fates:
            complaints.append((f"in bursts: {dict(bursts.fates)}, one by one: {dict(single.fates)}", {}))
        ended = sum(single.fates.values()) - single.originated + single.held
        if ended != len(frames):
            complaints.append((f"{ended} fates of {len(frames)} frames", {}))
        for complaint, event in complaints[:MOST_PRINTED]:
            print(f"{name}: {complaint}\n  {event}")
        failed += len(complaints)
        outcomes += [f"{name} {index} {digest}" for index, digest in enumerate(single.digests)]
    print_table(columns)
    return failed


def corpus_file(given):
    if given:
        return pathlib.Path(given)
    checkout = pathlib.Path(__file__).resolve().parents[2]
    return pathlib.Path(os.environ.get("SHUNT_CORPUS", checkout.parent / "shared" / "corpus"), "adversarial.pcap")


def main(words):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--driver", required=True)
    parser.add_argument("--corpus", metavar="FILE")
    parser.add_argument("--outcomes", metavar="FILE")
    parser.add_argument("--model", default="model")
    parser.add_argument("--no-bursts", action="store_true", help="one by one only")
    options = parser.parse_args(words)
    path = corpus_file(options.corpus)
    if options.outcomes:
        pathlib.Path(options.outcomes).unlink(missing_ok=True)
    if not path.exists():
        print(f"skipped: there is no {path.name} in {path.parent}; SHUNT_CORPUS says where")
        return 77
    frames, outcomes = read_pcap(path), []
    model_type = load_model(options.model)
    with Driver(options.driver) as driver:
        failed = run(driver, frames, model_type, not options.no_bursts, outcomes)
    print(f"{len(frames)} frames in {len(variants())} ways: {failed} complaints; {model_words(model_type)}")
    if options.outcomes and not failed:
        pathlib.Path(options.outcomes).write_text("\n".join(outcomes) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
