#include "insight/kpi/unique_sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "insight/kpi/varint.h"

namespace shunt::insight {
namespace {

constexpr uint8_t kHighest = 64 - UniqueSketch::kBits + 1;

// The finalizer of splitmix64 (Vigna) over each word: every bit of the input moves every bit of the hash.
uint64_t mixed(uint64_t value) {
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}
uint64_t hash_of(const void* bytes, size_t size) {
  uint64_t hash = mixed(size + 0x9e3779b97f4a7c15U);
  const auto* from = static_cast<const char*>(bytes);
  for (size_t at = 0; at < size; at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, from + at, std::min<size_t>(8, size - at));
    hash = mixed(hash + 0x9e3779b97f4a7c15U + word);
  }
  return hash;
}

}  // namespace

void UniqueSketch::add(const void* bytes, size_t size) {
  if (empty()) registers_.resize(kRegisters);
  const uint64_t hash = hash_of(bytes, size);
  const uint64_t rest = hash << kBits | uint64_t{1} << (kBits - 1);
  uint8_t& place = registers_[hash >> (64 - kBits)];
  place = std::max(place, static_cast<uint8_t>(std::countl_zero(rest) + 1));
}

void UniqueSketch::merge(const UniqueSketch& other) {
  if (other.empty()) return;
  if (empty()) registers_.resize(kRegisters);
  for (size_t i = 0; i < kRegisters; ++i)
    registers_[i] = std::max(registers_[i], other.registers_[i]);
}

double UniqueSketch::estimate() const {
  if (empty()) return 0;
  constexpr auto kSize = static_cast<double>(kRegisters);
  double sum = 0;
  size_t zeros = 0;
  for (const uint8_t value : registers_) {
    sum += std::ldexp(1.0, -value);
    zeros += value == 0 ? 1U : 0U;
  }
  const double raw = 0.7213 / (1 + 1.079 / kSize) * kSize * kSize / sum;
  if (raw > 2.5 * kSize || zeros == 0) return raw;
  return kSize * std::log(kSize / static_cast<double>(zeros));
}

std::string UniqueSketch::encode() const {
  std::string bytes;
  uint64_t zeros = 0;
  for (const uint8_t value : registers_) {
    if (value == 0) {
      ++zeros;
      continue;
    }
    put_varint(bytes, zeros);
    bytes.push_back(static_cast<char>(value));
    zeros = 0;
  }
  return bytes;
}

std::optional<UniqueSketch> UniqueSketch::decode(std::string_view bytes) {
  UniqueSketch sketch;
  if (bytes.empty()) return sketch;
  sketch.registers_.resize(kRegisters);
  for (uint64_t at = 0; !bytes.empty(); ++at) {
    const std::optional<uint64_t> zeros = take_varint(bytes);
    if (!zeros || *zeros >= kRegisters - std::min<uint64_t>(at, kRegisters) || bytes.empty())
      return std::nullopt;
    at += *zeros;
    const auto value = static_cast<uint8_t>(bytes[0]);
    if (value == 0 || value > kHighest) return std::nullopt;
    sketch.registers_[at] = value;
    bytes.remove_prefix(1);
  }
  return sketch;
}

}  // namespace shunt::insight
