#include "dataplane/icmp_error.h"

#include <array>
#include <cstring>

#include "dataplane/cluster_hash.h"
#include "dataplane/flow_state.h"
#include "dataplane/narrow_path.h"
#include "dataplane/transport_checksum.h"

namespace shunt {
namespace {

Family family_of(L3 l3) {
  return l3 == L3::ipv4 ? Family::ipv4 : Family::ipv6;
}
AddressKey address_key(L3 l3, const uint8_t* address) {
  return l3 == L3::ipv4 ? AddressKey::v4(load<uint32_t>(address)) : AddressKey::v6(address);
}
unsigned address_bytes(L3 l3) {
  return l3 == L3::ipv4 ? 4 : 16;
}
const uint8_t* quoted_source(L3 l3, const uint8_t* frame, const IcmpQuote& quote) {
  return frame + quote.ip + (l3 == L3::ipv4 ? 12 : 8);
}
const uint8_t* quoted_destination(L3 l3, const uint8_t* frame, const IcmpQuote& quote) {
  return quoted_source(l3, frame, quote) + address_bytes(l3);
}

// A flow's ends as its client's packets have them.
struct FlowEnds {
  const uint8_t* client;
  const uint8_t* vip;
  be16 client_port;
  be16 vip_port;
  uint8_t protocol;
};

FlowEnds ends_at_vip(L3 l3, const uint8_t* frame, const IcmpQuote& quote) {
  return {quoted_destination(l3, frame, quote), quoted_source(l3, frame, quote), quote.dport(frame),
          quote.sport(frame), quote.protocol};
}
// The quoted packet is on its way to a nat backend.
FlowEnds ends_behind_nat(L3 l3, const uint8_t* frame, const IcmpQuote& quote, const Service& service) {
  const be16 vip_port = service.port != be16(0) ? service.port : quote.dport(frame);
  return {quoted_source(l3, frame, quote), service.vip.address.wire(), quote.sport(frame), vip_port,
          quote.protocol};
}

FlowKey key_of(const HashKey& key, const Service& service, L3 l3, const FlowEnds& ends) {
  if (service.exact_key) return exact_flow_key(key, service.id, load<be32>(ends.client), ends.client_port);
  if (l3 == L3::ipv6)
    return digest_flow_key_v6(key, service.id, ends.client, ends.vip, ends.client_port, ends.vip_port,
                              ends.protocol);
  return digest_flow_key_v4(key, service.id, load<be32>(ends.client), load<be32>(ends.vip), ends.client_port,
                            ends.vip_port, ends.protocol);
}

bool is_known(const FlowKey& key, uint8_t protocol, const WorkerState& worker) {
  return worker.flows.find(key) || worker.probation.holds(key, half_of(protocol));
}

void drop_for(Burst& burst, unsigned i, const Service& service, WorkerState& worker, DropReason reason) {
  worker.count_service_drop(service.id, reason);
  burst.drop(i, reason);
}

// True: nat can't change its addresses, as with a flow's packet.
bool refuse_bound(Burst& burst, unsigned i, const Service& service, WorkerState& worker) {
  if (!burst.packet[i].view.binds_addresses || service.forward != Forward::nat) return false;
  drop_for(burst, i, service, worker, DropReason::extension_headers);
  return true;
}

// True: a nat flow's error goes to the worker that owns the flow, as its packets do.
bool hand_over(Burst& burst, unsigned i, const Service& service, const FlowKey& key,
               const WorkerState& worker) {
  if (worker.workers < 2 || service.forward != Forward::nat) return false;
  const unsigned owner = key.index % worker.workers;
  if (owner == worker.index) return false;
  burst.hand_over(i, static_cast<uint8_t>(owner));
  return true;
}

// From here on the packet is an error about a flow of this service.
void give_to_flow(Burst& burst, unsigned i, const Service& service, const FlowKey& key) {
  burst.packet[i].service = &service;
  burst.packet[i].set_key(key);
  burst.hold_error(i);
}

// Nobody is there, a router or a host says: the end of a connection that is still opening (RFC 1122 4.2.3.9:
// to one that is open it is soft).
void note_unreachable(const Packet& packet, const IcmpMessage& message, const IcmpQuote& quote,
                      const Service& service, const FlowKey& key, WorkerState& worker) {
  if (!is_icmp_unreachable(packet.view.l3, packet.data + message.offset)) return;
  ProbationEntry* const waiting = worker.probation.peek(key, half_of(quote.protocol));
  if (waiting != nullptr) worker.telemetry.failed(*waiting, service, FlowOutcome::icmp_unreachable);
}

// The service whose backend sent what is quoted; nullptr: the error isn't about a packet of this VIP.
const Service* service_of_quote(const Packet& packet, const IcmpQuote& quote, const Snapshot& snapshot) {
  const L3 l3 = packet.view.l3;
  const uint8_t* source = quoted_source(l3, packet.data, quote);
  if (std::memcmp(source, packet.view.destination_bytes(packet.data), address_bytes(l3)) != 0) return nullptr;
  const VipTable::Match match = snapshot.vips->find(address_key(l3, source), family_of(l3), quote.protocol,
                                                    quote.sport(packet.data).host());
  return match.service != 0 ? snapshot.service(match.service) : nullptr;
}

bool take_error_to_vip(Burst& burst, unsigned i, const IcmpMessage& message, bool shared,
                       const Snapshot& snapshot, WorkerState& worker) {
  const Packet& packet = burst.packet[i];
  const auto quote = read_quote(packet.view, packet.data, message);
  const Service* service = quote ? service_of_quote(packet, *quote, snapshot) : nullptr;
  if (service == nullptr) {
    if (shared) return false;  // about the host's own packet, perhaps
    burst.drop(i, DropReason::bogus_icmp);
    return true;
  }
  if (packet.view.hops(packet.data) <= 1) {
    drop_for(burst, i, *service, worker, DropReason::ttl);
    return true;
  }
  if (refuse_bound(burst, i, *service, worker)) return true;
  const FlowEnds ends = ends_at_vip(packet.view.l3, packet.data, *quote);
  const FlowKey key = key_of(worker.table_key, *service, packet.view.l3, ends);
  if (hand_over(burst, i, *service, key, worker)) return true;
  note_unreachable(packet, message, *quote, *service, key, worker);
  give_to_flow(burst, i, *service, key);
  return true;
}

void take_echo(Burst& burst, unsigned i, const IcmpMessage& message, const Snapshot& snapshot) {
  Packet& packet = burst.packet[i];
  // A wrong checksum isn't made right on its way back (RFC 1122 3.2.2: such a message wasn't received).
  if (!has_right_icmp_checksum(packet.view, packet.data, message))
    return burst.drop(i, DropReason::bad_checksum);
  if (packet.view.hops(packet.data) == 0) return burst.drop(i, DropReason::ttl);
  // The port let more in than it lets out; the answer would be as long.
  if (ip_header_bytes(packet.view.l3) + message.bytes > snapshot.ports[burst.port].mtu)
    return burst.drop(i, DropReason::too_big);
  packet.service = nullptr;
  burst.answer(i, DropReason::echo);
}

bool take_icmp_to_vip(Burst& burst, unsigned i, const IcmpMessage& message, bool shared,
                      const Snapshot& snapshot, WorkerState& worker) {
  const Packet& packet = burst.packet[i];
  const L3 l3 = packet.view.l3;
  const uint8_t type = message.bytes != 0 ? packet.data[message.offset] : uint8_t{0};
  const bool error = is_icmp_error(l3, type);
  const bool echo = is_echo_request(l3, type) && !shared;
  if (!error && !echo) return false;
  if (shared) return take_error_to_vip(burst, i, message, shared, snapshot, worker);
  if (message.bytes < kIcmpHeaderBytes) {
    burst.drop(i, DropReason::truncated);
  } else if (!may_be_answered(burst, i, snapshot)) {
    burst.drop(i, DropReason::bad_source);
  } else if (echo) {
    take_echo(burst, i, message, snapshot);
  } else {
    take_error_to_vip(burst, i, message, shared, snapshot, worker);
  }
  return true;
}

struct NatFlow {
  const Service* service = nullptr;
  BackendRef backend;
  FlowKey key;
};

// Whose packet on its way to a nat backend is quoted? Of two services the one whose flow is known, as with a
// reply.
NatFlow nat_flow_of(const Burst& burst, unsigned i, const IcmpQuote& quote, const Snapshot& snapshot,
                    const WorkerState& worker) {
  const Packet& packet = burst.packet[i];
  const L3 l3 = packet.view.l3;
  const AddressKey backend = address_key(l3, quoted_destination(l3, packet.data, quote));
  const uint16_t port = quote.dport(packet.data).host();
  const NatSource* source =
      snapshot.nat_sources->find(backend.with(Snapshot::nat_extra(family_of(l3), quote.protocol, port)));
  if (source == nullptr)
    source = snapshot.nat_sources->find(backend.with(Snapshot::nat_extra(family_of(l3), quote.protocol, 0)));
  if (source == nullptr || source->port != burst.port) return {};
  const auto flow_of = [&](uint16_t service, BackendRef ref) -> NatFlow {
    const Service* found = snapshot.service(service);
    if (service == 0 || found == nullptr) return {};
    return {found, ref,
            key_of(worker.table_key, *found, l3, ends_behind_nat(l3, packet.data, quote, *found))};
  };
  const NatFlow own = flow_of(source->service, source->backend);
  if (own.service == nullptr || is_known(own.key, quote.protocol, worker)) return own;
  const NatFlow former = flow_of(source->former_service, source->former_backend);
  return former.service != nullptr && is_known(former.key, quote.protocol, worker) ? former : own;
}

// An error from a nat backend, or from a router before it, to the client whose packet it quotes.
bool take_error_to_client(Burst& burst, unsigned i, const IcmpMessage& message, const Snapshot& snapshot,
                          WorkerState& worker) {
  const Packet& packet = burst.packet[i];
  const L3 l3 = packet.view.l3;
  if (snapshot.nat_sources->empty() || packet.view.has_defect || message.bytes == 0 ||
      !is_icmp_error(l3, packet.data[message.offset]))
    return false;
  const auto quote = read_quote(packet.view, packet.data, message);
  const uint8_t* client = packet.view.destination_bytes(packet.data);
  if (!quote || std::memcmp(quoted_source(l3, packet.data, *quote), client, address_bytes(l3)) != 0)
    return false;
  const NatFlow flow = nat_flow_of(burst, i, *quote, snapshot, worker);
  if (flow.service == nullptr) return false;
  const bool to_node = snapshot.node_addresses->find(address_key(l3, client)) != nullptr;
  if (!to_node && packet.view.hops(packet.data) <= 1) {
    drop_for(burst, i, *flow.service, worker, DropReason::ttl);
    return true;
  }
  if (hand_over(burst, i, *flow.service, flow.key, worker)) return true;
  // About a packet of this host's own, a health check, unless a table knows a local client's flow.
  if (to_node && !is_known(flow.key, quote->protocol, worker)) return false;
  if (refuse_bound(burst, i, *flow.service, worker)) return true;
  note_unreachable(packet, message, *quote, *flow.service, flow.key, worker);
  give_to_flow(burst, i, *flow.service, flow.key);
  burst.replies |= bit_of(i);
  burst.backend[i] = flow.backend;
  if (to_node) burst.to_host |= bit_of(i);
  return true;
}

// A flow outside of nat belongs to the worker that its packets come to, which this one can't know: an error
// that isn't about a flow of its own goes once round.
bool ask_next_worker(Burst& burst, unsigned i, const IcmpQuote& quote, WorkerState& worker, const Now& now) {
  const Packet& packet = burst.packet[i];
  if (burst.passed + 1U >= worker.workers || packet.service->forward == Forward::nat) return false;
  if (is_known(packet.key(), quote.protocol, worker) || !worker.ask_limit.take(now)) return false;
  burst.hand_over(i, static_cast<uint8_t>((worker.index + 1) % worker.workers));
  return true;
}

// As select would: a live entry first, unless it is closing or its backend takes no new flows; then
// probation; then what is left of the entry; then the slot's owner.
class Owner {
 public:
  Owner(const Burst& burst, unsigned i, const Snapshot& snapshot, WorkerState& worker, const Now& now)
      : packet_(burst.packet[i]),
        service_(*packet_.service),
        snapshot_(snapshot),
        worker_(worker),
        now_(now) {}

  // Nothing: nobody.
  std::optional<BackendRef> of(const IcmpQuote& quote) const {
    const FlowTable::Entry entry = worker_.flows.find(packet_.key());
    const bool live =
        entry && is_fresh(service_, entry, now_) && service_.destination(FlowTable::backend(entry)).present;
    if (live && decides(service_, entry)) return FlowTable::backend(entry);
    if (const auto waiting = in_probation(quote)) return waiting;
    if (live) return FlowTable::backend(entry);
    return by_slot(quote);
  }

 private:
  std::optional<BackendRef> in_probation(const IcmpQuote& quote) const {
    const ProbationEntry* entry = worker_.probation.peek(packet_.key(), half_of(quote.protocol));
    if (entry == nullptr || !service_.destination(entry->backend).present) return {};
    const ProbationAges ages(snapshot_, worker_);
    if (ages.expired(*entry, now_.millisecond - entry->opened_ms)) return {};
    return entry->backend;
  }
  std::optional<BackendRef> by_slot(const IcmpQuote& quote) const {
    const L3 l3 = packet_.view.l3;
    const FlowEnds ends = ends_at_vip(l3, packet_.data, quote);
    const unsigned bytes = address_bytes(l3);
    std::array<uint8_t, 32> addresses;
    std::memcpy(addresses.data(), ends.client, bytes);
    std::memcpy(addresses.data() + bytes, ends.vip, bytes);
    const uint32_t ports = ends.client_port.raw() | uint32_t{ends.vip_port.raw()} << 16U;
    const Hash128 hash =
        cluster_hash(service_, snapshot_.cluster_key, l3, addresses.data(), ports, quote.protocol);
    const ChosenBackend chosen = slot_owner(service_.choice, snapshot_.cluster_key, hash);
    if (!chosen) return {};
    return BackendRef::of(service_.choice_pool, chosen.number);
  }

  const Packet& packet_;
  const Service& service_;
  const Snapshot& snapshot_;
  WorkerState& worker_;
  const Now& now_;
};

// What translate_error edits of the quoted packet.
void translate_quote(L3 l3, uint8_t* frame, const IcmpQuote& quote, End end, const IpAddress& address,
                     be16 new_port) {
  uint8_t* const ip = frame + quote.ip;
  uint8_t* const l4 = frame + quote.l4;
  const unsigned bytes = address_bytes(l3);
  uint8_t* const at = ip + (l3 == L3::ipv4 ? 12 : 8) + (end == End::source ? 0 : bytes);
  const uint8_t* const fresh = address.wire();
  uint64_t delta = 0;
  for (unsigned word = 0; word < bytes; word += 4)
    delta += checksum_delta(load<uint32_t>(at + word), load<uint32_t>(fresh + word));
  if (l3 == L3::ipv4) store(ip + 10, apply_delta(load<uint16_t>(ip + 10), delta));
  uint8_t* const port_at = l4 + (end == End::source ? 0 : 2);
  const be16 port = new_port != be16(0) ? new_port : load<be16>(port_at);
  delta += checksum_delta(load<uint16_t>(port_at), port.raw());
  if (quote.l4 + transport_checksum_offset(quote.protocol) + 2U <= quote.end)
    adjust_transport(quote.protocol, l4, delta);
  std::memcpy(at, fresh, bytes);
  store(port_at, port);
}

}  // namespace

bool may_be_answered(const Burst& burst, unsigned i, const Snapshot& snapshot) {
  const Packet& packet = burst.packet[i];
  const L3 l3 = packet.view.l3;
  const uint8_t* source = packet.view.source_bytes(packet.data);
  if (l3 == L3::ipv4 && snapshot.ports[burst.port].is_broadcast(load<be32>(source))) return false;
  return !snapshot.is_own_source(address_key(l3, source), family_of(l3));
}

[[gnu::noinline]] bool take_icmp(Burst& burst, unsigned i, const VipTable::Match& match,
                                 const Snapshot& snapshot, WorkerState& worker) {
  const Packet& packet = burst.packet[i];
  if (packet.view.has_defect) return false;
  const auto message = find_icmp(packet.view, packet.data);
  if (!message) return false;
  if (!match.is_vip && snapshot.encapsulates) {
    const auto narrow = read_narrow_path(packet.view, packet.data, *message, *snapshot.encap_sources);
    if (narrow) worker.narrow_paths.push(*narrow);
  }
  return match.is_vip ? take_icmp_to_vip(burst, i, *message, match.punt_unserved, snapshot, worker)
                      : take_error_to_client(burst, i, *message, snapshot, worker);
}

[[gnu::noinline]] void direct_errors(Burst& burst, const Snapshot& snapshot, WorkerState& worker,
                                     const Now& now) {
  for (const unsigned i : bits_of(burst.errors & ~burst.replies)) {
    const Packet& packet = burst.packet[i];
    const auto message = find_icmp(packet.view, packet.data);
    const auto quote = message ? read_quote(packet.view, packet.data, *message) : std::nullopt;
    if (quote && ask_next_worker(burst, i, *quote, worker, now)) {
      burst.errors &= ~bit_of(i);
      continue;
    }
    const auto owner = quote ? Owner(burst, i, snapshot, worker, now).of(*quote) : std::nullopt;
    if (owner) {
      burst.decide(i, *owner);
    } else {
      burst.errors &= ~bit_of(i);
      drop_for(burst, i, *packet.service, worker, DropReason::no_backend);
    }
  }
  burst.live |= burst.errors;
}

[[gnu::noinline]] void translate_error(const PacketView& view, uint8_t* frame, End end,
                                       const IpAddress& address, be16 port, uint8_t hops) {
  const auto message = find_icmp(view, frame);
  const auto quote = message ? read_quote(view, frame, *message) : std::nullopt;
  if (!quote) return;
  translate_quote(view.l3, frame, *quote, end == End::source ? End::destination : End::source, address, port);
  uint8_t* const ip = view.ip(frame);
  const unsigned bytes = address_bytes(view.l3);
  uint8_t* const at = ip + (view.l3 == L3::ipv4 ? 12 : 8) + (end == End::source ? 0 : bytes);
  std::memcpy(at, address.wire(), bytes);
  if (view.l3 == L3::ipv4) {
    ip[8] = static_cast<uint8_t>(ip[8] - hops);
    store(ip + 10, uint16_t{0});
    store(ip + 10, checksum(ip, (ip[0] & 0x0fU) * 4U));
  } else {
    ip[7] = static_cast<uint8_t>(ip[7] - hops);
  }
  write_icmp_checksum(view, frame, *message);
}

}  // namespace shunt
