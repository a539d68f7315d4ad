// FlowRecord: what is known of one flow at its end, or of one attempt that failed: 64 bytes, the same in
// every process that reads them (docs/records.md has the table for readers in other languages).
//
// Trivially copyable, no holes, little-endian as x86 is. A number too large for its field stays at the
// field's largest. Names of services and backends aren't here: their numbers are those of the API, at the
// generation that the segment names (record_segment.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>

#include "common/address.h"

namespace shunt {

// 40 bits: a tebibyte less one byte.
class Count40 {
 public:
  static constexpr uint64_t kMax = (uint64_t{1} << 40U) - 1;

  uint64_t get() const {
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data(), bytes_.size());
    return value;
  }
  void set(uint64_t value) {
    const uint64_t kept = std::min(value, kMax);
    std::memcpy(bytes_.data(), &kept, bytes_.size());
  }

 private:
  std::array<uint8_t, 5> bytes_{};
};

// A count that sticks at 2^32 − 1.
constexpr uint32_t saturated32(uint64_t value) {
  return static_cast<uint32_t>(std::min<uint64_t>(value, std::numeric_limits<uint32_t>::max()));
}

// The bits of `flags`.
inline constexpr uint8_t kFlowUdp = 1U << 0U;  // else TCP
// Had a side record: bytes, first byte and the like are exact.
inline constexpr uint8_t kFlowSampled = 1U << 1U;
inline constexpr uint8_t kFlowIpv6 = 1U << 2U;  // the client's family
// connect_us is from the SYN to the client's ACK (DSR), else to the SYN-ACK.
inline constexpr uint8_t kFlowConnectAck = 1U << 3U;

struct alignas(64) FlowRecord {
  uint64_t ended_us = 0;             //  0: wall clock at the end, µs since 1970
  std::array<uint8_t, 16> client{};  //  8: as on the wire; IPv4 as ::ffff:a.b.c.d; all 0: not known
  uint32_t connect_us = 0;           // 24: handshake, by the method that `flags` names; 0: none seen
  uint32_t first_byte_us = 0;        // 28: client's first payload to the backend's first; 0: none seen
  uint32_t duration_ms = 0;          // 32: first packet to last; 0: within one millisecond
  uint32_t packets = 0;              // 36: client to backend
  uint32_t reply_packets = 0;        // 40: backend to client; 0 in DSR, where they don't pass
  Count40 bytes;                     // 44: client to backend, whole frames as they came in
  Count40 reply_bytes;               // 49: backend to client, as above
  uint16_t client_port = 0;          // 54: host order; 0: not known
  uint16_t service = 0;              // 56: id, from 1; 0: none
  uint16_t backend = 0;              // 58: 2 bits of pool position, 14 bits of number in it (BackendRef)
  uint8_t outcome = 0;               // 60: a number of stats/outcome.h
  uint8_t flags = 0;                 // 61: kFlow... above
  uint8_t syn_retransmits = 0;       // 62: repeated SYNs, 255: that or more
  uint8_t attempt = 0;               // 63: place in a chain of retries, 1: the first; 0: not known

  void set_client(const IpAddress& address, uint16_t port) {
    client = address.bytes();
    client_port = port;
    flags = static_cast<uint8_t>(address.is_v4() ? flags & ~kFlowIpv6 : flags | kFlowIpv6);
  }
  std::optional<IpAddress> client_address() const {
    if (client == std::array<uint8_t, 16>{}) return std::nullopt;
    if ((flags & kFlowIpv6) != 0) return IpAddress::v6(client.data());
    return IpAddress::v4(load<be32>(client.data() + 12));
  }
};

static_assert(sizeof(FlowRecord) == 64 && std::is_trivially_copyable_v<FlowRecord> &&
              std::is_standard_layout_v<FlowRecord>);
static_assert(offsetof(FlowRecord, ended_us) == 0 && offsetof(FlowRecord, client) == 8 &&
              offsetof(FlowRecord, connect_us) == 24 && offsetof(FlowRecord, first_byte_us) == 28 &&
              offsetof(FlowRecord, duration_ms) == 32 && offsetof(FlowRecord, packets) == 36 &&
              offsetof(FlowRecord, reply_packets) == 40 && offsetof(FlowRecord, bytes) == 44 &&
              offsetof(FlowRecord, reply_bytes) == 49 && offsetof(FlowRecord, client_port) == 54 &&
              offsetof(FlowRecord, service) == 56 && offsetof(FlowRecord, backend) == 58 &&
              offsetof(FlowRecord, outcome) == 60 && offsetof(FlowRecord, flags) == 61 &&
              offsetof(FlowRecord, syn_retransmits) == 62 && offsetof(FlowRecord, attempt) == 63);

}  // namespace shunt
