// RecordIntake: takes flow records out of a source and hands them on with their names.
//
// A record whose name isn't known waits in its ring while the names are older than the configuration it was
// made in, at most kPatienceUs; then it is counted as unknown and goes. Bound: kMostATurn records a turn, all
// rings alike; what comes faster than that fills shuntd's rings and is counted there.
//
// Owner: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "insight/watch/node_system.h"
#include "insight/watch/record_names.h"
#include "insight/watch/record_source.h"

namespace shunt::insight {

class RecordIntake {
 public:
  static constexpr size_t kMostATurn = 16'384;
  static constexpr int64_t kPatienceUs = 1'500'000;

  struct Tally {
    uint64_t read = 0;
    uint64_t unknown = 0;  // of them: without a name, or with that of the service alone
    uint64_t dropped = 0;  // by shuntd, while this was attached
  };
  using Sink = std::function<void(const RecordName&, const FlowRecord&)>;

  // `source` nullptr: there are none.
  RecordIntake(std::string node, std::unique_ptr<RecordSource> source);

  // Names of a reading that was made just now.
  void update_names(const NodeAnswers& answers) { names_.update(answers); }
  // True: a reading is wanted, for there are records whose names aren't known yet.
  [[nodiscard]] bool turn(int64_t now_us, const Sink& sink);
  RecordCounts counts() const;
  const Tally& tally() const { return tally_; }

 private:
  size_t drain(uint32_t ring, size_t most, const Sink& sink);

  std::unique_ptr<RecordSource> source_;
  RecordNames names_;
  std::vector<FlowRecord> chunk_;
  bool is_waiting_ = false;  // for names, in this turn
  bool may_wait_ = false;
  int64_t waiting_since_us_ = 0;  // 0: nothing waits
  uint64_t dropped_before_ = 0;   // of sources attached before
  uint64_t dropped_now_ = 0;
  uint64_t attachment_ = 0;
  Tally tally_;
};

}  // namespace shunt::insight
