// Sender: begins requests and tells the tally how each ended. TcpSender and UdpSender are the two.
//
// Owner: the one thread. A request that was begun ends exactly once, at the latest when its timeouts are over
// or end_all() is called.
#pragma once

#include <cstdint>
#include <memory>

#include "tests/tools/poller.h"
#include "tests/traffic/timers.h"
#include "tests/traffic/traffic_options.h"
#include "tests/traffic/traffic_tally.h"

namespace shunt {

// What a sender stands on; all outlive it.
struct SenderWorld {
  const TrafficOptions& options;
  Poller& poller;
  Timers& timers;
  TrafficTally& tally;
};

class Sender {
 public:
  virtual ~Sender() = default;
  virtual void begin(const Ticket& ticket) = 0;
  // Requests that have begun and not ended.
  virtual uint64_t under_way() const = 0;
  // Those end as unfinished; not while the poller calls.
  virtual void end_all(uint64_t now_ns) = 0;
};

// An open socket, connecting; or what the kernel said against it.
struct OpenedSocket {
  Fd socket;
  int error = 0;
};

// Sources and ports are taken in turn: one instance for a run.
class LocalEnds {
 public:
  explicit LocalEnds(const TrafficOptions& options) : options_(options) {}
  OpenedSocket open(int type);

 private:
  const TrafficOptions& options_;
  uint64_t opened_ = 0;
};

std::unique_ptr<Sender> make_tcp_sender(const SenderWorld& world);
std::unique_ptr<Sender> make_udp_sender(const SenderWorld& world);

}  // namespace shunt
