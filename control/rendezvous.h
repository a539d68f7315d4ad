// build_rendezvous: a pool's slot table by weighted rendezvous hashing: each slot is owned by the member that
// scores highest there, so that a member that comes or goes, or whose weight changes, moves its own slots and
// no others'.
//
// Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); with weights w
// the score is −w / ln(u), so the owner is whose Exp(w) is least. Asking every member for every slot would
// take 65 million logarithms for 1,000 members. Instead each member throws darts at slots, at instants
// whose gaps are Exp(w): the first dart in a slot owns it. A slot's first dart of one member then comes
// after an Exp(w) time, independent of all others, so the owners are distributed exactly as by asking all
// (Ertl, "ProbMinHash" (2020), draws its minima the same way). Integers only: every CPU and compiler gets the
// same table.
//
// Shares are random: of s slots a member with the share p owns p·s ± √(p·s); maglev's are exact. Cost:
// s · ln s darts, whatever the number of members; bench/slot_table_bench.cc.
#pragma once

#include "control/slot_members.h"

namespace shunt {

// The owner's number by slot; at least one slot for each member (who would have none gets one of a member
// that has several, which is all that ever moves besides). Empty where such a table can't be (fits_slots).
std::vector<uint16_t> build_rendezvous(std::span<const SlotMember> members, uint32_t slots,
                                       const HashKey& cluster_key);

}  // namespace shunt
