// A trace says what the pipeline then does: hundreds of random packets are rehearsed first and sent then, and
// what left is compared byte for byte, over every scheduler, every mode, known flows and new ones, healthy
// pools and others. And the rehearsal leaves no trace in the worker's tables and counts.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "control/tracer.h"
#include "tests/packet/client.h"
#include "tests/packet/ways.h"

namespace shunt::packet {
namespace {

constexpr Scheduler kSchedulers[] = {
    Scheduler::maglev,      Scheduler::rendezvous,        Scheduler::source_hash,
    Scheduler::round_robin, Scheduler::least_connections, Scheduler::least_response_time};

struct Bed {
  explicit Bed(const Config& config, const Pipeline::Options& options = {}) : pipeline(config, options) {
    auto made = Rehearsal::make(pipeline.state());
    if (made) rehearsal = made.take();
  }

  Rehearsed rehearse(const ImaginedPacket& packet) {
    return rehearsal->run(pipeline.snapshot(), pipeline.state(), packet, pipeline.now());
  }
  TraceReport trace(const ImaginedPacket& packet, const std::string& down = "") {
    Tracer tracer(pipeline.compiler(), pipeline.snapshot(), *rehearsal,
                  [down](const std::string&, const std::string&) { return down; });
    const WorkerState* const workers[] = {&pipeline.state()};
    return tracer.trace(
        {packet.client, packet.client_port, packet.vip, packet.vip_port, packet.protocol == Protocol::udp},
        workers, pipeline.now());
  }

  // Rehearsed, then sent, then compared. What was said.
  Rehearsed expect_truth(const ImaginedPacket& packet) {
    const TraceReport report = trace(packet);
    Rehearsed told = rehearse(packet);
    const Outcome outcome = pipeline.run(told.in_port, told.in);
    switch (told.end) {
      case Rehearsed::End::sent:
        EXPECT_EQ(outcome.text(), "sent") << words(report);
        if (outcome.sent.size() != 1) break;
        EXPECT_EQ(outcome.sent[0].port, told.out_port);
        EXPECT_EQ(outcome.sent[0].frame, told.out) << words(report);
        EXPECT_EQ(report.end, "sent");
        EXPECT_TRUE(report.way.has_value());
        break;
      case Rehearsed::End::punted:
        EXPECT_EQ(outcome.text(), "punted") << words(report);
        EXPECT_EQ(report.end, "kernel");
        break;
      default:
        EXPECT_EQ(outcome.text(), shunt::name_of(told.reason)) << words(report);
        EXPECT_EQ(report.drop, shunt::name_of(told.reason));
        EXPECT_EQ(report.end, "dropped");
    }
    return told;
  }
  static std::string words(const TraceReport& report) {
    std::string all;
    for (const std::string& step : report.steps)
      all += step + "\n";
    return all;
  }

  Pipeline pipeline;
  std::unique_ptr<Rehearsal> rehearsal;
};

ImaginedPacket to_web(const std::string& client, uint16_t port, Protocol protocol = Protocol::tcp) {
  return {ip(client), port, ip(kVip), static_cast<uint16_t>(protocol == Protocol::tcp ? 80 : 53), protocol};
}

ImaginedPacket random_packet(std::mt19937& random) {
  const std::string client = "203.0.113." + std::to_string(1 + random() % 250);
  return to_web(client, static_cast<uint16_t>(1'024 + random() % 60'000),
                random() % 4 == 0 ? Protocol::udp : Protocol::tcp);
}

Config mixed_config(Scheduler scheduler) {
  Config config = web_config(8);
  for (size_t i = 0; i < 8; ++i)
    config.pools[0].backends[i].weight = static_cast<uint16_t>(1 + i % 3);
  config.pools[0].backends[3].admin = AdminState::draining;
  config.pools[0].backends[4].weight = 0;
  config.pools[0].backends[5].max_connections = 9;
  for (ServiceConfig& service : config.services) {
    service.scheduler = scheduler;
    service.backup_pool = "spare";
    if (scheduler == Scheduler::source_hash) service.hash = HashInput::source;
  }
  return config;
}

// New flows and the next packets of known ones, while backends fail, come back, and all fail.
TEST(Trace, IsWhatHappensForEveryScheduler) {
  for (const Scheduler scheduler : kSchedulers) {
    SCOPED_TRACE(static_cast<int>(scheduler));
    Bed bed(mixed_config(scheduler));
    ASSERT_NE(bed.rehearsal, nullptr);
    std::mt19937 random(static_cast<unsigned>(scheduler) + 1);
    std::vector<ImaginedPacket> flows;
    unsigned known = 0;
    std::set<std::string> choices;
    for (unsigned i = 0; i < 600; ++i) {
      if (i % 100 == 50) bed.pipeline.set_health("web", "10.0.0.21", i % 200 == 50);
      if (i == 300 || i == 400) {
        for (unsigned n = 20; n < 28; ++n)
          bed.pipeline.set_health("web", "10.0.0." + std::to_string(n), i == 400);
      }
      if (i % 10 == 0) bed.pipeline.balance();
      bed.pipeline.wait(random() % 40);
      const bool again = !flows.empty() && random() % 3 == 0;
      if (!again) flows.push_back(random_packet(random));
      const Rehearsed told = bed.expect_truth(again ? flows[random() % flows.size()] : flows.back());
      if (told.known) ++known;
      if (told.backend) choices.insert(std::to_string(told.backend->raw));
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(known, 100U);
    EXPECT_GE(choices.size(), 6U) << "of both pools";
  }
}

// Every mode and pair of families: a SYN, the second packet, one of a known flow; and a datagram.
TEST(Trace, IsWhatHappensInEveryMode) {
  Pipeline::Options options;
  options.kernel = ways_kernel();
  Bed bed(ways_config(), options);
  ASSERT_NE(bed.rehearsal, nullptr);
  std::mt19937 random(7);
  for (const Way& way : all_ways()) {
    SCOPED_TRACE(way.name);
    for (unsigned i = 0; i < 20; ++i) {
      const auto port = static_cast<uint16_t>(1'024 + random() % 60'000);
      const ImaginedPacket tcp{ip(way.client()), port, ip(way.vip()), 80, Protocol::tcp};
      EXPECT_FALSE(bed.expect_truth(tcp).known);
      EXPECT_TRUE(bed.expect_truth(tcp).known->waits);
      bed.expect_truth(tcp);
      const TraceReport report = bed.trace(tcp);
      EXPECT_EQ(report.way->added_bytes, way.outer_bytes());
      EXPECT_EQ(report.way->destination_port != 0, way.forward == Forward::nat);
      const ImaginedPacket udp{ip(way.client()), port, ip(way.vip()), 53, Protocol::udp};
      EXPECT_FALSE(bed.expect_truth(udp).known);
      EXPECT_TRUE(bed.expect_truth(udp).known);
      if (testing::Test::HasFailure()) return;
    }
  }
}

// A packet of the same flow that a real client sends goes to the same backend.
TEST(Trace, NamesTheBackendOfAnyPacketOfTheFlow) {
  Bed bed(mixed_config(Scheduler::maglev));
  for (unsigned i = 0; i < 300; ++i) {
    const auto port = static_cast<uint16_t>(2'000 + i);
    const TraceReport report = bed.trace(to_web("203.0.113.7", port));
    Client client(bed.pipeline, kVip, port);
    EXPECT_EQ(client.open(), report.backend);
    EXPECT_EQ(bed.trace(to_web("203.0.113.7", port)).known->state, "established");
  }
}

// Where openings are lost everything goes by slot, and the trace says so.
TEST(Trace, OfALineThatForgets) {
  Pipeline::Options options;
  options.probation = 8;
  Bed bed(mixed_config(Scheduler::round_robin), options);
  for (uint16_t i = 0; i < 50; ++i)
    Client(bed.pipeline, kVip, static_cast<uint16_t>(1'024 + i)).syn();
  unsigned forgetting = 0;
  for (uint16_t i = 0; i < 100; ++i)
    forgetting +=
        bed.expect_truth(to_web("203.0.113.9", static_cast<uint16_t>(5'000 + i))).forgetting ? 1U : 0U;
  EXPECT_GT(forgetting, 50U);
  EXPECT_EQ(bed.trace(to_web("203.0.113.9", 9'000)).choice->by, "slot");
}

// The worker's tables, counts and turns are what they were.
TEST(Trace, ChangesNothing) {
  Bed bed(mixed_config(Scheduler::round_robin));
  WorkerState& state = bed.pipeline.state();
  for (uint16_t i = 0; i < 200; ++i)
    Client(bed.pipeline, kVip, static_cast<uint16_t>(1'024 + i)).open();
  const auto copy = [](auto memory) {
    const auto bytes = std::as_bytes(memory);
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  const auto flows = copy(state.flows.memory());
  const auto probation = copy(state.probation.memory());
  const auto pairs = copy(state.pairs);
  const auto turns = state.turns;
  for (uint16_t i = 0; i < 400; ++i)
    bed.rehearse(to_web("203.0.113.7", static_cast<uint16_t>(1'000 + i)));
  EXPECT_EQ(copy(state.flows.memory()), flows);
  EXPECT_EQ(copy(state.probation.memory()), probation);
  EXPECT_EQ(copy(state.pairs), pairs);
  EXPECT_EQ(state.turns, turns);
}

TEST(Trace, SaysWhyAPacketIsDropped) {
  Config config = mode_config();
  config.pools[0].backends[0].weight = 0;
  Bed bed(config);
  const auto told = [&](const std::string& vip, uint16_t port, const std::string& client = "203.0.113.7") {
    const Rehearsed end = bed.expect_truth({ip(client), 40'000, ip(vip), port, Protocol::tcp});
    return end.end == Rehearsed::End::punted ? "kernel" : std::string(shunt::name_of(end.reason));
  };
  EXPECT_EQ(told("198.51.100.1", 80), "no_backend");
  EXPECT_EQ(told("198.51.100.1", 81), "no_service");
  EXPECT_EQ(told("198.51.100.6", 80), "not_on_link");
  EXPECT_EQ(told("198.51.100.2", 80, "198.51.100.3"), "bad_source");
  const TraceReport forged = bed.trace({ip("198.51.100.3"), 1, ip("198.51.100.2"), 80, Protocol::tcp});
  EXPECT_FALSE(forged.choice.has_value()) << "nobody was chosen";
  EXPECT_NE(Bed::words(forged).find("nothing comes from there"), std::string::npos);
  EXPECT_EQ(told("192.0.2.2", 22), "kernel");
  KernelView view = kernel_view();
  std::erase_if(view.neighbours, [](const NeighbourRow& row) { return row.address == ip("10.0.0.12"); });
  bed.pipeline.set_kernel(view);
  EXPECT_EQ(told("198.51.100.2", 80), "no_neighbour");
  EXPECT_NE(Bed::words(bed.trace({ip("203.0.113.7"), 1, ip("198.51.100.2"), 80, Protocol::tcp}))
                .find("its next hop's MAC isn't known"),
            std::string::npos);
}

// Two workers: nat's key names the owner, a known flow is its worker's, and any other packet may meet either.
TEST(Trace, SaysWhichWorker) {
  Config config = mode_config();
  config.pools[1] = pool("ipip", 12, 6);
  for (ServiceConfig& each : config.services)
    each.scheduler = Scheduler::round_robin;
  Bed bed(config);
  Pipeline other(config);
  const std::string backend = Client(other, "198.51.100.2", 3'000).open();
  bed.pipeline.state().workers = other.state().workers = 2;
  other.state().index = 1;
  const WorkerState* const workers[] = {&bed.pipeline.state(), &other.state()};
  const auto trace = [&](const std::string& vip, uint16_t port) {
    Tracer tracer(bed.pipeline.compiler(), bed.pipeline.snapshot(), *bed.rehearsal, {});
    return tracer.trace({ip("203.0.113.7"), port, ip(vip), 80, false}, workers, bed.pipeline.now());
  };
  std::set<uint32_t> owners;
  for (uint16_t port = 1'000; port < 1'020; ++port) {
    const TraceReport nat = trace("198.51.100.3", port);
    ASSERT_TRUE(nat.worker.has_value());
    EXPECT_EQ(nat.workers.size(), 1U);
    const Service& service = bed.pipeline.service("198.51.100.3", 80);
    const FlowKey key =
        exact_flow_key(bed.pipeline.state().table_key, service.id, ip("203.0.113.7").v4(), be16(port));
    EXPECT_EQ(*nat.worker, key.index % 2);
    owners.insert(*nat.worker);
  }
  EXPECT_EQ(owners.size(), 2U);
  const TraceReport either = trace("198.51.100.2", 2'000);
  EXPECT_FALSE(either.worker.has_value());
  ASSERT_EQ(either.workers.size(), 2U);
  EXPECT_NE(either.workers[0].backend, either.workers[1].backend) << "each takes its own turns";
  const TraceReport known = trace("198.51.100.2", 3'000);
  EXPECT_EQ(known.worker, 1U);
  EXPECT_EQ(known.backend, backend);
  EXPECT_EQ(known.known->worker, 1U);
  bed.pipeline.state().workers = other.state().workers = 1;
  other.state().index = 0;
}

// Everybody full: who was asked, and that there is nobody.
TEST(Trace, OfAFullPool) {
  Config config = web_config(3);
  for (BackendConfig& backend : config.pools[0].backends)
    backend.max_connections = 2;
  Bed bed(config);
  for (uint16_t port = 1'000; port < 1'006; ++port)
    bed.expect_truth(to_web("203.0.113.7", port));
  const TraceReport report = bed.trace(to_web("203.0.113.7", 2'000));
  EXPECT_EQ(report.drop, "no_backend");
  EXPECT_EQ(report.backend, "");
  EXPECT_NE(Bed::words(report).find("which is full (max_connections)"), std::string::npos)
      << Bed::words(report);
  EXPECT_NE(Bed::words(report).find("nobody may be chosen"), std::string::npos);
}

// The words: whose slot it is, why that one is passed by, and who takes it then.
TEST(Trace, SaysWhoIsPassedByAndWhy) {
  Bed bed(web_config(4));
  bed.pipeline.set_health("web", "10.0.0.21", false);
  bool seen = false;
  for (uint16_t port = 1'000; port < 1'200 && !seen; ++port) {
    const TraceReport report = bed.trace(to_web("203.0.113.7", port), "connection refused");
    ASSERT_TRUE(report.choice.has_value());
    EXPECT_NE(report.backend, "10.0.0.21");
    if (report.choice->owner != "web/10.0.0.21") continue;
    seen = true;
    EXPECT_GT(report.choice->probe, 1U);
    EXPECT_EQ(report.choice->accept, 0U);
    const std::string words = Bed::words(report);
    EXPECT_NE(words.find("which takes 0 of 256 (it is down: connection refused): passed by"),
              std::string::npos)
        << words;
    EXPECT_NE(words.find("3 of 4 backends of pool web are up"), std::string::npos) << words;
  }
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace shunt::packet
