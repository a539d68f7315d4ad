"""step(state, event, seen): what the specification says happens to one event.

Returns (state, outcomes, counters). `outcomes` is everything that is allowed. `seen`, what really happened, chooses among them where
they are several, and the state follows; without it the first one is taken. Nothing of the caller's is changed.
"""

from typing import NamedTuple

from . import answers, deliver, fragments
from .changes import CHANGES, forget
from .classify import receive
from .compare import agreeing
from .frame import nothing
from .state import COUNTED, Outcome, State


def no_change(state, event):
    """What only drivers know."""


class Prepared(NamedTuple):
    """An event that has been thought through, but not what was seen of it."""
    state: State
    outcomes: tuple
    settle: object
    slack: int


def prepare(state, event):
    state = State() if event["type"] == "reset" else state.fork()
    if event["type"] != "frame":
        CHANGES.get(event["type"], no_change)(state, event)
        forget(state)
        return Prepared(state, (Outcome(),), nothing, fragments.slack(state) if state.config else 0)
    fragments.forget_old(state)
    slack = fragments.slack(state)
    outcomes, settle = receive(state, state.config.ports[event["port"]], bytes.fromhex(event["hex"]))
    return Prepared(state, tuple(outcomes), settle, slack)


def finish(prepared, event, seen):
    """(state, counters) after what was seen."""
    state, outcomes, settle, slack = prepared
    if event["type"] != "frame":
        state.overdue = max(0, state.overdue - (seen or {}).get("dropped", {}).get("fragment_limit", 0))
        return state, dict.fromkeys(COUNTED, 0) | {"dropped": {}}
    agreed, used = agreeing(outcomes, seen, slack)
    settle(state, agreed)
    for outcome, values in agreed[:1]:
        answers.note_answer(state, outcome.facts)
        deliver.note_frames(state, outcome.facts, values)
    state.overdue = max(0, state.overdue - used)
    return state, {"received": 1} | agreed[0][0].counters


def step(state, event, seen=None):
    prepared = prepare(state, event)
    state, counters = finish(prepared, event, seen)
    return state, prepared.outcomes, counters
