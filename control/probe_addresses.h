// ProbeAddresses: an address of its pool's probe_prefix for each backend that is checked through the tunnel.
//
// Owner: the Compiler. A backend (by address and port) keeps its address over reloads; one that is given back
// is given out again only after all others, so that no late answer reaches another backend's check. A value:
// a reload works on a copy. Cost: a map of all such backends, made anew by each reload.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "common/result.h"
#include "control/config.h"

namespace shunt {

class ProbeAddresses {
 public:
  // An error: a prefix has too few addresses. Then nothing has changed.
  Result<> assign(const Config& config);
  std::optional<IpAddress> of(const std::string& pool, const BackendConfig& backend) const;

 private:
  using Key = std::tuple<std::string, IpAddress, uint16_t>;

  std::map<Key, IpAddress> given_;
  std::map<Prefix, uint32_t> last_;  // the place in its prefix of the one given out last
};

}  // namespace shunt
