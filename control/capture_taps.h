// CaptureTaps: the taps of all workers: put where the workers see them, taken away, and freed when no worker
// can be in one any more.
//
// Owner: shared by the engine and the capture that runs; control thread only. Bound: one capture at a time, a
// ring for each worker.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "dataplane/capture.h"
#include "dataplane/worker_state.h"

namespace shunt {

class CaptureTaps {
 public:
  explicit CaptureTaps(std::vector<WorkerState*> workers) : workers_(std::move(workers)) {}
  CaptureTaps(const CaptureTaps&) = delete;
  CaptureTaps& operator=(const CaptureTaps&) = delete;

  // False: a capture runs, or a worker may still be in the last one's tap (it is for a loop).
  bool start(const CaptureFilter& filter);
  bool is_running() const { return running_; }
  // The workers leave the taps with their next loop; what is in the rings stays. Safe to repeat.
  void stop();
  // The workers have ended: nothing of theirs is touched any more.
  void close();

  // By worker; none before the first capture.
  std::span<const std::unique_ptr<CaptureTap>> taps() const { return taps_; }
  uint64_t missed() const;

 private:
  bool have_left() const;

  std::vector<WorkerState*> workers_;
  std::vector<std::unique_ptr<CaptureTap>> taps_;
  std::vector<uint64_t> loops_;  // by worker, when they were told to leave
  bool running_ = false;
};

}  // namespace shunt
