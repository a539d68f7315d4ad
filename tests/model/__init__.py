"""A reference model of shunt's packet path, written from the specification alone. README.md says how it is organised."""

from .announce import Quiet
from .burst import Burst
from .compare import Expectation
from .state import State
from .step import finish, prepare, step

__all__ = ["Expectation", "Model", "State", "step"]


class Model:
    """Follows a run of the real thing: `expect` an event, `check` what was seen against it, then `observe` it."""

    def __init__(self):
        self.state = State()
        self._expected = None, None, None

    def expect(self, event):
        prepared = None
        if event["type"] == "frames":
            expectation = Burst(self.state, event)
        else:
            prepared = prepare(self.state, event)
            expectation = (Expectation(prepared.outcomes, prepared.slack) if event["type"] == "frame"
                           else Quiet(prepared.state, prepared.slack))
        self._expected = event, expectation, prepared
        return expectation

    def observe(self, event, seen):
        """Follows what was seen where the specification leaves a choice."""
        if self._expected[0] is not event:
            self.expect(event)
        _, expectation, prepared = self._expected
        self._expected = None, None, None
        if event["type"] == "frames":
            self.state, *_ = expectation.follow(seen)
        else:
            self.state, _ = finish(prepared, event, seen)
