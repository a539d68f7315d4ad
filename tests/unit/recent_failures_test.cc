#include "dataplane/recent_failures.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace shunt {
namespace {

constexpr uint64_t kWho = 0x1234567890abcdefU;
constexpr uint16_t kService = 7;

TEST(RecentFailures, KnowsForTenSeconds) {
  RecentFailures failures(64);
  EXPECT_FALSE(failures.any_recent(0));
  EXPECT_FALSE(failures.find(kWho, kService, 0));
  failures.note(kWho, kService, 1, 5'000);
  for (const uint32_t ago : {0U, 1U, 9'999U, 10'000U}) {
    const auto found = failures.find(kWho, kService, 5'000 + ago);
    ASSERT_TRUE(found) << ago;
    EXPECT_EQ(found->ago_ms, ago);
    EXPECT_EQ(found->attempts, 1);
  }
  EXPECT_FALSE(failures.find(kWho, kService, 15'001));
  EXPECT_FALSE(failures.any_recent(15'001));
}

TEST(RecentFailures, OfThisClientAtThisService) {
  RecentFailures failures(64);
  failures.note(kWho, kService, 1, 0);
  EXPECT_FALSE(failures.find(kWho, kService + 1, 1));
  EXPECT_FALSE(failures.find(kWho ^ (uint64_t{1} << 63U), kService, 1)) << "the same line";
  EXPECT_FALSE(failures.find(kWho + 1, kService, 1)) << "another line";
}

TEST(RecentFailures, TheLastOneCounts) {
  RecentFailures failures(64);
  failures.note(kWho, kService, 1, 0);
  failures.note(kWho, kService, 2, 4'000);
  const auto found = failures.find(kWho, kService, 5'000);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->ago_ms, 1'000U);
  EXPECT_EQ(found->attempts, 2);
  failures.forget(kWho, kService);
  EXPECT_FALSE(failures.find(kWho, kService, 5'000));
  failures.forget(kWho, kService);
}

TEST(RecentFailures, MillisecondsWrap) {
  RecentFailures failures(64);
  failures.note(kWho, kService, 3, 0xffff'fff0U);
  const auto found = failures.find(kWho, kService, 0x10);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->ago_ms, 0x20U);
}

// Eight in a line; the ninth takes the place of the oldest.
TEST(RecentFailures, AFullLineLosesItsOldest) {
  RecentFailures failures(8);
  const auto who = [](uint64_t number) { return number << 40U; };
  for (uint64_t number = 1; number <= 9; ++number)
    failures.note(who(number), kService, 1, static_cast<uint32_t>(100 * number));
  EXPECT_FALSE(failures.find(who(1), kService, 1'000));
  for (uint64_t number = 2; number <= 9; ++number)
    EXPECT_TRUE(failures.find(who(number), kService, 1'000)) << number;
}

TEST(RecentFailures, TheSweepTellsOfEachOnce) {
  RecentFailures failures(64);
  failures.note(kWho, kService, 4, 0);
  failures.note(kWho + 1, 9, 200, 8'000);
  std::vector<std::pair<unsigned, unsigned>> gave_up;
  const auto sweep = [&](uint32_t now_ms) {
    failures.sweep(failures.lines(), now_ms,
                   [&](uint16_t service, uint8_t attempts) { gave_up.emplace_back(service, attempts); });
  };
  sweep(10'000);
  EXPECT_TRUE(gave_up.empty());
  sweep(10'001);
  sweep(10'002);
  EXPECT_EQ(gave_up, (std::vector<std::pair<unsigned, unsigned>>{{kService, 4}}));
  sweep(200'000);
  EXPECT_EQ(gave_up.size(), 2U);
  EXPECT_EQ(gave_up.back(), (std::pair<unsigned, unsigned>{9, 200}));
}

// What the largest service and number of attempts look like.
TEST(RecentFailures, KeepsWholeNumbers) {
  RecentFailures failures(64);
  constexpr uint16_t kLargest = (1U << 14U) - 1;
  failures.note(~uint64_t{0}, kLargest, 255, 77);
  const auto found = failures.find(~uint64_t{0}, kLargest, 78);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->attempts, 255);
  EXPECT_EQ(found->ago_ms, 1U);
}

// Workers write, another thread sweeps: nothing is told of that was never noted, and never twice as often.
TEST(RecentFailures, ThreadsShareIt) {
  constexpr uint32_t kRounds = 20'000;
  RecentFailures failures(256);
  std::atomic<uint64_t> told = 0;
  std::atomic<bool> done = false;
  std::thread sweeper([&] {
    while (!done.load()) {
      failures.sweep(failures.lines(), 100'000, [&](uint16_t service, uint8_t attempts) {
        EXPECT_EQ(service, kService);
        EXPECT_EQ(attempts, 5);
        told.fetch_add(1);
      });
    }
  });
  std::vector<std::thread> workers;
  for (uint64_t worker = 0; worker < 2; ++worker) {
    workers.emplace_back([&failures, worker] {
      for (uint64_t round = 0; round < kRounds; ++round)
        failures.note((round % 100) << 40U | worker, kService, 5, 1'000);
    });
  }
  for (std::thread& worker : workers)
    worker.join();
  done.store(true);
  sweeper.join();
  EXPECT_LE(told.load(), 2 * kRounds);
}

}  // namespace
}  // namespace shunt
