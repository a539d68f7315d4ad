#include "stats/ledger.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

namespace shunt {
namespace {

TEST(Ledger, BalancesWhatComesInWithWhatBecameOfIt) {
  Ledger ledger;
  EXPECT_TRUE(ledger.balanced());
  ledger.received = 10;
  EXPECT_FALSE(ledger.balanced());
  ledger.sent = 4;
  ledger.punted = 2;
  ledger.drop(DropReason::ttl);
  ledger.drop(DropReason::no_service, 2);
  ledger.entered = 1;
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.dropped_total(), 3U);
  EXPECT_EQ(ledger.in_flight(), 1);
  ledger.originated = 1;
  EXPECT_FALSE(ledger.balanced());
  ++ledger.sent;
  EXPECT_TRUE(ledger.balanced());
}

// What one thread put into a queue and another took out is in flight in neither.
TEST(Ledger, SumsOverThreads) {
  Ledger worker;
  worker.received = 5;
  worker.entered = 5;
  Ledger punt;
  punt.left = 3;
  punt.punted = 2;
  punt.drop(DropReason::punt_failed);
  EXPECT_EQ(punt.in_flight(), -3);
  Ledger sum = worker;
  sum += punt;
  EXPECT_TRUE(sum.balanced());
  EXPECT_EQ(sum.in_flight(), 2);
  EXPECT_EQ(sum.dropped[static_cast<size_t>(DropReason::punt_failed)], 1U);
}

// One packet's worth of account: comes in, and goes one way.
void account(Ledger& ledger, uint32_t random) {
  ++ledger.received;
  switch (random % 4) {
    case 0:
      ++ledger.sent;
      break;
    case 1:
      ++ledger.punted;
      break;
    case 2:
      ++ledger.entered;
      break;
    default:
      ledger.drop(static_cast<DropReason>(random / 4 % kDropReasons));
  }
}

TEST(LedgerBlock, AReaderNeverSeesHalfAPublication) {
  constexpr uint64_t kPublications = 200'000;
  LedgerBlock block;
  EXPECT_EQ(block.read(), Ledger{});
  std::thread writer([&block] {
    Ledger ledger;
    std::mt19937 random(3);
    for (uint64_t i = 0; i < kPublications; ++i) {
      account(ledger, static_cast<uint32_t>(random()));
      block.publish(ledger);
      if (i % 64 == 0) std::this_thread::yield();
    }
  });
  uint64_t reads = 0;
  uint64_t unbalanced = 0;
  uint64_t backwards = 0;
  for (uint64_t last = 0; last < kPublications; ++reads) {
    const Ledger seen = block.read();
    unbalanced += seen.balanced() ? 0U : 1U;
    backwards += seen.received < last ? 1U : 0U;
    last = seen.received;
  }
  writer.join();
  EXPECT_EQ(unbalanced, 0U);
  EXPECT_EQ(backwards, 0U);
  EXPECT_GT(reads, 0U);
}

}  // namespace
}  // namespace shunt
