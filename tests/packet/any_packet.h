// AnyPacket: a stream of packets of all kinds, right and wrong, from one seed. Mostly what belongs to a few
// hundred flows, so that tables are hit; beside it whatever a network may carry.
#pragma once

#include <random>

#include "tests/packet/icmp_builder.h"
#include "tests/packet/network.h"

namespace shunt::packet {

class AnyPacket {
 public:
  explicit AnyPacket(uint32_t seed) : random_(seed) {}

  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }
  bool one_in(uint32_t chances) { return below(chances) == 0; }

  Bytes next(uint8_t port) {
    Bytes frame = one_in(12) ? other(port) : build(port == 0 || one_in(4) ? towards_vip(port) : reply(port));
    if (one_in(15)) damage(frame);
    return frame;
  }

 private:
  Packet towards_vip(uint8_t port) {
    Packet packet;
    packet.to = port == 0 ? kPort0Mac : kPort1Mac;
    packet.source = (one_in(3) ? "192.0.2." : "203.0.113.") + std::to_string(20 + below(8));
    packet.destination = "198.51.100." + std::to_string(one_in(5) ? below(14) : 1 + below(6));
    packet.sport = static_cast<uint16_t>(1024 + below(40));
    packet.protocol = one_in(3) ? 17 : 6;
    packet.dport = packet.protocol == 17 ? 53 : 80;
    if (one_in(10)) packet.dport = static_cast<uint16_t>(below(65536));
    vary(packet);
    return packet;
  }
  Packet reply(uint8_t port) {
    Packet packet = towards_vip(port);
    packet.destination = one_in(6) ? "192.0.2.2" : packet.source;
    packet.dport = packet.sport;
    const bool same_port = one_in(3);
    packet.source = "10.0.0." + std::to_string(one_in(3) ? 10 + below(12) : same_port ? 14 : 13);
    packet.sport = same_port ? 80 : 8080;
    return packet;
  }
  void vary(Packet& packet) {
    constexpr uint8_t kFlagSets[] = {kSyn, kSyn, kAck, kAck, kAck | kPsh, kFin | kAck, kRst, kSyn | kAck, 0};
    packet.flags = kFlagSets[below(9)];
    packet.sequence = 1000 + below(4);
    packet.ttl = static_cast<uint8_t>(one_in(10) ? below(3) : 64);
    packet.tos = static_cast<uint8_t>(below(256));
    packet.dont_fragment = !one_in(3);
    if (one_in(2)) packet.payload = Bytes(below(one_in(8) ? 1500 : 60), 0x5a);
    if (one_in(6)) packet.trailer = Bytes(below(20), 0xee);
    for (unsigned tags = one_in(4) ? below(4) : 0; tags > 0; --tags)
      packet.tags.push_back({static_cast<uint16_t>(one_in(2) ? 0x8100 : 0x88a8), 5});
    if (one_in(15)) packet.options = Bytes(4 * below(11), static_cast<uint8_t>(one_in(4) ? 131 : below(2)));
    if (one_in(30)) packet.fragment = static_cast<uint16_t>(below(65536));
    if (one_in(12)) make_fragment(packet);
    if (one_in(10)) packet.transport_checksum = static_cast<uint16_t>(one_in(2) ? 0 : below(65536));
    if (one_in(30)) packet.ip_checksum = static_cast<uint16_t>(below(65536));
    if (one_in(30)) packet.source = "198.51.100.3";
  }
  // One of a few datagrams' parts: the first, the last, or one between.
  void make_fragment(Packet& packet) {
    packet.dont_fragment = false;
    packet.id = static_cast<uint16_t>(below(4));
    const uint32_t part = below(3);
    packet.fragment = static_cast<uint16_t>((part < 2 ? 0x2000U : 0U) | part * 5);
    packet.payload = Bytes(packet.protocol == 17 ? 32 : 20, 0x5a);
  }
  Bytes other(uint8_t port) {
    const std::string ours = port == 0 ? kPort0Mac : kPort1Mac;
    switch (below(9)) {
      case 0:
        return build(Arp{.target = "198.51.100." + std::to_string(below(14))});
      case 1:
        return build(Packet{.to = ours, .source = "2001:db8::7", .destination = "2001:db8::1"});
      case 2:
        return build(Packet{.to = ours, .destination = "192.0.2.2", .dport = 179});
      case 3:
        return build(Packet{.to = "ff:ff:ff:ff:ff:ff", .destination = "192.0.2.255", .protocol = 17});
      case 4:
        return build(Packet{.to = "02:00:00:00:00:55"});
      case 5:
        return build(ping(port));
      case 6:
        return build(icmp_error(port));
      case 7:
        return build(error_from_backend(port));
      default:
        return Bytes(below(100), static_cast<uint8_t>(below(256)));
    }
  }
  // About an answer of the VIP, or about something else.
  Packet icmp_error(uint8_t port) {
    const Packet carrier = towards_vip(port);
    Packet answer = carrier;
    std::swap(answer.source, answer.destination);
    std::swap(answer.sport, answer.dport);
    if (one_in(6)) answer = towards_vip(port);
    constexpr uint8_t kTypes[] = {3, 3, 3, 11, 12, 5, 0};
    const uint8_t type = kTypes[below(7)];
    return icmp(carrier, {.type = type,
                          .code = static_cast<uint8_t>(below(5)),
                          .rest = 400 + below(1200),
                          .body = quote(answer, 20 + below(60))});
  }
  Packet ping(uint8_t port) {
    const Packet carrier = towards_vip(port);
    return icmp(carrier, {.type = 8, .body = Bytes(below(80), 0x5a)});
  }
  // About a client's packet that nat sent on.
  Packet error_from_backend(uint8_t port) {
    const Packet carrier = reply(port);
    Packet packet = towards_vip(port);
    packet.destination = "10.0.0.13";
    packet.dport = 8080;
    return icmp(carrier, {.type = 3, .code = 3, .rest = 0, .body = quote(packet)});
  }
  void damage(Bytes& frame) {
    for (unsigned edits = below(4); edits > 0 && !frame.empty(); --edits)
      frame[below(static_cast<uint32_t>(frame.size()))] = static_cast<uint8_t>(below(256));
    if (one_in(3)) frame.resize(below(static_cast<uint32_t>(frame.size() + 1)));
  }

  std::mt19937 random_;
};

}  // namespace shunt::packet
