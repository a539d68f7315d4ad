// What must not change whom a flow gets, with generated configurations: the order of backends in the file,
// and which shunt of a cluster a packet meets.
//
// Two shunts have one cluster key, keys of their own for everything else, another history (so other numbers
// for the same backends) and another order in their files. They see the same tuples.
#include <algorithm>
#include <iterator>
#include <random>
#include <set>

#include "tests/packet/packet_reader.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
constexpr bool kSanitized = false;
#endif
// All of them take the sanitizers minutes; what is true of the tuples doesn't depend on them.
constexpr uint32_t kTuples = kSanitized ? 20'000 : 1'000'000;
constexpr uint32_t kTables = kSanitized ? 20 : 200;

using Random = std::mt19937;

uint32_t below(Random& random, uint32_t bound) {
  return static_cast<uint32_t>(random() % bound);
}

// 1 to `most` backends of both families, some with the same address and another port.
PoolConfig any_pool(Random& random, uint32_t most) {
  constexpr uint32_t kPrimes[] = {101, 251, 1021, 4093};
  PoolConfig pool;
  pool.name = "web";
  pool.slots = kPrimes[below(random, 4)];
  const uint32_t count = 1 + below(random, most);
  for (uint32_t i = 0; i < count; ++i) {
    const std::string last = std::to_string(11 + below(random, 60));
    const std::string address = below(random, 4) == 0 ? "2001:db8:b::" + last : "10.0.0." + last;
    const auto port = static_cast<uint16_t>(below(random, 3) == 0 ? 8080 + below(random, 3) : 0);
    const auto twin = [&](const BackendConfig& other) {
      return other.address == ip(address) && other.port == port;
    };
    if (std::ranges::any_of(pool.backends, twin)) continue;
    pool.backends.push_back(
        backend("b" + std::to_string(i), address, port, static_cast<uint16_t>(below(random, 5))));
  }
  return pool;
}

Config config_of(const PoolConfig& pool) {
  Config config = bare_config();
  for (PortConfig& port : config.ports)
    port.encap_source6 = *Prefix::parse("2001:db8:b::a");
  config.pools = {pool};
  config.services = {service("198.51.100.1", 80, "web", Forward::ipip)};
  return config;
}

// Who owns each slot, by address and port.
std::vector<std::pair<IpAddress, uint16_t>> owners(const Snapshot& snapshot, const Service& service) {
  std::vector<std::pair<IpAddress, uint16_t>> owners;
  for (uint32_t slot = 0; slot < service.choice.slots; ++slot) {
    const BackendRef ref = BackendRef::of(service.choice_pool, service.choice.owner[slot]);
    const Destination& destination = snapshot.service(service.id)->destination(ref);
    owners.emplace_back(destination.address, destination.backend_port.host());
  }
  return owners;
}

TEST(Metamorphic, TheOrderOfBackendsNeverChangesTheTable) {
  for (uint32_t seed = 1; seed <= kTables; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const PoolConfig pool = any_pool(random, 40);
    Pipeline as_written(config_of(pool));
    const auto expected = owners(as_written.snapshot(), as_written.service("198.51.100.1", 80));
    ASSERT_EQ(expected.size(), pool.slots);
    for (int permutation = 0; permutation < 3; ++permutation) {
      PoolConfig permuted = pool;
      std::ranges::shuffle(permuted.backends, random);
      Pipeline fresh(config_of(permuted));
      ASSERT_EQ(owners(fresh.snapshot(), fresh.service("198.51.100.1", 80)), expected) << "from the start";
      as_written.reload(config_of(permuted));
      ASSERT_EQ(owners(as_written.snapshot(), as_written.service("198.51.100.1", 80)), expected)
          << "by a reload";
    }
  }
}

// That the table says anything: another key, weight or backend does change it.
TEST(Metamorphic, WhatTheTableIsMadeOfDoesChangeIt) {
  const PoolConfig pool = packet::pool("web", 11, 10);
  Pipeline::Options other_key;
  other_key.cluster_key = HashKey{{9, 9, 9, 9}};
  PoolConfig heavier = pool;
  heavier.backends[3].weight = 5;
  PoolConfig fewer = pool;
  fewer.backends.pop_back();
  Pipeline plain(config_of(pool));
  const auto table = owners(plain.snapshot(), plain.service("198.51.100.1", 80));
  const auto differs = [&](const PoolConfig& changed, const Pipeline::Options& options) {
    Pipeline pipeline(config_of(changed), options);
    return owners(pipeline.snapshot(), pipeline.service("198.51.100.1", 80)) != table;
  };
  EXPECT_FALSE(differs(pool, {}));
  EXPECT_TRUE(differs(pool, other_key));
  EXPECT_TRUE(differs(heavier, {}));
  EXPECT_TRUE(differs(fewer, {}));
}

// A TCP packet of tuple number `i`, made by editing one; every tuple is another.
class Tuples {
 public:
  explicit Tuples(uint8_t flags) : frame_(build(Packet{.source = "0.0.0.0", .flags = flags})) {}

  const Bytes& frame(uint32_t i) {
    // Odd multiplication permutes 2^32. The first byte stays among addresses that a client may have.
    const uint32_t mixed = i * 2'654'435'761U;
    set16(frame_, 26, 0x2d00U | (mixed >> 24U));
    set16(frame_, 28, mixed >> 8U);
    set16(frame_, 34, 1024 + (mixed & 0xffU) * 200 + i % 200);
    set16(frame_, 24, 0);
    set16(frame_, 24, internet_checksum({frame_.begin() + 14, frame_.begin() + 34}));
    return frame_;
  }

 private:
  Bytes frame_;
};

// Whom the outer header names, of packets of both families of backends.
IpAddress outer_destination(const Bytes& frame) {
  const size_t at = l3_offset(frame);
  if (frame[at] >> 4U == 4) return address4(frame, at + 16);
  return IpAddress::v6(frame.data() + at + 24);
}

class TwoShunts {
 public:
  TwoShunts(const PoolConfig& pool, Random& random)
      : one_(config_of(pool), options({11, 12, 13, 14})),
        other_(before(pool, random), options({21, 22, 23, 24})) {
    PoolConfig permuted = pool;
    std::ranges::shuffle(permuted.backends, random);
    other_.reload(config_of(permuted));
  }

  void set_health(const std::string& name, bool up) {
    one_.set_health("web", name, up);
    other_.set_health("web", name, up);
  }
  // Tuples that the two send to different backends; `flags` are those of the packets that each sees.
  uint32_t disagreements(uint32_t first, uint32_t count, uint8_t flags_of_one, uint8_t flags_of_other) {
    uint32_t differ = 0;
    for (uint32_t i = first; i < first + count; i += kBurstSize) {
      const uint32_t burst = std::min<uint32_t>(kBurstSize, first + count - i);
      const auto mine = destinations(one_, flags_of_one, i, burst);
      const auto theirs = destinations(other_, flags_of_other, i, burst);
      EXPECT_EQ(mine.size(), burst);
      for (size_t at = 0; at < mine.size() && at < theirs.size(); ++at)
        differ += mine[at] != theirs[at] ? 1U : 0U;
      seen_.insert(mine.begin(), mine.end());
      if (testing::Test::HasFailure()) return differ;
    }
    return differ;
  }
  size_t backends_seen() const { return seen_.size(); }

 private:
  static Pipeline::Options options(const HashKey& table_key) {
    Pipeline::Options options;
    options.table_key = table_key;
    KernelView kernel = kernel_view();
    kernel.routes.push_back({*Prefix::parse("2001:db8:b::/64"), 1, std::nullopt});
    for (unsigned i = 11; i < 80; ++i)
      kernel.neighbours.push_back({1, ip("2001:db8:b::" + std::to_string(i)), mac(backend_mac(i))});
    options.kernel = std::move(kernel);
    return options;
  }
  // What the other one had been given before: some of the backends, so that they have other numbers, and
  // others.
  static Config before(PoolConfig pool, Random& random) {
    std::ranges::shuffle(pool.backends, random);
    pool.backends.resize((pool.backends.size() + 1) / 2);
    for (unsigned i = 0; i < 5; ++i)
      pool.backends.push_back(backend("former" + std::to_string(i), "10.9.0." + std::to_string(i + 1)));
    std::ranges::shuffle(pool.backends, random);
    return config_of(pool);
  }
  static std::vector<IpAddress> destinations(Pipeline& pipeline, uint8_t flags, uint32_t first,
                                             uint32_t count) {
    Tuples tuples(flags);
    std::vector<Bytes> frames;
    for (uint32_t i = 0; i < count; ++i)
      frames.push_back(tuples.frame(first + i));
    std::vector<IpAddress> destinations;
    for (const SentFrame& sent : pipeline.run_burst(0, frames).sent)
      destinations.push_back(outer_destination(sent.frame));
    return destinations;
  }

  Pipeline one_;
  Pipeline other_;
  std::set<IpAddress> seen_;
};

PoolConfig cluster_pool() {
  PoolConfig pool = packet::pool("web", 11, 30);
  pool.health.emplace();
  pool.slots = 4093;
  for (size_t i = 0; i < pool.backends.size(); ++i)
    pool.backends[i].weight = static_cast<uint16_t>(1 + i % 4);
  for (unsigned i = 50; i < 60; ++i)
    pool.backends.push_back(backend("v6-" + std::to_string(i), "2001:db8:b::" + std::to_string(i)));
  return pool;
}

TEST(TwoShuntsOfACluster, AgreeOnOpenings) {
  Random random(1);
  TwoShunts shunts(cluster_pool(), random);
  EXPECT_EQ(shunts.disagreements(0, kTuples, kSyn, kSyn), 0U);
  EXPECT_EQ(shunts.backends_seen(), 40U);
}

// A router sends a flow that one of them opened to the other, which has never heard of it.
TEST(TwoShuntsOfACluster, AgreeOnFlowsThatMoveBetweenThem) {
  Random random(2);
  TwoShunts shunts(cluster_pool(), random);
  EXPECT_EQ(shunts.disagreements(0, kTuples / 4, kSyn, kAck), 0U);
  EXPECT_EQ(shunts.backends_seen(), 40U);
}

// With more than half of the slots refusing, some flows use up their eight probes and take a place in the
// sum.
TEST(TwoShuntsOfACluster, AgreeWhileBackendsAreDown) {
  Random random(3);
  const PoolConfig pool = cluster_pool();
  TwoShunts shunts(pool, random);
  for (size_t i = 0; i < pool.backends.size(); i += 2)
    shunts.set_health(pool.backends[i].name, false);
  EXPECT_EQ(shunts.disagreements(0, kTuples / 4, kSyn, kSyn), 0U);
  EXPECT_EQ(shunts.backends_seen(), 20U);
}

TEST(TwoShuntsOfACluster, DontAgreeWithAnotherKey) {
  Pipeline::Options other_key;
  other_key.cluster_key = HashKey{{9, 9, 9, 9}};
  const PoolConfig pool = packet::pool("web", 11, 10);
  Pipeline one(config_of(pool));
  Pipeline other(config_of(pool), other_key);
  Tuples tuples(kSyn);
  uint32_t differ = 0;
  for (uint32_t i = 0; i < 1000; ++i)
    differ +=
        one.run(0, tuples.frame(i)).destination() != other.run(0, tuples.frame(i)).destination() ? 1U : 0U;
  EXPECT_GT(differ, 800U);
}

}  // namespace
}  // namespace shunt::packet
