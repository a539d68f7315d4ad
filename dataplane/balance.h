// Balance: whom a new flow gets where the flow's slot doesn't say: by turn, by load, or because the slot's
// owner has as many flows as it may have.
//
// The choosers are pure functions of a pool's arrays (part of the snapshot), of what `loads` says and of
// random bits, so that tests run them without a worker. Cost: turns one line; connections a line for each
// backend up to kExactPool, two beyond; times three lines; a pool in which nearly everybody is full costs up
// to kMostScanned.
#pragma once

#include <concepts>
#include <cstdint>

#include "dataplane/slot_choice.h"

namespace shunt {

// What decides at an opening.
enum class BalanceBy : uint8_t { slot, turn, connections, response_time };

inline constexpr uint32_t kExactPool = 16;     // least-connections asks everybody in pools up to this
inline constexpr uint32_t kMostScanned = 256;  // looked at for one that isn't full

struct Balance {
  BalanceBy by = BalanceBy::slot;
  bool counts = false;              // probation entries of this service are part of the live counts
  const uint32_t* share = nullptr;  // weight × accept, by number
  const uint32_t* limit = nullptr;  // flows at a time, by number, 0: any; nullptr: nobody has a limit
  const uint16_t* turns = nullptr;  // numbers, in the order of their turns
  uint32_t turn_count = 0;

  bool by_slot_alone() const { return by == BalanceBy::slot && limit == nullptr; }
};

inline constexpr Balance kBySlot{};

template <typename L>
concept BackendLoads = requires(const L& loads, uint16_t number) {
  { loads.flows(number) } -> std::same_as<uint64_t>;      // live ones
  { loads.answer_us(number) } -> std::same_as<uint32_t>;  // at least 1
};

template <BackendLoads Loads>
class Balancer {
 public:
  Balancer(const SlotChoice& pool, const Balance& balance, const Loads& loads)
      : pool_(pool), balance_(balance), loads_(loads) {}

  bool has_room(uint16_t number) const {
    return balance_.limit == nullptr || balance_.limit[number] == 0 ||
           loads_.flows(number) < balance_.limit[number];
  }

  // As choose() does, but that who is full counts as refusing.
  ChosenBackend by_slot(const HashKey& cluster_key, const Hash128& hash) const {
    if (nobody()) return {};
    Hash128 probe = hash;
    for (unsigned i = 1; i <= kSlotProbes; ++i) {
      const ChosenBackend chosen = detail::probe_slot(pool_, probe);
      if (chosen && has_room(chosen.number)) return chosen;
      probe = keyed_hash(cluster_key, hash.low, hash.high + i);
    }
    const ChosenBackend chosen = detail::place_in_sum(pool_, hash.high);
    return has_room(chosen.number) ? chosen : anybody(hash.high);
  }

  // Smooth weighted round-robin: `turn` counts up; the order is the snapshot's.
  ChosenBackend by_turn(uint32_t turn, uint64_t random) const {
    if (balance_.turn_count == 0) return {};
    const uint16_t number = balance_.turns[turn % balance_.turn_count];
    return has_room(number) ? ChosenBackend{number} : anybody(random);
  }

  // Who would have the least load for its share with this flow; of equals, by their shares.
  ChosenBackend least_connections(const Hash128& random) const {
    if (nobody()) return {};
    return pool_.count <= kExactPool ? least_of_all(random) : better_of_two(random);
  }

  // The same with the time that a backend takes to answer: the flows that are there would each wait that
  // long. Three are drawn by their shares, and one of them by the inverse square of its load, so that equals
  // have equal chances, a little noise in what was measured moves little, and nobody is stormed for being the
  // best. Whoever is much worse keeps the flows for which all three are itself (p³ for a share of p), so that
  // its recovery is seen.
  ChosenBackend least_response_time(const Hash128& random) const {
    return nobody() ? ChosenBackend{} : likely_of_three(random);
  }

 private:
  bool nobody() const { return pool_.count == 0 || pool_.running_sum[pool_.count - 1] == 0; }

  double load(uint16_t number) const {
    const double flows = static_cast<double>(loads_.flows(number) + 1) / balance_.share[number];
    return balance_.by == BalanceBy::response_time ? flows * loads_.answer_us(number) : flows;
  }

  ChosenBackend least_of_all(const Hash128& random) const {
    ChosenBackend best;
    double least = 0;
    uint64_t equals = 0;  // their shares
    for (uint32_t i = 0; i < pool_.count; ++i) {
      const uint16_t number = pool_.numbers[i];
      const uint64_t share = balance_.share[number];
      if (share == 0 || !has_room(number)) continue;
      const double its = load(number);
      if (best && its > least) continue;
      equals = best && its == least ? equals + share : share;
      least = its;
      // Of equals the last one stays with share / sum, the ones before with what they had of the rest.
      const uint64_t place = remixed(random, i) % equals;
      if (!best || place < share) best = {number};
    }
    return best;
  }

  ChosenBackend better_of_two(const Hash128& random) const {
    const ChosenBackend one = detail::place_in_sum(pool_, random.low);
    const ChosenBackend other = detail::place_in_sum(pool_, random.high);
    const bool first = has_room(one.number);
    const bool second = has_room(other.number);
    if (!first && !second) return anybody(random.high);
    if (first != second) return first ? one : other;
    return load(other.number) < load(one.number) ? other : one;
  }

  ChosenBackend likely_of_three(const Hash128& random) const {
    ChosenBackend drawn[3];
    double sums[3];
    double sum = 0;
    for (uint32_t i = 0; i < 3; ++i) {
      drawn[i] = detail::place_in_sum(pool_, remixed(random, i) << 16U);
      const double its = load(drawn[i].number);
      if (has_room(drawn[i].number)) sum += 1 / (its * its);
      sums[i] = sum;
    }
    if (sum == 0) return anybody(random.high);
    const double place = sum * static_cast<double>(random.high >> 11U) * 0x1p-53;
    return place < sums[0] ? drawn[0] : place < sums[1] ? drawn[1] : drawn[2];
  }

  // Somebody with room, from a random place on. Nobody: all that were looked at are full.
  ChosenBackend anybody(uint64_t random) const {
    const uint32_t first = scale_to(static_cast<uint32_t>(random), pool_.count);
    const uint32_t last = pool_.count < kMostScanned ? pool_.count : kMostScanned;
    for (uint32_t i = 0; i < last; ++i) {
      const uint16_t number = pool_.numbers[(first + i) % pool_.count];
      if (balance_.share[number] != 0 && has_room(number)) return {number};
    }
    return {};
  }

  // Bits for each of the candidates (Steele et al., SplitMix64).
  static uint64_t remixed(const Hash128& random, uint32_t i) {
    uint64_t x = random.low + (uint64_t{i} + 1) * 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    return (x ^ (x >> 27U)) * 0x94d049bb133111ebU >> 16U;
  }

  const SlotChoice& pool_;
  const Balance& balance_;
  const Loads& loads_;
};

}  // namespace shunt
