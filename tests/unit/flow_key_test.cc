#include "dataplane/flow_key.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>
#include <vector>

#include "dataplane/backend_ref.h"

namespace shunt {
namespace {

constexpr HashKey kKey{{11, 22, 33, 44}};

TEST(FlowKey, ExactKeyHoldsServiceAddressAndPort) {
  const FlowKey key = exact_flow_key(kKey, 0x1234, be32(0xc0000201), be16(0xabcd));
  EXPECT_EQ(key.value, 0x1234'cdab'0102'00c0U) << "as the bytes stand in a packet";
  EXPECT_EQ(service_of(key.value), 0x1234);
}

TEST(FlowKey, ExactKeyIsTheSameFromPacketBytes) {
  const uint8_t source[] = {192, 0, 2, 1};
  const uint8_t sport[] = {0xab, 0xcd};
  EXPECT_EQ(exact_flow_key(kKey, 7, load<be32>(source), load<be16>(sport)),
            exact_flow_key(kKey, 7, be32(0xc0000201), be16(0xabcd)));
}

TEST(FlowKey, IndexDependsOnTheSecret) {
  const HashKey other{{11, 22, 33, 45}};
  const FlowKey a = exact_flow_key(kKey, 1, be32(1), be16(1));
  const FlowKey b = exact_flow_key(other, 1, be32(1), be16(1));
  EXPECT_EQ(a.value, b.value);
  EXPECT_NE(a.index, b.index);
}

// A 5-tuple as bytes: addresses, ports, protocol.
FlowKey digest_of(const HashKey& key, uint16_t service, const std::vector<uint8_t>& tuple) {
  const uint8_t* at = tuple.data();
  const size_t size = (tuple.size() - 5) / 2;
  const uint8_t* ports = at + 2 * size;
  if (size == 4) {
    return digest_flow_key_v4(key, service, load<be32>(at), load<be32>(at + 4), load<be16>(ports),
                              load<be16>(ports + 2), ports[4]);
  }
  return digest_flow_key_v6(key, service, at, at + 16, load<be16>(ports), load<be16>(ports + 2), ports[4]);
}

TEST(FlowKey, DigestDependsOnEveryByteAndOnTheSecret) {
  for (const size_t size : {13U, 37U}) {
    std::vector<uint8_t> tuple(size, 0x5a);
    const FlowKey base = digest_of(kKey, 9, tuple);
    EXPECT_EQ(service_of(base.value), 9);
    std::set<uint64_t> values = {base.value};
    std::set<uint32_t> indexes = {base.index};
    for (uint8_t& byte : tuple) {
      byte ^= 1;
      const FlowKey key = digest_of(kKey, 9, tuple);
      EXPECT_EQ(service_of(key.value), 9);
      values.insert(key.value);
      indexes.insert(key.index);
      byte ^= 1;
    }
    EXPECT_EQ(values.size(), size + 1);
    EXPECT_EQ(indexes.size(), size + 1);
    const HashKey other{{11, 22, 33, 45}};
    EXPECT_NE(digest_of(other, 9, tuple).value, base.value);
  }
}

// Correlation of each index bit with each digest bit over many flows: what shares a bucket must not share key
// bits.
TEST(FlowKey, IndexIsIndependentOfTheDigest) {
  constexpr int kFlows = 20'000;
  std::vector<int> agree(32 * 48);
  for (uint32_t flow = 0; flow < kFlows; ++flow) {
    std::vector<uint8_t> tuple(flow % 2 == 0 ? 13 : 37);
    store(tuple.data(), flow);
    const FlowKey key = digest_of(kKey, 1, tuple);
    for (unsigned i = 0; i < 32; ++i) {
      for (unsigned j = 0; j < 48; ++j)
        agree[i * 48 + j] += ((key.index >> i) & 1U) == ((key.value >> j) & 1U) ? 1 : 0;
    }
  }
  for (const int count : agree)
    EXPECT_LT(std::abs(count - kFlows / 2), 6 * std::sqrt(kFlows) / 2);
}

// Clients of one subnet with neighbouring ports spread over buckets like random numbers do.
TEST(FlowKey, NeighbouringClientsSpread) {
  constexpr uint32_t kBuckets = 1000;
  constexpr uint32_t kFlows = 100'000;
  std::vector<uint32_t> count(kBuckets);
  for (uint32_t flow = 0; flow < kFlows; ++flow) {
    const FlowKey key =
        exact_flow_key(kKey, 1, be32(0x0a000000 + flow / 100), be16(static_cast<uint16_t>(flow % 100)));
    ++count[scale_to(key.index, kBuckets)];
  }
  double chi_square = 0;
  for (const uint32_t each : count)
    chi_square += std::pow(each - 100.0, 2) / 100.0;
  EXPECT_NEAR(chi_square, kBuckets - 1, 6 * std::sqrt(2.0 * kBuckets));
}

TEST(BackendRef, HoldsPositionAndNumber) {
  for (const unsigned position : {0U, 1U, 3U}) {
    for (const unsigned number : {0U, 1U, 16'383U}) {
      const BackendRef ref = BackendRef::of(position, number);
      EXPECT_EQ(ref.position(), position);
      EXPECT_EQ(ref.number(), number);
    }
  }
  EXPECT_EQ(BackendRef::of(3, 16'383).raw, 0xffff);
}

}  // namespace
}  // namespace shunt
