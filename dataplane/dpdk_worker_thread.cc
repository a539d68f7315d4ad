#include "dataplane/dpdk_worker_thread.h"

#include <pthread.h>
#include <rte_cycles.h>
#include <sys/prctl.h>

#include <atomic>
#include <cstring>
#include <ctime>
#include <future>
#include <string>
#include <thread>

#include "dataplane/dpdk_frame_io.h"
#include "dataplane/dpdk_thread.h"
#include "dataplane/idle_naps.h"
#include "dataplane/tsc_clock.h"
#include "dataplane/worker.h"

namespace shunt {
namespace {

void nap(uint32_t ns) {
  const timespec length{0, static_cast<long>(ns)};
  nanosleep(&length, nullptr);
}

}  // namespace

class DpdkWorkerThread::Loop {
 public:
  explicit Loop(const Settings& settings)
      : settings_(settings),
        io_(settings.device_ids, static_cast<uint16_t>(settings.index), settings.pool),
        worker_(*settings.state, io_, static_cast<unsigned>(settings.device_ids.size()), *settings.punt,
                *settings.hand_over, settings.from_host) {}

  Result<> start();
  void stop();
  const LedgerBlock& ledger() const { return worker_.ledger(); }

 private:
  Result<> prepare();
  void run();

  Settings settings_;
  DpdkFrameIo io_;
  Worker<DpdkFrameIo> worker_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

Result<> DpdkWorkerThread::Loop::prepare() {
  const std::string name = "shunt-worker" + std::to_string(settings_.index);
  pthread_setname_np(pthread_self(), name.c_str());
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(settings_.cpu, &cpus);
  if (const int code = pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus); code != 0) {
    return Error{"[dataplane] workers", "CPU " + std::to_string(settings_.cpu) + ": " + std::strerror(code)};
  }
  prctl(PR_SET_TIMERSLACK, 1);  // else each nap takes 50 µs more
  return register_eal_thread();
}

Result<> DpdkWorkerThread::Loop::start() {
  std::promise<Result<>> prepared;
  auto outcome = prepared.get_future();
  thread_ = std::thread([this, &prepared] {
    Result<> ready = prepare();
    const bool ok = ready.ok();
    prepared.set_value(std::move(ready));
    if (ok) run();
  });
  return outcome.get();
}

void DpdkWorkerThread::Loop::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void DpdkWorkerThread::Loop::run() {
  const TscClock clock(rte_get_tsc_hz());
  Publication& publication = *settings_.publication;
  WorkerCounters& counters = settings_.state->counters;
  publication.online(settings_.index);
  IdleNaps naps;
  while (!stopping_.load(std::memory_order_relaxed)) {
    const Now now = clock.now();
    naps.begin_loop(now.ns);
    const unsigned packets = worker_.run_once(*publication.current(), now);
    publication.quiescent(settings_.index);
    if (packets > 0) {
      naps.busy();
      counters.busy_loops.add(1);
      counters.busy_ns.add(clock.now().ns - now.ns);
    } else if (settings_.sleeps) {
      if (const uint32_t ns = naps.idle(); ns != 0) nap(ns);
    }
  }
  worker_.finish();
  publication.offline(settings_.index);
  unregister_eal_thread();
}

DpdkWorkerThread::DpdkWorkerThread(const Settings& settings) : loop_(std::make_unique<Loop>(settings)) {}
DpdkWorkerThread::~DpdkWorkerThread() {
  stop();
}
Result<> DpdkWorkerThread::start() {
  return loop_->start();
}
void DpdkWorkerThread::stop() {
  loop_->stop();
}
const LedgerBlock& DpdkWorkerThread::ledger() const {
  return loop_->ledger();
}

}  // namespace shunt
