// Sketches against exact answers: quantiles against sorting, unique counts against a set, heavy hitters
// against a map; merging against the whole; bytes that nobody wrote.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "insight/kpi/heavy_hitters.h"
#include "insight/kpi/quantile_sketch.h"
#include "insight/kpi/unique_sketch.h"
#include "insight/kpi/varint.h"

namespace shunt::insight {
namespace {

constexpr size_t kSamples = 100'000;

std::vector<uint32_t> samples_of(double mean, double spread, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::lognormal_distribution<> draw(mean, spread);
  std::vector<uint32_t> samples(kSamples);
  for (uint32_t& sample : samples)
    sample = static_cast<uint32_t>(std::min(draw(random), 4.2e9));
  return samples;
}

QuantileSketch sketch_of(const std::vector<uint32_t>& samples, size_t from = 0, size_t to = SIZE_MAX) {
  QuantileSketch sketch;
  for (size_t i = from; i < std::min(to, samples.size()); ++i)
    sketch.add(samples[i]);
  return sketch;
}

TEST(QuantileSketch, IsWithinOnePercentOfSorting) {
  for (const auto& [mean, spread] : {std::pair{6.5, 1.2}, {13.0, 2.0}, {3.0, 0.4}, {20.0, 1.5}}) {
    std::vector<uint32_t> samples = samples_of(mean, spread, 11);
    const QuantileSketch sketch = sketch_of(samples);
    std::sort(samples.begin(), samples.end());
    for (const double q : {0.5, 0.75, 0.9, 0.95, 0.99, 0.999}) {
      const double exact = samples[static_cast<size_t>(std::ceil(q * kSamples)) - 1];
      EXPECT_NEAR(sketch.quantile(q), exact, exact * 0.01) << mean << " " << q;
    }
  }
}

TEST(QuantileSketch, MergedPartsAreTheWholeBitByBit) {
  const std::vector<uint32_t> samples = samples_of(8, 1.7, 12);
  const QuantileSketch whole = sketch_of(samples);
  std::mt19937_64 random(13);
  QuantileSketch merged;
  for (size_t from = 0; from < kSamples;) {
    const size_t to = from + random() % 5'000;
    merged.merge(sketch_of(samples, from, to));
    from = to;
  }
  EXPECT_EQ(merged, whole);
  EXPECT_EQ(merged.encode(), whole.encode());
}

TEST(QuantileSketch, AddsManyAtOnce) {
  QuantileSketch one_by_one;
  for (int i = 0; i < 64; ++i)
    one_by_one.add(777);
  QuantileSketch at_once;
  at_once.add(777, 64);
  at_once.add(5, 0);
  EXPECT_EQ(at_once, one_by_one);
}

TEST(QuantileSketch, AnEmptyOneHasNothing) {
  const QuantileSketch empty;
  EXPECT_EQ(empty.quantile(0.5), 0);
  EXPECT_EQ(empty.encode(), "");
  EXPECT_EQ(QuantileSketch::decode(""), empty);
  QuantileSketch some = sketch_of({1, 2, 3});
  some.merge(empty);
  EXPECT_EQ(some, sketch_of({3, 2, 1}));
}

TEST(QuantileSketch, StaysWhereItsCountsEnd) {
  QuantileSketch sketch;
  sketch.add(UINT32_MAX, UINT64_MAX);
  sketch.add(UINT32_MAX, UINT64_MAX);
  EXPECT_EQ(sketch.count(), UINT64_MAX);
  EXPECT_EQ(sketch.sum(), UINT64_MAX);
  EXPECT_NEAR(sketch.quantile(0.5), UINT32_MAX, UINT32_MAX * 0.01);
}

TEST(QuantileSketch, ComesBackFromItsBytes) {
  std::mt19937_64 random(14);
  for (const size_t size : {1U, 2U, 10U, 600U, 100'000U}) {
    const QuantileSketch sketch = sketch_of(samples_of(6.2, 0.35, random()), 0, size);
    const std::optional<QuantileSketch> back = QuantileSketch::decode(sketch.encode());
    ASSERT_TRUE(back) << size;
    EXPECT_EQ(*back, sketch);
  }
}

TEST(QuantileSketch, IsSmall) {
  // A minute of one backend on a local network: 10 handshakes a second, and 1,000.
  EXPECT_LE(sketch_of(samples_of(6.2, 0.35, 15), 0, 600).encode().size(), 200U);
  EXPECT_LE(sketch_of(samples_of(6.2, 0.35, 15), 0, 60'000).encode().size(), 450U);
  EXPECT_LE(sketch_of({250}).encode().size(), 6U);
}

TEST(QuantileSketch, RefusesBytesThatItCannotHaveWritten) {
  const std::string good = sketch_of(samples_of(6, 0.5, 16), 0, 200).encode();
  for (size_t size = 1; size < good.size(); ++size)
    EXPECT_FALSE(QuantileSketch::decode(good.substr(0, size))) << size;
  EXPECT_FALSE(QuantileSketch::decode(good + '\0'));
  const auto bytes = [](std::initializer_list<uint64_t> numbers) {
    std::string text;
    for (const uint64_t number : numbers)
      put_varint(text, number);
    return text;
  };
  EXPECT_TRUE(QuantileSketch::decode(bytes({1, 7, 1, 6})));
  EXPECT_FALSE(QuantileSketch::decode(bytes({0, 0})));                           // empty, but said
  EXPECT_FALSE(QuantileSketch::decode(bytes({1, 8, 1, 6})));                     // a sum that can't be
  EXPECT_FALSE(QuantileSketch::decode(bytes({2, 14, 1, 6})));                    // fewer buckets than said
  EXPECT_FALSE(QuantileSketch::decode(bytes({1, UINT32_MAX, 1, 1727})));         // no such bucket
  EXPECT_FALSE(QuantileSketch::decode(bytes({1, UINT32_MAX, 1, UINT64_MAX})));   // nor this one
  EXPECT_FALSE(QuantileSketch::decode(bytes({1'000'000, 0})));                   // no such size
  EXPECT_FALSE(QuantileSketch::decode(bytes({1, 0, UINT64_MAX, 6})));            // no such count
  EXPECT_FALSE(QuantileSketch::decode(std::string("\x01\x87\x00\x01\x06", 5)));  // longer than need be
  std::mt19937_64 random(17);
  for (int i = 0; i < 20'000; ++i) {
    std::string garbage = good;
    for (uint64_t changes = 1 + random() % 3; changes > 0; --changes)
      garbage[random() % garbage.size()] = static_cast<char>(random());
    const std::optional<QuantileSketch> sketch = QuantileSketch::decode(garbage);
    if (sketch) {
      ASSERT_EQ(sketch->encode(), garbage);  // what it takes, it could have written
    }
  }
}

TEST(UniqueSketch, CountsWithinFivePercent) {
  for (const uint64_t size : {10U, 1'000U, 8'000U, 15'000U, 300'000U}) {
    UniqueSketch sketch;
    for (int round = 0; round < 2; ++round) {
      for (uint64_t i = 0; i < size; ++i) {
        const uint64_t wide[2] = {0xffffU, i};
        sketch.add(wide, sizeof wide);
      }
    }
    EXPECT_NEAR(sketch.estimate(), static_cast<double>(size), static_cast<double>(size) * 0.05) << size;
  }
}

TEST(UniqueSketch, MergedPartsAreTheWholeAndBytesComeBack) {
  UniqueSketch whole;
  UniqueSketch odd;
  UniqueSketch even;
  for (uint64_t i = 0; i < 5'000; ++i) {
    whole.add(&i, sizeof i);
    (i % 2 == 0 ? even : odd).add(&i, sizeof i);
  }
  odd.merge(even);
  EXPECT_EQ(odd, whole);
  EXPECT_EQ(UniqueSketch::decode(whole.encode()), whole);
  EXPECT_EQ(UniqueSketch::decode(""), UniqueSketch());
  EXPECT_FALSE(UniqueSketch::decode(whole.encode() + "x"));
  EXPECT_FALSE(UniqueSketch::decode(std::string("\x00\x00", 2)));
  EXPECT_FALSE(UniqueSketch::decode(std::string("\x00\x7f", 2)));
  EXPECT_FALSE(UniqueSketch::decode(std::string("\xff\xff\x01\x05", 4)));
}

TEST(HeavyHitters, HaveWhoeverHasMoreThanTheirShare) {
  std::mt19937_64 random(18);
  std::geometric_distribution<uint64_t> few(0.05);
  HeavyHitters hitters(64);
  std::map<std::string, uint64_t> exact;
  for (int i = 0; i < 50'000; ++i) {
    // Half of them come once.
    const std::string name = i % 2 == 0 ? "few" + std::to_string(few(random)) : "one" + std::to_string(i);
    hitters.add(name, 2);
    exact[name] += 2;
  }
  std::map<std::string, HeavyHitter> found;
  for (const HeavyHitter& hitter : hitters.largest(64)) {
    found[hitter.name] = hitter;
    EXPECT_GE(hitter.count, exact[hitter.name]);
    EXPECT_LE(hitter.count - hitter.error, exact[hitter.name]);
  }
  size_t large = 0;
  for (const auto& [name, count] : exact) {
    if (count <= 100'000 / 64) continue;
    ++large;
    EXPECT_TRUE(found.contains(name)) << name;
  }
  EXPECT_GE(large, 5U);
  EXPECT_EQ(hitters.largest(1)[0].name, "few0");
}

}  // namespace
}  // namespace shunt::insight
