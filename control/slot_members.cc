#include "control/slot_members.h"

#include <cstring>

#include "control/sorted_order.h"

namespace shunt {

Hash128 name_hash(const SlotMember& member, const HashKey& cluster_key) {
  uint8_t name[18];
  std::memcpy(name, member.address.bytes().data(), 16);
  store(name + 16, be16(member.port));
  return keyed_hash(cluster_key, name, sizeof name);
}

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
  for (const uint32_t index : sorted_order(keys))
    ordered.push_back(members[index]);
  return ordered;
}

bool is_prime(uint32_t number) {
  if (number < 4) return number >= 2;
  if (number % 2 == 0) return false;
  for (uint32_t divisor = 3; uint64_t{divisor} * divisor <= number; divisor += 2) {
    if (number % divisor == 0) return false;
  }
  return true;
}

bool fits_slots(size_t members, uint32_t slots) {
  return members != 0 && members <= slots && members <= kMaxSlotMembers && is_prime(slots);
}

}  // namespace shunt
