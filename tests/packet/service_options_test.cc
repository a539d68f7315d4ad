// What a service or a port may ask for besides the way of forwarding: dscp, mss_clamp, vlan.
#include <utility>

#include "tests/packet/icmp_builder.h"
#include "tests/packet/packet_reader.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {
namespace {

const std::string kBackend6 = "2001:db8:1::11";
const std::string kVip6 = "2001:db8::1";

// mode_config() and, on port 80, a service of each family by each outer header to each family's backend.
Config wide_config() {
  Config config = mode_config();
  config.ports[1].addresses.push_back(*Prefix::parse("2001:db8:1::1/64"));
  config.ports[1].encap_source6 = *Prefix::parse("2001:db8:1::a");
  PoolConfig six;
  six.name = "six";
  six.slots = 1021;
  six.backends = {backend("six", kBackend6)};
  config.pools.push_back(six);
  uint16_t port = 1000;
  for (const auto& [forward, gue_variant] :
       {std::pair{Forward::ipip, 1}, {Forward::gue, 1}, {Forward::gue, 0}, {Forward::gre, 1}}) {
    for (const std::string vip : {"198.51.100.7", "2001:db8::1"}) {
      for (const std::string pool : {"ipip", "six"}) {
        config.services.push_back(service(vip, ++port, pool, forward));
        config.services.back().gue_variant = static_cast<uint8_t>(gue_variant);
      }
    }
  }
  config.services.push_back(service(kVip6, 80, "six", Forward::l2));
  return config;
}

KernelView wide_kernel() {
  KernelView view = kernel_view();
  view.routes.push_back({*Prefix::parse("2001:db8:1::/64"), 1, std::nullopt});
  view.neighbours.push_back({1, ip(kBackend6), mac(backend_mac(11))});
  return view;
}

Packet to(const ServiceConfig& service) {
  Packet packet;
  packet.destination = service.address.address.text();
  if (!service.address.address.is_v4()) packet.source = "2001:db8:9::7";
  packet.dport = service.port;
  return packet;
}

uint8_t traffic_class(const Bytes& frame) {
  return frame[14] >> 4U == 4 ? frame[15] : static_cast<uint8_t>(get16(frame, 14) >> 4U);
}

// The DSCP is the service's, ECN the packet's own (RFC 6040), and what is inside keeps both.
TEST(Dscp, StandsInEveryOuterHeader) {
  Config config = wide_config();
  for (ServiceConfig& service : config.services)
    service.dscp = 46;
  for (const ServiceConfig& each : config.services) {
    if (!encapsulates(each.forward) || each.protocol == Protocol::udp) continue;
    for (const unsigned tos : {0x00U, 0x02U, 0x01U, 0x03U, 0x2bU, 0xffU}) {
      SCOPED_TRACE(each.name + " " + std::to_string(tos));
      Pipeline pipeline(config);
      pipeline.set_kernel(wide_kernel());
      Packet packet = to(each);
      packet.tos = static_cast<uint8_t>(tos);
      const Outcome outcome = pipeline.run(0, build(packet));
      ASSERT_EQ(outcome.text(), "sent");
      const Bytes& frame = outcome.sent[0].frame;
      EXPECT_EQ(traffic_class(frame), (46 << 2U) | (tos & 3U));
      if (frame[14] >> 4U == 4) {
        EXPECT_EQ(internet_checksum(Bytes(frame.begin() + 14, frame.begin() + 34)), 0);
      }
      --packet.ttl;
      const Bytes inner = ip_bytes(packet);
      EXPECT_EQ(hex(Bytes(frame.end() - static_cast<ptrdiff_t>(inner.size()), frame.end())), hex(inner));
    }
  }
}

// Two services that share a pool may differ.
TEST(Dscp, BelongsToTheService) {
  Config config = mode_config();
  config.services[2].dscp = 0;  // 198.51.100.2:80
  Pipeline pipeline(config);
  const Packet tcp{.destination = "198.51.100.2", .tos = 0xb9};
  const Packet udp{.destination = "198.51.100.2", .tos = 0xb9, .protocol = 17, .dport = 53};
  EXPECT_EQ(traffic_class(pipeline.run(0, build(tcp)).sent.at(0).frame), 0x01);
  EXPECT_EQ(traffic_class(pipeline.run(0, build(udp)).sent.at(0).frame), 0xb9);
}

struct MssRow {
  const char* name;
  Bytes options;
  Bytes wanted;
};

// With a limit of 1,300.
const MssRow kMssRows[] = {
    {"larger", {2, 4, 0x05, 0xb4}, {2, 4, 0x05, 0x14}},
    {"largest", {2, 4, 0xff, 0xff}, {2, 4, 0x05, 0x14}},
    {"equal", {2, 4, 0x05, 0x14}, {2, 4, 0x05, 0x14}},
    {"smaller", {2, 4, 0x02, 0x18}, {2, 4, 0x02, 0x18}},
    {"none", {}, {}},
    {"behind others", {1, 1, 4, 2, 2, 4, 0x05, 0xb4}, {1, 1, 4, 2, 2, 4, 0x05, 0x14}},
    {"at an odd place", {1, 2, 4, 0x05, 0xb4, 0, 0, 0}, {1, 2, 4, 0x05, 0x14, 0, 0, 0}},
    {"behind the end", {0, 1, 1, 1, 2, 4, 0x05, 0xb4}, {0, 1, 1, 1, 2, 4, 0x05, 0xb4}},
    {"of a wrong length", {2, 3, 0x05, 0xb4}, {2, 3, 0x05, 0xb4}},
    {"behind an option of length 0", {3, 0, 1, 1, 2, 4, 0x05, 0xb4}, {3, 0, 1, 1, 2, 4, 0x05, 0xb4}},
    {"behind an option longer than the header",
     {3, 9, 1, 1, 2, 4, 0x05, 0xb4},
     {3, 9, 1, 1, 2, 4, 0x05, 0xb4}},
    {"half outside the header", {1, 1, 2, 4}, {1, 1, 2, 4}},
};

// What leaves for the l2 or nat service of `config`, and what must.
void check_clamp(const Config& config, const ServiceConfig& service, const MssRow& row,
                 const Packet& base = {}) {
  Pipeline pipeline(config);
  pipeline.set_kernel(wide_kernel());
  Packet packet = to(service);
  packet.flags = base.flags;
  packet.tcp_options = row.options;
  const Outcome outcome = pipeline.run(0, build(packet));
  ASSERT_EQ(outcome.text(), "sent");
  Packet wanted = packet;
  wanted.tcp_options = row.wanted;
  --wanted.ttl;
  wanted.to = backend_mac(service.address.address.is_v4() ? service.forward == Forward::nat ? 13 : 11 : 11);
  wanted.from = kPort1Mac;
  if (service.forward == Forward::nat) {
    wanted.destination = "10.0.0.13";
    wanted.dport = 8080;
  }
  EXPECT_EQ(hex(outcome.sent[0].frame), hex(build(wanted)));
}

Config clamping_config(uint16_t bytes) {
  Config config = wide_config();
  for (ServiceConfig& service : config.services)
    service.mss_clamp = bytes;
  return config;
}

TEST(MssClamp, LowersWhatASynAsksFor) {
  const Config config = clamping_config(1300);
  for (const MssRow& row : kMssRows) {
    for (const size_t service : {size_t{0}, size_t{4}, config.services.size() - 1}) {
      SCOPED_TRACE(std::string(row.name) + " " + config.services[service].name);
      check_clamp(config, config.services[service], row);
    }
  }
}

TEST(MssClamp, LeavesOtherPacketsAlone) {
  const Config config = clamping_config(1300);
  for (const uint8_t flags : {kAck, kFin, kRst})
    check_clamp(config, config.services[0], {"", {2, 4, 0x05, 0xb4}, {2, 4, 0x05, 0xb4}}, {.flags = flags});
  check_clamp(wide_config(), wide_config().services[0], {"", {2, 4, 0x05, 0xb4}, {2, 4, 0x05, 0xb4}});
}

// One with data that came in pieces: the first one has the option.
TEST(MssClamp, LowersASynsFirstFragment) {
  Pipeline pipeline(clamping_config(1300));
  Packet whole{.dont_fragment = false, .tcp_options = {2, 4, 0x05, 0xb4}};
  whole.payload = Bytes(400, 'x');
  Bytes bytes = ip_bytes(whole);
  bytes.resize(20 + 200);
  Bytes frame = ethernet_bytes({}, bytes);
  set16(frame, 14 + 2, 220);
  set16(frame, 14 + 6, 0x2000);
  set16(frame, 14 + 10, 0);
  set16(frame, 14 + 10, internet_checksum(Bytes(frame.begin() + 14, frame.begin() + 34)));
  const Outcome outcome = pipeline.run(0, frame);
  ASSERT_EQ(outcome.text(), "sent");
  EXPECT_EQ(get16(outcome.sent[0].frame, 14 + 20 + 20 + 2), 1300);
}

// A SYN that hits an entry, as after a backend's reboot, begins a connection as well.
TEST(MssClamp, LowersASynOfAKnownFlow) {
  Pipeline pipeline(clamping_config(1300));
  Packet packet{.tcp_options = {2, 4, 0x05, 0xb4}};
  pipeline.run(0, build(packet));
  pipeline.run(0, build(Packet{.sequence = 1001, .flags = kAck}));
  ASSERT_EQ(pipeline.tracked_entries(), 1U);
  const Outcome outcome = pipeline.run(0, build(packet));
  ASSERT_EQ(outcome.text(), "sent");
  EXPECT_EQ(get16(outcome.sent[0].frame, 14 + 20 + 20 + 2), 1300);
  EXPECT_EQ(faults_in(outcome.sent[0].frame), "");
}

TEST(MssClamp, LowersWhatANatBackendAnswers) {
  for (const MssRow& row : kMssRows) {
    SCOPED_TRACE(row.name);
    Pipeline pipeline(clamping_config(1300));
    Packet reply{.to = kPort1Mac,
                 .from = backend_mac(13),
                 .source = "10.0.0.13",
                 .destination = "203.0.113.7",
                 .sport = 8080,
                 .dport = 40000,
                 .flags = kSyn | kAck,
                 .tcp_options = row.options};
    const Outcome outcome = pipeline.run(1, build(reply));
    ASSERT_EQ(outcome.text(), "sent");
    reply.to = kRouterMac;
    reply.from = kPort0Mac;
    reply.source = "198.51.100.3";
    reply.sport = 80;
    --reply.ttl;
    reply.tcp_options = row.wanted;
    EXPECT_EQ(hex(outcome.sent[0].frame), hex(build(reply)));
  }
}

// `true`: what fits the way out beside the outer header.
TEST(MssClamp, OfTheMtu) {
  const Config config = clamping_config(kMssOfMtu);
  for (const ServiceConfig& each : config.services) {
    if (each.protocol == Protocol::udp || each.name.ends_with("6:80")) continue;
    SCOPED_TRACE(each.name);
    Pipeline pipeline(config);
    pipeline.set_kernel(wide_kernel());
    Packet packet = to(each);
    packet.tcp_options = {2, 4, 0xff, 0xff};
    const Outcome outcome = pipeline.run(0, build(packet));
    ASSERT_EQ(outcome.text(), "sent");
    const Bytes& frame = outcome.sent[0].frame;
    const bool v4_inside = each.address.address.is_v4();
    const bool v4_outside = frame[14] >> 4U == 4;
    const unsigned gue = each.gue_variant == 0 ? 12 : 8;
    const unsigned shim = each.forward == Forward::gue ? gue : each.forward == Forward::gre ? 4 : 0;
    const unsigned outer = encapsulates(each.forward) ? (v4_outside ? 20U : 40U) + shim : 0U;
    EXPECT_EQ(get16(frame, frame.size() - 2), 1500U - outer - (v4_inside ? 20U : 40U) - 20U);
    const size_t at = 14 + outer;
    const Bytes inner(frame.begin() + static_cast<ptrdiff_t>(at), frame.end());
    if (v4_inside) {
      EXPECT_EQ(faults_in_ipv4(inner), "");
      continue;
    }
    Bytes covered = pseudo_header(ip(packet.source), ip(packet.destination), 6, 24);
    put(covered, Bytes(inner.begin() + 40, inner.end()));
    EXPECT_EQ(internet_checksum(covered), 0);
  }
}

// The SYN-ACK says what the client may send, which has to fit the way to the backend; and the answers come
// by the way to the client.
TEST(MssClamp, OfTheSmallerMtuForAnAnswer) {
  for (const size_t narrow : {size_t{0}, size_t{1}}) {
    Config config = clamping_config(kMssOfMtu);
    config.ports[narrow].mtu = 1400;
    Pipeline pipeline(config);
    const Packet reply{.to = kPort1Mac,
                       .from = backend_mac(13),
                       .source = "10.0.0.13",
                       .destination = "203.0.113.7",
                       .sport = 8080,
                       .dport = 40000,
                       .flags = kSyn | kAck,
                       .tcp_options = {2, 4, 0x05, 0xb4}};
    const Outcome outcome = pipeline.run(1, build(reply));
    ASSERT_EQ(outcome.text(), "sent");
    EXPECT_EQ(get16(outcome.sent[0].frame, 14 + 20 + 20 + 2), 1360);
    EXPECT_EQ(faults_in(outcome.sent[0].frame), "");
  }
}

// The same frame with and without its tags: what leaves is the same, in every way of forwarding.
TEST(Vlan, StripTakesTagsOff) {
  Config config = wide_config();
  config.ports[0].vlan = VlanMode::strip;
  for (const ServiceConfig& each : config.services) {
    if (each.name == "198.51.100.6:80") continue;  // not on link
    for (const std::vector<Tag>& tags : {std::vector<Tag>{{0x8100, 100}}, {{0x88a8, 7}, {0x8100, 0xe064}}}) {
      SCOPED_TRACE(each.name + " " + std::to_string(tags.size()));
      Packet packet = to(each);
      packet.protocol = static_cast<uint8_t>(each.protocol);
      packet.trailer = Bytes(3, 0xee);
      Pipeline plain(wide_config());
      plain.set_kernel(wide_kernel());
      const Outcome without = plain.run(0, build(packet));
      packet.tags = tags;
      Pipeline stripping(config);
      stripping.set_kernel(wide_kernel());
      const Outcome with = stripping.run(0, build(packet));
      ASSERT_EQ(with.text(), "sent");
      EXPECT_EQ(hex(with.sent[0].frame), hex(without.sent.at(0).frame));
    }
  }
}

TEST(Vlan, StripTakesTagsOffNatReplies) {
  Config config = mode_config();
  config.ports[1].vlan = VlanMode::strip;
  Pipeline pipeline(config);
  Packet reply{.to = kPort1Mac,
               .from = backend_mac(13),
               .tags = {{0x8100, 5}},
               .source = "10.0.0.13",
               .destination = "203.0.113.7",
               .sport = 8080,
               .dport = 40000,
               .flags = kSyn | kAck};
  const Outcome outcome = pipeline.run(1, build(reply));
  ASSERT_EQ(outcome.text(), "sent");
  reply.tags = {};
  reply.to = kRouterMac;
  reply.from = kPort0Mac;
  reply.source = "198.51.100.3";
  reply.sport = 80;
  --reply.ttl;
  EXPECT_EQ(hex(outcome.sent[0].frame), hex(build(reply)));
}

// What shunt answers goes back by the VLAN that the packet came from.
TEST(Vlan, StripLeavesAnswersTheirTags) {
  Config config = mode_config();
  config.ports[0].vlan = VlanMode::strip;
  Pipeline pipeline(config);
  const Bytes too_big = build(Packet{.tags = {{0x8100, 100}}, .payload = Bytes(1500, 0)});
  const Outcome outcome = pipeline.run(0, too_big);
  ASSERT_EQ(outcome.text(), "sent too_big");
  EXPECT_EQ(outcome.sent[0].port, 0);
  EXPECT_EQ(hex(Bytes(outcome.sent[0].frame.begin() + 12, outcome.sent[0].frame.begin() + 18)),
            hex(Bytes(too_big.begin() + 12, too_big.begin() + 18)));
}

// An error that leaves in pieces leaves without tags too.
TEST(Vlan, StripTakesTagsOffTheErrorsThatAreCut) {
  Config config = wide_config();
  config.ports[0].vlan = VlanMode::strip;
  config.ports[0].mtu = 9000;
  Pipeline pipeline(config);
  pipeline.set_kernel(wide_kernel());
  const Packet answer{.source = "198.51.100.3", .destination = "203.0.113.7", .sport = 80, .dport = 40000};
  Icmp message{.type = 3, .code = 1, .rest = 0, .body = quote(answer)};
  message.body.resize(1700, 0x11);
  Packet error =
      icmp({.source = "203.0.113.9", .destination = "198.51.100.3", .dont_fragment = false}, message);
  error.tags = {{0x8100, 100}};
  const Outcome outcome = pipeline.run(0, build(error));
  ASSERT_EQ(outcome.sent.size(), 2U) << outcome.text();
  for (const SentFrame& piece : outcome.sent)
    EXPECT_EQ(get16(piece.frame, 12), 0x0800);
}

// ICMP errors, which go their own way through nat, in both directions.
TEST(Vlan, StripTakesTagsOffErrors) {
  Config config = wide_config();
  for (PortConfig& port : config.ports)
    port.vlan = VlanMode::strip;
  const Packet answer{.source = "198.51.100.3", .destination = "203.0.113.7", .sport = 80, .dport = 40000};
  const Packet request{.source = "203.0.113.7", .destination = "10.0.0.13", .sport = 40000, .dport = 8080};
  Packet to_vip = icmp({.source = "203.0.113.9", .destination = "198.51.100.3"},
                       {.type = 3, .code = 1, .rest = 0, .body = quote(answer)});
  Packet to_client =
      icmp({.to = kPort1Mac, .from = backend_mac(13), .source = "10.0.0.13", .destination = "203.0.113.7"},
           {.type = 3, .code = 1, .rest = 0, .body = quote(request)});
  Packet to_tunnel = icmp(
      {.source = "203.0.113.9", .destination = "198.51.100.2"},
      {.type = 3,
       .code = 1,
       .rest = 0,
       .body = quote({.source = "198.51.100.2", .destination = "203.0.113.7", .sport = 80, .dport = 40000})});
  for (const auto& [port, error] :
       {std::pair{uint8_t{0}, &to_vip}, {uint8_t{1}, &to_client}, {uint8_t{0}, &to_tunnel}}) {
    SCOPED_TRACE(error->destination);
    Pipeline pipeline(config);
    pipeline.set_kernel(wide_kernel());
    const Outcome without = pipeline.run(port, build(*error));
    error->tags = {{0x88a8, 7}, {0x8100, 100}};
    const Outcome with = pipeline.run(port, build(*error));
    ASSERT_EQ(without.text(), "sent");
    ASSERT_EQ(with.text(), "sent");
    EXPECT_EQ(hex(with.sent[0].frame), hex(without.sent[0].frame));
  }
}

// The other port's setting is its own; what is the kernel's keeps its tags.
TEST(Vlan, StripIsOfThePortAPacketCameInBy) {
  Config config = mode_config();
  config.ports[1].vlan = VlanMode::strip;
  Pipeline keeping(config);
  const Bytes tagged = build(Packet{.tags = {{0x8100, 100}}});
  EXPECT_EQ(get16(keeping.run(0, tagged).sent.at(0).frame, 12), 0x8100);
  config.ports[0].vlan = VlanMode::strip;
  Pipeline stripping(config);
  const Bytes to_host = build(Packet{.tags = {{0x8100, 100}}, .destination = "192.0.2.2"});
  const Outcome punted = stripping.run(0, to_host);
  ASSERT_EQ(punted.text(), "punted");
  EXPECT_EQ(hex(punted.punted[0].frame), hex(to_host));
}

}  // namespace
}  // namespace shunt::packet
