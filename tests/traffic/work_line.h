// WorkLine: a server's workers and the line before them. With N workers at most N jobs are under way, each as
// long as was drawn for it; the others wait in the order they came.
//
// Bound: kMaxWaiting jobs in the line. It burns no CPU: a worker is a timer.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "tests/traffic/timers.h"

namespace shunt {

class WorkLine {
 public:
  using Done = std::function<void(uint64_t now_ns)>;
  static constexpr size_t kMaxWaiting = 100'000;

  explicit WorkLine(Timers& timers) : timers_(timers) {}

  // 0: no limit. Fewer than before: those at work finish.
  void set_workers(uint64_t workers, uint64_t now_ns) {
    workers_ = workers;
    start_waiting(now_ns);
  }

  // `done` is called once the job has been worked on for `work_ns`: at once where that is 0 and a worker is
  // free. False when the line is full: then never.
  bool submit(uint64_t work_ns, uint64_t now_ns, Done done) {
    if (!has_free_worker()) {
      if (waiting_.size() >= kMaxWaiting) return false;
      waiting_.push_back({work_ns, std::move(done)});
      return true;
    }
    start(work_ns, now_ns, std::move(done));
    return true;
  }

  size_t waiting() const { return waiting_.size(); }
  uint64_t busy() const { return busy_; }

 private:
  struct Job {
    uint64_t work_ns;
    Done done;
  };

  bool has_free_worker() const { return workers_ == 0 || busy_ < workers_; }

  void start(uint64_t work_ns, uint64_t now_ns, Done done) {
    if (work_ns == 0) return done(now_ns);
    ++busy_;
    timers_.at(now_ns + work_ns, [this, done = std::move(done)](uint64_t end_ns) {
      --busy_;
      done(end_ns);
      start_waiting(end_ns);
    });
  }

  void start_waiting(uint64_t now_ns) {
    while (!waiting_.empty() && has_free_worker()) {
      Job job = std::move(waiting_.front());
      waiting_.pop_front();
      start(job.work_ns, now_ns, std::move(job.done));
    }
  }

  Timers& timers_;
  uint64_t workers_ = 0;
  uint64_t busy_ = 0;
  std::deque<Job> waiting_;
};

}  // namespace shunt
