// select: what lookup left open. Asks probation, chooses a backend for what opens a flow, and moves a flow
// whose second packet came into the connection table. By slot and `accept` in nearly all services and always
// where probation forgets; else as balance.h says.
//
// Cost: misses only: a line of probation, one of the slot table (both asked for here, for the whole burst),
// and one of the connection table where a flow moves there. The order of the questions is
// design, "What a packet meets", items 4 to 6 and 8: the connection table's solid entries first, then
// probation, then what is left of the table's entry, then a choice.
#include "dataplane/cluster_hash.h"
#include "dataplane/flow_state.h"
#include "dataplane/icmp_error.h"
#include "dataplane/ip_source.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

// What a Balancer asks about a pool's backends, from this worker's rows.
class PairLoads {
 public:
  PairLoads(const WorkerState& worker, const PoolView& pool) : worker_(worker), first_(pool.pairs) {}
  uint64_t flows(uint16_t number) const { return worker_.live_flows(first_ + number); }
  uint32_t answer_us(uint16_t number) const { return worker_.answer_us(first_ + number); }

 private:
  const WorkerState& worker_;
  uint32_t first_;
};

class Selector {
 public:
  Selector(Burst& burst, const Snapshot& snapshot, WorkerState& worker, const Now& now)
      : burst_(burst),
        snapshot_(snapshot),
        worker_(worker),
        now_(now),
        flows_(snapshot, worker),
        uncounted_(snapshot, worker),
        waiting_(snapshot, worker) {}
  ~Selector() {
    worker_.counters.lookup_miss.add(misses_);
    worker_.counters.lookup_probation.add(found_in_probation_);
  }
  Selector(const Selector&) = delete;
  Selector& operator=(const Selector&) = delete;

  // For all of them first: asks for the lines that the others will want.
  void prepare(unsigned i);
  // Then for each, in order: the short way for what nearly all of them are, a flow's first packet or the
  // second; or, where that says false, the long one.
  bool run_plain(unsigned i);
  void run(unsigned i);

 private:
  // A packet, and what it may be to its flow.
  struct Asked {
    unsigned i;
    const Packet& packet;
    bool is_tcp;
    bool is_syn;  // without ACK: opens a connection

    const Service& service() const { return *packet.service; }
    const PacketView& view() const { return packet.view; }
    FlowKey key() const { return packet.key(); }
    ProbationHalf half() const { return is_tcp ? ProbationHalf::tcp : ProbationHalf::udp; }
    ProbationKind opening_kind() const { return is_tcp ? ProbationKind::syn : ProbationKind::udp; }
    bool opens() const { return is_syn || !is_tcp; }  // what a client begins with
    // 0 in UDP.
    uint32_t sequence() const { return is_tcp ? packet.view.tcp_sequence(packet.data) : 0; }
  };
  Asked packet_at(unsigned i) const;
  struct Choice {
    ChosenBackend backend;
    bool by_slot = true;  // chosen again, without memory, it would be the same
  };

  bool has_forbidden_source(const Asked& asked) const;
  bool ask_probation(const Asked& asked);
  bool use_probation(const Asked& asked, ProbationEntry* waiting);
  void use_entry(const Asked& asked, FlowTable::Entry entry);
  bool use_solid_entry(const Asked& asked, FlowTable::Entry entry);
  bool use_old_entry(const Asked& asked, FlowTable::Entry entry);
  bool reset_cut_off(const Asked& asked, FlowTable::Entry entry);
  void track(const Asked& asked, ProbationEntry* waiting);
  void give(const Asked& asked, const ProbationEntry* entry, ChosenBackend chosen);
  void count_waiting(const Asked& asked, ProbationLine& line, ProbationEntry* entry, uint32_t pair);
  ChosenBackend choose_by_slot(const Asked& asked, const Hash128& hash) const {
    return choose(asked.service().choice, snapshot_.cluster_key, hash);
  }
  Choice choose_for(const Asked& asked, const ProbationLine& line);
  Choice balance(const Asked& asked, const Hash128& hash);
  struct Remembered {
    const ProbationEntry* entry = nullptr;
  };
  void open_at(const Asked& asked, ProbationLine& line, ChosenBackend chosen, const Remembered* other);
  bool open_plain(const Asked& asked, ProbationLine& line);
  bool track_plain(const Asked& asked, ProbationEntry* waiting);
  void open(const Asked& asked);
  void open_otherwise(const Asked& asked, ProbationLine& line);
  void miss(const Asked& asked);
  void learn_client_mac(const Asked& asked);
  template <typename Policy>
  ProbationEntry* remember(const Asked& asked, ProbationLine& line, ProbationKind kind, BackendRef backend,
                           bool by_slot, Policy& policy);
  // Out of line, so that the short way has the other one to itself.
  ProbationEntry* remember_any(const Asked& asked, ProbationLine& line, ProbationKind kind,
                               BackendRef backend, bool by_slot);
  bool is_watched(const Asked& asked, const ProbationEntry& waiting) const {
    return waiting.kind != ProbationKind::mid_flow && worker_.telemetry.samples(asked.service(), asked.key());
  }
  Hash128 cluster_hash(const Packet& packet) const;

  FlowTable::Entry live_entry(const Asked& asked) {
    const FlowTable::Entry entry = worker_.flows.find(asked.key());
    return entry && FlowTable::live(entry, now_.second, flows_) ? entry : FlowTable::Entry{};
  }
  bool is_gone(const Asked& asked, BackendRef backend) const {
    return !asked.service().destination(backend).present;
  }

  void decide(const Asked& asked, BackendRef backend) { burst_.decide(asked.i, backend); }
  void drop(const Asked& asked, DropReason reason) {
    worker_.count_service_drop(asked.service().id, reason);
    burst_.drop(asked.i, reason);
  }

  Burst& burst_;
  const Snapshot& snapshot_;
  WorkerState& worker_;
  const Now& now_;
  FlowLifetimes flows_;
  UncountedAges uncounted_;
  ProbationAges waiting_;
  bool has_inserted_ = false;
  uint64_t misses_ = 0;
  uint64_t found_in_probation_ = 0;
};

inline Selector::Asked Selector::packet_at(unsigned i) const {
  const Packet& packet = burst_.packet[i];
  const bool is_tcp = packet.view.protocol == kProtocolTcp;
  constexpr uint8_t kAsked = tcp_flag::kSyn | tcp_flag::kAck | tcp_flag::kRst;
  return {i, packet, is_tcp, is_tcp && (packet.view.tcp_flags & kAsked) == tcp_flag::kSyn};
}

// Nobody's address; or a VIP or an encap_source, which never send: such a packet is forged, or comes from a
// loop. Asked on misses only, and since an opening from there is refused there never is an entry to hit.
[[gnu::always_inline]] inline bool Selector::has_forbidden_source(const Asked& asked) const {
  const uint8_t* source = asked.view().source_bytes(asked.packet.data);
  if (asked.view().l3 == L3::ipv4) {
    return is_bad_source_v4(source) || snapshot_.forbidden_sources->is_vip_v4(load<uint32_t>(source));
  }
  return is_bad_source_v6(source) || snapshot_.forbidden_sources->is_vip_v6(source);
}

inline Hash128 Selector::cluster_hash(const Packet& packet) const {
  const PacketView& view = packet.view;
  const uint8_t* addresses = view.source_bytes(packet.data);  // the destination lies behind the source
  const auto ports = load<uint32_t>(view.l4(packet.data));
  return shunt::cluster_hash(*packet.service, snapshot_.cluster_key, view.l3, addresses, ports,
                             view.protocol);
}

template <typename Policy>
inline ProbationEntry* Selector::remember(const Asked& asked, ProbationLine& line, ProbationKind kind,
                                          BackendRef backend, bool by_slot, Policy& policy) {
  const auto opening = worker_.probation.open_in(line, asked.packet.key_value, kind, backend,
                                                 asked.sequence(), by_slot, now_.millisecond, policy);
  worker_.services[asked.service().id].opened.add(1);
  if (opening.forgotten != 0) worker_.services[opening.forgotten].forgotten.add(1);
  return opening.entry;
}

[[gnu::noinline]] ProbationEntry* Selector::remember_any(const Asked& asked, ProbationLine& line,
                                                         ProbationKind kind, BackendRef backend,
                                                         bool by_slot) {
  return remember(asked, line, kind, backend, by_slot, waiting_);
}

// The reply will need it before the kernel has an answer.
void Selector::learn_client_mac(const Asked& asked) {
  const uint8_t* frame = asked.packet.data;
  if ((frame[6] & 1U) != 0) return;  // a group's: nobody's
  const IpAddress client = asked.view().source(frame);
  const Route* route = snapshot_.routes->find(client);
  if (route == nullptr || route->gateway || route->port != burst_.port) return;
  worker_.client_macs.learn(burst_.port, client, frame + 6);
}

// A packet that begins a flow goes to the chosen backend. `entry`: nullptr if it isn't remembered.
inline void Selector::give(const Asked& asked, const ProbationEntry* entry, ChosenBackend chosen) {
  const Service& service = asked.service();
  const PoolView& pool = service.pools[service.choice_pool];
  const uint32_t pair = pool.pairs + chosen.number;
  worker_.pairs[pair].flows.add(1);
  Packet& packet = burst_.packet[asked.i];
  if (asked.is_tcp) worker_.telemetry.opened(entry, packet, pair);
  packet.destination = pool.destinations + chosen.number;
  packet.pair = pair;
  __builtin_prefetch(packet.destination);
}

// `other`: what was remembered otherwise than by slot; nullptr: remembers the choice here. (One function for
// both, so that the compiler inlines all of it here.)
[[gnu::noinline]] void Selector::open_at(const Asked& asked, ProbationLine& line, ChosenBackend chosen,
                                         const Remembered* other) {
  const BackendRef backend = BackendRef::of(asked.service().choice_pool, chosen.number);
  const ProbationEntry* const entry =
      other == nullptr ? remember(asked, line, asked.opening_kind(), backend, true, uncounted_)
                       : other->entry;
  give(asked, entry, chosen);
}

// Nothing knows the flow, and a healthy pool takes it.
inline bool Selector::open_plain(const Asked& asked, ProbationLine& line) {
  const Service& service = asked.service();
  if (!asked.opens() || has_inserted_ || !service.opens_plainly || line.counted != 0 ||
      has_forbidden_source(asked)) [[unlikely]]
    return false;
  const ChosenBackend chosen = detail::probe_slot(service.choice, burst_.opening_hash[asked.i]);
  if (!chosen) return false;
  ++misses_;
  open_at(asked, line, chosen, nullptr);
  return true;
}

// The flow's second packet, one on which nothing else happens; its bucket has room.
inline bool Selector::track_plain(const Asked& asked, ProbationEntry* waiting) {
  constexpr uint8_t kEventful = tcp_flag::kSyn | tcp_flag::kFin | tcp_flag::kRst;
  const Service& service = asked.service();
  const BackendRef backend = waiting->backend;
  if ((asked.view().tcp_flags & kEventful) != 0 ||
      now_.millisecond - waiting->opened_ms > snapshot_.least_probation_ms || waiting->failed ||
      waiting->counted || service.accept(backend) == 0 ||
      !promotes(*waiting, asked.view().tcp_flags, asked.sequence()) || is_watched(asked, *waiting) ||
      !worker_.flows.insert_at_home(asked.key(), backend, service.plain_state, now_.second, flows_))
      [[unlikely]]
    return false;
  has_inserted_ = true;
  ++found_in_probation_;
  worker_.telemetry.promoted(*waiting, service);
  worker_.probation.remove(waiting);
  worker_.services[service.id].tracked.add(1);
  worker_.pairs[service.pair(backend)].tracked.add(1);
  decide(asked, backend);
  return true;
}

inline bool Selector::run_plain(unsigned i) {
  if ((burst_.unknown & bit_of(i)) == 0) return false;
  const Asked asked = packet_at(i);
  ProbationLine& line = worker_.probation.line(asked.key(), asked.half());
  ProbationEntry* const waiting = ProbationTable::peek_in(line, asked.packet.key_value);
  return waiting == nullptr ? open_plain(asked, line) : track_plain(asked, waiting);
}

// By turn or load, or by slot where that has room.
Selector::Choice Selector::balance(const Asked& asked, const Hash128& hash) {
  const Service& service = asked.service();
  const PairLoads loads(worker_, service.pools[service.choice_pool]);
  const Balancer balancer(service.choice, *service.balance, loads);
  if (service.balance->by == BalanceBy::slot) {
    const ChosenBackend chosen = balancer.by_slot(snapshot_.cluster_key, hash);
    return {chosen, chosen == choose_by_slot(asked, hash)};
  }
  const uint32_t turn = worker_.turns[service.id]++;
  // Bits of its own for each flow, whatever a slot is named by.
  const Hash128 random = keyed_hash(worker_.table_key, hash.high, turn);
  switch (service.balance->by) {
    case BalanceBy::turn: {
      // Workers begin at different places.
      const uint64_t first = uint64_t{service.balance->turn_count} * worker_.index / worker_.workers;
      return {balancer.by_turn(turn + static_cast<uint32_t>(first), random.low), false};
    }
    case BalanceBy::response_time:
      return {balancer.least_response_time(random), false};
    default:
      return {balancer.least_connections(random), false};
  }
}

// Where flows are forgotten, a flow's packets must agree without memory: by slot and `accept`, whatever the
// scheduler and the limits.
Selector::Choice Selector::choose_for(const Asked& asked, const ProbationLine& line) {
  const Hash128& hash = burst_.opening_hash[asked.i];
  if (asked.service().balance->by_slot_alone() || ProbationTable::forgetting(line, now_.millisecond))
    return {choose_by_slot(asked, hash)};
  return balance(asked, hash);
}

void Selector::count_waiting(const Asked& asked, ProbationLine& line, ProbationEntry* entry, uint32_t pair) {
  if (entry == nullptr || !asked.service().balance->counts) return;
  entry->counted = true;
  line.counted = 1;
  worker_.pairs[pair].waiting.add(1);
}

void Selector::open(const Asked& asked) {
  const Service& service = asked.service();
  ProbationLine& line = worker_.probation.line(asked.key(), asked.half());
  // Not the short way, because of another packet of the burst.
  if (service.opens_plainly && line.counted == 0) [[likely]] {
    const ChosenBackend chosen = choose_by_slot(asked, burst_.opening_hash[asked.i]);
    if (chosen) return open_at(asked, line, chosen, nullptr);
  }
  open_otherwise(asked, line);
}

[[gnu::noinline]] void Selector::open_otherwise(const Asked& asked, ProbationLine& line) {
  const Service& service = asked.service();
  Choice choice = choose_for(asked, line);
  if (!choice.backend) {
    worker_.telemetry.refused(asked.packet);
    return drop(asked, DropReason::no_backend);
  }
  if (service.panic) worker_.services[service.id].panic.add(1);
  if (service.forward == Forward::nat) learn_client_mac(asked);
  ProbationEntry* const entry =
      remember_any(asked, line, asked.opening_kind(),
                   BackendRef::of(service.choice_pool, choice.backend.number), choice.by_slot);
  // It will have to be found again by slot.
  if (entry == nullptr && !choice.by_slot) choice = {choose_by_slot(asked, burst_.opening_hash[asked.i])};
  count_waiting(asked, line, entry, service.pools[service.choice_pool].pairs + choice.backend.number);
  const Remembered other{entry};
  open_at(asked, line, choice.backend, &other);
}

// A packet of a flow that began elsewhere or before: the slot's owner, who was chosen then. Or of one that
// was forgotten: who is chosen by slot now.
[[gnu::noinline]] void Selector::miss(const Asked& asked) {
  const Service& service = asked.service();
  const Hash128 hash = cluster_hash(asked.packet);
  ProbationLine& line = worker_.probation.line(asked.key(), asked.half());
  const ChosenBackend owner = ProbationTable::forgetting(line, now_.millisecond)
                                  ? choose_by_slot(asked, hash)
                                  : slot_owner(service.choice, snapshot_.cluster_key, hash);
  if (!owner) return drop(asked, DropReason::no_backend);
  const BackendRef backend = BackendRef::of(service.choice_pool, owner.number);
  // The end of a flow that nobody knew needs no memory.
  const PacketView& view = asked.view();
  const bool ends = (view.tcp_flags & tcp_flag::kRst) != 0 ||
                    ((view.tcp_flags & tcp_flag::kFin) != 0 && view.payload_bytes == 0);
  if (!ends)
    count_waiting(asked, line, remember_any(asked, line, ProbationKind::mid_flow, backend, true),
                  service.pair(backend));
  decide(asked, backend);
}

// The client's second packet: from here on the flow has an entry of its own.
void Selector::track(const Asked& asked, ProbationEntry* waiting) {
  const Service& service = asked.service();
  const BackendRef backend = waiting->backend;
  const TcpState open = waiting->failed ? TcpState::revived : TcpState::established;
  const TcpState first = asked.is_tcp ? open : TcpState::none;
  const TcpState state = next_state(first, asked.view().tcp_flags, asked.view().payload_bytes != 0, false);
  // A live entry of the same flow (its connection was closing) is replaced; insert tells `flows_` of what it
  // ends. Where lookup saw none there is none: who makes one in this burst takes the flow out of probation.
  const bool is_new = (burst_.unknown & bit_of(asked.i)) != 0;
  const FlowTable::Insert inserted =
      is_new ? worker_.flows.insert_new(asked.key(), backend, state, now_.second, flows_)
             : worker_.flows.insert(asked.key(), backend, state, now_.second, flows_);
  if (!inserted) {
    worker_.services[service.id].untracked.add(1);
    worker_.probation.mark_forgetting(asked.key(), asked.half(), now_.millisecond);
    return;
  }
  has_inserted_ = true;
  worker_.telemetry.promoted(*waiting, service);
  const bool ends = is_closing(state);
  const bool told = waiting->failed;
  const bool watched =
      !ends && !told && is_watched(asked, *waiting) && worker_.telemetry.watch(*waiting, asked.packet);
  worker_.leaves_probation(*waiting, &service);
  worker_.probation.remove(waiting);
  worker_.services[service.id].tracked.add(1);
  PairCounters& pair = worker_.pairs[service.pair(backend)];
  pair.tracked.add(1);
  if (ends) {
    pair.ended.add(1);
    if (!told) worker_.telemetry.ended(asked.packet, false, backend, outcome_of(state, false), false);
  }
  if (!watched) return;
  FlowTable::touch(inserted.entry, TcpState::watched, now_.second);
  FlowTable::set_sampled(inserted.entry, true);
  worker_.telemetry.seen(asked.packet, false);
}

// What probation knows of the flow. True: the packet's way is decided.
inline bool Selector::use_probation(const Asked& asked, ProbationEntry* waiting) {
  const BackendRef backend = waiting->backend;
  // (Where replies don't pass, nobody can know whether the client was answered: then the first choice is
  // given up.)
  const bool refused = asked.service().accept(backend) == 0 && !waiting->answered;
  const bool opens_anew = asked.is_syn && (waiting->kind != ProbationKind::syn || refused);
  if (opens_anew || is_gone(asked, backend)) {
    worker_.leaves_probation(*waiting, &asked.service());
    worker_.probation.remove(waiting);
    return false;
  }
  ++found_in_probation_;
  decide(asked, backend);
  if (asked.is_syn) {
    if (asked.sequence() != waiting->sequence)
      worker_.pairs[asked.service().pair(backend)].flows.add(1);  // another connection
    worker_.telemetry.syn_again(*waiting, asked.packet, asked.sequence());
    repeat_syn(*waiting, asked.sequence());
  } else if ((asked.view().tcp_flags & tcp_flag::kRst) != 0) {
    worker_.telemetry.failed(*waiting, asked.service(), FlowOutcome::reset_by_client);
  } else if (promotes(*waiting, asked.view().tcp_flags, asked.sequence())) {
    track(asked, waiting);
  }
  return true;
}

inline bool Selector::ask_probation(const Asked& asked) {
  ProbationEntry* waiting = worker_.probation.find(asked.key(), asked.half(), now_.millisecond, waiting_);
  return waiting != nullptr && use_probation(asked, waiting);
}

void Selector::use_entry(const Asked& asked, FlowTable::Entry entry) {
  worker_.counters.lookup_hit.add(1);
  decide(asked, FlowTable::backend(entry));
  advance_flow(burst_, asked.i, entry, worker_, now_);
}

bool Selector::use_solid_entry(const Asked& asked, FlowTable::Entry entry) {
  if (!entry || !decides(asked.service(), entry)) return false;
  use_entry(asked, entry);
  return true;
}

// Closing, or with a backend that takes no new flows: the old flow's packets still go there, a SYN begins
// another.
bool Selector::use_old_entry(const Asked& asked, FlowTable::Entry entry) {
  if (!entry || asked.is_syn || is_gone(asked, FlowTable::backend(entry))) return false;
  use_entry(asked, entry);
  return true;
}

// A TCP flow whose backend was drained and is gone, where the pool says that its client is to know.
[[gnu::noinline]] bool Selector::reset_cut_off(const Asked& asked, FlowTable::Entry entry) {
  if (!asked.is_tcp || asked.is_syn || (asked.view().tcp_flags & tcp_flag::kRst) != 0) return false;
  if (!entry || !is_gone(asked, FlowTable::backend(entry))) return false;
  const unsigned position = FlowTable::backend(entry).position();
  if ((unsigned{asked.service().resets} >> position & 1U) == 0) return false;
  burst_.answer(asked.i, DropReason::no_backend);
  return true;
}

inline void Selector::prepare(unsigned i) {
  const Asked asked = packet_at(i);
  ProbationLine& line = worker_.probation.line(asked.key(), asked.half());
  __builtin_prefetch(&line);
  if (asked.is_tcp) worker_.telemetry.prefetch(line, asked.service());
  if (asked.opens()) {
    const Hash128 hash = cluster_hash(asked.packet);
    burst_.opening_hash[i] = hash;
    prefetch_slot(asked.service().choice, hash);
  }
  // Every packet of UDP and what isn't a SYN may move its flow to the connection table.
  if (!asked.is_syn) worker_.flows.prefetch_room(asked.key(), now_.second, snapshot_.least_timeout_s);
}

[[gnu::noinline]] void Selector::run(unsigned i) {
  const Asked asked = packet_at(i);
  if (has_forbidden_source(asked)) [[unlikely]]
    return drop(asked, DropReason::bad_source);
  if ((burst_.unknown & bit_of(i)) != 0) [[likely]] {
    // Lookup saw no entry. If an earlier packet of this burst made one, the flow isn't in probation any more.
    if (ask_probation(asked)) return;
    const FlowTable::Entry entry = has_inserted_ ? live_entry(asked) : FlowTable::Entry{};
    if (use_solid_entry(asked, entry) || use_old_entry(asked, entry)) return;
  } else {
    const FlowTable::Entry known = worker_.flows.find(asked.key());
    const FlowTable::Entry entry =
        known && FlowTable::live(known, now_.second, flows_) ? known : FlowTable::Entry{};
    if (use_solid_entry(asked, entry) || ask_probation(asked) || use_old_entry(asked, entry)) return;
    if (asked.service().resets != 0 && reset_cut_off(asked, known)) return;
  }
  ++misses_;
  if (asked.opens()) return open(asked);
  miss(asked);
}

}  // namespace

void select(Burst& burst, const Snapshot& snapshot, WorkerState& worker, const Now& now) {
  if (burst.errors != 0) [[unlikely]]
    direct_errors(burst, snapshot, worker, now);
  if (burst.selecting == 0) return;
  Selector selector(burst, snapshot, worker, now);
  burst.each_index(burst.selecting, [&](unsigned i) { selector.prepare(i); });
  burst.each_index(burst.selecting, [&](unsigned i) {
    if (!selector.run_plain(i)) selector.run(i);
  });
}

}  // namespace shunt
