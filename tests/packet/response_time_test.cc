// least-response-time with four backends, one of which becomes five times slower for a while: virtual clock,
// nat, every flow watched. Who is slow soon gets little, the others share evenly all the time, and
// afterwards it comes back.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <queue>
#include <random>

#include "tests/packet/client.h"

namespace shunt::packet {
namespace {

constexpr unsigned kBackends = 4;
constexpr unsigned kSlow = 2;
constexpr unsigned kFlowsPerSecond = 500;
constexpr unsigned kBeginsS = 5;
constexpr unsigned kEndsS = 20;
constexpr unsigned kLastS = 45;
constexpr unsigned kFirstByte = 20;  // 10.0.0.20 …

class World {
 public:
  World() : pipeline_(made()) {}

  // Flows that each backend got, by second.
  std::vector<std::array<unsigned, kBackends>> run() {
    for (now_us_ = 0; now_us_ < uint64_t{kLastS} * 1'000'000; now_us_ += 1'000) {
      pipeline_.set_clock(kStart + now_us_ * 1'000);
      if (now_us_ % 10'000 == 0) pipeline_.balance();
      if (now_us_ % (1'000'000 / kFlowsPerSecond) == 0) open();
      while (!events_.empty() && events_.top().at_us <= now_us_) {
        const std::function<void()> act = events_.top().act;
        events_.pop();
        act();
      }
    }
    return shares_;
  }

 private:
  static constexpr uint64_t kStart = 1'000'000'000'000;
  struct Event {
    uint64_t at_us;
    std::function<void()> act;
    bool operator<(const Event& other) const { return at_us > other.at_us; }
  };

  static Config made() {
    Config config = bare_config();
    config.pools = {pool("web", kFirstByte, kBackends)};
    config.services = {packet::service(kVip, 80, "web", Forward::nat)};
    config.services[0].scheduler = Scheduler::least_response_time;
    config.telemetry.sample = 1;
    return config;
  }

  void later(uint64_t after_us, std::function<void()> act) {
    events_.push({now_us_ + after_us, std::move(act)});
  }
  // The application's time: 80 ms on average, exponential: some 40 flows at a time.
  uint64_t answer_us(unsigned backend) {
    const bool slowed = backend == kSlow && now_us_ >= kBeginsS * 1'000'000 && now_us_ < kEndsS * 1'000'000;
    std::exponential_distribution<double> drawn(1.0 / (slowed ? 400'000 : 80'000));
    return static_cast<uint64_t>(drawn(random_));
  }

  void open() {
    Packet client{.destination = kVip, .sport = port_};
    port_ = static_cast<uint16_t>(port_ == 60'000 ? 1'024 : port_ + 1);
    const std::string address = send(client, kSyn, 1'000);
    const auto number = static_cast<unsigned>(std::stoul(address.substr(7))) - kFirstByte;
    ASSERT_LT(number, kBackends);
    shares_.resize(now_us_ / 1'000'000 + 1);
    ++shares_.back()[number];
    Packet backend{.to = kPort1Mac,
                   .from = backend_mac(kFirstByte + number),
                   .source = address,
                   .destination = client.source,
                   .sport = 80,
                   .dport = client.sport};
    later(1'000, [=, this] { reply(backend, kSyn | kAck, 5'000, 0); });
    later(2'000, [=, this] {
      send(client, kAck, 1'001);
      send(client, kAck | kPsh, 1'001, 100);
      later(answer_us(number), [=, this] {
        reply(backend, kAck | kPsh, 5'001, 1'000);
        send(client, kFin | kAck, 1'101);
        reply(backend, kFin | kAck, 6'001, 0);
      });
    });
  }
  std::string send(Packet packet, uint8_t flags, uint32_t sequence, size_t bytes = 0) {
    packet.flags = flags;
    packet.sequence = sequence;
    packet.payload = Bytes(bytes, 'c');
    return pipeline_.run(0, build(packet)).destination();
  }
  void reply(Packet packet, uint8_t flags, uint32_t sequence, size_t bytes) {
    packet.flags = flags;
    packet.sequence = sequence;
    packet.payload = Bytes(bytes, 'b');
    ASSERT_EQ(pipeline_.run(1, build(packet)).text(), "sent");
  }

  Pipeline pipeline_;
  std::priority_queue<Event> events_;
  std::mt19937_64 random_{1};
  std::vector<std::array<unsigned, kBackends>> shares_;
  uint64_t now_us_ = 0;
  uint16_t port_ = 1'024;
};

TEST(LeastResponseTime, TheSlowOneGetsLittleAndNothingOscillates) {
  const auto shares = World().run();
  ASSERT_EQ(shares.size(), kLastS);
  constexpr double kFair = 1.0 / kBackends;
  const auto share = [&](unsigned second, unsigned backend) {
    unsigned all = 0;
    for (const unsigned flows : shares[second])
      all += flows;
    return static_cast<double>(shares[second][backend]) / all;
  };
  for (unsigned second = 0; second < kLastS; ++second) {
    RecordProperty("second_" + std::to_string(second), std::to_string(share(second, kSlow)));
    const bool slowed = second >= kBeginsS + 5 && second < kEndsS;
    const bool settled = second >= 2 && (second < kBeginsS || second >= kEndsS + 20);
    if (slowed) {
      EXPECT_LT(share(second, kSlow), kFair / 3) << "second " << second;
    } else if (settled) {
      EXPECT_GT(share(second, kSlow), kFair / 2) << "second " << second;
    }
    for (unsigned backend = 0; backend < kBackends; ++backend) {
      if (backend == kSlow || second < 2) continue;
      const double its = slowed ? 1.0 / (kBackends - 1) : kFair;
      EXPECT_GT(share(second, backend), its / 2) << "second " << second << ", backend " << backend;
      EXPECT_LT(share(second, backend), its * 2) << "second " << second << ", backend " << backend;
    }
  }
}

}  // namespace
}  // namespace shunt::packet
