// The network that the packet tests stand in, as a Config and as what the kernel would say of it.
//
//   clients 203.0.113.0/24 ── router 192.0.2.1 ── net0 [shunt] net1 ── 10.0.0.0/24 backends
//        on-link clients 192.0.2.0/24 ───────────┘                └── 10.0.0.254 ── 10.9.0.0/16 backends
//
// IPv6: clients 2001:db8:9::/64 behind the same router, backends 2001:db8:1::/64 on net1.
#pragma once

#include "control/compiler.h"
#include "tests/packet/packet_builder.h"

namespace shunt::packet {

inline const std::string kPort0Mac = "02:00:00:00:00:01";
inline const std::string kPort1Mac = "02:00:00:00:00:02";
inline const std::string kHost0Mac = "02:00:00:00:01:01";
inline const std::string kHost1Mac = "02:00:00:00:01:02";
inline const std::string kRouterMac = "02:00:00:00:99:01";
inline const std::string kFarRouterMac = "02:00:00:00:99:02";  // to 10.9.0.0/16

// The MAC of the backend at 10.0.0.N: 02:00:00:00:0b:N.
inline std::string backend_mac(unsigned number) {
  static constexpr char kDigits[] = "0123456789abcdef";
  return std::string("02:00:00:00:0b:") + kDigits[number / 16 % 16] + kDigits[number % 16];
}

inline BackendConfig backend(const std::string& name, const std::string& address, uint16_t port = 0,
                             uint16_t weight = 1) {
  BackendConfig config;
  config.name = name;
  config.address = ip(address);
  config.port = port;
  config.weight = weight;
  return config;
}

// A pool of 10.0.0.FIRST … 10.0.0.(FIRST + COUNT − 1), named by their addresses.
inline PoolConfig pool(const std::string& name, unsigned first, unsigned count, uint16_t port = 0) {
  PoolConfig config;
  config.name = name;
  config.slots = 1021;
  for (unsigned i = first; i < first + count; ++i) {
    const std::string address = "10.0.0." + std::to_string(i);
    config.backends.push_back(backend(address, address, port));
  }
  return config;
}

inline ServiceConfig service(const std::string& vip, uint16_t port, const std::string& pool_name,
                             Forward forward, Protocol protocol = Protocol::tcp) {
  ServiceConfig config;
  config.name = vip + ":" + std::to_string(port);
  config.address = *Prefix::parse(vip);
  config.port = port;
  config.pool = pool_name;
  config.forward = forward;
  config.protocol = protocol;
  config.announce = Announce::arp;
  return config;
}

inline const std::string kOuterSource6 = "2001:db8:1::a";

// The IPv6 backend of this number, in a pool of its own.
inline PoolConfig pool6(const std::string& name, unsigned number, uint16_t port = 0) {
  const std::string address = "2001:db8:1::" + std::to_string(number);
  PoolConfig config;
  config.name = name;
  config.slots = 1021;
  config.backends = {backend(address, address, port)};
  return config;
}

inline Config bare_config() {
  Config config;
  PortConfig net0;
  net0.name = "net0";
  net0.host_interface = "shunt0";
  net0.addresses = {*Prefix::parse("192.0.2.2/24")};
  net0.encap_source = *Prefix::parse("192.0.2.10");
  PortConfig net1 = net0;
  net1.name = "net1";
  net1.host_interface = "shunt1";
  net1.addresses = {*Prefix::parse("10.0.0.1/24")};
  net1.encap_source = *Prefix::parse("10.0.0.10");
  config.ports = {net0, net1};
  return config;
}

// One service for each way of forwarding, each with one backend, so that a row knows where its packet goes.
inline Config mode_config() {
  Config config = bare_config();
  config.pools = {pool("l2", 11, 1), pool("ipip", 12, 1), pool("nat", 13, 1, 8080), pool("same-port", 14, 1)};
  PoolConfig far;
  far.name = "far";
  far.slots = 1021;
  far.backends = {backend("far", "10.9.0.5")};
  config.pools.push_back(far);
  config.services = {
      service("198.51.100.1", 80, "l2", Forward::l2),
      service("198.51.100.1", 53, "l2", Forward::l2, Protocol::udp),
      service("198.51.100.2", 80, "ipip", Forward::ipip),
      service("198.51.100.2", 53, "ipip", Forward::ipip, Protocol::udp),
      service("198.51.100.3", 80, "nat", Forward::nat),
      service("198.51.100.3", 53, "nat", Forward::nat, Protocol::udp),
      service("198.51.100.4", 80, "same-port", Forward::nat),
      service("198.51.100.5", 80, "far", Forward::ipip),
      service("198.51.100.6", 80, "far", Forward::l2),
  };
  return config;
}

// The same of IPv6 services, and those whose outer header is of the other family or gue's.
inline Config six_config() {
  Config config = mode_config();
  config.ports[0].encap_source6 = *Prefix::parse("2001:db8:2::a");
  config.ports[1].encap_source6 = *Prefix::parse(kOuterSource6);
  for (const PoolConfig& pool :
       {pool6("l2-6", 11), pool6("ipip-6", 12), pool6("nat-6", 13, 8080), pool("gue", 15, 1)})
    config.pools.push_back(pool);
  for (const auto& [protocol, port] : {std::pair{Protocol::tcp, 80}, std::pair{Protocol::udp, 53}}) {
    const auto add = [&](const std::string& vip, const std::string& pool_name, Forward forward) {
      config.services.push_back(service(vip, static_cast<uint16_t>(port), pool_name, forward, protocol));
    };
    add("2001:db8:a::1", "l2-6", Forward::l2);
    add("2001:db8:a::2", "ipip-6", Forward::ipip);
    add("2001:db8:a::3", "nat-6", Forward::nat);
    add("2001:db8:a::4", "ipip-6", Forward::gue);
    add("2001:db8:a::5", "ipip", Forward::ipip);  // 6in4
    add("2001:db8:a::6", "gue", Forward::gue);
    add("198.51.100.11", "ipip-6", Forward::ipip);  // 4in6
    add("198.51.100.12", "ipip-6", Forward::gue);
    add("198.51.100.13", "gue", Forward::gue);
  }
  return config;
}

inline std::vector<PortRuntime> port_runtimes(bool host_interfaces = true) {
  return {{mac(kPort0Mac), mac(kHost0Mac), host_interfaces},
          {mac(kPort1Mac), mac(kHost1Mac), host_interfaces}};
}

inline KernelView kernel_view() {
  KernelView view;
  view.routes = {{*Prefix::parse("192.0.2.0/24"), 0, std::nullopt},
                 {*Prefix::parse("10.0.0.0/24"), 1, std::nullopt},
                 {*Prefix::parse("0.0.0.0/0"), 0, ip("192.0.2.1")},
                 {*Prefix::parse("10.9.0.0/16"), 1, ip("10.0.0.254")}};
  view.neighbours = {{0, ip("192.0.2.1"), mac(kRouterMac)}, {1, ip("10.0.0.254"), mac(kFarRouterMac)}};
  for (unsigned i = 11; i < 80; ++i)
    view.neighbours.push_back({1, ip("10.0.0." + std::to_string(i)), mac(backend_mac(i))});
  view.routes.push_back({*Prefix::parse("2001:db8:1::/64"), 1, std::nullopt});
  view.routes.push_back({*Prefix::parse("::/0"), 0, ip("2001:db8:2::1")});
  view.neighbours.push_back({0, ip("2001:db8:2::1"), mac(kRouterMac)});
  for (unsigned i = 11; i < 20; ++i)
    view.neighbours.push_back({1, ip("2001:db8:1::" + std::to_string(i)), mac(backend_mac(i))});
  view.node_addresses = {ip("192.0.2.2"), ip("10.0.0.1")};
  return view;
}

}  // namespace shunt::packet
