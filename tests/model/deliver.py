"""From a backend that was chosen to the frame that leaves: next hop, mode, MTU. Also a nat reply's way to its client."""

import itertools

from . import answers, headers, icmp
from .services import TUNNELS
from .state import SECOND, Outcome, Output, drop, drops
from .template import exactly

LOWERED_FOR = 600 * SECOND
LAST_IDS = 256
FLOWS_ALIKE = 32   # so many flows with the same of 8 values or more: by chance once in 10^28


def ports_to(state, address):
    """Ports by which an address may be reached: a route's, else every port with a gateway_mac. And the route, or None."""
    ports = state.config.ports
    route = state.route(address)
    if route and route.port in ports:
        return [ports[route.port]], route
    return [port for port in ports.values() if port.gateway_mac], None


def ways_out(state, address, l2=False, mac=None):
    """([(port, next hop's MAC)], reasons): one of the first, or dropped for one of the second."""
    ports, route = ports_to(state, address)
    if l2 and mac:
        return [(port, mac) for port in ports or state.config.ports.values()], set()
    if l2 and (route is None or route.gateway):
        by_gateway = [(port, port.gateway_mac) for port in ports if port.gateway_mac]
        return by_gateway, {"not_on_link"} if route or by_gateway else {"not_on_link", "no_neighbour"}
    _, neighbour = state.neighbours.get((route.gateway or address) if route else None, (None, None))
    known = [(port, port.gateway_mac or neighbour) for port in ports if port.gateway_mac or neighbour]
    return known, set() if known else {"no_neighbour"}


def limits(state, port, backend, forward, version):
    """Longest packets that may leave for the backend: the port's mtu, or what ICMP errors about its tunnel said (but 1,280 of IPv6's)."""
    found = {port.mtu}
    least = 1280 + headers.overhead(forward, len(backend.address)) if version == 6 else 0
    for mtu, until, sure in state.lowered.get(backend.address, ()) if forward in TUNNELS else ():
        if state.now >= until + 2 * SECOND:
            continue
        lower = {min(one, max(mtu, least)) for one in found}
        found = lower if sure and state.now < until - 2 * SECOND else found | lower
    return found


def to_backend(state, service, backend, packet, link, port, quote=None, flow=None):
    """Outcomes of a packet that goes to this backend. `quote`: of an ICMP error; `flow`: names the flow for its outer source."""
    hops, reasons = ways_out(state, backend.address, service.forward == "l2", backend.mac)
    outcomes = drops(reasons, "next_hop" if hops else "")
    for out, mac in hops:
        for limit in sorted(limits(state, out, backend, service.forward, packet.version)):
            outcomes += to_hop(state, service, backend, packet, link, port, quote, flow, out, mac, limit)
    if reasons and not hops:  # MTU is looked at in the same stage
        for out in state.config.ports.values():
            room = out.mtu - headers.overhead(service.forward, len(backend.address))
            if len(packet.data) > room:
                outcomes += longer_than(state, service, packet, link, port, room, quote, "next_hop")
    return [one.with_facts(backend=backend.id) for one in outcomes]


def to_hop(state, service, backend, packet, link, port, quote, flow, out, mac, limit):
    room = limit - headers.overhead(service.forward, len(backend.address))
    versions = rewritten(service, backend, packet, quote, room)
    if len(packet.data) <= room:
        frames = [frame(state, service, backend, packet, link, port, out, mac, version, flow) for version in versions]
        return [Outcome(outputs=(Output(("sent",), out.name, tuple(itertools.chain(*(one for one, _ in frames)))),),
                        facts=frames[0][1])]
    refused = longer_than(state, service, packet, link, port, room, quote, "")
    return refused or cut_up(state, service, backend, packet, link, port, out, mac, versions, flow, room)


def rewritten(service, backend, packet, quote, room):
    """The packet as the backend gets it, without outer header: every allowed version."""
    data = headers.lower_ttl(packet)
    if service.forward == "nat" and quote:
        dport = None if service.port is None else backend.port or service.port
        return icmp.translate_error(packet, data, quote, destination=backend.address, quoted_source=backend.address,
                                    quoted_sport=dport)
    if service.forward == "nat":
        dport = None if service.port is None else backend.port or service.port
        versions = headers.translate(packet, data, destination=backend.address, dport=dport)
    else:
        versions = [data]
    return clamped(service, packet, versions, room)


def clamped(service, packet, versions, room):
    if not service.mss_clamp:
        return versions
    most = room - (40 if packet.version == 4 else 60) if service.mss_clamp is True else service.mss_clamp
    return [one for version in versions for one in headers.clamp_mss(packet, version, most)]


def frame(state, service, backend, packet, link, port, out, mac, data, flow):
    """(templates, facts) of one frame that carries `data`."""
    if service.forward not in TUNNELS:
        return (exactly(link.header(mac, out.mac, headers.ethertype(packet.version), port.strips) + data),), {}
    size = len(backend.address)
    own = tuple(one for one in out.encap if one.size == size)
    prefixes = own or tuple(one for port in state.config.ports.values() for one in port.encap if one.size == size)
    key = (flow, prefixes) if flow else None
    outer_link = link.header(mac, out.mac, headers.ethertype(4 if size == 4 else 6), port.strips)

    def unique(source, destination, identification):
        used = identification in state.outer_ids.get((source, destination), ())
        return f"identification {identification:#06x} again, with DF clear" if used else ""

    def spread(values):
        alike = [name for name, within in spread_fields(values, prefixes) if key and key not in state.sources
                 and state.spread.get((name, within), (0, ()))[0] >= FLOWS_ALIKE
                 and state.spread[name, within][1] == {values[name]}]
        return f"{' and '.join(alike)} as of {FLOWS_ALIKE} other flows" if alike else ""
    templates = headers.encapsulate(outer_link, data, packet, backend.address, service.forward, prefixes, service.dscp, unique,
                                    state.sources.get(key, {}), spread)
    clear = size == 4 and packet.version == 4 and not packet.dont_fragment
    return tuple(templates), {"source_key": key, "identified": backend.address if clear else None}


def spread_fields(values, prefixes):
    """[(name, its range)] of what a flow's hash fills in, so that backends' RSS spreads."""
    wide = any(one.size * 8 - one.bits >= 3 for one in prefixes)
    return [(name, prefixes) for name in ("source", "gue_port") if name in values and (name == "gue_port" or wide)]


def longer_than(state, service, packet, link, port, room, quote, doubt):
    """Outcomes of a packet that is too long and isn't cut; none: it is to be cut."""
    if packet.dont_fragment:
        if not answers.may_answer(packet, link) or quote:
            return [drop("too_big", doubt)]
        # RFC 8200 5: nobody is told of less than 1,280 over IPv6, if a tunnel's path should bring it that far.
        mtus = {room} if packet.version == 4 else {room, max(room, 1280)}
        templates = tuple(one for mtu in sorted(mtus) for one in answers.too_big(packet, link, port, packet.destination, mtu))
        return [one.doubted(doubt) for one in answers.answered(state, packet, port, "too_big", "too_big", templates)]
    return [drop("too_big", doubt)] if service.too_big == "drop" else []


def cut_up(state, service, backend, packet, link, port, out, mac, versions, flow, room):
    """The inner packet is cut, each piece in an outer header of its own. Each further piece is originated."""
    outcomes = []
    for version in versions:
        made = [frame(state, service, backend, packet, link, port, out, mac, piece, flow) for piece in headers.cut(version, room)]
        outputs = tuple(Output(("originated", "sent") if number else ("sent",), out.name, templates)
                        for number, (templates, _) in enumerate(made))
        outcomes.append(Outcome(outputs=outputs, facts=made[0][1]))
    return outcomes


def to_client(state, service, backend, packet, link, port, vip, versions, quote=None):
    """Outcomes of a nat backend's packet (or an error about one) on its way to the client."""
    hops, reasons = ways_out(state, packet.destination)
    outcomes = drops(reasons)
    ports, _ = ports_to(state, packet.destination)
    way_back = min((one.mtu for one in ports_to(state, backend.address)[0]), default=port.mtu)  # what the client then sends goes there
    if not hops:
        heard = sorted(state.heard.get(packet.destination, ()))
        hops = [(port, mac) for port in ports for name, mac in heard if name == port.name]
        for out in ports:  # MTU is looked at in the same stage
            if len(packet.data) > out.mtu:
                outcomes += [one.doubted("next_hop") for one in reply_refused(state, packet, link, port, vip, out.mtu, quote)]
    for out, mac in hops:
        if len(packet.data) <= out.mtu:
            frames = tuple(exactly(link.header(mac, out.mac, headers.ethertype(packet.version), port.strips) + one)
                           for one in clamped(service, packet, versions, min(out.mtu, way_back)))
            outcomes.append(Outcome(outputs=(Output(("sent",), out.name, frames),), doubt="client_heard" if reasons else ""))
        elif packet.dont_fragment:
            outcomes += reply_refused(state, packet, link, port, vip, out.mtu, quote)
        elif service.too_big == "drop":
            outcomes.append(drop("too_big"))
        else:
            outcomes += cut_up_reply(packet, link, port, out, mac, versions)
    return [one.with_facts(backend=backend.id) for one in outcomes]


def reply_refused(state, packet, link, port, vip, mtu, quote):
    outcomes = [drop("too_big", "answers_to_backends")]
    if answers.may_answer(packet, link) and not quote:
        templates = answers.too_big(packet, link, port, vip, mtu)
        outcomes = answers.answered(state, packet, port, "too_big", "too_big", templates) + outcomes
    return outcomes


def cut_up_reply(packet, link, port, out, mac, versions):
    head = link.header(mac, out.mac, headers.ethertype(packet.version), port.strips)
    return [Outcome(outputs=tuple(Output(("originated", "sent") if number else ("sent",), out.name, (exactly(head + piece),))
                                  for number, piece in enumerate(headers.cut(version, out.mtu)))) for version in versions]


def note_frames(state, facts, values):
    """What the outer headers of frames that were seen leave behind."""
    for one in values:
        if facts.get("source_key") and "source" in one:
            note_spread(state, facts["source_key"], one)
            state.sources[facts["source_key"]] = {name: one[name] for name in ("source", "gue_port") if name in one}
        if facts.get("identified") and "id" in one:
            size = len(facts["identified"])
            key = (one["source"].to_bytes(size, "big"), facts["identified"])
            state.outer_ids[key] = (state.outer_ids.get(key, ()) + (one["id"],))[-LAST_IDS:]


def note_spread(state, key, values):
    if key not in state.sources:
        for what in spread_fields(values, key[1]):
            flows, seen = state.spread.get(what, (0, frozenset()))
            state.spread[what] = flows + 1, seen if len(seen) > 1 else seen | {values[what[0]]}


def note_too_big(state, packet, destination, sure):
    """An ICMP too-big about a packet to this backend: its path carries less for ten minutes. `sure`: it was surely ours."""
    mtu = max(icmp.reported_mtu(packet), icmp.LEAST_MTU[packet.version])
    before = tuple(one for one in state.lowered.get(destination, ()) if one[1] > state.now)
    state.lowered[destination] = before[-3:] + ((mtu, state.now + LOWERED_FOR, sure),)
