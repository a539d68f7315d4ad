#include "bench/pipeline_world.h"

#include <array>

#include "control/config_load.h"
#include "dataplane/slot_choice.h"

namespace shunt::bench {
namespace {

constexpr HashKey kClusterKey{{5, 6, 7, 8}};
constexpr uint64_t kStartNs = 1'000'000'000'000;

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

std::string pool_name(unsigned service) {
  return "pool-" + std::to_string(service);
}

std::string head_text(const WorldShape& shape) {
  const bool v4 = shape.family == Family::ipv4;
  std::string text = "[node]\nname = \"bench\"\n[[port]]\nname = \"net0\"\ndevice = \"vdev:net_ring0\"\n";
  text += "host_interface = \"shunt0\"\nmac = " + quoted(port_mac().text()) + "\n";
  text += v4 ? "addresses = [\"10.1.255.1/16\"]\n" : "addresses = [\"2001:db8:b::ffff:1/64\"]\n";
  text += std::string(v4 ? "encap_source = " : "encap_source6 = ") +
          quoted(encap_source(shape.family).text()) + "\n";
  return text;
}

std::string pool_text(const WorldShape& shape, unsigned service) {
  std::string text = "[[pool]]\nname = " + quoted(pool_name(service)) + "\n";
  for (unsigned i = 0; i < kBackendsPerService; ++i) {
    const unsigned backend = service * kBackendsPerService + i;
    text += "[[pool.backend]]\nname = " + quoted("backend-" + std::to_string(backend)) +
            "\naddress = " + quoted(backend_address(shape.family, backend).text()) + "\n";
    if (shape.forward == "nat") text += "port = " + std::to_string(kNatPort) + "\n";
  }
  return text;
}

std::string service_text(const WorldShape& shape, unsigned service) {
  return "[[service]]\nname = " + quoted("service-" + std::to_string(service)) +
         "\naddress = " + quoted(vip_address(shape.family, service).text()) +
         "\nport = " + std::to_string(kServicePort) +
         "\nprotocol = \"tcp\"\npool = " + quoted(pool_name(service)) +
         "\nforward = " + quoted(shape.forward) + "\nannounce = \"none\"\ntimeouts = { established = \"" +
         std::to_string(shape.established_s) + "s\" }\n";
}

std::string config_text(const WorldShape& shape) {
  std::string text = head_text(shape);
  for (unsigned service = 0; service < kServices; ++service)
    text += pool_text(shape, service) + service_text(shape, service);
  return text;
}

// What the kernel would say: the backends' subnet is the port's, and every backend answered.
KernelView kernel_view(Family family) {
  KernelView view;
  const bool v4 = family == Family::ipv4;
  view.routes = {{*Prefix::parse(v4 ? "10.1.0.0/16" : "2001:db8:b::/64"), 0, std::nullopt}};
  view.node_addresses = {*IpAddress::parse(v4 ? "10.1.255.1" : "2001:db8:b::ffff:1")};
  for (unsigned backend = 0; backend < kServices * kBackendsPerService; ++backend)
    view.neighbours.push_back({0, backend_address(family, backend), backend_mac(backend)});
  return view;
}

// As select hashes a flow for the whole cluster: source, destination, sport, dport, protocol.
Hash128 cluster_hash(const HashKey& key, const Tuple& tuple) {
  std::array<uint8_t, 32> addresses;
  const size_t size = tuple.source.bits() / 8;
  std::memcpy(addresses.data(), tuple.source.wire(), size);
  std::memcpy(addresses.data() + size, tuple.destination.wire(), size);
  const uint32_t ports = be16(tuple.sport).raw() | (uint32_t{be16(tuple.dport).raw()} << 16U);
  return tuple.source.is_v4()
             ? slot_hash_v4(key, addresses.data(), ports, static_cast<uint8_t>(Protocol::tcp))
             : slot_hash_v6(key, addresses.data(), ports, static_cast<uint8_t>(Protocol::tcp));
}

IpAddress v6_address(uint16_t third, uint32_t low) {
  uint8_t bytes[16] = {0x20, 0x01, 0x0d, 0xb8};
  store(bytes + 4, be16(third).raw());
  store(bytes + 12, be32(low).raw());
  return IpAddress::v6(bytes);
}

}  // namespace

IpAddress vip_address(Family family, unsigned service) {
  if (family == Family::ipv4) return IpAddress::v4(be32(0xc633'6400U + 1 + service));  // 198.51.100.0/24
  return v6_address(0, service + 1);
}

IpAddress backend_address(Family family, unsigned backend) {
  if (family == Family::ipv4)
    return IpAddress::v4(be32(0x0a01'0000U + ((backend / 250) << 8U) + backend % 250 + 1));
  return v6_address(0xb, backend + 1);
}

IpAddress encap_source(Family family) {
  return family == Family::ipv4 ? IpAddress::v4(be32(0xc000'020aU)) : v6_address(0xe, 10);  // 192.0.2.10
}

MacAddress port_mac() {
  return {{2, 0, 0, 0, 0, 1}};
}

MacAddress backend_mac(unsigned backend) {
  return {{2, 0, 0, 0xb, static_cast<uint8_t>(backend >> 8U), static_cast<uint8_t>(backend)}};
}

PipelineWorld::PipelineWorld(const WorldShape& shape) : shape_(shape), compiler_(kClusterKey) {}

Result<std::unique_ptr<PipelineWorld>> PipelineWorld::make(const WorldShape& shape) {
  LoadResult loaded = load_config(config_text(shape), "bench");
  if (!loaded.config) return Error{"", loaded.errors.front().message};
  std::unique_ptr<PipelineWorld> world(new PipelineWorld(shape));
  world->compiler_.set_ports({{port_mac(), MacAddress{{2, 0, 0, 0, 1, 1}}, true}});
  world->compiler_.set_kernel(kernel_view(shape.family));
  if (auto applied = world->compiler_.set_config(*loaded.config, kStartNs); !applied) return applied.error();
  world->snapshot_ = world->compiler_.compile(kStartNs);
  world->learn_backends();
  return world;
}

void PipelineWorld::learn_backends() {
  const Registry& registry = compiler_.registry();
  for (unsigned service = 0; service < kServices; ++service) {
    const Prefix vip{vip_address(shape_.family, service),
                     static_cast<uint8_t>(vip_address(shape_.family, 0).bits())};
    service_ids_.push_back(registry.services().at({vip, Protocol::tcp, kServicePort}).id);
    const PoolRecord& pool = registry.pools().at(pool_name(service));
    std::vector<unsigned>& backends = backend_of_.emplace_back(pool.backends.size());
    for (unsigned i = 0; i < kBackendsPerService; ++i) {
      const unsigned backend = service * kBackendsPerService + i;
      for (const auto& record : pool.backends) {
        if (record && record->config.address == backend_address(shape_.family, backend))
          backends[record->number] = backend;
      }
    }
  }
}

const Service& PipelineWorld::service(unsigned number) const {
  return *snapshot_->service(service_ids_[number]);
}

BackendRef PipelineWorld::choice(unsigned service_number, const Tuple& tuple) const {
  const Service& owner = service(service_number);
  const ChosenBackend chosen =
      choose(owner.choice, snapshot_->cluster_key, cluster_hash(snapshot_->cluster_key, tuple));
  return BackendRef::of(owner.choice_pool, chosen.number);
}

unsigned PipelineWorld::chosen_backend(unsigned service_number, const Tuple& tuple) const {
  return backend_of_[service_number][choice(service_number, tuple).number()];
}

}  // namespace shunt::bench
