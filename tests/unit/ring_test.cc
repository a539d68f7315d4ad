// FrameRing and SpscRing, alone and between two threads (build with -Db_sanitize=thread to see their ordering
// checked).
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <thread>

#include "dataplane/frame_ring.h"

namespace shunt {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes frame_of(uint32_t number, size_t bytes) {
  Bytes frame(bytes);
  for (size_t i = 0; i < bytes; ++i)
    frame[i] = static_cast<uint8_t>(number * 31 + i);
  return frame;
}

TEST(FrameRing, GivesBackWhatItWasGivenInOrder) {
  FrameRing ring(4096);
  EXPECT_TRUE(ring.empty());
  EXPECT_FALSE(ring.front().has_value());
  EXPECT_TRUE(ring.push(1, 2, frame_of(1, 100)));
  EXPECT_TRUE(ring.push(3, 4, frame_of(2, 60)));
  EXPECT_FALSE(ring.empty());
  auto record = ring.front();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->port, 1);
  EXPECT_EQ(record->mark, 2);
  EXPECT_EQ(Bytes(record->frame.begin(), record->frame.end()), frame_of(1, 100));
  ring.pop();
  record = ring.front();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->port, 3);
  EXPECT_EQ(Bytes(record->frame.begin(), record->frame.end()), frame_of(2, 60));
  ring.pop();
  EXPECT_TRUE(ring.empty());
}

TEST(FrameRing, AnEmptyFrameIsARecordToo) {
  FrameRing ring(256);
  const uint8_t nothing = 0;
  EXPECT_TRUE(ring.push(9, 0, {&nothing, 0}));
  ASSERT_TRUE(ring.front().has_value());
  EXPECT_EQ(ring.front()->frame.size(), 0U);
  ring.pop();
  EXPECT_TRUE(ring.empty());
}

TEST(FrameRing, FullIsSaidAndNothingIsWritten) {
  FrameRing ring(1024);
  const Bytes frame = frame_of(1, 200);  // 208 with its header: 256 in the ring
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(ring.push(0, 0, frame));
  EXPECT_FALSE(ring.push(0, 0, frame));
  EXPECT_FALSE(ring.push(0, 0, Bytes(2000)));
  ring.pop();
  EXPECT_TRUE(ring.push(0, 0, frame));
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(ring.front().has_value());
    EXPECT_EQ(Bytes(ring.front()->frame.begin(), ring.front()->frame.end()), frame);
    ring.pop();
  }
  EXPECT_TRUE(ring.empty());
}

TEST(FrameRing, AgreesWithADequeOverManyWraps) {
  std::mt19937 random(7);
  FrameRing ring(8192);
  std::deque<Bytes> model;
  uint32_t refused = 0;
  for (uint32_t i = 0; i < 100'000; ++i) {
    if (random() % 2 == 0) {
      const Bytes frame = frame_of(i, 14 + random() % 1586);
      if (ring.push(static_cast<uint8_t>(i), 0, frame)) {
        model.push_back(frame);
      } else {
        ++refused;
        ASSERT_GE(model.size(), 2U) << "two of the longest always fit";
      }
    } else {
      const auto record = ring.front();
      ASSERT_EQ(record.has_value(), !model.empty());
      if (!record) continue;
      ASSERT_EQ(Bytes(record->frame.begin(), record->frame.end()), model.front());
      ring.pop();
      model.pop_front();
    }
  }
  EXPECT_GT(refused, 0U);
}

TEST(FrameRing, CarriesAHundredThousandFramesBetweenThreads) {
  constexpr uint32_t kFrames = 100'000;
  FrameRing ring(16'384);
  std::thread producer([&ring] {
    for (uint32_t i = 0; i < kFrames; ++i) {
      const Bytes frame = frame_of(i, 14 + i % 300);
      while (!ring.push(static_cast<uint8_t>(i), 0, frame))
        std::this_thread::yield();
    }
  });
  uint32_t wrong = 0;
  for (uint32_t i = 0; i < kFrames;) {
    const auto record = ring.front();
    if (!record) {
      std::this_thread::yield();
      continue;
    }
    const Bytes wanted = frame_of(i, 14 + i % 300);
    if (record->port != static_cast<uint8_t>(i) || !std::ranges::equal(record->frame, wanted)) ++wrong;
    ring.pop();
    ++i;
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_TRUE(ring.empty());
}

TEST(SpscRing, HoldsNAndSaysWhenFull) {
  SpscRing<int, 4> ring;
  EXPECT_EQ(ring.pop(), std::nullopt);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i)
      EXPECT_TRUE(ring.push(round * 10 + i));
    EXPECT_FALSE(ring.push(99));
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(ring.pop(), round * 10 + i);
    EXPECT_EQ(ring.pop(), std::nullopt);
  }
}

TEST(SpscRing, KeepsTheOrderBetweenThreads) {
  constexpr uint64_t kValues = 200'000;
  SpscRing<uint64_t, 64> ring;
  std::thread producer([&ring] {
    for (uint64_t i = 0; i < kValues; ++i) {
      while (!ring.push(i))
        std::this_thread::yield();
    }
  });
  uint64_t wrong = 0;
  for (uint64_t next = 0; next < kValues;) {
    const auto value = ring.pop();
    if (!value) {
      std::this_thread::yield();
      continue;
    }
    wrong += *value != next ? 1U : 0U;
    ++next;
  }
  producer.join();
  EXPECT_EQ(wrong, 0U);
}

}  // namespace
}  // namespace shunt
