#include "dataplane/rehearsal.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <utility>

#include "dataplane/cluster_hash.h"
#include "dataplane/flow_reader.h"
#include "dataplane/flow_state.h"
#include "dataplane/imagined_frame.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

constexpr MacAddress kNobodysMac{{0x02, 0, 0, 0, 0, 0xfe}};  // of a client whose next hop isn't known
constexpr unsigned kCopies = 16;

using Words = std::array<uint64_t, 8>;

Words words_of(const void* line) {
  Words words;
  for (size_t i = 0; i < words.size(); ++i)
    words[i] = __atomic_load_n(static_cast<const uint64_t*>(line) + i, __ATOMIC_ACQUIRE);
  return words;
}

// A line that its worker may be writing: as it stood at one instant, or nearly.
void copy_line(void* to, const void* from) {
  Words words = words_of(from);
  for (unsigned i = 1; i < kCopies; ++i) {
    const Words again = words_of(from);
    if (again == words) break;
    words = again;
  }
  std::memcpy(to, &words, sizeof words);
}

template <typename T>
T* as(const TableMemory& memory) {
  return reinterpret_cast<T*>(memory.bytes().data());
}

template <typename T>
std::span<T> array_in(const TableMemory& memory) {
  return {as<T>(memory), memory.bytes().size() / sizeof(T)};
}

struct WayIn {
  uint8_t port = 0;
  MacAddress from = kNobodysMac;
};

// Where a client's packets come from, if they come the way that answers would go.
WayIn way_in(const Snapshot& snapshot, const IpAddress& client) {
  const Route* const route = snapshot.routes->find(client);
  if (route == nullptr) return {};
  const MacAddress* const mac = snapshot.neighbours->find(route->port, route->gateway.value_or(client));
  return {route->port, mac != nullptr ? *mac : kNobodysMac};
}

std::optional<BackendRef> backend_of(const Packet& packet) {
  if (packet.service == nullptr || packet.destination == nullptr) return std::nullopt;
  for (unsigned position = 0; position < kPoolPositions; ++position) {
    const PoolView& pool = packet.service->pools[position];
    if (packet.pair - pool.pairs < pool.count) return BackendRef::of(position, packet.pair - pool.pairs);
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<Rehearsal>> Rehearsal::make(const WorkerState& like) {
  auto flows = TableMemory::allocate_sparse(like.flows.memory().size_bytes());
  auto probation = TableMemory::allocate_sparse(like.probation.memory().size_bytes());
  auto pairs = TableMemory::allocate_sparse(like.pairs.size_bytes());
  auto services = TableMemory::allocate_sparse(like.services.size_bytes());
  for (auto* memory : {&flows, &probation, &pairs, &services}) {
    if (!*memory) return memory->error();
  }
  return std::unique_ptr<Rehearsal>(
      new Rehearsal({flows.take(), probation.take(), pairs.take(), services.take()}, like));
}

Rehearsal::Rehearsal(Memory memory, const WorkerState& like)
    : memory_(std::move(memory)),
      state_(like.index,
             {memory_.flows.bytes(), memory_.probation.bytes(), array_in<PairCounters>(memory_.pairs),
              array_in<ServiceCounters>(memory_.services)},
             like.table_key) {}

void Rehearsal::put(const std::vector<uint8_t>& frame, uint8_t port) {
  buffer_.assign(kHeadroomBytes, 0);
  buffer_.insert(buffer_.end(), frame.begin(), frame.end());
  burst_.packet[0] = Packet{};
  burst_.packet[0].set_frame({buffer_.data() + kHeadroomBytes, static_cast<uint32_t>(frame.size())});
  burst_.start(port, 1);
}

void Rehearsal::walk_to_key(const Snapshot& snapshot, const std::vector<uint8_t>& frame, uint8_t port) {
  put(frame, port);
  take_plain(burst_, snapshot.ports[port], snapshot, state_);
  parse(burst_, snapshot.ports[port]);
  classify(burst_, snapshot, state_);
}

// What the packet may meet: both buckets, the line of probation.
void Rehearsal::copy_tables(const WorkerState& worker, const Packet& packet) {
  for (const uint32_t bucket : FlowReader::buckets_of(worker.flows, packet.key())) {
    FlowBucket& copy = as<FlowBucket>(memory_.flows)[bucket];
    copy_line(&copy, &worker.flows.memory()[bucket]);
    // Watched flows are the worker's business.
    for (uint32_t slot = 0; slot < FlowBucket::kSlots; ++slot)
      FlowTable::set_sampled({&copy, slot}, false);
  }
  const ProbationHalf half = half_of(packet.view.protocol);
  copy_line(&state_.probation.line(packet.key(), half), &worker.probation.line(packet.key(), half));
}

void Rehearsal::copy_counts(const WorkerState& worker, const Service& service) {
  for (const PoolView& pool : service.pools) {
    for (uint32_t row = pool.pairs; row < pool.pairs + pool.count; ++row)
      copy_line(&state_.pairs[row], &worker.pairs[row]);
  }
  state_.turns[service.id] = __atomic_load_n(&worker.turns[service.id], __ATOMIC_RELAXED);
  state_.hints = worker.hints;
}

void Rehearsal::clear_tables(const Packet& packet) {
  for (const uint32_t bucket : FlowReader::buckets_of(state_.flows, packet.key()))
    std::memset(&as<FlowBucket>(memory_.flows)[bucket], 0, sizeof(FlowBucket));
  std::memset(static_cast<void*>(&state_.probation.line(packet.key(), half_of(packet.view.protocol))), 0,
              sizeof(ProbationLine));
}

std::optional<KnownFlow> Rehearsal::known_flow(const Snapshot& snapshot, const Packet& packet,
                                               const Now& now) {
  KnownFlow known;
  FlowLifetimes lifetimes(snapshot, state_);
  if (const FlowTable::Entry entry = state_.flows.find(packet.key());
      entry && FlowTable::live(entry, now.second, lifetimes)) {
    known.backend = FlowTable::backend(entry);
    known.state = FlowTable::state(entry);
    known.idle_ms = FlowTable::idle_seconds(entry, now.second) * 1'000;
    return known;
  }
  const UncountedAges ages(snapshot, state_);
  const ProbationEntry* const waiting = state_.probation.peek(packet.key(), half_of(packet.view.protocol));
  if (waiting == nullptr || ages.expired(*waiting, now.millisecond - waiting->opened_ms)) return std::nullopt;
  known.backend = waiting->backend;
  known.waits = true;
  known.kind = waiting->kind;
  known.idle_ms = now.millisecond - waiting->opened_ms;
  return known;
}

void Rehearsal::tell_end(Rehearsed& told) const {
  const Packet& packet = burst_.packet[0];
  told.service = packet.service;
  told.backend = backend_of(packet);
  if (burst_.live != 0) {
    told.end = Rehearsed::End::sent;
    told.out_port = static_cast<uint8_t>(std::countr_zero(burst_.ways_out));
    told.out.assign(packet.data, packet.data + packet.bytes);
    return;
  }
  told.reason = burst_.reason[0];
  switch (burst_.fate[0]) {
    case Fate::punt:
    case Fate::punt_urgent:
      told.end = Rehearsed::End::punted;
      break;
    case Fate::hand_over:
      told.end = Rehearsed::End::handed_over;
      told.owner = burst_.owner[0];
      break;
    case Fate::cut:
      told.end = Rehearsed::End::cut;
      break;
    case Fate::answer:
      told.end = Rehearsed::End::answered;
      break;
    case Fate::hold:
    case Fate::drop:
      told.end = Rehearsed::End::dropped;
      break;
  }
}

Rehearsed Rehearsal::run(const Snapshot& snapshot, const WorkerState& worker, const ImaginedPacket& packet,
                         const Now& now) {
  Rehearsed told;
  const WayIn way = way_in(snapshot, packet.client);
  const MacAddress to = snapshot.ports[way.port].mac;
  told.in_port = way.port;
  told.opens = true;
  told.in = imagined_frame(packet, way.from, to, true);
  state_.index = worker.index;
  state_.workers = worker.workers;
  walk_to_key(snapshot, told.in, way.port);
  if (burst_.live == 0) return tell_end(told), told;

  const Packet& walking = burst_.packet[0];
  const Packet named = walking;  // by its key, whatever becomes of the frame
  copy_tables(worker, named);
  copy_counts(worker, *named.service);
  told.known = known_flow(snapshot, named, now);
  if (told.known && packet.protocol == Protocol::tcp) {
    told.opens = false;
    told.in = imagined_frame(packet, way.from, to, false);
    walk_to_key(snapshot, told.in, way.port);
  } else {
    told.opens = !told.known;
  }
  told.forgetting = ProbationTable::forgetting(
      state_.probation.line(named.key(), half_of(named.view.protocol)), now.millisecond);
  told.hash = cluster_hash(*named.service, snapshot.cluster_key, named.view.l3,
                           walking.view.source_bytes(walking.data),
                           load<uint32_t>(walking.view.l4(walking.data)), named.view.protocol);
  lookup(burst_, state_, now);
  select(burst_, snapshot, state_, now);
  rewrite(burst_, snapshot, state_);
  tell_end(told);
  told.service = named.service;
  clear_tables(named);
  return told;
}

}  // namespace shunt
