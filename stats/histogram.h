// Histogram: how often which value came, log-linear (64 buckets to each power of two), so that any quantile
// is within 1/128 of the value it stands for, and histograms of workers are added bucket by bucket.
//
// Unit: the caller's (microseconds, milliseconds). Owner: one writer; any thread reads. Cost: one addition to
// a bucket and one to the sum; 13.8 kB, of which what is used is touched. All bits zero is empty. The same
// scheme as HdrHistogram (G. Tene), with a fixed range.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "stats/counter.h"

namespace shunt {

inline constexpr unsigned kHistogramBits = 6;
inline constexpr unsigned kHistogramBuckets =
    ((32 - kHistogramBits) << kHistogramBits) + (1U << kHistogramBits);

// Values below 128 have a bucket each.
constexpr unsigned histogram_bucket(uint32_t value) {
  const auto octave = static_cast<unsigned>(
      std::max(0, static_cast<int>(std::bit_width(value)) - static_cast<int>(kHistogramBits + 1)));
  return (octave << kHistogramBits) + (value >> octave);
}

// A bucket holds [low, low + width).
struct HistogramRange {
  uint32_t low = 0;
  uint32_t width = 1;
  constexpr double middle() const { return low + (width - 1) / 2.0; }
};
constexpr HistogramRange histogram_range(unsigned bucket) {
  constexpr unsigned kExact = 2U << kHistogramBits;
  if (bucket < kExact) return {bucket, 1};
  const unsigned octave = (bucket >> kHistogramBits) - 1;
  return {(bucket - (octave << kHistogramBits)) << octave, 1U << octave};
}
static_assert(histogram_bucket(UINT32_MAX) == kHistogramBuckets - 1);

class Histogram {
 public:
  void add(uint32_t value) {
    count_.add(1);
    buckets_[histogram_bucket(value)].add(1);
    sum_.add(value);
  }
  // What is longer than the range counts as its end: 71 minutes in microseconds.
  void add_clamped(uint64_t value) { add(static_cast<uint32_t>(std::min<uint64_t>(value, UINT32_MAX))); }
  // One of the two lines that add() will want. (Adds that follow each other wait for their buckets together.)
  void prefetch() const { __builtin_prefetch(&count_, 1); }
  uint64_t count(unsigned bucket) const { return buckets_[bucket].read(); }
  uint64_t sum() const { return sum_.read(); }
  uint64_t count() const { return count_.read(); }  // of all; ahead of the buckets while it is written
  // While nobody writes.
  void clear() {
    for (Counter& bucket : buckets_) {
      if (bucket.read() != 0) bucket.set(0);
    }
    sum_.set(0);
    count_.set(0);
  }

 private:
  Counter count_;
  Counter sum_;
  std::array<Counter, kHistogramBuckets> buckets_;
};

// A reader's copy: the sum of any number of histograms.
class HistogramSum {
 public:
  HistogramSum& operator+=(const Histogram& other) {
    // What is above the largest value isn't read: those are most buckets, and of an empty one all, whose
    // pages were never touched. Values that come meanwhile may take the place of larger ones until the next
    // time.
    const uint64_t all = other.count();
    uint64_t seen = 0;
    for (unsigned i = 0; seen < all && i < kHistogramBuckets; ++i) {
      const uint64_t count = other.count(i);
      buckets_[i] += count;
      seen += count;
    }
    count_ += seen;
    sum_ += other.sum();
    return *this;
  }
  HistogramSum& operator+=(const HistogramSum& other) {
    for (unsigned i = 0; i < kHistogramBuckets; ++i)
      buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    return *this;
  }

  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  uint64_t count(unsigned bucket) const { return buckets_[bucket]; }
  // How many were below `value`, which begins a bucket.
  uint64_t below(uint32_t value) const {
    uint64_t count = 0;
    for (unsigned i = 0; i < histogram_bucket(value); ++i)
      count += buckets_[i];
    return count;
  }
  // The value that `q` (0 to 1) of all are not above, by nearest rank; 0 where there is none.
  double quantile(double q) const {
    if (count_ == 0) return 0;
    const auto wanted = static_cast<double>(count_) * std::clamp(q, 0.0, 1.0);
    uint64_t seen = 0;
    for (unsigned i = 0; i < kHistogramBuckets; ++i) {
      seen += buckets_[i];
      if (buckets_[i] != 0 && static_cast<double>(seen) >= wanted) return histogram_range(i).middle();
    }
    return histogram_range(kHistogramBuckets - 1).middle();
  }

 private:
  std::array<uint64_t, kHistogramBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
};

}  // namespace shunt
