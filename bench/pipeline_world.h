// PipelineWorld: the configuration that the pipeline benches run, as a real snapshot: 100 services with 10
// backends each, written as TOML, loaded and checked as shuntd does, compiled by the real compiler.
//
//   clients 198.18.0.0/15, 2001:db8:c::/48 ──▶ net0 [shunt] net0 ──▶ 10.1.0.0/16, 2001:db8:b::/64 backends,
//   on-link
//
// What the configuration refuses (a way of forwarding that this version doesn't have) is an Error with its
// words.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/compiler.h"

namespace shunt::bench {

inline constexpr unsigned kServices = 100;
inline constexpr unsigned kBackendsPerService = 10;
inline constexpr uint16_t kServicePort = 80;
inline constexpr uint16_t kNatPort = 8080;

struct WorldShape {
  std::string forward = "ipip";  // as in the configuration
  Family family = Family::ipv4;
  unsigned established_s = 900;  // idle time of a TCP flow
};

IpAddress vip_address(Family family, unsigned service);
IpAddress backend_address(Family family, unsigned backend);
IpAddress encap_source(Family family);
MacAddress port_mac();
MacAddress backend_mac(unsigned backend);

// A client's packet as the choice of a backend sees it.
struct Tuple {
  IpAddress source;
  IpAddress destination;
  uint16_t sport = 0;
  uint16_t dport = 0;
};

class PipelineWorld {
 public:
  static Result<std::unique_ptr<PipelineWorld>> make(const WorldShape& shape);

  const WorldShape& shape() const { return shape_; }
  const Snapshot& snapshot() const { return *snapshot_; }
  const Service& service(unsigned number) const;

  // What a new flow must get: as the tables name it, and as its number in this world (0 … 999).
  BackendRef choice(unsigned service_number, const Tuple& tuple) const;
  unsigned chosen_backend(unsigned service_number, const Tuple& tuple) const;

 private:
  explicit PipelineWorld(const WorldShape& shape);
  void learn_backends();

  WorldShape shape_;
  Compiler compiler_;
  std::unique_ptr<const Snapshot> snapshot_;
  std::vector<uint16_t> service_ids_;  // by service
  std::vector<std::vector<unsigned>>
      backend_of_;  // by service, by the pool's number: a backend of this world
};

}  // namespace shunt::bench
