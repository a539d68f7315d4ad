"""Fragments follow the first one of their datagram, in any order, through a bounded table.

A Datagram that met something open is `loose`: what follows may be dropped, held or sent, but only to the right backend.
"""

import itertools
from typing import NamedTuple, Optional

from .choice import GREY
from .state import Outcome, drop, drops

MOST_OUTCOMES = 64
HEADERS, BUFFER = 70, 2432  # what of a held frame isn't data at most; the buffer it may be counted as


class Held(NamedTuple):
    frame: bytes
    port: str


class Datagram(NamedTuple):
    first_seen: int
    last_seen: int
    spans: tuple = ()
    held: tuple = ()
    way: Optional[object] = None     # what settled says about the first fragment: given back to `follow`
    refused: frozenset = frozenset() # reasons the first one was dropped for
    poisoned: bool = False           # an overlap was seen
    loose: bool = False


def key(packet):
    return packet.source, packet.destination, packet.version == 6 or packet.protocol, packet.fragment.id


def span(packet):
    start = packet.fragment.offset
    return start, start + len(packet.data) - packet.fragment.at, packet.fragment.more


def life(state, datagram):
    """{True}: in the table; {False}: over; both. From which of its fragments time counts isn't said."""
    time = state.config.fragment_time
    if state.now - datagram.first_seen < time:
        return {True}
    return {False} if state.now - datagram.last_seen > time + GREY else {True, False}


def forget_old(state):
    """Held fragments of datagrams that are over may be dropped `fragment_limit` at any moment from then on."""
    for name, datagram in list(state.datagrams.items()):
        if life(state, datagram) == {False}:
            state.overdue += len(datagram.held)
            del state.datagrams[name]


def slack(state):
    """How many drops `fragment_limit` may come beside what a frame does."""
    full = crowded(state)
    return state.overdue + sum(len(one.held) for one in state.datagrams.values() if full or False in life(state, one))


def crowded(state):
    """Whether the table may be full: then any datagram may have given way to another."""
    sizes = [max(len(one.frame), BUFFER) for datagram in state.datagrams.values() for one in datagram.held]
    return len(state.datagrams) >= state.config.fragment_entries or sum(sizes) + BUFFER > state.config.fragment_bytes


def receive(state, packet, held, first, follow):
    """(outcomes, settle) of a fragment.

    `first()`: outcomes and settle of it as a first fragment; `follow(way, held)`: outcomes of a later one on the first one's way.
    """
    datagram = state.datagrams.get(key(packet))
    outcomes = []
    alive = life(state, datagram) if datagram else {False}
    forgotten = {False} if crowded(state) else set()
    settle_first = None
    for one in sorted(alive | forgotten):
        more, settle = fresh_or_known(state, packet, held, first, follow, datagram if one else None)
        outcomes += more if one in alive else [each.doubted("table_full").with_facts(loose=True) for each in more]
        settle_first = settle or settle_first

    def settle(state, agreed):
        if settle_first:
            settle_first(state, agreed)
        note(state, packet, held, [outcome for outcome, _ in agreed], settle_first is not None)
    return outcomes, settle


def fresh_or_known(state, packet, held, first, follow, datagram):
    """As a fragment of this datagram. One that is whole may be forgotten already: then this one begins another."""
    known = datagram or Datagram(state.now, state.now)
    outcomes, settle = of_datagram(state, packet, held, first, follow, known)
    if complete(known.spans):
        more, settle = of_datagram(state, packet, held, first, follow, Datagram(state.now, state.now))
        outcomes = outcomes + [one.doubted("whole_datagram").with_facts(loose=True) for one in more]
    if not datagram and len(state.datagrams) >= state.config.fragment_entries:
        outcomes = [one.doubted("table_full") for one in outcomes] + [drop("fragment_limit", "table_full", loose=True)]
    return outcomes, settle


def of_datagram(state, packet, held, first, follow, known):
    start, end, more = span(packet)
    earlier = refused_earlier(first) if start == 0 else []
    if known.poisoned or (start, end, more) in known.spans and not known.loose:
        return [drop("fragment", repeated=True)] + [one.with_facts(repeated=True) for one in earlier], None
    overlapping = []
    overlaps = any(start < other_end and other_start < end for other_start, other_end, _ in known.spans)
    if overlaps or contradicts(known.spans, start, end, more):
        for one in [drop("fragment")] + earlier:
            overlapping.append(one.with_facts(overlap=True))
            if known.held:
                overlapping.append(Outcome(one.dropped + ("fragment",) * len(known.held), one.outputs, one.doubt,
                                           one.facts | {"overlap": True, "released": True}))
        if overlaps and not known.loose:
            return overlapping, None
    doubt = "beyond_the_last" if contradicts(known.spans, start, end, more) else "loose_datagram" if known.loose else ""
    if start == 0:
        outcomes, settle = first()
        outcomes = [out for one in outcomes for out in release(one, known, follow)]
    else:
        outcomes, settle = later(state, packet, held, known, follow), None
    if doubt:
        outcomes = [one.doubted(doubt) for one in outcomes] + ([Outcome(facts={"hold": True}, doubt=doubt)] if start else [])
        outcomes += drops(known.refused | {"fragment", "fragment_limit"}, doubt, loose=True)
    return outcomes + [one.doubted(doubt) for one in overlapping], settle


def refused_earlier(first):
    """What classify drops a first fragment for, before anybody looks whether it fits."""
    return [Outcome(one.dropped, one.outputs, one.doubt, {name: one.facts[name] for name in ("answered",) if name in one.facts})
            for one in first()[0] if one.dropped]


def contradicts(spans, start, end, more):
    """Behind the end of the datagram, or another end."""
    ends = [other_end for _, other_end, other_more in spans if not other_more]
    return any(end > one for one in ends) or (not more and any(other_end > end for _, other_end, _ in spans))


def complete(spans):
    reached = 0
    for start, end, more in sorted(spans):
        if start != reached:
            return False
        reached = end
        if not more:
            return True
    return False


def later(state, packet, held, known, follow):
    waiting = Outcome(facts={"hold": True})
    if known.way is not None and not known.refused:
        return follow(known.way, held)
    if known.refused:
        with_first = follow(known.way, held) if known.way is not None else []
        return with_first + [waiting] + drops(known.refused | {"fragment"}, "first_was_dropped", loose=True)
    sizes = [len(one.frame) for datagram in state.datagrams.values() for one in datagram.held] + [len(held.frame)]
    if sum(size - HEADERS for size in sizes) > state.config.fragment_bytes:
        return [drop("fragment_limit", loose=True)]
    near = sum(max(size, BUFFER) for size in sizes) > state.config.fragment_bytes
    return [waiting] + ([drop("fragment_limit", "bytes_full", loose=True)] if near else [])


def release(outcome, known, follow):
    """The first fragment's outcome, with those that waited for it."""
    if not known.held:
        return [outcome]
    if "way" in outcome.facts:
        choices = [follow(outcome.facts["way"], one) for one in known.held]
        products = itertools.islice(itertools.product(*choices), MOST_OUTCOMES)
        together = []
        for product in products:
            whole = outcome
            for one in product:
                whole = whole.and_also(one)
            together.append(whole.with_facts(released=True))
        if not outcome.dropped:
            return together + ([outcome.doubted("loose_datagram")] if known.loose else [])
        return together + refused(outcome, known)
    return refused(outcome, known)


def refused(outcome, known):
    """The first fragment is dropped: the others wait on, or go with it."""
    reasons = set(outcome.dropped) | {"fragment", "fragment_limit"}
    return [outcome] + [Outcome(outcome.dropped + (reason,) * len(known.held), outcome.outputs, "first_was_dropped",
                                outcome.facts | {"released": True}) for reason in sorted(reasons)]


def refuse(state, packet, outcomes):
    """(outcomes, settle) of a fragment that was refused for itself: what that means for its datagram isn't said."""
    known = state.datagrams.get(key(packet)) or Datagram(state.now, state.now)
    reasons = frozenset(reason for one in outcomes for reason in one.dropped)
    together = [Outcome(one.dropped + (reason,) * len(known.held), one.outputs, "refused_fragment", one.facts | {"released": True})
                for one in outcomes if known.held for reason in sorted({*one.dropped, "fragment"})]

    def settle(state, agreed):
        after = known._replace(last_seen=state.now, refused=known.refused | reasons, loose=True)
        if any(outcome.facts.get("released") for outcome, _ in agreed):
            after = after._replace(held=())
        state.datagrams[key(packet)] = after
    return outcomes + together, settle


def note(state, packet, held, outcomes, was_first):
    """The table after what was seen."""
    name = key(packet)
    facts = [one.facts for one in outcomes] or [{}]
    before = state.datagrams.get(name) or Datagram(state.now, state.now)
    if all(one.facts.get("repeated") for one in outcomes):
        state.datagrams[name] = before._replace(last_seen=state.now)
        return
    after = before._replace(last_seen=state.now, spans=before.spans + (span(packet),),
                            poisoned=before.poisoned or any(one.facts.get("overlap") and not one.doubt for one in outcomes),
                            loose=before.loose or any(one.get("loose") for one in facts) or any(one.doubt for one in outcomes))
    if any(one.get("released") for one in facts):
        after = after._replace(held=())
    if any(one.get("hold") for one in facts):
        after = after._replace(held=after.held + (held,))
    found = [one["way"] for one in facts if "way" in one]
    if was_first and found:
        after = after._replace(way=joined(found))
    if was_first and not any(one.outputs and not one.dropped for one in outcomes):
        after = after._replace(refused=before.refused | {reason for one in outcomes for reason in one.dropped})
    state.datagrams[name] = after


def joined(found):
    """Ways of the outcomes that agreed: the same but for the backends, which add up."""
    first = found[0]
    return first._replace(backends=frozenset().union(*(one.backends for one in found)))
