#include "dataplane/probation_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace shunt {
namespace {

using Half = ProbationHalf;
using Kind = ProbationKind;

constexpr uint32_t kSynMs = 10'000;
constexpr uint32_t kUdpMs = 60'000;
constexpr BackendRef kBackend{77};

struct Policy {
  struct Ended {
    uint64_t key;
    EndReason why;
    bool operator==(const Ended&) const = default;
  };

  static uint32_t lifetime_ms(Kind kind) {
    return kind == Kind::syn ? kSynMs : kind == Kind::udp ? kUdpMs : kMidFlowLifetimeMs;
  }
  bool expired(const ProbationEntry& entry, uint32_t age_ms) const {
    return age_ms > lifetime_ms(entry.kind);
  }
  void ended(const ProbationEntry& entry, EndReason why) { log.push_back({entry.key, why}); }

  std::vector<Ended> log;
};

// Two lines (one a half) unless told otherwise, so that any two keys of a half share a line.
struct Fixture {
  explicit Fixture(size_t bytes = 2 * sizeof(ProbationLine))
      : memory(bytes / sizeof(ProbationLine)), table(std::as_writable_bytes(std::span(memory))) {}

  ProbationTable::Opening open(const FlowKey& key, uint32_t now_ms, Kind kind = Kind::syn,
                               bool by_slot = true) {
    return table.open(key, kind == Kind::udp ? Half::udp : Half::tcp, kind, kBackend, 1000, by_slot, now_ms,
                      policy);
  }
  ProbationEntry* find(const FlowKey& key, uint32_t now_ms, Half half = Half::tcp) {
    return table.find(key, half, now_ms, policy);
  }
  bool forgetting(uint32_t now_ms) const { return table.forgetting(key(1), Half::tcp, now_ms); }

  static FlowKey key(uint32_t flow, uint16_t service = 1) {
    return exact_flow_key(HashKey{{1, 2, 3, 4}}, service, be32(flow), be16(80));
  }

  std::vector<ProbationLine> memory;
  ProbationTable table;
  Policy policy;
};

TEST(ProbationTable, HoldsTwoMiBForEachWorker) {
  EXPECT_EQ(ProbationTable::bytes_for(), 65'536U * 32);
  EXPECT_EQ(ProbationTable::bytes_for(1), 128U);
}

TEST(ProbationTable, RemembersTheFirstPacket) {
  Fixture f;
  EXPECT_EQ(f.find(Fixture::key(1), 5), nullptr);
  ProbationEntry* const entry = f.open(Fixture::key(1), 5).entry;
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(f.find(Fixture::key(1), 6), entry);
  EXPECT_EQ(entry->key, Fixture::key(1).value);
  EXPECT_EQ(entry->opened_ms, 5U);
  EXPECT_EQ(entry->sequence, 1000U);
  EXPECT_EQ(entry->backend, kBackend);
  EXPECT_EQ(entry->kind, Kind::syn);
  EXPECT_EQ(entry->retransmissions, 0);
  EXPECT_TRUE(entry->chosen_by_slot);
  EXPECT_EQ(f.find(Fixture::key(2), 6), nullptr);
  EXPECT_TRUE(f.table.holds(Fixture::key(1), Half::tcp));
  EXPECT_FALSE(f.table.holds(Fixture::key(1), Half::udp));
  EXPECT_FALSE(f.table.holds(Fixture::key(2), Half::tcp));
  EXPECT_EQ(f.find(Fixture::key(1), 6, Half::udp), nullptr);
  EXPECT_EQ(f.table.entries(), 1U);
  f.table.remove(entry);
  EXPECT_EQ(f.find(Fixture::key(1), 6), nullptr);
  EXPECT_EQ(f.table.entries(), 0U);
  EXPECT_TRUE(f.policy.log.empty());
}

TEST(ProbationTable, EachKindLivesAsLongAsItsPolicySays) {
  for (const Kind kind : {Kind::syn, Kind::mid_flow, Kind::udp}) {
    Fixture f;
    const Half half = kind == Kind::udp ? Half::udp : Half::tcp;
    const uint32_t opened = 0xffff'f000;  // the milliseconds wrap on the way
    const uint32_t last = opened + Policy::lifetime_ms(kind);
    f.open(Fixture::key(1), opened, kind);
    EXPECT_NE(f.find(Fixture::key(1), last, half), nullptr);
    EXPECT_EQ(f.find(Fixture::key(1), last + 1, half), nullptr);
    EXPECT_EQ(f.policy.log, (std::vector<Policy::Ended>{{Fixture::key(1).value, EndReason::expired}}));
    EXPECT_EQ(f.table.entries(), 0U);
    EXPECT_EQ(f.find(Fixture::key(1), last + 1, half), nullptr);
    EXPECT_EQ(f.policy.log.size(), 1U);
  }
}

TEST(ProbationTable, ARepeatedSynDoesNotLiveLonger) {
  Fixture f;
  ProbationEntry* const entry = f.open(Fixture::key(1), 0).entry;
  for (uint32_t i = 0; i < 300; ++i)
    repeat_syn(*f.find(Fixture::key(1), 9'000), 2000);
  EXPECT_EQ(entry->retransmissions, 255);
  EXPECT_EQ(entry->sequence, 2000U);
  EXPECT_EQ(f.find(Fixture::key(1), kSynMs + 1), nullptr);
}

TEST(ProbationTable, TheHalvesDoNotForgetEachOther) {
  Fixture f;
  f.open(Fixture::key(1), 0, Kind::udp);
  f.open(Fixture::key(2), 0, Kind::udp);
  for (uint32_t flow = 10; flow < 50; ++flow)
    f.open(Fixture::key(flow), 0);
  EXPECT_NE(f.find(Fixture::key(1), 0, Half::udp), nullptr);
  EXPECT_NE(f.find(Fixture::key(2), 0, Half::udp), nullptr);
  EXPECT_TRUE(f.forgetting(0));
  EXPECT_FALSE(f.table.forgetting(Fixture::key(1), Half::udp, 0));
}

struct Overwriting {
  const char* what;
  Kind kinds[2];
  bool by_slot[2];
  uint32_t ages_ms[2];
  int forgets;  // 0, 1, or -1: the opening is not remembered
};

constexpr Overwriting kOverwritings[] = {
    {"the older of two by slot", {Kind::syn, Kind::syn}, {true, true}, {200, 100}, 0},
    {"the older of two by slot, in the second place", {Kind::syn, Kind::syn}, {true, true}, {100, 200}, 1},
    {"the one by slot though it is younger", {Kind::syn, Kind::syn}, {false, true}, {9'000, 100}, 1},
    {"mid-flow is as good as by slot", {Kind::mid_flow, Kind::syn}, {false, false}, {10, 9'000}, 0},
    {"the older of a mid-flow one and one by slot",
     {Kind::mid_flow, Kind::syn},
     {false, true},
     {10, 9'000},
     1},
    {"by slot goes before one chosen otherwise 10 s ago",
     {Kind::syn, Kind::syn},
     {true, false},
     {1, 10'000},
     0},
    {"chosen otherwise, 10 s ago", {Kind::syn, Kind::syn}, {false, false}, {9'999, 10'000}, 1},
    {"chosen otherwise, both less than 10 s ago", {Kind::syn, Kind::syn}, {false, false}, {9'999, 9'998}, -1},
};

TEST(ProbationTable, OverwritesWhatCostsLeast) {
  constexpr uint32_t kNow = 50'000;
  for (const Overwriting& row : kOverwritings) {
    SCOPED_TRACE(row.what);
    Fixture f;
    const FlowKey keys[] = {Fixture::key(1, 21), Fixture::key(2, 22)};
    for (const size_t i : {size_t{0}, size_t{1}}) {
      ASSERT_EQ(f.open(keys[i], kNow, row.kinds[i], row.by_slot[i]).entry, &f.memory[0].entries[i]);
      f.memory[0].entries[i].opened_ms = kNow - row.ages_ms[i];
    }
    EXPECT_FALSE(f.forgetting(kNow));
    const auto opening = f.open(Fixture::key(3, 23), kNow);
    EXPECT_TRUE(f.forgetting(kNow));
    EXPECT_TRUE(f.forgetting(kNow + kForgettingMs - 1));
    EXPECT_FALSE(f.forgetting(kNow + kForgettingMs));
    EXPECT_EQ(f.table.entries(), 2U);
    if (row.forgets < 0) {
      EXPECT_EQ(opening.entry, nullptr);
      EXPECT_EQ(opening.forgotten, 0);
      EXPECT_TRUE(f.policy.log.empty());
      EXPECT_EQ(f.find(Fixture::key(3, 23), kNow), nullptr);
    } else {
      EXPECT_EQ(opening.entry, &f.memory[0].entries[row.forgets]);
      EXPECT_EQ(opening.forgotten, 21 + row.forgets);
      EXPECT_EQ(f.policy.log, (std::vector<Policy::Ended>{{keys[row.forgets].value, EndReason::forgotten}}));
      EXPECT_EQ(f.find(keys[row.forgets], kNow), nullptr);
      EXPECT_NE(f.find(keys[1 - row.forgets], kNow), nullptr);
      EXPECT_NE(f.find(Fixture::key(3, 23), kNow), nullptr);
    }
  }
}

TEST(ProbationTable, AnExpiredEntryIsNotAForgottenOne) {
  Fixture f;
  f.open(Fixture::key(1), 0);
  f.open(Fixture::key(2), 9'000);
  const auto opening = f.open(Fixture::key(3), kSynMs + 1);
  EXPECT_EQ(opening.entry, &f.memory[0].entries[0]);
  EXPECT_EQ(opening.forgotten, 0);
  EXPECT_FALSE(f.forgetting(kSynMs + 1));
  EXPECT_EQ(f.policy.log, (std::vector<Policy::Ended>{{Fixture::key(1).value, EndReason::expired}}));
}

TEST(ProbationTable, ALineIsMarkedForAFlowThatFoundNoConnectionEntry) {
  Fixture f;
  EXPECT_FALSE(f.forgetting(0));
  f.table.mark_forgetting(Fixture::key(1), Half::tcp, 0);
  EXPECT_TRUE(f.forgetting(9'999));
  EXPECT_FALSE(f.forgetting(10'000));
  f.table.sweep(2, 10'000, f.policy);
  EXPECT_FALSE(f.forgetting(0));  // also when the milliseconds have wrapped: swept marks are gone
}

TEST(ProbationTable, SweepClearsWhatIsTooOld) {
  Fixture f(ProbationTable::bytes_for(64));
  uint32_t alive = 0;
  for (uint32_t flow = 0; flow < 20; ++flow)
    f.open(Fixture::key(flow), flow < 10 ? 0 : 5'000);
  alive = static_cast<uint32_t>(f.table.entries());
  f.policy.log.clear();
  uint32_t expired = 0;
  for (int call = 0; call < 4; ++call)
    expired += f.table.sweep(f.table.lines() / 4, 12'000, f.policy).expired;
  EXPECT_EQ(f.table.passes(), 1U);
  EXPECT_EQ(expired, f.policy.log.size());
  EXPECT_EQ(f.table.entries(), alive - expired);
  for (uint32_t flow = 0; flow < 10; ++flow)
    EXPECT_EQ(f.find(Fixture::key(flow), 0), nullptr);
  EXPECT_GT(f.table.entries(), 0U);
}

struct Promotion {
  const char* what;
  Kind kind;
  uint8_t flags;
  uint32_t sequence;  // the SYN's is 0xfffffff0
  bool promotes;
};

constexpr uint32_t kSynSequence = 0xffff'fff0;
constexpr Promotion kPromotions[] = {
    {"the handshake's ACK", Kind::syn, tcp_flag::kAck, kSynSequence + 1, true},
    {"data that overtook it, over the wrap", Kind::syn, tcp_flag::kAck, 1000, true},
    {"2^20 ahead", Kind::syn, tcp_flag::kAck, kSynSequence + (1U << 20U), true},
    {"2^20 + 1 ahead", Kind::syn, tcp_flag::kAck, kSynSequence + (1U << 20U) + 1, false},
    {"the SYN's own number", Kind::syn, tcp_flag::kAck, kSynSequence, false},
    {"behind", Kind::syn, tcp_flag::kAck, kSynSequence - 1, false},
    {"SYN again", Kind::syn, tcp_flag::kSyn, kSynSequence + 1, false},
    {"RST", Kind::syn, tcp_flag::kRst, kSynSequence + 1, false},
    {"RST with ACK", Kind::syn, tcp_flag::kRst | tcp_flag::kAck, kSynSequence + 1, false},
    {"FIN", Kind::syn, tcp_flag::kFin | tcp_flag::kAck, kSynSequence + 1, true},
    {"mid-flow, any number", Kind::mid_flow, tcp_flag::kAck, 12345, true},
    {"mid-flow, no flags", Kind::mid_flow, 0, 0, true},
    {"mid-flow, RST", Kind::mid_flow, tcp_flag::kRst, 0, false},
    {"mid-flow, SYN", Kind::mid_flow, tcp_flag::kSyn, 0, false},
    {"UDP", Kind::udp, 0, 0, true},
};

TEST(ProbationTable, PromotesTheClientsNextPacket) {
  for (const Promotion& row : kPromotions) {
    ProbationEntry entry;
    entry.kind = row.kind;
    entry.sequence = kSynSequence;
    EXPECT_EQ(promotes(entry, row.flags, row.sequence), row.promotes) << row.what;
  }
}

// Random operations against a map of all that should be remembered: a flow that is found is the one that was
// opened, and one that isn't was expired, forgotten or removed, as the policy was told.
TEST(ProbationTable, AgreesWithAModel) {
  struct Remembered {
    uint32_t opened_ms;
    uint16_t backend;
    Kind kind;
  };
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Fixture f(ProbationTable::bytes_for(64));
  std::map<std::pair<uint64_t, bool>, Remembered> model;
  uint32_t now_ms = 0xffff'0000;
  for (int step = 0; step < 300'000; ++step) {
    if (random() % 8 == 0) now_ms += static_cast<uint32_t>(random() % 500);
    const bool udp = random() % 3 == 0;
    const Half half = udp ? Half::udp : Half::tcp;
    const FlowKey key = Fixture::key(static_cast<uint32_t>(random() % 150));
    f.policy.log.clear();
    ProbationEntry* entry = f.find(key, now_ms, half);
    const auto known = model.find({key.value, udp});
    const bool alive =
        known != model.end() && now_ms - known->second.opened_ms <= Policy::lifetime_ms(known->second.kind);
    ASSERT_EQ(entry != nullptr, alive) << step;
    if (known != model.end() && !alive) model.erase(known);
    if (entry != nullptr) {
      ASSERT_EQ(entry->backend.raw, known->second.backend);
      ASSERT_EQ(entry->opened_ms, known->second.opened_ms);
      if (random() % 4 == 0) {
        f.table.remove(entry);
        model.erase(known);
      }
    } else {
      const Kind kind = udp ? Kind::udp : random() % 2 == 0 ? Kind::syn : Kind::mid_flow;
      const auto backend = static_cast<uint16_t>(random());
      f.policy.log.clear();
      const auto opening =
          f.table.open(key, half, kind, BackendRef{backend}, 0, random() % 2 == 0, now_ms, f.policy);
      for (const Policy::Ended& ended : f.policy.log)
        ASSERT_EQ(model.erase({ended.key, udp}), 1U);
      if (opening.entry != nullptr) model[{key.value, udp}] = {now_ms, backend, kind};
      ASSERT_EQ(opening.forgotten != 0,
                !f.policy.log.empty() && f.policy.log.back().why == EndReason::forgotten);
      ASSERT_TRUE(opening.entry != nullptr || f.table.forgetting(key, half, now_ms));
    }
    ASSERT_EQ(f.table.entries(), model.size());
  }
}

}  // namespace
}  // namespace shunt
