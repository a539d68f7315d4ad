// Quantiles against exact sorting, on distributions that latencies have; merging; the edges of buckets.
#include "stats/histogram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace shunt {
namespace {

constexpr size_t kSamples = 1'000'000;

struct Shape {
  std::string name;
  std::function<double(std::mt19937_64&)> draw;
};

std::vector<Shape> shapes() {
  return {
      {"lognormal", [](auto& random) { return std::lognormal_distribution<>(6.5, 1.2)(random); }},
      {"exponential", [](auto& random) { return std::exponential_distribution<>(1e-4)(random); }},
      {"uniform", [](auto& random) { return std::uniform_real_distribution<>(0, 4e9)(random); }},
      {"two_modes",
       [](auto& random) {
         const bool slow = std::bernoulli_distribution(0.03)(random);
         return std::normal_distribution<>(slow ? 1e6 : 250, slow ? 2e4 : 20)(random);
       }},
      {"small", [](auto& random) { return std::uniform_real_distribution<>(0, 130)(random); }},
  };
}

uint32_t as_value(double drawn) {
  return static_cast<uint32_t>(std::clamp(drawn, 0.0, 4294967295.0));
}

TEST(Histogram, BucketsCoverAllValuesOnce) {
  uint64_t next = 0;
  for (unsigned i = 0; i < kHistogramBuckets; ++i) {
    const HistogramRange range = histogram_range(i);
    ASSERT_EQ(range.low, next) << i;
    ASSERT_EQ(histogram_bucket(range.low), i);
    ASSERT_EQ(histogram_bucket(range.low + (range.width - 1)), i);
    ASSERT_LE(range.width, std::max(1U, range.low / 64));
    next = uint64_t{range.low} + range.width;
  }
  EXPECT_EQ(next, uint64_t{1} << 32U);
}

TEST(Histogram, QuantilesAreWithinOnePercentOfSorting) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(shape.name);
    std::mt19937_64 random(17);
    const auto histogram = std::make_unique<Histogram>();
    std::vector<uint32_t> samples(kSamples);
    uint64_t sum = 0;
    for (uint32_t& sample : samples) {
      sample = as_value(shape.draw(random));
      histogram->add(sample);
      sum += sample;
    }
    std::sort(samples.begin(), samples.end());
    HistogramSum read;
    read += *histogram;
    EXPECT_EQ(read.count(), kSamples);
    EXPECT_EQ(read.sum(), sum);
    for (const double q : {0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999}) {
      const auto rank = static_cast<size_t>(std::ceil(q * kSamples)) - 1;
      const double exact = samples[rank];
      EXPECT_NEAR(read.quantile(q), exact, std::max(0.5, 0.01 * exact)) << q;
    }
    EXPECT_NEAR(read.quantile(0), samples.front(), std::max(0.5, 0.01 * samples.front()));
    EXPECT_NEAR(read.quantile(1), samples.back(), std::max(0.5, 0.01 * samples.back()));
  }
}

TEST(Histogram, PartsAddedAreTheWhole) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(shape.name);
    std::mt19937_64 random(23);
    std::vector<std::unique_ptr<Histogram>> parts;
    for (unsigned i = 0; i < 3; ++i)
      parts.push_back(std::make_unique<Histogram>());
    const auto whole = std::make_unique<Histogram>();
    for (size_t i = 0; i < kSamples / 10; ++i) {
      const uint32_t sample = as_value(shape.draw(random));
      parts[random() % parts.size()]->add(sample);
      whole->add(sample);
    }
    HistogramSum one_by_one;
    for (const auto& part : parts)
      one_by_one += *part;
    HistogramSum first;
    first += *parts[0];
    HistogramSum others;
    others += *parts[1];
    others += *parts[2];
    first += others;
    HistogramSum all;
    all += *whole;
    for (unsigned i = 0; i < kHistogramBuckets; ++i) {
      ASSERT_EQ(one_by_one.count(i), all.count(i));
      ASSERT_EQ(first.count(i), all.count(i));
    }
    EXPECT_EQ(one_by_one.sum(), all.sum());
    EXPECT_EQ(first.count(), all.count());
  }
}

TEST(Histogram, CountsBelowAnEdge) {
  const auto histogram = std::make_unique<Histogram>();
  for (uint32_t value = 0; value < 2000; ++value)
    histogram->add(value);
  HistogramSum read;
  read += *histogram;
  for (const uint32_t edge : {1U, 50U, 128U, 264U, 608U, 1392U})
    EXPECT_EQ(read.below(edge), edge);
}

TEST(Histogram, EmptyAndCleared) {
  const auto histogram = std::make_unique<Histogram>();
  HistogramSum empty;
  empty += *histogram;
  EXPECT_EQ(empty.quantile(0.5), 0);
  histogram->add_clamped(uint64_t{1} << 40U);
  HistogramSum longest;
  longest += *histogram;
  EXPECT_NEAR(longest.quantile(0.5), 4294967295.0, 0.01 * 4294967295.0);
  histogram->clear();
  HistogramSum cleared;
  cleared += *histogram;
  EXPECT_EQ(cleared.count(), 0U);
  EXPECT_EQ(cleared.sum(), 0U);
}

}  // namespace
}  // namespace shunt
