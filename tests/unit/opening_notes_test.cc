#include "dataplane/opening_notes.h"

#include <gtest/gtest.h>

#include <vector>

namespace shunt {
namespace {

constexpr uint64_t kOpenedUs = 7'000'123;
constexpr OpeningNotes::Instant kOpened{kOpenedUs, 7'000, 123};

OpeningNotes::Instant after_us(uint64_t us) {
  const uint64_t now = kOpenedUs + us;
  return {now, static_cast<uint32_t>(now / 1'000), static_cast<uint32_t>(now % 1'000)};
}

FlowClient client_v6(uint8_t last) {
  FlowClient client{};
  client.address[0] = 0x20;
  client.address[15] = last;
  client.port = be16(1000 + last);
  return client;
}

class OpeningNotesTest : public testing::Test {
 protected:
  // As probation holds it.
  ProbationEntry& opened(size_t line, size_t place) {
    ProbationEntry& entry = lines_[line].entries[place];
    entry.key = exact_flow_key({}, 3, be32(0x0a010203), be16(40'000)).value;
    entry.opened_ms = kOpened.ms;
    return entry;
  }

  std::vector<ProbationLine> lines_ = std::vector<ProbationLine>(32);
  ProbationTable table_{std::as_writable_bytes(std::span(lines_))};
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> memory_ = std::vector<Line>(OpeningNotes::bytes_for(table_.lines()) / sizeof(Line));
  OpeningNotes notes_{std::as_writable_bytes(std::span(memory_)), table_};
};

TEST_F(OpeningNotesTest, IsShortWhereTheKeyNamesTheClient) {
  ProbationEntry& entry = opened(0, 1);
  OpeningNotes::begin(entry, kOpened, 4);
  EXPECT_EQ(notes_.of(entry, after_us(0)).since_us, 0U);
  EXPECT_EQ(notes_.of(entry, after_us(1)).since_us, 1U);
  EXPECT_EQ(notes_.of(entry, after_us(880)).since_us, 880U) << "the next millisecond";
  EXPECT_EQ(notes_.of(entry, after_us(6'000'000'123)).since_us, 6'000'000'123U);
  EXPECT_EQ(notes_.of(entry, kOpened).attempt, 4);
  const FlowClient client = notes_.client(entry);
  EXPECT_EQ(client.port.host(), 40'000);
  const uint8_t wanted[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3};
  EXPECT_EQ(std::memcmp(client.address, wanted, sizeof wanted), 0);
}

TEST_F(OpeningNotesTest, GoesAsideWhereItDoesNotFit) {
  ProbationEntry& entry = opened(0, 0);
  notes_.begin_aside(entry, client_v6(9), kOpened, 200);
  EXPECT_EQ(notes_.of(entry, after_us(2'345)).since_us, 2'345U);
  EXPECT_EQ(notes_.of(entry, kOpened).attempt, 200);
  EXPECT_EQ(notes_.client(entry).port.host(), 1009);
  EXPECT_EQ(notes_.client(entry).address[15], 9);
  EXPECT_TRUE(OpeningNotes::fits(31));
  EXPECT_FALSE(OpeningNotes::fits(32));
}

TEST_F(OpeningNotesTest, AnotherConnectionOfTheSamePortBeginsAnew) {
  ProbationEntry& entry = opened(3, 0);
  OpeningNotes::begin(entry, kOpened, 1);
  notes_.begin_aside(entry, notes_.client(entry), after_us(5'000), 1);
  EXPECT_EQ(notes_.of(entry, after_us(6'000)).since_us, 1'000U);
  EXPECT_EQ(notes_.syn_again(entry, after_us(8'000)), 3U);
  EXPECT_EQ(notes_.client(entry).port.host(), 40'000);
}

// Linux says it again after 1, 3, 7, 15, 31 and 63 s; somebody else whenever.
TEST_F(OpeningNotesTest, KnowsTheGapBetweenRepeatedSyns) {
  for (const bool is_aside : {false, true}) {
    SCOPED_TRACE(is_aside);
    ProbationEntry& entry = opened(1, 1);
    if (is_aside) {
      notes_.begin_aside(entry, client_v6(1), kOpened, 2);
    } else {
      OpeningNotes::begin(entry, kOpened, 2);
    }
    uint64_t before = 0;
    for (const uint64_t second : {1U, 3U, 7U, 15U, 31U, 63U, 70U, 127U, 4'000U}) {
      EXPECT_EQ(notes_.syn_again(entry, after_us(second * 1'000'000)), (second - before) * 1'000) << second;
      EXPECT_EQ(notes_.of(entry, after_us(second * 1'000'000 + 17)).since_us, second * 1'000'000 + 17);
      EXPECT_EQ(notes_.of(entry, kOpened).attempt, 2);
      EXPECT_EQ(notes_.client(entry).port.host(), is_aside ? 1001 : 40'000);
      before = second;
    }
  }
}

// Each entry of the TCP half has notes of its own.
TEST_F(OpeningNotesTest, OneForEachEntry) {
  const auto number = [](size_t line, size_t place) { return static_cast<uint8_t>(2 * line + place + 1); };
  for (size_t line = 0; line < lines_.size() / 2; ++line) {
    for (const size_t place : {0U, 1U})
      notes_.begin_aside(opened(line, place), client_v6(number(line, place)), kOpened, number(line, place));
  }
  for (size_t line = 0; line < lines_.size() / 2; ++line) {
    for (const size_t place : {0U, 1U}) {
      const ProbationEntry& entry = lines_[line].entries[place];
      EXPECT_EQ(notes_.of(entry, kOpened).attempt, number(line, place));
      EXPECT_EQ(notes_.client(entry).address[15], number(line, place));
    }
  }
}

}  // namespace
}  // namespace shunt
