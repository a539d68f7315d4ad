// Burst: the packets of one receive call, on their way through the stages.
//
// Owner: one Worker. Bound: kBurstSize packets. What every stage needs of a packet is one cache line
// (Packet), so that one address is enough to reach it: arrays side by side cost a third more instructions.
// What only some packets have stands in arrays beside it. A packet is a bit in `live`: a stage runs over the
// live ones; what leaves (punted, dropped, handed over) is told its fate once, which takes its bit away. What
// is still live behind rewrite goes out, by the port that `leaving` says. Frames stay where they are until
// transmit, which alone frees.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "common/keyed_hash.h"
#include "dataplane/flow_key.h"
#include "dataplane/packet_view.h"
#include "dataplane/snapshot.h"
#include "stats/drop_reason.h"
#include "stats/traffic_counters.h"

namespace shunt {

inline constexpr unsigned kBurstSize = 64;
inline constexpr unsigned kPrefetchDistance = 4;  // of take_plain, in packets

// Where a frame's bytes are, and what the device layer knows it by.
struct Frame {
  uint8_t* data = nullptr;  // Ethernet header; at least kHeadroomBytes of room lie before it
  uint32_t bytes = 0;
  void* handle = nullptr;
};

// One packet of a burst.
struct alignas(64) Packet {
  uint8_t* data = nullptr;  // as in Frame
  void* handle = nullptr;
  uint32_t bytes = 0;
  uint32_t pair = 0;                 // from lookup or select on (not of replies): the row that counts it
  const Service* service = nullptr;  // from classify on
  const Destination* destination = nullptr;  // from lookup or select on (not of replies)
  uint64_t key_value = 0;                    // FlowKey, from classify on
  uint32_t key_index = 0;
  PacketView view;  // from parse on

  Frame frame() const { return {data, bytes, handle}; }
  void set_frame(const Frame& frame) {
    data = frame.data;
    bytes = frame.bytes;
    handle = frame.handle;
  }
  FlowKey key() const { return {key_value, key_index}; }
  void set_key(const FlowKey& key) {
    key_value = key.value;
    key_index = key.index;
  }
};
static_assert(sizeof(Packet) == 64);

// Room that rewrite may need before the Ethernet header (an IPv6 outer header and UDP with GUE fit).
inline constexpr uint16_t kHeadroomBytes = 128;

// hold: a copy of it waits in the fragment table. cut: it leaves in pieces. answer: dropped, and whoever sent
// it is told (icmp_answer.h).
enum class Fate : uint8_t { punt, punt_urgent, hand_over, hold, cut, drop, answer };

// The packets of a mask, first to last: for (const unsigned i : bits_of(mask)).
class BitRange {
 public:
  class Iterator {
   public:
    explicit Iterator(uint64_t rest) : rest_(rest) {}
    unsigned operator*() const { return static_cast<unsigned>(std::countr_zero(rest_)); }
    Iterator& operator++() {
      rest_ &= rest_ - 1;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return rest_ != other.rest_; }

   private:
    uint64_t rest_;
  };
  explicit BitRange(uint64_t mask) : mask_(mask) {}
  Iterator begin() const { return Iterator(mask_); }
  Iterator end() const { return Iterator(0); }

 private:
  uint64_t mask_;
};
inline BitRange bits_of(uint64_t mask) {
  return BitRange(mask);
}
inline constexpr uint64_t bit_of(unsigned i) {
  return uint64_t{1} << i;
}
inline constexpr uint64_t first_bits(unsigned count) {
  return count == 64 ? ~uint64_t{0} : bit_of(count) - 1;
}

struct Burst {
  uint8_t port = 0;  // all packets of a burst came in there
  unsigned count = 0;
  uint64_t live = 0;
  uint64_t replies = 0;     // from a nat backend to its client
  uint64_t to_host = 0;     // of those, the ones to a node address: written to host_interface
  uint64_t selecting = 0;   // lookup found no entry that decides
  uint64_t unknown = 0;     // of those, the ones without any entry
  uint64_t known_syns = 0;  // SYNs of flows whose entry decided
  uint64_t errors = 0;      // ICMP errors about a flow: not live until select has found whose (icmp_error.h)

  uint64_t fragments = 0;    // for a VIP, or from a nat backend
  uint8_t passed = 0;        // how many other workers these have been at
  bool strips_tags = false;  // of rewrite: the port's vlan is "strip"

  uint64_t plain4 = 0;        // take_plain took these, of IPv4: no tag, no option, a service's
  uint64_t plain6 = 0;        // the same of IPv6
  uint64_t unparsed = 0;      // take_plain left them to parse
  uint64_t unclassified = 0;  // and these to classify

  uint32_t ways_out = 0;                      // ports (bit by index) that packets leave by: from rewrite on
  std::array<uint64_t, kMaxPorts> leaving{};  // and which, of the ways out

  // Behind the last one there is room for take_plain to prefetch at.
  std::array<Packet, kBurstSize + kPrefetchDistance> packet{};
  std::array<BackendRef, kBurstSize> backend{};    // of replies: from classify on
  std::array<Hash128, kBurstSize> opening_hash{};  // select's own: of packets that open a flow
  // Of those that left: the fate, and its drop reason or the worker that owns the flow.
  std::array<Fate, kBurstSize> fate{};
  std::array<DropReason, kBurstSize> reason{};
  std::array<uint8_t, kBurstSize> owner{};
  std::array<uint16_t, kBurstSize> fits{};        // of what is too big: the IP bytes that would fit
  std::array<uint8_t, kBurstSize> pieces_port{};  // of what is cut: where the pieces leave

  void start(uint8_t from_port, unsigned packets) {
    port = from_port;
    count = packets;
    live = all();
    replies = 0;
    to_host = 0;
    selecting = 0;
    unknown = 0;
    errors = 0;
    fragments = 0;
    known_syns = 0;
    plain4 = 0;
    plain6 = 0;
    unparsed = live;
    unclassified = live;
    ways_out = 0;
  }

  uint64_t all() const { return first_bits(count); }
  uint64_t left() const { return all() & ~live; }  // whose fate was told
  bool is_reply(unsigned i) const { return (replies & bit_of(i)) != 0; }
  bool is_error(unsigned i) const { return (errors & bit_of(i)) != 0; }
  bool is_to_host(unsigned i) const { return (to_host & bit_of(i)) != 0; }

  unsigned index_of(const Packet& of) const { return static_cast<unsigned>(&of - packet.data()); }

  // `body(packet)` for those of a mask, in order. Mostly it is all of the burst, and then stepping through it
  // is six instructions a packet less than looking for bits.
  template <typename Body>
  void each_of(uint64_t mask, Body&& body) {
    if (mask == all()) [[likely]] {
      for (Packet *at = packet.data(), *const end = at + count; at != end; ++at)
        body(*at);
    } else {
      for (const unsigned i : bits_of(mask))
        body(packet[i]);
    }
  }
  // The same with `body(index)`.
  template <typename Body>
  void each_index(uint64_t mask, Body&& body) const {
    if (mask == all()) [[likely]] {
      for (unsigned i = 0; i < count; ++i)
        body(i);
    } else {
      for (const unsigned i : bits_of(mask))
        body(i);
    }
  }
  template <typename Body>
  void each_of(uint64_t mask, Body&& body) const {
    const_cast<Burst*>(this)->each_of(mask, [&](const Packet& each) { body(each); });
  }

  void drop(unsigned i, DropReason why) {
    reason[i] = why;
    leave(i, Fate::drop);
  }
  // Dropped, and answered where its source may be (`fitting`: to too_big only).
  void answer(unsigned i, DropReason why, uint16_t fitting = 0) {
    reason[i] = why;
    fits[i] = fitting;
    leave(i, Fate::answer);
  }
  // An ICMP error waits for select.
  void hold_error(unsigned i) {
    errors |= bit_of(i);
    live &= ~bit_of(i);
  }
  void punt(unsigned i, bool urgent) { leave(i, urgent ? Fate::punt_urgent : Fate::punt); }
  void hand_over(unsigned i, uint8_t worker) {
    owner[i] = worker;
    leave(i, Fate::hand_over);
  }
  void hold(unsigned i) { leave(i, Fate::hold); }
  void cut(unsigned i, uint16_t longest, uint8_t out_port) {
    fits[i] = longest;
    pieces_port[i] = out_port;
    leave(i, Fate::cut);
  }
  // One that was held goes on.
  void rejoin(unsigned i) { live |= bit_of(i); }
  void leave_by(uint8_t out_port, uint64_t packets) {
    const uint32_t way = uint32_t{1} << out_port;
    leaving[out_port] = packets | ((ways_out & way) != 0 ? leaving[out_port] : 0);
    ways_out |= way;
  }
  // The backend that packet `i` of a service goes to.
  void decide(unsigned i, BackendRef chosen) {
    Packet& decided = packet[i];
    const Service& service = *decided.service;
    decided.destination = &service.destination(chosen);
    decided.pair = service.pair(chosen);
    __builtin_prefetch(decided.destination);
  }

 private:
  void leave(unsigned i, Fate how) {
    fate[i] = how;
    live &= ~bit_of(i);
  }
};

}  // namespace shunt
