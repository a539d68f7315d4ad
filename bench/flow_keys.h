// The flows that table benches speak of: numbered, made from their number alone, so that millions need no
// memory.
//
// A flow's 5-tuple is random to look at and no two are equal. The service is what the VIP lookup has found by
// the time the tables are asked; here 100 of them.
#pragma once

#include <cstdint>

#include "bench/rival_maps.h"
#include "dataplane/backend_ref.h"
#include "dataplane/flow_key.h"

namespace shunt::bench {

inline constexpr uint32_t kServices = 100;

inline uint64_t mixed(uint64_t number) {
  number = (number ^ (number >> 30U)) * 0xbf58476d1ce4e5b9U;
  number = (number ^ (number >> 27U)) * 0x94d049bb133111ebU;
  return number ^ (number >> 31U);
}

// One to one on 32 bits.
inline uint32_t mixed32(uint32_t number) {
  number = (number ^ (number >> 16U)) * 0x7feb352dU;
  number = (number ^ (number >> 15U)) * 0x846ca68bU;
  return number ^ (number >> 16U);
}

inline uint16_t service_of_flow(uint32_t number) {
  return static_cast<uint16_t>(1 + mixed(number) % kServices);
}

// What the tables are given to remember: never kNone.
inline BackendRef backend_of_flow(uint32_t number) {
  return BackendRef::of(0, static_cast<unsigned>(mixed(number) >> 40U));
}

// 13 bytes of 5-tuple, filled up to 16.
struct Flow4 {
  static constexpr const char* kFamily = "ipv4";
  uint32_t source = 0;
  uint32_t destination = 0;
  uint16_t sport = 0;
  uint16_t dport = 0;
  uint32_t protocol = 6;

  static Flow4 of(uint32_t number) {
    return {mixed32(number), 0xc6336400U + service_of_flow(number),
            static_cast<uint16_t>(mixed(number) >> 20U), 80};
  }
  FlowKey key(uint16_t service) const {
    return exact_flow_key(kBenchKey, service, be32::from_raw(source), be16::from_raw(sport));
  }
  bool operator==(const Flow4& other) const { return std::memcmp(this, &other, sizeof *this) == 0; }
};
static_assert(sizeof(Flow4) == 16);

// 37 bytes of 5-tuple, filled up to 40.
struct Flow6 {
  static constexpr const char* kFamily = "ipv6";
  uint64_t source[2] = {};
  uint64_t destination[2] = {};
  uint16_t sport = 0;
  uint16_t dport = 0;
  uint32_t protocol = 6;

  static Flow6 of(uint32_t number) {
    return {{mixed(number), mixed(~uint64_t{number})},
            {0x000000b80d012000, service_of_flow(number)},
            static_cast<uint16_t>(mixed(number) >> 20U),
            80};
  }
  FlowKey key(uint16_t service) const {
    return digest_flow_key_v6(kBenchKey, service, reinterpret_cast<const uint8_t*>(source),
                              reinterpret_cast<const uint8_t*>(destination), be16::from_raw(sport),
                              be16::from_raw(dport), static_cast<uint8_t>(protocol));
  }
  bool operator==(const Flow6& other) const { return std::memcmp(this, &other, sizeof *this) == 0; }
};
static_assert(sizeof(Flow6) == 40);

}  // namespace shunt::bench
