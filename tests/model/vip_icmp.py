"""ICMP to a VIP: echo is answered, errors go to the backend that owns the quoted flow."""

from . import answers, deliver, flows, icmp
from .choice import View
from .frame import doubted, expired, nothing, punt
from .lookup import backend_of
from .state import Outcome, Output, drop, drops


def icmp_for_vip(one, vip, kernels, unserved):
    state, port, link, packet, frame = one
    if icmp.is_error(packet):
        return error_for_vip(one, kernels), nothing
    if packet.icmp_type == icmp.ECHO_REQUEST[packet.version] and not kernels:
        return echo(one), nothing
    if packet.version == 6 and packet.icmp_type == icmp.SOLICITATION and not kernels:
        return solicitation(one, vip), nothing
    outcomes = list(unserved)
    if packet.icmp_type in icmp.OTHER_ERRORS[packet.version]:
        outcomes.append(drop("bogus_icmp", "other_errors"))
    if packet.ttl <= 1 and not kernels:
        outcomes += expired(one)
    return outcomes, nothing


def echo(one):
    """RFC 1122 3.2.2.6 and RFC 4443 4.2. The VIP is the end of the way, so that a TTL of 1 is enough."""
    state, port, link, packet, frame = one
    if icmp.icmp_sum(packet) != 0xFFFF:
        return drops({"bad_checksum", "bogus_icmp"}, "echo_checksum") + [drop("echo", "echo_checksum")]
    replies = answers.echo_reply(packet, link, port)
    fitting = tuple(one for one in replies if len(one.example()) - link.at <= port.mtu)
    outcomes = answers.answered(state, packet, port, "echo", "echo", fitting) if fitting else []
    if len(fitting) < len(replies):  # the way back is the port's, which let more in than it lets out
        outcomes = outcomes + [drop("too_big")]
    if link.from_group:  # nobody is answered there
        return drops({"echo"}.union(*(one.dropped for one in outcomes)))
    if packet.ttl == 0:
        outcomes = doubted(outcomes, "echo_ttl_0") + [drop("ttl", "echo_ttl_0")]
    return outcomes


def solicitation(one, vip):
    """As with ARP: the punt thread answers, if it is part of what runs. `vip`: whether the packet is for one, or for a group."""
    state, port, link, packet, frame = one
    target = packet.data[packet.at + 8:packet.at + 24]
    kernels = doubted(punt(state, port, frame), "punt_thread") if vip else punt(state, port, frame)
    about = state.config.vip(target) if len(target) == 16 else None
    if valid_solicitation(packet) and about and state.config.announced(about):
        answer = Output(("originated",), port.name, answers.advertisement(link, port, packet, target))
        return [Outcome(("nd",), (answer,))] + doubted(kernels, "punt_thread")
    if not vip:
        return kernels
    return kernels + [drop("no_service", "solicitation")] + ([drop("ttl", "solicitation")] if packet.ttl <= 1 else [])


def valid_solicitation(packet):
    """RFC 4861 7.1.1, but for its options."""
    probe = not any(packet.source)
    solicited_node = packet.destination[:13] == bytes.fromhex("ff02" + "00" * 9 + "01ff")
    return (packet.ttl == 255 and packet.icmp_code == 0 and len(packet.data) - packet.at >= 24 and not packet.faults
            and icmp.icmp_sum(packet) == 0xFFFF and (solicited_node or not probe))


def error_for_vip(one, kernels):
    state, port, link, packet, frame = one
    quote = icmp.read_quote(packet)
    wrong = icmp.bogus(packet) or quote is None or quote.source != packet.destination
    mine = None if quote is None else state.config.service(packet.destination, quote.protocol, quote.sport)
    late = [drop("ttl")] if packet.ttl <= 1 else []
    if kernels and (wrong or mine is None):
        return punt(state, port, frame) + [drop("bogus_icmp", "kernels_vip")] * wrong
    if wrong:
        return [drop("bogus_icmp")] + late
    if mine is None:
        return drops({"no_service", "bogus_icmp"}, "quoted_unserved") + late
    if late:
        return late
    if packet.bound and mine.forward == "nat":
        return [drop("extension_headers")]
    tuple_ = quote.destination, quote.dport, quote.source, quote.sport
    view = View(state, mine, tuple_ + (quote.protocol,))
    owners, none = flows.owners_of_error(state.flows.get((mine.id, tuple_), flows.UNKNOWN), view)
    outcomes = [outcome for identity in sorted(owners, key=repr) for outcome in
                deliver.to_backend(state, mine, backend_of(state, identity), packet, link, port, quote=quote)]
    return outcomes + ([drop("no_backend")] if none else [])
