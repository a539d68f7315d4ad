// select: what lookup left open. Asks probation, chooses a backend for what opens a flow, and moves a flow
// whose second packet came into the connection table.
//
// Cost: misses only: a line of probation (asked for by lookup), one of the slot table (asked for here, for
// the whole burst), and one of the connection table where a flow moves there. The order of the questions is
// design, "What a packet meets", items 4 to 6 and 8: the connection table's solid entries first, then
// probation, then what is left of the table's entry, then a choice.
#include "dataplane/flow_state.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

class Selector {
 public:
  Selector(Burst& burst, const Snapshot& snapshot, WorkerState& worker, const Now& now)
      : burst_(burst),
        snapshot_(snapshot),
        worker_(worker),
        now_(now),
        flows_(snapshot, worker),
        waiting_(snapshot, worker) {}

  // For all of them first: asks for the lines that `run` will want.
  void prepare(unsigned i);
  void run(unsigned i);

 private:
  struct Asked {
    unsigned i;
    const Service& service;
    const PacketView& view;
    FlowKey key;
    ProbationHalf half;
    bool is_tcp;
    bool is_syn;  // without ACK: opens a connection
    bool opens;   // what a client begins with
  };
  Asked packet_at(unsigned i) const;

  bool has_forbidden_source(const Asked& packet) const;
  FlowTable::Entry live_entry(const Asked& packet);
  void use_entry(const Asked& packet, FlowTable::Entry entry);
  bool use_probation(const Asked& packet);
  void track(const Asked& packet, ProbationEntry* waiting);
  void open(const Asked& packet);
  void miss(const Asked& packet);
  void learn_client_mac(const Asked& packet);
  void remember(const Asked& packet, ProbationKind kind, BackendRef backend);
  Hash128 cluster_hash(const Asked& packet) const;
  // 0 in UDP.
  uint32_t sequence_of(const Asked& packet) const {
    return packet.is_tcp ? packet.view.tcp_sequence(burst_.packet[packet.i].data) : 0;
  }
  bool is_gone(const Asked& packet, BackendRef backend) const {
    return !packet.service.destination(backend).present;
  }

  void decide(const Asked& packet, BackendRef backend) { burst_.decide(packet.i, backend); }
  void drop(const Asked& packet, DropReason reason) {
    worker_.count_service_drop(packet.service.id, reason);
    burst_.drop(packet.i, reason);
  }

  Burst& burst_;
  const Snapshot& snapshot_;
  WorkerState& worker_;
  const Now& now_;
  FlowLifetimes flows_;
  ProbationAges waiting_;
  bool has_inserted_ = false;
};

// A VIP never sends: such a packet is forged, or comes from a loop. Asked on misses only, and since an
// opening from there is refused there never is an entry to hit.
bool Selector::has_forbidden_source(const Asked& packet) const {
  const uint8_t* source = packet.view.source_bytes(burst_.packet[packet.i].data);
  const bool v4 = packet.view.l3 == L3::ipv4;
  const AddressKey key = v4 ? AddressKey::v4(load<uint32_t>(source)) : AddressKey::v6(source);
  const Family family = v4 ? Family::ipv4 : Family::ipv6;
  return snapshot_.vips->is_vip(key, family) || snapshot_.encap_sources->is_vip(key, family);
}

FlowTable::Entry Selector::live_entry(const Asked& packet) {
  // Lookup saw none, and no earlier packet of this burst has made one since.
  if ((burst_.unknown & bit_of(packet.i)) != 0 && !has_inserted_) return {};
  const FlowTable::Entry entry = worker_.flows.find(packet.key);
  return entry && FlowTable::live(entry, now_.second, flows_) ? entry : FlowTable::Entry{};
}

Hash128 Selector::cluster_hash(const Asked& packet) const {
  const PacketView& view = packet.view;
  const uint8_t* frame = burst_.packet[packet.i].data;
  const uint8_t* addresses = view.source_bytes(frame);  // the destination lies behind the source
  const auto ports = load<uint32_t>(view.l4(frame));
  return view.l3 == L3::ipv4 ? slot_hash_v4(snapshot_.cluster_key, addresses, ports, view.protocol)
                             : slot_hash_v6(snapshot_.cluster_key, addresses, ports, view.protocol);
}

void Selector::remember(const Asked& packet, ProbationKind kind, BackendRef backend) {
  const auto opening = worker_.probation.open(packet.key, packet.half, kind, backend, sequence_of(packet),
                                              true, now_.millisecond, waiting_);
  worker_.services[packet.service.id].opened.add(1);
  if (opening.forgotten != 0) worker_.services[opening.forgotten].forgotten.add(1);
}

// The reply will need it before the kernel has an answer.
void Selector::learn_client_mac(const Asked& packet) {
  const uint8_t* frame = burst_.packet[packet.i].data;
  const IpAddress client = packet.view.source(frame);
  const Route* route = snapshot_.routes->find(client);
  if (route == nullptr || route->gateway || route->port != burst_.port) return;
  worker_.client_macs.learn(burst_.port, client, frame + 6);
}

// A packet that begins a flow: chosen by slot and `accept`.
void Selector::open(const Asked& packet) {
  const ChosenBackend chosen =
      choose(packet.service.choice, snapshot_.cluster_key, burst_.opening_hash[packet.i]);
  if (!chosen) return drop(packet, DropReason::no_backend);
  const BackendRef backend = BackendRef::of(packet.service.choice_pool, chosen.number);
  worker_.pairs[packet.service.pair(backend)].flows.add(1);
  if (packet.service.panic) worker_.services[packet.service.id].panic.add(1);
  remember(packet, packet.is_tcp ? ProbationKind::syn : ProbationKind::udp, backend);
  if (packet.service.forward == Forward::nat) learn_client_mac(packet);
  decide(packet, backend);
}

// A packet of a flow that began elsewhere or before: the slot's owner, who was chosen then.
void Selector::miss(const Asked& packet) {
  worker_.counters.lookup_miss.add(1);
  if (packet.opens) return open(packet);
  const ChosenBackend owner = slot_owner(packet.service.choice, snapshot_.cluster_key, cluster_hash(packet));
  if (!owner) return drop(packet, DropReason::no_backend);
  const BackendRef backend = BackendRef::of(packet.service.choice_pool, owner.number);
  // The end of a flow that nobody knew needs no memory.
  const bool ends = (packet.view.tcp_flags & tcp_flag::kRst) != 0 ||
                    ((packet.view.tcp_flags & tcp_flag::kFin) != 0 && packet.view.payload_bytes == 0);
  if (!ends) remember(packet, ProbationKind::mid_flow, backend);
  decide(packet, backend);
}

// The client's second packet: from here on the flow has an entry of its own.
void Selector::track(const Asked& packet, ProbationEntry* waiting) {
  const BackendRef backend = waiting->backend;
  const TcpState first = packet.is_tcp ? TcpState::established : TcpState::none;
  const TcpState state = next_state(first, packet.view.tcp_flags, packet.view.payload_bytes != 0, false);
  PairCounters& pair = worker_.pairs[packet.service.pair(backend)];
  // A live entry of the same flow (its connection was closing) is replaced; insert tells `flows_` of what it
  // ends.
  const bool inserted =
      static_cast<bool>(worker_.flows.insert(packet.key, backend, state, now_.second, flows_));
  if (!inserted) {
    worker_.services[packet.service.id].untracked.add(1);
    worker_.probation.mark_forgetting(packet.key, packet.half, now_.millisecond);
    return;
  }
  has_inserted_ = true;
  worker_.probation.remove(waiting);
  worker_.services[packet.service.id].tracked.add(1);
  pair.tracked.add(1);
  if (is_closing(state)) pair.ended.add(1);
}

void Selector::use_entry(const Asked& packet, FlowTable::Entry entry) {
  worker_.counters.lookup_hit.add(1);
  decide(packet, FlowTable::backend(entry));
  advance_flow(burst_, packet.i, entry, worker_, now_);
}

// True: probation knew the flow and the packet's way is decided.
bool Selector::use_probation(const Asked& packet) {
  ProbationEntry* waiting = worker_.probation.find(packet.key, packet.half, now_.millisecond, waiting_);
  if (waiting == nullptr) return false;
  const BackendRef backend = waiting->backend;
  // (Where replies don't pass, nobody can know whether the client was answered: then the first choice is
  // given up.)
  const bool refused = packet.service.accept(backend) == 0 && !waiting->answered;
  const bool opens_anew = packet.is_syn && (waiting->kind != ProbationKind::syn || refused);
  if (opens_anew || is_gone(packet, backend)) {
    worker_.probation.remove(waiting);
    return false;
  }
  worker_.counters.lookup_probation.add(1);
  decide(packet, backend);
  if (packet.is_syn) {
    repeat_syn(*waiting, sequence_of(packet));
  } else if (promotes(*waiting, packet.view.tcp_flags, sequence_of(packet))) {
    track(packet, waiting);
  }
  return true;
}

Selector::Asked Selector::packet_at(unsigned i) const {
  const PacketView& view = burst_.packet[i].view;
  const bool is_tcp = view.protocol == kProtocolTcp;
  const bool is_syn =
      is_tcp && (view.tcp_flags & (tcp_flag::kSyn | tcp_flag::kAck | tcp_flag::kRst)) == tcp_flag::kSyn;
  return {i,
          *burst_.packet[i].service,
          view,
          burst_.packet[i].key(),
          is_tcp ? ProbationHalf::tcp : ProbationHalf::udp,
          is_tcp,
          is_syn,
          is_syn || !is_tcp};
}

void Selector::prepare(unsigned i) {
  const Asked packet = packet_at(i);
  if (packet.opens) {
    burst_.opening_hash[i] = cluster_hash(packet);
    prefetch_slot(packet.service.choice, burst_.opening_hash[i]);
  }
  // Every packet of UDP and what isn't a SYN may move its flow to the connection table.
  if (!packet.is_syn) worker_.flows.prefetch_room(packet.key);
}

void Selector::run(unsigned i) {
  const Asked packet = packet_at(i);
  if (has_forbidden_source(packet)) return drop(packet, DropReason::bad_source);
  const FlowTable::Entry entry = live_entry(packet);
  if (entry && decides(packet.service, entry)) {
    return use_entry(packet, entry);
  }
  if (use_probation(packet)) return;
  // Closing, or with a backend that takes no new flows: the old flow's packets still go there, a SYN begins
  // another.
  if (entry && !packet.is_syn && !is_gone(packet, FlowTable::backend(entry))) {
    return use_entry(packet, entry);
  }
  miss(packet);
}

}  // namespace

void select(Burst& burst, const Snapshot& snapshot, WorkerState& worker, const Now& now) {
  if (burst.selecting == 0) return;
  Selector selector(burst, snapshot, worker, now);
  for (const unsigned i : bits_of(burst.selecting))
    selector.prepare(i);
  for (const unsigned i : bits_of(burst.selecting))
    selector.run(i);
}

}  // namespace shunt
