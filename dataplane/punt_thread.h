// PuntThread: carries what isn't VIP traffic between the ports and the kernel, and answers ARP and ND for
// VIPs.
//
// Owner: the control thread starts and stops it; it owns its ledger. It sleeps in ppoll for at most
// kPuntNapUs, because workers, which make no system call, can't wake it. Bound: the rings; the kernel's own
// queues. What the kernel refuses is counted punt_failed.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "dataplane/frame_ring.h"
#include "dataplane/probe_flows.h"
#include "dataplane/snapshot.h"
#include "dataplane/transmit.h"
#include "stats/ledger.h"

namespace shunt {

inline constexpr long kPuntNapUs = 200;
inline constexpr unsigned kGratuitousRepeats = 3;  // a second apart, in case the first is lost

class PuntThread {
 public:
  struct Settings {
    std::vector<int> host_fds;  // by port index: the host_interface's tap, or −1
    std::vector<PuntRings*> from_workers;
    FrameRing* to_worker = nullptr;
    // How the thread takes part in RCU: the snapshot of this loop, and "done with it".
    std::function<const Snapshot*()> snapshot;
    std::function<void()> done;
  };

  explicit PuntThread(Settings settings);
  ~PuntThread();
  PuntThread(const PuntThread&) = delete;
  PuntThread& operator=(const PuntThread&) = delete;

  void start();
  void stop();  // returns when the thread has ended
  const LedgerBlock& ledger() const { return block_; }

  // One loop without waiting; for tests, which have no thread. True: there was something to do.
  bool run_once(uint64_t now_ns);

 private:
  struct Gratuitous {
    unsigned left = 0;
    uint64_t next_ns = 0;
    AnnouncedVip vip;
  };

  void loop();
  void wait();
  bool drain(FrameRing& ring, const Snapshot& snapshot);
  void handle(FrameRing::Record record, const Snapshot& snapshot);
  bool answer_arp(const FrameRing::Record& record, const Snapshot& snapshot);
  bool answer_solicitation(const FrameRing::Record& record, const Snapshot& snapshot);
  bool read_host(uint8_t port, const Snapshot& snapshot);
  void announce(const Snapshot& snapshot, uint64_t now_ns);
  void originate(uint8_t port, std::span<const uint8_t> frame);

  Settings settings_;
  Ledger ledger_;
  LedgerBlock block_;
  uint64_t seen_generation_ = 0;
  std::vector<Gratuitous> announced_;
  ProbeFlows probes_;
  std::vector<uint8_t> buffer_;
  std::vector<pollfd> polled_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace shunt
