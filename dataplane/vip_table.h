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

  // `protocol` and `port` are the packet's; a packet without a transport header has port 0 and matches no
  // service but an any-port one.
  Match find(const AddressKey& destination, Family family, uint8_t protocol, uint16_t port) const;
  bool is_vip(const AddressKey& address, Family family) const;

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
  static uint32_t extra(uint8_t bits, uint8_t protocol, uint16_t port) {
    return (static_cast<uint32_t>(bits & 0x7fU) << 24U) | (static_cast<uint32_t>(protocol) << 16U) | port;
  }
  static AddressKey masked(const AddressKey& key, const Length& length) {
    return {key.high & length.high_mask, key.low & length.low_mask, 0};
  }
  const std::vector<Length>& lengths(Family family) const {
    return family == Family::ipv4 ? lengths4_ : lengths6_;
  }

  std::vector<Length> lengths4_;  // longest first
  std::vector<Length> lengths6_;
  AddressMap<Value> services_;
  AddressMap<Value> vips_;
};

}  // namespace shunt
