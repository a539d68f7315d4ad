"""A frame of which some fields are free: bytes to compare with, exact everywhere else.

`build` makes the whole frame from values for the free fields, with everything that depends on them (checksums). To compare, the
values are read from the frame that was seen, checked, and the frame is built again: it must be the same to the last byte.
"""

from dataclasses import dataclass, field
from typing import Callable, NamedTuple


class Field(NamedTuple):
    name: str
    at: int
    size: int
    allowed: Callable[[int], bool]
    default: int


@dataclass(frozen=True)
class Template:
    build: Callable[[dict], bytes]
    fields: tuple = ()
    also: Callable[[dict], str] = field(default=lambda values: "")  # what is wrong with the values together, or ""

    def example(self, **values):
        """One of the frames meant; `values` for some of the free fields, if they are there."""
        return self.build({one.name: values.get(one.name, one.default) for one in self.fields})

    def compare(self, seen):
        """(values, "") where `seen` is one of the frames meant, else (None, what differs)."""
        values = {}
        for one in self.fields:
            if len(seen) < one.at + one.size:
                return None, f"{len(seen)} bytes, too short for {one.name}"
            values[one.name] = int.from_bytes(seen[one.at:one.at + one.size], "big")
            if not one.allowed(values[one.name]):
                return None, f"{one.name} at byte {one.at} is {values[one.name]:#x}, e.g. {one.default:#x} is allowed"
        wanted = self.build(values)
        if wanted != seen:
            return None, difference(wanted, seen)
        problem = self.also(values)
        return (None, problem) if problem else (values, "")


def exactly(frame):
    return Template(lambda values: frame)


def anything():
    """Any bytes at all."""
    return Anything(lambda values: b"")


class Anything(Template):
    def compare(self, seen):
        return {}, ""


def difference(wanted, seen):
    places = [at for at in range(min(len(wanted), len(seen))) if wanted[at] != seen[at]]
    if not places:
        return f"{len(seen)} bytes, wanted {len(wanted)}"
    first = max(0, places[0] - 4)
    lengths = f"; {len(seen)} bytes, wanted {len(wanted)}" if len(seen) != len(wanted) else ""
    return (f"{len(places)} bytes differ, the first is {places[0]}: from {first} on {seen[first:first + 16].hex(' ')}, "
            f"wanted {wanted[first:first + 16].hex(' ')}{lengths}")
