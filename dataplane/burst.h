// Burst: the packets of one receive call, as a struct of arrays, on their way through the stages.
//
// Owner: one Worker. Bound: kBurstSize packets. A stage runs over the live indices; what leaves (sent,
// punted, dropped) is told its fate once and compacted away. Frames stay where they are until transmit, which
// alone frees.
#pragma once

#include <array>
#include <cstdint>

#include "common/keyed_hash.h"
#include "dataplane/flow_key.h"
#include "dataplane/packet_view.h"
#include "dataplane/snapshot.h"
#include "stats/drop_reason.h"

namespace shunt {

inline constexpr unsigned kBurstSize = 64;

// One received frame: where its bytes are, and what the device layer knows it by.
struct Frame {
  uint8_t* data = nullptr;  // Ethernet header; at least kHeadroomBytes of room lie before it
  uint32_t bytes = 0;
  void* handle = nullptr;
};

// Room that rewrite may need before the Ethernet header (an IPv6 outer header and UDP with GUE fit).
inline constexpr uint16_t kHeadroomBytes = 128;

enum class Fate : uint8_t { live, send, punt, punt_urgent, hand_over, drop };

// Which way a packet of a flow goes.
enum class Direction : uint8_t { to_backend, reply };

struct Burst {
  uint8_t port = 0;  // all packets of a burst came in there
  unsigned count = 0;
  unsigned live_count = 0;
  unsigned decided = 0;    // fates told since the last compact()
  unsigned selecting = 0;  // how many want select
  std::array<uint8_t, kBurstSize> live{};

  std::array<Frame, kBurstSize> frame{};
  std::array<PacketView, kBurstSize> view{};
  std::array<Fate, kBurstSize> fate{};
  std::array<DropReason, kBurstSize> reason{};
  std::array<uint8_t, kBurstSize> out_port{};
  std::array<uint8_t, kBurstSize> owner{};  // hand_over: the worker whose flow it is
  std::array<uint32_t, kBurstSize> received_bytes{};

  std::array<const Service*, kBurstSize> service{};  // from classify on
  std::array<Direction, kBurstSize> direction{};
  std::array<uint8_t, kBurstSize> to_host{};  // a reply to a node address: written to host_interface
  std::array<FlowKey, kBurstSize> key{};
  std::array<BackendRef, kBurstSize> backend{};  // from lookup or select on (replies: from classify)
  std::array<const Destination*, kBurstSize> destination{};
  std::array<uint8_t, kBurstSize> wants_select{};  // lookup found no entry that decides

  void start(uint8_t from_port, unsigned packets) {
    port = from_port;
    count = packets;
    live_count = packets;
    decided = 0;
    selecting = 0;
    for (unsigned i = 0; i < packets; ++i) {
      live[i] = static_cast<uint8_t>(i);
      fate[i] = Fate::live;
      received_bytes[i] = frame[i].bytes;
      service[i] = nullptr;
      to_host[i] = 0;
      wants_select[i] = 0;
      destination[i] = nullptr;
    }
  }

  void drop(unsigned i, DropReason why) {
    ++decided;
    fate[i] = Fate::drop;
    reason[i] = why;
  }
  void punt(unsigned i, bool urgent) {
    ++decided;
    fate[i] = urgent ? Fate::punt_urgent : Fate::punt;
  }
  void hand_over(unsigned i, uint8_t worker) {
    ++decided;
    fate[i] = Fate::hand_over;
    owner[i] = worker;
  }
  void send(unsigned i, uint8_t port_out) {
    ++decided;
    fate[i] = Fate::send;
    out_port[i] = port_out;
  }

  // Removes from the live list what a stage has decided. Called once at the end of each stage.
  void compact() {
    if (decided == 0) return;
    decided = 0;
    unsigned kept = 0;
    for (unsigned n = 0; n < live_count; ++n) {
      const uint8_t i = live[n];
      live[kept] = i;
      kept += fate[i] == Fate::live ? 1U : 0U;
    }
    live_count = kept;
  }
};

}  // namespace shunt
