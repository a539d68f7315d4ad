// VipTable: which service a destination belongs to.
//
// Of the services that match, the one with the longest prefix, then the one with an exact port. Part of a
// snapshot, only read. Cost: one probe for a hit on an exact port; prefixes cost a probe or three for each
// distinct length.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "common/address.h"
#include "common/forwarding.h"
#include "dataplane/address_map.h"
#include "dataplane/exact_services.h"

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

  // The services of exactly an address and a port, which no other ones go before, but those of GUE's port:
  // what comes there is looked into. `protocol`: TCP or UDP.
  const ExactServices<ExactKey4>& exact_v4(Protocol protocol) const { return exact4_[index_of(protocol)]; }
  const ExactServices<ExactKey6>& exact_v6(Protocol protocol) const { return exact6_[index_of(protocol)]; }

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
  bool is_vip_v6(const uint8_t* address) const;  // 16 bytes
  // `raw`: as in a packet.
  bool is_vip_v4(uint32_t raw) const {
    for (const Length& length : lengths4_) {
      const size_t bit = filter_bit_v4(raw & static_cast<uint32_t>(length.low_mask >> 32U));
      if ((filter4_[bit / 64] >> (bit % 64) & 1U) != 0) [[unlikely]]
        return is_surely_vip_v4(raw);
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
  static uint64_t extra(uint8_t bits, uint8_t protocol, uint16_t port) {
    return (uint64_t{bits} << 24U) | (uint64_t{protocol} << 16U) | port;
  }
  static size_t index_of(Protocol protocol) { return protocol == Protocol::tcp ? 0 : 1; }
  void fill_exact(const std::vector<ServiceRow>& services);

  // One bit by address for every VIP: nearly all sources are ruled out by one load.
  static constexpr unsigned kFilterBitsPerVip = 64;
  size_t filter_bit(const AddressKey& key) const {
    return ((key.low ^ (key.high * 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL) >> filter_shift_;
  }
  size_t filter_bit_v4(uint32_t raw) const { return (raw * 0x9e3779b1U) >> filter4_shift_; }
  bool may_hold(const AddressKey& key) const {
    const size_t bit = filter_bit(key);
    return (filter_[bit / 64] >> (bit % 64) & 1U) != 0;
  }
  bool holds(const AddressKey& key, const Length& length) const;
  bool is_surely_vip_v4(uint32_t raw) const;  // out of line: hardly ever asked
  void fill_filter(const std::vector<VipRow>& vips);

  static AddressKey masked(const AddressKey& key, const Length& length) {
    return {key.high & length.high_mask, key.low & length.low_mask, 0};
  }
  const std::vector<Length>& lengths(Family family) const {
    return family == Family::ipv4 ? lengths4_ : lengths6_;
  }

  std::vector<Length> lengths4_;  // longest first
  std::vector<Length> lengths6_;
  std::array<ExactServices<ExactKey4>, 2> exact4_;  // by index_of
  std::array<ExactServices<ExactKey6>, 2> exact6_;
  std::vector<uint64_t> filter_ = std::vector<uint64_t>(1);
  std::vector<uint64_t> filter4_ = std::vector<uint64_t>(1);  // of IPv4 alone
  unsigned filter_shift_ = 58;
  unsigned filter4_shift_ = 26;
  AddressMap<Value> services_;
  AddressMap<Value> vips_;
};

}  // namespace shunt
