"""What the model remembers between events, and what it says about one: the outcomes that the specification allows."""

import copy
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

from . import addresses

SECOND = 10**9
COUNTED = ("received", "sent", "punted", "originated")


class Route(NamedTuple):
    """A route of the kernel; a port's subnets are such by themselves."""
    port: str
    gateway: Optional[bytes]   # None: on-link


@dataclass
class State:
    """All values are immutable or replaced whole, so that a copy of the dictionaries is a copy of the state."""
    now: int = 10**12
    config: Optional[object] = None
    down: dict = field(default_factory=dict)        # backend id -> since when
    neighbours: dict = field(default_factory=dict)  # address -> (port, MAC)
    routes: dict = field(default_factory=dict)      # Prefix -> Route
    flows: dict = field(default_factory=dict)       # (service id, 5-tuple) -> frozenset of flows.Memory
    owners: dict = field(default_factory=dict)      # (slots, service's tuple) -> (address, port) of the slot's owner, learned
    choices: dict = field(default_factory=dict)     # the same with who accepts -> what an opening took, learned
    sources: dict = field(default_factory=dict)     # flow and encap prefix -> outer source and port, one per flow
    spread: dict = field(default_factory=dict)      # (what, its range) -> (flows, their values, at most two)
    outer_ids: dict = field(default_factory=dict)   # (source, destination) -> last identifications without DF
    datagrams: dict = field(default_factory=dict)   # fragments.key -> fragments.Datagram
    overdue: int = 0                                # held fragments that may be dropped at any moment now
    answered: dict = field(default_factory=dict)    # (kind, source) -> times of the answers of the last two seconds
    unaccepting: dict = field(default_factory=dict) # backend id -> since when its accept is 0
    removed: dict = field(default_factory=dict)     # backend id -> (Backend, when, shortest and longest drain)
    lowered: dict = field(default_factory=dict)     # backend's address -> ((mtu, until, sure), ...)
    heard: dict = field(default_factory=dict)       # client's address -> {(port, MAC)} of its packets to nat services
    openings: int = 0                               # flows opened so far, for crowding in probation
    punts: tuple = (0, 0)                           # the second, punted in it

    def fork(self):
        other = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict):
                setattr(other, name, dict(value))
        return other

    def route(self, address):
        """The Route of the longest prefix, or None."""
        known = dict(self.routes)
        for port in self.config.ports.values():
            known |= {subnet: Route(port.name, None) for subnet in port.subnets}
        best = addresses.longest(known, address)
        return known[best] if best else None


@dataclass(frozen=True)
class Output:
    """One frame that leaves. It is one of the templates, and seen as one of the kinds sent, punted and originated."""
    kinds: tuple
    port: str
    templates: tuple


@dataclass(frozen=True)
class Outcome:
    """One thing that may be done with a frame."""
    dropped: tuple = ()                # reasons, one for each packet dropped
    outputs: tuple = ()
    doubt: str = ""                    # the open question (README) that this outcome is an answer to
    facts: dict = field(default_factory=dict)
    anything: bool = False             # any one disposition

    def with_facts(self, **facts):
        return Outcome(self.dropped, self.outputs, self.doubt, self.facts | facts, self.anything)

    def doubted(self, doubt):
        return Outcome(self.dropped, self.outputs, self.doubt or doubt, self.facts, self.anything)

    def and_also(self, other):
        return Outcome(self.dropped + other.dropped, self.outputs + other.outputs, self.doubt or other.doubt,
                       self.facts | other.facts, self.anything or other.anything)

    @property
    def counters(self):
        """Received is the caller's to add. What is originated leaves too: received + originated = sent + punted + dropped + held."""
        kinds = [output.kinds[0] for output in self.outputs]
        counted = {"sent": kinds.count("sent") + kinds.count("originated"), "punted": kinds.count("punted"),
                   "originated": kinds.count("originated"), "dropped": {}}
        for reason in self.dropped:
            counted["dropped"][reason] = counted["dropped"].get(reason, 0) + 1
        return counted

    def __str__(self):
        parts = [f"{output.kinds[0]} from {output.port}" for output in self.outputs]
        parts += [f"dropped {reason}" for reason in self.dropped]
        name = "any one disposition" if self.anything else ", ".join(parts) or "held"
        return name + (f" [{self.doubt}]" if self.doubt else "")


def drop(reason, doubt="", **facts):
    return Outcome((reason,), doubt=doubt, facts=facts)


def drops(reasons, doubt="", **facts):
    """One outcome for each reason; sorted, so that the same question has the same answer every time."""
    return [drop(reason, doubt, **facts) for reason in sorted(reasons)]
