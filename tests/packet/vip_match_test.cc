// Which service takes a packet: longest prefix, then exact port; and what a VIP does with the rest.
#include "tests/packet/client.h"
#include "tests/packet/icmp_builder.h"

namespace shunt::packet {
namespace {

// A pool per service, so that the backend's address names the service.
Config overlapping_config() {
  Config config = bare_config();
  const auto add = [&](const std::string& vip, uint16_t port, unsigned number,
                       Protocol protocol = Protocol::tcp) {
    const std::string name = "pool" + std::to_string(number);
    config.pools.push_back(pool(name, number, 1));
    config.services.push_back(packet::service(vip, port, name, Forward::ipip, protocol));
  };
  add("198.51.100.0/24", 80, 30);
  add("198.51.100.0/24", 0, 31);
  add("198.51.100.64/26", 80, 32);
  add("198.51.100.65", 443, 33);
  add("198.51.100.66", 0, 34);
  add("198.51.100.66", 22, 35);
  add("198.51.100.67", 80, 36);
  add("198.51.100.67", 443, 37);
  add("198.51.100.67", 80, 38, Protocol::udp);
  return config;
}

struct Row {
  const char* vip;
  uint16_t port;
  uint8_t protocol;
  const char* goes_to;
};

TEST(VipMatch, LongestPrefixThenExactPort) {
  Pipeline pipeline(overlapping_config());
  for (const Row& row : {
           Row{"198.51.100.1", 80, 6, "10.0.0.30"},
           {"198.51.100.1", 81, 6, "10.0.0.31"},
           {"198.51.100.70", 80, 6, "10.0.0.32"},
           {"198.51.100.70", 81, 6, "10.0.0.31"},  // the longer prefix has no service on that port
           {"198.51.100.65", 443, 6, "10.0.0.33"},
           {"198.51.100.65", 80, 6, "10.0.0.32"},
           {"198.51.100.65", 22, 6, "10.0.0.31"},
           {"198.51.100.66", 80, 6, "10.0.0.34"},  // longer, every port, beats shorter with the exact one
           {"198.51.100.66", 22, 6, "10.0.0.35"},
           {"198.51.100.67", 80, 6, "10.0.0.36"},  // two services on one VIP
           {"198.51.100.67", 443, 6, "10.0.0.37"},
           {"198.51.100.67", 80, 17, "10.0.0.38"},
           {"198.51.100.1", 80, 17, "no_service"},
           {"198.51.101.1", 80, 6, "punted"},
       }) {
    const Packet packet{.destination = row.vip, .protocol = row.protocol, .dport = row.port};
    EXPECT_EQ(pipeline.run(0, build(packet)).destination(), row.goes_to)
        << row.vip << ':' << row.port << '/' << int{row.protocol};
  }
}

// For a prefix or every port the whole 5-tuple is the flow: the same client and port towards two VIPs are
// two.
TEST(VipMatch, FlowsOfAPrefixAreToldByTheirVip) {
  Config config = web_config();
  config.services = {packet::service("198.51.100.0/24", 0, "web", Forward::ipip)};
  Pipeline pipeline(config);
  std::map<std::string, std::string> backends;
  for (const std::string vip : {"198.51.100.1", "198.51.100.2", "198.51.100.3"}) {
    for (const uint16_t port : {uint16_t{80}, uint16_t{443}}) {
      Client client(pipeline, vip, 40000, port);
      backends[vip + std::to_string(port)] = client.open();
    }
  }
  EXPECT_EQ(pipeline.tracked_entries(), 6U);
  for (const std::string vip : {"198.51.100.1", "198.51.100.2", "198.51.100.3"}) {
    for (const uint16_t port : {uint16_t{80}, uint16_t{443}})
      EXPECT_EQ(Client(pipeline, vip, 40000, port).data(), backends[vip + std::to_string(port)]);
  }
  EXPECT_EQ(pipeline.tracked_entries(), 6U);
}

TEST(VipMatch, EveryPortNatKeepsThePort) {
  Config config = bare_config();
  config.pools = {pool("nat", 13, 1)};
  config.services = {packet::service("198.51.100.3", 0, "nat", Forward::nat)};
  Pipeline pipeline(config);
  Client client(pipeline, "198.51.100.3", 40000, 4443);
  client.syn();
  const Outcome there = pipeline.run(0, build(client.packet));
  ASSERT_EQ(there.text(), "sent");
  EXPECT_EQ(get16(there.sent[0].frame, 14 + 20 + 2), 4443);
  client.ack();
  EXPECT_EQ(pipeline.tracked_entries(), 1U);
  const Packet reply{.to = kPort1Mac,
                     .source = "10.0.0.13",
                     .destination = "203.0.113.7",
                     .sport = 4443,
                     .dport = 40000,
                     .flags = kFin | kAck};
  const Outcome back = pipeline.run(1, build(reply));
  ASSERT_EQ(back.text(), "sent");
  EXPECT_EQ(get16(back.sent[0].frame, 14 + 20), 4443);
  EXPECT_EQ(pipeline.active(pipeline.service("198.51.100.3", 0)), 0) << "the reply's FIN found the flow";
}

// `unserved = "punt"`: a host with one address. What no service takes is the kernel's, defects and all.
TEST(VipMatch, UnservedPunt) {
  Config config = mode_config();
  config.services = {packet::service("192.0.2.2", 80, "ipip", Forward::ipip)};
  config.services[0].unserved = Unserved::punt;
  Pipeline pipeline(config);
  const auto result = [&](const Packet& packet) { return pipeline.run(0, build(packet)).destination(); };
  EXPECT_EQ(result({.destination = "192.0.2.2"}), "10.0.0.12");
  EXPECT_EQ(result({.destination = "192.0.2.2", .dport = 22}), "punted");
  EXPECT_EQ(result({.destination = "192.0.2.2", .protocol = 1, .payload = Bytes(8, 0)}), "punted");
  EXPECT_EQ(result({.destination = "192.0.2.2", .dport = 22, .ip_checksum = 1}), "punted");
  EXPECT_EQ(pipeline.run(0, build(Arp{.target = "192.0.2.2"})).text(), "punted");
  EXPECT_TRUE(pipeline.snapshot().announced.empty()) << "the kernel answers for its own address";
}

TEST(VipMatch, AVipIsNobodysSource) {
  Pipeline pipeline(overlapping_config());
  for (const char* const source : {"198.51.100.1", "198.51.100.65", "198.51.100.200"}) {
    const Packet packet{.source = source, .destination = "198.51.100.67"};
    EXPECT_EQ(pipeline.run(0, build(packet)).text(), "bad_source");
  }
  EXPECT_EQ(pipeline.waiting_entries(), 0U);
}

// An encap_source that is the node's own address is where the host's own clients come from.
TEST(VipMatch, ANodeAddressMayBeAClientThoughItIsAnEncapSource) {
  Config config = mode_config();
  config.ports[0].encap_source = *Prefix::parse("192.0.2.2");
  Pipeline pipeline(config);
  EXPECT_EQ(pipeline.run(0, build(Packet{.source = "192.0.2.2"})).text(), "sent");
  EXPECT_EQ(pipeline.run(0, build(Packet{.source = "10.0.0.10"})).text(), "bad_source");
}

// A prefix may have a subnet's broadcast address in it: what came to everybody is forwarded and answered by
// nobody.
TEST(VipMatch, NothingForAllReachesAVip) {
  Config config = web_config();
  config.services.push_back(packet::service("192.0.2.128/25", 80, "web", Forward::l2));
  Pipeline pipeline(config);
  for (const char* to : {"ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"}) {
    Packet packet{.to = to, .destination = "192.0.2.255"};
    EXPECT_EQ(pipeline.run(0, build(packet)).text(), "not_our_mac");
    packet.ttl = 1;
    EXPECT_EQ(pipeline.run(0, build(packet)).text(), "not_our_mac");
    EXPECT_EQ(pipeline.run(0, build(icmp(packet, {.type = 8}))).text(), "not_our_mac");
  }
  EXPECT_EQ(pipeline.run(0, build(Packet{.destination = "192.0.2.255"})).text(), "sent") << "to us alone";
}

// Two services share a pool: each has its own counters and its own flows.
TEST(VipMatch, ServicesThatShareAPoolCountForThemselves) {
  Config config = web_config();
  config.services.push_back(packet::service("198.51.100.10", 80, "web", Forward::l2));
  Pipeline pipeline(config);
  Client(pipeline, kVip, 1).open();
  Client(pipeline, kVip, 2).open();
  Client(pipeline, "198.51.100.10", 1).open();
  EXPECT_EQ(pipeline.active(pipeline.service(kVip, 80)), 2);
  EXPECT_EQ(pipeline.active(pipeline.service("198.51.100.10", 80)), 1);
  EXPECT_EQ(pipeline.tracked_entries(), 3U);
}

}  // namespace
}  // namespace shunt::packet
