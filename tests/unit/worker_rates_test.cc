#include "control/worker_rates.h"

#include <gtest/gtest.h>

namespace shunt {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

void measure(WorkerCounters& counters, Stage stage, uint64_t ticks, uint64_t packets) {
  StageCost& cost = counters.stages[static_cast<size_t>(stage)];
  cost.ticks.add(ticks);
  cost.packets.add(packets);
}

class WorkerRatesTest : public ::testing::Test {
 protected:
  // What came before the first reading doesn't count.
  void SetUp() override {
    counters.busy_ns.add(77 * kSecond);
    counters.packets.add(1'000);
    counters.bursts.add(1'000);
    measure(counters, Stage::receive, 99'000, 10);
    rates.read(counters, kSecond);
  }

  WorkerCounters counters;
  WorkerRates rates;
};

TEST_F(WorkerRatesTest, AreZeroBeforeTheSecondReading) {
  EXPECT_EQ(rates.busy(), 0);
  EXPECT_EQ(rates.packets_per_burst(), 0);
  EXPECT_EQ(rates.ticks_per_packet(), 0);
  EXPECT_EQ(rates.ticks_per_packet(Stage::receive), 0);
}

TEST_F(WorkerRatesTest, AreOfTheLastSecond) {
  counters.busy_ns.add(kSecond / 4);
  counters.packets.add(640);
  counters.bursts.add(20);
  measure(counters, Stage::receive, 200, 100);
  measure(counters, Stage::lookup, 1'000, 100);
  measure(counters, Stage::select, 700, 10);
  rates.read(counters, 2 * kSecond);
  EXPECT_DOUBLE_EQ(rates.busy(), 0.25);
  EXPECT_DOUBLE_EQ(rates.packets_per_burst(), 32);
  EXPECT_DOUBLE_EQ(rates.ticks_per_packet(Stage::receive), 2);
  EXPECT_DOUBLE_EQ(rates.ticks_per_packet(Stage::lookup), 10);
  EXPECT_DOUBLE_EQ(rates.ticks_per_packet(Stage::select), 70);  // of the ten it was given
  EXPECT_DOUBLE_EQ(rates.ticks_per_packet(Stage::rewrite), 0);  // never measured
  EXPECT_DOUBLE_EQ(rates.ticks_per_packet(), 19);               // of the hundred received

  counters.busy_ns.add(3 * kSecond / 2);
  counters.packets.add(8);
  counters.bursts.add(4);
  measure(counters, Stage::lookup, 300, 10);
  rates.read(counters, 4 * kSecond);
  EXPECT_DOUBLE_EQ(rates.busy(), 0.75);
  EXPECT_DOUBLE_EQ(rates.packets_per_burst(), 2);
  EXPECT_DOUBLE_EQ(rates.ticks_per_packet(Stage::lookup), 30);
}

TEST_F(WorkerRatesTest, StayWhenNoPacketComes) {
  counters.busy_ns.add(kSecond / 2);
  counters.packets.add(6);
  counters.bursts.add(2);
  measure(counters, Stage::receive, 30, 6);
  rates.read(counters, 2 * kSecond);
  rates.read(counters, 3 * kSecond);
  EXPECT_DOUBLE_EQ(rates.busy(), 0);
  EXPECT_DOUBLE_EQ(rates.packets_per_burst(), 3);
  EXPECT_DOUBLE_EQ(rates.ticks_per_packet(Stage::receive), 5);
  EXPECT_DOUBLE_EQ(rates.ticks_per_packet(), 5);
}

TEST_F(WorkerRatesTest, PassOverReadingsThatComeTooSoon) {
  counters.busy_ns.add(kSecond / 2);
  rates.read(counters, kSecond + kSecond / 2);
  EXPECT_EQ(rates.busy(), 0);
  rates.read(counters, 2 * kSecond);
  EXPECT_DOUBLE_EQ(rates.busy(), 0.5);
}

// The worker's clock and ours are read apart.
TEST_F(WorkerRatesTest, NobodyIsMoreThanBusy) {
  counters.busy_ns.add(kSecond + 7'000);
  rates.read(counters, 2 * kSecond);
  EXPECT_EQ(rates.busy(), 1);
}

}  // namespace
}  // namespace shunt
