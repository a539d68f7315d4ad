// Client: one flow towards a service, packet by packet. Each call says where its packet went: a backend's
// address, or what became of it instead.
#pragma once

#include "tests/packet/pipeline.h"

namespace shunt::packet {

inline const Bytes kData = {'d', 'a', 't', 'a'};

struct Client {
  Pipeline& pipeline;
  Packet packet;

  Client(Pipeline& through, const std::string& vip, uint16_t sport, uint16_t dport = 80)
      : pipeline(through), packet{.destination = vip, .sport = sport, .dport = dport} {}

  std::string send() const { return pipeline.run(0, build(packet)).destination(); }
  std::string tcp(uint8_t flags, uint32_t sequence, const Bytes& payload = {}) {
    packet.flags = flags;
    packet.sequence = sequence;
    packet.payload = payload;
    return send();
  }
  std::string syn(uint32_t sequence = 1000) { return tcp(kSyn, sequence); }
  std::string ack(uint32_t sequence = 1001) { return tcp(kAck, sequence); }
  std::string data(uint32_t sequence = 1001) { return tcp(kAck | kPsh, sequence, kData); }
  std::string fin(uint32_t sequence = 1005) { return tcp(kFin | kAck, sequence); }
  std::string rst(uint32_t sequence = 1005) { return tcp(kRst, sequence); }
  std::string udp() {
    packet.protocol = 17;
    packet.payload = kData;
    return send();
  }
  std::string open() {
    const std::string backend = syn();
    EXPECT_EQ(ack(), backend);
    return backend;
  }
};

// One IPIP service 198.51.100.9:80 (and UDP 53) over a checked pool "web" of 10.0.0.20 … and a backup pool
// "spare" of 10.0.0.60 …
inline const std::string kVip = "198.51.100.9";

inline Config web_config(unsigned backends = 10) {
  Config config = bare_config();
  config.pools = {pool("web", 20, backends), pool("spare", 60, 3)};
  for (PoolConfig& each : config.pools)
    each.health.emplace();
  config.services = {packet::service(kVip, 80, "web", Forward::ipip),
                     packet::service(kVip, 53, "web", Forward::ipip, Protocol::udp)};
  return config;
}

}  // namespace shunt::packet
