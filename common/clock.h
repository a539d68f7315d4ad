// Now: the instant one burst is handled at. Read once per burst by the worker and passed down, so that tests
// own time.
#pragma once

#include <cstdint>

namespace shunt {

// Monotonic time since the process's own epoch. `second` and `millisecond` are `ns` divided, kept because the
// tables store them; milliseconds wrap after 49 days and are compared by difference.
struct Now {
  uint64_t ns = 0;
  uint32_t second = 0;
  uint32_t millisecond = 0;

  static constexpr Now from_ns(uint64_t ns) {
    return {ns, static_cast<uint32_t>(ns / 1'000'000'000U), static_cast<uint32_t>(ns / 1'000'000U)};
  }
};

}  // namespace shunt
