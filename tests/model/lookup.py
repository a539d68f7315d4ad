"""Lookup and select: from a flow to the outcomes for each backend that it may have, and its fragments after it."""

from . import answers, deliver, flows, fragments, headers
from .choice import View
from .frame import Way, doubted, expired, nothing, punt, restored_or_not
from .packet import IPV4, TCP, read_link, read_packet
from .state import Outcome, drop


def to_service(one, service):
    state, port, link, packet, frame = one
    view = View(state, service, packet.tuple + (packet.protocol,))
    key = service.id, packet.tuple
    found = flows.ways(state.flows.get(key, flows.UNKNOWN), packet, view)
    backends = frozenset().union(*(way.backends for way in found if way.backends))
    outcomes = []
    for identity in sorted(backends, key=repr):
        for outcome in deliver.to_backend(state, service, backend_of(state, identity), packet, link, port, flow=key):
            outcomes.append(outcome.with_facts(way=Way("service", service, frozenset([identity]))))
    if any(way.backends is None for way in found):
        outcomes += nobody(one, service)

    def settle(state, agreed):
        taken = frozenset(outcome.facts["backend"] for outcome, _ in agreed if "backend" in outcome.facts)
        remember(state, view, key, found, taken, any("backend" not in outcome.facts for outcome, _ in agreed))
        if service.forward == "nat" and taken:
            state.heard[packet.source] = state.heard.get(packet.source, frozenset()) | {(port.name, link.source)}
    return outcomes, settle


def backend_of(state, identity):
    return state.config.backend(identity) or state.removed[identity][0]


def remember(state, view, key, found, taken, nobody_taken):
    memories = flows.settled(found, taken)
    if nobody_taken:
        memories |= frozenset(way.then(None) for way in found if way.backends is None)
    taken_ways = [way for way in found if way.backends and way.backends & taken]
    fresh = {way.fresh for way in taken_ways}
    if "opening" in fresh or "owner" in fresh:
        state.openings += 1
    if len(taken) == 1 and len(fresh) == 1 and fresh != {""}:
        view.learn(state, next(iter(taken)), fresh.pop())
    if not memories or memories == flows.UNKNOWN:
        state.flows.pop(key, None)
    else:
        state.flows[key] = memories


def nobody(one, service):
    """No backend to choose."""
    state, port, link, packet, frame = one
    if service.no_backend == "drop" or not answers.may_answer(packet, link) or packet.flags & 4:
        return [drop("no_backend")]
    made = answers.reset(packet, link, port) if packet.protocol == TCP else answers.port_unreachable(packet, link, port)
    return answers.answered(state, packet, port, "no_backend", "no_backend", made)


def fragment_for_vip(one, unserved, kernels):
    state, port, link, packet, frame = one

    def first():
        service = state.config.service(packet.destination, packet.protocol, packet.dport)
        if service is None and kernels:
            return [one.with_facts(way=Way("kernel")) for one in unserved], nothing
        if service is None:
            return unserved_or_late(one, unserved, kernels), nothing
        if packet.ttl <= 1:
            return expired(one), nothing
        if packet.bound and service.forward == "nat":
            return [drop("extension_headers")], nothing
        return to_service(one, service)
    certain = not kernels or state.config.service(packet.destination, packet.protocol, None) is not None  # of every port
    if packet.later_fragment and packet.ttl <= 1 and certain:
        return expired(one), nothing
    outcomes, settle = fragments.receive(state, packet, fragments.Held(frame, port.name), first,
                                         lambda way, held: follow(state, way, held))
    if packet.later_fragment and not packet.may_have_ports and not state.config.serves(packet.destination, packet.protocol):
        outcomes += doubted(unserved, "fragment_unserved")  # its protocol says so already
    return outcomes, settle


def unserved_or_late(one, unserved, kernels):
    """Classify looks for a service and at the TTL; which one first isn't said."""
    return unserved + (expired(one) if one.packet.ttl <= 1 and not kernels else [])


def follow(state, way, held):
    """Outcomes of a later fragment on its first one's way."""
    port = state.config.ports[held.port]
    if way.kind == "kernel":
        return punt(state, port, held.frame)
    link = read_link(held.frame)
    packet = read_packet(held.frame[link.at:], 4 if link.type == IPV4 else 6)
    if way.kind == "host":
        return punt(state, port, held.frame) + restored_or_not(port)
    service = next((one for one in state.config.services if one.id == way.service.id), None)
    if service is None:  # taken away meanwhile
        return [drop("no_service")]
    outcomes = []
    for identity in sorted(way.backends, key=repr):
        backend = backend_of(state, identity)
        if packet.ttl <= 1:
            more = [drop("ttl")]
        elif packet.bound and service.forward == "nat":
            more = [drop("extension_headers")]
        elif way.kind == "service":
            more = deliver.to_backend(state, service, backend, packet, link, port)
        else:
            versions = headers.translate(packet, headers.lower_ttl(packet), source=way.vip)
            more = deliver.to_client(state, service, backend, packet, link, port, way.vip, versions)
        outcomes += [Outcome(one.dropped, one.outputs, one.doubt) for one in more]
    return outcomes
