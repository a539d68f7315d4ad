"""A reference model of shunt's packet path, written from the specification alone. README.md says how it is organised."""

from . import fragments
from .compare import Expectation, agree_on_nothing
from .state import State
from .step import step

__all__ = ["Expectation", "Model", "State", "step"]


class Model:
    """Follows a run of the real thing: `expect` an event, `check` what was seen against it, then `observe` it."""

    def __init__(self):
        self.state = State()

    def expect(self, event):
        state, outcomes, _ = step(self.state, event)
        if event["type"] == "frame":
            return Expectation(outcomes, fragments.slack(self.state if self.state.config is None else forgotten(self.state)))
        return agree_on_nothing(fragments.slack(state) if state.config else 0)

    def observe(self, event, seen):
        """Follows what was seen where the specification leaves a choice. Returns the counters of this event."""
        self.state, _, counters = step(self.state, event, seen)
        if event["type"] != "frame":
            self.state.overdue = max(0, self.state.overdue - seen.get("dropped", {}).get("fragment_limit", 0))
        return counters


def forgotten(state):
    """As a frame finds the table of fragments."""
    other = state.fork()
    fragments.forget_old(other)
    return other
