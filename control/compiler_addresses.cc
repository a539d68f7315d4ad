// The Compiler's part about ports and addresses: whose they are, where they are answered for, who may send
// from them.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "control/compiler.h"

namespace shunt {
namespace {

// A backend's address, port and protocol belong to one nat service at a time; while the flows of the one
// before last, both are known. Who is configured there now comes first.
class NatSources {
 public:
  void add(const AddressKey& key, NatSource source, bool configured) {
    const auto [at, fresh] = rows_.try_emplace({key.high, key.low, key.extra}, Row{source, configured});
    if (fresh) return;
    Row& row = at->second;
    if (configured && !row.configured) {
      std::swap(row.source, source);
      row.configured = true;
    }
    row.source.former_service = source.service;
    row.source.former_backend = source.backend;
  }
  AddressMap<NatSource> map() const {
    std::vector<std::pair<AddressKey, NatSource>> rows;
    for (const auto& [key, row] : rows_) {
      rows.emplace_back(AddressKey{std::get<0>(key), std::get<1>(key), std::get<2>(key)}, row.source);
    }
    return AddressMap<NatSource>(rows);
  }

 private:
  struct Row {
    NatSource source;
    bool configured = false;
  };
  std::map<std::tuple<uint64_t, uint64_t, uint64_t>, Row> rows_;
};

}  // namespace

void Compiler::refresh_ports() {
  shared_.ports.clear();
  for (size_t i = 0; i < config_.ports.size(); ++i) {
    PortState port{ports_[i].mac,
                   ports_[i].host_mac,
                   config_.ports[i].mtu,
                   ports_[i].has_host_interface,
                   config_.ports[i].vlan == VlanMode::strip,
                   config_.ports[i].gateway_mac,
                   {}};
    for (const Prefix& address : config_.ports[i].addresses) {
      if (const auto broadcast = address.broadcast()) port.broadcasts.push_back(broadcast->v4());
    }
    shared_.ports.push_back(std::move(port));
  }
}

void Compiler::refresh_addresses() {
  std::vector<std::pair<AddressKey, uint8_t>> node;
  for (const IpAddress& address : kernel_.node_addresses)
    node.emplace_back(AddressKey::of(address), uint8_t{1});
  shared_.node_addresses = std::make_shared<const AddressMap<uint8_t>>(node);

  std::vector<std::pair<AddressKey, uint8_t>> urgent;
  for (const auto& [name, pool] : registry_.pools()) {
    if (!pool.config.health) continue;
    for (const auto& backend : pool.backends) {
      if (backend) urgent.emplace_back(AddressKey::of(backend->config.address), uint8_t{1});
    }
  }
  add_probed_vips(urgent);
  shared_.urgent_sources = std::make_shared<const AddressMap<uint8_t>>(urgent);
}

// VIPs never send. The node's own address often is the encap_source, and the host's own clients come from
// there.
void Compiler::refresh_forbidden_sources(std::vector<VipTable::VipRow> vips) {
  const auto is_node = [&](const IpAddress& address) {
    return std::ranges::find(kernel_.node_addresses, address) != kernel_.node_addresses.end();
  };
  std::vector<VipTable::VipRow> encap_sources;
  for (const PortConfig& port : config_.ports) {
    for (const auto& source : {port.encap_source, port.encap_source6}) {
      if (!source) continue;
      encap_sources.push_back({*source, false});
      if (!(source->is_host() && is_node(source->address))) vips.push_back({*source, false});
    }
  }
  shared_.encap_sources =
      std::make_shared<const VipTable>(std::vector<VipTable::ServiceRow>{}, encap_sources);
  shared_.forbidden_sources = std::make_shared<const VipTable>(std::vector<VipTable::ServiceRow>{}, vips);
}

void Compiler::refresh_vips() {
  std::vector<VipTable::ServiceRow> services;
  std::vector<VipTable::VipRow> vips;
  NatSources nat;
  std::vector<std::pair<AddressKey, NatHost>> nat_hosts;
  const auto add_nat_sources = [&](const ServiceRecord& service, uint8_t at) {
    const PoolPosition& position = service.positions[at];
    for (const auto& backend : registry_.pools().at(position.pool).backends) {
      if (!backend || !backend->is_present()) continue;
      const uint16_t port = backend->config.port != 0 ? backend->config.port : service.config.port;
      const auto protocol = static_cast<uint8_t>(service.config.protocol);
      const Route* route = shared_.routes->find(backend->config.address);
      NatSource source;
      source.service = service.id;
      source.backend = BackendRef::of(at, backend->number);
      source.port = route != nullptr ? route->port : uint8_t{0};
      nat_hosts.emplace_back(AddressKey::of(backend->config.address), NatHost{source.port});
      nat.add(AddressKey::of(backend->config.address,
                             Snapshot::nat_extra(backend->config.address.family(), protocol, port)),
              source, backend->is_active() && position.departure.presence == Presence::active);
    }
  };
  for (const auto& [key, service] : registry_.services()) {
    const ServiceConfig& config = service.config;
    services.push_back({config.address, config.protocol, config.port, service.id});
    vips.push_back({config.address, config.unserved == Unserved::punt});
    if (config.forward != Forward::nat) continue;
    for (uint8_t i = 0; i < kPoolPositions; ++i) {
      const PoolPosition& position = service.positions[i];
      if (!position.pool.empty() && position.departure.presence != Presence::gone)
        add_nat_sources(service, i);
    }
  }
  shared_.vips = std::make_shared<const VipTable>(services, vips);
  refresh_forbidden_sources(std::move(vips));
  shared_.nat_sources = std::make_shared<const AddressMap<NatSource>>(nat.map());
  shared_.nat_hosts = std::make_shared<const AddressMap<NatHost>>(nat_hosts);
}

void Compiler::refresh_announced() {
  shared_.announced.clear();
  if (!answering_) return;
  for (const auto& [key, record] : registry_.services()) {
    const ServiceConfig& config = record.config;
    if (config.announce != Announce::arp || config.unserved == Unserved::punt) continue;
    AnnouncedVip announced{config.address, 0};
    for (size_t i = 0; i < config_.ports.size(); ++i) {
      const bool inside = std::ranges::any_of(config_.ports[i].addresses, [&](const Prefix& subnet) {
        return subnet.contains(config.address.address);
      });
      if (inside) announced.ports |= 1ULL << i;
    }
    if (announced.ports == 0)
      announced.ports = (1ULL << config_.ports.size()) - 1;  // asked for outside every subnet
    if (std::ranges::find(shared_.announced, announced) == shared_.announced.end())
      shared_.announced.push_back(announced);
  }
}

void Compiler::set_answering(bool answering) {
  if (answering == answering_) return;
  answering_ = answering;
  refresh_announced();
}

}  // namespace shunt
