// PairHint: what the control thread tells one worker of a service's backend beside the snapshot, for
// schedulers and limits that go by load (control/balance_keeper.h).
//
// Owner: the control thread writes, relaxed; the worker reads. Never a reason to wait: a word that is old
// only makes a choice a little worse. All bits zero: nothing is known.
#pragma once

#include <atomic>
#include <cstdint>

namespace shunt {

struct PairHint {
  // Of the backend's live flows, those that this worker doesn't count in this row: other workers' and other
  // services'. May be below zero, where rows have moved.
  std::atomic<int32_t> elsewhere = 0;
  // How long it takes to answer, a peak EWMA; who isn't known has its pool's median. 0: nobody is known.
  std::atomic<uint32_t> answer_us = 0;
};

}  // namespace shunt
