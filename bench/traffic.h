// Traffic: the packets of clients, made from numbers: one number is always the same flow, and two numbers
// never are.
//
// Frames are the shortest TCP ones (60 bytes for IPv4, its pad included; 74 for IPv6), right in every
// checksum, and later fragments of the same size. Source addresses are those that RFC 2544 gives to benches;
// which of the services a flow is for is a hash of its number.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/pipeline_world.h"

namespace shunt::bench {

inline constexpr unsigned kLongestFrame = 74;

// xorshift64*: quick, and good enough to choose flows.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    return state_ * 0x2545'f491'4f6c'dd1dU;
  }
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(((next() >> 32U) * bound) >> 32U); }

 private:
  uint64_t state_;
};

// later_fragment: the end of a datagram whose other fragments never come; the number is the datagram's.
enum class Segment : uint8_t { syn, ack, later_fragment };

class Traffic {
 public:
  // Flows are for the first `services` of the world.
  explicit Traffic(Family family, unsigned services = kServices);

  unsigned frame_bytes() const { return family_ == Family::ipv4 ? 60 : 74; }
  unsigned services() const { return services_; }
  unsigned service_of_flow(uint32_t flow) const;
  Tuple tuple(uint32_t flow) const;

  // The flow's opening, a packet of its middle, or a fragment to its VIP; `frame` has room for frame_bytes().
  void write(uint8_t* frame, uint32_t flow, Segment segment) const;

 private:
  void write_later_fragment(uint8_t* frame, uint32_t number) const;
  void write_v4(uint8_t* frame, uint32_t flow) const;
  void write_v6(uint8_t* frame, uint32_t flow) const;

  Family family_;
  unsigned services_;
  std::vector<IpAddress> vips_;
  uint8_t start_[kLongestFrame] = {};  // what all frames have in common
};

}  // namespace shunt::bench
