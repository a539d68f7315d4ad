#include "control/flow_status.h"

namespace shunt {

FlowCounts& FlowCounts::operator+=(const FlowCounts& other) {
  for (size_t i = 0; i < kOutcomes; ++i)
    outcomes[i] += other.outcomes[i];
  revived += other.revived;
  syn_retransmits += other.syn_retransmits;
  reconnects += other.reconnects;
  data_retransmits += other.data_retransmits;
  watched += other.watched;
  unwatched += other.unwatched;
  return *this;
}

}  // namespace shunt
