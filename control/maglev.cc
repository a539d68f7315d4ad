#include "control/maglev.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <tuple>
#include <utility>

namespace shunt {
namespace {

uint64_t weight_of(const SlotMember& member) {
  return std::max<uint64_t>(member.weight, 1);
}

// A member's walk over all slots: position, position + skip, … mod slots (a permutation, because slots is
// prime).
struct Walk {
  uint32_t position;
  uint32_t skip;
};

Walk walk_of(const SlotMember& member, uint32_t slots, const HashKey& cluster_key) {
  uint8_t name[18];
  std::memcpy(name, member.address.bytes().data(), 16);
  store(name + 16, be16(member.port));
  const Hash128 hash = keyed_hash(cluster_key, name, sizeof name);
  const auto random = [](uint64_t word) { return static_cast<uint32_t>(word >> 32U); };
  return {scale_to(random(hash.low), slots), 1 + scale_to(random(hash.high), slots - 1)};
}

// The slots that nobody has yet, a bit each: 8 KiB for 65,537, so that the walks stay in the first cache
// level.
class FreeSlots {
 public:
  explicit FreeSlots(uint32_t slots) : slots_(slots), taken_(slots / 64 + 1) {}

  // Goes on to the walk's next free slot and takes it. Four steps are looked at together: the walk is mostly
  // over taken slots, of a length that no branch predictor can guess (walks: 1,800 instead of 2,400 thousand
  // ticks for 65,537 slots).
  uint32_t take_next(Walk& walk) {
    const uint32_t skip2 = after(walk.skip, walk.skip);
    const uint32_t skip4 = after(skip2, skip2);
    uint32_t next[4] = {walk.position, after(walk.position, walk.skip), after(walk.position, skip2), 0};
    next[3] = after(next[1], skip2);
    for (;;) {
      const uint64_t free =
          free_bit(next[0]) | free_bit(next[1]) << 1U | free_bit(next[2]) << 2U | free_bit(next[3]) << 3U;
      if (free != 0) {
        const uint32_t slot = next[std::countr_zero(free)];
        taken_[slot / 64] |= uint64_t{1} << (slot % 64);
        walk.position = after(slot, walk.skip);
        return slot;
      }
      for (uint32_t& slot : next)
        slot = after(slot, skip4);
    }
  }

  std::vector<uint32_t> list() const {
    std::vector<uint32_t> slots;
    for (uint32_t slot = 0; slot < slots_; ++slot) {
      if (free_bit(slot) != 0) slots.push_back(slot);
    }
    return slots;
  }

 private:
  uint64_t free_bit(uint32_t slot) const { return (~taken_[slot / 64] >> (slot % 64)) & 1U; }
  uint32_t after(uint32_t slot, uint32_t skip) const {
    const uint32_t next = slot + skip;
    return std::min(next, next - slots_);  // the second is huge unless next >= slots
  }

  uint32_t slots_;
  std::vector<uint64_t> taken_;
};

// The number that makes 1 with `number` mod the prime `slots`: Euclid's algorithm, with the one factor that
// is needed.
uint32_t inverse(uint32_t number, uint32_t slots) {
  int64_t factor = 0;
  int64_t next_factor = 1;
  int64_t rest = slots;
  int64_t next_rest = number;
  while (next_rest != 0) {
    const int64_t times = rest / next_rest;
    factor = std::exchange(next_factor, factor - times * next_factor);
    rest = std::exchange(next_rest, rest - times * next_rest);
  }
  return static_cast<uint32_t>(factor < 0 ? factor + slots : factor);
}

// The same as take_next, for the last few free slots: a slot is (slot − position) / skip steps away, mod
// slots. Walking would pass slots / free taken ones to find each: more than half of all steps go for the last
// 256 slots.
constexpr size_t kComputedSlots = 256;

uint32_t take_nearest(const Walk& walk, std::vector<uint32_t>& free, uint32_t slots) {
  const uint64_t unskip = inverse(walk.skip, slots);
  size_t nearest = 0;
  uint64_t least = slots;
  for (size_t i = 0; i < free.size(); ++i) {
    const uint64_t steps = (free[i] + slots - walk.position) * unskip % slots;
    if (steps >= least) continue;
    least = steps;
    nearest = i;
  }
  const uint32_t slot = free[nearest];
  free[nearest] = free.back();
  free.pop_back();
  return slot;
}

// Whose turn it is, `slots` turns long. Turn j of a member with quota q comes at (j + ½) / q of the whole, so
// each is always within a turn of its share; who comes at once goes by the order of members. A counting sort
// by that instant.
std::vector<uint16_t> turns(std::span<const uint32_t> quotas, uint32_t slots) {
  std::vector<uint32_t> starts(size_t{slots} + 1);
  const auto for_each_turn = [&](auto&& visit) {
    for (size_t member = 0; member < quotas.size(); ++member) {
      const uint64_t step = (uint64_t{slots} << 32U) / quotas[member];
      uint64_t instant = step / 2;
      for (uint32_t turn = 0; turn < quotas[member]; ++turn, instant += step)
        visit(member, instant >> 32U);
    }
  };
  for_each_turn([&](size_t, uint64_t instant) { ++starts[instant + 1]; });
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<uint16_t> order(slots);
  for_each_turn(
      [&](size_t member, uint64_t instant) { order[starts[instant]++] = static_cast<uint16_t>(member); });
  return order;
}

// By address and port. As numbers: comparing 16,383 addresses byte by byte would take longer than all the
// rest.
std::vector<SlotMember> in_order(std::span<const SlotMember> members) {
  struct Place {
    uint64_t words[2];
    uint32_t family_and_port;
    uint32_t index;
  };
  std::vector<Place> places;
  places.reserve(members.size());
  for (const SlotMember& member : members) {
    const uint8_t* bytes = member.address.bytes().data();
    const uint32_t last = (static_cast<uint32_t>(member.address.family()) << 16U) | member.port;
    const auto index = static_cast<uint32_t>(places.size());
    places.push_back({{load<be64>(bytes).host(), load<be64>(bytes + 8).host()}, last, index});
  }
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tie(a.words[0], a.words[1], a.family_and_port) <
           std::tie(b.words[0], b.words[1], b.family_and_port);
  });
  std::vector<SlotMember> ordered;
  ordered.reserve(members.size());
  for (const Place& place : places)
    ordered.push_back(members[place.index]);
  return ordered;
}

}  // namespace

bool is_prime(uint32_t number) {
  if (number < 4) return number >= 2;
  if (number % 2 == 0) return false;
  for (uint32_t divisor = 3; uint64_t{divisor} * divisor <= number; divisor += 2) {
    if (number % divisor == 0) return false;
  }
  return true;
}

std::vector<uint32_t> slot_quotas(std::span<const SlotMember> members, uint32_t slots) {
  std::vector<uint32_t> quotas(members.size());
  if (members.size() > slots) return quotas;
  uint64_t left = slots;
  uint64_t weights = 0;
  for (const SlotMember& member : members)
    weights += weight_of(member);
  for (bool settled = false; !settled;) {
    settled = true;
    const uint64_t share_of_all = left;
    const uint64_t weight_of_all = weights;
    for (size_t i = 0; i < members.size(); ++i) {
      if (quotas[i] != 0 || weight_of(members[i]) * share_of_all >= weight_of_all) continue;
      quotas[i] = 1;
      left -= 1;
      weights -= weight_of(members[i]);
      settled = false;
    }
  }
  std::vector<std::pair<uint64_t, size_t>> remainders;
  uint64_t spread = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    if (quotas[i] != 0) continue;
    const uint64_t share = weight_of(members[i]) * left;
    quotas[i] = static_cast<uint32_t>(share / weights);
    spread += quotas[i];
    remainders.emplace_back(share % weights, i);
  }
  const auto larger = [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  };
  std::sort(remainders.begin(), remainders.end(), larger);
  for (size_t i = 0; spread < left && i < remainders.size(); ++i, ++spread)
    ++quotas[remainders[i].second];
  return quotas;
}

std::vector<uint16_t> build_maglev(std::span<const SlotMember> members, uint32_t slots,
                                   const HashKey& cluster_key) {
  if (members.empty() || members.size() > slots || !is_prime(slots)) return {};
  const std::vector<SlotMember> ordered = in_order(members);
  std::vector<Walk> walks;
  walks.reserve(ordered.size());
  for (const SlotMember& member : ordered)
    walks.push_back(walk_of(member, slots, cluster_key));
  const std::vector<uint16_t> order = turns(slot_quotas(ordered, slots), slots);
  const size_t walked = slots - std::min<size_t>(kComputedSlots, slots);

  std::vector<uint16_t> owners(slots);
  FreeSlots free_slots(slots);
  for (size_t turn = 0; turn < walked; ++turn) {
    owners[free_slots.take_next(walks[order[turn]])] = ordered[order[turn]].number;
  }
  std::vector<uint32_t> last = free_slots.list();
  for (size_t turn = walked; turn < slots; ++turn) {
    owners[take_nearest(walks[order[turn]], last, slots)] = ordered[order[turn]].number;
  }
  return owners;
}

}  // namespace shunt
