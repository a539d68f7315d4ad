// The in-band estimate of answer times (DSR, dataplane/in_band.h) against what nat sees of the same: clients
// that ask and wait, by an ipip service and by a nat service at once, to servers whose answers get slower by
// 1 ms.
//
// In process and under a virtual clock: between kernels on two shared cores the scheduler's own milliseconds
// drown the one that is to be noticed. Jitter is log-normal, as measured of real servers; the seed is fixed
// and printed.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <queue>
#include <random>

#include "tests/packet/client.h"

namespace shunt::packet {
namespace {

constexpr uint64_t kStartUs = 1'000'000'000;
constexpr uint64_t kStepUs = kStartUs + 4'000'000;  // here the servers become slower
constexpr uint64_t kEndUs = kStartUs + 8'000'000;
constexpr double kSlowerUs = 1000;

struct Pattern {
  const char* name;
  unsigned clients;
  double service_us;  // median of the servers' answer time
  double sigma;       // of its logarithm
  double way_us;      // client to shunt, and server to client
  unsigned request;   // segments of a request
  double spacing_us;  // between them
  unsigned answer;    // segments of an answer; the client ACKs every second one
  double think_us;    // mean of the client's own pause, exponential
};

constexpr Pattern kPatterns[] = {
    {"one segment each way", 8, 2000, 0.05, 20, 1, 0, 1, 0},
    {"large requests", 8, 3000, 0.1, 30, 4, 30, 1, 0},
    {"large answers", 8, 3000, 0.1, 30, 1, 0, 8, 0},
    {"clients that think", 12, 2000, 0.1, 20, 2, 15, 2, 50},
    {"a longer way", 12, 5000, 0.1, 300, 2, 20, 4, 0},
    {"a wide spread", 16, 4000, 0.3, 30, 1, 0, 2, 20},
};

std::ostream& operator<<(std::ostream& out, const Pattern& pattern) {
  return out << pattern.name;
}

// One packet at shunt.
struct Arrival {
  uint64_t at_us;
  uint64_t order;
  unsigned client;
  bool is_reply;
  uint8_t flags;
  unsigned bytes;
  bool last;  // of an answer: the client goes on

  bool operator>(const Arrival& other) const {
    return std::pair(at_us, order) > std::pair(other.at_us, other.order);
  }
};

// All clients of one service.
class Clients {
 public:
  Clients(Pipeline& pipeline, const Pattern& pattern, bool nat)
      : pipeline_(pipeline), pattern_(pattern), nat_(nat), random_(nat ? 7 : 8) {
    for (unsigned client = 0; client < pattern.clients; ++client) {
      open(client);
      ask(client, kStartUs + client * 137);
    }
  }

  uint64_t next_us() const { return arrivals_.top().at_us; }

  void go_on() {
    const Arrival arrival = arrivals_.top();
    arrivals_.pop();
    pipeline_.set_clock(arrival.at_us * 1000);
    if (!arrival.is_reply || nat_) send(arrival);
    if (arrival.last) ask(arrival.client, arrival.at_us + delay(2 * pattern_.way_us) + think());
  }

 private:
  const Service& service() { return pipeline_.service(vip(), 80); }
  std::string vip() const { return nat_ ? "198.51.100.3" : "198.51.100.2"; }

  void open(unsigned client) {
    pipeline_.set_clock(kStartUs * 1000 - 1'000'000);
    send({0, 0, client, false, kSyn, 0, false});
    send({0, 0, client, false, kAck, 0, false});
  }
  void send(const Arrival& arrival) {
    uint32_t& sequence = sequences_[2 * arrival.client + (arrival.is_reply ? 1 : 0)];
    const auto sport = static_cast<uint16_t>(40'000 + arrival.client);
    Packet packet{.destination = vip(), .sport = sport, .dport = 80};
    if (arrival.is_reply)
      packet = {.to = kPort1Mac,
                .from = backend_mac(13),
                .source = "10.0.0.13",
                .destination = packet.source,
                .sport = 8080,
                .dport = sport};
    packet.flags = arrival.flags;
    packet.sequence = sequence;
    packet.payload = Bytes(arrival.bytes, 'x');
    ASSERT_EQ(pipeline_.run(arrival.is_reply ? 1 : 0, build(packet)).text(), "sent");
    sequence += arrival.bytes + ((arrival.flags & kSyn) != 0 ? 1 : 0);
  }
  // A request that reaches shunt at this time, the answer, and the client's ACKs of it.
  void ask(unsigned client, uint64_t at_us) {
    uint64_t at = at_us;
    for (unsigned i = 0; i < pattern_.request; ++i) {
      push({at, 0, client, false, kAck, 200, false});
      if (i + 1 < pattern_.request) at += delay(pattern_.spacing_us);
    }
    const double slower = at_us >= kStepUs ? kSlowerUs : 0;
    const double served = pattern_.service_us * std::exp(pattern_.sigma * normal_(random_)) + slower;
    at = at_us + static_cast<uint64_t>(served);
    for (unsigned i = 0; i < pattern_.answer; ++i) {
      push({at, 0, client, true, kAck, 1000, i + 1 == pattern_.answer});
      if (i % 2 == 1 && i + 1 < pattern_.answer)
        push({at + delay(2 * pattern_.way_us), 0, client, false, kAck, 0, false});
      at += delay(5);
    }
  }
  void push(Arrival arrival) {
    arrival.order = order_++;
    arrivals_.push(arrival);
  }
  uint64_t delay(double us) { return static_cast<uint64_t>(us * std::exp(0.1 * normal_(random_))); }
  uint64_t think() {
    if (pattern_.think_us == 0) return 0;
    return static_cast<uint64_t>(std::exponential_distribution<>(1 / pattern_.think_us)(random_));
  }

  Pipeline& pipeline_;
  const Pattern& pattern_;
  bool nat_;
  std::mt19937 random_;
  std::normal_distribution<> normal_;
  std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
  std::array<uint32_t, 64> sequences_{};
  uint64_t order_ = 0;
};

// What was added to a histogram lately.
class Window {
 public:
  explicit Window(const Histogram& histogram) : histogram_(histogram) {}

  // Ten times a second.
  void keep() {
    std::vector<uint64_t> counts(kHistogramBuckets);
    for (unsigned i = 0; i < kHistogramBuckets; ++i)
      counts[i] = histogram_.count(i);
    kept_.push_back(std::move(counts));
  }
  // Of the last second.
  double median() const {
    const std::vector<uint64_t>& now = kept_.back();
    const std::vector<uint64_t>& then = kept_[kept_.size() > 10 ? kept_.size() - 11 : 0];
    uint64_t total = 0;
    for (unsigned i = 0; i < kHistogramBuckets; ++i)
      total += now[i] - then[i];
    uint64_t seen = 0;
    for (unsigned i = 0; i < kHistogramBuckets; ++i) {
      seen += now[i] - then[i];
      if (2 * seen >= total && seen != 0) return histogram_range(i).middle();
    }
    return 0;
  }

 private:
  const Histogram& histogram_;
  std::vector<std::vector<uint64_t>> kept_;
};

class InBandAgainstNat : public testing::TestWithParam<Pattern> {};

TEST_P(InBandAgainstNat, NoticesAMillisecond) {
  const Pattern& pattern = GetParam();
  Config config = mode_config();
  config.telemetry.sample = 1;
  Pipeline pipeline{config};
  Clients dsr(pipeline, pattern, false);
  Clients nat(pipeline, pattern, true);
  Window estimated(pipeline.latency(pipeline.service("198.51.100.2", 80), "10.0.0.12").response_us);
  Window truth(pipeline.latency(pipeline.service("198.51.100.3", 80), "10.0.0.13").response_us);

  double before = 0;
  uint64_t noticed_us = 0;
  std::vector<double> errors;
  for (uint64_t tick = kStartUs + 100'000; tick < kEndUs; tick += 100'000) {
    while (std::min(dsr.next_us(), nat.next_us()) < tick)
      (dsr.next_us() <= nat.next_us() ? dsr : nat).go_on();
    estimated.keep();
    truth.keep();
    if (tick == kStepUs) before = estimated.median();
    if (noticed_us == 0 && tick > kStepUs && estimated.median() >= before + 500) noticed_us = tick - kStepUs;
    // Where the window holds only what was before, or only what came after, with an epoch for the estimate to
    // settle.
    const bool is_settled = (tick >= kStartUs + 2'000'000 && tick <= kStepUs) || tick >= kStepUs + 2'000'000;
    if (is_settled) errors.push_back(std::abs(estimated.median() - truth.median()) / truth.median());
  }
  std::ranges::sort(errors);
  const double median_error = errors[errors.size() / 2];
  std::cout << pattern.name << ": before " << before << " us, noticed after " << noticed_us / 1000
            << " ms; median error " << 100 * median_error << " %, worst " << 100 * errors.back() << " %; now "
            << estimated.median() << " us, nat " << truth.median() << " us\n";
  EXPECT_GT(before, 0);
  EXPECT_GT(noticed_us, 0U);
  EXPECT_LE(noticed_us, 2'000'000U);
  EXPECT_LE(median_error, 0.2);
}

INSTANTIATE_TEST_SUITE_P(Patterns, InBandAgainstNat, testing::ValuesIn(kPatterns), [](const auto& row) {
  std::string name = row.param.name;
  std::ranges::replace(name, ' ', '_');
  return name;
});

}  // namespace
}  // namespace shunt::packet
