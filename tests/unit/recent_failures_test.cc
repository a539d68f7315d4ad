#include "dataplane/recent_failures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
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

// Two workers write and another thread sweeps, for a while. A worker's clients fail up to kTries times in a
// row; each client has a service of its own, so that what is told says whose failure it was.
class Shared {
 public:
  static constexpr uint16_t kClients = 96;  // of each worker
  static constexpr uint8_t kTries = 40;

  // `together`: each line has clients of both workers; else of one. No line gets more than it has room for.
  explicit Shared(bool together) : together_(together), told_(2 * kClients) {}

  void run() {
    std::array<std::thread, 2> workers;
    for (uint16_t worker = 0; worker < 2; ++worker)
      workers[worker] = std::thread([this, worker] { fail(worker); });
    std::thread sweeper([this] {
      while (!done_.load())
        sweep();
    });
    for (std::thread& worker : workers)
      worker.join();
    done_.store(true);
    sweeper.join();
    sweep();
  }
  // By client: the attempts that its failures were told with, in their order.
  const std::vector<std::vector<unsigned>>& told() const { return told_; }
  unsigned foreign() const { return foreign_; }  // told of, and nobody's

 private:
  void fail(uint16_t worker) {
    for (uint8_t attempts = 1; attempts <= kTries; ++attempts) {
      for (uint16_t i = 0; i < kClients; ++i) {
        const uint64_t line = together_ ? i % 32U : i % 16U * 2U + worker;
        const auto client = static_cast<uint16_t>(worker * kClients + i);
        failures_.note(uint64_t{client} << 40U | line, client, attempts, 1'000);
      }
    }
  }
  void sweep() {
    failures_.sweep(failures_.lines(), 100'000, [&](uint16_t client, uint8_t attempts) {
      if (client < told_.size())
        told_[client].push_back(attempts);
      else
        ++foreign_;
    });
  }

  bool together_;
  RecentFailures failures_{256};
  std::atomic<bool> done_ = false;
  std::vector<std::vector<unsigned>> told_;
  unsigned foreign_ = 0;
};

// That each is told at most once, in the order in which it was noted, and never with what nobody noted.
void expect_as_noted(const Shared& shared) {
  EXPECT_EQ(shared.foreign(), 0U);
  for (const auto& told : shared.told()) {
    EXPECT_TRUE(std::ranges::is_sorted(told, std::ranges::less_equal{})) << testing::PrintToString(told);
    for (const unsigned attempts : told)
      EXPECT_TRUE(attempts >= 1 && attempts <= Shared::kTries) << attempts;
  }
}

TEST(RecentFailures, AWorkerOfALineLosesNothingToTheSweep) {
  for (unsigned round = 0; round < 200; ++round) {
    Shared shared(false);
    shared.run();
    expect_as_noted(shared);
    for (const auto& told : shared.told()) {
      ASSERT_FALSE(told.empty());
      ASSERT_EQ(told.back(), Shared::kTries) << "its last failure";
    }
  }
}

// Of two that are written at once one may go, so half of them is there at least.
TEST(RecentFailures, TwoWorkersOfALineLoseOneOfTwoAtMost) {
  for (unsigned round = 0; round < 200; ++round) {
    Shared shared(true);
    shared.run();
    expect_as_noted(shared);
    const auto kept = std::ranges::count_if(
        shared.told(), [](const auto& told) { return !told.empty() && told.back() == Shared::kTries; });
    ASSERT_GE(kept, Shared::kClients);
  }
}

TEST(RecentFailures, AServiceIsForgotten) {
  RecentFailures failures(64);
  failures.note(kWho, kService, 4, 0);
  failures.note(kWho, kService + 1, 3, 0);
  failures.note(kWho + 1, kService, 2, 0);
  failures.forget_service(kService);
  EXPECT_FALSE(failures.find(kWho, kService, 1));
  EXPECT_FALSE(failures.find(kWho + 1, kService, 1));
  EXPECT_TRUE(failures.find(kWho, kService + 1, 1));
}

}  // namespace
}  // namespace shunt
