// ProbeFlows: which probe address an answer from a VIP to this host belongs to (probes.h).
//
// Owner: the punt thread, which sees what the kernel sends before any worker does, and what it gets after
// every worker. A flow is known by the node's end alone, address, port and protocol: the sockets of checks
// through tunnels share their port with nobody on this host (HealthProbe). It is taken for an answer only
// where its other end is the VIP and port that the check went to. When the kernel uses the port for something
// else, its first packet ends the flow.
//
// Bound: kProbeFlows, in buckets of four, of which the one whose connection is closed, else the idlest, makes
// room: a check whose flow goes so fails. No memory before the first probe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/keyed_hash.h"
#include "dataplane/burst.h"
#include "dataplane/fragment_part.h"
#include "dataplane/frame_ring.h"
#include "dataplane/snapshot.h"

namespace shunt {

inline constexpr size_t kProbeFlows = 32'768;
inline constexpr size_t kProbeDatagrams = 16;

class ProbeFlows {
 public:
  ProbeFlows();

  // A frame that the kernel sent to the host_interface of `port`. True: to a probe address; what answers it
  // is known from now on. (The frame stays as it is.)
  bool take(uint8_t port, std::span<uint8_t> frame, const Snapshot& snapshot);

  // A frame on its way to the kernel. An answer, or an ICMP error about a probe, gets its probe address back
  // and goes to the host_interface that the probe came from, without tags; anything else stays as it is. A
  // fragment without ports is an answer where the first one of its datagram was one of late. False: it claims
  // to come from a probe address, and must go no further.
  bool restore(FrameRing::Record& record, const Snapshot& snapshot);

 private:
  // The node's end of a flow.
  struct NodeEnd {
    IpAddress address;
    be16 port;
    uint8_t protocol = 0;  // 0: there is no flow here
    bool operator==(const NodeEnd&) const = default;
  };
  struct Flow {
    NodeEnd node;
    IpAddress probe;
    IpAddress vip;
    be16 vip_port;
    uint8_t host_port = 0;  // index of the port whose host_interface it came from
    bool closed = false;    // by a RST: nothing more is to come
    uint32_t used = 0;
  };
  struct Datagram {
    FragmentKey key;
    IpAddress probe;
    uint8_t host_port = 0;
  };
  static constexpr size_t kBucket = 4;

  const Packet* read(uint8_t port, std::span<uint8_t> frame, const Snapshot& snapshot);
  std::span<Flow> bucket(const NodeEnd& node);
  Flow* find(const NodeEnd& node);
  Flow& place_for(const NodeEnd& node);
  void note(uint8_t port, const Packet& packet, const Snapshot& snapshot);
  Flow* answered(const Packet& packet);
  Flow* complained_of(const Packet& packet);
  bool restore_later_fragment(FrameRing::Record& record, const Packet& packet, const Snapshot& snapshot);

  std::unique_ptr<Burst> burst_;  // of one packet, for parse
  std::vector<Flow> flows_;
  std::array<Datagram, kProbeDatagrams> datagrams_;  // whose first fragment was an answer; the oldest goes
  size_t next_datagram_ = 0;
  uint32_t clock_ = 0;  // counts packets
};

}  // namespace shunt
