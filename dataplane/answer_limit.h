// AnswerLimit: how many answers of one kind a source gets in a second.
//
// Owner: one Worker, which has its share of `[icmp] rate`, at least one. Bound: kPlaces counters and no
// names: a source and kind count at the place that a keyed hash names, whoever else counts there. So spoofed
// sources can neither grow the table nor give anybody a fresh count; a flood of them only takes answers from
// others, until the second is over. The seconds are the clock's: in a second that lies across two of them a
// source may get twice its rate. Cost: one line per answer.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/address.h"
#include "common/keyed_hash.h"
#include "stats/drop_reason.h"

namespace shunt {

class AnswerLimit {
 public:
  static constexpr uint32_t kPlaces = 8192;

  // Of all `workers` together. 0: no answers.
  void set_rate(uint32_t per_second, unsigned workers) {
    rate_ = per_second;
    workers_ = workers;
  }

  // False: this source has had its answers to what is dropped `kind`.
  bool take(const HashKey& key, const IpAddress& source, DropReason kind, uint32_t second) {
    const Hash128 hash =
        keyed_hash(key, load_block(source.bytes().data()), __m128i{}, static_cast<uint64_t>(kind));
    Place& place = places_[scale_to(static_cast<uint32_t>(hash.low), kPlaces)];
    if (place.second != second) place = {second, 0};
    if (place.answers >= share()) return false;
    ++place.answers;
    return true;
  }

 private:
  struct Place {
    uint32_t second = 0;
    uint32_t answers = 0;
  };

  uint32_t share() const { return rate_ == 0 ? 0 : std::max(1U, rate_ / workers_); }

  uint32_t rate_ = 0;
  unsigned workers_ = 1;
  std::array<Place, kPlaces> places_{};
};

}  // namespace shunt
