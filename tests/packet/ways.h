// Every way from a VIP to a backend: mode × family of the VIP × family of the backend, each with a VIP and a
// pool of its own, on the network of network.h with IPv6 beside it.
//
//   clients 203.0.113.0/24, 2001:db8:c::/64 ── router ── net0 [shunt] net1 ── 10.0.0.N, 2001:db8:1::N
#pragma once

#include "tests/packet/packet_reader.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {

struct Way {
  std::string name;
  Forward forward;
  Family vip_family;
  Family backend_family;
  unsigned index;  // of all_ways()
  uint8_t gue_variant = 1;

  bool v4() const { return vip_family == Family::ipv4; }
  std::string number() const { return std::to_string(50 + index); }
  std::string vip() const { return (v4() ? "198.51.100." : "2001:db8::") + number(); }
  std::string client() const { return v4() ? "203.0.113.7" : "2001:db8:c::7"; }
  std::string router() const { return v4() ? "203.0.113.254" : "2001:db8:c::254"; }
  std::string backend(unsigned n) const {
    return (backend_family == Family::ipv4 ? "10.0.0." : "2001:db8:1::") + std::to_string(n);
  }
  unsigned outer_bytes() const {
    if (!encapsulates(forward)) return 0;
    const unsigned gue = gue_variant == 0 ? 12 : 8;
    const unsigned shim = forward == Forward::gue ? gue : forward == Forward::gre ? 4 : 0;
    return (backend_family == Family::ipv4 ? 20U : 40U) + shim;
  }
  // The client's packet to the VIP.
  Packet from_client(uint8_t protocol = 6) const {
    return {.source = client(),
            .destination = vip(),
            .protocol = protocol,
            .dport = static_cast<uint16_t>(protocol == 6 ? 80 : 53)};
  }
};

inline constexpr unsigned kBackendsOfWay = 4;
inline const std::string kSource6 = "2001:db8:1::a";  // encap_source6 of net1

inline std::vector<Way> all_ways() {
  using enum Family;
  std::vector<Way> ways = {{"l2, IPv4", Forward::l2, ipv4, ipv4, 0},
                           {"l2, IPv6", Forward::l2, ipv6, ipv6, 0},
                           {"ipip, 4in4", Forward::ipip, ipv4, ipv4, 0},
                           {"ipip, 6in4", Forward::ipip, ipv6, ipv4, 0},
                           {"ipip, 4in6", Forward::ipip, ipv4, ipv6, 0},
                           {"ipip, 6in6", Forward::ipip, ipv6, ipv6, 0},
                           {"gue, 4 over 4", Forward::gue, ipv4, ipv4, 0},
                           {"gue, 6 over 4", Forward::gue, ipv6, ipv4, 0},
                           {"gue, 4 over 6", Forward::gue, ipv4, ipv6, 0},
                           {"gue, 6 over 6", Forward::gue, ipv6, ipv6, 0},
                           {"nat, IPv4", Forward::nat, ipv4, ipv4, 0},
                           {"nat, IPv6", Forward::nat, ipv6, ipv6, 0},
                           {"gre, 4 over 4", Forward::gre, ipv4, ipv4, 0},
                           {"gre, 6 over 4", Forward::gre, ipv6, ipv4, 0},
                           {"gre, 4 over 6", Forward::gre, ipv4, ipv6, 0},
                           {"gre, 6 over 6", Forward::gre, ipv6, ipv6, 0},
                           {"gue variant 0, 4 over 4", Forward::gue, ipv4, ipv4, 0, 0},
                           {"gue variant 0, 6 over 4", Forward::gue, ipv6, ipv4, 0, 0},
                           {"gue variant 0, 4 over 6", Forward::gue, ipv4, ipv6, 0, 0},
                           {"gue variant 0, 6 over 6", Forward::gue, ipv6, ipv6, 0, 0}};
  for (unsigned i = 0; i < ways.size(); ++i)
    ways[i].index = i;
  return ways;
}

// The number N of a way's first backend; its MAC is backend_mac(N). (Decimal digits in IPv6 too.)
inline unsigned first_backend(const Way& way) {
  return 20 + way.index * kBackendsOfWay;
}

inline Config ways_config() {
  Config config = bare_config();
  config.ports[0].addresses.push_back(*Prefix::parse("2001:db8:9::2/64"));
  config.ports[1].addresses.push_back(*Prefix::parse("2001:db8:1::1/64"));
  config.ports[1].encap_source6 = *Prefix::parse(kSource6);
  for (const Way& way : all_ways()) {
    PoolConfig pool;
    pool.name = way.name;
    pool.slots = 1021;
    pool.health.emplace();
    pool.panic = 1;
    for (unsigned n = first_backend(way); n < first_backend(way) + kBackendsOfWay; ++n) {
      const auto port = static_cast<uint16_t>(way.forward == Forward::nat ? 8080 : 0);
      pool.backends.push_back(packet::backend(std::to_string(n), way.backend(n), port));
    }
    config.pools.push_back(pool);
    for (const auto& [port, protocol] : {std::pair{80, Protocol::tcp}, {53, Protocol::udp}}) {
      config.services.push_back(
          service(way.vip(), static_cast<uint16_t>(port), pool.name, way.forward, protocol));
      config.services.back().gue_variant = way.gue_variant;
    }
  }
  return config;
}

inline KernelView ways_kernel() {
  KernelView view = kernel_view();
  view.routes.push_back({*Prefix::parse("2001:db8:1::/64"), 1, std::nullopt});
  view.routes.push_back({*Prefix::parse("::/0"), 0, ip("2001:db8:9::1")});
  view.neighbours.push_back({0, ip("2001:db8:9::1"), mac(kRouterMac)});
  for (unsigned n = 80; n < 100; ++n)  // and those that network.h has
    view.neighbours.push_back({1, ip("10.0.0." + std::to_string(n)), mac(backend_mac(n))});
  for (unsigned n = 20; n < 100; ++n)
    view.neighbours.push_back({1, ip("2001:db8:1::" + std::to_string(n)), mac(backend_mac(n))});
  view.node_addresses.push_back(ip("2001:db8:1::1"));
  return view;
}

// What reached a backend: which one, and the IP packet that it gets out of its tunnel.
struct Delivered {
  unsigned backend = 0;
  Bytes packet;
  std::string faults;  // of what is around it
};

inline Bytes tail(const Bytes& bytes, size_t from) {
  return {bytes.begin() + static_cast<ptrdiff_t>(from), bytes.end()};
}

inline Delivered delivered(const Way& way, const Bytes& frame) {
  Delivered result;
  for (unsigned n = first_backend(way); n < first_backend(way) + kBackendsOfWay; ++n) {
    const MacAddress address = mac(backend_mac(n));
    if (std::equal(address.bytes.begin(), address.bytes.end(), frame.begin())) result.backend = n;
  }
  result.packet = tail(frame, l3_offset(frame));
  if (way.outer_bytes() == 0) return result;
  const Bytes outer = result.packet;
  const bool four = way.backend_family == Family::ipv4;
  const size_t header = four ? 20 : 40;
  const uint8_t inner_protocol = way.v4() ? 4 : 41;
  const uint8_t protocol = way.forward == Forward::gue   ? 17
                           : way.forward == Forward::gre ? 47
                                                         : inner_protocol;
  const Bytes source = wire(ip(four ? "10.0.0.10" : kSource6));
  const Bytes destination = wire(ip(way.backend(result.backend)));
  const size_t addresses = four ? 12 : 8;
  Bytes wanted = source;
  put(wanted, destination);
  if (Bytes(outer.begin() + static_cast<ptrdiff_t>(addresses),
            outer.begin() + static_cast<ptrdiff_t>(header)) != wanted)
    result.faults += "outer addresses; ";
  if (outer[four ? 9 : 6] != protocol) result.faults += "outer protocol; ";
  if (get16(outer, four ? 2 : 4) != outer.size() - (four ? 0 : 40)) result.faults += "outer length; ";
  if (outer[four ? 8 : 7] != 64) result.faults += "outer hops; ";
  if (four && internet_checksum(Bytes(outer.begin(), outer.begin() + 20)) != 0)
    result.faults += "outer header checksum; ";
  if (way.forward == Forward::gue) {
    if (get16(outer, header + 4) != outer.size() - header) result.faults += "UDP length; ";
    Bytes covered = pseudo_header(ip(four ? "10.0.0.10" : kSource6), ip(way.backend(result.backend)), 17,
                                  outer.size() - header);
    put(covered, tail(outer, header));
    const bool none = get16(outer, header + 6) == 0;
    if (none != four || (!none && internet_checksum(covered) != 0)) result.faults += "UDP checksum; ";
    // draft-ietf-intarea-gue 3.1: version 0, no control message, Hlen 0; what follows; no flags.
    if (way.gue_variant == 0 &&
        (get16(outer, header + 8) != inner_protocol || get16(outer, header + 10) != 0))
      result.faults += "GUE header; ";
  }
  if (way.forward == Forward::gre &&
      (get16(outer, header) != 0 || get16(outer, header + 2) != (way.v4() ? 0x0800 : 0x86dd)))
    result.faults += "GRE header; ";
  result.packet = tail(outer, way.outer_bytes());
  return result;
}

}  // namespace shunt::packet
