"""A received frame on its way through the stages, and where the first fragment of its datagram went."""

from typing import NamedTuple

from . import answers
from .state import SECOND, Outcome, Output, State, drop
from .template import anything, exactly

PUNT_RATE = 1000     # frames in one second from which on the limit of the punt rings is to be reckoned with


class Way(NamedTuple):
    """Where a first fragment went, so that the others can follow."""
    kind: str                    # service, reply, kernel, host (a reply to a node address)
    service: object = None
    backends: frozenset = frozenset()
    vip: bytes = b""


class Frame(NamedTuple):
    """A received frame on its way through the stages."""
    state: State
    port: object
    link: object
    packet: object
    bytes: bytes


def nothing(state, agreed):
    pass


def doubted(outcomes, doubt):
    return [one.doubted(doubt) for one in outcomes]


def punt(state, port, frame, not_ip=False):
    if not port.has_host:
        return [drop("no_host_interface")] + ([drop("not_ip", "not_ip")] if not_ip else [])
    outcomes = [Outcome(outputs=(Output(("punted",), port.name, (exactly(frame),)),))]
    second, count = state.punts
    count = count + 1 if second == state.now // SECOND else 1
    state.punts = state.now // SECOND, count
    return outcomes + ([drop("punt_full", "punt_rate")] if count > PUNT_RATE else [])


def restored_or_not(port):
    """To a node address: it depends on whether the table knows a local client's flow."""
    return [Outcome(outputs=(Output(("punted",), port.name, (anything(),)),), doubt="reply_to_node")]


def expired(one):
    state, port, link, packet, frame = one
    if packet.ttl == 0 or not answers.may_answer(packet, link):
        return [drop("ttl")]
    templates = answers.time_exceeded(packet, link, port, packet.destination)
    return answers.answered(state, packet, port, "ttl", "ttl", templates)
