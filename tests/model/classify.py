"""Parse and classify: ours or not, for a VIP or not, sound or not; then the way that the packet goes on."""

from . import answers, fragments
from .addresses import is_group
from .elsewhere import elsewhere
from .frame import Frame, doubted, expired, nothing, punt
from .icmp import SOLICITATION
from .packet import AH, ARP, ICMP, ICMP6, IPV4, IPV6, TCP, UDP, read_link, read_packet
from .lookup import fragment_for_vip, to_service, unserved_or_late
from .sources import bad_source, loops
from .state import Outcome, Output, drop, drops
from .vip_icmp import icmp_for_vip


def receive(state, port, frame):
    link = read_link(frame)
    if link is None:
        short = {"truncated"} | ({"not_our_mac"} if len(frame) >= 6 and not frame[0] & 1 and frame[:6] != port.mac else set())
        return drops(short), nothing
    if link.destination != port.mac and not link.group:
        return [drop("not_our_mac")], nothing
    if link.type == ARP:
        return arp(state, port, link, frame), nothing
    if link.type not in (IPV4, IPV6):
        return punt(state, port, frame, not_ip=True), nothing
    version = 4 if link.type == IPV4 else 6
    packet = read_packet(frame[link.at:], version)
    if packet is None:
        return [drop("truncated")], nothing
    one = Frame(state, port, link, packet, frame)
    if link.group and not is_group(packet.destination):
        doubtful = packet.destination[0] >= 240 and version == 4 or directed_broadcast(port, packet.destination)
        return [drop("not_our_mac")] + (doubted(punt(state, port, frame), "broadcast") if doubtful else []), nothing
    vip = state.config.vip(packet.destination)
    outcomes, settle = for_vip(one, vip) if vip else elsewhere(one)
    if one.bytes[link.at] >> 4 != version and not vip:
        outcomes = outcomes + [drop("bad_header", "version_mismatch")]
    return outcomes, settle


def directed_broadcast(port, address):
    return any(one.contains(address) and one.size == 4 and
               int.from_bytes(address, "big") == one.value | (1 << 32 - one.bits) - 1 for one in port.subnets)


def arp(state, port, link, frame):
    """The punt thread answers for VIPs. Where it isn't part of what runs, the request just gets as far as to it."""
    request = frame[link.at:link.at + 28]
    outcomes = punt(state, port, frame)
    if len(request) < 28 or request[:8] != bytes.fromhex("0001080006040001"):
        return outcomes
    vip = state.config.vip(request[24:28])
    if not vip or not state.config.announced(vip):
        return outcomes
    reply = Output(("originated",), port.name, answers.arp_reply(link, port, request))
    return [Outcome(("arp",), (reply,))] + doubted(outcomes, "punt_thread")


def for_vip(one, vip):
    state, port, link, packet, frame = one
    kernels = state.config.unserved(vip)
    source = bad_source(state, packet)
    refused = packet.faults | ({"bad_source"} if source == {True} else set())
    if refused:
        refused = refused.union(*packet.doubts.values())
        loose = {"bad_source"} if True in source else set()
        if not packet.faults:  # of what classify and select refuse, any comes first
            loose |= {"ttl"} if packet.ttl <= 1 else set()
            loose |= {"loop"} if True in loops(state, packet) else set()
            loose |= {"no_service"} if not has_service(state, packet) else set()
            loose |= {"fragment"} if packet.fragment else set()
            loose |= {"extension_headers"} if packet.bound else set()  # of nat
            loose |= {"bogus_icmp"} if packet.icmp_type >= 0 else set()
        outcomes = drops(refused | loose) + (doubted(punt(state, port, frame), "kernels_vip") if kernels else [])
        if packet.version == 6 and packet.icmp_type == SOLICITATION and not packet.faults:
            outcomes += doubted(punt(state, port, frame), "solicitation")
        return fragments.refuse(state, packet, outcomes) if packet.fragment else (outcomes, nothing)
    outcomes, settle = sound(one, vip, kernels)
    if source == {True, False}:
        outcomes = outcomes + [drop("bad_source", "doubtful_source")]
    for doubt, reasons in packet.doubts.items():
        outcomes = outcomes + drops(reasons, doubt, refused=True)
        if kernels:
            outcomes += [punted.with_facts(refused=True) for punted in doubted(punt(state, port, frame), "kernels_vip")]

    def settle_others(state, agreed):
        settled = [one for one in agreed if "refused" not in one[0].facts]
        if settled:  # what parse refuses changes nothing
            settle(state, settled)
    return outcomes, settle_others


def has_service(state, packet):
    return (state.config.serves(packet.destination, packet.protocol) if packet.later_fragment else
            state.config.service(packet.destination, packet.protocol, packet.dport) is not None)


def sound(one, vip, kernels):
    """A packet for a VIP that nothing is wrong with by itself."""
    state, port, link, packet, frame = one
    unserved = punt(state, port, frame) if kernels else [drop("no_service")]
    if packet.protocol == (ICMP if packet.version == 4 else ICMP6):
        return icmp_for_vip(one, vip, kernels, unserved)
    looping = loops(state, packet)
    if looping == {True}:
        extra = set() if has_service(state, packet) else {"no_service"}
        kernels_own = doubted(unserved, "kernels_vip") if kernels and extra else []
        return drops({"loop"} | extra | ({"ttl"} if packet.ttl <= 1 else set())) + kernels_own, nothing
    if True in looping:
        unserved = unserved + [drop("loop", "loop_by_source")]
    if packet.has_ah and packet.protocol not in (TCP, UDP):
        unserved = unserved + [drop("extension_headers", "ah_alone")]
    if packet.protocol == AH and packet.version == 4:
        return unserved + ipv4_ah(one), nothing
    if packet.fragment and (packet.may_have_ports or packet.protocol in (TCP, UDP)):
        return fragment_for_vip(one, unserved, kernels)
    if not has_service(state, packet):
        return unserved_or_late(one, unserved, kernels), nothing
    if packet.ttl <= 1:
        return expired(one), nothing
    service = state.config.service(packet.destination, packet.protocol, packet.dport)
    if packet.bound and service.forward == "nat":
        return [drop("extension_headers")], nothing
    outcomes, settle = to_service(one, service)
    if True in looping:
        outcomes = outcomes + [drop("loop", "loop_by_source")]
    return outcomes, settle


def ipv4_ah(one):
    """AH before TCP is forwarded; whether shunt looks behind it in IPv4 too isn't said."""
    state, port, link, packet, frame = one
    behind = packet.data[packet.at:]
    if len(behind) < 12 or behind[0] not in (TCP, UDP):
        return []
    return [Outcome(anything=True, doubt="ipv4_ah"), drop("extension_headers", "ipv4_ah")]
