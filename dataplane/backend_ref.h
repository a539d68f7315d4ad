// BackendRef: a backend as the tables name it, in 16 bits: one of the service's four pool positions, and the
// backend's number in that pool. Stays true over reloads, because a pool keeps its position and a backend its
// number.
#pragma once

#include <cstdint>

namespace shunt {

inline constexpr uint16_t kBackendNumbers = 1U << 14U;  // numbers are 0 … 16,383
inline constexpr uint16_t kPoolPositions = 4;

struct BackendRef {
  uint16_t raw = 0;

  static constexpr BackendRef of(unsigned position, unsigned number) {
    return {static_cast<uint16_t>(((position % kPoolPositions) << 14U) | (number % kBackendNumbers))};
  }

  constexpr uint16_t position() const { return static_cast<uint16_t>(raw >> 14U); }
  constexpr uint16_t number() const { return static_cast<uint16_t>(raw % kBackendNumbers); }
  bool operator==(const BackendRef&) const = default;
};

}  // namespace shunt
