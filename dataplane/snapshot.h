// Snapshot: one immutable compiled configuration, as the workers and the punt thread see it.
//
// Owner: the control thread makes it, publishes it by RCU and frees it when every reader has passed a
// quiescent point. Its parts are shared with the snapshots before and after where nothing in them changed.
// Bound: ids and numbers have the widths that the connection table gives them; compile checks. Readers load
// the pointer once, at the top of a loop.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/address.h"
#include "common/forwarding.h"
#include "common/keyed_hash.h"
#include "dataplane/address_map.h"
#include "dataplane/backend_ref.h"
#include "dataplane/balance.h"
#include "dataplane/next_hops.h"
#include "dataplane/slot_choice.h"
#include "dataplane/tcp_state.h"
#include "dataplane/vip_table.h"

namespace shunt {

// What rewrite does to a packet on its way to a backend. `outer`: the packet travels inside another one of
// that family, `udp`: behind a UDP header (gue variant 1), `udp_gue`: behind one and a GUE header (variant
// 0), `gre`: behind a GRE header.
enum class Change : uint8_t {
  l2,
  nat4,
  nat6,
  outer4,
  outer4_udp,
  outer4_udp_gue,
  outer4_gre,
  outer6,
  outer6_udp,
  outer6_udp_gue,
  outer6_gre
};

// One backend as rewrite needs it: made per pool, forwarding mode and the packets' family, shared by
// services. The first line is all that a packet needs whose outer header is IPv4 or that has none.
struct alignas(64) Destination {
  // How the frame begins: MACs (destination, source), EtherType, and an outer IPv4 header in which type of
  // service, lengths, identification and checksum are 0, and DF is set.
  std::array<uint8_t, 34> head{};
  uint16_t longest = 0;  // IP bytes that may leave this way; 0: none, and rewrite's `refuse` says why
  Change change = Change::l2;
  uint8_t port = 0;         // index of the way out
  uint16_t mtu = 1500;      // of the way out, IP bytes
  uint8_t outer_bytes = 0;  // how much the packet grows
  bool present = false;     // false: no such backend (never was, or removed and its drain is over)
  bool has_mac = false;
  bool has_route = false;  // somewhere to send it at all
  bool on_link = false;
  be16 backend_port;                // nat: 0 means the service's
  uint32_t source_spread_mask = 0;  // host order: which last bits of the outer source a flow's hash fills in
  uint32_t outer_sum = 0;     // folded, of the outer IPv4 header in `head`; gue over IPv6: of what the UDP
                              // checksum covers and no packet changes
  be32 address4;              // of the backend, where it is IPv4
  uint8_t class_kept = 0xff;  // of the inner type of service or traffic class: what the outer one takes over
  uint8_t class_set = 0;      // and what stands there besides (a service's `dscp`)

  alignas(64) IpAddress address;  // of the backend
  IpAddress outer_source;         // its first one, where flows are spread
  uint8_t inner_protocol = 0;     // IPv6: what the outer header says comes next

  bool operator==(const Destination&) const = default;
};
static_assert(sizeof(Destination) == 128);

// One of the up to four pools that a service's flows may name (BackendRef::position).
struct PoolView {
  const Destination* destinations = nullptr;  // by backend number
  const uint16_t* accept = nullptr;  // 0 … 256, by backend number: what the pool's health and weights say; 0
                                     // where nobody is present
  uint32_t count = 0;                // numbers below this exist
  uint32_t pairs = 0;                // first row of this (service, pool) in the pair counters
};

// The destination that an entry naming nobody gets.
inline constexpr Destination kNobody{};

// What every packet of a service needs stands first.
struct alignas(64) Service {
  uint16_t id = 0;
  Protocol protocol = Protocol::tcp;
  Forward forward = Forward::l2;
  bool exact_key = false;      // one IPv4 address and port: source address and port are the whole flow
  bool hashes_source = false;  // a slot is the client's address's, not the flow's
  bool cuts = true;            // IPv4 that is too big for the way out and may be cut is
  bool opens_plainly = false;  // nothing but slots and `accept` decides who gets a new flow, in the usual way
  uint16_t mss_clamp = 0;      // largest segment size that a SYN may ask for; 0: any, kMssOfMtu: what fits
  uint8_t choice_pool = 0;     // position of the pool that new flows are chosen from
  TcpState plain_state = TcpState::none;  // of an entry on which nothing happens: established, or none in UDP
  uint16_t plain_timeout_s = 0;           // in that state
  be16 port;                              // 0: every port
  std::array<PoolView, kPoolPositions> pools{};

  std::array<uint16_t, kTcpStates> timeout_s{};  // by TcpState
  Prefix vip;
  uint32_t syn_timeout_ms = 0;  // probation
  uint32_t udp_timeout_ms = 0;
  uint32_t sample_below = 0;  // of 65,536 flows telemetry watches so many
  SlotChoice choice;
  const Balance* balance = &kBySlot;  // one of its own is part of the snapshot
  bool panic = false;                 // everybody is chosen, up or not
  uint8_t resets = 0;                 // bit i: at pool position i, flows of a backend that is gone get a RST
  uint32_t source_mask4 = 0;          // of hashes_source, in the packet's byte order
  uint64_t source_mask6[2] = {};      // the same

  // The destination that a flow entry names; one that isn't present where the entry names nobody.
  const Destination& destination(BackendRef backend) const {
    const PoolView& pool = pools[backend.position()];
    return backend.number() < pool.count ? pool.destinations[backend.number()] : kNobody;
  }
  uint16_t accept(BackendRef backend) const {
    const PoolView& pool = pools[backend.position()];
    return backend.number() < pool.count ? pool.accept[backend.number()] : uint16_t{0};
  }
  uint32_t pair(BackendRef backend) const { return pools[backend.position()].pairs + backend.number(); }
};

// A nat backend's address, port and protocol name the service whose replies come from there.
struct NatSource {
  uint16_t service = 0;
  BackendRef backend;
  uint8_t port = 0;  // index of the port it is behind
  // Whose it was before, while flows of that service may still be there; 0: nobody's.
  uint16_t former_service = 0;
  BackendRef former_backend;
};

// A host with a nat backend: its fragments without ports may be a reply's.
struct NatHost {
  uint8_t port = 0;  // index of the port it is behind
};

// Whom a probe address stands for (probes.h).
struct ProbeTarget {
  uint16_t service = 0;
  BackendRef backend;
};

struct PortState {
  MacAddress mac;
  MacAddress host_mac;  // second MAC: what the kernel sends to it is for a VIP
  uint16_t mtu = 1500;
  bool has_host_interface = false;
  bool strips_tags = false;  // of what came in here for a service, on its way on
  std::optional<MacAddress> gateway_mac;
  std::vector<be32> broadcasts;  // of its subnets

  bool is_broadcast(be32 address) const {
    return address.raw() == 0xffffffffU || std::ranges::find(broadcasts, address) != broadcasts.end();
  }
};

// A VIP that the punt thread answers ARP for.
struct AnnouncedVip {
  Prefix vip;
  uint64_t ports = 0;  // bit i: on port i

  bool operator==(const AnnouncedVip&) const = default;
};

struct Snapshot {
  uint64_t generation = 0;
  HashKey cluster_key;
  bool encapsulates = false;        // some service's packets get an outer header
  bool clamps_mss = false;          // some service has an mss_clamp
  uint32_t least_probation_ms = 0;  // no service forgets an opening sooner
  uint32_t least_timeout_s = 0;     // nor an established or UDP flow
  uint32_t answer_rate = 100;       // ICMP answers a second, to one source and of one kind
  std::shared_ptr<const VipTable> vips;
  std::vector<Service> services;  // by id; id 0 means "not there", as in every hole
  std::shared_ptr<const AddressMap<NatSource>> nat_sources;
  std::shared_ptr<const AddressMap<NatHost>> nat_hosts;  // by address
  std::shared_ptr<const RouteTable> routes;
  std::shared_ptr<const NeighbourTable> neighbours;
  std::shared_ptr<const AddressMap<uint8_t>> node_addresses;
  std::shared_ptr<const VipTable> forbidden_sources;  // VIPs and encap_sources: no packet comes from there
  std::shared_ptr<const VipTable> encap_sources;      // what our own outer headers come from
  std::shared_ptr<const AddressMap<uint8_t>> urgent_sources;  // health answers come from there
  std::vector<PortState> ports;
  std::vector<AnnouncedVip> announced;
  std::vector<std::shared_ptr<const void>> parts;         // keeps alive what services point into
  std::vector<Prefix> probe_prefixes;                     // what probe addresses are taken from
  std::shared_ptr<const AddressMap<ProbeTarget>> probes;  // by probe address; there where a prefix is

  const Service* service(uint16_t id) const {
    return id < services.size() && services[id].id == id ? &services[id] : nullptr;
  }

  // Addresses that never send: a VIP, an encap_source. A packet from there is forged, or comes from a loop.
  bool is_own_source(const AddressKey& source, Family family) const {
    return forbidden_sources->is_vip(source, family);
  }

  bool is_probe_address(const IpAddress& address) const {
    return std::ranges::any_of(probe_prefixes,
                               [&](const Prefix& prefix) { return prefix.contains(address); });
  }

  // What tells a backend's rows in `nat_sources` apart. With the family: an IPv4 address as IPv6 writes it
  // (::ffff:10.0.0.1) is another one.
  static uint32_t nat_extra(Family family, uint8_t protocol, uint16_t port) {
    return (family == Family::ipv6 ? 1U << 24U : 0U) | (static_cast<uint32_t>(protocol) << 16U) | port;
  }
};

}  // namespace shunt
