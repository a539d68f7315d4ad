"""A reference model of shunt's packet path, written from the specification alone. README.md says how it is organised."""

from .compare import Expectation
from .state import State
from .step import finish, prepare, step

__all__ = ["Expectation", "Model", "State", "step"]


class Model:
    """Follows a run of the real thing: `expect` an event, `check` what was seen against it, then `observe` it."""

    def __init__(self):
        self.state = State()
        self._prepared = None, None

    def expect(self, event):
        prepared = prepare(self.state, event)
        self._prepared = event, prepared
        return Expectation(prepared.outcomes, prepared.slack)

    def observe(self, event, seen):
        """Follows what was seen where the specification leaves a choice. Returns the counters of this event."""
        known, prepared = self._prepared
        self._prepared = None, None
        if known is not event:
            prepared = prepare(self.state, event)
        self.state, counters = finish(prepared, event, seen)
        return counters
