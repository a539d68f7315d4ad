#include "dataplane/watched_flows.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace shunt {
namespace {

constexpr HashKey kKey{{1, 2, 3, 4}};

struct Fixture {
  explicit Fixture(uint32_t count)
      : memory(WatchedFlows::bytes_for(count) / sizeof(uint64_t)), flows(bytes(), kKey) {}

  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(memory)); }

  std::vector<uint64_t> memory;
  WatchedFlows flows;
};

TEST(WatchedFlows, AddsFindsRemoves) {
  Fixture here(64);
  EXPECT_EQ(here.flows.find(77), nullptr);
  WatchedFlow* const flow = here.flows.add(77);
  ASSERT_NE(flow, nullptr);
  EXPECT_EQ(flow->attempt, 1);
  flow->packets = 5;
  EXPECT_EQ(here.flows.find(77), flow);
  here.flows.remove(77);
  EXPECT_EQ(here.flows.find(77), nullptr);
  ASSERT_NE(here.flows.add(77), nullptr);
  EXPECT_EQ(here.flows.find(77)->packets, 0U) << "nothing is left of the one before";
}

TEST(WatchedFlows, TheSameFlowBeginsAgain) {
  Fixture here(64);
  here.flows.add(77)->packets = 5;
  EXPECT_EQ(here.flows.add(77)->packets, 0U);
  here.flows.remove(77);
  EXPECT_EQ(here.flows.find(77), nullptr) << "it was there once";
}

TEST(WatchedFlows, NoMoreThanThereArePlaces) {
  Fixture here(4);  // one set
  for (uint64_t value = 1; value <= 4; ++value)
    EXPECT_NE(here.flows.add(value), nullptr);
  EXPECT_EQ(here.flows.add(5), nullptr);
  here.flows.remove(2);
  EXPECT_NE(here.flows.add(5), nullptr);
  for (const uint64_t value : {1U, 3U, 4U, 5U})
    EXPECT_NE(here.flows.find(value), nullptr) << value;
}

// Removed in the middle and added again: a flow never has two places.
TEST(WatchedFlows, HasOnePlaceForAFlow) {
  Fixture here(4);
  here.flows.add(1);
  here.flows.add(2);
  here.flows.remove(1);
  WatchedFlow* const place = here.flows.find(2);
  EXPECT_EQ(here.flows.add(2), place);
  for (const uint64_t value : {3U, 4U, 5U})
    EXPECT_NE(here.flows.add(value), nullptr) << value;
  here.flows.remove(2);
  EXPECT_EQ(here.flows.find(2), nullptr);
}

// Against a map, with whatever order of calls.
TEST(WatchedFlows, IsAMapWithBounds) {
  for (const uint32_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Fixture here(256);
    std::map<uint64_t, uint64_t> model;
    for (uint32_t step = 0; step < 50'000; ++step) {
      const uint64_t value = 1 + random() % 400;
      switch (random() % 3) {
        case 0:
          if (WatchedFlow* const flow = here.flows.add(value)) {
            flow->bytes = step;
            model[value] = step;
          } else {
            ASSERT_FALSE(model.contains(value));
          }
          break;
        case 1:
          here.flows.remove(value);
          model.erase(value);
          break;
        default:
          const WatchedFlow* const flow = here.flows.find(value);
          ASSERT_EQ(flow != nullptr, model.contains(value));
          if (flow != nullptr) {
            ASSERT_EQ(flow->bytes, model[value]);
          }
      }
    }
    EXPECT_LE(model.size(), 256U);
    EXPECT_GT(model.size(), 100U);
  }
}

}  // namespace
}  // namespace shunt
