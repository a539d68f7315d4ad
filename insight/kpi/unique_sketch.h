// UniqueSketch: how many different ones there were, to some 1.6 % (HyperLogLog: Flajolet and others 2007,
// with the linear counting of small ones; 64-bit hashes as in Heule and others 2013).
//
// A value of 4 kB once something is in it; merged by the larger of each register.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shunt::insight {

class UniqueSketch {
 public:
  static constexpr unsigned kBits = 12;
  static constexpr size_t kRegisters = size_t{1} << kBits;

  void add(const void* bytes, size_t size);
  void merge(const UniqueSketch& other);
  double estimate() const;
  bool empty() const { return registers_.empty(); }

  // Zeros are counted, not written: few clients are few bytes. Nothing for an empty one.
  std::string encode() const;
  static std::optional<UniqueSketch> decode(std::string_view bytes);
  bool operator==(const UniqueSketch&) const = default;

 private:
  std::vector<uint8_t> registers_;
};

}  // namespace shunt::insight
