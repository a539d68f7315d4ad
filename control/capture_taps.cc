#include "control/capture_taps.h"

#include <atomic>

namespace shunt {

// The loop in which a worker may have seen the tap, and another one: then it began one without.
bool CaptureTaps::have_left() const {
  for (size_t i = 0; i < loops_.size(); ++i) {
    if (workers_[i]->counters.loops.read() < loops_[i] + 2) return false;
  }
  return true;
}

bool CaptureTaps::start(const CaptureFilter& filter) {
  if (running_ || workers_.empty() || !have_left()) return false;
  taps_.clear();
  for (size_t i = 0; i < workers_.size(); ++i)
    taps_.push_back(std::make_unique<CaptureTap>(filter));
  for (size_t i = 0; i < workers_.size(); ++i)
    workers_[i]->capture.store(taps_[i].get(), std::memory_order_release);
  running_ = true;
  return true;
}

void CaptureTaps::stop() {
  if (!running_) return;
  running_ = false;
  for (WorkerState* worker : workers_)
    worker->capture.store(nullptr, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  loops_.clear();
  for (const WorkerState* worker : workers_)
    loops_.push_back(worker->counters.loops.read());
}

void CaptureTaps::close() {
  stop();
  workers_.clear();
  loops_.clear();
}

uint64_t CaptureTaps::missed() const {
  uint64_t missed = 0;
  for (const auto& tap : taps_)
    missed += tap->missed();
  return missed;
}

}  // namespace shunt
