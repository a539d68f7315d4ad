// What shunt answers, byte for byte: echo replies, "time exceeded", "too big"; what it doesn't answer; and
// that it never sends more than it was asked for.
#include "tests/packet/any_packet.h"
#include "tests/packet/coverage.h"
#include "tests/packet/icmp_builder.h"

namespace shunt::packet {
namespace {

const std::string kVip4 = "198.51.100.50";  // of the ways: l2
const std::string kVip6 = "2001:db8::51";

class IcmpAnswer : public testing::Test {
 protected:
  IcmpAnswer() { pipeline.set_kernel(ways_kernel()); }
  // The one frame that answers `packet`, sent back by the same port.
  Bytes answer_to(const Packet& packet, const std::string& reason, uint8_t port = 0) {
    const Outcome outcome = pipeline.run(port, build(packet));
    EXPECT_EQ(outcome.text(), "sent " + reason);
    if (outcome.sent.size() != 1) return {};
    EXPECT_EQ(outcome.sent[0].port, port);
    return outcome.sent[0].frame;
  }
  void expect_answer(const std::string& name, const Packet& packet, const std::string& reason,
                     const Packet& answer, uint8_t port = 0) {
    SCOPED_TRACE(name);
    EXPECT_EQ(hex(answer_to(packet, reason, port)), hex(build(answer)));
    pipeline.wait(1000);
  }
  void expect_silence(const std::string& name, const Packet& packet, const std::string& reason) {
    SCOPED_TRACE(name);
    EXPECT_EQ(pipeline.run(0, build(packet)).text(), reason);
  }

  Pipeline pipeline{ways_config()};
};

// The IP and Ethernet headers of an answer to `asked`.
Packet back(const Packet& asked, uint8_t tos) {
  return {.to = asked.from,
          .from = asked.to,
          .tags = asked.tags,
          .source = asked.destination,
          .destination = asked.source,
          .tos = tos,
          .id = 0};
}

const Packet kPing4{.source = "203.0.113.7", .destination = kVip4};
const Packet kPing6{.source = "2001:db8:c::7", .destination = kVip6};
const Bytes kData = {'a', 'b', 'c', 'd', 'e'};

Packet with(Packet packet, void (*edit)(Packet&)) {
  edit(packet);
  return packet;
}

TEST_F(IcmpAnswer, EchoesOfAVip) {
  const Icmp request4{.type = 8, .body = kData};
  const Icmp reply4{.type = 0, .body = kData};
  const Icmp request6{.type = 128, .body = kData};
  const Icmp reply6{.type = 129, .body = kData};
  expect_answer("IPv4", icmp(kPing4, request4), "echo", icmp(back(kPing4, 0), reply4));
  expect_answer("IPv6", icmp(kPing6, request6), "echo", icmp(back(kPing6, 0), reply6));
  for (const Packet& base : {kPing4, kPing6}) {
    const bool v4 = base.destination == kVip4;
    const Icmp& request = v4 ? request4 : request6;
    const Icmp& reply = v4 ? reply4 : reply6;
    const Packet marked = with(base, [](Packet& p) { p.tos = 0xbb; });  // EF, CE
    expect_answer("DSCP is copied, ECN isn't", icmp(marked, request), "echo",
                  icmp(back(marked, 0xb8), reply));
    const Packet tagged = with(base, [](Packet& p) { p.tags = {{0x88a8, 7}, {0x8100, 0x0064}}; });
    expect_answer("tags are kept", icmp(tagged, request), "echo", icmp(back(tagged, 0), reply));
    const Packet padded = with(base, [](Packet& p) { p.trailer = Bytes(30, 0xee); });
    expect_answer("a pad isn't", icmp(padded, request), "echo", icmp(back(padded, 0), reply));
    const Packet last_hop = with(base, [](Packet& p) { p.ttl = 1; });
    expect_answer("the VIP is where it was going", icmp(last_hop, request), "echo",
                  icmp(back(last_hop, 0), reply));
    Icmp coded = request;
    coded.code = 9;
    expect_answer("code 0", icmp(base, coded), "echo", icmp(back(base, 0), reply));
    Icmp large = request;
    large.body = Bytes(1400, 0x5a);
    Icmp large_reply = reply;
    large_reply.body = large.body;
    expect_answer("all data comes back", icmp(base, large), "echo", icmp(back(base, 0), large_reply));
    Icmp empty = request;
    empty.body = {};
    Icmp empty_reply = reply;
    empty_reply.body = {};
    expect_answer("and none", icmp(base, empty), "echo", icmp(back(base, 0), empty_reply));
  }
}

TEST_F(IcmpAnswer, EchoesLeaveOptionsAndExtensionsOut) {
  const Packet options = with(kPing4, [](Packet& p) { p.options = {1, 68, 4, 5, 0, 0, 0, 0}; });
  expect_answer("options", icmp(options, {.type = 8}), "echo", icmp(back(options, 0), {.type = 0}));
  const Packet cut = with(kPing4, [](Packet& p) { p.dont_fragment = false; });
  Packet answer = back(cut, 0);
  answer.dont_fragment = false;
  answer.id = cut.id;
  expect_answer("without DF the identification is the request's", icmp(cut, {.type = 8}), "echo",
                icmp(answer, {.type = 0}));
}

// Every address of a prefix is a VIP, with or without a service on its port.
TEST(IcmpAnswers, EchoesOfAPrefix) {
  Config config = bare_config();
  config.pools = {pool("l2", 11, 1)};
  config.services = {service("198.51.100.0/28", 80, "l2", Forward::l2)};
  Pipeline pipeline(config);
  for (const std::string host : {"0", "1", "9", "15"}) {
    const Packet ping{.destination = "198.51.100." + host};
    const Outcome outcome = pipeline.run(0, build(icmp(ping, {.type = 8})));
    ASSERT_EQ(outcome.text(), "sent echo");
    EXPECT_EQ(hex(outcome.sent[0].frame), hex(build(icmp(back(ping, 0), {.type = 0}))));
  }
  EXPECT_EQ(pipeline.run(0, build(icmp({.destination = "198.51.100.16"}, {.type = 8}))).text(), "punted");
}

// A VIP that the host shares is pinged there.
TEST(IcmpAnswers, ASharedVipIsTheKernels) {
  Config config = bare_config();
  config.pools = {pool("l2", 11, 1)};
  config.services = {service("198.51.100.1", 80, "l2", Forward::l2)};
  config.services[0].unserved = Unserved::punt;
  Pipeline pipeline(config);
  EXPECT_EQ(pipeline.run(0, build(icmp({}, {.type = 8}))).text(), "punted");
  EXPECT_EQ(pipeline.run(0, build(icmp({}, {.type = 3, .body = Bytes(28, 0)}))).text(), "punted");
  // But an error about a service's flow is that flow's.
  const Packet reply{.source = "198.51.100.1", .destination = "203.0.113.7", .sport = 80, .dport = 40000};
  const Outcome error = pipeline.run(0, build(icmp({}, {.type = 3, .body = quote(reply)})));
  EXPECT_EQ(error.text(), "sent");
}

TEST_F(IcmpAnswer, TheHostItselfIsAnsweredThere) {
  const Packet ping = with(kPing4, [](Packet& p) {
    p.to = kHost0Mac;
    p.from = kPort0Mac;
    p.source = "192.0.2.2";
  });
  const Outcome outcome = pipeline.from_host(0, build(icmp(ping, {.type = 8})));
  ASSERT_EQ(outcome.text(), "punted echo");
  Packet answer = back(ping, 0);
  answer.from = kPort0Mac;
  EXPECT_EQ(hex(outcome.punted[0].frame), hex(build(icmp(answer, {.type = 0}))));
  EXPECT_EQ(pipeline.total().originated, 1U);
}

// An error quotes what keeps it as short as the packet, but the headers and 8 bytes.
Packet error(const Packet& asked, const Icmp& message, size_t quoted) {
  Icmp whole = message;
  whole.body = quote(asked, quoted);
  return icmp(back(asked, 0xc0), whole);
}

TEST_F(IcmpAnswer, TimeExceeded) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    const size_t header = way.v4() ? 20 : 40;
    const Icmp exceeded{.type = static_cast<uint8_t>(way.v4() ? 11 : 3), .rest = 0};
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      Packet packet = way.from_client(protocol);
      packet.ttl = 1;
      expect_answer("short", packet, "ttl", error(packet, exceeded, header + 8));
      packet.tags = {{0x8100, 0x2005}};
      expect_answer("tagged", packet, "ttl", error(packet, exceeded, header + 8));
      packet.payload = Bytes(300, 0x5a);
      const size_t bytes = ip_bytes(packet).size();
      expect_answer("300 bytes", packet, "ttl", error(packet, exceeded, bytes - header - 8));
      packet.payload = Bytes(1400, 0x5a);
      const size_t largest = way.v4() ? 576 : 1280;
      expect_answer("1,400 bytes", packet, "ttl", error(packet, exceeded, largest - header - 8));
      packet.ttl = 0;
      expect_silence("TTL 0", packet, "ttl");
      showed(way, "time exceeded");
    }
  }
}

TEST_F(IcmpAnswer, TimeExceededWithOptions) {
  const Packet packet = with(all_ways()[0].from_client(), [](Packet& p) {
    p.ttl = 1;
    p.options = Bytes(40, 1);
  });
  expect_answer("options are quoted", packet, "ttl", error(packet, {.type = 11, .rest = 0}, 68));
}

TEST_F(IcmpAnswer, TooBigForTheWayOut) {
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    const size_t header = way.v4() ? 20 : 40;
    const uint32_t fits = 1500 - way.outer_bytes();
    const Icmp too_big{.type = static_cast<uint8_t>(way.v4() ? 3 : 2),
                       .code = static_cast<uint8_t>(way.v4() ? 4 : 0),
                       .rest = fits};
    const size_t quoted = (way.v4() ? 576 : 1280) - header - 8;
    Packet packet = way.from_client();
    packet.payload = Bytes(fits - header - 20, 0x5a);
    EXPECT_EQ(pipeline.run(0, build(packet)).text(), "sent") << "exactly the MTU";
    packet.payload.push_back(0x5a);
    expect_answer("a byte more", packet, "too_big", error(packet, too_big, quoted));
    packet.tags = {{0x8100, 0x2005}};
    expect_answer("tagged", packet, "too_big", error(packet, too_big, quoted));
    showed(way, "too big: told");
    packet.dont_fragment = false;
    if (way.v4()) {
      EXPECT_EQ(pipeline.run(0, build(packet)).text(), "sent sent") << "it is cut";
    }
  }
}

// The backends' own packets: shunt is their router.
TEST(IcmpAnswers, NatRepliesAreAnsweredToo) {
  Config config = ways_config();
  config.ports[0].mtu = 1400;
  Pipeline pipeline(config);
  pipeline.set_kernel(ways_kernel());
  for (const Way& way : all_ways()) {
    if (way.forward != Forward::nat) continue;
    SCOPED_TRACE(way.name);
    const unsigned n = first_backend(way);
    Packet reply{.to = kPort1Mac,
                 .from = backend_mac(n),
                 .source = way.backend(n),
                 .destination = way.client(),
                 .sport = 8080,
                 .dport = 40000,
                 .flags = kAck};
    const auto check = [&](const Packet& asked, const Icmp& message, size_t quoted,
                           const std::string& reason) {
      Packet answer = back(asked, 0xc0);
      answer.source = way.vip();
      Icmp whole = message;
      whole.body = quote(asked, quoted);
      const Outcome outcome = pipeline.run(1, build(asked));
      ASSERT_EQ(outcome.text(), "sent " + reason);
      EXPECT_EQ(outcome.sent[0].port, 1);
      EXPECT_EQ(hex(outcome.sent[0].frame), hex(build(icmp(answer, whole))));
    };
    const size_t header = way.v4() ? 20 : 40;
    reply.ttl = 1;
    check(reply, {.type = static_cast<uint8_t>(way.v4() ? 11 : 3), .rest = 0}, header + 8, "ttl");
    reply.ttl = 64;
    reply.payload = Bytes(1401 - header - 20, 0x5a);
    check(reply,
          {.type = static_cast<uint8_t>(way.v4() ? 3 : 2),
           .code = static_cast<uint8_t>(way.v4() ? 4 : 0),
           .rest = 1400},
          (way.v4() ? 576 : 1280) - header - 8, "too_big");
  }
}

TEST_F(IcmpAnswer, NobodyIsAnsweredWhoCantHaveAsked) {
  Packet expired = all_ways()[0].from_client();
  expired.ttl = 1;
  expect_silence("a VIP as source", with(expired, [](Packet& p) { p.source = "198.51.100.52"; }), "ttl");
  expect_silence("an encap_source", with(expired, [](Packet& p) { p.source = "192.0.2.10"; }), "ttl");
  expect_silence("a subnet's broadcast", with(expired, [](Packet& p) { p.source = "192.0.2.255"; }), "ttl");
  Packet unfitting = expired;
  unfitting.ttl = 64;
  unfitting.source = "192.0.2.255";
  unfitting.payload = Bytes(1461, 0x5a);
  expect_silence("too big, and a subnet's broadcast", unfitting, "too_big");
  expect_silence("a group MAC", with(expired, [](Packet& p) { p.from = "01:00:5e:00:00:01"; }), "ttl");
  expect_silence("loopback", with(expired, [](Packet& p) { p.source = "127.0.0.1"; }), "bad_source");
  Packet ping = kPing4;
  expect_silence("a ping from a broadcast",
                 icmp(with(ping, [](Packet& p) { p.source = "192.0.2.255"; }), {.type = 8}), "bad_source");
  expect_silence("a ping in a group's name",
                 icmp(with(ping, [](Packet& p) { p.from = "33:33:00:00:00:01"; }), {.type = 8}), "echo");
  const auto of_bytes = [](Packet base, uint8_t type, size_t ip_bytes) {
    Icmp request{.type = type};
    request.body = Bytes(ip_bytes - (base.source.find(':') == std::string::npos ? 20 : 40) - 8, 0x5a);
    return icmp(std::move(base), request);
  };
  expect_silence("a ping longer than the way back", of_bytes(kPing4, 8, 1501), "too_big");
  expect_silence("a ping longer than the way back, IPv6", of_bytes(kPing6, 128, 1501), "too_big");
  // RFC 1122 3.2.2: no error about an error.
  const Way tunnel = all_ways()[2];
  Packet answer_of_backend{
      .source = tunnel.vip(), .destination = tunnel.client(), .sport = 80, .dport = 40000};
  answer_of_backend.payload = Bytes(1400, 0x5a);
  const Icmp about{.type = 3, .code = 1, .rest = 0, .body = quote(answer_of_backend)};
  Packet carrier{.source = tunnel.router(), .destination = tunnel.vip()};
  Icmp large = about;
  large.body.resize(1480 - 27, 0x11);
  expect_silence("an ICMP error that doesn't fit", icmp(carrier, large), "too_big");
  carrier.ttl = 1;
  expect_silence("an ICMP error with one hop left", icmp(carrier, about), "ttl");
  EXPECT_EQ(pipeline.total().originated, 0U);
}

// No buffer: the packet is dropped all the same, and nothing is said to be made.
TEST_F(IcmpAnswer, WithoutABufferThereIsNoAnswer) {
  pipeline.io().set_buffers(0);
  expect_silence("ping", icmp(kPing4, {.type = 8}), "echo");
  EXPECT_EQ(pipeline.total().originated, 0U);
}

TEST(IcmpAnswers, TheRateIsAsConfigured) {
  for (const uint32_t rate : {0U, 1U, 7U, 250U}) {
    SCOPED_TRACE(rate);
    Config config = ways_config();
    config.icmp.rate = rate;
    Pipeline pipeline(config);
    pipeline.set_kernel(ways_kernel());
    for (unsigned second = 0; second < 3; ++second) {
      uint64_t answers = 0;
      for (unsigned burst = 0; burst < 8; ++burst)
        answers +=
            pipeline.run_burst(0, std::vector<Bytes>(50, build(icmp(kPing6, {.type = 128})))).sent.size();
      EXPECT_EQ(answers, rate);
      pipeline.wait(1000);
    }
    EXPECT_EQ(pipeline.total().originated, 3 * rate);
  }
}

// Each worker has its share, since none knows what the others answer.
TEST(IcmpAnswers, WorkersShareTheRate) {
  AnswerLimit limit;
  const HashKey key{{1, 2, 3, 4}};
  const auto taken = [&](uint32_t rate, unsigned workers, uint32_t second) {
    limit.set_rate(rate, workers);
    uint32_t count = 0;
    while (limit.take(key, ip("203.0.113.7"), DropReason::echo, second))
      ++count;
    return count;
  };
  EXPECT_EQ(taken(100, 1, 1), 100U);
  EXPECT_EQ(taken(100, 4, 2), 25U);
  EXPECT_EQ(taken(100, 3, 3), 33U);
  EXPECT_EQ(taken(2, 4, 4), 1U) << "at least one each";
  EXPECT_EQ(taken(0, 4, 5), 0U);
}

// Spoofed sources can't make it give more: the places are fixed, and a source has one.
TEST(IcmpAnswers, AFloodOfSourcesGivesNobodyMore) {
  AnswerLimit limit;
  limit.set_rate(10, 1);
  const HashKey key{{1, 2, 3, 4}};
  uint32_t answers = 0;
  uint32_t others = 0;
  for (uint32_t i = 0; i < 300'000; ++i) {
    const IpAddress spoofed = IpAddress::v4(be32(0x0a000000U + i));
    others += limit.take(key, spoofed, DropReason::echo, 77) ? 1U : 0U;
    answers += limit.take(key, ip("203.0.113.7"), DropReason::echo, 77) ? 1U : 0U;
  }
  EXPECT_LE(answers, 10U);
  EXPECT_LE(others + answers, AnswerLimit::kPlaces * 10);
  EXPECT_GT(others, AnswerLimit::kPlaces * 9);
}

Config without_cutting(Config config) {
  for (ServiceConfig& service : config.services)
    service.too_big = TooBig::drop;
  return config;
}

// Random packets, mostly such as are answered: what shunt makes is never longer than what asked for it (but
// headers and 8 bytes), at most one for each, within the rate, and right in every checksum.
class Reflection {
 public:
  explicit Reflection(uint32_t seed)
      : random_(seed), pipeline_(without_cutting(ways_config())), ways_(all_ways()) {
    pipeline_.set_kernel(ways_kernel());
  }

  void run(unsigned packets) {
    for (unsigned i = 0; i < packets && !testing::Test::HasFailure(); ++i) {
      if (below(2000) == 0) next_second();
      one();
    }
    next_second();
    EXPECT_GT(answered_, packets / 8);
    EXPECT_GT(limited_, 0U);
  }

 private:
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  void next_second() {
    for (const auto& [key, count] : this_second_)
      EXPECT_LE(count, 100U) << key;
    this_second_.clear();
    pipeline_.wait(1000);
  }
  Packet any() {
    const Way& way = ways_[below(static_cast<uint32_t>(ways_.size()))];
    Packet packet = way.from_client(below(2) == 0 ? 6 : 17);
    packet.source = (way.v4() ? "203.0.113." : "2001:db8:c::") + std::to_string(1 + below(2));
    packet.sport = static_cast<uint16_t>(below(65536));
    packet.ttl = static_cast<uint8_t>(below(3));
    packet.tos = static_cast<uint8_t>(below(256));
    packet.dont_fragment = below(4) != 0;
    if (way.v4()) packet.options = Bytes(4 * below(11), 1);
    for (unsigned tags = below(3); tags > 0; --tags)
      packet.tags.push_back({static_cast<uint16_t>(below(2) == 0 ? 0x8100 : 0x88a8), 5});
    packet.payload = Bytes(below(2) == 0 ? below(60) : 1400 + below(100), static_cast<uint8_t>(below(256)));
    if (below(3) == 0) {
      const uint8_t type = way.v4() ? 8 : 128;
      return icmp(packet, {.type = type, .rest = below(1U << 31U), .body = packet.payload});
    }
    return packet;
  }
  void one() {
    const Packet packet = any();
    const Bytes frame = build(packet);
    const uint64_t before = pipeline_.total().originated;
    const Outcome outcome = pipeline_.run(0, frame);
    const uint64_t made = pipeline_.total().originated - before;
    ASSERT_LE(made, 1U);
    if (!outcome.dropped.empty() && outcome.dropped[0] == DropReason::answer_limit) ++limited_;
    if (made == 0) return;
    ASSERT_EQ(outcome.sent.size(), 1U);
    ASSERT_EQ(outcome.dropped.size(), 1U);
    ++answered_;
    ++this_second_[packet.source + std::string(name_of(outcome.dropped[0]))];
    check(packet, frame, outcome.sent[0].frame);
  }
  static void check(const Packet& packet, const Bytes& frame, const Bytes& answer) {
    const bool v4 = ip(packet.source).is_v4();
    const size_t fixed = v4 ? 20 : 40;
    const size_t at = l3_offset(answer);
    ASSERT_EQ(at, l3_offset(frame));
    const size_t headers = at + fixed + packet.options.size();
    EXPECT_LE(answer.size(), std::max(frame.size(), headers + fixed + 8 + 8));
    const Bytes whole = tail(answer, at);
    const Bytes message = tail(whole, fixed);
    EXPECT_EQ(get16(whole, v4 ? 2 : 4), v4 ? whole.size() : message.size());
    if (v4) {
      EXPECT_EQ(internet_checksum(Bytes(whole.begin(), whole.begin() + 20)), 0);
    }
    Bytes covered;
    if (!v4) covered = pseudo_header(ip(packet.destination), ip(packet.source), 58, message.size());
    put(covered, message);
    EXPECT_EQ(internet_checksum(covered), 0);
    EXPECT_EQ(wire(ip(packet.source)),
              tail(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(fixed)), v4 ? 16 : 24));
    EXPECT_EQ(Bytes(answer.begin(), answer.begin() + 6), Bytes(frame.begin() + 6, frame.begin() + 12));
    EXPECT_EQ(Bytes(answer.begin() + 6, answer.begin() + 12), Bytes(frame.begin(), frame.begin() + 6));
  }

  std::mt19937 random_;
  Pipeline pipeline_;
  std::vector<Way> ways_;
  std::map<std::string, uint32_t> this_second_;
  uint64_t answered_ = 0;
  uint64_t limited_ = 0;
};

TEST(IcmpAnswers, NeverMoreThanWasAskedFor) {
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Reflection(seed).run(5'000);
  }
}

}  // namespace
}  // namespace shunt::packet
