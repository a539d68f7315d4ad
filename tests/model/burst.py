"""Frames that came together and whose fates were seen in one bag: which of what was seen was whose?

Frame by frame, in order, every share of the bag that an outcome fits is tried; a share that leads nowhere is taken back.
"""

import json

from . import fragments
from .compare import take
from .step import finish, prepare

MOST_TRIES = 5000


class Burst:
    """What the specification allows to happen to a burst."""

    def __init__(self, state, event):
        self.state = state
        self.events = [{"type": "frame"} | one for one in event["frames"]]
        self.known = None, None

    def check(self, seen):
        """Differences in words; none: it agrees."""
        return self.follow(seen)[1]

    def doubts(self, seen):
        """Names of the open questions that the agreement rests on."""
        return self.follow(seen)[2]

    def follow(self, seen):
        """(state afterwards, differences, doubts)."""
        key = json.dumps(seen, sort_keys=True)
        if self.known[0] != key:
            self.known = key, Search(self.events, seen).run(self.state)
        return self.known[1]


class Search:
    def __init__(self, events, seen):
        self.events = events
        self.out = list(seen.get("out", []))
        self.dropped = {reason: count for reason, count in seen.get("dropped", {}).items() if count}
        self.tries = MOST_TRIES
        self.deepest, self.problem = -1, ""

    def run(self, state):
        found = self.walk(state, 0, tuple(range(len(self.out))), self.dropped)
        if found is not None:
            return found[0], [], found[1]
        for event in self.events:  # goes on as if all had been as it should be
            prepared = prepare(state, event)
            state, _ = finish(prepared, event, None)
        return state, [self.problem], set()

    def fail(self, number, problem):
        if number > self.deepest:
            self.deepest, self.problem = number, f"frame {number} of the burst: {problem}"

    def walk(self, state, number, left, dropped):
        """(state, doubts) after the frames from `number` on, if they can share what is left; None: they can't."""
        if number == len(self.events):
            return self.end(state, left, dropped)
        self.tries -= 1
        event = self.events[number]
        prepared = prepare(state, event)
        parts = self.parts(prepared.outcomes, left, dropped)
        if not parts:
            outcomes = " | ".join(dict.fromkeys(str(one) for one in prepared.outcomes))
            self.fail(number, f"wanted {outcomes}; left are {len(left)} frames and {dropped}")
        for part, doubts in parts.items() if self.tries > 0 else ():
            taken, reasons = part
            seen = {"out": [self.out[at] for at in taken], "dropped": dict(reasons)}
            after, _ = finish((prepared if len(parts) == 1 else prepare(state, event))._replace(slack=0), event, seen)
            rest = {reason: count - dict(reasons).get(reason, 0) for reason, count in dropped.items()}
            found = self.walk(after, number + 1, tuple(at for at in left if at not in taken), rest)
            if found is not None:
                return found[0], found[1] | (set() if "" in doubts else doubts)
        return None

    def parts(self, outcomes, left, dropped):
        """Shares that one frame may have had: {(places in `out`, ((reason, count), …)): doubts}; sure outcomes first."""
        found = {}
        for outcome in sorted(outcomes, key=lambda one: bool(one.doubt)):
            for share in self.shares(outcome, left, dropped):
                found.setdefault(share, set()).add(outcome.doubt)
        return found

    def shares(self, outcome, left, dropped):
        if outcome.anything:
            return [((at,), ()) for at in left] + [((), ((reason, 1),)) for reason, count in sorted(dropped.items()) if count]
        wanted = outcome.counters["dropped"]
        if any(dropped.get(reason, 0) < count for reason, count in wanted.items()):
            return []
        frames = [(self.out[at]["kind"], self.out[at]["port"], bytes.fromhex(self.out[at]["hex"])) for at in left]
        if len(outcome.outputs) == 1:  # each frame that it could be: one that may be anything could be another one's
            fits = [at for at, frame in zip(left, frames) if not take(outcome.outputs[0], [frame])[1]]
            return [((at,), tuple(sorted(wanted.items()))) for at in fits]
        places, taken = list(left), []
        for output in outcome.outputs:
            before = list(frames)
            if take(output, frames)[1]:
                return []
            gone = next(at for at in range(len(before)) if at == len(frames) or before[at] is not frames[at])
            taken.append(places.pop(gone))
        return [(tuple(taken), tuple(sorted(wanted.items())))]

    def end(self, state, left, dropped):
        late = {reason: count for reason, count in dropped.items() if count}
        slack = fragments.slack(state)
        if left:
            one = self.out[left[0]]
            self.fail(len(self.events), f"{len(left)} frames more, first {one['kind']} from {one['port']}: {one['hex']}")
            return None
        if set(late) - {"fragment_limit"} or late.get("fragment_limit", 0) > slack:
            self.fail(len(self.events), f"more drops: {late}")
            return None
        state.overdue = max(0, state.overdue - late.get("fragment_limit", 0))
        return state, set()
