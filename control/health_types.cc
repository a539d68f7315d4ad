// Which function checks which type.
#include <algorithm>
#include <array>

#include "control/health_probe.h"

namespace shunt {
namespace {

struct ProbeRow {
  HealthType type;
  ProbeFunction probe;
};

constexpr std::array kProbes = {
    ProbeRow{HealthType::tcp, probe_tcp},     ProbeRow{HealthType::http, probe_http},
    ProbeRow{HealthType::https, probe_https}, ProbeRow{HealthType::udp, probe_udp},
    ProbeRow{HealthType::icmp, probe_icmp},   ProbeRow{HealthType::dns, probe_dns},
    ProbeRow{HealthType::grpc, probe_grpc},   ProbeRow{HealthType::agent, probe_agent}};

}  // namespace

ProbeFunction probe_for(HealthType type) {
  const auto* row = std::ranges::find(kProbes, type, &ProbeRow::type);
  return row != kProbes.end() ? row->probe : probe_tcp;
}

}  // namespace shunt
