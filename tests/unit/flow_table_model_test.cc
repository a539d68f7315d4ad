// The connection table against a model: a map with times of its own, which knows which buckets a flow may use
// and nothing of hints, slots or 13-bit seconds. Random operations on tables so small that spills, evictions
// and full buckets are common; every answer is compared.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataplane/flow_table.h"
#include "tests/unit/flow_table_fixture.h"

namespace shunt::flow_table_test {
namespace {

using Outcome = FlowTable::Outcome;
using Flag = FlowTable::Flag;

class Model {
 public:
  struct Flow {
    BackendRef backend;
    TcpState state;
    uint64_t second;
    uint32_t bucket;
  };

  explicit Model(uint32_t buckets) : in_bucket_(buckets) {}

  Flow* find(uint64_t value) {
    const auto at = flows_.find(value);
    return at == flows_.end() ? nullptr : &at->second;
  }
  static bool expired(uint64_t value, const Flow& flow, uint64_t now) {
    return now - flow.second >= timeout_of(value, flow.state);
  }
  void add(uint64_t value, const Flow& flow) {
    flows_.emplace(value, flow);
    in_bucket_[flow.bucket].push_back(value);
  }
  void remove(uint64_t value) {
    std::erase(in_bucket_[flows_.at(value).bucket], value);
    flows_.erase(value);
  }
  size_t size() const { return flows_.size(); }
  // How many of a bucket's flows can't make room, and the longest idle time among them.
  size_t live_in(uint32_t bucket, uint64_t now, uint64_t& longest_idle) const {
    size_t live = 0;
    for (const uint64_t value : in_bucket_[bucket]) {
      const Flow& flow = flows_.at(value);
      if (expired(value, flow, now)) continue;
      ++live;
      longest_idle = std::max(longest_idle, now - flow.second);
    }
    return live;
  }
  bool any_expired(uint64_t now) const {
    return std::any_of(flows_.begin(), flows_.end(),
                       [now](const auto& each) { return expired(each.first, each.second, now); });
  }

 private:
  std::unordered_map<uint64_t, Flow> flows_;
  std::vector<std::vector<uint64_t>> in_bucket_;
};

class ModelRun {
 public:
  ModelRun(uint64_t seed, uint32_t buckets, uint64_t start)
      : random_(seed), buckets_(buckets), now_(start), f_(buckets), model_(buckets) {
    const uint32_t universe = buckets * 8;  // 1.6 times what fits, so that full buckets are common
    for (uint32_t i = 0; i < universe; ++i)
      keys_.push_back(flow(below(1U << 20U), static_cast<uint16_t>(1 + i % 2)));
  }

  void steps(int count) {
    for (int i = 0; i < count && !::testing::Test::HasFatalFailure(); ++i) {
      const uint32_t choice = below(100);
      if (choice < 35) {
        insert(any_key());
      } else if (choice < 60) {
        compare(any_key());
      } else if (choice < 72) {
        touch(any_key());
      } else if (choice < 77) {
        erase(any_key());
      } else if (choice < 84) {
        sweep(1 + below(buckets_));
      } else if (choice < 88) {
        find_burst();
      } else {
        pass_time();
      }
      ASSERT_EQ(f_.table.entries(), model_.size());
    }
  }

  uint64_t full = 0, evicted = 0, spilled = 0, expired = 0, replaced = 0;

 private:
  uint32_t now() const { return static_cast<uint32_t>(now_); }
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
  const FlowKey& any_key() { return keys_[below(static_cast<uint32_t>(keys_.size()))]; }
  TcpState any_state() { return static_cast<TcpState>(below(4) == 0 ? below(6) : 1U); }

  void expect_same(const FlowKey& key, FlowTable::Entry entry) {
    const Model::Flow* const flow = model_.find(key.value);
    ASSERT_EQ(static_cast<bool>(entry), flow != nullptr);
    if (flow == nullptr) return;
    ASSERT_EQ(entry.key_value(), key.value);
    ASSERT_EQ(FlowTable::backend(entry), flow->backend);
    ASSERT_EQ(FlowTable::state(entry), flow->state);
    ASSERT_EQ(FlowTable::idle_seconds(entry, now()), now_ - flow->second);
    ASSERT_EQ(f_.bucket_of(entry), flow->bucket);
    ASSERT_EQ(FlowTable::flag(entry, Flag::spilled), flow->bucket != primary_of(key, buckets_));
    ASSERT_EQ(FlowTable::live(entry, now(), f_.policy), !Model::expired(key.value, *flow, now_));
  }
  void compare(const FlowKey& key) { expect_same(key, f_.table.find(key)); }

  void find_burst() {
    std::vector<FlowKey> keys(below(100));
    for (FlowKey& key : keys)
      key = any_key();
    std::vector<FlowTable::Entry> found(keys.size());
    find_all(f_.table, keys, found.data());
    for (size_t i = 0; i < keys.size(); ++i)
      ASSERT_NO_FATAL_FAILURE(expect_same(keys[i], found[i]));
  }

  // What ended must have been there as the table said, for a reason that holds. Gives the reason's idle time.
  void settle(const Ended& ended) {
    const Model::Flow* const flow = model_.find(ended.value);
    ASSERT_NE(flow, nullptr);
    ASSERT_EQ(ended.backend, flow->backend);
    ASSERT_EQ(ended.state, flow->state);
    ASSERT_EQ(ended.why == EndReason::expired, Model::expired(ended.value, *flow, now_));
    expired += ended.why == EndReason::expired ? 1U : 0U;
    last_idle_ = now_ - flow->second;
    model_.remove(ended.value);
  }

  void insert(const FlowKey& key) {
    const uint32_t primary = primary_of(key, buckets_);
    const uint32_t alternate = alternate_of(key, buckets_);
    const Model::Flow* const known = model_.find(key.value);
    const bool was_live = known != nullptr && !Model::expired(key.value, *known, now_);
    uint64_t longest_idle = 0;
    uint32_t wanted = primary;
    Outcome outcome = was_live ? Outcome::replaced : Outcome::inserted;
    if (known != nullptr) {
      wanted = known->bucket;
    } else if (model_.live_in(primary, now_, longest_idle) == 5) {
      wanted = alternate;
      if (model_.live_in(alternate, now_, longest_idle) == 5)
        outcome = longest_idle < 10 ? Outcome::full : Outcome::evicted;
    }
    const BackendRef backend{static_cast<uint16_t>(random_())};
    const TcpState state = any_state();
    f_.policy.log.clear();
    const auto insert = f_.table.insert(key, backend, state, now(), f_.policy);
    ASSERT_EQ(insert.outcome, outcome);
    ASSERT_LE(f_.policy.log.size(), 1U);
    for (const Ended& ended : f_.policy.log)
      ASSERT_NO_FATAL_FAILURE(settle(ended));
    check_outcome(key, insert, longest_idle, wanted);
    if (insert) model_.add(key.value, {backend, state, now_, f_.bucket_of(insert.entry)});
    compare(key);
  }

  void check_outcome(const FlowKey& key, const FlowTable::Insert& insert, uint64_t longest_idle,
                     uint32_t wanted) {
    if (insert.outcome == Outcome::full) {
      ASSERT_FALSE(insert);
      ASSERT_TRUE(f_.policy.log.empty());
      ++full;
      return;
    }
    const uint32_t bucket = f_.bucket_of(insert.entry);
    spilled += bucket != primary_of(key, buckets_) ? 1U : 0U;
    if (insert.outcome == Outcome::evicted) {
      ASSERT_EQ(f_.policy.log.size(), 1U);
      ASSERT_EQ(f_.policy.log[0].why, EndReason::evicted);
      ASSERT_EQ(last_idle_, longest_idle);
      ASSERT_TRUE(bucket == primary_of(key, buckets_) || bucket == alternate_of(key, buckets_));
      ++evicted;
    } else {
      ASSERT_EQ(bucket, wanted);
      replaced += insert.outcome == Outcome::replaced ? 1U : 0U;
    }
  }

  void touch(const FlowKey& key) {
    const auto entry = f_.table.find(key);
    ASSERT_NO_FATAL_FAILURE(expect_same(key, entry));
    if (!entry || !FlowTable::live(entry, now(), f_.policy)) return;
    Model::Flow& flow = *model_.find(key.value);
    flow.state = any_state();
    flow.second = now_;
    FlowTable::touch(entry, flow.state, now());
    if (below(4) != 0) return;
    flow.backend = BackendRef{static_cast<uint16_t>(random_())};
    FlowTable::set_backend(entry, flow.backend);
  }

  void erase(const FlowKey& key) {
    const auto entry = f_.table.find(key);
    ASSERT_NO_FATAL_FAILURE(expect_same(key, entry));
    if (!entry) return;
    f_.table.erase(entry);
    model_.remove(key.value);
  }

  void sweep(uint32_t count) {
    f_.policy.log.clear();
    const auto swept = f_.table.sweep(count, now(), f_.policy);
    ASSERT_EQ(swept.buckets, count);
    ASSERT_EQ(swept.expired, f_.policy.log.size());
    for (const Ended& ended : f_.policy.log) {
      ASSERT_EQ(ended.why, EndReason::expired);
      ASSERT_NO_FATAL_FAILURE(settle(ended));
    }
    if (count >= buckets_) {
      ASSERT_FALSE(model_.any_expired(now_));
    }
  }

  // Mostly a second, now and then minutes; the table's condition is kept: every bucket is swept once in 992
  // s.
  void pass_time() {
    const uint32_t choice = below(400);
    const uint32_t step = choice == 0 ? 1 + below(900) : choice < 10 ? below(30) : below(2);
    now_ += step;
    since_sweep_ += step;
    if (since_sweep_ < kMaxFlowSweepSeconds - 900) return;
    since_sweep_ = 0;
    sweep(buckets_);
  }

  std::mt19937_64 random_;
  uint32_t buckets_;
  uint64_t now_;
  uint64_t since_sweep_ = 0;
  uint64_t last_idle_ = 0;
  Fixture f_;
  Model model_;
  std::vector<FlowKey> keys_;
};

struct Scale {
  uint32_t buckets;
  int operations;
};

TEST(FlowTableModel, AgreesOverTwoMillionOperations) {
  const char* const wanted = std::getenv("SHUNT_TEST_SEED");
  const uint64_t seed = wanted != nullptr ? std::strtoull(wanted, nullptr, 0) : std::random_device{}();
  std::printf("seed %llu (SHUNT_TEST_SEED repeats it)\n", static_cast<unsigned long long>(seed));
  SCOPED_TRACE("SHUNT_TEST_SEED=" + std::to_string(seed));
  uint64_t full = 0, evicted = 0, spilled = 0, expired = 0, replaced = 0;
  // The clock starts where 13 bits, and where 32 bits, are about to wrap.
  for (const uint64_t start : {uint64_t{0}, uint64_t{8'150}, uint64_t{0xffff'ff00}}) {
    for (const Scale scale : {Scale{1, 50'000}, {2, 100'000}, {3, 100'000}, {16, 200'000}, {97, 250'000}}) {
      ModelRun run(seed + start + scale.buckets, scale.buckets, start);
      run.steps(scale.operations);
      ASSERT_FALSE(HasFatalFailure()) << scale.buckets << " buckets from second " << start;
      full += run.full;
      evicted += run.evicted;
      spilled += run.spilled;
      expired += run.expired;
      replaced += run.replaced;
    }
  }
  for (const uint64_t often : {full, evicted, spilled, expired, replaced})
    EXPECT_GT(often, 1'000U);
}

}  // namespace
}  // namespace shunt::flow_table_test
