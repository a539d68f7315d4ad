// The punt thread's loop: both directions between rings and taps, ARP and ND for VIPs, announcements.
#include "tests/packet/nd_builder.h"
#include "tests/packet/packet_reader.h"
#include "tests/packet/punt_harness.h"

namespace shunt::packet {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

TEST(PuntThread, WritesToTheTapUrgentFirst) {
  PuntHarness harness;
  const Bytes rest = build(Packet{.destination = "192.0.2.2"});
  const Bytes urgent = build(Arp{.target = "192.0.2.2"});
  harness.punt(0, rest);
  harness.punt(0, urgent, true);
  harness.run();
  EXPECT_EQ(harness.taps[0].receive(), urgent);
  EXPECT_EQ(harness.taps[0].receive(), rest);
  EXPECT_EQ(harness.taps[0].receive(), std::nullopt);
  EXPECT_EQ(harness.thread.ledger().read().punted, 2U);
}

TEST(PuntThread, CarriesFramesOfTheKernelToTheWorker) {
  PuntHarness harness(bare_config());
  const Bytes frame = build(Packet{.from = kPort0Mac});
  harness.taps[0].send(frame);
  const auto made = harness.run();
  ASSERT_EQ(made.size(), 1U);
  EXPECT_EQ(made[0].port, 0);
  EXPECT_EQ(made[0].frame, frame);
  EXPECT_EQ(harness.thread.ledger().read().received, 1U);
  EXPECT_FALSE(harness.thread.run_once(1)) << "nothing to do";
}

TEST(PuntThread, DoesNothingBeforeTheFirstSnapshot) {
  PuntHarness harness;
  harness.published = nullptr;
  harness.punt(0, build(Packet{.destination = "192.0.2.2"}));
  EXPECT_FALSE(harness.thread.run_once(0));
  EXPECT_EQ(harness.quiescent, 1U);
  harness.published = &harness.pipeline.snapshot();
  harness.run();
  EXPECT_EQ(harness.quiescent, 2U);
  EXPECT_TRUE(harness.taps[0].receive().has_value());
}

// --- ARP ---

Bytes wanted_reply(const Arp& request) {
  return build(Arp{.to = request.from,
                   .from = kPort0Mac,
                   .tags = request.tags,
                   .operation = 2,
                   .sender_mac = kPort0Mac,
                   .sender = request.target,
                   .target_mac = request.sender_mac,
                   .target = request.sender});
}

TEST(PuntThread, AnswersArpForVips) {
  const Arp broadcast{};
  const Arp unicast{.to = kPort0Mac};
  const Arp tagged{.tags = {{0x8100, 100}}};
  const Arp twice{.tags = {{0x88a8, 7}, {0x8100, 100}}};
  const Arp padded{.trailer = Bytes(18, 0)};
  const Arp probe{.sender = "0.0.0.0"};  // RFC 5227
  for (const Arp& request : {broadcast, unicast, tagged, twice, padded, probe}) {
    PuntHarness harness;
    harness.forget_announcements();
    harness.punt(0, build(request), true);
    const auto made = harness.run(10 * kSecond);
    ASSERT_EQ(made.size(), 1U);
    EXPECT_EQ(made[0].port, 0);
    EXPECT_EQ(hex(made[0].frame), hex(wanted_reply(request)));
    EXPECT_EQ(harness.taps[0].receive(), std::nullopt) << "the kernel doesn't see it";
  }
}

TEST(PuntThread, LeavesOtherArpToTheKernel) {
  const Arp other_target{.target = "192.0.2.2"};
  const Arp reply{.operation = 2};
  const Arp claim{.sender = "198.51.100.1"};  // somebody else announces the VIP
  const Arp token_ring{.hardware = 6};
  for (const Arp& arp : {other_target, reply, claim, token_ring}) {
    PuntHarness harness;
    harness.forget_announcements();
    harness.punt(0, build(arp), true);
    EXPECT_TRUE(harness.run(10 * kSecond).empty());
    EXPECT_EQ(harness.taps[0].receive(), build(arp));
  }
}

TEST(PuntThread, AnswersForEveryAddressOfAPrefixAndOnItsPortsOnly) {
  Config config = mode_config();
  config.services = {service("192.0.2.64/26", 80, "l2", Forward::l2),
                     service("198.51.100.1", 80, "l2", Forward::l2)};
  config.services[1].announce = Announce::route;
  PuntHarness harness(config);
  harness.forget_announcements();
  const auto answers = [&](uint8_t port, const std::string& target) {
    harness.punt(port, build(Arp{.target = target}), true);
    return harness.run(10 * kSecond).size();
  };
  EXPECT_EQ(answers(0, "192.0.2.64"), 1U);
  EXPECT_EQ(answers(0, "192.0.2.127"), 1U);
  EXPECT_EQ(answers(0, "192.0.2.128"), 0U);
  EXPECT_EQ(answers(1, "192.0.2.64"), 0U) << "its subnet is on the other port";
  EXPECT_EQ(answers(0, "198.51.100.1"), 0U) << "a route announces it";
}

// --- ND ---

// VIPs in the subnet of port 0, which has both families.
Config six_config(const std::vector<std::string>& vips) {
  Config config = mode_config();
  config.ports[0].addresses.push_back(*Prefix::parse("2001:db8::2/64"));
  config.services.clear();
  for (const std::string& vip : vips)
    config.services.push_back(service(vip, 80, "l2", Forward::l2));
  return config;
}

TEST(PuntThread, AnswersSolicitationsForVips) {
  NeighbourMessage wanted = advertisement_of("2001:db8::1", kPort0Mac);
  NeighbourMessage to_asker = wanted;
  to_asker.to = "02:00:00:00:99:01";
  to_asker.destination = "2001:db8::7";
  to_asker.flags = 0x60;
  NeighbourMessage tagged = to_asker;
  tagged.tags = {{0x8100, 100}};
  const std::vector<std::pair<NeighbourMessage, NeighbourMessage>> rows = {
      {{}, to_asker},
      {{.to = kPort0Mac, .destination = "2001:db8::1"}, to_asker},
      {{.tags = {{0x8100, 100}}}, tagged},
      {{.source = "::", .options = {}}, wanted},
  };
  for (const auto& [question, answer] : rows) {
    PuntHarness harness(six_config({"2001:db8::1"}));
    harness.forget_announcements();
    harness.punt(0, build(question), true);
    const auto made = harness.run(10 * kSecond);
    ASSERT_EQ(made.size(), 1U);
    EXPECT_EQ(made[0].port, 0);
    EXPECT_EQ(hex(made[0].frame), hex(build(answer)));
    EXPECT_EQ(harness.taps[0].receive(), std::nullopt) << "the kernel doesn't see it";
    EXPECT_EQ(harness.drops(DropReason::nd), 1U);
  }
}

TEST(PuntThread, LeavesOtherNeighbourDiscoveryToTheKernel) {
  const NeighbourMessage other_target{.target = "2001:db8::2"};
  const NeighbourMessage far{.hop_limit = 254};
  const NeighbourMessage broken{.checksum = 1};
  const NeighbourMessage from_the_vip{.source = "2001:db8::1"};
  const NeighbourMessage advertisement = advertisement_of("2001:db8::1", "02:00:00:00:99:01");
  for (const auto& message : {other_target, far, broken, from_the_vip, advertisement}) {
    PuntHarness harness(six_config({"2001:db8::1"}));
    harness.forget_announcements();
    harness.punt(0, build(message), true);
    EXPECT_TRUE(harness.run(10 * kSecond).empty());
    EXPECT_EQ(harness.taps[0].receive(), build(message));
    EXPECT_EQ(harness.drops(DropReason::nd), 0U);
  }
}

TEST(PuntThread, AnswersSolicitationsForAPrefixAndWhereItIsAnnounced) {
  Config config = six_config({"2001:db8::100/120", "2001:db8:1::1"});
  config.services[1].announce = Announce::route;
  PuntHarness harness(config);
  harness.forget_announcements();
  const auto answers = [&](uint8_t port, const std::string& target) {
    harness.punt(port, build(NeighbourMessage{.target = target}), true);
    return harness.run(10 * kSecond).size();
  };
  EXPECT_EQ(answers(0, "2001:db8::100"), 1U);
  EXPECT_EQ(answers(0, "2001:db8::1ff"), 1U);
  EXPECT_EQ(answers(0, "2001:db8::200"), 0U);
  EXPECT_EQ(answers(1, "2001:db8::100"), 0U) << "its subnet is on the other port";
  EXPECT_EQ(answers(0, "2001:db8:1::1"), 0U) << "a route announces it";
}

// --- announcements ---

Bytes announcement(const std::string& vip) {
  return build(Arp{.from = kPort0Mac, .sender_mac = kPort0Mac, .sender = vip, .target = vip});
}

Config on_link_vips(const std::vector<std::string>& vips) {
  Config config = mode_config();
  config.services.clear();
  for (const std::string& vip : vips)
    config.services.push_back(service(vip, 80, "l2", Forward::l2));
  return config;
}

TEST(PuntThread, AnnouncesANewVipThreeTimesASecondApart) {
  PuntHarness harness(on_link_vips({"192.0.2.80"}));
  unsigned seen = 0;
  for (uint64_t half_second = 0; half_second < 20; ++half_second) {
    const auto made = harness.run(5 * kSecond + half_second * kSecond / 2);
    ASSERT_EQ(made.size(), half_second % 2 == 0 && half_second < 6 ? 1U : 0U) << half_second;
    if (made.empty()) continue;
    ++seen;
    EXPECT_EQ(made[0].port, 0);
    EXPECT_EQ(hex(made[0].frame), hex(announcement("192.0.2.80")));
  }
  EXPECT_EQ(seen, 3U);
  EXPECT_EQ(harness.thread.ledger().read().originated, 3U);
}

TEST(PuntThread, AnnouncesANewIpv6VipInTheSameWay) {
  PuntHarness harness(six_config({"2001:db8::1", "2001:db8::100/120"}));
  unsigned seen = 0;
  for (uint64_t second = 5; second < 12; ++second) {
    for (const SentFrame& made : harness.run(second * kSecond)) {
      ++seen;
      EXPECT_EQ(hex(made.frame), hex(build(advertisement_of("2001:db8::1", kPort0Mac))));
    }
  }
  EXPECT_EQ(seen, 3U) << "and the prefix isn't announced";
}

TEST(PuntThread, AnnouncesOnlyWhatAppears) {
  PuntHarness harness(on_link_vips({"192.0.2.80"}));
  harness.forget_announcements();
  harness.pipeline.reload(on_link_vips({"192.0.2.80", "192.0.2.81"}));
  harness.published = &harness.pipeline.snapshot();
  const auto made = harness.run(100 * kSecond);
  ASSERT_EQ(made.size(), 1U);
  EXPECT_EQ(made[0].frame, announcement("192.0.2.81"));
}

TEST(PuntThread, AnnouncesAVipThatComesBack) {
  PuntHarness harness(on_link_vips({"192.0.2.80"}));
  harness.forget_announcements();
  harness.pipeline.reload(on_link_vips({}));
  harness.published = &harness.pipeline.snapshot();
  EXPECT_TRUE(harness.run(100 * kSecond).empty());
  harness.pipeline.reload(on_link_vips({"192.0.2.80"}));
  harness.published = &harness.pipeline.snapshot();
  EXPECT_EQ(harness.run(101 * kSecond).size(), 1U);
}

TEST(PuntThread, DoesNotAnnounceAPrefix) {
  PuntHarness harness(on_link_vips({"192.0.2.64/26"}));
  EXPECT_TRUE(harness.run(0).empty());
}

// The real thread, from start to stop: what was handed over before it was told to stop still reaches the
// kernel.
TEST(PuntThread, CarriesEverythingBeforeItStops) {
  PuntHarness harness(bare_config());
  const Bytes frame = build(Packet{.destination = "192.0.2.2"});
  harness.thread.start();
  for (unsigned i = 0; i < 50; ++i)
    harness.punt(0, frame);
  harness.thread.stop();
  unsigned received = 0;
  // A datagram socket may hold fewer than 50: what it refused is counted.
  while (const auto got = harness.taps[0].receive()) {
    EXPECT_EQ(*got, frame);
    ++received;
  }
  EXPECT_GT(received, 0U);
  EXPECT_EQ(received + harness.drops(DropReason::punt_failed), 50U);
  harness.check();
}

}  // namespace
}  // namespace shunt::packet
