// Compiler: desired state → Snapshot. The only place that knows both the configuration and the data plane's
// tables.
//
// Owner: the control thread. What did not change is shared with the last snapshot: slot tables by their
// members, choices and destinations by their contents. Cost: a health change rebuilds one pool's choice
// (microseconds); a slot table is built only when a pool's members, weights or size changed (about 1 ms).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/path_mtus.h"
#include "control/pool_choice.h"
#include "control/probe_addresses.h"
#include "control/registry.h"
#include "control/slot_members.h"
#include "dataplane/snapshot.h"

namespace shunt {

// A port as it is once its device is open; same order as in the configuration.
struct PortRuntime {
  MacAddress mac;
  MacAddress host_mac;
  bool has_host_interface = false;
};

// What the kernel says, mirrored.
struct KernelView {
  std::vector<Route> routes;              // of host_interfaces, by port index
  std::vector<NeighbourRow> neighbours;   // last known MACs
  std::vector<IpAddress> node_addresses;  // on host_interfaces
};

// What a compiled service looks like to the status pages.
struct ServiceCondition {
  PoolCondition pool;
  PoolCondition backup;
  ChoiceRule rule;
};

class Compiler {
 public:
  explicit Compiler(const HashKey& cluster_key) : cluster_key_(cluster_key) {}

  // A reload: takes over all of it, or nothing and says why not.
  Result<> set_config(const Config& config, uint64_t now_ns);
  void set_ports(std::vector<PortRuntime> ports);
  void set_kernel(KernelView view);
  // True: that changes something. Unknown names are ignored (a late answer about what was removed).
  bool set_health(const std::string& pool, const std::string& backend, bool up);
  // Of its usual new flows: what the backend itself asks for, 0 to 1 (0: drain), and what is left of that by
  // passive evidence, 1 to kAcceptAll. The same about names and changes.
  bool set_asked_share(const std::string& pool, const std::string& backend, double share);
  bool set_trusted(const std::string& pool, const std::string& backend, uint16_t accept);

  // Whether ARP and ND are answered for VIPs at all; from the next compile on.
  void set_answering(bool answering);

  // IP packets of that many bytes at most reach a backend, outer header and all. True: that changes
  // something. Addresses that are no backend's are ignored.
  bool set_path_mtu(const IpAddress& backend, uint16_t mtu, uint64_t now_ns);

  // Time and the workers' sweeps. True: compile again.
  bool advance(const SweepProgress& progress, uint64_t now_ns, std::vector<PairRange>& freed_rows);
  // Registry's.
  std::vector<uint16_t> take_freed_services() { return registry_.take_freed_services(); }

  std::unique_ptr<const Snapshot> compile(uint64_t now_ns);

  uint64_t generation() const { return generation_; }
  const Config& config() const { return config_; }
  const Registry& registry() const { return registry_; }
  const ProbeAddresses& probes() const { return probes_; }
  const std::vector<BackendHealth>* health(const std::string& pool) const;
  const ServiceCondition* condition(const ServiceKey& key) const;
  // A backend's slots in its pool's table, and the table's size.
  std::pair<uint32_t, uint32_t> slots_of(const std::string& pool, uint16_t number) const;

 private:
  // How packets travel to a pool's backends: services that agree in it share destinations.
  struct Travel {
    Forward forward = Forward::l2;
    uint8_t gue_variant = 1;
    Family inner = Family::ipv4;  // the packets'
    std::optional<uint8_t> dscp;  // of the outer header

    auto operator<=>(const Travel&) const = default;
  };
  // What the services that use a pool want of it.
  struct PoolNeeds {
    std::array<bool, 2> tables{};  // by Construction
    bool turns = false;
    bool counts = false;  // somebody goes by its live flows
  };
  enum class Construction : uint8_t { maglev, rendezvous };
  struct SlotPart {
    std::vector<SlotMember> members;
    uint32_t slots = 0;
    std::shared_ptr<const std::vector<uint16_t>> owners;
    std::shared_ptr<const std::vector<uint32_t>> owned;  // by number: how many slots
  };
  struct DestinationPart {
    std::shared_ptr<const std::vector<Destination>> list;
    uint64_t checked = 0;  // the generation that it was last made for: once, whoever shares it
  };
  struct PoolPart {
    std::array<SlotPart, 2> slots;  // by Construction; without owners where no service uses it
    std::array<std::shared_ptr<const PoolChoice>, 2> choice;  // by ChoiceMode
    PoolCondition condition;
    std::map<Travel, DestinationPart> destinations;
  };

  BackendHealth* health_of(const std::string& pool, const std::string& backend);
  template <typename T>
  bool change_health(const std::string& pool, const std::string& backend, T BackendHealth::* member, T value);
  static Construction construction_of(const ServiceConfig& service);
  void refresh_needs();
  void refresh_slots(const PoolRecord& pool, Construction construction, SlotPart& slots);
  void refresh_choices(const PoolRecord& pool, PoolPart& part, const std::vector<BackendHealth>& health,
                       uint64_t now_ns);
  const std::vector<Destination>& refresh_destinations(const PoolRecord& pool, PoolPart& part,
                                                       const Travel& travel);
  Destination destination_for(const BackendConfig& backend, const Travel& travel) const;
  uint16_t path_mtu_for(const BackendConfig& backend, Family inner, uint8_t outer_bytes) const;
  const Prefix* encap_source_for(uint8_t port, Family family) const;
  void mark_aged(uint64_t now_ns);
  void refresh_pools(uint64_t now_ns);
  void refresh_condition(const ServiceRecord& record);
  void fill_service(Service& service, const ServiceRecord& record, Snapshot& snapshot);
  static void fill_choice(Service& service, const ServiceConfig& config, const PoolPart& part,
                          ChoiceMode mode, bool counts, Snapshot& snapshot);
  void refresh_topology();
  void refresh_routes();
  void refresh_ports();
  void refresh_addresses();
  void refresh_forbidden_sources(std::vector<VipTable::VipRow> vips);
  void refresh_vips();
  void refresh_announced();
  void refresh_probes();
  void add_probed_vips(std::vector<std::pair<AddressKey, uint8_t>>& urgent) const;

  HashKey cluster_key_;
  Config config_;
  Registry registry_;
  ProbeAddresses probes_;
  std::vector<PortRuntime> ports_;
  KernelView kernel_;
  PathMtus path_mtus_;
  // What changed since the last compile: everything but health (names, addresses, routes …), or the health of
  // pools.
  bool topology_changed_ = true;
  bool answering_ = true;
  std::set<std::string> changed_pools_;
  Snapshot shared_;  // the parts that don't depend on health, as they were last made; generation and services
                     // unused
  std::map<std::string, std::vector<BackendHealth>> health_;  // by pool, by number
  std::map<std::string, PoolPart> parts_;
  std::map<std::string, PoolNeeds> needs_;
  std::map<ServiceKey, ServiceCondition> conditions_;
  uint64_t generation_ = 0;
};

}  // namespace shunt
