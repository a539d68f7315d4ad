"""What isn't for a VIP: replies of nat backends and errors about them, errors about our tunnels, the kernel's."""

from . import answers, deliver, flows, fragments, headers, icmp
from .addresses import is_group
from .choice import View
from .frame import Way, doubted, nothing, punt, restored_or_not
from .packet import ICMP, ICMP6, TCP, UDP
from .lookup import follow
from .state import Outcome, Output, drop, drops
from .vip_icmp import solicitation


def elsewhere(one):
    state, port, link, packet, frame = one
    kernels = punt(state, port, frame)
    outcomes, settle = None, nothing
    if packet.fragment and packet.protocol in (TCP, UDP) or packet.may_have_ports:
        outcomes, settle = reply_fragment(one, kernels)
    elif packet.protocol in (TCP, UDP):
        outcomes, settle = reply(one, kernels)
    elif packet.protocol == (ICMP if packet.version == 4 else ICMP6) and not packet.fragment and icmp.is_error(packet):
        outcomes = error_from_inside(one, kernels)
        settle = tunnel_too_big(packet, state)
    elif packet.version == 6 and packet.icmp_type == icmp.SOLICITATION and not packet.fragment:
        outcomes = solicitation(one, vip=None)
    return (kernels, settle) if outcomes is None else (outcomes, settle)


def inside(state, source, protocol, sport):
    """[(service, backend)] that a packet from there may be a reply of."""
    found = [pair for pair in state.config.nat_backends(source, protocol)
             if pair[0].port is None or (pair[1].port or pair[0].port) == sport]
    found += [(service, backend) for service, backend in removed_ones(state, source)
              if service.protocol == protocol and (service.port is None or (backend.port or service.port) == sport)]
    return found[:1]


def removed_ones(state, source):
    """[(service, backend)] of the backends with this address that were taken away from a nat service."""
    return [(service, backend) for backend, *_ in state.removed.values() if backend.address == source
            for service in state.config.services if service.forward == "nat" and backend.pool in service.pools]


def came_right(one, backend):
    """{True}: by the backend's own port; a tagged frame is from its VLAN if its requests were."""
    ports, _ = deliver.ports_to(one.state, backend.address)
    if ports and one.port not in ports:
        return {False}
    return {True, False} if one.link.tags or len(ports) != 1 else {True}


def reply(one, kernels):
    state, port, link, packet, frame = one
    found = inside(state, packet.source, packet.protocol, packet.sport)
    if not found:
        return None, nothing
    service, backend = found[0]
    right = came_right(one, backend)
    if right == {False}:
        return None, nothing
    if packet.faults or packet.doubts or packet.bound:
        reasons = packet.faults | {reason for reasons in packet.doubts.values() for reason in reasons}
        reasons |= {"extension_headers"} if packet.bound else set()
        restored = restore(one, service, backend)[0] if not packet.faults else []
        return doubted(kernels + drops(reasons) + restored, "defective_reply"), nothing
    if state.config.is_node(packet.destination):
        return [one.with_facts(way=Way("host")) for one in kernels + restored_or_not(port)], nothing
    if is_group(packet.destination) or bad_destination(packet.destination):
        return doubted(kernels, "reply_to_nowhere") + [drop("no_neighbour", "reply_to_nowhere")], nothing
    outcomes, settle = restore(one, service, backend)
    if False in right or backend.id in state.removed:
        outcomes = doubted(outcomes, "reply_vlan") + doubted(kernels, "reply_vlan")
    return outcomes, settle


def bad_destination(address):
    return address[0] in (0, 127) or address[0] >= 240 if len(address) == 4 else address[:15] == bytes(15)


def restore(one, service, backend):
    """The VIP and its port put back, also where no flow is known."""
    state, port, link, packet, frame = one
    vip = service.prefix.first
    if packet.ttl <= 1:
        outcomes = [drop("ttl", "answers_to_backends")]
        if packet.ttl == 1 and answers.may_answer(packet, link):
            templates = answers.time_exceeded(packet, link, port, vip)
            outcomes = answers.answered(state, packet, port, "ttl", "ttl", templates) + outcomes
        return outcomes, nothing
    versions = headers.translate(packet, headers.lower_ttl(packet), source=vip, sport=service.port)
    outcomes = deliver.to_client(state, service, backend, packet, link, port, vip, versions)
    outcomes = [one.with_facts(way=Way("reply", service, frozenset([backend.id]), vip)) for one in outcomes]
    vip_port = packet.sport if service.port is None else service.port
    key = service.id, (packet.destination, packet.dport, vip, vip_port)

    def settle(state, agreed):
        if key in state.flows:
            view = View(state, service, key[1] + (packet.protocol,))
            state.flows[key] = flows.after_reply(state.flows[key], packet, view)
    return outcomes, settle


def reply_fragment(one, kernels):
    state, port, link, packet, frame = one
    pairs = [pair for protocol in (TCP, UDP) for pair in state.config.nat_backends(packet.source, protocol)]
    removed = removed_ones(state, packet.source)
    mine = [pair for pair in pairs + removed if True in came_right(one, pair[1])]
    if not mine:
        return None, nothing
    if packet.faults or packet.doubts:
        return [Outcome(anything=True, doubt="defective_reply")], nothing

    def first():
        outcomes, settle = reply(one, kernels)
        if outcomes is None:
            return [one.with_facts(way=Way("kernel")) for one in kernels], nothing
        return outcomes, settle
    outcomes, settle = fragments.receive(state, packet, fragments.Held(frame, port.name), first,
                                         lambda way, held: follow(state, way, held))
    if removed or any(False in came_right(one, backend) for _, backend in mine):
        outcomes += doubted(kernels, "reply_vlan")
    if packet.later_fragment and not packet.may_have_ports and not state.config.nat_backends(packet.source, packet.protocol):
        outcomes += doubted(kernels, "fragment_unserved")  # its protocol says so already
    return outcomes, settle


def error_from_inside(one, kernels):
    """An ICMP error from a nat backend or a router before it, about a packet from a client: it goes on to the client."""
    state, port, link, packet, frame = one
    quote = icmp.read_quote(packet)
    if quote is None or packet.faults:
        return None
    found = inside(state, quote.destination, quote.protocol, quote.dport)
    if not found or quote.source != packet.destination or state.config.is_node(packet.destination):
        return None
    service, backend = found[0]
    right = came_right(one, backend)
    if right == {False}:
        return None
    if icmp.bogus(packet):
        return [drop("bogus_icmp", "bogus_from_inside")] + doubted(kernels, "bogus_from_inside")
    if packet.ttl <= 1:
        return [drop("ttl")]
    vip = service.prefix.first
    sources = [vip] if packet.source == backend.address else [vip, None]  # whether a router's address stays isn't said
    versions = [version for source in sources for version in
                icmp.translate_error(packet, headers.lower_ttl(packet), quote, source=source, quoted_destination=vip,
                                     quoted_dport=service.port)]
    outcomes = deliver.to_client(state, service, backend, packet, link, port, vip, versions, quote)
    unsure = False in right or backend.id in state.removed or packet.doubts
    return outcomes + (doubted(kernels, "reply_vlan") if unsure else [])


def tunnel_too_big(packet, state):
    """An ICMP too-big to an encap_source, about a packet in an outer header: settle that lowers the backend's MTU."""
    if packet.faults or icmp.reported_mtu(packet) is None or icmp.icmp_sum(packet) != 0xFFFF:
        return nothing
    at, size = packet.at + 8, len(packet.source)
    found = icmp.quoted_upper4(packet.data, at) if packet.version == 4 else icmp.quoted_upper6(packet.data, at)
    places = at + (12 if packet.version == 4 else 8), at + (16 if packet.version == 4 else 24)
    source, destination = (packet.data[place:place + size] for place in places)
    if found is None or source != packet.destination or not state.config.is_encap_source(source):
        return nothing
    sure = surely_ours(state, packet.data, *found, destination)
    return lambda state, agreed: deliver.note_too_big(state, packet, destination, sure)


def surely_ours(state, data, protocol, upper, backend):
    """Whether a quoted outer header is what a service would put before a packet to this backend."""
    modes = {service.forward for service in state.config.services for name in service.pools
             for one in state.config.pools[name].backends if one.address == backend}
    if protocol == UDP:
        return "gue" in modes and data[upper + 2:upper + 4] == headers.GUE_PORT.to_bytes(2, "big") and data[upper] >= 0xC0
    if protocol == headers.GRE:
        return "gre" in modes and data[upper:upper + 2] == b"\0\0"
    return "ipip" in modes and protocol in (headers.IP_IN_IP, headers.IPV6_IN_IP)
