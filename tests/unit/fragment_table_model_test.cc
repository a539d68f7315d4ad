// The fragment table against a model that keeps every byte of every datagram by itself. Random fragments,
// firsts, releases and time; with room for all every answer is compared, without it what must hold always:
// no frame is lost uncounted, nothing grows beyond its bound.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>

#include "tests/unit/fragment_table_fixture.h"

namespace shunt::fragment_table_test {
namespace {

constexpr unsigned kBytes = 256;  // of a model datagram

struct Datagram {
  uint64_t since = 0;
  bool dead = false;
  bool decided = false;
  std::set<std::pair<unsigned, unsigned>> parts;
  std::vector<bool> came = std::vector<bool>(kBytes);
  unsigned end = 0;  // 0: unknown
  std::deque<std::vector<uint8_t>> held;
};

class Model {
 public:
  FragmentFit add(Datagram& datagram, const FragmentPart& part) {
    if (datagram.dead) return FragmentFit::overlaps;
    if (datagram.parts.contains({part.begin, part.end})) return FragmentFit::duplicate;
    bool clashes = datagram.end != 0 && (part.end > datagram.end || !part.more);
    for (unsigned byte = part.begin; byte < part.end; ++byte)
      clashes = clashes || datagram.came[byte];
    for (unsigned byte = part.end; byte < kBytes && !part.more; ++byte)
      clashes = clashes || datagram.came[byte];
    if (clashes) {
      datagram.dead = true;
      return FragmentFit::overlaps;
    }
    datagram.parts.insert({part.begin, part.end});
    for (unsigned byte = part.begin; byte < part.end; ++byte)
      datagram.came[byte] = true;
    if (!part.more) datagram.end = part.end;
    return FragmentFit::fits;
  }
};

class ModelRun {
 public:
  ModelRun(uint32_t seed, const FragmentLimits& limits, uint32_t keys, bool exact)
      : random_(seed), fixture_(limits), limits_(limits), keys_(keys), exact_(exact) {}

  void steps(unsigned count) {
    for (unsigned i = 0; i < count && !testing::Test::HasFailure(); ++i) {
      if (below(20) == 0) now_ += below(kTime / 2);
      if (below(10) == 0) expire();
      if (below(6) == 0) release();
      fragment();
      check_bounds();
    }
    table().clear();
    count_losses();
    EXPECT_EQ(held_, released_ + lost_);
    EXPECT_EQ(table().free_blocks(), table().blocks());
    EXPECT_TRUE(table().empty());
  }

 private:
  FragmentTable& table() { return fixture_.table; }
  uint32_t below(uint64_t bound) { return static_cast<uint32_t>(random_() % bound); }

  FragmentPart random_part(uint64_t number) {
    const unsigned begin = 8 * below(kBytes / 8 - 4) * (below(3) == 0 ? 0U : 1U);
    const unsigned end = begin + 8 * (1 + below(4));
    return {key(number), static_cast<uint16_t>(begin), static_cast<uint16_t>(end), below(5) != 0};
  }

  void fragment() {
    const uint64_t number = below(keys_);
    const FragmentPart part = random_part(number);
    // A model datagram whose time is over is forgotten as the table's is, unless its frames are on their way.
    if (const auto old = model_.find(number); old != model_.end() && is_over(old->second)) model_.erase(old);
    const auto handle = table().find_or_add(part.key, now_);
    if (handle == nullptr) {
      EXPECT_FALSE(exact_);
      return;
    }
    const auto [at, fresh] = model_.try_emplace(number);
    Datagram& known = at->second;
    if (fresh) known.since = now_;
    const FragmentFit fit = table().add(handle, part);
    const FragmentFit wanted = rules_.add(known, part);
    if (exact_) {
      ASSERT_EQ(static_cast<int>(fit), static_cast<int>(wanted)) << number;
      ASSERT_EQ(table().way(handle).kind == FragmentWay::Kind::unknown, !known.decided);
    }
    if (fit == FragmentFit::overlaps) known.held.clear();
    if (fit == FragmentFit::fits) place(handle, known, part);
    count_losses();
  }

  void place(FragmentTable::Handle handle, Datagram& known, const FragmentPart& part) {
    if (part.is_first()) {
      table().decide(handle, punt());
      known.decided = true;
      return;
    }
    if (table().way(handle).kind != FragmentWay::Kind::unknown) return;
    const auto bytes = frame(1 + below(1500), static_cast<uint8_t>(below(256)));
    if (!table().hold(handle, 0, bytes)) {
      EXPECT_FALSE(exact_);
      return;
    }
    ++held_;
    known.held.push_back(bytes);
  }

  void release() {
    while (const auto held = table().front()) {
      std::vector<uint8_t> bytes(held->bytes);
      table().copy_front(bytes.data());
      table().pop();
      ++released_;
      EXPECT_TRUE(!exact_ || take_from_model(bytes));
    }
  }
  bool take_from_model(const std::vector<uint8_t>& bytes) {
    for (auto& [number, datagram] : model_) {
      if (!datagram.decided || datagram.held.empty() || datagram.held.front() != bytes) continue;
      datagram.held.pop_front();
      return true;
    }
    return false;
  }

  void expire() {
    release();  // else what is to be released would outlive its time
    table().expire(now_);
    count_losses();
  }
  bool is_over(const Datagram& datagram) const {
    return now_ - datagram.since >= kTime && (datagram.held.empty() || !datagram.decided);
  }
  void count_losses() {
    const auto [limit, overlap] = table().take_losses();
    lost_ += limit + overlap;
  }
  void check_bounds() {
    ASSERT_EQ(held_, released_ + lost_ + table().held_frames());
    ASSERT_LE(table().datagrams(), limits_.datagrams);
    ASSERT_LE(table().free_blocks(), table().blocks());
  }

  std::mt19937_64 random_;
  Fixture fixture_;
  FragmentLimits limits_;
  uint32_t keys_;
  bool exact_;
  uint64_t now_ = 5'000'000;
  Model rules_;
  std::map<uint64_t, Datagram> model_;
  uint64_t held_ = 0;
  uint64_t released_ = 0;
  uint64_t lost_ = 0;
};

TEST(FragmentTableModel, WithRoomForAllEveryAnswerAgrees) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    ModelRun(seed, {200, 4 << 20, kTime}, 60, true).steps(4000);
  }
}

TEST(FragmentTableModel, WithoutRoomNothingIsLostUncounted) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    ModelRun(seed, {16, 16 << 10, kTime}, 100, false).steps(4000);
  }
}

}  // namespace
}  // namespace shunt::fragment_table_test
