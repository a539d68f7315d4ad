// Neighbour solicitations on their way through a worker: every one that may be for a VIP reaches the punt
// thread, before the rest, whether the port has a host_interface or not.
#include "tests/packet/nd_builder.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {
namespace {

const NeighbourMessage kInTheGroup;
const NeighbourMessage kToTheVip{.to = kPort0Mac, .destination = "2001:db8::1"};
const NeighbourMessage kProbe{.source = "::",
                              .options = {}};  // for duplicates: no source, and none is needed

Config six_config() {
  Config config = mode_config();
  config.ports[0].addresses.push_back(*Prefix::parse("2001:db8::2/64"));
  config.services = {service("2001:db8::1", 80, "l2", Forward::l2)};
  return config;
}

TEST(NeighbourDiscoveryPunt, SolicitationsAreUrgent) {
  for (const bool host_interfaces : {true, false}) {
    for (const auto& message : {kInTheGroup, kToTheVip, kProbe}) {
      SCOPED_TRACE(message.source + " to " + message.destination);
      Pipeline pipeline(six_config(), {.host_interfaces = host_interfaces});
      const Outcome outcome = pipeline.run(0, build(message));
      ASSERT_EQ(outcome.text(), "punted");
      EXPECT_TRUE(outcome.punted[0].urgent);
      EXPECT_EQ(outcome.punted[0].frame, build(message));
    }
  }
}

// Behind another header the first byte is that header's, 135 where a mobility header follows.
TEST(NeighbourDiscoveryPunt, WhatBeginsWithAnExtensionHeaderIsNone) {
  const Packet ping{.source = "2001:db8::7",
                    .destination = "2001:db8::1",
                    .extensions = {{60, {0, 1, 4, 0, 0, 0, 0}}, {135, {0, 5, 0, 0, 0, 0, 0}}},
                    .protocol = 58,
                    .payload = Bytes(24, 0)};
  Pipeline pipeline(six_config());
  EXPECT_EQ(pipeline.run(0, build(ping)).text(), "no_service");
}

// Our own VIP as the source is a spoof; what answers a solicitation isn't ours to take.
TEST(NeighbourDiscoveryPunt, OtherIcmpToAVipIsNot) {
  Pipeline pipeline(six_config());
  NeighbourMessage advertisement = advertisement_of("2001:db8::9", "02:00:00:00:99:01");
  advertisement.to = kPort0Mac;
  advertisement.destination = "2001:db8::1";
  EXPECT_TRUE(pipeline.run(0, build(advertisement)).punted.empty());
}

}  // namespace
}  // namespace shunt::packet
