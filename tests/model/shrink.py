"""Makes a failing sequence of events short: delta debugging (Zeller, Hildebrandt: "Simplifying and Isolating Failure-Inducing
Input", 2002) over events, then over the frames of a burst, the blocks of a configuration and the bytes of a frame.

`fails(events)` runs a candidate from the start and says whether it fails as the first one did. A candidate that makes no sense
(a frame without a configuration) just doesn't fail. Bound: `Budget` counts the runs.
"""

import re


class Budget:
    """So many runs at most; a shrink that has used them up ends with the best it has."""

    def __init__(self, runs):
        self.left = runs

    def take(self):
        if self.left == 0:
            return False
        self.left -= 1
        return True


def minimize(items, fails, budget):
    """Fewer of `items`, in their order, so that fails(items) still holds: none that is left can be left out by itself (1-minimal),
    if the budget lasts."""
    size = max(1, len(items) // 2)
    while items:
        at, removed = 0, False
        while at < len(items):
            candidate = items[:at] + items[at + size:]
            if not budget.take():
                return items
            if fails(candidate):
                items, removed = candidate, True
            else:
                at += size
        if size == 1 and not removed:
            return items
        size = size if size == 1 else size // 2
    return items


def shrink(events, fails, runs=4000):
    """A short sequence that fails like `events`."""
    budget = Budget(runs)
    before = None
    while before != events and budget.left > 0:
        before = events
        events = minimize(events, fails, budget)
        for index in range(len(events)):
            events = shrink_event(events, index, fails, budget)
    return events


def shrink_event(events, index, fails, budget):
    kind = events[index]["type"]

    def with_value(key, value):
        return events[:index] + [{**events[index], key: value}] + events[index + 1:]

    if kind == "frames":
        frames = minimize(events[index]["frames"], lambda few: bool(few) and fails(with_value("frames", few)), budget)
        for place in range(len(frames)):
            def with_frame(data, place=place):
                return with_value("frames", frames[:place] + [{**frames[place], "hex": data.hex()}] + frames[place + 1:])
            data = shrink_bytes(bytes.fromhex(frames[place]["hex"]), lambda data: fails(with_frame(data)), budget)
            frames = with_frame(data)[index]["frames"]
        return as_single(with_value("frames", frames), index, fails, budget)
    if kind in ("frame", "host_frame"):
        data = shrink_bytes(bytes.fromhex(events[index]["hex"]), lambda data: fails(with_value("hex", data.hex())), budget)
        return with_value("hex", data.hex())
    if kind == "config":
        blocks = re.split(r"^(?=\[)", events[index]["toml"], flags=re.MULTILINE)
        blocks = minimize(blocks, lambda few: fails(with_value("toml", "".join(few))), budget)
        lines = minimize("".join(blocks).splitlines(True), lambda few: fails(with_value("toml", "".join(few))), budget)
        return with_value("toml", "".join(lines))
    return events


def as_single(events, index, fails, budget):
    """A burst of one frame as the frame that it is."""
    frames = events[index]["frames"]
    if len(frames) != 1:
        return events
    single = events[:index] + [{"type": "frame", **frames[0]}] + events[index + 1:]
    return single if budget.take() and fails(single) else events


def shrink_bytes(data, fails, budget):
    """Shorter, and zero where it doesn't matter."""
    kept = minimize(list(range(len(data))), lambda few: bool(few) and fails(bytes(data[i] for i in few)), Half(budget))
    data = bytes(data[i] for i in kept)
    places = [i for i in range(len(data)) if data[i] != 0]
    needed = minimize(places, lambda few: fails(only(data, few)), Half(budget))
    return only(data, needed)


def only(data, places):
    """`data` with all other places zero."""
    result = bytearray(len(data))
    for place in places:
        result[place] = data[place]
    return bytes(result)


class Half(Budget):
    """Half of what a budget has left, taken from it: bytes must not use up what events need."""

    def __init__(self, budget):
        super().__init__(budget.left // 2)
        self.whole = budget

    def take(self):
        return super().take() and self.whole.take()
