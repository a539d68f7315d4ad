// Two workers' telemetry is one's, added up: the same packets to one worker and, by flow, to two that share
// their recent failures. Every counter, every bucket of every histogram, every record.
#include <random>
#include <set>

#include "tests/packet/client.h"

namespace shunt::packet {
namespace {

constexpr unsigned kWorkers = 2;

Config sums_config() {
  Config config = mode_config();
  config.telemetry.sample = 2;
  return config;
}

// One of a client's attempts: what comes of it, from its own port.
struct Flow {
  Packet client;
  Packet backend;
  bool nat;
  unsigned story;
  unsigned step = 0;
};

class Sums : public testing::Test {
 protected:
  // To the one, and to that of the two whose flow it is; the other one's loop turns too, so that sweeps keep
  // pace.
  void run(const Flow& flow, bool is_reply, uint8_t flags, uint32_t sequence, size_t bytes = 0) {
    Packet packet = is_reply ? flow.backend : flow.client;
    packet.flags = flags;
    packet.sequence = sequence;
    packet.payload = Bytes(bytes, 'x');
    const uint8_t port = is_reply ? 1 : 0;
    const std::string wanted = one.run(port, build(packet)).text();
    const unsigned owner = flow.client.sport % kWorkers;
    ASSERT_EQ(two[owner]->run(port, build(packet)).text(), wanted);
    two[1 - owner]->loop();
  }
  void wait(uint64_t ms) {
    for (Pipeline* each : all())
      each->wait(ms);
  }
  void run_for(uint64_t seconds) {
    // Side by side, as workers' clocks are: one that ran ahead would note its failures too late for the
    // other.
    for (uint64_t loop = 0; loop < 10 * seconds; ++loop) {
      wait(100);
      for (Pipeline* each : all())
        each->loop();
      keep_records();
    }
  }
  std::array<Pipeline*, 3> all() { return {&one, two[0].get(), two[1].get()}; }

  // False: the flow's story is over.
  bool go_on(Flow& flow, std::mt19937& random) {
    const unsigned step = flow.step++;
    const bool nat = flow.nat;
    switch (flow.story) {
      case 0:  // answered, served, closed
        if (step == 0) return run(flow, false, kSyn, 1000), true;
        if (step == 1) return nat ? run(flow, true, kSyn | kAck, 5000) : void(), true;
        if (step == 2) return run(flow, false, kAck, 1001), true;
        if (step == 3) return run(flow, false, kAck, 1001, 100), true;
        if (step == 4) return nat ? run(flow, true, kAck, 5001, 1000) : void(), true;
        if (step == 5) return random() % 2 == 0 ? run(flow, false, kAck, 1001, 100) : void(), true;
        if (step == 6) return run(flow, false, kFin | kAck, 1101), true;
        if (step == 7) return nat ? run(flow, true, kFin | kAck, 6001) : void(), true;
        return false;
      case 1:  // nobody answers
        run(flow, false, kSyn, 1000);
        return step < 2;
      case 2:  // refused, or given up
        if (step == 0) return run(flow, false, kSyn, 1000), true;
        run(flow, nat, kRst, nat ? 0 : 1001);
        return false;
      case 3:  // reset in the middle, with more under way
        if (step == 0) return run(flow, false, kSyn, 1000), true;
        if (step == 1) return run(flow, false, kAck, 1001), true;
        if (step == 2) return run(flow, nat, kRst, nat ? 5001 : 1001), true;
        run(flow, false, kAck, 1001, 50);
        return step < 4;
      default:  // falls silent
        if (step == 0) return run(flow, false, kSyn, 1000), true;
        run(flow, false, kAck, 1001);
        return false;
    }
  }

  void keep_records() {
    // Each as its bytes, in an order of their own.
    const auto take = [](std::multiset<std::string>& to, Pipeline& from) {
      for (const FlowRecord& record : from.records())
        to.emplace(reinterpret_cast<const char*>(&record), sizeof record);
    };
    take(of_one, one);
    for (const auto& each : two)
      take(of_two, *each);
  }

  // `read`: of one pipeline, something that can be added up.
  template <typename Read>
  void expect_same(const char* what, Read&& read) {
    EXPECT_EQ(read(one), read(*two[0]) + read(*two[1])) << what;
  }
  template <typename Read>
  void expect_same_histogram(const char* what, Read&& read) {
    HistogramSum whole;
    HistogramSum parts;
    whole += read(one);
    for (const auto& each : two)
      parts += read(*each);
    EXPECT_EQ(whole.sum(), parts.sum()) << what;
    for (unsigned i = 0; i < kHistogramBuckets; ++i)
      ASSERT_EQ(whole.count(i), parts.count(i)) << what << " " << i;
    samples += whole.count();
  }

  RecentFailures shared;
  Pipeline one{sums_config()};
  std::array<std::unique_ptr<Pipeline>, kWorkers> two = {
      std::make_unique<Pipeline>(sums_config(), Pipeline::Options{.failures = &shared}),
      std::make_unique<Pipeline>(sums_config(), Pipeline::Options{.failures = &shared})};
  std::multiset<std::string> of_one;
  std::multiset<std::string> of_two;
  uint64_t samples = 0;
};

TEST_F(Sums, AreTheWhole) {
  std::mt19937 random(11);
  std::vector<Flow> open;
  uint16_t sport = 1;
  for (unsigned turn = 0; turn < 10'000; ++turn) {
    if (turn < 8000 && open.size() < 20) {
      const bool nat = random() % 2 == 0;
      const std::string from = "203.0.113." + std::to_string(1 + random() % 20);
      const unsigned number = nat ? 13 : 12;
      const Packet client{.source = from,
                          .destination = nat ? "198.51.100.3" : "198.51.100.2",
                          .sport = ++sport,
                          .dport = 80};
      const Packet backend{.to = kPort1Mac,
                           .from = backend_mac(number),
                           .source = "10.0.0." + std::to_string(number),
                           .destination = from,
                           .sport = 8080,
                           .dport = sport};
      open.push_back({client, backend, nat, static_cast<unsigned>(random() % 5)});
    }
    if (!open.empty()) {
      const size_t which = random() % open.size();
      if (!go_on(open[which], random)) open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    }
    if (turn % 50 == 0) run_for(1);
    wait(random() % 5);
  }
  run_for(1000);

  for (const auto& [vip, backend] : {std::pair("198.51.100.2", "10.0.0.12"), {"198.51.100.3", "10.0.0.13"}}) {
    SCOPED_TRACE(vip);
    const Service& service = one.service(vip, 80);
    const auto row = [&](Pipeline& of) -> const PairOutcomes& {
      return of.outcomes(of.service(vip, 80), backend);
    };
    const auto retries = [&](Pipeline& of) -> const ServiceRetries& {
      return of.retries(of.service(vip, 80));
    };
    const auto latency = [&](Pipeline& of) -> const PairLatency& {
      return of.latency(of.service(vip, 80), backend);
    };
    uint64_t outcomes = 0;
    for (size_t i = 0; i < kOutcomes; ++i) {
      expect_same(kOutcomeNames[i].data(), [&](Pipeline& of) { return row(of).outcomes[i].read(); });
      outcomes += row(one).outcomes[i].read();
    }
    const uint64_t flows = one.state().pairs[service.pair(BackendRef::of(0, 0))].flows.read();
    EXPECT_EQ(outcomes, flows) << "each flow has one end";
    EXPECT_GT(flows, 300U);
    for (const auto& [name, counter] : {std::pair("revived", &PairOutcomes::revived),
                                        {"syn_retransmits", &PairOutcomes::syn_retransmits},
                                        {"reconnects", &PairOutcomes::reconnects},
                                        {"data_retransmits", &PairOutcomes::data_retransmits},
                                        {"watched", &PairOutcomes::watched},
                                        {"unwatched", &PairOutcomes::unwatched}}) {
      expect_same(name, [&](Pipeline& of) { return (row(of).*counter).read(); });
      if (counter != &PairOutcomes::unwatched) {
        EXPECT_GT((row(one).*counter).read(), 0U) << name;
      }
    }
    for (size_t i = 0; i < kChainLengths; ++i)
      expect_same("chains", [&](Pipeline& of) { return retries(of).chains[i].read(); });
    for (const auto histogram :
         {&PairLatency::connect_us, &PairLatency::duration_ms, &PairLatency::response_us}) {
      // The in-band estimate isn't a sum: each worker believes its own packets.
      if (histogram == &PairLatency::response_us && service.forward != Forward::nat) continue;
      expect_same_histogram("latency",
                            [&](Pipeline& of) -> const Histogram& { return latency(of).*histogram; });
    }
    for (const auto histogram : {&ServiceRetries::syn_gaps_ms, &ServiceRetries::reconnect_gaps_ms})
      expect_same_histogram("gaps", [&](Pipeline& of) -> const Histogram& { return retries(of).*histogram; });
  }
  EXPECT_GT(samples, 1000U);

  EXPECT_GT(of_one.size(), 300U);
  EXPECT_TRUE(of_one == of_two) << of_one.size() << " records and " << of_two.size();
}

}  // namespace
}  // namespace shunt::packet
