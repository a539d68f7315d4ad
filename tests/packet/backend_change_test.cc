// What existing flows and new ones meet when weights, health and backends change under them.
#include "tests/packet/client.h"

namespace shunt::packet {
namespace {

constexpr uint16_t kFlows = 300;

struct Change : testing::Test {
  Config config = web_config();
  Pipeline pipeline{config};

  std::map<uint16_t, std::string> open_flows(uint16_t first = 1000) {
    std::map<uint16_t, std::string> backends;
    for (uint16_t i = 0; i < kFlows; ++i) {
      const auto sport = static_cast<uint16_t>(first + i);
      backends[sport] = Client(pipeline, kVip, sport).open();
    }
    return backends;
  }
  void expect_kept(const std::map<uint16_t, std::string>& flows) {
    for (const auto& [sport, backend] : flows)
      ASSERT_EQ(Client(pipeline, kVip, sport).data(), backend) << sport;
  }
  // Whom flows that begin now get, without their second packet.
  std::map<std::string, unsigned> new_flows(uint16_t first) {
    std::map<std::string, unsigned> backends;
    for (uint16_t i = 0; i < kFlows; ++i)
      ++backends[Client(pipeline, kVip, static_cast<uint16_t>(first + i)).syn()];
    return backends;
  }
  BackendConfig& backend_at(const std::string& address) {
    for (BackendConfig& each : config.pools[0].backends)
      if (each.address == ip(address)) return each;
    throw std::out_of_range(address);
  }
  void remove(const std::string& address) {
    std::erase_if(config.pools[0].backends,
                  [&](const BackendConfig& each) { return each.address == ip(address); });
    pipeline.reload(config);
  }
  int64_t active() const { return pipeline.active(pipeline.service(kVip, 80)); }
};

TEST_F(Change, WeightsMoveNoExistingFlow) {
  const auto flows = open_flows();
  backend_at("10.0.0.20").weight = 50;
  backend_at("10.0.0.21").weight = 0;
  pipeline.reload(config);
  expect_kept(flows);
  const auto opened = new_flows(20'000);
  EXPECT_EQ(opened.count("10.0.0.21"), 0U) << "weight 0 takes no new flows";
  EXPECT_GT(opened.at("10.0.0.20"), kFlows / 2U);
}

TEST_F(Change, HealthMovesNoExistingFlow) {
  const auto flows = open_flows();
  pipeline.set_health("web", "10.0.0.23", false);
  expect_kept(flows);
  EXPECT_EQ(new_flows(20'000).count("10.0.0.23"), 0U);
  pipeline.set_health("web", "10.0.0.23", true);
  expect_kept(flows);
  EXPECT_GT(new_flows(30'000).count("10.0.0.23"), 0U);
}

// A backend that goes down moves only its own new flows (but for the few whose eight probes all fail, none at
// 1 of 10).
TEST_F(Change, HealthMovesOnlyTheFlowsOfTheOneThatIsDown) {
  std::map<uint16_t, std::string> before;
  for (uint16_t sport = 1000; sport < 1000 + kFlows; ++sport)
    before[sport] = Client(pipeline, kVip, sport).syn();
  pipeline.wait(20'000);  // nobody remembers
  pipeline.set_health("web", "10.0.0.23", false);
  for (const auto& [sport, backend] : before) {
    const std::string now = Client(pipeline, kVip, sport).syn();
    if (backend == "10.0.0.23") {
      EXPECT_NE(now, backend);
    } else {
      EXPECT_EQ(now, backend);
    }
  }
}

TEST_F(Change, AWaitingFlowKeepsItsBackend) {
  std::map<uint16_t, std::string> waiting;
  for (uint16_t sport = 1000; sport < 1000 + kFlows; ++sport)
    waiting[sport] = Client(pipeline, kVip, sport).syn();
  pipeline.set_health("web", "10.0.0.23", false);
  for (const auto& [sport, backend] : waiting)
    ASSERT_EQ(Client(pipeline, kVip, sport).ack(), backend) << "it answered this SYN";
}

TEST_F(Change, ARepeatedSynToABackendThatTakesNoMoreOpensAnew) {
  Client client(pipeline, kVip, 40000);
  const std::string old_backend = client.syn(1000);
  pipeline.set_health("web", old_backend, false);
  const std::string new_backend = client.syn(1000);
  EXPECT_NE(new_backend, old_backend);
  EXPECT_EQ(client.ack(1001), new_backend);
  EXPECT_EQ(pipeline.tracked_entries(), 1U);
  EXPECT_EQ(pipeline.waiting_entries(), 0U);
}

// accept 0: packets of the old connection still go to it, a SYN opens anew beside it, and only its ACK
// replaces.
TEST_F(Change, ASynOnAnEntryWhoseBackendTakesNoMoreOpensAnew) {
  Client client(pipeline, kVip, 40000);
  const std::string old_backend = client.open();
  pipeline.set_health("web", old_backend, false);
  EXPECT_EQ(client.data(), old_backend);
  EXPECT_EQ(active(), 1);
  const std::string new_backend = client.syn(9'000'000);
  EXPECT_NE(new_backend, old_backend);
  EXPECT_EQ(pipeline.tracked_entries(), 1U);
  EXPECT_EQ(pipeline.waiting_entries(), 1U);
  EXPECT_EQ(client.ack(9'000'001), new_backend);
  EXPECT_EQ(pipeline.tracked_entries(), 1U);
  EXPECT_EQ(client.data(9'000'001), new_backend);
  EXPECT_EQ(active(), 1) << "one ended, one began";
}

// A miss that opens nothing takes the owner whatever it accepts: that is who was chosen when the flow began
// elsewhere.
TEST_F(Change, AMidFlowMissTakesTheOwnerThatIsDown) {
  Client client(pipeline, kVip, 40000);
  const std::string owner = client.syn();
  pipeline.set_health("web", owner, false);
  pipeline.run_for(30);
  EXPECT_EQ(pipeline.waiting_entries(), 0U);
  EXPECT_EQ(client.data(), owner);
  pipeline.run_for(130);
  EXPECT_NE(client.syn(), owner) << "an opening doesn't";
}

TEST_F(Change, AMissPassesOverWhoWasDownForLongerThanItsDrain) {
  Client client(pipeline, kVip, 40000);
  const std::string owner = client.syn();
  pipeline.set_health("web", owner, false);
  pipeline.run_for(590);
  EXPECT_EQ(client.data(), owner);
  pipeline.run_for(150);  // past the drain of 10 min, and past what probation remembers
  const std::string next = client.data();
  EXPECT_NE(next, owner);
  pipeline.run_for(150);
  EXPECT_EQ(client.syn(), next) << "as an opening would choose";
}

// --- removal ---

TEST_F(Change, ARemovedBackendKeepsItsFlowsUntilItsDrainIsOver) {
  config.pools[0].drain = seconds(60);
  pipeline.reload(config);
  const auto flows = open_flows();
  remove("10.0.0.25");
  expect_kept(flows);
  EXPECT_EQ(new_flows(20'000).count("10.0.0.25"), 0U) << "it has no slots any more";
  pipeline.run_for(50);
  expect_kept(flows);
  pipeline.run_for(15);
  unsigned moved = 0;
  for (const auto& [sport, backend] : flows) {
    const std::string now = Client(pipeline, kVip, sport).data();
    EXPECT_NE(now, "10.0.0.25") << "gone";
    if (backend != "10.0.0.25") {
      EXPECT_EQ(now, backend);
    } else {
      ++moved;
      EXPECT_EQ(Client(pipeline, kVip, sport).data(), now) << "a miss, then tracked";
    }
  }
  EXPECT_GT(moved, 0U);
}

TEST_F(Change, AWaitingFlowOfAGoneBackendIsAMiss) {
  config.pools[0].drain = seconds(1);
  config.services[0].timeouts.syn = seconds(60);
  pipeline.reload(config);
  Client client(pipeline, kVip, 40000);
  const std::string old_backend = client.syn();
  remove(old_backend);
  EXPECT_EQ(client.ack(900'000'000), old_backend) << "its drain isn't over";
  pipeline.run_for(3);
  EXPECT_NE(client.ack(1001), old_backend);
  EXPECT_EQ(pipeline.tracked_entries(), 0U);
}

TEST_F(Change, ABackendThatComesBackWhileItDrainsHasItsFlowsStill) {
  const auto flows = open_flows();
  const Config whole = config;
  remove("10.0.0.25");
  pipeline.run_for(5);
  config = whole;
  pipeline.reload(config);
  pipeline.run_for(700);  // its drain would be over
  expect_kept(flows);
}

// Its number is used again only when every table has been swept, so that no old flow falls to a new backend.
TEST_F(Change, ANewBackendInheritsNoFlows) {
  config.pools[0].drain = seconds(10);
  pipeline.reload(config);
  open_flows();
  remove("10.0.0.25");
  pipeline.run_for(120);
  config.pools[0].backends.push_back(backend("10.0.0.50", "10.0.0.50"));
  pipeline.reload(config);
  const auto& registered = pipeline.compiler().registry().pools().at("web").backends;
  EXPECT_EQ(registered.size(), 10U) << "the freed number";
  std::map<std::string, unsigned> backends;
  for (uint16_t sport = 1000; sport < 1000 + kFlows; ++sport)
    ++backends[Client(pipeline, kVip, sport).data()];
  EXPECT_EQ(backends.count("10.0.0.25"), 0U);
  EXPECT_LT(backends["10.0.0.50"], kFlows / 5U) << "only misses that have it as their slot's owner";
}

TEST_F(Change, ActiveFlowsReturnToZero) {
  config.pools[0].drain = seconds(30);
  pipeline.reload(config);
  const auto flows = open_flows();
  EXPECT_EQ(active(), kFlows);
  uint16_t n = 0;
  for (const auto& [sport, backend] : flows) {
    Client client(pipeline, kVip, sport);
    switch (n++ % 5) {
      case 0:
        client.fin();
        break;
      case 1:
        client.rst();
        break;
      case 2:
        client.fin(), client.data();
        break;  // taken back
      case 3:
        client.rst(), client.fin();
        break;
      default:
        break;
    }
  }
  EXPECT_EQ(active(), kFlows * 2 / 5);
  remove("10.0.0.25");
  pipeline.run_for(1000);
  EXPECT_EQ(pipeline.tracked_entries(), 0U);
  EXPECT_EQ(active(), 0);
}

TEST_F(Change, ARemovedServiceTakesItsFlowsAlong) {
  open_flows();
  const ServiceConfig kept = config.services[0];
  config.services.erase(config.services.begin());
  pipeline.reload(config);
  EXPECT_EQ(Client(pipeline, kVip, 1000).data(), "no_service");
  config.services.push_back(kept);
  pipeline.reload(config);
  EXPECT_EQ(pipeline.active(pipeline.service(kVip, 80)), 0) << "a new id, and no flow of the old one";
  pipeline.run_for(60);
  EXPECT_EQ(pipeline.tracked_entries(), 0U);
}

// --- who may be chosen ---

TEST_F(Change, AtMostHalfDownMeansTheOthers) {
  for (unsigned i = 20; i < 25; ++i)
    pipeline.set_health("web", "10.0.0." + std::to_string(i), false);
  const auto opened = new_flows(1000);
  EXPECT_EQ(opened.size(), 5U);
  for (const auto& [backend, flows] : opened)
    EXPECT_GE(backend, "10.0.0.25");
  EXPECT_EQ(pipeline.counters(pipeline.service(kVip, 80)).panic.read(), 0U);
}

TEST_F(Change, MoreThanHalfDownIsPanicAndEverybodyIsChosen) {
  for (unsigned i = 20; i < 26; ++i)
    pipeline.set_health("web", "10.0.0." + std::to_string(i), false);
  EXPECT_EQ(new_flows(1000).size(), 10U);
  EXPECT_EQ(pipeline.counters(pipeline.service(kVip, 80)).panic.read(), kFlows);
  pipeline.set_health("web", "10.0.0.20", true);
  EXPECT_EQ(new_flows(20'000).size(), 5U) << "and back";
}

TEST_F(Change, TheBackupPoolTakesOverBeforePanic) {
  config.services[0].backup_pool = "spare";
  pipeline.reload(config);
  const auto flows = open_flows();
  for (unsigned i = 20; i < 26; ++i)
    pipeline.set_health("web", "10.0.0." + std::to_string(i), false);
  const auto opened = new_flows(20'000);
  EXPECT_EQ(opened.size(), 3U);
  for (const auto& [backend, count] : opened)
    EXPECT_GE(backend, "10.0.0.60");
  expect_kept(flows);
  for (unsigned i = 60; i < 63; ++i)
    pipeline.set_health("spare", "10.0.0." + std::to_string(i), false);
  EXPECT_EQ(new_flows(30'000).size(), 10U) << "the backup has nobody up: panic";
  for (unsigned i = 20; i < 26; ++i)
    pipeline.set_health("web", "10.0.0." + std::to_string(i), true);
  for (const auto& [backend, count] : new_flows(40'000))
    EXPECT_LT(backend, "10.0.0.60") << "the pool is well again";
}

TEST_F(Change, AFewMembersPanicOnlyWhenNobodyIsUp) {
  config = web_config(4);
  pipeline.reload(config);
  for (unsigned i = 20; i < 23; ++i)
    pipeline.set_health("web", "10.0.0." + std::to_string(i), false);
  EXPECT_EQ(new_flows(1000), (std::map<std::string, unsigned>{{"10.0.0.23", kFlows}}));
  pipeline.set_health("web", "10.0.0.23", false);
  EXPECT_EQ(new_flows(20'000).size(), 4U);
}

TEST_F(Change, PanicOneMeansNever) {
  config.pools[0].panic = 1;
  pipeline.reload(config);
  for (unsigned i = 20; i < 30; ++i)
    pipeline.set_health("web", "10.0.0." + std::to_string(i), false);
  EXPECT_EQ(new_flows(1000), (std::map<std::string, unsigned>{{"no_backend", kFlows}}));
}

TEST_F(Change, WeightsThatAreAllZeroAreNobody) {
  for (BackendConfig& each : config.pools[0].backends)
    each.weight = 0;
  pipeline.reload(config);
  EXPECT_EQ(new_flows(1000), (std::map<std::string, unsigned>{{"no_backend", kFlows}}));
}

}  // namespace
}  // namespace shunt::packet
