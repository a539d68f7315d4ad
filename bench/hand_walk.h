// HandWalk: the stages called one after the other as Worker::walk does, so that a bench can put another one
// in place of one of them, or look at the clock between them. What a worker does once per loop beside that
// isn't here: ledger publication, sweep, kernel side.
#pragma once

#include "dataplane/dpdk_frame_io.h"
#include "dataplane/stages.h"
#include "dataplane/transmit.h"

namespace shunt::bench {

class HandWalk {
 public:
  HandWalk(DpdkFrameIo& io, WorkerState& state)
      : io_(io), state_(state), transmitter_(io, 1, punt_, hand_over_) {}

  Burst& burst() { return burst_; }
  WorkerState& state() { return state_; }

  unsigned receive() {
    uint64_t bytes = 0;
    const unsigned count = io_.receive(0, burst_.packet.data(), kBurstSize, bytes);
    if (count == 0) return 0;
    state_.ledger.received += count;
    burst_.start(0, count);
    return count;
  }
  void transmit(const Now& now) {
    transmitter_.run(burst_, state_, now);
    transmitter_.flush_all(state_, now);
  }

 private:
  DpdkFrameIo& io_;
  WorkerState& state_;
  Burst burst_;
  PuntRings punt_;
  HandOverRings hand_over_{1};
  Transmitter<DpdkFrameIo> transmitter_;
};

}  // namespace shunt::bench
