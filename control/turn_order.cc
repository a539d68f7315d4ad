#include "control/turn_order.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "control/sorted_order.h"

namespace shunt {
namespace {

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
  for (const uint32_t member : sorted_order(keys)) {
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

}  // namespace

std::vector<uint32_t> share_out(std::span<const uint32_t> weights, uint32_t turns) {
  std::vector<uint32_t> quotas(weights.size());
  if (weights.size() > turns) return quotas;
  uint64_t left = turns;
  uint64_t all = 0;
  for (const uint32_t weight : weights)
    all += weight;
  for (bool settled = false; !settled;) {
    settled = true;
    const uint64_t share_of_all = left;
    const uint64_t weight_of_all = all;
    for (size_t i = 0; i < weights.size(); ++i) {
      if (quotas[i] != 0 || uint64_t{weights[i]} * share_of_all >= weight_of_all) continue;
      quotas[i] = 1;
      left -= 1;
      all -= weights[i];
      settled = false;
    }
  }
  std::vector<SortKey<1>> remainders(weights.size(), {UINT64_MAX});  // turned round: the largest first
  uint64_t spread = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (quotas[i] != 0) continue;
    const uint64_t share = uint64_t{weights[i]} * left;
    quotas[i] = static_cast<uint32_t>(share / all);
    spread += quotas[i];
    remainders[i] = {all - share % all};
  }
  const std::vector<uint32_t> order = sorted_order(remainders);
  for (size_t i = 0; spread < left; ++i, ++spread)
    ++quotas[order[i]];
  return quotas;
}

std::vector<uint16_t> turn_order(std::span<const uint32_t> quotas, uint32_t turns) {
  const std::vector<Peers> peers = peers_of(quotas);
  const std::vector<Round> rounds = rounds_of(peers, turns);
  std::vector<uint16_t> order(turns);
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

}  // namespace shunt
