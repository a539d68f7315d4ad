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
#include "dataplane/slot_choice.h"

namespace shunt {

// By number; what the last checks said. Unknown counts as up.
struct BackendHealth {
  bool up = true;
  uint64_t refused_since_ns = 0;  // accepted nobody since then; 0: it accepts
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
PoolChoice make_choice(const PoolRecord& pool, const std::vector<BackendHealth>& health, ChoiceMode mode,
                       uint64_t now_ns);

// Which pool of a service new flows are chosen from, and how (design, item 3).
struct ChoiceRule {
  bool use_backup = false;
  ChoiceMode mode = ChoiceMode::up_only;
};
ChoiceRule rule_for(const PoolCondition& pool, const PoolCondition* backup, double panic);

}  // namespace shunt
