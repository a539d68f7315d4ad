#include "control/rendezvous.h"

#include <array>
#include <bit>

namespace shunt {
namespace {

constexpr uint64_t kOne = uint64_t{1} << 32U;  // fixed point: 32 bits behind it
constexpr unsigned kLogBits = 8;

// log2(1 + i / 256), a bit at a time: squaring doubles the logarithm.
constexpr std::array<uint64_t, (1U << kLogBits) + 1> log2_table() {
  std::array<uint64_t, (1U << kLogBits) + 1> table{};
  for (uint64_t i = 0; i < table.size() - 1; ++i) {
    uint64_t x = ((uint64_t{1} << kLogBits) + i) << (31 - kLogBits);  // 1 … 2, 31 bits behind the point
    uint64_t log = 0;
    for (unsigned bit = 0; bit < 32; ++bit) {
      x = (x * x) >> 31U;
      const bool doubled = x >= uint64_t{1} << 32U;
      log = log << 1U | (doubled ? 1U : 0U);
      if (doubled) x >>= 1U;
    }
    table[i] = log;
  }
  table.back() = kOne;
  return table;
}
constexpr auto kLog2 = log2_table();

// −log2(u) for u = random / 2^64: exponentially distributed, mean kOne / ln 2. Between the table's points on
// a straight line, which is within 3 in a million.
uint64_t exponential(uint64_t random) {
  random |= 1U;
  const auto zeros = static_cast<unsigned>(std::countl_zero(random));
  const uint64_t mantissa = random << zeros << 1U;  // without its first bit, which is 1
  const size_t at = mantissa >> (64 - kLogBits);
  const uint64_t between = (mantissa << kLogBits) >> 32U;
  const uint64_t fraction = kLog2[at] + (((kLog2[at + 1] - kLog2[at]) * between) >> 32U);
  return (zeros + 1) * kOne - fraction;
}

// A member's darts, one after the other.
class Thrower {
 public:
  Thrower(const SlotMember& member, uint32_t slots, const HashKey& cluster_key)
      : key_(cluster_key),
        name_(name_hash(member, cluster_key)),
        slots_(slots),
        weight_(weight_of(member)),
        number_(member.number) {
    throw_next();
  }

  uint64_t instant() const { return instant_; }
  uint32_t slot() const { return slot_; }
  uint16_t number() const { return number_; }
  void throw_next() {
    const Hash128 random = keyed_hash(key_, name_.low, name_.high + count_++);
    instant_ += exponential(random.low) / weight_;
    slot_ = scale_to(static_cast<uint32_t>(random.high >> 32U), slots_);
  }

 private:
  const HashKey& key_;
  Hash128 name_;
  uint64_t count_ = 0;
  uint64_t instant_ = 0;
  uint32_t slots_;
  uint32_t weight_;
  uint32_t slot_ = 0;
  uint16_t number_;
};

// Whose dart came first, by slot. Equal instants: the earlier member.
struct Board {
  explicit Board(uint32_t slots) : owners(slots), first(slots, UINT64_MAX), empty(slots) {}

  void take_until(Thrower& thrower, uint64_t end) {
    for (; thrower.instant() < end; thrower.throw_next()) {
      uint64_t& best = first[thrower.slot()];
      if (thrower.instant() >= best) continue;
      if (best == UINT64_MAX) --empty;
      best = thrower.instant();
      owners[thrower.slot()] = thrower.number();
    }
  }

  std::vector<uint16_t> owners;
  std::vector<uint64_t> first;
  uint32_t empty;
};

void give_everybody_one(std::span<const SlotMember> ordered, uint32_t slots, const HashKey& cluster_key,
                        std::vector<uint16_t>& owners) {
  std::vector<uint32_t> owned(kMaxSlotMembers);
  for (const uint16_t owner : owners)
    ++owned[owner];
  for (const SlotMember& member : ordered) {
    if (owned[member.number] != 0) continue;
    Thrower thrower(member, slots, cluster_key);
    while (owned[owners[thrower.slot()]] < 2)
      thrower.throw_next();
    --owned[owners[thrower.slot()]];
    ++owned[member.number];
    owners[thrower.slot()] = member.number;
  }
}

}  // namespace

std::vector<uint16_t> build_rendezvous(std::span<const SlotMember> members, uint32_t slots,
                                       const HashKey& cluster_key) {
  if (!fits_slots(members.size(), slots)) return {};
  const std::vector<SlotMember> ordered = in_order(members);
  std::vector<Thrower> throwers;
  throwers.reserve(ordered.size());
  uint64_t weights = 0;
  for (const SlotMember& member : ordered) {
    throwers.emplace_back(member, slots, cluster_key);
    weights += weight_of(member);
  }
  // After ln(slots) darts for each slot one is still empty, on average. How far one looks at a time makes no
  // difference to the table.
  __extension__ using uint128 = unsigned __int128;
  const uint128 a_dart_for_each = uint128{slots} * kOne * 13 / (uint128{weights} * 9);  // 1 / ln 2: 13 / 9
  uint32_t darts = static_cast<uint32_t>(std::bit_width(slots)) * 7 / 10 + 1;
  Board board(slots);
  for (; board.empty != 0; ++darts) {
    const auto end = static_cast<uint64_t>(a_dart_for_each * darts);
    for (Thrower& thrower : throwers)
      board.take_until(thrower, end);
  }
  give_everybody_one(ordered, slots, cluster_key, board.owners);
  return std::move(board.owners);
}

}  // namespace shunt
