// RecordRing and RecordRingReader in one process: alone, between two threads (build with -Db_sanitize=thread
// to see their ordering checked), and with a tail that is rubbish.
#include "stats/record_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "stats/record_follower.h"
#include "tests/unit/flow_record_samples.h"

namespace shunt {
namespace {

// The shared parts of a ring, and its producer.
struct Bed {
  explicit Bed(uint64_t ring_capacity)
      : capacity(ring_capacity), records(capacity), ring(head, tail, records.data(), capacity) {}
  RecordRingReader reader() { return {head, tail, records.data(), capacity}; }
  void push_all(uint64_t from, uint64_t count) {
    for (uint64_t i = from; i < from + count; ++i)
      ASSERT_TRUE(ring.push(record_of(i))) << i;
  }

  uint64_t capacity;
  RingHead head;
  RingTail tail;
  std::vector<FlowRecord> records;
  RecordRing ring;
};

// `count` records, `from` the first of them; no more.
void expect_records(RecordRingReader& reader, uint64_t from, uint64_t count) {
  std::vector<FlowRecord> out(count + 1);
  ASSERT_EQ(reader.read(out), count);
  for (uint64_t i = 0; i < count; ++i)
    EXPECT_TRUE(same(out[i], record_of(from + i))) << from + i;
}

TEST(FlowRecord, NumbersOfFortyBitsStickAtTheirEnd) {
  Count40 count;
  EXPECT_EQ(count.get(), 0U);
  for (const uint64_t value : {uint64_t{1}, uint64_t{0x0102030405}, Count40::kMax}) {
    count.set(value);
    EXPECT_EQ(count.get(), value);
  }
  count.set(Count40::kMax + 1);
  EXPECT_EQ(count.get(), Count40::kMax);
  count.set(UINT64_MAX);
  EXPECT_EQ(count.get(), Count40::kMax);
  EXPECT_EQ(saturated32(UINT64_C(0xffffffff)), 0xffffffffU);
  EXPECT_EQ(saturated32(UINT64_C(0x100000000)), 0xffffffffU);
}

TEST(FlowRecord, ANeighbouringFieldIsLeftAlone) {
  FlowRecord record;
  record.bytes.set(Count40::kMax);
  EXPECT_EQ(record.reply_packets, 0U);
  EXPECT_EQ(record.reply_bytes.get(), 0U);
  record.reply_bytes.set(Count40::kMax);
  record.bytes.set(0);
  EXPECT_EQ(record.reply_bytes.get(), Count40::kMax);
  EXPECT_EQ(record.client_port, 0U);
}

TEST(FlowRecord, KeepsTheClientsAddress) {
  FlowRecord record;
  EXPECT_FALSE(record.client_address());
  record.flags = kFlowUdp;
  for (const char* text : {"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "10.0.0.1"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    record.set_client(*address, 4711);
    ASSERT_TRUE(record.client_address()) << text;
    EXPECT_EQ(*record.client_address(), *address);
    EXPECT_EQ(record.client_port, 4711);
    EXPECT_EQ(record.flags & kFlowUdp, kFlowUdp);
  }
}

// Byte by byte, as docs/records.md tells readers in other languages.
TEST(FlowRecord, LiesInMemoryAsDocumented) {
  FlowRecord record;
  record.ended_us = 0x0102030405060708;
  record.bytes.set(0xa1a2a3a4a5);
  record.reply_bytes.set(0xb1b2b3b4b5);
  record.client_port = 0xc1c2;
  record.attempt = 7;
  uint8_t bytes[64];
  std::memcpy(bytes, &record, sizeof bytes);
  EXPECT_EQ(bytes[0], 0x08);
  EXPECT_EQ(bytes[7], 0x01);
  EXPECT_EQ(bytes[44], 0xa5);
  EXPECT_EQ(bytes[48], 0xa1);
  EXPECT_EQ(bytes[49], 0xb5);
  EXPECT_EQ(bytes[53], 0xb1);
  EXPECT_EQ(bytes[54], 0xc2);
  EXPECT_EQ(bytes[55], 0xc1);
  EXPECT_EQ(bytes[63], 7);
}

TEST(RecordRing, WithoutMemoryRefuses) {
  RecordRing ring;
  EXPECT_FALSE(ring.push(record_of(1)));
}

TEST(RecordRing, GivesBackWhatItWasGivenInOrderOverManyWraps) {
  for (const uint64_t capacity : {1U, 2U, 8U, 64U}) {
    Bed bed(capacity);
    auto reader = bed.reader();
    uint64_t next = 0;
    for (uint64_t round = 0; round < 5 * capacity; ++round) {
      const uint64_t count = 1 + round % capacity;
      bed.push_all(next, count);
      expect_records(reader, next, count);
      next += count;
    }
    EXPECT_EQ(reader.pushed(), next);
    EXPECT_EQ(reader.dropped(), 0U);
    EXPECT_EQ(reader.waiting(), 0U);
  }
}

TEST(RecordRing, FullIsCountedAndNothingIsOverwritten) {
  Bed bed(8);
  auto reader = bed.reader();
  bed.push_all(0, 8);
  for (uint64_t i = 0; i < 5; ++i)
    EXPECT_FALSE(bed.ring.push(record_of(100 + i)));
  EXPECT_EQ(reader.dropped(), 5U);
  EXPECT_EQ(reader.waiting(), 8U);
  std::vector<FlowRecord> three(3);
  EXPECT_EQ(reader.read(three), 3U);
  bed.push_all(8, 3);
  EXPECT_FALSE(bed.ring.push(record_of(200)));
  expect_records(reader, 3, 8);
  EXPECT_EQ(reader.dropped(), 6U);
  EXPECT_EQ(reader.pushed(), 11U);
}

TEST(RecordRing, WhatIsCopiedStaysUntilItIsDone) {
  Bed bed(4);
  bed.push_all(0, 4);
  std::vector<FlowRecord> out(2);
  {
    auto reader = bed.reader();
    EXPECT_EQ(reader.copy(out), 2U);
    EXPECT_EQ(reader.copy(out), 2U);
    EXPECT_TRUE(same(out[1], record_of(1)));
    EXPECT_FALSE(bed.ring.push(record_of(9)));
    reader.done(1);
  }
  bed.push_all(4, 1);
  auto next = bed.reader();
  expect_records(next, 1, 4);
}

// Whatever stands in the tail: never outside the records, never more than a ring of them unread, and a reader
// mends it.
TEST(RecordRing, ATailOfRubbishCountsAsFull) {
  std::mt19937_64 random(5);
  for (uint64_t round = 0; round < 200; ++round) {
    Bed bed(16);
    const uint64_t before = round % 40;
    {
      auto reader = bed.reader();
      for (uint64_t i = 0; i < before; ++i) {
        bed.push_all(i, 1);
        expect_records(reader, i, 1);
      }
    }
    const uint64_t rubbish = round % 3 == 0 ? before + 1 + random() % 1000 : random() | (uint64_t{1} << 63U);
    bed.tail.read.store(rubbish);
    uint64_t pushed = before;
    for (uint64_t i = 0; i < 100; ++i)
      pushed += bed.ring.push(record_of(pushed)) ? 1U : 0U;
    EXPECT_LE(pushed - before, 16 + std::min<uint64_t>(rubbish - before, 16));
    EXPECT_EQ(bed.head.pushed.load(), pushed);
    EXPECT_EQ(bed.head.dropped.load(), 100 - (pushed - before));

    auto reader = bed.reader();
    std::vector<FlowRecord> out(32);
    EXPECT_LE(reader.read(out), 16U);
    EXPECT_EQ(reader.waiting(), 0U);
    bed.push_all(pushed, 16);
    expect_records(reader, pushed, 16);
  }
}

TEST(RecordRing, ATailTornAwayWhileReadingIsMendedByTheNextRead) {
  Bed bed(8);
  auto reader = bed.reader();
  bed.push_all(0, 8);
  bed.tail.read.store(UINT64_MAX / 2);
  EXPECT_FALSE(bed.ring.push(record_of(8)));
  expect_records(reader, 0, 8);
  EXPECT_EQ(reader.restarts(), 0U);
  bed.push_all(8, 8);
  expect_records(reader, 8, 8);
  // One that is possible, but wrong: the producer overwrites what nobody read, and the reader sees that.
  bed.push_all(16, 8);
  bed.tail.read.store(24);
  bed.push_all(24, 4);
  std::vector<FlowRecord> out(8);
  EXPECT_EQ(reader.read(out), 0U);
  EXPECT_EQ(reader.restarts(), 1U);
  bed.push_all(28, 8);
  expect_records(reader, 28, 8);
}

TEST(RecordRing, ATailOfZeroAgainIsFullUntilTheReaderGoesOn) {
  Bed bed(4);
  auto reader = bed.reader();
  for (uint64_t i = 0; i < 10; ++i) {
    bed.push_all(i, 1);
    expect_records(reader, i, 1);
  }
  bed.push_all(10, 1);
  bed.tail.read.store(0);  // as a hole punched into its memory would read
  uint64_t pushed = 11;
  for (int i = 0; i < 10; ++i)
    pushed += bed.ring.push(record_of(pushed)) ? 1U : 0U;
  EXPECT_LE(pushed, 14U);
  expect_records(reader, 10, pushed - 10);
  bed.push_all(pushed, 4);
  expect_records(reader, pushed, 4);
}

TEST(RecordRing, EveryRecordBetweenTwoThreadsIsReadOrCounted) {
  constexpr uint64_t kAttempts = 100'000;
  Bed bed(256);
  std::vector<uint8_t> accepted(kAttempts);
  std::atomic<bool> ended = false;
  std::thread producer([&] {
    for (uint64_t i = 0; i < kAttempts; ++i) {
      accepted[i] = bed.ring.push(record_of(i)) ? 1 : 0;
      if (i % 300 == 0) std::this_thread::yield();
    }
    ended.store(true, std::memory_order_release);
  });
  auto reader = bed.reader();
  std::vector<FlowRecord> batch(64);
  std::vector<uint64_t> seen;
  uint64_t wrong = 0;
  for (;;) {
    const bool last = ended.load(std::memory_order_acquire);
    const size_t count = reader.read(batch);
    for (size_t i = 0; i < count; ++i) {
      wrong += same(batch[i], record_of(batch[i].ended_us)) ? 0U : 1U;
      seen.push_back(batch[i].ended_us);
    }
    if (count == 0 && last) break;
    if (count == 0) std::this_thread::yield();
  }
  producer.join();
  std::vector<uint64_t> wanted;
  for (uint64_t i = 0; i < kAttempts; ++i) {
    if (accepted[i] != 0) wanted.push_back(i);
  }
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(seen, wanted);
  EXPECT_EQ(reader.pushed(), wanted.size());
  EXPECT_EQ(reader.pushed() + reader.dropped(), kAttempts);
}

std::vector<uint64_t> numbers(std::span<const FlowRecord> records) {
  std::vector<uint64_t> numbers;
  for (const FlowRecord& record : records) {
    EXPECT_TRUE(same(record, record_of(record.ended_us)));
    numbers.push_back(record.ended_us);
  }
  return numbers;
}

TEST(RecordRingFollower, SeesWhatGoesByAndTakesNothing) {
  Bed bed(8);
  auto reader = bed.reader();
  RecordRingFollower follower(bed.head, bed.records.data(), 8);
  std::vector<FlowRecord> out(4);
  EXPECT_TRUE(follower.copy(out).empty());
  bed.push_all(0, 6);
  EXPECT_EQ(numbers(follower.copy(out)), (std::vector<uint64_t>{0, 1, 2, 3}));
  EXPECT_EQ(numbers(follower.copy(out)), (std::vector<uint64_t>{4, 5}));
  EXPECT_TRUE(follower.copy(out).empty());
  EXPECT_EQ(reader.waiting(), 6U);
  expect_records(reader, 0, 6);
  bed.push_all(6, 3);
  EXPECT_EQ(numbers(follower.copy(out)), (std::vector<uint64_t>{6, 7, 8}));
  EXPECT_EQ(follower.missed(), 0U);
}

TEST(RecordRingFollower, PassesOverWhatAReaderLetBeOverwritten) {
  Bed bed(8);
  auto reader = bed.reader();
  RecordRingFollower follower(bed.head, bed.records.data(), 8);
  uint64_t next = 0;
  for (; next < 30; ++next) {
    bed.push_all(next, 1);
    expect_records(reader, next, 1);
  }
  std::vector<FlowRecord> out(64);
  // The oldest place may be the one that is written next.
  EXPECT_EQ(numbers(follower.copy(out)), (std::vector<uint64_t>{23, 24, 25, 26, 27, 28, 29}));
  EXPECT_EQ(follower.missed(), 23U);
}

#if !defined(__SANITIZE_THREAD__)  // it reads what may be written meanwhile, and throws that away
TEST(RecordRingFollower, ShowsWholeRecordsInOrderBesideAProducerAndAReader) {
  constexpr uint64_t kRecords = 300'000;
  Bed bed(64);
  std::atomic<bool> ended = false;
  std::thread producer([&] {
    for (uint64_t i = 0; i < kRecords;)
      i += bed.ring.push(record_of(i)) ? 1U : 0U;
    ended.store(true, std::memory_order_release);
  });
  std::thread consumer([&] {
    auto reader = bed.reader();
    std::vector<FlowRecord> batch(32);
    for (uint64_t seen = 0; seen < kRecords;)
      seen += reader.read(batch);
  });
  RecordRingFollower follower(bed.head, bed.records.data(), 64);
  std::vector<FlowRecord> batch(16);
  uint64_t seen = 0;
  uint64_t wrong = 0;
  uint64_t next = 0;
  for (;;) {
    const bool last = ended.load(std::memory_order_acquire);
    const auto records = follower.copy(batch);
    if (records.empty() && last) break;
    for (const FlowRecord& record : records) {
      wrong += same(record, record_of(record.ended_us)) && record.ended_us >= next ? 0U : 1U;
      next = record.ended_us + 1;
      ++seen;
    }
  }
  producer.join();
  consumer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(next, kRecords);
  EXPECT_EQ(seen + follower.missed(), kRecords);
}
#endif

}  // namespace
}  // namespace shunt
