// Turns: how many each of several members gets of a number of turns, by weight, and in which order.
//
// Pure. Used where members take turns at choosing slots (maglev.h) and at getting flows (pool_choice.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace shunt {

// Turns per member, in their order: exactly weight / sum of weights of `turns`, rounded by largest remainder
// (so within 1), but at least one each; who would get less than one is taken out first, and the rest share
// what is left. Weights are over 0 and below 2^24, turns too. Needs weights.size() <= turns, else all are 0.
// Equal remainders: the earlier member.
std::vector<uint32_t> share_out(std::span<const uint32_t> weights, uint32_t turns);

// Whose turn it is, by index: the sum of `quotas` is `turns`. Turn j of a member with quota q comes at
// (j + ½) / q of the whole, so each is always within a turn of its share; who comes at once goes by the order
// of members.
std::vector<uint16_t> turn_order(std::span<const uint32_t> quotas, uint32_t turns);

}  // namespace shunt
