#include "control/maglev.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

namespace shunt {
namespace {

uint64_t weight_of(const SlotMember& member) {
  return std::max<uint64_t>(member.weight, 1);
}

// A member's walk over all slots: position, position + skip, … mod slots (a permutation, because slots is
// prime). `number` is what the slots it takes say.
struct Walk {
  uint32_t position;
  uint32_t skip;
  uint16_t number;
};

Walk walk_of(const SlotMember& member, uint32_t slots, const HashKey& cluster_key) {
  uint8_t name[18];
  std::memcpy(name, member.address.bytes().data(), 16);
  store(name + 16, be16(member.port));
  const Hash128 hash = keyed_hash(cluster_key, name, sizeof name);
  const auto random = [](uint64_t word) { return static_cast<uint32_t>(word >> 32U); };
  return {scale_to(random(hash.low), slots), 1 + scale_to(random(hash.high), slots - 1), member.number};
}

// The slots that nobody has yet, a bit each: 8 KiB for 65,537, so that the walks stay in the first cache
// level.
class FreeSlots {
 public:
  explicit FreeSlots(uint32_t slots) : slots_(slots), taken_(slots / 64 + 1) {}

  // Goes on to the walk's next free slot and takes it. Four steps are looked at together: the walk is mostly
  // over taken slots, of a length that no branch predictor can guess. Gathers of more don't pay on the
  // machine it was measured on (AMD EPYC): a table's walks take 1.6 million ticks, by eight (AVX2) 1.7, by
  // sixteen (AVX-512) 2.0.
  uint32_t take_next(Walk& walk) {
    const uint32_t skip2 = after(walk.skip, walk.skip);
    const uint32_t skip4 = after(skip2, skip2);
    uint32_t first = walk.position;
    uint32_t second = after(first, walk.skip);
    uint32_t third = after(first, skip2);
    uint32_t fourth = after(second, skip2);
    for (;;) {
      const uint32_t taken1 = taken(first);
      const uint32_t taken2 = taken(second);
      const uint32_t taken3 = taken(third);
      if ((taken1 & taken2 & taken3 & taken(fourth)) == 0) {
        const uint32_t slot =
            either(either(first, second, taken1), either(third, fourth, taken3), taken1 & taken2);
        taken_[slot / 64] |= uint64_t{1} << (slot % 64);
        walk.position = after(slot, walk.skip);
        return slot;
      }
      first = after(first, skip4);
      second = after(second, skip4);
      third = after(third, skip4);
      fourth = after(fourth, skip4);
    }
  }

  std::vector<uint32_t> list() const {
    std::vector<uint32_t> slots;
    for (uint32_t slot = 0; slot < slots_; ++slot) {
      if (taken(slot) == 0) slots.push_back(slot);
    }
    return slots;
  }

 private:
  uint32_t taken(uint32_t slot) const { return static_cast<uint32_t>(taken_[slot / 64] >> (slot % 64)) & 1U; }
  // Never a branch, which would be mispredicted half of the time.
  static uint32_t either(uint32_t a, uint32_t b, uint32_t is_b) { return a ^ ((a ^ b) & (0U - is_b)); }
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
  uint32_t rest = slots;
  uint32_t next_rest = number;
  while (next_rest != 0) {
    const uint32_t times = rest / next_rest;
    factor = std::exchange(next_factor, factor - int64_t{times} * next_factor);
    rest = std::exchange(next_rest, rest - times * next_rest);
  }
  return static_cast<uint32_t>(factor < 0 ? factor + slots : factor);
}

// The same as take_next, for the last few free slots: a slot is (slot − position) / skip steps away,
// mod slots. Walking would pass slots / free taken ones to find each: of 65,537, nearly half of all steps go
// for the last 128 slots. The remainder by Shoup's way: the quotient from a factor scaled beforehand, at most
// 1 too small.
constexpr size_t kComputedSlots = 128;

uint32_t take_nearest(const Walk& walk, std::vector<uint32_t>& free, uint32_t slots) {
  const uint32_t unskip = inverse(walk.skip, slots);
  const auto scaled = static_cast<uint32_t>((uint64_t{unskip} << 32U) / slots);
  const uint32_t origin = slots - walk.position;
  uint32_t least = slots;
  for (const uint32_t slot : free) {
    const uint32_t distance = slot + origin;
    const auto quotient = static_cast<uint32_t>(uint64_t{distance} * scaled >> 32U);
    const uint32_t steps = distance * unskip - quotient * slots;
    least = std::min(least, std::min(steps, steps - slots));
  }
  const auto slot = static_cast<uint32_t>((walk.position + uint64_t{least} * walk.skip) % slots);
  *std::find(free.begin(), free.end(), slot) = free.back();
  free.pop_back();
  return slot;
}

// A key to sort by, most significant word first.
template <size_t Words>
using SortKey = std::array<uint64_t, Words>;

// The indices of the keys from the least to the greatest; of equal ones the first comes first. A counting
// sort for each byte in which the keys differ: comparing 10,000 keys costs ten times as much, mostly for
// branches that no predictor can guess.
template <size_t Words>
std::vector<uint32_t> sorted(const std::vector<SortKey<Words>>& keys) {
  std::vector<uint32_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0U);
  std::vector<uint32_t> before(keys.size());
  for (size_t word = Words; word-- > 0;) {
    uint64_t differ = 0;
    for (const SortKey<Words>& key : keys)
      differ |= key[word] ^ keys[0][word];
    for (unsigned shift = 0; shift < 64; shift += 8) {
      if (((differ >> shift) & 0xffU) == 0) continue;
      const auto byte_of = [&](uint32_t index) { return (keys[index][word] >> shift) & 0xffU; };
      std::array<uint32_t, 257> starts{};
      for (uint32_t index = 0; index < keys.size(); ++index)
        ++starts[byte_of(index) + 1];
      std::partial_sum(starts.begin(), starts.end(), starts.begin());
      std::swap(order, before);
      for (const uint32_t index : before)
        order[starts[byte_of(index)]++] = index;
    }
  }
  return order;
}

// Members of one quota, which have their turns at the same instants.
struct Peers {
  uint32_t quota;
  std::vector<uint16_t> members;  // in order
};

// By their first member.
std::vector<Peers> peers_of(std::span<const uint32_t> quotas) {
  std::vector<SortKey<1>> keys;
  keys.reserve(quotas.size());
  for (const uint32_t quota : quotas)
    keys.push_back({quota});
  std::vector<Peers> all;
  for (const uint32_t member : sorted(keys)) {
    if (all.empty() || all.back().quota != quotas[member]) all.push_back({quotas[member], {}});
    all.back().members.push_back(static_cast<uint16_t>(member));
  }
  std::sort(all.begin(), all.end(),
            [](const Peers& a, const Peers& b) { return a.members.front() < b.members.front(); });
  return all;
}

// Turns of peers, by the instant at which they come.
struct Round {
  uint32_t instant;
  uint32_t peers;
};

std::vector<Round> rounds_of(std::span<const Peers> peers, uint32_t slots) {
  std::vector<uint32_t> starts(size_t{slots} + 1);
  const auto for_each_round = [&](auto&& visit) {
    for (uint32_t i = 0; i < peers.size(); ++i) {
      const uint64_t step = (uint64_t{slots} << 32U) / peers[i].quota;
      uint64_t instant = step / 2;
      for (uint32_t turn = 0; turn < peers[i].quota; ++turn, instant += step)
        visit(Round{static_cast<uint32_t>(instant >> 32U), i});
    }
  };
  for_each_round([&](const Round& round) { ++starts[round.instant + 1]; });
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<Round> rounds(starts.back());
  for_each_round([&](const Round& round) { rounds[starts[round.instant]++] = round; });
  return rounds;
}

// Whose turn it is, `slots` turns long. Turn j of a member with quota q comes at (j + ½) / q of the whole, so
// each is always within a turn of its share; who comes at once goes by the order of members.
std::vector<uint16_t> turns(std::span<const uint32_t> quotas, uint32_t slots) {
  const std::vector<Peers> peers = peers_of(quotas);
  const std::vector<Round> rounds = rounds_of(peers, slots);
  std::vector<uint16_t> order(slots);
  auto turn = order.begin();
  std::vector<uint64_t> at_once(quotas.size() / 64 +
                                1);  // a bit for each member: puts several peers in order
  for (size_t i = 0; i < rounds.size();) {
    const uint32_t instant = rounds[i].instant;
    if (i + 1 == rounds.size() || rounds[i + 1].instant != instant) {
      for (const uint16_t member : peers[rounds[i].peers].members)
        *turn++ = member;
      ++i;
      continue;
    }
    for (; i < rounds.size() && rounds[i].instant == instant; ++i) {
      for (const uint16_t member : peers[rounds[i].peers].members)
        at_once[member / 64] |= uint64_t{1} << (member % 64);
    }
    for (size_t word = 0; word < at_once.size(); ++word) {
      for (uint64_t bits = std::exchange(at_once[word], 0); bits != 0; bits &= bits - 1)
        *turn++ = static_cast<uint16_t>(word * 64 + static_cast<unsigned>(std::countr_zero(bits)));
    }
  }
  return order;
}

// By address and port.
std::vector<SlotMember> in_order(std::span<const SlotMember> members) {
  std::vector<SortKey<3>> keys;
  keys.reserve(members.size());
  for (const SlotMember& member : members) {
    const uint8_t* bytes = member.address.bytes().data();
    const uint64_t last = (static_cast<uint64_t>(member.address.family()) << 16U) | member.port;
    keys.push_back({load<be64>(bytes).host(), load<be64>(bytes + 8).host(), last});
  }
  std::vector<SlotMember> ordered;
  ordered.reserve(members.size());
  for (const uint32_t index : sorted(keys))
    ordered.push_back(members[index]);
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
  std::vector<SortKey<1>> remainders(members.size(), {UINT64_MAX});  // turned round: the largest first
  uint64_t spread = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    if (quotas[i] != 0) continue;
    const uint64_t share = weight_of(members[i]) * left;
    quotas[i] = static_cast<uint32_t>(share / weights);
    spread += quotas[i];
    remainders[i] = {weights - share % weights};
  }
  const std::vector<uint32_t> order = sorted(remainders);
  for (size_t i = 0; spread < left; ++i, ++spread)
    ++quotas[order[i]];
  return quotas;
}

std::vector<uint16_t> build_maglev(std::span<const SlotMember> members, uint32_t slots,
                                   const HashKey& cluster_key) {
  if (members.empty() || members.size() > slots || members.size() > kMaxSlotMembers || !is_prime(slots))
    return {};
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
    Walk& walk = walks[order[turn]];
    owners[free_slots.take_next(walk)] = walk.number;
  }
  std::vector<uint32_t> last = free_slots.list();
  for (size_t turn = walked; turn < slots; ++turn) {
    const Walk& walk = walks[order[turn]];
    owners[take_nearest(walk, last, slots)] = walk.number;
  }
  return owners;
}

}  // namespace shunt
