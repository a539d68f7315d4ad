// The UDP side of shunt-probe: connected sockets, one per flow, exercised at an interval each or together at
// a rate.
//
// Owner: the one thread. UDP may lose and reorder: that is counted exactly (a bit per datagram sent) and
// breaks nothing. Another backend's answer, a damaged one, or silence breaks a flow, at most once; it is used
// on, so that the counts of datagrams stay whole.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/tools/beat.h"
#include "tests/tools/message.h"
#include "tests/tools/poller.h"
#include "tests/tools/probe_options.h"
#include "tests/tools/tally.h"

namespace shunt {

class UdpFlow;

struct DatagramCounts {
  uint64_t duplicates = 0;
  uint64_t reordered = 0;    // came after a later one of its flow
  uint64_t icmp_errors = 0;  // port unreachable and the like
  uint64_t send_failed = 0;  // not sent and not in the count of those sent
};

class UdpFlows {
 public:
  UdpFlows(const ProbeOptions& options, const RunOrigin& origin, Poller& poller, const LostBackends& lost);
  ~UdpFlows();

  void open_up_to(uint32_t count, uint64_t now_ns);
  // `load_ns`: how long the load has been running, for udp_rate; it begins when every flow is open.
  void send_due(uint64_t now_ns, uint64_t load_ns);
  // Whether all that udp_rate asks for by `load_ns` was sent.
  bool caught_up(uint64_t load_ns) const { return attempts_ >= due_by(load_ns); }
  void check_silence(uint64_t now_ns);

  void stop_sending() { stopped_ = true; }
  bool settled() const { return tally_.received >= tally_.sent; }
  // Flows that never had an answer are broken, however short the run was.
  void judge_unanswered(uint64_t now_ns);

  const Tally& tally() const { return tally_; }
  const DatagramCounts& datagrams() const { return datagrams_; }
  uint64_t lost() const { return tally_.sent - tally_.received; }
  uint64_t dropped_here() const;  // because this process read too slowly
  uint32_t wanted() const { return options_.udp; }

 private:
  friend class UdpFlow;
  static constexpr size_t kBatch = 16;

  uint64_t due_by(uint64_t load_ns) const;
  void send(UdpFlow& flow, uint64_t now_ns);
  void receive(UdpFlow& flow, uint64_t now_ns);
  void take(UdpFlow& flow, const Message& answer, uint64_t now_ns);
  void judge_backend(UdpFlow& flow, uint32_t backend, uint64_t now_ns);
  void end(UdpFlow& flow, BreakKind kind, std::string detail, uint64_t now_ns);

  const ProbeOptions& options_;
  const RunOrigin& origin_;
  Poller& poller_;
  Tally tally_;
  DatagramCounts datagrams_;
  Beat beat_;
  bool stopped_ = false;
  uint64_t attempts_ = 0;  // of udp_rate
  std::vector<std::unique_ptr<UdpFlow>> flows_;
  std::array<std::array<uint8_t, kMaxMessageBytes + 1>, kBatch> buffers_{};
};

}  // namespace shunt
