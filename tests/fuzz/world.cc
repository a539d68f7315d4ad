#include "tests/fuzz/world.h"

namespace shunt::fuzz {
namespace {

constexpr uint32_t kSlots = 61;  // quick to build
constexpr unsigned kFirst = 20;  // 10.0.0.20 and 2001:db8:1::20

PoolConfig pool_of(const std::string& name, const std::string& stem, unsigned first, unsigned count,
                   uint16_t port = 0) {
  PoolConfig config;
  config.name = name;
  config.slots = kSlots;
  for (unsigned i = first; i < first + count; ++i)
    config.backends.push_back(packet::backend(stem + std::to_string(i), stem + std::to_string(i), port));
  return config;
}

}  // namespace

const std::vector<Way>& ways() {
  static const std::vector<Way> all = {
      {"198.51.100.1", "four", Forward::l2, "10.0.0.20"},
      {"198.51.100.2", "four", Forward::ipip, "10.0.0.20"},
      {"198.51.100.3", "six", Forward::ipip, "2001:db8:1::20"},
      {"198.51.100.4", "four", Forward::gue, "10.0.0.20"},
      {"198.51.100.5", "six", Forward::gue, "2001:db8:1::20"},
      {"198.51.100.6", "nat4", Forward::nat, "10.0.0.13"},
      {"198.51.100.7", "nat4-same-port", Forward::nat, "10.0.0.14"},
      {"198.51.100.8", "far", Forward::ipip, "10.9.0.5"},
      {"2001:db8:a::1", "six", Forward::l2, "2001:db8:1::20"},
      {"2001:db8:a::2", "six", Forward::ipip, "2001:db8:1::20"},
      {"2001:db8:a::3", "four", Forward::ipip, "10.0.0.20"},
      {"2001:db8:a::4", "six", Forward::gue, "2001:db8:1::20"},
      {"2001:db8:a::5", "four", Forward::gue, "10.0.0.20"},
      {"2001:db8:a::6", "nat6", Forward::nat, "2001:db8:1::13"},
      {"198.51.100.66", "four", Forward::ipip, "10.0.0.20", true, "198.51.100.64/28"},
      {"2001:db8:b::77", "six", Forward::gue, "2001:db8:1::20", true, "2001:db8:b::/64"},
      {"198.51.100.9", "four", Forward::l2, "10.0.0.20", true},
      {"198.51.100.10", "four", Forward::gre, "10.0.0.20"},
      {"198.51.100.11", "six", Forward::gre, "2001:db8:1::20"},
      {"2001:db8:a::7", "six", Forward::gre, "2001:db8:1::20"},
      {"2001:db8:a::8", "four", Forward::gre, "10.0.0.20"},
      {"198.51.100.12", "four", Forward::gue, "10.0.0.20", false, "", 0},
      {"198.51.100.13", "six", Forward::gue, "2001:db8:1::20", false, "", 0},
      {"2001:db8:a::9", "six", Forward::gue, "2001:db8:1::20", false, "", 0},
      {"2001:db8:a::10", "four", Forward::gue, "10.0.0.20", false, "", 0},
  };
  return all;
}

Config rich_config(unsigned backends) {
  Config config = packet::bare_config();
  PortConfig& net0 = config.ports[0];
  PortConfig& net1 = config.ports[1];
  net0.addresses.push_back(*Prefix::parse("2001:db8:2::2/64"));
  net1.addresses.push_back(*Prefix::parse("2001:db8:1::1/64"));
  net0.encap_source = *Prefix::parse("10.64.16.10");
  net1.encap_source = *Prefix::parse(kEncapSource);
  net0.encap_source6 = *Prefix::parse("2001:db8:64:1::a");
  net1.encap_source6 = *Prefix::parse(kEncapSource6);
  config.pools = {
      pool_of("four", "10.0.0.", kFirst, backends),         pool_of("six", "2001:db8:1::", kFirst, backends),
      pool_of("nat4", "10.0.0.", 13, 1, kBackendPort),      pool_of("nat4-same-port", "10.0.0.", 14, 1),
      pool_of("nat6", "2001:db8:1::", 13, 1, kBackendPort), pool_of("far", "10.9.0.", 5, 1)};
  for (const Way& way : ways()) {
    const std::string vip = way.prefix.empty() ? way.vip : way.prefix;
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp}) {
      const uint16_t port = way.any_port ? uint16_t{0} : protocol == Protocol::tcp ? kTcpPort : kUdpPort;
      config.services.push_back(packet::service(vip, port, way.pool, way.forward, protocol));
      config.services.back().gue_variant = way.gue_variant;
    }
  }
  return config;
}

KernelView rich_kernel() {
  KernelView view;
  view.routes = {{*Prefix::parse("192.0.2.0/24"), 0, std::nullopt},
                 {*Prefix::parse("10.0.0.0/24"), 1, std::nullopt},
                 {*Prefix::parse("0.0.0.0/0"), 0, packet::ip("192.0.2.1")},
                 {*Prefix::parse("10.9.0.0/16"), 1, packet::ip("10.0.0.254")},
                 {*Prefix::parse("2001:db8:1::/64"), 1, std::nullopt},
                 {*Prefix::parse("2001:db8:2::/64"), 0, std::nullopt},
                 {*Prefix::parse("::/0"), 0, packet::ip("2001:db8:2::1")}};
  view.neighbours = {{0, packet::ip("192.0.2.1"), packet::mac(packet::kRouterMac)},
                     {0, packet::ip("2001:db8:2::1"), packet::mac(packet::kRouterMac)},
                     {1, packet::ip("10.0.0.254"), packet::mac(packet::kFarRouterMac)}};
  for (unsigned i = 11; i < 30; ++i) {
    const MacAddress mac = packet::mac(packet::backend_mac(i));
    view.neighbours.push_back({1, packet::ip("10.0.0." + std::to_string(i)), mac});
    view.neighbours.push_back({1, packet::ip("2001:db8:1::" + std::to_string(i)), mac});
  }
  view.node_addresses = {packet::ip("192.0.2.2"), packet::ip("10.0.0.1"), packet::ip("2001:db8:2::2"),
                         packet::ip("2001:db8:1::1")};
  return view;
}

}  // namespace shunt::fuzz
