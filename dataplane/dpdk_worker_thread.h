// DpdkWorkerThread: a Worker on a thread of its own, pinned to a CPU, polling DPDK queues until it is told to
// stop.
//
// Owner: the control thread. The thread takes part in RCU as reader `index`. With idle = sleep it naps while
// there is nothing to do (idle_naps.h). This header knows no DPDK.
//
// It stands in libshunt-dataplane.so with all that runs per packet (cpu_variant.h); the functions that are
// visible there are the way in.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/result.h"
#include "dataplane/dpdk_publication.h"
#include "dataplane/frame_ring.h"
#include "dataplane/transmit.h"
#include "dataplane/worker_state.h"
#include "stats/ledger.h"

struct rte_mempool;

namespace shunt {

class DpdkWorkerThread {
 public:
  struct Settings {
    unsigned index = 0;
    unsigned cpu = 0;
    bool sleeps = true;
    std::vector<uint16_t> device_ids;  // by port index
    rte_mempool* pool = nullptr;
    WorkerState* state = nullptr;
    PuntRings* punt = nullptr;
    HandOverRings* hand_over = nullptr;
    FrameRing* from_host = nullptr;  // nullptr: another worker takes them
    Publication* publication = nullptr;
  };

  [[gnu::visibility("default")]] explicit DpdkWorkerThread(const Settings& settings);
  [[gnu::visibility("default")]] ~DpdkWorkerThread();
  DpdkWorkerThread(const DpdkWorkerThread&) = delete;
  DpdkWorkerThread& operator=(const DpdkWorkerThread&) = delete;

  // Returns when the thread polls, or why it can't.
  [[gnu::visibility("default")]] Result<> start();
  [[gnu::visibility("default")]] void stop();

  [[gnu::visibility("default")]] const LedgerBlock& ledger() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace shunt
