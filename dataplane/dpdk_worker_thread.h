// DpdkWorkerThread: a Worker on a thread of its own, pinned to a CPU, polling DPDK queues until it is told to
// stop.
//
// Owner: the control thread. The thread takes part in RCU as reader `index`. With idle = sleep it naps when
// there was nothing to do for a while (kIdleLoops), never longer than kNapUs.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/result.h"
#include "dataplane/dpdk_frame_io.h"
#include "dataplane/dpdk_publication.h"
#include "dataplane/worker.h"

namespace shunt {

inline constexpr unsigned kIdleLoops = 256;
inline constexpr long kNapUs = 20;

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
    FrameRing* from_host = nullptr;  // nullptr: another worker takes them
    Publication* publication = nullptr;
  };

  explicit DpdkWorkerThread(const Settings& settings);
  ~DpdkWorkerThread();
  DpdkWorkerThread(const DpdkWorkerThread&) = delete;
  DpdkWorkerThread& operator=(const DpdkWorkerThread&) = delete;

  // Returns when the thread polls, or why it can't.
  Result<> start();
  void stop();

  const LedgerBlock& ledger() const { return worker_.ledger(); }
  const WorkerState& state() const { return *settings_.state; }
  unsigned cpu() const { return settings_.cpu; }

 private:
  void run();
  Result<> prepare();

  Settings settings_;
  DpdkFrameIo io_;
  Worker<DpdkFrameIo> worker_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace shunt
