// SlotMember: a backend as the constructions of slot tables see it (maglev.h, rendezvous.h).
//
// A table is a pure function of its members' addresses, ports and weights and the cluster key: neither their
// order nor their numbers matter, so that every shunt builds the same one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/address.h"
#include "common/keyed_hash.h"

namespace shunt {

inline constexpr size_t kMaxSlotMembers = 65'536;  // as many as numbers

struct SlotMember {
  IpAddress address;
  uint16_t port = 0;
  uint16_t weight = 1;  // 0 counts as 1
  uint16_t number = 0;  // what the table says

  bool operator==(const SlotMember&) const = default;
};

inline uint32_t weight_of(const SlotMember& member) {
  return std::max<uint32_t>(member.weight, 1);
}

// Of its address and port.
Hash128 name_hash(const SlotMember& member, const HashKey& cluster_key);

// By address and port.
std::vector<SlotMember> in_order(std::span<const SlotMember> members);

bool is_prime(uint32_t number);

// Can such a table be built? Members there are, no more than slots or numbers, and `slots` is prime (`check`
// refuses what isn't).
bool fits_slots(size_t members, uint32_t slots);

}  // namespace shunt
