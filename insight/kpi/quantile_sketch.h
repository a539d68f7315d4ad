// QuantileSketch: a histogram that is stored, sent and added: the buckets of stats/histogram.h, only those
// that have something in them. Adding two gives what one of all values would be, bit by bit.
//
// Unit: the caller's (µs, ms). Owner: one thread. Error: a quantile is within 1/128 of the value it stands
// for (nearest rank). Bound: 1,728 buckets of 8 bytes. Cost: add() is a search in a sorted vector; encoded, a
// bucket is one to three bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shunt::insight {

class QuantileSketch {
 public:
  // A bucket's count sticks at the largest that fits.
  static constexpr unsigned kCountBits = 53;
  static constexpr uint64_t kMaxCount = (uint64_t{1} << kCountBits) - 1;

  void add(uint32_t value, uint64_t times = 1);
  void merge(const QuantileSketch& other);

  bool empty() const { return buckets_.empty(); }
  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  // The value that `q` (0 to 1) of all are not above; 0 where there is none.
  double quantile(double q) const;
  // How many were below `value`, which begins a bucket (any power of two, and half above one from 64 on).
  uint64_t below(uint32_t value) const;

  // Varints (LEB128): buckets, sum, then for each bucket twice its count less one, plus 1 if there are empty
  // ones before it, whose number less one follows. Nothing at all for an empty sketch.
  std::string encode() const;
  // Refuses what encode() can't have written: cut or longer bytes, buckets out of order or range, a sum that
  // the buckets can't have.
  static std::optional<QuantileSketch> decode(std::string_view bytes);

  bool operator==(const QuantileSketch&) const = default;

 private:
  // Bucket in the upper bits, count in the lower 53: sorted words are sorted buckets.
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
};

}  // namespace shunt::insight
