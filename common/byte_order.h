// Byte order as a type: a be16 can't be added to or compared with a plain number by accident.
//
// Loads and stores go through memcpy, because packet fields are not aligned.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace shunt {

template <std::unsigned_integral T>
constexpr T swap_bytes(T value) {
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}

template <std::unsigned_integral T>
class BigEndian {
 public:
  constexpr BigEndian() = default;
  constexpr explicit BigEndian(T host) : raw_(swap_if_little(host)) {}
  static constexpr BigEndian from_raw(T raw) {
    BigEndian value;
    value.raw_ = raw;
    return value;
  }

  constexpr T host() const { return swap_if_little(raw_); }
  constexpr T raw() const { return raw_; }  // the bytes as they stand in the packet
  constexpr bool operator==(const BigEndian&) const = default;

 private:
  static constexpr T swap_if_little(T value) {
    return std::endian::native == std::endian::little ? swap_bytes(value) : value;
  }
  T raw_ = 0;
};

using be16 = BigEndian<uint16_t>;
using be32 = BigEndian<uint32_t>;
using be64 = BigEndian<uint64_t>;

template <typename T>
inline T load(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
inline void store(void* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace shunt
