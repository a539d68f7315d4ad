// A fragment table with memory of its own, and what its tests put there.
#pragma once

#include <cstddef>
#include <numeric>
#include <vector>

#include "dataplane/fragment_table.h"

namespace shunt::fragment_table_test {

inline constexpr uint64_t kTime = 1000;

inline FragmentKey key(uint64_t number) {
  return {_mm_set_epi64x(0, static_cast<int64_t>(number % 3)), _mm_set_epi64x(0, 9), number};
}

inline std::vector<uint8_t> frame(size_t bytes, uint8_t seed = 1) {
  std::vector<uint8_t> made(bytes);
  std::iota(made.begin(), made.end(), seed);
  return made;
}

inline FragmentWay punt() {
  FragmentWay way;
  way.kind = FragmentWay::Kind::punt;
  return way;
}

struct Fixture {
  explicit Fixture(const FragmentLimits& limits = {64, 64 * 1024, kTime})
      : memory(FragmentTable::bytes_for(limits) / sizeof(std::max_align_t) + 1),
        table(std::as_writable_bytes(std::span(memory)), limits, HashKey{{1, 2, 3, 4}}) {}

  std::vector<std::max_align_t> memory;
  FragmentTable table;
};

}  // namespace shunt::fragment_table_test
