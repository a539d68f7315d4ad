#include "tests/instructions/world.h"

#include <cstring>
#include <span>
#include <stdexcept>

#include "common/checksum.h"

namespace shunt::instructions {
namespace {

constexpr HashKey kTableKey{{1, 2, 3, 4}};
constexpr HashKey kClusterKey{{5, 6, 7, 8}};
constexpr uint16_t kVipPort = 80;
constexpr uint64_t kBurstNs = 1'600;  // 64 packets at 40 million a second
constexpr uint32_t kSlots = 1021;     // more only make the start slower
constexpr size_t kShortestFrame = 60;
constexpr unsigned kClientPort = 0;
constexpr unsigned kBackendPort = 1;
const std::string kClientPortMac = "02:00:00:00:00:01";
const std::string kBackendPortMac = "02:00:00:00:00:02";
const std::string kRouterMac = "02:00:00:00:99:01";

template <typename T>
std::span<std::byte> bytes_of(std::vector<T>& memory) {
  return std::as_writable_bytes(std::span(memory));
}

IpAddress v4(uint32_t address) {
  return IpAddress::v4(be32(address));
}
IpAddress v6(uint16_t network, uint32_t host) {
  uint8_t bytes[16] = {0x20, 0x01, 0x0d, 0xb8};
  bytes[5] = static_cast<uint8_t>(network);
  for (unsigned i = 0; i < 4; ++i)
    bytes[12 + i] = static_cast<uint8_t>(host >> (24 - 8 * i));
  return IpAddress::v6(bytes);
}
MacAddress backend_mac(unsigned number) {
  MacAddress address;
  address.bytes = {2, 0, 0, 1, static_cast<uint8_t>(number >> 8U), static_cast<uint8_t>(number)};
  return address;
}
void put16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8U);
  at[1] = static_cast<uint8_t>(value);
}
uint32_t get16(const uint8_t* at) {
  return static_cast<uint32_t>(at[0] << 8U | at[1]);
}

}  // namespace

World::World(const Case& its_case)
    : case_(its_case),
      flow_memory_(FlowTable::bytes_for(kConnections) / sizeof(FlowBucket)),
      probation_memory_(ProbationTable::bytes_for(kProbationEntries) / sizeof(ProbationLine)),
      pair_memory_(1U << 14U),
      service_memory_(1024),
      telemetry_(static_cast<uint32_t>(probation_memory_.size())),
      state_(0,
             {bytes_of(flow_memory_),
              bytes_of(probation_memory_),
              pair_memory_,
              service_memory_,
              {},
              {},
              its_case.telemetry ? telemetry_.memory() : TelemetryMemory{}},
             kTableKey),
      worker_(state_, io_, 2, punt_, hand_over_, nullptr),
      compiler_(kClusterKey),
      chosen_(kFlows) {
  compiler_.set_ports({{packet::mac(kClientPortMac), packet::mac("02:00:00:00:01:01"), true},
                       {packet::mac(kBackendPortMac), packet::mac("02:00:00:00:01:02"), true}});
  compiler_.set_kernel(kernel());
  if (const auto set = compiler_.set_config(config(), now_ns_); !set)
    throw std::runtime_error(set.error().text());
  snapshot_ = compiler_.compile(now_ns_);
  packet::Packet packet;
  packet.to = kClientPortMac;
  packet.source = flow(0).client.text();
  packet.destination = vip(0).text();
  request_ = packet::build(packet);
  request_.resize(std::max(request_.size(), kShortestFrame));  // padded, as on the wire
}

IpAddress World::vip(unsigned service) const {
  return case_.family == Family::ipv4 ? v4(0xc6336401 + service) : v6(1, 1 + service);
}

IpAddress World::backend(unsigned number) const {
  return case_.family == Family::ipv4 ? v4(0x0a010001 + number) : v6(2, 1 + number);
}

World::Flow World::flow(uint32_t number) const {
  const uint32_t mixed = number * 2654435761U;  // odd: no two flows are alike
  return {case_.family == Family::ipv4 ? v4(0x64400000 | mixed >> 10U) : v6(3, mixed),
          static_cast<uint16_t>(1024 + number % 60'000), mixed % kServices};
}

Config World::config() const {
  Config config;
  PortConfig port;
  port.name = "net0";
  port.host_interface = "shunt0";
  port.addresses = {*Prefix::parse("192.0.2.2/24")};
  port.encap_source = *Prefix::parse("10.0.0.10");
  port.encap_source6 = *Prefix::parse("2001:db8:4::10");
  config.ports = {port, port};
  config.ports[1].name = "net1";
  config.ports[1].host_interface = "shunt1";
  config.ports[1].addresses = {*Prefix::parse("10.0.0.1/8")};
  for (unsigned service = 0; service < kServices; ++service) {
    PoolConfig pool;
    pool.name = "pool" + std::to_string(service);
    pool.slots = kSlots;
    for (unsigned i = 0; i < kBackendsPerService; ++i) {
      BackendConfig backend_config;
      backend_config.address = backend(service * kBackendsPerService + i);
      backend_config.name = backend_config.address.text();
      pool.backends.push_back(backend_config);
    }
    config.pools.push_back(pool);
    ServiceConfig each;
    each.name = "service" + std::to_string(service);
    each.address = *Prefix::parse(vip(service).text());
    each.port = kVipPort;
    each.pool = pool.name;
    each.forward = case_.forward;
    each.announce = Announce::arp;
    config.services.push_back(each);
  }
  return config;
}

KernelView World::kernel() const {
  KernelView view;
  view.routes = {{*Prefix::parse("10.0.0.0/8"), kBackendPort, std::nullopt},
                 {*Prefix::parse("0.0.0.0/0"), kClientPort, packet::ip("192.0.2.1")},
                 {*Prefix::parse("2001:db8:2::/64"), kBackendPort, std::nullopt},
                 {*Prefix::parse("::/0"), kClientPort, packet::ip("2001:db8:9::1")}};
  view.neighbours = {{kClientPort, packet::ip("192.0.2.1"), packet::mac(kRouterMac)},
                     {kClientPort, packet::ip("2001:db8:9::1"), packet::mac(kRouterMac)}};
  for (unsigned i = 0; i < kServices * kBackendsPerService; ++i)
    view.neighbours.push_back({kBackendPort, backend(i), backend_mac(i)});
  view.node_addresses = {packet::ip("192.0.2.2"), packet::ip("10.0.0.1")};
  return view;
}

// The transport checksum is the first packet's: shunt adjusts it, and never looks whether it is right.
void World::lay(unsigned i, const IpAddress& source, const IpAddress& destination, uint16_t sport,
                uint16_t dport, uint8_t flags, uint32_t sequence) {
  uint8_t* frame = io_.lay(i, static_cast<uint32_t>(request_.size()));
  std::memcpy(frame, request_.data(), request_.size());
  const bool is_v4 = case_.family == Family::ipv4;
  uint8_t* ip = frame + kEtherHeaderBytes;
  uint8_t* tcp = ip + (is_v4 ? kIpv4HeaderBytes : kIpv6HeaderBytes);
  const size_t address_bytes = source.bits() / 8;
  uint8_t* addresses = tcp - 2 * address_bytes;
  std::memcpy(addresses, source.wire(), address_bytes);
  std::memcpy(addresses + address_bytes, destination.wire(), address_bytes);
  if (is_v4) {
    put16(ip + 10, 0);
    const uint16_t sum = checksum(ip, kIpv4HeaderBytes);
    std::memcpy(ip + 10, &sum, sizeof sum);
  }
  put16(tcp, sport);
  put16(tcp + 2, dport);
  put16(tcp + 4, sequence >> 16U);
  put16(tcp + 6, sequence);
  tcp[13] = flags;
}

void World::lay_request(unsigned i, const Flow& flow, uint8_t flags, uint32_t sequence) {
  lay(i, flow.client, vip(flow.service), flow.sport, kVipPort, flags, sequence);
}

void World::lay_reply(unsigned i, uint32_t number) {
  const Flow its = flow(number);
  lay(i, chosen_[number], its.client, kVipPort, its.sport, packet::kAck, 5000);
  const MacAddress port = packet::mac(kBackendPortMac);
  std::memcpy(io_.lay(i, static_cast<uint32_t>(request_.size())), port.bytes.data(), port.bytes.size());
}

void World::offer(Traffic traffic) {
  now_ns_ += kBurstNs;
  io_.offer(static_cast<uint8_t>(traffic == Traffic::reply ? kBackendPort : kClientPort), kBurstSize);
}

bool World::connect() {
  static_assert(kFlows % kSyns == 0);
  for (uint32_t first = 0; first < kFlows; first += kSyns) {
    for (unsigned i = 0; i < kSyns; ++i)
      lay_request(i, flow(first + i), packet::kSyn, 1000);
    for (unsigned i = 0; i < kSyns; ++i)
      lay_request(kSyns + i, flow(first + i), packet::kAck, 1001);
    offer(Traffic::hit);
    run();
    if (io_.sent() != kBurstSize || !is_right(io_.sent(0), Traffic::hit)) return false;
    if (case_.forward != Forward::nat) continue;
    for (unsigned i = 0; i < kSyns; ++i)
      chosen_[first + i] = IpAddress::v4(load<be32>(io_.sent(i).data + kEtherHeaderBytes + 16));
  }
  return state_.flows.entries() == kFlows;
}

void World::lay_burst() {
  for (unsigned i = 0; i < kBurstSize; ++i) {
    const auto known = static_cast<uint32_t>(random_() % kFlows);
    switch (case_.traffic) {
      case Traffic::hit:
        lay_request(i, flow(known), packet::kAck, 1001);
        break;
      case Traffic::reply:
        lay_reply(i, known);
        break;
      case Traffic::opening:
        if (i % 2 == 0) {
          lay_request(i, flow(next_new_ + i / 2), packet::kSyn, 1000);
        } else {
          lay_request(i, flow(next_new_ - kSyns + i / 2), packet::kAck, 1001);
        }
        break;
      case Traffic::flood:
        lay_request(i, flow(next_new_ + i), packet::kSyn, 1000);
        break;
    }
  }
  next_new_ += case_.traffic == Traffic::flood ? kBurstSize : kSyns;
  offer(case_.traffic);
}

bool World::burst_is_right() const {
  return io_.sent() == kBurstSize && io_.freed() == 0 && is_right(io_.sent(0), case_.traffic);
}

// That each mode did its work; the packet tests look at every byte.
bool World::is_right(const Frame& frame, Traffic traffic) const {
  const bool is_v4 = case_.family == Family::ipv4;
  const uint8_t* ip = frame.data + kEtherHeaderBytes;
  const uint32_t ip_bytes = is_v4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  const uint32_t inner = ip_bytes + kTcpHeaderBytes;
  const uint8_t protocol = is_v4 ? ip[9] : ip[6];
  const uint32_t bytes = frame.bytes - kEtherHeaderBytes;
  switch (case_.forward) {
    case Forward::l2:
      return bytes == inner && protocol == kProtocolTcp && frame.data[3] == 1;
    case Forward::ipip:
      return bytes == ip_bytes + inner && protocol == (is_v4 ? 4 : 41);
    case Forward::gue:
      return bytes == ip_bytes + kUdpHeaderBytes + inner && protocol == kProtocolUdp &&
             get16(ip + ip_bytes + 2) == 6080;
    case Forward::nat:
      return bytes == inner && protocol == kProtocolTcp &&
             (traffic == Traffic::reply ? ip[12] == 0xc6 && ip[13] == 0x33 : ip[16] == 10 && ip[17] == 1);
    default:
      return false;
  }
}

}  // namespace shunt::instructions
