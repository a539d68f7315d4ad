// FlowClient: who a flow's client is, as flow records have it.
#pragma once

#include <cstdint>
#include <cstring>

#include "dataplane/burst.h"
#include "stats/flow_record.h"

namespace shunt {

// As in FlowRecord: 16 bytes, IPv4 as ::ffff:a.b.c.d.
inline void store_client(uint8_t* to, L3 l3, const uint8_t* address) {
  if (l3 == L3::ipv4) {
    store(to, uint64_t{0});
    store(to + 8, be32(0xffffU));
    std::memcpy(to + 12, address, 4);
  } else {
    std::memcpy(to, address, 16);
  }
}

struct FlowClient {
  uint8_t address[16];
  be16 port;

  static FlowClient of(const Packet& packet, bool is_reply) {
    const PacketView& view = packet.view;
    FlowClient client;
    store_client(client.address, view.l3,
                 is_reply ? view.destination_bytes(packet.data) : view.source_bytes(packet.data));
    client.port = is_reply ? view.dport(packet.data) : view.sport(packet.data);
    return client;
  }
  // That a key of exact_flow_key() names.
  static FlowClient of_exact_key(uint64_t value) {
    FlowClient client;
    const auto address = static_cast<uint32_t>(value);
    store_client(client.address, L3::ipv4, reinterpret_cast<const uint8_t*>(&address));
    client.port = be16::from_raw(static_cast<uint16_t>(value >> 32U));
    return client;
  }
};

inline void set_client(FlowRecord& record, const uint8_t* client, uint16_t port) {
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  std::memcpy(record.client.data(), client, record.client.size());
  record.client_port = port;
  if (std::memcmp(client, kMapped, sizeof kMapped) != 0) record.flags |= kFlowIpv6;
}

}  // namespace shunt
