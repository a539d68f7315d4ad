// VipTable: which service a destination belongs to.
//
// Of the services that match, the one with the longest prefix, then the one with an exact port. Part of a
// snapshot, only read. Cost: one probe for a hit on an exact port; prefixes cost a probe or three for each
// distinct length.
#pragma once

#include <cstdint>
#include <vector>

#include "common/address.h"
#include "common/forwarding.h"
#include "dataplane/address_map.h"

namespace shunt {

class VipTable {
 public:
  struct ServiceRow {
    Prefix vip;
    Protocol protocol = Protocol::tcp;
    uint16_t port = 0;  // 0: every port
    uint16_t service = 0;
  };
  struct VipRow {
    Prefix vip;
    bool punt_unserved = false;
  };
  struct Match {
    bool is_vip = false;
    bool punt_unserved = false;  // a VIP that the host shares: what no service takes is the kernel's
    uint16_t service = 0;        // 0: none
  };

  VipTable() = default;
  VipTable(const std::vector<ServiceRow>& services, const std::vector<VipRow>& vips);

  // The service of exactly this address, port and protocol, which no other one goes before; 0: none. One
  // probe.
  uint16_t find_exact_v4(uint32_t raw_destination, be16 port, uint8_t protocol) const {
    const uint64_t key = exact_key(raw_destination, port, protocol);
    for (size_t at = exact_home(key);; at = (at + 1) & (exact4_.size() - 1)) {
      if (exact4_[at].key == key) return exact4_[at].service;
      if (exact4_[at].key == 0) return 0;
    }
  }
  uint16_t find_exact_v6(const uint8_t* destination, be16 port, uint8_t protocol) const {
    const Value* value = services_.find(AddressKey::v6(destination, extra(128, protocol, port.host())));
    return value != nullptr ? value->service : uint16_t{0};
  }

  // `protocol` and `port` are the packet's; a packet without a transport header has port 0 and matches no
  // service but an any-port one.
  Match find(const AddressKey& destination, Family family, uint8_t protocol, uint16_t port) const;
  bool is_vip(const AddressKey& address, Family family) const {
    for (const Length& length : lengths(family)) {
      const AddressKey key = masked(address, length);
      if (may_hold(key) && holds(key, length)) return true;
    }
    return false;
  }

 private:
  struct Length {
    uint64_t high_mask = 0;
    uint64_t low_mask = 0;
    uint8_t bits = 0;
  };
  struct Value {
    uint16_t service = 0;
    bool punt_unserved = false;
  };

  static Length length_of(const Prefix& prefix);
  // IPv4 services of one address and port, for the packets that nearly all are: 16 bytes a row instead of 32.
  struct ExactRow {
    uint64_t key = 0;  // protocol, which is never 0, port and address
    uint16_t service = 0;
  };

  static uint64_t extra(uint8_t bits, uint8_t protocol, uint16_t port) {
    return (uint64_t{bits} << 24U) | (uint64_t{protocol} << 16U) | port;
  }
  static uint64_t exact_key(uint32_t raw_address, be16 port, uint8_t protocol) {
    return raw_address | (uint64_t{port.raw()} << 32U) | (uint64_t{protocol} << 48U);
  }
  // Unkeyed: the rows are configuration.
  size_t exact_home(uint64_t key) const { return (key * 0x9e3779b97f4a7c15ULL) >> exact_shift_; }
  void fill_exact(const std::vector<ServiceRow>& services);

  // One bit by address for every VIP: nearly all sources are ruled out by one load.
  static constexpr unsigned kFilterBitsPerVip = 64;
  size_t filter_bit(const AddressKey& key) const {
    return ((key.low ^ (key.high * 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL) >> filter_shift_;
  }
  bool may_hold(const AddressKey& key) const {
    const size_t bit = filter_bit(key);
    return (filter_[bit / 64] >> (bit % 64) & 1U) != 0;
  }
  bool holds(const AddressKey& key, const Length& length) const;
  void fill_filter(const std::vector<VipRow>& vips);

  static AddressKey masked(const AddressKey& key, const Length& length) {
    return {key.high & length.high_mask, key.low & length.low_mask, 0};
  }
  const std::vector<Length>& lengths(Family family) const {
    return family == Family::ipv4 ? lengths4_ : lengths6_;
  }

  std::vector<Length> lengths4_;  // longest first
  std::vector<Length> lengths6_;
  std::vector<ExactRow> exact4_ = std::vector<ExactRow>(2);  // a power of two, at most a quarter full
  unsigned exact_shift_ = 63;
  std::vector<uint64_t> filter_ = std::vector<uint64_t>(1);
  unsigned filter_shift_ = 58;
  AddressMap<Value> services_;
  AddressMap<Value> vips_;
};

}  // namespace shunt
