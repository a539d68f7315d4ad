"""An implementation that does just what the model says: for tests of the model, and for trying sequences without shunt."""

import random

from . import Model


def as_seen(outcome, rng, number):
    """What a driver would report of this outcome. `number`: for identifications, which must not repeat."""
    seen = {"out": [], "dropped": {}}
    for at, output in enumerate(outcome.outputs):
        template = rng.choice(output.templates)
        frame = template.example(id=(number * 50 + at) % 65536, **spread(template, rng))
        seen["out"].append({"kind": output.kinds[0], "port": output.port, "hex": frame.hex()})
    for reason in outcome.dropped:
        seen["dropped"][reason] = seen["dropped"].get(reason, 0) + 1
    if outcome.anything:
        seen["dropped"]["bad_header"] = 1
    return seen


def spread(template, rng):
    """What a flow's hash fills in: anything that is allowed there."""
    values = {one.name: one.default + rng.randrange(8) for one in template.fields if one.name in ("source", "gue_port")}
    return {one.name: values[one.name] for one in template.fields if one.name in values and one.allowed(values[one.name])}


class Rehearsal:
    def __init__(self, events=(), seed=1):
        self.model = Model()
        self.rng = random.Random(seed)
        self.events = 0
        for event in events:
            self.play(event)

    def play(self, event, backend=None, reason=None):
        """Expects, picks, observes: (expectation, outcome, seen). `backend`: that it should choose, by name, where it may;
        `reason`: a drop that it should choose. Outcomes that answer no open question come before others."""
        self.events += 1
        expectation = self.model.expect(event)
        if event["type"] != "frame":
            self.model.observe(event, {})
            return expectation, None, {}
        outcomes = expectation.outcomes
        fits = [one for one in outcomes if (backend is None or one.facts.get("backend", "")[1:2] == (backend,)) and
                (reason is None or reason in one.dropped)]
        sure = [one for one in fits if not one.doubt] or fits or outcomes
        outcome = self.rng.choice(sure)
        seen = as_seen(outcome, self.rng, self.events)
        problems = expectation.check(seen)
        if problems and not outcome.anything:
            raise AssertionError(f"the model refuses what it allowed: {problems}")
        self.model.observe(event, seen)
        return expectation, outcome, seen
