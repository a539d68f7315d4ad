#include "bench/rte_hash_pipeline.h"

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include <algorithm>
#include <array>
#include <bit>

#include "bench/hand_walk.h"
#include "bench/measure.h"

namespace shunt::bench {
namespace {

constexpr HashKey kTableKey{{1, 2, 3, 4}};
constexpr size_t kPairRows = 4096;
constexpr size_t kServiceRows = 256;

// Source, destination, ports, protocol; IPv4 uses the first 16 bytes.
struct alignas(8) TupleKey {
  std::array<uint8_t, 40> bytes;
};

constexpr unsigned key_bytes(Family family) {
  return family == Family::ipv4 ? 16 : 40;
}

// `addresses`: both, as they lie side by side in a packet; `ports`: both, in front of a segment.
TupleKey key_of(const uint8_t* addresses, const uint8_t* ports, Family family) {
  TupleKey key;
  const size_t size = family == Family::ipv4 ? 8 : 32;
  std::memcpy(key.bytes.data(), addresses, size);
  std::memcpy(key.bytes.data() + size, ports, 4);
  store(key.bytes.data() + size + 4, uint32_t{kProtocolTcp});
  return key;
}

}  // namespace

RteHashPipeline::RteHashPipeline(const PipelineWorld& world, RingDevice& device, rte_hash* table)
    : world_(world),
      table_(table),
      small_tables_(TableMemory::allocate(4096, false).take()),
      pairs_(kPairRows),
      services_(kServiceRows),
      io_({device.device_id()}, 0, device.pool()) {
  // One bucket, which classify's prefetch finds in the first cache level: written, because a page that never
  // was makes a prefetch walk the page tables each time.
  std::ranges::fill(small_tables_.bytes(), std::byte{1});
  std::ranges::fill(small_tables_.bytes(), std::byte{0});
  const WorkerMemory memory{small_tables_.bytes().first(64), small_tables_.bytes().subspan(2048), pairs_,
                            services_};
  state_ = std::make_unique<WorkerState>(0, memory, kTableKey);
  walk_ = std::make_unique<HandWalk>(io_, *state_);
}

RteHashPipeline::~RteHashPipeline() {
  rte_hash_free(table_);
}

Result<std::unique_ptr<RteHashPipeline>> RteHashPipeline::make(const PipelineWorld& world, RingDevice& device,
                                                               uint32_t flows) {
  rte_hash_parameters parameters{};
  parameters.name = "flows";
  parameters.entries = std::max(flows + flows / 8, 1024U);
  parameters.key_len = key_bytes(world.shape().family);
  parameters.hash_func = rte_hash_crc;
  rte_hash* const table = rte_hash_create(&parameters);
  if (table == nullptr) return Error{"rte_hash", rte_strerror(rte_errno)};
  return std::unique_ptr<RteHashPipeline>(new RteHashPipeline(world, device, table));
}

bool RteHashPipeline::add(const Traffic& traffic, uint32_t flow) {
  const Family family = world_.shape().family;
  const bool v4 = family == Family::ipv4;
  uint8_t frame[kLongestFrame];
  traffic.write(frame, flow, Segment::ack);
  const TupleKey key =
      key_of(frame + kEtherHeaderBytes + (v4 ? 12 : 8), frame + kEtherHeaderBytes + (v4 ? 20 : 40), family);
  const BackendRef backend = world_.choice(traffic.service_of_flow(flow), traffic.tuple(flow));
  return rte_hash_add_key_data(table_, &key, std::bit_cast<void*>(uintptr_t{backend.raw})) == 0;
}

void RteHashPipeline::look_up() {
  Burst& burst = walk_->burst();
  const Family family = world_.shape().family;
  std::array<TupleKey, kBurstSize> keys;
  std::array<const void*, kBurstSize> pointers;
  std::array<void*, kBurstSize> found;
  unsigned count = 0;
  for (const unsigned i : bits_of(burst.live)) {
    const Packet& packet = burst.packet[i];
    keys[count] = key_of(packet.view.source_bytes(packet.data), packet.view.l4(packet.data), family);
    pointers[count] = &keys[count];
    ++count;
  }
  uint64_t hits = 0;
  rte_hash_lookup_bulk_data(table_, pointers.data(), count, &hits, found.data());
  prove(static_cast<unsigned>(std::popcount(hits)) == count, "every packet hit rte_hash");
  unsigned next = 0;
  for (const unsigned i : bits_of(burst.live))
    burst.decide(i, {static_cast<uint16_t>(std::bit_cast<uintptr_t>(found[next++]))});
}

uint64_t RteHashPipeline::run() {
  const Snapshot& snapshot = world_.snapshot();
  const Now now = Now::from_ns(1'000'000'000'000);
  uint64_t packets = 0;
  while (const unsigned count = walk_->receive()) {
    take_plain(walk_->burst(), snapshot.ports[0], snapshot, *state_);
    parse(walk_->burst(), snapshot.ports[0]);
    classify(walk_->burst(), snapshot, *state_);
    look_up();
    rewrite(walk_->burst(), snapshot, *state_);
    walk_->transmit(now);
    packets += count;
  }
  return packets;
}

}  // namespace shunt::bench
