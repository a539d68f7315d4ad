// OuterIds: identifications of outer IPv4 headers that may be cut on their way.
//
// RFC 6864 4.1: between two addresses none may come again while pieces of a datagram with the same one may
// still be underway. Owner: one Worker; workers take turns in the 16 bits, so that no two ever give the same
// one. Bound: 256 counters that backends share, so one comes again after 65,536 / workers packets to a
// backend, or sooner where busy backends share a counter; at high rates that is too soon, as with any IPv4
// sender. Cost: a counter's line, for packets without DF only.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "common/byte_order.h"
#include "common/keyed_hash.h"

namespace shunt {

class OuterIds {
 public:
  // `key` is random, so that a restart doesn't begin where the process before it began.
  explicit OuterIds(const HashKey& key) {
    counters_.fill(static_cast<uint16_t>(keyed_hash(key, uint64_t{0}, uint64_t{0}).low));
  }

  [[gnu::noinline]] uint16_t next(be32 backend, unsigned worker, unsigned workers) {
    const uint16_t turn = counters_[(backend.raw() * 0x9e3779b1U) >> 24U]++;
    return static_cast<uint16_t>(turn * std::bit_ceil(workers) + worker);
  }

 private:
  std::array<uint16_t, 256> counters_;
};

}  // namespace shunt
