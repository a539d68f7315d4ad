// AddressMap: what belongs to an address (and a port, protocol, prefix length): VIPs, nat backends,
// neighbours.
//
// Built once, then only read; part of a snapshot. Open addressing at a quarter load, so a miss ends at the
// first or second slot. Bound: fixed when built. Cost: one line for a hit (entries of 32 bytes). Both
// families in one table: IPv4 as IPv4-mapped.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/address.h"

namespace shunt {

struct AddressKey {
  uint64_t high = 0;  // the 16 address bytes, as they lie in memory
  uint64_t low = 0;
  uint64_t extra = 0;  // what else tells keys apart; the top bit is the map's own

  static AddressKey of(const IpAddress& address, uint64_t extra = 0) {
    return {load<uint64_t>(address.bytes().data()), load<uint64_t>(address.bytes().data() + 8), extra};
  }
  static AddressKey v4(uint32_t raw, uint64_t extra = 0) {
    return {0, 0xffff0000ULL | (static_cast<uint64_t>(raw) << 32U), extra};
  }
  static AddressKey v6(const uint8_t* bytes16, uint64_t extra = 0) {
    return {load<uint64_t>(bytes16), load<uint64_t>(bytes16 + 8), extra};
  }
  AddressKey with(uint64_t other_extra) const { return {high, low, other_extra}; }
  bool operator==(const AddressKey&) const = default;
};

template <typename T>
class AddressMap {
 public:
  AddressMap() : AddressMap(std::vector<std::pair<AddressKey, T>>{}) {}

  // Of two rows with one key the later one counts.
  explicit AddressMap(const std::vector<std::pair<AddressKey, T>>& rows)
      : slots_(std::bit_ceil(rows.size() * 4 + 2)),
        shift_(64U - static_cast<unsigned>(std::countr_zero(slots_.size()))) {
    for (const auto& [key, value] : rows) {
      const AddressKey used = key.with(key.extra | kUsed);
      size_t at = home(used);
      while (slots_[at].key.extra != 0 && !(slots_[at].key == used))
        at = next(at);
      size_ += slots_[at].key.extra == 0 ? 1U : 0U;
      slots_[at] = {used, value};
    }
  }

  // Inlined whoever asks: as a call it costs a nat reply 25 instructions (tests/instructions).
  [[gnu::always_inline]] const T* find(const AddressKey& key) const {
    const AddressKey used = key.with(key.extra | kUsed);
    for (size_t at = home(used);; at = next(at)) {
      const Slot& slot = slots_[at];
      if (slot.key == used) return &slot.value;
      if (slot.key.extra == 0) return nullptr;
    }
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  static constexpr uint64_t kUsed = 1ULL << 63U;
  struct Slot {
    AddressKey key;
    T value{};
  };

  // The rows come from the configuration and the kernel, never from packets, so an unkeyed hash can't be
  // aimed at.
  size_t home(const AddressKey& key) const {
    const uint64_t mixed = (key.low ^ (key.high * 0x9e3779b97f4a7c15ULL) ^ key.extra) * 0xbf58476d1ce4e5b9ULL;
    return static_cast<size_t>((mixed ^ (mixed >> 29U)) * 0x94d049bb133111ebULL >> shift_);
  }
  size_t next(size_t at) const { return (at + 1) & (slots_.size() - 1); }

  std::vector<Slot> slots_;
  unsigned shift_;
  size_t size_ = 0;
};

}  // namespace shunt
