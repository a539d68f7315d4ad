#include "control/plan_slots.h"

#include <algorithm>
#include <map>
#include <vector>

#include "control/maglev.h"
#include "control/rendezvous.h"

namespace shunt {
namespace {

constexpr uint16_t kNobody = 0xffff;

// Numbers that are the same on both sides for the same server.
using Numbers = std::map<std::pair<IpAddress, uint16_t>, uint16_t>;

struct Side {
  std::vector<SlotMember> members;
  std::vector<bool> takes;  // by number: new flows
  uint32_t slots = 0;
  bool is_rendezvous = false;

  bool operator==(const Side&) const = default;
};

// What is wanted of the table of a pool that nobody uses is maglev's.
bool is_rendezvous(const Config& config, const std::string& pool) {
  const auto user = std::ranges::find_if(config.services, [&](const ServiceConfig& service) {
    return service.pool == pool || service.backup_pool == pool;
  });
  return user != config.services.end() && user->scheduler == Scheduler::rendezvous;
}

Side side_of(const Config& config, const PoolConfig& pool, Numbers& numbers) {
  Side side;
  side.is_rendezvous = is_rendezvous(config, pool.name);
  side.slots = pool.slots;
  for (const BackendConfig& backend : pool.backends) {
    const uint16_t number =
        numbers.try_emplace({backend.address, backend.port}, static_cast<uint16_t>(numbers.size()))
            .first->second;
    side.members.push_back({backend.address, backend.port, backend.weight, number});
    if (side.takes.size() <= number) side.takes.resize(number + size_t{1});
    side.takes[number] = backend.weight > 0 && backend.admin == AdminState::enabled;
  }
  std::ranges::sort(side.members, {}, &SlotMember::number);
  return side;
}

// Whom a slot gives its new flows to while all are up; kNobody: by another draw.
std::vector<uint16_t> takers(const Side& side, const HashKey& cluster_key) {
  const auto build = side.is_rendezvous ? build_rendezvous : build_maglev;
  std::vector<uint16_t> owners = build(side.members, side.slots, cluster_key);
  for (uint16_t& owner : owners) {
    if (!side.takes[owner]) owner = kNobody;
  }
  return owners;
}

}  // namespace

SlotMove moved_slots(const Config& from, const PoolConfig& before_pool, const Config& to,
                     const PoolConfig& after_pool, const HashKey& cluster_key) {
  SlotMove move{after_pool.name, std::max(before_pool.slots, after_pool.slots), 0};
  Numbers numbers;
  const Side before = side_of(from, before_pool, numbers);
  const Side after = side_of(to, after_pool, numbers);
  if (before == after) return move;
  const std::vector<uint16_t> old_takers = takers(before, cluster_key);
  const std::vector<uint16_t> new_takers = takers(after, cluster_key);
  const auto place = [&](const std::vector<uint16_t>& table, uint32_t slot) {
    return table.empty() ? kNobody : table[slot * table.size() / move.slots];
  };
  for (uint32_t slot = 0; slot < move.slots; ++slot)
    move.moved += place(old_takers, slot) != place(new_takers, slot) ? 1U : 0U;
  return move;
}

}  // namespace shunt
