// Flow records whose every field follows from a number, so that one that was torn or mixed up shows.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>

#include "stats/flow_record.h"

namespace shunt {

// The number is in `ended_us`.
inline FlowRecord record_of(uint64_t number) {
  FlowRecord record;
  record.ended_us = number;
  std::minstd_rand random(static_cast<uint32_t>(number) + 1);
  for (uint8_t& byte : record.client)
    byte = static_cast<uint8_t>(random());
  record.connect_us = static_cast<uint32_t>(random());
  record.first_byte_us = static_cast<uint32_t>(random());
  record.duration_ms = static_cast<uint32_t>(random());
  record.packets = static_cast<uint32_t>(random());
  record.reply_packets = static_cast<uint32_t>(random());
  record.bytes.set(random() * uint64_t{251});
  record.reply_bytes.set(random() * uint64_t{241});
  record.client_port = static_cast<uint16_t>(random());
  record.service = static_cast<uint16_t>(random());
  record.backend = static_cast<uint16_t>(random());
  record.outcome = static_cast<uint8_t>(random());
  record.flags = static_cast<uint8_t>(random());
  record.syn_retransmits = static_cast<uint8_t>(random());
  record.attempt = static_cast<uint8_t>(random());
  return record;
}

inline bool same(const FlowRecord& a, const FlowRecord& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace shunt
