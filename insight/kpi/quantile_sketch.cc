#include "insight/kpi/quantile_sketch.h"

#include <algorithm>

#include "insight/kpi/varint.h"
#include "stats/histogram.h"

namespace shunt::insight {
namespace {

constexpr unsigned bucket_of(uint64_t word) {
  return static_cast<unsigned>(word >> QuantileSketch::kCountBits);
}
constexpr uint64_t count_of(uint64_t word) {
  return word & QuantileSketch::kMaxCount;
}
constexpr uint64_t word_of(unsigned bucket, uint64_t count) {
  return uint64_t{bucket} << QuantileSketch::kCountBits | std::min(count, QuantileSketch::kMaxCount);
}
static_assert(bucket_of(word_of(kHistogramBuckets - 1, 1)) == kHistogramBuckets - 1);

// Neither wraps: what doesn't fit sticks at the largest.
uint64_t added(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}
uint64_t multiplied(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

}  // namespace

void QuantileSketch::add(uint32_t value, uint64_t times) {
  if (times == 0) return;
  const unsigned bucket = histogram_bucket(value);
  const auto at = std::lower_bound(buckets_.begin(), buckets_.end(), word_of(bucket, 0));
  if (at != buckets_.end() && bucket_of(*at) == bucket)
    *at = word_of(bucket, added(count_of(*at), times));
  else
    buckets_.insert(at, word_of(bucket, times));
  count_ = added(count_, times);
  sum_ = added(sum_, multiplied(value, times));
}

void QuantileSketch::merge(const QuantileSketch& other) {
  if (other.empty()) return;
  if (empty()) {
    *this = other;
    return;
  }
  std::vector<uint64_t> both;
  both.reserve(buckets_.size() + other.buckets_.size());
  auto a = buckets_.begin();
  auto b = other.buckets_.begin();
  while (a != buckets_.end() && b != other.buckets_.end()) {
    if (bucket_of(*a) == bucket_of(*b)) {
      both.push_back(word_of(bucket_of(*a), count_of(*a) + count_of(*b)));
      ++a;
      ++b;
    } else {
      both.push_back(*a < *b ? *a++ : *b++);
    }
  }
  both.insert(both.end(), a, buckets_.end());
  both.insert(both.end(), b, other.buckets_.end());
  buckets_.swap(both);
  count_ = added(count_, other.count_);
  sum_ = added(sum_, other.sum_);
}

double QuantileSketch::quantile(double q) const {
  if (empty()) return 0;
  const double wanted = static_cast<double>(count_) * std::clamp(q, 0.0, 1.0);
  uint64_t seen = 0;
  for (const uint64_t word : buckets_) {
    seen += count_of(word);
    if (static_cast<double>(seen) >= wanted) return histogram_range(bucket_of(word)).middle();
  }
  return histogram_range(bucket_of(buckets_.back())).middle();
}

uint64_t QuantileSketch::below(uint32_t value) const {
  const unsigned end = histogram_bucket(value);
  uint64_t seen = 0;
  for (const uint64_t word : buckets_) {
    if (bucket_of(word) >= end) break;
    seen = added(seen, count_of(word));
  }
  return seen;
}

std::string QuantileSketch::encode() const {
  std::string bytes;
  if (empty()) return bytes;
  bytes.reserve(12 + buckets_.size() * 3);
  put_varint(bytes, buckets_.size());
  put_varint(bytes, sum_);
  unsigned next = 0;
  for (const uint64_t word : buckets_) {
    const unsigned empty_ones = bucket_of(word) - next;
    put_varint(bytes, (count_of(word) - 1) * 2 + (empty_ones == 0 ? 0 : 1));
    if (empty_ones != 0) put_varint(bytes, empty_ones - 1);
    next = bucket_of(word) + 1;
  }
  return bytes;
}

std::optional<QuantileSketch> QuantileSketch::decode(std::string_view bytes) {
  QuantileSketch sketch;
  if (bytes.empty()) return sketch;
  const std::optional<uint64_t> size = take_varint(bytes);
  const std::optional<uint64_t> sum = take_varint(bytes);
  if (!size || !sum || *size == 0 || *size > kHistogramBuckets) return std::nullopt;
  sketch.buckets_.reserve(*size);
  uint64_t bucket = 0;
  uint64_t least = 0;
  uint64_t most = 0;
  for (uint64_t i = 0; i < *size; ++i, ++bucket) {
    const std::optional<uint64_t> token = take_varint(bytes);
    if (!token || *token / 2 >= kMaxCount) return std::nullopt;
    const uint64_t count = *token / 2 + 1;
    if (*token % 2 == 1) {
      const std::optional<uint64_t> empty_ones = take_varint(bytes);
      if (!empty_ones || *empty_ones >= kHistogramBuckets) return std::nullopt;
      bucket += *empty_ones + 1;
    }
    if (bucket >= kHistogramBuckets) return std::nullopt;
    const HistogramRange range = histogram_range(static_cast<unsigned>(bucket));
    sketch.buckets_.push_back(word_of(static_cast<unsigned>(bucket), count));
    sketch.count_ = added(sketch.count_, count);
    least = added(least, multiplied(range.low, count));
    most = added(most, multiplied(uint64_t{range.low} + range.width - 1, count));
  }
  if (!bytes.empty() || *sum < least || *sum > most) return std::nullopt;
  sketch.sum_ = *sum;
  return sketch;
}

}  // namespace shunt::insight
