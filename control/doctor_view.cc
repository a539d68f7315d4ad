// What StatusView gathers for the doctor, and asks it.
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <fstream>
#include <memory>

#include "control/daemon.h"
#include "control/doctor.h"
#include "control/status_view.h"

namespace shunt {
namespace {

// Of all interfaces, shunt's own included.
struct KernelAddressRow {
  std::string interface;
  IpAddress address;
};
std::vector<KernelAddressRow> kernel_addresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  std::vector<KernelAddressRow> rows;
  for (const ifaddrs* row = list; row != nullptr; row = row->ifa_next) {
    if (row->ifa_addr == nullptr) continue;
    if (row->ifa_addr->sa_family == AF_INET) {
      const auto* in = reinterpret_cast<const sockaddr_in*>(row->ifa_addr);
      rows.push_back({row->ifa_name, IpAddress::v4(be32::from_raw(in->sin_addr.s_addr))});
    } else if (row->ifa_addr->sa_family == AF_INET6) {
      const auto* in = reinterpret_cast<const sockaddr_in6*>(row->ifa_addr);
      rows.push_back({row->ifa_name, IpAddress::v6(in->sin6_addr.s6_addr)});
    }
  }
  return rows;
}

std::string governor_of(uint32_t cpu) {
  std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cpufreq/scaling_governor");
  std::string name;
  std::getline(file, name);
  return name;
}

}  // namespace

DoctorService StatusView::doctor_service(const ServiceConfig& config, const ServiceRecord& record) const {
  DoctorService facts;
  facts.name = config.name;
  facts.forward = config.forward;
  facts.pool = config.pool;
  facts.clamps_mss = config.mss_clamp != 0;
  for (const PortConfig& port : daemon_.config_.ports)
    facts.largest_packet = std::max(facts.largest_packet, port.mtu);
  if (const ServiceCondition* condition =
          daemon_.compiler_->condition({config.address, config.protocol, config.port})) {
    facts.backends_up = condition->pool.up + condition->backup.up;
    facts.members = condition->pool.members + condition->backup.members;
  }
  for (const WorkerState* worker : daemon_.engine_->workers())
    facts.untracked += worker->services[record.id].untracked.read();
  const auto& pools = daemon_.compiler_->registry().pools();
  const auto pool = pools.find(config.pool);
  facts.is_checked = pool != pools.end() && pool->second.config.health.has_value();
  const Service* const compiled = daemon_.engine_->current()->service(record.id);
  each_backend(config, record, [&](const PoolPosition& position, const BackendRecord& backend) {
    if (compiled == nullptr) return;
    const auto place = static_cast<unsigned>(&position - record.positions.data());
    const Destination& way = compiled->destination(BackendRef::of(place, backend.number));
    facts.backends.push_back({position.pool, backend.config.name, backend.config.address,
                              way.has_route ? daemon_.config_.ports[way.port].name : std::string(),
                              way.has_route, way.on_link, way.has_mac, way.mtu, way.outer_bytes});
  });
  return facts;
}

// A VIP is one, however many services it has; fit when each of them is.
std::vector<DoctorVip> StatusView::doctor_vips() const {
  std::vector<DoctorVip> vips;
  const auto kernels = kernel_addresses();
  for (const ServiceConfig& config : daemon_.config_.services) {
    const auto known = std::ranges::find(vips, config.address, &DoctorVip::vip);
    if (known != vips.end()) {
      known->is_fit = known->is_fit && daemon_.fitness(config).fit();
      continue;
    }
    DoctorVip vip;
    vip.vip = config.address;
    vip.is_arp = config.announce == Announce::arp;
    vip.is_route = config.announce == Announce::route;
    vip.is_fit = daemon_.fitness(config).fit();
    vip.is_kernels = config.unserved == Unserved::punt;
    for (const PortConfig& port : daemon_.config_.ports) {
      vip.is_on_link |= std::ranges::any_of(
          port.addresses, [&](const Prefix& subnet) { return subnet.contains(config.address.address); });
    }
    const auto owner = std::ranges::find_if(
        kernels, [&](const KernelAddressRow& row) { return config.address.contains(row.address); });
    if (owner != kernels.end()) vip.kernel_owner = owner->interface;
    vips.push_back(std::move(vip));
  }
  return vips;
}

std::vector<Finding> StatusView::findings() {
  DoctorFacts facts;
  each_service({}, [&](const ServiceConfig& config, const ServiceRecord& record) {
    facts.services.push_back(doctor_service(config, record));
  });
  facts.vips = doctor_vips();
  facts.is_standby = !daemon_.announcer_->on();
  const auto ports = this->ports();
  for (size_t i = 0; i < ports.size(); ++i) {
    facts.ports.push_back({ports[i].name, ports[i].device, ports[i].host_interface,
                           is_pci_address(ports[i].device), ports[i].link_up,
                           daemon_.engine_->ports()[i].spreads_flows(), ports[i].missed});
  }
  for (const WorkerStatus& worker : workers())
    facts.workers.push_back({worker.cpu, governor_of(worker.cpu), worker.flow_entries, worker.flow_capacity});
  facts.has_hugepages = daemon_.memory_.hugepages;
  facts.has_cluster_key = !daemon_.config_.node.cluster_key_file.empty();
  facts.has_peers = !daemon_.config_.cluster.peers.empty();
  return diagnose(facts);
}

}  // namespace shunt
