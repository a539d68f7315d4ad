// ExactServices: the services of one protocol that have one address and one port, for the packets that nearly
// all are.
//
// Part of a snapshot, built once, then only read. Open addressing, at most a quarter full. Unkeyed: the rows
// are configuration. Cost: one probe of 16 bytes, 32 in IPv6.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/byte_order.h"

namespace shunt {

// As they lie in a packet whose IPv4 header has no options: destination, source port, destination port. The
// source port isn't part of it.
struct ExactKey4 {
  static constexpr uint64_t kSourcePort = 0x0000'ffff'0000'0000U;
  uint64_t address_and_port = 0;

  static ExactKey4 of(be32 address, be16 port) { return {address.raw() | (uint64_t{port.raw()} << 48U)}; }
  static ExactKey4 at(const uint8_t* destination) { return {load<uint64_t>(destination) & ~kSourcePort}; }
  bool operator==(const ExactKey4&) const = default;
  uint64_t mixed() const { return address_and_port * 0x9e3779b97f4a7c15ULL; }
};

struct ExactKey6 {
  uint64_t high = 0;  // of the destination, as it lies in memory
  uint64_t low = 0;
  uint64_t port = 0;  // raw

  static ExactKey6 at(const uint8_t* destination, be16 port) {
    return {load<uint64_t>(destination), load<uint64_t>(destination + 8), port.raw()};
  }
  bool operator==(const ExactKey6&) const = default;
  uint64_t mixed() const { return (low + high * 0xbf58476d1ce4e5b9ULL + port) * 0x9e3779b97f4a7c15ULL; }
};

template <typename Key>
class ExactServices {
  struct alignas(sizeof(Key) + sizeof(uint64_t)) Row {
    Key key;
    uint64_t tag = 0;  // 0: empty
  };

 public:
  // The service's id, in the top 16 bits, as a FlowKey wants it.
  static constexpr unsigned kTagShift = 48;

  ExactServices() : ExactServices(std::vector<std::pair<Key, uint16_t>>{}) {}
  // Keys and ids (from 1). Of two with one key the later one counts.
  explicit ExactServices(const std::vector<std::pair<Key, uint16_t>>& services)
      : rows_(std::bit_ceil(services.size() * 4 + 2)) {
    for (const auto& [key, id] : services) {
      size_t at = home(key, shift());
      while (rows_[at].tag != 0 && !(rows_[at].key == key))
        at = next(at);
      rows_[at] = {key, uint64_t{id} << kTagShift};
    }
  }

  // What a loop keeps in registers: the table itself would be read again after each write to memory.
  class Probe {
   public:
    // The tag; 0: none.
    uint64_t find(const Key& key) const {
      const Row& row = rows_[home(key, shift_)];
      if (row.key == key) [[likely]]
        return row.tag;
      return row.tag == 0 ? 0 : services_->find_behind(key);
    }

   private:
    friend class ExactServices;
    explicit Probe(const ExactServices& services)
        : rows_(services.rows_.data()), shift_(services.shift()), services_(&services) {}

    const Row* rows_;
    unsigned shift_;
    const ExactServices* services_;
  };
  Probe probe() const { return Probe(*this); }
  uint64_t find(const Key& key) const { return probe().find(key); }

 private:
  static size_t home(const Key& key, unsigned shift) { return key.mixed() >> shift; }
  unsigned shift() const { return 64U - static_cast<unsigned>(std::countr_zero(rows_.size())); }
  size_t next(size_t at) const { return (at + 1) & (rows_.size() - 1); }

  // The row at home is another's.
  [[gnu::noinline]] uint64_t find_behind(const Key& key) const {
    for (size_t at = next(home(key, shift()));; at = next(at)) {
      if (rows_[at].tag == 0 || rows_[at].key == key) return rows_[at].tag;
    }
  }

  std::vector<Row> rows_;
};

}  // namespace shunt
