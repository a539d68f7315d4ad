// A compiler with one port, two workers that sweep when told, and a clock of its own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "control/compiler.h"
#include "tests/unit/control_samples.h"

namespace shunt::control_test {

inline const MacAddress kPortMac = MacAddress::parse("02:00:00:00:00:01").value();
inline const MacAddress kHostMac = MacAddress::parse("02:00:00:00:01:01").value();

struct Bed {
  explicit Bed(const Config& config, const HashKey& cluster_key = kClusterKey) : compiler(cluster_key) {
    compiler.set_ports(std::vector<PortRuntime>(config.ports.size(), {kPortMac, kHostMac, true}));
    KernelView view;
    view.routes = {{prefix("10.0.0.0/8"), 0, std::nullopt}};
    compiler.set_kernel(view);
    load(config);
  }

  // A reload, published.
  void load(const Config& config) {
    const auto taken = compiler.set_config(config, now);
    ASSERT_TRUE(taken) << taken.error().text();
    compile();
  }
  std::string refused(const Config& config) {
    const auto taken = compiler.set_config(config, now);
    return taken ? "" : taken.error().text();
  }
  void compile() { snapshot = compiler.compile(now); }
  void health(const std::string& pool, unsigned i, bool up) {
    if (compiler.set_health(pool, backend(i).name, up)) compile();
  }
  // What the daemon does now and then. True: a new snapshot was made.
  bool advance() {
    std::vector<PairRange> freed;
    const bool changed = compiler.advance(sweeps.progress, now, freed);
    if (changed) compile();
    return changed;
  }
  // Every worker takes up what is published, and all its tables are swept.
  void sweep_all() {
    advance();
    sweeps.see(compiler.generation());
    advance();
    sweeps.pass();
    sweeps.pass();
    advance();
  }

  uint16_t id(unsigned i) const { return compiler.registry().services().at(key_of(service(i, ""))).id; }
  const Service& compiled(unsigned i) const { return snapshot->services.at(id(i)); }
  // By name, of what is configured now.
  uint16_t number(const std::string& pool, unsigned i) const {
    for (const auto& each : compiler.registry().pools().at(pool).backends) {
      if (each && each->is_active() && each->config.name == backend(i).name) return each->number;
    }
    ADD_FAILURE() << "no backend " << i << " in " << pool;
    return 0;
  }

  Compiler compiler;
  Sweeps sweeps{2};
  uint64_t now = kStart;
  std::unique_ptr<const Snapshot> snapshot;
};

// Whom a flow with this tuple gets, by address; 0.0.0.0: nobody.
inline IpAddress chosen_address(const Bed& bed, unsigned service, uint64_t tuple) {
  const Service& compiled = bed.compiled(service);
  const HashKey& key = bed.snapshot->cluster_key;
  const ChosenBackend chosen = choose(compiled.choice, key, keyed_hash(key, tuple, 0));
  if (!chosen) return IpAddress{};
  return compiled.destination(BackendRef::of(compiled.choice_pool, chosen.number)).address;
}

// The address behind each slot: what must be the same on every shunt.
inline std::vector<IpAddress> owners(const Bed& bed, unsigned service) {
  const Service& compiled = bed.compiled(service);
  std::vector<IpAddress> addresses;
  for (uint32_t slot = 0; slot < compiled.choice.slots; ++slot) {
    const BackendRef owner = BackendRef::of(compiled.choice_pool, compiled.choice.owner[slot]);
    addresses.push_back(compiled.destination(owner).address);
  }
  return addresses;
}

}  // namespace shunt::control_test
