"""Who may be chosen for a flow: item 3 of "What a packet meets".

The construction of slot tables isn't specified to the byte, so an owner is any backend until one packet has shown it. From then on
it is exact: the table is a pure function of backends, weights and key, and one tuple's choice one of who accepts, too.
"""

from dataclasses import dataclass

from .state import SECOND

GREY = 2 * SECOND  # clocks of whole seconds, refreshed at most once a second


def is_up(state, backend):
    return backend.id not in state.down


def members_in_use(state, pool):
    """Those up, or None where too many are down."""
    members = pool.members
    up = tuple(one for one in members if is_up(state, one))
    down = len(members) - len(up)
    if up and down <= pool.panic * len(members):
        return up
    return None


def eligible(state, service):
    """(pool, backends that may be given new flows)."""
    config = state.config
    pool = config.pools[service.pool]
    within = members_in_use(state, pool)
    if within is not None:
        return pool, within
    if service.backup:
        backup = config.pools[service.backup]
        up = tuple(one for one in backup.members if is_up(state, one))
        if up:
            return backup, up
    up = tuple(one for one in pool.members if is_up(state, one))
    if pool.panic < 1 and (len(pool.members) >= 5 or not up):
        return pool, pool.members
    return pool, up


def accepting(state):
    """Ids of the backends that take flows of their slots: those up, and those that a service in panic uses all the same."""
    found = {one.id for service in state.config.services for one in eligible(state, service)[1]}
    return found | {one.id for pool in state.config.pools.values() for one in pool.members if is_up(state, one)}


def longer_than(state, since, drain):
    """{True}, {False} or both."""
    age = state.now - since
    return {False} if age < drain - GREY else {True} if age > drain + GREY else {True, False}


@dataclass(frozen=True)
class View:
    """A service as the flow of one packet sees it."""
    state: object
    service: object
    tuple: tuple

    def accepts(self, identity):
        """Of its own pool's opinion: {True}, {False}, or both where a backup pool stands in for its pool."""
        backend = self.state.config.backend(identity)
        if backend is None or backend.weight == 0:
            return {False}
        pool, chosen = eligible(self.state, self.service)
        if identity in {one.id for one in chosen}:
            return {True}
        return {True, False} if is_up(self.state, backend) or pool.name != identity[0] else {False}

    def gone(self, identity):
        """Removed, and `drain` is over."""
        if self.state.config.backend(identity) and identity[0] in self.service.pools:
            return {False}
        if identity not in self.state.removed:
            return {True, False}  # its pool left the service, or both went: how long it is kept isn't said
        _, when, shortest, longest = self.state.removed[identity]
        age = self.state.now - when
        if age < shortest - GREY:
            return {False}
        return {True} if age > longest + 30 * SECOND else {True, False}

    def opening(self):
        """Backend ids that an opening may be given; empty: no_backend."""
        pool, chosen = eligible(self.state, self.service)
        allowed = {one.id for one in chosen}
        known = self.state.choices.get(self._choice_key()) or self.state.owners.get((pool.slots, self.tuple))
        return frozenset(one for one in allowed if one[2:] == known) or frozenset(allowed)

    def owner(self):
        """(ids that a miss that opens nothing may go to, whether nobody is allowed too)."""
        pool = self.state.config.pools[self.service.pool]
        known = self.state.owners.get((pool.slots, self.tuple))
        slot = {one.id for one in pool.backends if known in (None, (one.address, one.port))}
        used_pool, chosen = eligible(self.state, self.service)
        allowed = {one for one in slot if self._passed_over(one, pool) != {True}}
        if any(True in self._passed_over(one, pool) for one in slot) or not slot or used_pool.name != pool.name:
            allowed |= self.opening()
        if used_pool.name != pool.name:  # whose slot it is then isn't said
            allowed |= {one.id for one in used_pool.members}
        return frozenset(allowed), not chosen

    def _passed_over(self, identity, pool):
        """Whether it accepted nobody for longer than `drain`. Whether one that is down, but chosen from in panic, accepts isn't said."""
        state = self.state
        accepting = {False} if identity not in state.unaccepting else longer_than(state, state.unaccepting[identity], pool.drain)
        return accepting | (longer_than(state, state.down[identity], pool.drain) if identity in state.down else set())

    def _choice_key(self):
        pool, chosen = eligible(self.state, self.service)
        return pool.slots, tuple(sorted((one.address, one.port or 0) for one in chosen)), self.tuple

    def learn(self, state, identity, fresh):
        """`fresh`: how the backend was found, opening or owner."""
        pool, chosen = eligible(self.state, self.service)
        if identity[0] != pool.name:
            return
        everybody = len(chosen) == len(pool.backends)
        nobody_passed = all(self._passed_over(one.id, pool) == {False} for one in pool.backends)
        if fresh == "opening":
            state.choices[self._choice_key()] = identity[2:]
        if everybody or (fresh == "owner" and nobody_passed and pool.name == self.service.pool):
            state.owners[(pool.slots, self.tuple)] = identity[2:]
