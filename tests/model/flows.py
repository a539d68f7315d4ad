"""What is known of one flow: items 4, 5, 6 and 8. The connection table, probation, and the TCP states.

A Memory is one possible content of the two tables for this flow. Where the specification leaves something open, or where what
was seen fits several, there are several of them; each packet moves every Memory by every way that is allowed, and the backend that
the packet really got decides which remain. So the model never guesses, and the next packet is exact again.
"""

from typing import Callable, NamedTuple, Optional

from .choice import GREY
from .packet import ACK, FIN, RST, SYN, TCP
from .state import SECOND

RESET_TIMEOUT = 10 * SECOND
MID_FLOW_TIMEOUT = 120 * SECOND
SWEEP = 30 * SECOND          # an entry that is over may stay until a sweep finds it
SEQUENCE_WINDOW = 1 << 20
CROWDED = 64                 # openings from which on three of one probation line (of 16,384) are to be reckoned with
MOST_MEMORIES = 64


class Entry(NamedTuple):
    """In the connection table."""
    backend: tuple
    state: str    # established, fin, reset, udp
    last: int


class Probe(NamedTuple):
    """In probation."""
    backend: tuple
    kind: str     # syn, mid, udp
    seq: int
    opened: int
    last: int
    serial: int


class Memory(NamedTuple):
    entry: Optional[Entry] = None
    probe: Optional[Probe] = None


class Segment(NamedTuple):
    """What flows look at of a packet. `kind`: udp, syn, rst, fin, other."""
    kind: str
    has_syn: bool
    seq: int
    payload: int


class Way(NamedTuple):
    """One way that a packet may go: to any of these backends (None: to nobody), and what is remembered then."""
    backends: Optional[frozenset]
    then: Callable
    fresh: str = ""   # opening, owner: chosen, not remembered


UNKNOWN = frozenset([Memory()])


def readings(packet):
    """Odd combinations of TCP flags are forwarded, but as what isn't said: every reading is allowed."""
    if packet.protocol != TCP:
        return [Segment("udp", False, 0, packet.payload)]
    flags = packet.flags & (SYN | ACK | RST | FIN)
    kinds = {"rst"} if flags & RST else {"fin"} if flags & FIN else {"other"}
    if flags & SYN:
        kinds = {"syn"} if flags == SYN else kinds | {"syn"}
    return [Segment(kind, bool(flags & SYN), packet.seq, packet.payload) for kind in sorted(kinds)]


def ways(memories, packet, view):
    """All that may happen to a packet from the client."""
    found = []
    for memory in sorted(memories, key=repr):
        for segment in readings(packet):
            for entry in possible(memory.entry, entry_alive(memory.entry, view)):
                for probe in possible(memory.probe, probe_alive(memory.probe, view)):
                    found += lookup(entry, probe, segment, view)
    return found


def settled(found, backends):
    """Memories after the packet went to one of these backends."""
    after = {way.then(backend) for way in found if way.backends for backend in sorted(way.backends & backends)}
    return frozenset(sorted(after, key=repr)[:MOST_MEMORIES])


def possible(what, alive):
    return [what if one else None for one in sorted(alive)]


def lasts(age, timeout, late):
    """{True}, {False} or both, where clocks of whole seconds may see it either way."""
    if age < timeout - GREY:
        return {True}
    return {False} if age > timeout + late else {True, False}


def entry_alive(entry, view):
    if entry is None:
        return {False}
    if entry.state == "reset":
        timeout = RESET_TIMEOUT
    else:
        timeout = view.service.timeouts[entry.state]
    return lasts(view.state.now - entry.last, timeout, SWEEP)


def probe_alive(probe, view):
    if probe is None:
        return {False}
    timeout = MID_FLOW_TIMEOUT if probe.kind == "mid" else view.service.timeouts[probe.kind]
    alive = lasts(view.state.now - probe.opened, timeout, GREY)
    if probe.kind != "syn" and alive == {False} and lasts(view.state.now - probe.last, timeout, GREY) != {False}:
        alive = {True, False}  # from which of its packets on isn't said
    later = view.state.openings - probe.serial
    return alive | {False} if later > CROWDED else alive


def lookup(entry, probe, segment, view):
    if entry is None:
        return probation(None, probe, segment, view)
    found = []
    for gone in view.gone(entry.backend):
        for accepts in view.accepts(entry.backend):
            uneasy = gone or not accepts or entry.state in ("fin", "reset")
            if uneasy and probe:
                found += probation(None if gone else entry, probe, segment, view)
            elif gone:
                found += miss(entry, segment, view)
            elif uneasy and segment.kind == "syn":
                found += opening(entry, segment, view)
            else:
                found += hit(entry, probe, segment, view)
    return found


def hit(entry, probe, segment, view):
    return [Way(frozenset([entry.backend]), lambda _, state=state: Memory(Entry(entry.backend, state, view.state.now), probe))
            for state in next_states(entry.state, segment)]


def next_states(state, segment):
    """RST and FIN only shorten; after a RST any other packet, after a FIN one with payload, restores established."""
    if state == "udp":
        return ["udp"]
    if segment.kind == "rst":
        return ["reset"] + ([state] if segment.has_syn else [])
    if segment.kind == "fin":
        if state == "reset":
            return ["established", "fin", "reset"]
        return ["fin", "established"] if state == "fin" and segment.payload else ["fin"]
    if segment.has_syn:
        return [state, "established"]
    return ["fin"] if state == "fin" and not segment.payload else ["established"]


def probation(entry, probe, segment, view):
    """`entry`: an uneasy one that this packet has hit, if any."""
    if probe is None:
        return miss(entry, segment, view)
    now = view.state.now
    same = frozenset([probe.backend])
    found = []
    for gone in view.gone(probe.backend):
        if gone:
            found += miss(entry, segment, view)
            continue
        if probe.kind == "syn" and segment.kind == "syn":
            for accepts in view.accepts(probe.backend):
                if accepts:
                    seqs = {probe.seq, segment.seq}  # "only updates": which of the sequence numbers then counts isn't said
                    found += [Way(same, lambda _, seq=seq: Memory(entry, probe._replace(seq=seq, last=now))) for seq in seqs]
                else:
                    found += opening(entry, segment, view)
        elif promotes(probe, segment):
            found += [Way(same, lambda _, state=state: Memory(Entry(probe.backend, state, now), None))
                      for state in first_states(segment)]
            if full(view):
                found.append(Way(same, lambda _: Memory(entry, probe._replace(last=now))))
        else:
            found.append(Way(same, lambda _: Memory(entry, probe)))
            if entry:  # "the entry's backend" may be read as either table's
                found += hit(entry, probe, segment, view)
            if segment.kind == "syn":
                found += opening(entry, segment, view)
    return found


def promotes(probe, segment):
    if segment.kind == "rst" or (probe.kind == "syn" and segment.has_syn):
        return False
    if probe.kind == "syn":
        return 1 <= (segment.seq - probe.seq) % (1 << 32) <= SEQUENCE_WINDOW
    return segment.kind != "syn"


def first_states(segment):
    if segment.kind == "udp":
        return ["udp"]
    return ["established", "fin"] if segment.kind == "fin" else ["established"]


def full(view):
    """Ten candidates can only be taken where a good part of the table is."""
    return len(view.state.flows) > view.state.config.connections // 4


def miss(entry, segment, view):
    if segment.kind in ("syn", "udp"):
        return opening(entry, segment, view)
    backends, nobody = view.owner()
    now = view.state.now
    if segment.kind == "rst" or (segment.kind == "fin" and not segment.payload):
        found = [Way(backends, lambda _: Memory(entry, None), "owner")] if backends else []
    else:
        found = [Way(backends, lambda backend: Memory(entry, Probe(backend, "mid", segment.seq, now, now, view.state.openings)),
                     "owner")] if backends else []
    return found + ([Way(None, lambda _: Memory(entry, None))] if nobody or not backends else [])


def opening(entry, segment, view):
    backends = view.opening()
    if not backends:
        return [Way(None, lambda _: Memory(entry, None))]
    now, serial = view.state.now, view.state.openings
    found = [Way(backends, lambda backend: Memory(entry, Probe(backend, segment.kind, segment.seq, now, now, serial)), "opening")]
    if serial > CROWDED:
        found.append(Way(backends, lambda _: Memory(entry, None), "opening"))
    return found


def after_reply(memories, packet, view):
    """What a nat backend's packet leaves behind: it moves TCP's state, and nothing else."""
    after = set()
    for memory in memories:
        for entry in possible(memory.entry, entry_alive(memory.entry, view)):
            if entry is None:
                after.add(memory._replace(entry=None))
                continue
            for segment in readings(packet):
                segment = segment._replace(kind="other" if segment.kind == "syn" else segment.kind)
                after |= {memory._replace(entry=Entry(entry.backend, state, view.state.now))
                          for state in next_states(entry.state, segment)}
    return frozenset(sorted(after, key=repr)[:MOST_MEMORIES])


def owners_of_error(memories, view):
    """(backends that an ICMP error about this flow may go to, whether nobody is allowed)."""
    found, nobody = set(), False
    for memory in memories:
        for entry in possible(memory.entry, entry_alive(memory.entry, view)):
            for probe in possible(memory.probe, probe_alive(memory.probe, view)):
                known = set()
                for one in (entry, probe):
                    if one and False in view.gone(one.backend):
                        known.add(one.backend)
                sure = [one for one in (entry, probe) if one and view.gone(one.backend) == {False}]
                if not sure:
                    backends, none = view.owner()
                    known |= backends
                    nobody |= none or not backends
                found |= known
    return frozenset(found), nobody or not found


