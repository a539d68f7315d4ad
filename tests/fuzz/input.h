// Input: the fuzzer's bytes as choices, taken from the front. It runs dry into zeros, so every input is a
// whole one, and what a choice means doesn't depend on what comes behind it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tests/packet/packet_builder.h"

namespace shunt::fuzz {

using packet::Bytes;

class Input {
 public:
  Input(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  bool dry() const { return at_ == end_; }
  uint8_t byte() { return dry() ? uint8_t{0} : *at_++; }
  uint32_t word() {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i)
      value = value << 8U | byte();
    return value;
  }
  uint16_t half() {
    const auto high = static_cast<uint16_t>(byte() << 8U);
    return static_cast<uint16_t>(high | byte());
  }
  // As few bytes as the bound needs.
  uint32_t below(uint32_t bound) {
    const uint32_t value = bound <= 256 ? byte() : bound <= 65'536 ? half() : word();
    return value % bound;
  }
  // Never of a dry input.
  bool one_in(uint32_t chances) { return below(chances) == chances - 1; }
  // As many as there are, at most `count`.
  Bytes bytes(size_t count) {
    const auto* const from = at_;
    at_ += std::min(count, static_cast<size_t>(end_ - at_));
    return {from, at_};
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

}  // namespace shunt::fuzz
