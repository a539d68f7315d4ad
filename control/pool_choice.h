// PoolChoice: who of a pool may be chosen now, in the form that SlotChoice reads.
//
// A slot table changes with the configuration only; this, beside it, with health, drain and time. Immutable,
// shared by the services of a pool, part of a snapshot. Cost to make: a pass over the backends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "control/registry.h"
#include "dataplane/balance.h"
#include "dataplane/slot_choice.h"

namespace shunt {

// By number; what the last checks said. Unknown counts as up.
struct BackendHealth {
  bool up = true;
  bool seen = false;              // was there at the last look
  uint64_t refused_since_ns = 0;  // accepted nobody since then; 0: it accepts
  uint64_t rising_since_ns = 0;   // came up then, beside others that were; 0: it has its whole share
  uint16_t asked = kAcceptAll;  // what it asks for itself (agent checks); 0: nothing, it isn't a member then
  uint16_t trusted = kAcceptAll;  // what is left of that by passive evidence; never 0

  // At least 1 unless it asks for nothing.
  uint16_t accept() const {
    return asked == 0 ? uint16_t{0} : static_cast<uint16_t>(std::max(1, asked * trusted / kAcceptAll));
  }
};

struct PoolChoice {
  std::vector<uint16_t> accept;
  std::vector<uint8_t> passed_over;
  std::vector<uint64_t> running_sum;
  std::vector<uint16_t> numbers;
  // What Balance points to, by number but for `turns`.
  std::vector<uint32_t> share;
  std::vector<uint32_t> limit;  // empty: nobody has one
  std::vector<uint16_t> turns;  // empty where no service takes turns

  bool operator==(const PoolChoice&) const = default;
  bool has_anybody() const { return !running_sum.empty() && running_sum.back() != 0; }
};

// How many may be chosen at all, and how many of them are up.
struct PoolCondition {
  size_t members = 0;  // active, weight over 0, not drained by their agent
  size_t up = 0;
};

enum class ChoiceMode : uint8_t { up_only, everybody };

PoolCondition condition_of(const PoolRecord& pool, const std::vector<BackendHealth>& health);
// Notes who has begun to refuse or to accept new flows since the last call, for a backend of each number.
void note_acceptance(const PoolRecord& pool, std::vector<BackendHealth>& health, uint64_t now_ns);
// 1 to kAcceptAll: how much of its share a backend that is up takes, `slow_start` considered.
uint16_t risen(const PoolConfig& pool, const BackendHealth& health, uint64_t now_ns);
PoolChoice make_choice(const PoolRecord& pool, const std::vector<BackendHealth>& health, ChoiceMode mode,
                       uint64_t now_ns, bool with_turns = false);

// Do live counts decide: for a service of this scheduler; because some backend of the pool has a limit?
bool goes_by_load(Scheduler scheduler);
bool has_limits(const PoolRecord& pool);

// Which pool of a service new flows are chosen from, and how (design, item 3).
struct ChoiceRule {
  bool use_backup = false;
  ChoiceMode mode = ChoiceMode::up_only;
};
ChoiceRule rule_for(const PoolCondition& pool, const PoolCondition* backup, double panic);

}  // namespace shunt
