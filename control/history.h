// History: the generations of the desired state: when, who, why, what; and the newest states themselves, for
// a rollback.
//
// Owner: the control thread. Bound: kRows rows, kStates states. A change of the desired state is a row of its
// own; publications that only follow what was observed (health, the kernel, the passing of drains) are one
// row for all between two changes: how many, and the last one's words. Numbers are those of the snapshots.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/desired_state.h"

namespace shunt {

// Who wanted it and what for: "root", "drain web/web-1".
struct Cause {
  std::string who;
  std::string why;
};

struct HistoryRow {
  uint64_t generation = 0;  // the last one of this row
  uint64_t first = 0;
  std::chrono::system_clock::time_point at;  // of the last one
  Cause cause;
  std::string summary;
  std::vector<std::string> lines;  // of the plan, at most kLines
  bool observed = false;           // publications without a change of the desired state
  bool can_roll_back = false;
};

class History {
 public:
  static constexpr size_t kRows = 100;
  static constexpr size_t kStates = 20;
  static constexpr size_t kLines = 50;
  using Clock = std::chrono::system_clock;

  // A publication of another desired state.
  void change(uint64_t generation, Cause cause, std::string summary, std::vector<std::string> lines,
              DesiredState state, Clock::time_point at = Clock::now());
  // Another publication of the same one; `what` happened ("web/web-1 is down"), empty: nothing worth a word.
  void observe(uint64_t generation, const std::string& what, Clock::time_point at = Clock::now());

  // Newest first.
  std::vector<HistoryRow> rows() const;
  // What was wanted at that generation, also where it was published for health; nothing where it isn't kept.
  std::optional<DesiredState> state_at(uint64_t generation) const;
  // The generation that brought the newest state.
  uint64_t changed() const { return states_.empty() ? 0 : states_.back().first; }
  // The generations that can be rolled back to, for a message: "12 to 31".
  std::string kept_text() const;

 private:
  struct Kept {
    uint64_t first;  // the generation that brought it
    DesiredState state;
  };
  void trim();

  std::deque<HistoryRow> rows_;
  std::deque<Kept> states_;
  uint64_t newest_ = 0;
};

}  // namespace shunt
