// Short ways to write desired states, and workers that take up snapshots and sweep when told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/keyed_hash.h"
#include "control/registry.h"

namespace shunt::control_test {

inline constexpr HashKey kClusterKey{{0x0123456789abcdef, 0xfedcba9876543210, 0x1111111111111111, 0x77}};
inline constexpr uint64_t kSecond = 1'000'000'000;
inline constexpr uint64_t kStart = 1'000 * kSecond;

inline IpAddress address(std::string_view text) {
  return IpAddress::parse(text).value();
}
inline Prefix prefix(std::string_view text) {
  return Prefix::parse(text).value();
}

// "b<i>" at 10.0.<i / 256>.<i % 256>.
inline BackendConfig backend(unsigned i, uint16_t weight = 1, uint16_t port = 0) {
  BackendConfig config;
  config.name = "b" + std::to_string(i);
  config.address = IpAddress::v4(be32(0x0a000000U + i));
  config.weight = weight;
  config.port = port;
  return config;
}

inline PoolConfig pool(const std::string& name, std::vector<BackendConfig> backends,
                       seconds drain = seconds(600)) {
  PoolConfig config;
  config.name = name;
  config.health = HealthConfig{};
  config.slots = 251;
  config.drain = drain;
  config.backends = std::move(backends);
  return config;
}

inline PoolConfig pool(const std::string& name, unsigned first, unsigned last) {
  std::vector<BackendConfig> backends;
  for (unsigned i = first; i <= last; ++i)
    backends.push_back(backend(i));
  return pool(name, std::move(backends));
}

// "s<i>" at 198.51.<100 + i / 256>.<i % 256>, TCP port 80.
inline ServiceConfig service(unsigned i, const std::string& pool, const std::string& backup = "") {
  ServiceConfig config;
  config.name = "s" + std::to_string(i);
  config.address = {IpAddress::v4(be32(0xc6336400U + i)), 32};
  config.port = 80;
  config.pool = pool;
  config.backup_pool = backup;
  config.announce = Announce::none;
  return config;
}

// With one port, in whose subnet the backends are.
inline Config config(std::vector<PoolConfig> pools, std::vector<ServiceConfig> services) {
  Config config;
  PortConfig port;
  port.name = "net0";
  port.device = "tap:net0";
  port.host_interface = "shunt0";
  port.addresses = {prefix("10.255.0.1/8")};
  config.ports = {port};
  config.pools = std::move(pools);
  config.services = std::move(services);
  return config;
}

inline ServiceKey key_of(const ServiceConfig& service) {
  return {service.address, service.protocol, service.port};
}

// What workers report.
struct Sweeps {
  explicit Sweeps(size_t workers = 2) { progress.workers.resize(workers); }

  void see(uint64_t generation) {
    for (auto& worker : progress.workers)
      worker.generation = generation;
  }
  void pass() {
    for (auto& worker : progress.workers) {
      ++worker.flow_passes;
      ++worker.probation_passes;
    }
  }

  SweepProgress progress;
};

}  // namespace shunt::control_test
