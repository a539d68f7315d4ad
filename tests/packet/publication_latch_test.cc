// A publication that stands still at each of its steps, while workers carry packets on.
//
//   control thread: A ── made ▪ visible ▪ retired ▪ passed ▪ freed ──► B ── made ▪ …
//   2 workers:      SYN SYN SYN …, each packet's backend is that of the snapshot its loop began with, and of
//   no other
//
// Generations with an odd number give flows to 10.0.0.20 …, the others to 10.0.0.40 …
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "dataplane/dpdk_publication.h"
#include "tests/packet/client.h"

namespace shunt::packet {
namespace {

constexpr unsigned kWorkers = 2;
constexpr unsigned kBurst = 8;
constexpr uint64_t kPacketsPerStep = 400;  // of each worker, while the publication stands still
constexpr uint16_t kPorts = 2'000;
constexpr uint64_t kGenerations = 6;

Config config_of(uint64_t generation) {
  Config config = bare_config();
  config.pools = {pool("web", generation % 2 == 1 ? 20 : 40, 10)};
  config.services = {packet::service(kVip, 80, "web", Forward::ipip)};
  return config;
}

Bytes syn_from(uint16_t sport) {
  Packet packet{.destination = kVip, .sport = sport, .dport = 80};
  packet.flags = kSyn;
  packet.sequence = 1000;
  return build(packet);
}

// Whom each client port gets, by each of the two configurations.
std::array<std::map<uint16_t, std::string>, 2> expectations() {
  std::array<std::map<uint16_t, std::string>, 2> expected;
  for (const uint64_t generation : {uint64_t{0}, uint64_t{1}}) {
    Pipeline pipeline(config_of(generation));
    for (uint16_t i = 0; i < kPorts; ++i) {
      const auto sport = static_cast<uint16_t>(1'000 + i);
      expected[generation][sport] = Client(pipeline, kVip, sport).syn();
    }
  }
  return expected;
}

struct Lane {
  Pipeline pipeline{config_of(1)};
  std::atomic<uint64_t> packets = 0;
  std::atomic<uint64_t> generation = 0;  // of the last loop
  uint64_t wrong = 0;
  std::string first_wrong;
  std::thread thread;
};

// One loop of a worker: a burst of openings by the snapshot that is current.
void carry(Lane& lane, const Snapshot& snapshot, uint16_t first,
           const std::array<std::map<uint16_t, std::string>, 2>& expected) {
  std::vector<Bytes> burst;
  for (unsigned i = 0; i < kBurst; ++i)
    burst.push_back(syn_from(static_cast<uint16_t>(1'000 + (first + i) % kPorts)));
  lane.pipeline.wait(1);
  const std::vector<SentFrame> sent = lane.pipeline.run_by(snapshot, 0, burst).sent;
  if (sent.size() != kBurst) ++lane.wrong;
  for (const SentFrame& frame : sent) {
    const std::string backend = Outcome{{frame}, {}, {}}.destination();
    const auto sport = static_cast<uint16_t>(frame.frame[14 + 20 + 20] << 8 | frame.frame[14 + 20 + 21]);
    const std::string& wanted = expected[snapshot.generation % 2].at(sport);
    if (backend == wanted) continue;
    if (lane.wrong++ == 0)
      lane.first_wrong = std::to_string(sport) + " went to " + backend + ", generation " +
                         std::to_string(snapshot.generation) + " says " + wanted;
  }
  lane.packets += sent.size();
  lane.generation = snapshot.generation;
}

template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(PublicationLatch, PacketsFollowOneGenerationWhereverItStands) {
  const auto expected = expectations();
  std::array<Lane, kWorkers> lanes;
  std::map<PublicationStep, unsigned> stood;
  uint64_t visible = 1;
  bool watching = false;
  // Holds the writer at a step until every worker has carried packets meanwhile.
  const auto hold = [&](PublicationStep step) {
    if (!watching) return;
    if (step == PublicationStep::visible) ++visible;
    ++stood[step];
    for (Lane& lane : lanes) {
      const uint64_t before = lane.packets;
      EXPECT_TRUE(eventually([&] { return lane.packets >= before + kPacketsPerStep; })) << "a worker waits";
      EXPECT_EQ(lane.generation, visible) << "at step " << static_cast<int>(step);
    }
  };
  Publication publication(kWorkers, hold);
  Compiler compiler(Pipeline::Options{}.cluster_key);
  compiler.set_ports(port_runtimes());
  compiler.set_kernel(kernel_view());
  const auto next = [&](uint64_t generation) {
    EXPECT_TRUE(compiler.set_config(config_of(generation), 1'000'000'000'000));
    auto snapshot = compiler.compile(1'000'000'000'000);
    EXPECT_EQ(snapshot->generation, generation);
    publication.publish(std::move(snapshot));
  };
  next(1);
  std::atomic<bool> stop = false;
  for (unsigned id = 0; id < kWorkers; ++id) {
    lanes[id].thread = std::thread([&, id] {
      publication.online(id);
      for (uint16_t first = 0; !stop; first = static_cast<uint16_t>((first + kBurst) % kPorts)) {
        carry(lanes[id], *publication.current(), first, expected);
        publication.quiescent(id);
      }
      publication.offline(id);
    });
  }
  watching = true;
  for (uint64_t generation = 2; generation <= kGenerations; ++generation) {
    next(generation);
    EXPECT_TRUE(eventually([&] { return publication.reclaim() == 0; }));
  }
  watching = false;
  stop = true;
  for (Lane& lane : lanes) {
    lane.thread.join();
    EXPECT_EQ(lane.wrong, 0U) << lane.first_wrong;
  }
  EXPECT_EQ(stood.size(), 5U);
  for (const auto& [step, times] : stood)
    EXPECT_EQ(times, kGenerations - 1) << "step " << static_cast<int>(step);
}

}  // namespace
}  // namespace shunt::packet
