// PathMtus: what routers said of the ways to backends, for ten minutes each (RFC 1191 6.3: a path may become
// wide again, and only trying tells).
//
// Owner: the compiler. Bound: kRemembered reports of an address; the caller asks only for backends.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/address.h"

namespace shunt {

class PathMtus {
 public:
  static constexpr uint64_t kRememberedNs = 600'000'000'000U;
  static constexpr size_t kRemembered = 8;

  // True: the path has become narrower by that.
  bool note(const IpAddress& to, uint16_t mtu, uint64_t now_ns);
  // Forgets what is over. True: a path has become wider.
  bool expire(uint64_t now_ns);
  // The least that was said; UINT16_MAX: nothing.
  uint16_t of(const IpAddress& to) const;

 private:
  struct Report {
    uint16_t mtu = 0;
    uint64_t until_ns = 0;
  };
  // Of an address: each one is wider and lasts longer than the one before, so the first one holds.
  std::map<IpAddress, std::vector<Report>> reports_;
};

}  // namespace shunt
