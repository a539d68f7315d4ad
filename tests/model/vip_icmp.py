"""ICMP to a VIP: echo is answered, errors go to the backend that owns the quoted flow."""

from . import answers, deliver, flows, icmp
from .choice import View
from .frame import doubted, expired, nothing, punt
from .select import backend_of
from .state import Outcome, Output, drop, drops
from .template import anything


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
    outcomes = answers.answered(state, packet, port, "echo", "echo", answers.echo_reply(packet, link, port))
    if packet.ttl == 0:
        outcomes = doubted(outcomes, "echo_ttl_0") + [drop("ttl", "echo_ttl_0")]
    return outcomes


def solicitation(one, vip):
    """As with ARP. An invalid one (RFC 4861 7.1.1) and one for another address are the kernel's, or no service."""
    state, port, link, packet, frame = one
    target = packet.data[packet.at + 8:packet.at + 24]
    valid = packet.ttl == 255 and packet.icmp_code == 0 and icmp.icmp_sum(packet) == 0xFFFF and len(target) == 16
    kernels = doubted(punt(state, port, frame), "punt_thread")
    target_vip = state.config.vip(target) if len(target) == 16 else None
    if valid and target_vip and state.config.announced(target_vip):
        return [Outcome(("nd",), (Output(("originated",), port.name, (anything(),)),))] + kernels
    return kernels + [drop("no_service", "solicitation")] + ([drop("ttl", "solicitation")] if packet.ttl <= 1 else [])


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
    if packet.has_ah and mine.forward == "nat":
        return [drop("extension_headers")]
    tuple_ = quote.destination, quote.dport, quote.source, quote.sport
    view = View(state, mine, tuple_ + (quote.protocol,))
    owners, none = flows.owners_of_error(state.flows.get((mine.id, tuple_), flows.UNKNOWN), view)
    outcomes = [outcome for identity in sorted(owners, key=repr) for outcome in
                deliver.to_backend(state, mine, backend_of(state, identity), packet, link, port, quote=quote)]
    return outcomes + ([drop("no_backend")] if none else [])
