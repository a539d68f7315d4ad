// NatOwners: which nat service owns the replies from (address, protocol, port); port 0 stands for all.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "common/address.h"
#include "common/forwarding.h"
#include "control/config.h"

namespace shunt {

// Where replies to a nat service come from; 0: any port.
inline uint16_t nat_port(const ServiceConfig& service, const BackendConfig& backend) {
  return service.port == 0 || backend.port == 0 ? service.port : backend.port;
}

class NatOwners {
 public:
  // The earlier service that would own the same replies, if any; else the claim is noted.
  std::optional<size_t> claim(const IpAddress& address, Protocol protocol, uint16_t port, size_t service) {
    if (const auto other = owner(address, protocol, port, service)) return other;
    address_.try_emplace({address, protocol}, service);
    if (port == 0) {
      any_port_.try_emplace({address, protocol}, service);
    } else {
      exact_.try_emplace({address, protocol, port}, service);
    }
    return std::nullopt;
  }
  // Who but `service` owns such replies.
  std::optional<size_t> owner(const IpAddress& address, Protocol protocol, uint16_t port,
                              size_t service) const {
    const auto other = [&](const auto& map, const auto& key) -> std::optional<size_t> {
      const auto found = map.find(key);
      if (found == map.end() || found->second == service) return std::nullopt;
      return found->second;
    };
    if (const auto of_all = other(any_port_, std::pair(address, protocol))) return of_all;
    if (port == 0) return other(address_, std::pair(address, protocol));
    return other(exact_, std::tuple(address, protocol, port));
  }

 private:
  std::map<std::pair<IpAddress, Protocol>, size_t> any_port_;
  std::map<std::pair<IpAddress, Protocol>, size_t> address_;
  std::map<std::tuple<IpAddress, Protocol, uint16_t>, size_t> exact_;
};

}  // namespace shunt
