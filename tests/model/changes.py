"""Events that aren't frames: configurations, health, neighbours, time."""

import tomllib

from . import addresses, flows, fragments
from .choice import accepting
from .services import read_config
from .state import SECOND, Route


def change_config(state, event):
    macs = {name: port["mac"] for name, port in event.get("ports", {}).items()}
    before, after = state.config, read_config(tomllib.loads(event["toml"]), macs)
    state.config = after
    if before:
        for pool in before.pools.values():
            for backend in pool.backends:
                if after.backend(backend.id) is None:
                    now_pool = after.pools.get(pool.name, pool)
                    drains = min(pool.drain, now_pool.drain), max(pool.drain, now_pool.drain)  # which one counts isn't said
                    state.removed.setdefault(backend.id, (backend, state.now, *drains))
    for pool in after.pools.values():
        for backend in pool.backends:
            _, when, shortest, _ = state.removed.pop(backend.id, (None, state.now, 0, 0))
            forgotten = state.now - when > shortest
            if forgotten:
                state.unaccepting.pop(backend.id, None)
            if forgotten or not pool.checked:  # up until its first result, or for ever
                state.down.pop(backend.id, None)
    kept = {service.id for service in after.services}
    for key, memories in state.flows.items():
        if key[0] not in kept:  # should the service return, its flows may be known or not
            state.flows[key] = memories | flows.UNKNOWN
    note_accepting(state)


def change_accept(state, event):
    pool = state.config.pools.get(event["pool"])
    for backend in pool.backends if pool else ():
        if backend.name == event["backend"]:
            if event["up"]:
                state.down.pop(backend.id, None)
            else:
                state.down.setdefault(backend.id, state.now)
    note_accepting(state)


def note_accepting(state):
    now_accepting = accepting(state)
    for pool in state.config.pools.values():
        for backend in pool.backends:
            if backend.id in now_accepting:
                state.unaccepting.pop(backend.id, None)
            else:
                state.unaccepting.setdefault(backend.id, state.now)


def change_neighbour(state, event):
    """The last known MAC stays until another is named."""
    state.neighbours[addresses.address(event["address"])] = event["port"], addresses.mac(event["mac"])


def change_route(state, event):
    gateway = event.get("via")
    state.routes[addresses.prefix(event["prefix"])] = Route(event["port"], addresses.address(gateway) if gateway else None)


def change_time(state, event):
    state.now = max(state.now, event["ns"])
    if state.config:
        fragments.forget_old(state)


CHANGES = {"config": change_config, "accept": change_accept, "neighbour": change_neighbour, "route": change_route,
           "time": change_time}


def forget(state):
    """Answers and flows that can't matter any more."""
    recent = {key: tuple(when for when in times if when > state.now - 2 * SECOND) for key, times in state.answered.items()}
    state.answered = {key: times for key, times in recent.items() if times}
    longest = 2 * 3600 * SECOND + flows.SWEEP

    def last(memory):
        return max([memory.entry.last if memory.entry else 0, memory.probe.last if memory.probe else 0])
    state.flows = {key: memories for key, memories in state.flows.items()
                   if any((one.entry or one.probe) and last(one) + longest > state.now for one in memories)}
