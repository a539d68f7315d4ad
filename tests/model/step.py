"""step(state, event, seen): what the specification says happens to one event, in the order of the stages.

Returns (state, outcomes, counters). `outcomes` is everything that is allowed. `seen`, what really happened, chooses among them where
they are several, and the state follows; without it the first one is taken. Nothing of the caller's is changed.
"""

import tomllib
from typing import NamedTuple

from . import addresses, answers, deliver, flows, fragments, headers, icmp
from .choice import View, accepting
from .compare import agreeing
from .packet import AH, ARP, ICMP, ICMP6, IPV4, IPV6, TCP, UDP, read_link, read_packet
from .services import read_config
from .state import COUNTED, SECOND, Neighbour, Outcome, Output, State, drop, drops
from .template import anything, exactly

PUNT_RATE = 1000     # frames in one second from which on the limit of the punt rings is to be reckoned with
REPLY_KINDS = {TCP, UDP}


class Way(NamedTuple):
    """Where a first fragment went, so that the others can follow."""
    kind: str                    # service, reply, kernel
    service: object = None
    backends: frozenset = frozenset()
    vip: bytes = b""


class Frame(NamedTuple):
    """A received frame on its way through the stages."""
    state: State
    port: object
    link: object
    packet: object
    bytes: bytes


class Prepared(NamedTuple):
    """An event that has been thought through, but not what was seen of it."""
    state: State
    outcomes: tuple
    settle: object
    slack: int


def prepare(state, event):
    state = state.fork()
    if event["type"] != "frame":
        CHANGES[event["type"]](state, event)
        forget(state)
        return Prepared(state, (Outcome(),), nothing, fragments.slack(state) if state.config else 0)
    fragments.forget_old(state)
    slack = fragments.slack(state)
    outcomes, settle = receive(state, state.config.ports[event["port"]], bytes.fromhex(event["hex"]))
    return Prepared(state, tuple(outcomes), settle, slack)


def finish(prepared, event, seen):
    """(state, counters) after what was seen."""
    state, outcomes, settle, slack = prepared
    agreed, used = agreeing(outcomes, seen, slack)
    settle(state, agreed)
    for outcome, values in agreed[:1]:
        answers.note_answer(state, outcome.facts)
        deliver.note_frames(state, outcome.facts, values)
    state.overdue = max(0, state.overdue - used)
    counters = dict.fromkeys(COUNTED, 0) | {"received": int(event["type"] == "frame")}
    return state, counters | agreed[0][0].counters


def step(state, event, seen=None):
    prepared = prepare(state, event)
    state, counters = finish(prepared, event, seen)
    return state, prepared.outcomes, counters


def nothing(state, agreed):
    pass


# -- changes ------------------------------------------------------------------------------------------------------------

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
            state.removed.pop(backend.id, None)
    kept = {service.id for service in after.services}
    for key, memories in state.flows.items():
        if key[0] not in kept:  # should the service return, its flows may be known or not
            state.flows[key] = memories | flows.UNKNOWN
    state.heard = {}
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
    prefix = addresses.prefix(event["address"])
    state.neighbours[prefix] = Neighbour(event["port"], addresses.mac(event["mac"]), event.get("on_link", prefix.single))


def change_time(state, event):
    state.now = max(state.now, event["ns"])
    if state.config:
        fragments.forget_old(state)


CHANGES = {"config": change_config, "accept": change_accept, "neighbour": change_neighbour, "time": change_time}


def forget(state):
    """Answers and flows that can't matter any more."""
    recent = {key: tuple(when for when in times if when > state.now - 2 * SECOND) for key, times in state.answered.items()}
    state.answered = {key: times for key, times in recent.items() if times}
    longest = 2 * 3600 * SECOND + flows.SWEEP

    def last(memory):
        return max([memory.entry.last if memory.entry else 0, memory.probe.last if memory.probe else 0])
    state.flows = {key: memories for key, memories in state.flows.items()
                   if any((one.entry or one.probe) and last(one) + longest > state.now for one in memories)}


# -- parse and classify -------------------------------------------------------------------------------------------------

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
    if link.group and not group_address(packet.destination):
        doubtful = packet.destination[0] >= 240 and version == 4 or directed_broadcast(port, packet.destination)
        return [drop("not_our_mac")] + (doubted(punt(state, port, frame), "broadcast") if doubtful else []), nothing
    vip = state.config.vip(packet.destination)
    outcomes, settle = for_vip(one, vip) if vip else elsewhere(one)
    if one.bytes[link.at] >> 4 != version and not vip:
        outcomes = outcomes + [drop("bad_header", "version_mismatch")]
    return outcomes, settle


def doubted(outcomes, doubt):
    return [one.doubted(doubt) for one in outcomes]


def group_address(address):
    return address == b"\xff" * 4 or (224 <= address[0] < 240 if len(address) == 4 else address[0] == 255)


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


def punt(state, port, frame, not_ip=False):
    if not port.has_host:
        return [drop("no_host_interface")] + ([drop("not_ip", "not_ip")] if not_ip else [])
    outcomes = [Outcome(outputs=(Output(("punted",), port.name, (exactly(frame),)),))]
    second, count = state.punts
    count = count + 1 if second == state.now // SECOND else 1
    state.punts = state.now // SECOND, count
    return outcomes + ([drop("punt_full", "punt_rate")] if count > PUNT_RATE else [])


def bad_source(state, packet):
    """{True}: a source that no packet to a VIP may have; both: the specification contradicts itself."""
    source = packet.source
    if len(source) == 4 and (source[0] in (0, 127) or source[0] >= 224):
        return {True}
    if len(source) == 16 and (source in (bytes(16), bytes(15) + b"\1") or source[0] == 255):
        return {True}
    if state.config.vip(source):
        return {True}
    if state.config.is_encap_source(source):
        return {True, False} if state.config.is_node(source) else {True}
    return {False}


def our_outer(state, data, version):
    """{True}: these bytes are a packet in an outer header of our making; both: one that is broken."""
    packet = read_packet(data, version)
    if packet is None or not state.config.is_encap_source(packet.source) or tunnel_inside(packet) is None:
        return {False}
    return {True, False} if packet.faults else {True}


def tunnel_inside(packet):
    """(bytes, version) of what an outer header carries, or None where this isn't one."""
    data = packet.data[packet.at:]
    if packet.fragment:
        return None
    if packet.protocol in (headers.IP_IN_IP, headers.IPV6_IN_IP):
        return data, 4 if packet.protocol == headers.IP_IN_IP else 6
    if packet.protocol == headers.GRE and data[:2] == b"\0\0" and data[2:4] in (b"\x08\x00", b"\x86\xdd"):
        return data[4:], 4 if data[2] == 8 else 6
    if packet.protocol == UDP and packet.dport == headers.GUE_PORT and len(data) >= 12:
        if data[8] >> 4 in (4, 6):
            return data[8:], data[8] >> 4
        if data[8] >> 5 == 0:
            return data[12 + (data[8] & 31) * 4:], 4 if data[9] == headers.IP_IN_IP else 6
    return None


def loops(state, packet):
    """{True}: carries our own outer header again; both: comes with our outer source, or what it carries is broken."""
    inside = tunnel_inside(packet)
    if inside is None:
        return {False}
    again = our_outer(state, *inside)
    return again | {True} if state.config.is_encap_source(packet.source) else again


def for_vip(one, vip):
    state, port, link, packet, frame = one
    kernels = state.config.unserved(vip)
    if "nested_fragment" in packet.doubts:
        return [Outcome(anything=True, doubt="nested_fragment")], nothing
    source = bad_source(state, packet)
    refused = packet.faults | ({"bad_source"} if source == {True} else set())
    if refused:
        loose = {"bad_source"} if True in source else set()
        if not packet.faults:  # of what classify and select refuse, any comes first
            loose |= {"ttl"} if packet.ttl <= 1 else set()
            loose |= {"loop"} if True in loops(state, packet) else set()
            loose |= {"no_service"} if not has_service(state, packet) else set()
            loose |= {"fragment"} if packet.fragment else set()
            loose |= {"bogus_icmp"} if packet.icmp_type >= 0 else set()
        outcomes = drops(refused | loose)
        return outcomes + (doubted(punt(state, port, frame), "kernels_vip") if kernels else []), nothing
    outcomes, settle = sound(one, vip, kernels)
    if source == {True, False}:
        outcomes = outcomes + [drop("bad_source", "node_as_encap_source")]
    for doubt, reasons in packet.doubts.items():
        outcomes = outcomes + drops(reasons, doubt)
    return outcomes, settle


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
        return drops({"loop"} | extra | ({"ttl"} if packet.ttl <= 1 else set())), nothing
    if True in looping:
        unserved = unserved + [drop("loop", "loop_by_source")]
    if packet.has_ah and packet.protocol not in (TCP, UDP):
        unserved = unserved + [drop("extension_headers", "ah_alone")]
    if packet.protocol == AH and packet.version == 4:
        return unserved + ipv4_ah(one), nothing
    if not has_service(state, packet):
        late = expired(one) if packet.ttl <= 1 and not kernels else []
        if packet.fragment:
            unserved = unserved + [drop("fragment", "fragment_unserved")]
        return unserved + late, nothing
    if packet.ttl <= 1:
        return expired(one), nothing
    if packet.fragment:
        return fragment_for_vip(one, kernels)
    service = state.config.service(packet.destination, packet.protocol, packet.dport)
    if packet.has_ah and service.forward == "nat":
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


def expired(one):
    state, port, link, packet, frame = one
    if packet.ttl == 0 or not answers.may_answer(packet, link):
        return [drop("ttl")]
    templates = answers.time_exceeded(packet, link, port, packet.destination)
    return answers.answered(state, packet, port, "ttl", "ttl", templates)


# -- lookup and select --------------------------------------------------------------------------------------------------

def backend_of(state, identity):
    return state.config.backend(identity) or state.removed[identity][0]


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
            state.heard[packet.source] = port.name, link.source
    return outcomes, settle


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


# -- fragments ----------------------------------------------------------------------------------------------------------

def fragment_for_vip(one, kernels):
    state, port, link, packet, frame = one

    def first():
        service = state.config.service(packet.destination, packet.protocol, packet.dport)
        if service is None:
            kernel = [one.with_facts(way=Way("kernel")) for one in punt(state, port, frame)]
            return (kernel if kernels else [drop("no_service")]), nothing
        if packet.has_ah and service.forward == "nat":
            return [drop("extension_headers")], nothing
        return to_service(one, service)
    return fragments.receive(state, packet, fragments.Held(frame, port.name), first, lambda way, held: follow(state, way, held))


def follow(state, way, held):
    """Outcomes of a later fragment on its first one's way."""
    port = state.config.ports[held.port]
    if way.kind == "kernel":
        return punt(state, port, held.frame)
    link = read_link(held.frame)
    packet = read_packet(held.frame[link.at:], 4 if link.type == IPV4 else 6)
    outcomes = []
    for identity in sorted(way.backends, key=repr):
        backend = backend_of(state, identity)
        if way.kind == "service":
            more = deliver.to_backend(state, way.service, backend, packet, link, port)
        else:
            versions = headers.translate(packet, headers.lower_ttl(packet), source=way.vip)
            more = deliver.to_client(state, way.service, backend, packet, link, port, way.vip, versions)
        outcomes += [Outcome(one.dropped, one.outputs, one.doubt) for one in more]
    return outcomes


# -- ICMP ---------------------------------------------------------------------------------------------------------------

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


# -- not for a VIP: replies of nat backends, the kernel -----------------------------------------------------------------

def elsewhere(one):
    state, port, link, packet, frame = one
    kernels = punt(state, port, frame)
    outcomes, settle = None, nothing
    if "nested_fragment" in packet.doubts and state.config.nat_backends(packet.source, packet.protocol):
        return [Outcome(anything=True, doubt="nested_fragment")], nothing
    if packet.fragment and packet.protocol in REPLY_KINDS:
        outcomes, settle = reply_fragment(one, kernels)
    elif packet.protocol in REPLY_KINDS:
        outcomes, settle = reply(one, kernels)
    elif packet.protocol == (ICMP if packet.version == 4 else ICMP6) and not packet.fragment and icmp.is_error(packet):
        outcomes = error_from_inside(one, kernels)
        settle = tunnel_too_big(packet, state)
    return (kernels, settle) if outcomes is None else (outcomes, settle)


def inside(state, source, protocol, sport):
    """[(service, backend)] that a packet from there may be a reply of."""
    found = [pair for pair in state.config.nat_backends(source, protocol)
             if pair[0].port is None or (pair[1].port or pair[0].port) == sport]
    for backend, *_ in state.removed.values():
        if backend.address == source:
            found += [(service, backend) for service in state.config.services
                      if service.forward == "nat" and service.protocol == protocol and backend.pool in service.pools
                      and (service.port is None or (backend.port or service.port) == sport)]
    return found[:1]


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
    if packet.faults or packet.doubts or packet.has_ah:
        reasons = packet.faults | {reason for reasons in packet.doubts.values() for reason in reasons}
        reasons |= {"extension_headers"} if packet.has_ah else set()
        restored = restore(one, service, backend)[0] if not packet.faults else []
        return doubted(kernels + drops(reasons) + restored, "defective_reply"), nothing
    if state.config.is_node(packet.destination):
        return kernels + [Outcome(outputs=(Output(("punted",), port.name, (anything(),)),), doubt="reply_to_node")], nothing
    if group_address(packet.destination) or bad_destination(packet.destination):
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
    mine = [pair for pair in state.config.nat_backends(packet.source, packet.protocol) if True in came_right(one, pair[1])]
    if not mine:
        return None, nothing
    if packet.faults or packet.doubts or state.config.is_node(packet.destination) or link.tags:
        return [Outcome(anything=True, doubt="defective_reply"), Outcome(facts={"hold": True}, doubt="defective_reply")], nothing

    def first():
        outcomes, settle = reply(one, kernels)
        if outcomes is None:
            return [one.with_facts(way=Way("kernel")) for one in kernels], nothing
        return outcomes, settle
    if packet.later_fragment and packet.ttl <= 1:
        return [drop("ttl", "reply_ttl"), Outcome(facts={"hold": True}, doubt="reply_ttl")] + doubted(kernels, "reply_ttl"), nothing
    return fragments.receive(state, packet, fragments.Held(frame, port.name), first, lambda way, held: follow(state, way, held))


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
    if not state.config.is_encap_source(packet.destination):
        return nothing
    at = packet.at + 8
    found = icmp.quoted_upper4(packet.data, at) if packet.version == 4 else icmp.quoted_upper6(packet.data, at)
    if found is None or found[0] not in (headers.IP_IN_IP, headers.IPV6_IN_IP, headers.GRE, UDP):
        return nothing
    source = packet.data[at + 12:at + 16] if packet.version == 4 else packet.data[at + 8:at + 24]
    if source != packet.destination:
        return nothing
    return lambda state, agreed: deliver.note_too_big(state, packet, at)
