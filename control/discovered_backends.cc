#include "control/discovered_backends.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "control/config_validate.h"
#include "control/nat_owners.h"
#include "control/own_addresses.h"

namespace shunt {
namespace {

// What the rules need to know of everything but the backend in question.
struct Rules {
  const Config& config;
  OwnAddresses own;
  NatOwners owners;

  explicit Rules(const Config& file) : config(file), own(file, [](size_t) { return true; }) {}

  bool uses(const ServiceConfig& service, const std::string& pool) const {
    return service.pool == pool || service.backup_pool == pool;
  }
  std::vector<size_t> users(const std::string& pool) const {
    std::vector<size_t> found;
    for (size_t i = 0; i < config.services.size(); ++i) {
      if (uses(config.services[i], pool)) found.push_back(i);
    }
    return found;
  }
  void claim_inline() {
    for (const PoolConfig& pool : config.pools) {
      for (const size_t user : users(pool.name)) {
        for (const BackendConfig& backend : pool.backends)
          claim(user, backend);
      }
    }
  }
  void claim(size_t user, const BackendConfig& backend) {
    const ServiceConfig& service = config.services[user];
    if (service.forward == Forward::nat)
      owners.claim(backend.address, service.protocol, nat_port(service, backend), user);
  }
};

// One pool as discovered backends are added to it.
class Growing {
 public:
  Growing(PoolConfig& pool, Rules& rules) : pool_(pool), rules_(rules), users_(rules.users(pool.name)) {
    for (const BackendConfig& backend : pool_.backends)
      note(backend);
    for (const size_t user : users_) {
      if (rules_.config.services[user].port != 0) service_ports_.insert(rules_.config.services[user].port);
    }
  }

  // Why not; nothing where the backend is in now.
  std::optional<std::string> add(const BackendConfig& backend) {
    if (addresses_.contains({backend.address, backend.port})) return std::nullopt;
    if (auto reason = objection(backend)) return reason;
    for (const size_t user : users_)
      rules_.claim(user, backend);
    note(backend);
    pool_.backends.push_back(backend);
    pool_.backends.back().position = pool_.position;
    return std::nullopt;
  }

 private:
  void note(const BackendConfig& backend) {
    names_.insert(backend.name);
    addresses_.insert({backend.address, backend.port});
  }

  bool needs_port() const {
    return pool_.health && pool_.health->type != HealthType::icmp && pool_.health->port == 0 &&
           !users_.empty();
  }

  std::optional<std::string> objection(const BackendConfig& backend) const {
    if (!is_name(backend.name)) return "isn't a name: 1 to 63 letters, digits and . _ - :";
    if (names_.contains(backend.name)) return "the pool has a backend of this name already";
    const size_t most = std::min<size_t>(kMostPoolBackends, pool_.slots);
    if (pool_.backends.size() >= most) return "the pool has " + std::to_string(most) + " backends, its most";
    if (const auto fault = rules_.own.fault_of(backend.address)) return fault->text;
    if (needs_port() && backend.port == 0 && service_ports_.size() != 1) {
      return "health checks need a port, and neither it nor `health` nor one service of the pool has one";
    }
    for (const size_t user : users_) {
      if (auto reason = objection_of(user, backend)) return reason;
    }
    return std::nullopt;
  }

  std::optional<std::string> objection_of(size_t user, const BackendConfig& backend) const {
    const ServiceConfig& service = rules_.config.services[user];
    if (const auto fault = family_fault(service, backend.address, rules_.config)) return fault->text;
    if (service.forward != Forward::nat) return std::nullopt;
    if (service.port == 0 && backend.port != 0) {
      return "nat service " + tick(service.name) +
             " is any-port and keeps the client's port: its backends can't have their own";
    }
    const auto other =
        rules_.owners.owner(backend.address, service.protocol, nat_port(service, backend), user);
    if (!other) return std::nullopt;
    return "its replies could belong to nat service " + tick(service.name) + " or " +
           tick(rules_.config.services[*other].name);
  }

  PoolConfig& pool_;
  Rules& rules_;
  std::vector<size_t> users_;
  std::set<uint16_t> service_ports_;
  std::set<std::string> names_;
  std::set<std::pair<IpAddress, uint16_t>> addresses_;
};

}  // namespace

EffectiveConfig with_discovered(const Config& file, const Discovered& discovered) {
  EffectiveConfig effective{file, {}};
  if (discovered.empty()) return effective;
  Rules rules(file);
  rules.claim_inline();
  for (PoolConfig& pool : effective.config.pools) {
    const auto found = discovered.find(pool.name);
    if (!pool.discovery || found == discovered.end()) continue;
    Growing growing(pool, rules);
    for (const BackendConfig& backend : found->second) {
      if (auto reason = growing.add(backend))
        effective.refused.push_back({pool.name, backend.name, *std::move(reason)});
    }
  }
  return effective;
}

}  // namespace shunt
