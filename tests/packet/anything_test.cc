// 200,000 packets of all kinds through the whole way, while snapshots, health, devices and time change under
// them. What must hold: the account is balanced after every loop, each packet has exactly one fate, no buffer
// is lost, and what leaves is well-formed where what came in was.
//
// Everything that became of them goes into a digest, which tests/levels compares between builds.
#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include "tests/packet/any_packet.h"
#include "tests/packet/packet_reader.h"
#include "tests/packet/pipeline.h"

namespace shunt::packet {
namespace {

// Some of mode_config()'s services and backends, with other modes, ports, pools and timeouts.
Config any_config(AnyPacket& any) {
  Config config = mode_config();
  config.pools = {pool("l2", 11, 1 + any.below(4)), pool("ipip", 12, 1 + any.below(5)),
                  pool("nat", 13, 1, 8080), pool("same-port", 14, 1)};
  config.pools.push_back(mode_config().pools.back());
  for (PoolConfig& each : config.pools) {
    each.health.emplace();
    each.drain = seconds(any.below(5));
    each.slots = any.one_in(2) ? 251 : 1021;
    for (BackendConfig& backend : each.backends)
      backend.weight = static_cast<uint16_t>(any.one_in(8) ? 0 : 1 + any.below(3));
  }
  if (any.one_in(3)) config.ports[1].encap_source = *Prefix::parse("10.64.0.0/20");
  for (size_t i = config.services.size(); i-- > 0;) {
    ServiceConfig& service = config.services[i];
    service.timeouts = {seconds(1 + any.below(20)), seconds(1 + any.below(10)), seconds(1 + any.below(5)),
                        seconds(1 + any.below(10))};
    if (any.one_in(3) && service.forward != Forward::nat) service.port = 0;
    if (any.one_in(4) && service.forward != Forward::nat) service.backup_pool = "ipip";
    if (any.one_in(10)) service.unserved = Unserved::punt;
    if (any.one_in(8)) config.services.erase(config.services.begin() + static_cast<ptrdiff_t>(i));
  }
  if (any.one_in(2))
    config.services.push_back(
        packet::service("198.51.100.8/29", any.one_in(2) ? 0 : 80, "l2", Forward::ipip));
  // Two services of one address, protocol and port may have come about.
  std::vector<std::tuple<Prefix, Protocol, uint16_t>> seen;
  std::erase_if(config.services, [&](const ServiceConfig& service) {
    const std::tuple key{service.address, service.protocol, service.port};
    const bool twin = std::ranges::count(seen, key) != 0;
    seen.push_back(key);
    return twin;
  });
  return config;
}

// FNV-1a over what a run put out, in order.
class OutcomeDigest {
 public:
  void add(const Outcome& outcome) {
    for (const SentFrame& sent : outcome.sent)
      add(sent.port, sent.frame);
    for (const Punted& punted : outcome.punted)
      add(uint64_t{punted.port} << 8U | uint64_t{punted.urgent} << 1U | uint64_t{punted.restored},
          punted.frame);
    for (const DropReason reason : outcome.dropped)
      add(static_cast<uint64_t>(reason));
  }
  void add(uint64_t value) { digest_ = (digest_ ^ value) * 0x100000001b3U; }
  uint64_t value() const { return digest_; }

 private:
  void add(uint64_t value, const Bytes& frame) {
    add(value);
    add(frame.size());
    for (const uint8_t byte : frame)
      add(byte);
  }
  uint64_t digest_ = 0xcbf29ce484222325U;
};

class Anything {
 public:
  Anything(uint32_t seed, OutcomeDigest& digest)
      : digest_(digest), any_(seed), pipeline_(any_config(any_), {.connections = 300, .probation = 256}) {}

  // The whole account at the end.
  Ledger run(uint64_t packets) {
    while (fed_ < packets) {
      if (any_.one_in(40)) change();
      if (any_.one_in(25)) devices();
      pipeline_.wait(any_.below(any_.one_in(50) ? 8000 : 20));
      burst();
      if (testing::Test::HasFailure()) return {};
    }
    settle();
    return pipeline_.total();
  }

 private:
  void burst() {
    const auto port = static_cast<uint8_t>(any_.below(2));
    std::vector<Bytes> frames;
    for (unsigned i = any_.below(kBurstSize + 1); i > 0; --i)
      frames.push_back(any_.next(port));
    const uint64_t waiting = in_flight();
    const uint64_t before = originated();
    const Outcome outcome = pipeline_.run_burst(port, frames);
    digest_.add(outcome);
    fed_ += frames.size();
    // Answers, and each further piece of what was cut, are packets of their own.
    const uint64_t made = originated() - before;
    fates_ += outcome.sent.size() + outcome.punted.size() + outcome.dropped.size();
    // One fate each: what waited before, what came in and what shunt made itself has left, or waits still.
    ASSERT_EQ(waiting + frames.size() + made,
              outcome.sent.size() + outcome.punted.size() + outcome.dropped.size() + in_flight());
    for (const SentFrame& sent : outcome.sent)
      check(sent);
  }
  // Of what leaves, everything but a transport checksum that came in wrong, or a quoted length, is right.
  static void check(const SentFrame& sent) {
    const std::string faults = faults_in(sent.frame);
    EXPECT_EQ(faults.find("total length"), std::string::npos) << faults << hex(sent.frame);
    EXPECT_EQ(faults.find("header checksum"), std::string::npos) << faults << hex(sent.frame);
    const MacAddress from = mac(sent.port == 0 ? kPort0Mac : kPort1Mac);
    EXPECT_TRUE(std::equal(from.bytes.begin(), from.bytes.end(), sent.frame.begin() + 6));
    EXPECT_LE(sent.frame.size() - l3_offset(sent.frame), 1500U);
  }
  void change() {
    if (any_.one_in(3)) {
      pipeline_.reload(any_config(any_));
    } else if (any_.one_in(6)) {
      KernelView view = kernel_view();
      if (any_.one_in(4)) view.neighbours.clear();
      if (any_.one_in(8)) view.routes.clear();
      pipeline_.set_kernel(view);
    } else {
      static const std::string kPools[] = {"l2", "ipip", "nat", "same-port"};
      pipeline_.set_health(kPools[any_.below(4)], "10.0.0." + std::to_string(11 + any_.below(6)),
                           any_.one_in(2));
    }
  }
  void devices() { pipeline_.io().set_device_room(any_.one_in(4) ? any_.below(200) : FakeIo::kNoLimit); }

  // Everything flows again: nothing is left in flight, and every packet has been accounted for.
  void settle() {
    pipeline_.io().set_device_room(FakeIo::kNoLimit);
    for (const uint64_t wait_ms : {0U, 1100U, 1100U}) {  // what fragments wait for doesn't come any more
      pipeline_.wait(wait_ms);
      const Outcome last = pipeline_.loop();
      digest_.add(last);
      fates_ += last.sent.size() + last.dropped.size();
    }
    digest_.add(pipeline_.tracked_entries());
    digest_.add(pipeline_.waiting_entries());
    EXPECT_EQ(in_flight(), 0U);
    const Ledger sum = pipeline_.total();
    EXPECT_EQ(fates_, fed_ + sum.originated);
    EXPECT_EQ(sum.received, fed_);
    EXPECT_GT(sum.sent, fed_ / 10) << "the packets aren't all nonsense";
    EXPECT_GT(sum.punted, 0U);
    pipeline_.run_for(1000);  // longer than any timeout
    EXPECT_EQ(pipeline_.tracked_entries(), 0U);
    EXPECT_EQ(pipeline_.waiting_entries(), 0U);
  }
  uint64_t originated() const { return pipeline_.total().originated; }
  uint64_t in_flight() const { return static_cast<uint64_t>(pipeline_.total().in_flight()); }

  OutcomeDigest& digest_;
  AnyPacket any_;
  Pipeline pipeline_;
  uint64_t fed_ = 0;
  uint64_t fates_ = 0;
};

TEST(Anything, EveryPacketHasOneFate) {
  Ledger all;
  OutcomeDigest digest;
  for (uint32_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    all += Anything(seed, digest).run(55'000);
    if (HasFailure()) return;
  }
  // All that a worker objects to has come up: the stream is as varied as it means to be.
  using enum DropReason;
  for (const DropReason reason :
       {not_our_mac, truncated, bad_header, bad_checksum, bad_source, options, fragment, fragment_limit, ttl,
        too_big, no_service, no_backend, no_neighbour, not_on_link, bogus_icmp, echo, transmit_full})
    EXPECT_GT(all.dropped[static_cast<size_t>(reason)], 0U) << name_of(reason);
  std::printf("digest of %" PRIu64 " packets: %016" PRIx64 "\n", all.received, digest.value());
}

}  // namespace
}  // namespace shunt::packet
