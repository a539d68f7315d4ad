// Every way of forwarding (ways.h) by every feature, byte for byte at the backend: what goes in, and what
// must come out of the outer header there. docs/coverage.md is made of these and of the ICMP tests.
//
//   client ── packet ── [shunt] ── outer header? ── backend: the packet, one hop less, in nat translated
#include <numeric>
#include <set>

#include "tests/packet/coverage.h"
#include "tests/packet/fragment_builder.h"
#include "tests/packet/icmp_builder.h"

namespace shunt::packet {
namespace {

const std::string kNoOuter = "no outer header";

Bytes payload_of(size_t bytes) {
  Bytes payload(bytes);
  std::iota(payload.begin(), payload.end(), uint8_t{1});
  return payload;
}

// What the backend must get of it.
Packet as_delivered(const Way& way, unsigned backend, Packet packet) {
  --packet.ttl;
  packet.trailer = {};
  if (way.forward != Forward::nat) return packet;
  packet.destination = way.backend(backend);
  packet.dport = 8080;
  return packet;
}

uint8_t traffic_class(const Bytes& ip) {
  return ip[0] >> 4U == 4 ? ip[1] : static_cast<uint8_t>(get16(ip, 0) >> 4U);
}

Bytes ip_of(const Bytes& frame) {
  return tail(frame, l3_offset(frame));
}

class Ways : public testing::Test {
 protected:
  Ways() { use(ways_config()); }

  void use(const Config& config) {
    pipeline = std::make_unique<Pipeline>(config);
    pipeline->set_kernel(ways_kernel());
  }

  Packet fresh(const Way& way, uint8_t protocol = 6) {
    Packet packet = way.from_client(protocol);
    packet.sport = ++sport_;
    return packet;
  }

  // The frame that leaves for `packet`; empty after a failure.
  Bytes sent(const Packet& packet) {
    const Outcome outcome = pipeline->run(0, build(packet));
    EXPECT_EQ(outcome.text(), "sent");
    if (outcome.sent.size() != 1) return {};
    EXPECT_EQ(outcome.sent[0].port, 1);
    return outcome.sent[0].frame;
  }

  // Sends it and looks at every byte of what arrives. `expected` is the packet at its way's end, but for hops
  // and nat. Returns the frame that left.
  Bytes arrives(const Way& way, const Packet& packet, const Packet& expected) {
    const Bytes frame = sent(packet);
    if (frame.empty()) return frame;
    const Delivered got = delivered(way, frame);
    EXPECT_NE(got.backend, 0U);
    EXPECT_EQ(got.faults, "") << hex(frame);
    EXPECT_EQ(hex(got.packet), hex(ip_bytes(as_delivered(way, got.backend, expected))));
    Packet ethernet = expected;
    ethernet.to = backend_mac(got.backend);
    ethernet.from = kPort1Mac;
    ethernet.trailer = {};
    ethernet.ether_type = frame[l3_offset(frame)] >> 4U == 4 ? uint16_t{0x0800} : uint16_t{0x86dd};
    const Bytes header = ethernet_bytes(ethernet, {});
    EXPECT_EQ(hex(slice(frame, 0, l3_offset(frame))), hex(header));
    return frame;
  }
  Bytes arrives(const Way& way, const Packet& packet) { return arrives(way, packet, packet); }

  std::unique_ptr<Pipeline> pipeline;

 private:
  uint16_t sport_ = 20'000;
};

TEST_F(Ways, CarryTcpAndUdp) {
  for (const Way& way : all_ways()) {
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      for (const size_t bytes : {0U, 1U, 2U, 100U, 1001U}) {
        SCOPED_TRACE(way.name + " protocol " + std::to_string(protocol) + " " + std::to_string(bytes));
        Packet packet = fresh(way, protocol);
        packet.payload = payload_of(bytes);
        const Bytes opening = arrives(way, packet);
        packet.flags = kAck;
        ++packet.sequence;
        const Bytes known = arrives(way, packet);  // and one that hits its entry
        EXPECT_EQ(slice(opening, 0, 6), slice(known, 0, 6)) << "one backend";
        showed(way, protocol == 6 ? "TCP" : "UDP");
      }
    }
  }
}

// A prefix as one service, and one of every port: addresses and ports that stand nowhere in the file.
TEST_F(Ways, ServePrefixes) {
  for (const Way& way : all_ways()) {
    if (way.forward == Forward::nat) {
      cannot(way, "VIP prefix", "replies need the one address");
      continue;
    }
    Config config = ways_config();
    config.services = {service(way.v4() ? "198.51.96.0/24" : "2001:db8:f::/64", 80, way.name, way.forward)};
    config.services[0].gue_variant = way.gue_variant;
    use(config);
    for (const std::string host : {"0", "1", "77", "255"}) {
      SCOPED_TRACE(way.name + " " + host);
      Packet packet = fresh(way);
      packet.destination = (way.v4() ? "198.51.96." : "2001:db8:f::") + host;
      arrives(way, packet);
      showed(way, "VIP prefix");
    }
  }
}

TEST_F(Ways, ServeEveryPort) {
  for (const Way& way : all_ways()) {
    Config config = ways_config();
    for (PoolConfig& pool : config.pools) {
      for (BackendConfig& backend : pool.backends)
        backend.port = 0;
    }
    config.services = {service(way.vip(), 0, way.name, way.forward)};
    config.services[0].gue_variant = way.gue_variant;
    use(config);
    for (const unsigned port : {1U, 22U, 8443U, 65535U}) {
      SCOPED_TRACE(way.name + " " + std::to_string(port));
      Packet packet = fresh(way);
      packet.dport = static_cast<uint16_t>(port);
      const Delivered got = delivered(way, sent(packet));
      Packet expected = as_delivered(way, got.backend, packet);
      expected.dport = packet.dport;
      EXPECT_EQ(got.faults, "");
      EXPECT_EQ(hex(got.packet), hex(ip_bytes(expected)));
      showed(way, "every port");
    }
  }
}

TEST_F(Ways, TakeOneHop) {
  for (const Way& way : all_ways()) {
    for (const unsigned ttl : {2U, 3U, 64U, 128U, 255U}) {
      SCOPED_TRACE(way.name + " " + std::to_string(ttl));
      Packet packet = fresh(way);
      packet.ttl = static_cast<uint8_t>(ttl);
      arrives(way, packet);
      showed(way, "one hop less");
    }
  }
}

// RFC 6040: ECN and DSCP of the outer header are the packet's own.
TEST_F(Ways, KeepDscpAndEcn) {
  for (const Way& way : all_ways()) {
    for (unsigned tos = 0; tos < 256; tos += 37) {
      for (const unsigned ecn : {0U, 1U, 2U, 3U}) {
        SCOPED_TRACE(way.name + " " + std::to_string(tos));
        Packet packet = fresh(way);
        packet.tos = static_cast<uint8_t>((tos & 0xfcU) | ecn);
        EXPECT_EQ(traffic_class(ip_of(arrives(way, packet))), packet.tos);
        showed(way, "DSCP and ECN");
      }
    }
  }
}

TEST_F(Ways, OuterDscpOfTheService) {
  Config config = ways_config();
  for (ServiceConfig& service : config.services)
    service.dscp = 46;
  use(config);
  for (const Way& way : all_ways()) {
    if (way.outer_bytes() == 0) {
      cannot(way, "`dscp`", kNoOuter);
      continue;
    }
    for (const unsigned tos : {0x00U, 0x01U, 0x02U, 0x03U, 0xffU}) {
      SCOPED_TRACE(way.name + " " + std::to_string(tos));
      Packet packet = fresh(way);
      packet.tos = static_cast<uint8_t>(tos);
      EXPECT_EQ(traffic_class(ip_of(arrives(way, packet))), (46U << 2U) | (tos & 3U));
      showed(way, "`dscp`");
    }
  }
}

// RFC 6864: an outer header that may be cut has an identification of its own, and others say that they can't
// be.
TEST_F(Ways, OuterDontFragmentIsTheInner) {
  for (const Way& way : all_ways()) {
    const std::string feature = "DF and id";
    if (way.outer_bytes() == 0 || way.backend_family == Family::ipv6) {
      cannot(way, feature, way.outer_bytes() == 0 ? kNoOuter : "an IPv6 header has neither");
      continue;
    }
    std::set<Bytes> ids;  // each with the outer addresses
    for (unsigned i = 0; i < 20; ++i) {
      SCOPED_TRACE(way.name + " " + std::to_string(i));
      Packet packet = fresh(way);
      packet.dont_fragment = i % 2 == 0;
      const Bytes outer = ip_of(arrives(way, packet));
      const bool fixed = packet.dont_fragment || !way.v4();
      EXPECT_EQ(get16(outer, 6), fixed ? 0x4000 : 0);
      Bytes id = slice(outer, 4, 6);
      put(id, slice(outer, 12, 20));
      if (fixed) {
        EXPECT_EQ(get16(outer, 4), 0);
      } else {
        EXPECT_TRUE(ids.insert(id).second);
      }
      showed(way, feature);
    }
  }
}

// What a backend's RSS sees: one outer source (and with gue one port) for a flow, and many over many flows.
TEST_F(Ways, OuterHeadersSpreadFlows) {
  Config config = ways_config();
  config.ports[1].encap_source = *Prefix::parse("10.64.0.0/20");
  config.ports[1].encap_source6 = *Prefix::parse("2001:db8:64::/64");
  use(config);
  for (const Way& way : all_ways()) {
    if (way.outer_bytes() == 0) {
      cannot(way, "flows spread", "the packet's own addresses do");
      continue;
    }
    SCOPED_TRACE(way.name);
    const bool four = way.backend_family == Family::ipv4;
    const size_t header = four ? 20 : 40;
    std::set<std::string> sources;
    std::set<unsigned> ports;
    for (unsigned i = 0; i < 50; ++i) {
      Packet packet = fresh(way);
      Bytes first;
      for (const uint8_t flags : {kSyn, kAck}) {
        packet.flags = flags;
        packet.sequence += flags == kAck ? 1 : 0;
        const Bytes outer = ip_of(sent(packet));
        const Bytes source = slice(outer, four ? 12 : 8, four ? 16 : 24);
        const IpAddress address =
            four ? IpAddress::v4(load<be32>(source.data())) : IpAddress::v6(source.data());
        EXPECT_TRUE((four ? config.ports[1].encap_source : config.ports[1].encap_source6)->contains(address));
        Bytes flow = source;
        if (way.forward == Forward::gue) {
          put(flow, slice(outer, header, header + 2));
          EXPECT_GE(get16(outer, header), 49152);
          EXPECT_EQ(get16(outer, header + 2), 6080);
          ports.insert(get16(outer, header));
        }
        if (flags == kSyn) first = flow;
        EXPECT_EQ(hex(flow), hex(first)) << "a flow's packets are alike outside";
        sources.insert(address.text());
      }
    }
    EXPECT_GT(sources.size(), 40U);
    if (way.forward == Forward::gue) {
      EXPECT_GT(ports.size(), 40U);
    }
    showed(way, "flows spread");
  }
}

TEST_F(Ways, KeepTags) {
  const std::vector<std::vector<Tag>> all = {
      {{0x8100, 100}}, {{0x88a8, 7}}, {{0x88a8, 0x2005}, {0x8100, 0xe064}}};
  for (const Way& way : all_ways()) {
    for (const std::vector<Tag>& tags : all) {
      for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
        SCOPED_TRACE(way.name + " " + std::to_string(tags.size()));
        Packet packet = fresh(way, protocol);
        packet.tags = tags;
        packet.payload = payload_of(33);
        arrives(way, packet);
        showed(way, "VLAN kept");
      }
    }
  }
}

TEST_F(Ways, StripTags) {
  Config config = ways_config();
  config.ports[0].vlan = VlanMode::strip;
  use(config);
  const std::vector<std::vector<Tag>> all = {
      {{0x8100, 100}}, {{0x88a8, 7}}, {{0x88a8, 0x2005}, {0x8100, 0xe064}}};
  for (const Way& way : all_ways()) {
    for (const std::vector<Tag>& tags : all) {
      for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
        SCOPED_TRACE(way.name + " " + std::to_string(tags.size()));
        const Packet plain = fresh(way, protocol);
        Packet tagged = plain;
        tagged.tags = tags;
        arrives(way, tagged, plain);
        showed(way, "VLAN stripped");
      }
    }
  }
}

TEST_F(Ways, CutPads) {
  for (const Way& way : all_ways()) {
    for (const size_t bytes : {1U, 6U, 46U}) {
      SCOPED_TRACE(way.name + " " + std::to_string(bytes));
      Packet packet = fresh(way);
      packet.trailer = Bytes(bytes, 0xee);
      arrives(way, packet);
      showed(way, "pads cut");
    }
  }
}

// IPv4 options, IPv6 extension headers.
TEST_F(Ways, CarryOptionsAndExtensionHeaders) {
  const std::vector<Bytes> options = {{1, 1, 1, 1}, {68, 4, 5, 0}, Bytes(40, 1)};
  const Extension hop{0, {0, 1, 4, 0, 0, 0, 0}};
  const Extension destination{60, {1, 1, 4, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 0}};
  const Extension atomic{44, {0, 0, 0, 7, 7, 7, 7}};
  const std::vector<std::vector<Extension>> chains = {
      {hop}, {destination, atomic}, std::vector<Extension>(8, Extension{})};
  for (const Way& way : all_ways()) {
    for (size_t i = 0; i < 3; ++i) {
      for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
        SCOPED_TRACE(way.name + " " + std::to_string(i));
        Packet packet = fresh(way, protocol);
        packet.payload = payload_of(77);
        if (way.v4()) {
          packet.options = options[i];
        } else {
          packet.extensions = chains[i];
        }
        arrives(way, packet);
        showed(way, "options, extensions");
      }
    }
  }
}

// RFC 768, RFC 8200 8.1.
TEST_F(Ways, CarryDatagramsWithoutAChecksum) {
  for (const Way& way : all_ways()) {
    for (const size_t bytes : {0U, 1U, 500U}) {
      SCOPED_TRACE(way.name + " " + std::to_string(bytes));
      Packet packet = fresh(way, 17);
      packet.payload = payload_of(bytes);
      packet.transport_checksum = 0;
      if (way.v4()) {
        arrives(way, packet);
      } else {
        EXPECT_EQ(pipeline->run(0, build(packet)).text(), "bad_checksum");
      }
      showed(way, "UDP checksum 0");
    }
  }
}

// By how much the sum over all that a transport checksum covers isn't what it should be.
unsigned error_of(const Bytes& packet, uint8_t protocol) {
  const bool v4 = packet[0] >> 4U == 4;
  const size_t header = v4 ? 20 : 40;
  Bytes covered = slice(packet, v4 ? 12 : 8, header);
  put32(covered, static_cast<uint32_t>(packet.size() - header));
  put32(covered, protocol);
  put(covered, tail(packet, header));
  return internet_checksum(covered) % 0xffffU;
}

// A wrong checksum arrives wrong, and by as much. (Over IPv6 gue's own is wrong with it: docs/decisions.md.)
TEST_F(Ways, PassAWrongChecksumOn) {
  for (const Way& way : all_ways()) {
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      for (const unsigned given : {1U, 0xdeadU, 0xfffeU}) {
        SCOPED_TRACE(way.name + " " + std::to_string(given));
        Packet packet = fresh(way, protocol);
        packet.payload = payload_of(40);
        packet.transport_checksum = static_cast<uint16_t>(given);
        const Delivered got = delivered(way, sent(packet));
        const bool summed = way.forward == Forward::gue && way.backend_family == Family::ipv6;
        EXPECT_EQ(got.faults, summed ? "UDP checksum; " : "");
        EXPECT_EQ(error_of(got.packet, protocol), error_of(ip_bytes(packet), protocol));
        EXPECT_NE(error_of(got.packet, protocol), 0U);
        showed(way, "wrong checksum");
      }
    }
  }
}

std::vector<std::vector<size_t>> orders_of_three() {
  std::vector<std::vector<size_t>> orders;
  std::vector<size_t> order = {0, 1, 2};
  do {
    orders.push_back(order);
  } while (std::next_permutation(order.begin(), order.end()));
  return orders;
}

TEST_F(Ways, CarryFragmentsInAnyOrder) {
  for (const Way& way : all_ways()) {
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      for (const auto& order : orders_of_three()) {
        SCOPED_TRACE(way.name + " protocol " + std::to_string(protocol));
        Packet packet = fresh(way, protocol);
        packet.dont_fragment = false;
        packet.id = packet.sport;
        packet.payload = payload_of(3000);
        const std::vector<Bytes> pieces = fragments(ip_bytes(packet), 1200, packet.sport);
        std::vector<Bytes> arrived;
        std::set<unsigned> backends;
        for (const size_t i : order) {
          for (const SentFrame& frame : pipeline->run(0, ethernet_bytes(packet, pieces[i])).sent) {
            const Delivered got = delivered(way, frame.frame);
            EXPECT_EQ(got.faults, "") << hex(frame.frame);
            arrived.push_back(got.packet);
            backends.insert(got.backend);
          }
        }
        ASSERT_EQ(arrived.size(), 3U);
        EXPECT_EQ(backends.size(), 1U);
        EXPECT_EQ(hex(reassemble(arrived)), hex(ip_bytes(as_delivered(way, *backends.begin(), packet))));
        showed(way, "fragments");
      }
    }
  }
}

// The pieces of a packet that was cut, put together at the backend.
void expect_pieces(const Way& way, const Packet& packet, const Outcome& outcome, size_t mtu) {
  EXPECT_TRUE(outcome.dropped.empty()) << outcome.text();
  ASSERT_GT(outcome.sent.size(), 1U);
  std::vector<Bytes> arrived;
  std::set<unsigned> backends;
  for (const SentFrame& frame : outcome.sent) {
    EXPECT_LE(ip_of(frame.frame).size(), mtu);
    EXPECT_EQ(slice(frame.frame, 12, l3_offset(frame.frame) - 2).size(), packet.tags.size() * 4)
        << "tags stay";
    const Delivered got = delivered(way, frame.frame);
    EXPECT_EQ(got.faults, "") << hex(frame.frame);
    arrived.push_back(got.packet);
    backends.insert(got.backend);
  }
  EXPECT_EQ(backends.size(), 1U);
  EXPECT_EQ(hex(reassemble(arrived)), hex(ip_bytes(as_delivered(way, *backends.begin(), packet))));
}

TEST_F(Ways, CutWhatIsTooBigAndMayBe) {
  for (const Way& way : all_ways()) {
    if (!way.v4()) {
      cannot(way, "too big: cut", "only its sender cuts IPv6");
      continue;
    }
    for (const size_t bytes : {1500U - 28 - way.outer_bytes() + 1, 2000U, 9000U}) {
      for (const bool tagged : {false, true}) {
        SCOPED_TRACE(way.name + " " + std::to_string(bytes));
        Packet packet = fresh(way, 17);
        packet.dont_fragment = false;
        packet.payload = payload_of(bytes);
        if (tagged) packet.tags = {{0x8100, 7}};
        expect_pieces(way, packet, pipeline->run(0, build(packet)), 1500);
        showed(way, "too big: cut");
      }
    }
  }
}

TEST_F(Ways, DropWhatIsTooBigWhereTheServiceSaysSo) {
  Config config = ways_config();
  for (ServiceConfig& service : config.services)
    service.too_big = TooBig::drop;
  use(config);
  for (const Way& way : all_ways()) {
    if (!way.v4()) {
      cannot(way, "too big: dropped", "IPv6 is always answered");
      continue;
    }
    SCOPED_TRACE(way.name);
    Packet packet = fresh(way, 17);
    packet.dont_fragment = false;
    packet.payload = payload_of(1500 - 28 - way.outer_bytes());
    arrives(way, packet);
    packet.payload.push_back(0);
    EXPECT_EQ(pipeline->run(0, build(packet)).text(), "too_big") << "and nobody is told";
    showed(way, "too big: dropped");
  }
}

TEST_F(Ways, CarryJumboFrames) {
  Config config = ways_config();
  for (PortConfig& port : config.ports)
    port.mtu = 9000;
  use(config);
  for (const Way& way : all_ways()) {
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      SCOPED_TRACE(way.name);
      Packet packet = fresh(way, protocol);
      const size_t headers = (way.v4() ? 20U : 40U) + (protocol == 6 ? 20U : 8U);
      packet.payload = payload_of(9000 - way.outer_bytes() - headers);
      EXPECT_EQ(ip_of(arrives(way, packet)).size(), 9000U);
      packet.payload.push_back(0);
      EXPECT_EQ(pipeline->run(0, build(packet)).text(), "sent too_big");
      showed(way, "jumbo");
      pipeline->wait(1000);
    }
  }
}

TEST_F(Ways, ClampTheSegmentSize) {
  Config config = ways_config();
  for (ServiceConfig& service : config.services)
    service.mss_clamp = kMssOfMtu;
  use(config);
  for (const Way& way : all_ways()) {
    const unsigned fits = 1500 - way.outer_bytes() - (way.v4() ? 20U : 40U) - 20;
    for (const unsigned asked : {fits - 1, fits, fits + 1, 8960U}) {
      SCOPED_TRACE(way.name + " " + std::to_string(asked));
      Packet packet = fresh(way);
      const auto option = [](unsigned value) {
        Bytes bytes = {2, 4};
        put16(bytes, value);
        return bytes;
      };
      packet.tcp_options = option(asked);
      Packet expected = packet;
      expected.tcp_options = option(std::min(asked, fits));
      arrives(way, packet, expected);
      showed(way, "MSS clamp");
    }
  }
}

// What leaves in an outer header comes back to a VIP of ours, in the tunnel of another shunt.
TEST_F(Ways, DropTheirOwnOuterHeader) {
  for (const Way& way : all_ways()) {
    if (way.outer_bytes() == 0) {
      cannot(way, "loops", kNoOuter);
      continue;
    }
    const Bytes ours = ip_of(sent(fresh(way)));
    const bool four = way.backend_family == Family::ipv4;
    for (const Way& vip : all_ways()) {
      SCOPED_TRACE(way.name + " to the VIP of " + vip.name);
      Packet around{.source = vip.v4() ? "192.0.2.77" : "2001:db8:77::1", .destination = vip.vip()};
      around.protocol = four ? 4 : 41;
      around.payload = ours;
      EXPECT_EQ(pipeline->run(0, build(around)).text(), "loop") << "ipip";
      around.protocol = 47;
      around.payload = {0, 0, four ? uint8_t{0x08} : uint8_t{0x86}, four ? uint8_t{0} : uint8_t{0xdd}};
      put(around.payload, ours);
      EXPECT_EQ(pipeline->run(0, build(around)).text(), "loop") << "gre";
      around.protocol = 17;
      around.sport = 50'000;
      around.dport = 6080;
      around.payload = ours;
      EXPECT_EQ(pipeline->run(0, build(around)).text(), "loop") << "gue";
      around.payload = {2, four ? uint8_t{4} : uint8_t{41}, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
      put(around.payload, ours);
      EXPECT_EQ(pipeline->run(0, build(around)).text(), "loop") << "gue variant 0 with private data";
      showed(way, "loops");
    }
  }
}

TEST_F(Ways, AnswerPings) {
  for (const Way& way : all_ways()) {
    for (const size_t bytes : {0U, 5U, 1400U}) {
      SCOPED_TRACE(way.name);
      const uint8_t type = way.v4() ? 8 : 128;
      const Packet ping{.source = way.client(), .destination = way.vip(), .tos = 0xb9};
      Packet answer = ping;
      std::swap(answer.source, answer.destination);
      answer.to = ping.from;
      answer.from = ping.to;
      answer.tos = 0xb8;
      answer.id = 0;
      const Outcome outcome = pipeline->run(0, build(icmp(ping, {.type = type, .body = payload_of(bytes)})));
      ASSERT_EQ(outcome.text(), "sent echo");
      const uint8_t reply = way.v4() ? 0 : 129;
      EXPECT_EQ(hex(outcome.sent[0].frame),
                hex(build(icmp(answer, {.type = reply, .body = payload_of(bytes)}))));
      showed(way, "ping");
    }
  }
}

// nat's other half; elsewhere backends answer clients past shunt.
TEST_F(Ways, RestoreReplies) {
  for (const Way& way : all_ways()) {
    if (way.forward != Forward::nat) {
      cannot(way, "replies", "they go past shunt");
      continue;
    }
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      for (const bool tagged : {false, true}) {
        SCOPED_TRACE(way.name);
        const unsigned n = first_backend(way);
        Packet reply{.to = kPort1Mac,
                     .from = backend_mac(n),
                     .source = way.backend(n),
                     .destination = way.client(),
                     .protocol = protocol,
                     .sport = 8080,
                     .dport = 40'000,
                     .flags = kAck,
                     .payload = payload_of(91)};
        if (tagged) reply.tags = {{0x8100, 9}};
        const Outcome outcome = pipeline->run(1, build(reply));
        ASSERT_EQ(outcome.text(), "sent");
        reply.to = kRouterMac;
        reply.from = kPort0Mac;
        reply.source = way.vip();
        reply.sport = protocol == 6 ? 80 : 53;
        --reply.ttl;
        EXPECT_EQ(hex(outcome.sent[0].frame), hex(build(reply)));
        showed(way, "replies");
      }
    }
  }
}

}  // namespace
}  // namespace shunt::packet
