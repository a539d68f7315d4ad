// Schedulers over the whole way of a packet: who gets flows, what counts as a flow, and that nothing moves
// the flows that there are.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "common/checksum.h"
#include "control/drain_watch.h"
#include "tests/packet/client.h"
#include "tests/packet/packet_reader.h"

namespace shunt::packet {
namespace {

constexpr Scheduler kSchedulers[] = {
    Scheduler::maglev,      Scheduler::rendezvous,        Scheduler::source_hash,
    Scheduler::round_robin, Scheduler::least_connections, Scheduler::least_response_time};

Config balanced(Scheduler scheduler, unsigned backends = 4) {
  Config config = web_config(backends);
  for (ServiceConfig& service : config.services) {
    service.scheduler = scheduler;
    if (scheduler == Scheduler::source_hash) service.hash = HashInput::source;
  }
  return config;
}

std::string address_of(unsigned i) {
  return "10.0.0." + std::to_string(20 + i);
}

struct Flows {
  Pipeline& pipeline;
  std::deque<Client> clients = {};
  std::vector<std::string> backends = {};

  void open(unsigned count, uint16_t from = 1'024) {
    for (unsigned i = 0; i < count; ++i) {
      clients.emplace_back(pipeline, kVip, static_cast<uint16_t>(from + i));
      backends.push_back(clients.back().open());
    }
  }
  std::map<std::string, unsigned> counts() const {
    std::map<std::string, unsigned> counts;
    for (const std::string& backend : backends)
      ++counts[backend];
    return counts;
  }
  void expect_where_they_were() {
    for (size_t i = 0; i < clients.size(); ++i)
      ASSERT_EQ(clients[i].data(), backends[i]) << "flow " << i;
  }
};

TEST(Scheduler, NoSwitchMovesAFlow) {
  Pipeline pipeline(balanced(Scheduler::maglev));
  Flows flows{pipeline};
  uint16_t port = 1'024;
  for (const Scheduler scheduler : kSchedulers) {
    pipeline.reload(balanced(scheduler));
    flows.open(100, port);
    port = static_cast<uint16_t>(port + 100);
    flows.expect_where_they_were();
  }
}

TEST(Scheduler, TurnsAndConnectionsAreEven) {
  for (const Scheduler scheduler : {Scheduler::round_robin, Scheduler::least_connections}) {
    Pipeline pipeline(balanced(scheduler));
    Flows flows{pipeline};
    flows.open(400);
    for (const auto& [backend, count] : flows.counts())
      EXPECT_EQ(count, 100U) << backend;
  }
}

TEST(Scheduler, EndedFlowsMakeRoom) {
  Pipeline pipeline(balanced(Scheduler::least_connections));
  Flows flows{pipeline};
  flows.open(40);
  for (size_t i = 0; i < flows.clients.size(); ++i) {
    if (flows.backends[i] == address_of(2)) flows.clients[i].fin();
  }
  Flows more{pipeline};
  more.open(10, 5'000);
  EXPECT_EQ(more.counts()[address_of(2)], 10U);
}

// Half-open ones count, and stop to when they are forgotten.
TEST(Scheduler, CountsBothTables) {
  Pipeline pipeline(balanced(Scheduler::least_connections, 2));
  std::map<std::string, unsigned> counts;
  for (uint16_t i = 0; i < 100; ++i)
    ++counts[Client(pipeline, kVip, static_cast<uint16_t>(1'024 + i)).syn()];
  EXPECT_EQ(counts[address_of(0)], 50U);
  const Service& service = pipeline.service(kVip, 80);
  const uint32_t row = service.pair(BackendRef::of(0, 0));
  EXPECT_EQ(pipeline.state().live_flows(row), 50U);
  pipeline.run_for(15);
  EXPECT_EQ(pipeline.state().live_flows(row), 0U);
}

// Over tables so small that openings are forgotten all the time, with every kind of ending: nothing is
// counted twice or left over.
TEST(Scheduler, CountsAgreeWithTheTables) {
  Pipeline::Options options;
  options.probation = 64;
  options.connections = 128;
  Pipeline pipeline(balanced(Scheduler::least_connections), options);
  for (unsigned i = 0; i < 5'000; ++i) {
    Client client(pipeline, kVip, static_cast<uint16_t>(1'024 + i * 7 % 20'000));
    client.syn();
    if (i % 2 == 0) client.ack();
    if (i % 6 == 0) client.fin();
    if (i % 10 == 0) client.rst();
    if (i % 3 == 0) Client(pipeline, kVip, static_cast<uint16_t>(1'024 + i), 53).udp();
    if (i % 5 == 0) client.data(7'000'000);
    if (i == 1'500) pipeline.reload(balanced(Scheduler::maglev));
    if (i == 3'000) pipeline.reload(balanced(Scheduler::least_connections));
    pipeline.wait(3);
  }
  pipeline.run_for(1'000);
  for (const auto& [port, protocol] : {std::pair{80, Protocol::tcp}, std::pair{53, Protocol::udp}}) {
    const Service& service = pipeline.service(kVip, static_cast<uint16_t>(port), protocol);
    for (unsigned number = 0; number < 4; ++number) {
      const PairCounters& pair = pipeline.state().pairs[service.pair(BackendRef::of(0, number))];
      EXPECT_EQ(pair.waiting.read(), 0U) << port << " " << number;
      EXPECT_EQ(pair.live(), 0) << port << " " << number;
    }
  }
}

// Where openings are lost, a flow's packets must agree without memory: by slot.
TEST(Scheduler, ForgettingLinesChooseBySlot) {
  Pipeline::Options options;
  options.probation = 8;  // two lines of TCP
  Pipeline pipeline(balanced(Scheduler::round_robin), options);
  for (uint16_t i = 0; i < 50; ++i)
    Client(pipeline, kVip, static_cast<uint16_t>(1'024 + i)).syn();
  Pipeline slots(balanced(Scheduler::maglev));
  for (uint16_t i = 0; i < 50; ++i) {
    const auto port = static_cast<uint16_t>(2'000 + i);
    const std::string backend = Client(pipeline, kVip, port).syn();
    EXPECT_EQ(backend, Client(slots, kVip, port).syn());
    EXPECT_EQ(Client(pipeline, kVip, port).ack(), backend);
  }
}

TEST(Scheduler, EntriesChosenOtherwiseAreNotOverwritten) {
  Pipeline::Options options;
  options.probation = 4;  // one line of TCP
  Pipeline pipeline(balanced(Scheduler::round_robin), options);
  Client first(pipeline, kVip, 1'024);
  Client second(pipeline, kVip, 1'025);
  const std::string one = first.syn();
  const std::string two = second.syn();
  for (uint16_t i = 0; i < 20; ++i)
    Client(pipeline, kVip, static_cast<uint16_t>(3'000 + i)).syn();
  EXPECT_EQ(first.ack(), one);
  EXPECT_EQ(second.ack(), two);
}

TEST(Scheduler, ClientsStayTogetherBySource) {
  Config config = balanced(Scheduler::source_hash);
  for (ServiceConfig& service : config.services)
    service.source_prefix4 = 24;
  Pipeline pipeline(config);
  std::set<std::string> all;
  for (unsigned net = 0; net < 30; ++net) {
    std::set<std::string> of_net;
    for (unsigned host = 1; host < 5; ++host) {
      Client client(pipeline, kVip, static_cast<uint16_t>(1'024 + host));
      client.packet.source = "203.0." + std::to_string(net) + "." + std::to_string(host);
      of_net.insert(client.syn());
      Client dns(pipeline, kVip, 999, 53);
      dns.packet.source = client.packet.source;
      of_net.insert(dns.udp());
    }
    EXPECT_EQ(of_net.size(), 1U) << net;
    all.insert(of_net.begin(), of_net.end());
  }
  EXPECT_EQ(all.size(), 4U);
}

TEST(Limits, HoldForEveryScheduler) {
  for (const Scheduler scheduler : kSchedulers) {
    Config config = balanced(scheduler);
    for (BackendConfig& backend : config.pools[0].backends)
      backend.max_connections = 5;
    Pipeline pipeline(config);
    Flows flows{pipeline};
    flows.open(20);
    for (const auto& [backend, count] : flows.counts())
      EXPECT_EQ(count, 5U) << backend;
    Client late(pipeline, kVip, 9'000);
    EXPECT_EQ(late.syn(), "no_backend");
    flows.clients[0].fin();
    EXPECT_EQ(late.open(), flows.backends[0]);
    flows.expect_where_they_were();
  }
}

// What another service of the pool, or another worker, gave a backend counts from the next sum on.
TEST(Limits, CountOtherServicesAndWorkers) {
  Config config = balanced(Scheduler::least_connections, 1);
  config.pools[0].backends[0].max_connections = 10;
  Pipeline one(config);
  Pipeline other(config);
  BalanceKeeper keeper;
  keeper.set_plan(one.compiler().registry());
  const WorkerState* const workers[] = {&one.state(), &other.state()};
  Flows here{one};
  Flows there{other};
  here.open(4);
  there.open(3);
  Client(other, kVip, 700, 53).udp();
  keeper.tick(workers, one.now().ns);
  const Service& service = one.service(kVip, 80);
  const uint32_t row = service.pair(BackendRef::of(0, 0));
  EXPECT_EQ(one.state().live_flows(row), 8U);
  EXPECT_EQ(other.state().live_flows(row), 8U);
  here.open(2, 2'000);
  EXPECT_EQ(Client(one, kVip, 9'000).syn(), "no_backend");
  EXPECT_EQ(Client(other, kVip, 9'001).syn(), address_of(0)) << "it will know with the next sum";
  keeper.tick(workers, one.now().ns);
  EXPECT_EQ(Client(other, kVip, 9'002).syn(), "no_backend");
}

// Four of eight drain at once: no flow moves, none is opened there; then the last one ends.
TEST(Drain, FourOfEightAtOnce) {
  for (const Scheduler scheduler : kSchedulers) {
    Config config = balanced(scheduler, 8);
    Pipeline pipeline(config);
    Flows flows{pipeline};
    flows.open(200);
    for (unsigned i = 0; i < 4; ++i)
      config.pools[0].backends[i].admin = AdminState::draining;
    pipeline.reload(config);
    flows.expect_where_they_were();
    Flows later{pipeline};
    later.open(100, 7'000);
    for (unsigned i = 0; i < 4; ++i)
      EXPECT_EQ(later.counts()[address_of(i)], 0U);

    DrainWatch watch;
    std::vector<std::string> ended;
    const WorkerState* const workers[] = {&pipeline.state()};
    const auto look = [&] {
      watch.look(pipeline.compiler().registry(), workers, pipeline.now().ns,
                 [&](DrainWatch::News news, const std::string&, const BackendRecord& backend, uint64_t) {
                   if (news == DrainWatch::News::ended) ended.push_back(backend.config.address.text());
                 });
    };
    look();
    pipeline.wait(61'000);  // longer than any opening is remembered
    look();
    for (const std::string& backend : ended)
      EXPECT_EQ(flows.counts()[backend], 0U);
    ended.clear();
    for (size_t i = 0; i < flows.clients.size(); ++i) {
      if (flows.backends[i] == address_of(2)) flows.clients[i].fin();
    }
    look();
    look();
    if (flows.counts().contains(address_of(2))) {
      EXPECT_EQ(ended, std::vector<std::string>{address_of(2)});
    }
  }
}

// When its time is over, `reset` tells the clients of a drained backend, and nobody else's.
TEST(Drain, ResetTellsClients) {
  for (const bool removed : {false, true}) {
    Config config = balanced(Scheduler::maglev, 4);
    config.pools[0].drain = seconds(60);
    config.pools[0].drain_policy = DrainPolicy::reset;
    Pipeline pipeline(config);
    Flows flows{pipeline};
    flows.open(40);
    const std::string gone = flows.backends[0];
    auto& backends = config.pools[0].backends;
    const auto at = std::ranges::find(backends, gone, &BackendConfig::name);
    if (removed) {
      backends.erase(at);
    } else {
      at->admin = AdminState::draining;
    }
    pipeline.reload(config);
    flows.expect_where_they_were();
    pipeline.wait(61'000);
    pipeline.age();
    for (size_t i = 0; i < flows.clients.size(); ++i) {
      Client& client = flows.clients[i];
      if (flows.backends[i] != gone) {
        ASSERT_EQ(client.data(), flows.backends[i]);
        continue;
      }
      client.packet.flags = kAck | kPsh;
      client.packet.ack = 0x11223344;
      const Outcome outcome = pipeline.run(0, build(client.packet));
      ASSERT_EQ(outcome.text(), "sent no_backend") << removed;
      const Bytes& answer = outcome.sent[0].frame;
      const size_t tcp = l3_offset(answer) + 20;
      EXPECT_EQ(address4(answer, l3_offset(answer) + 12).text(), kVip);
      EXPECT_EQ(answer[tcp + 13], kRst);
      EXPECT_EQ(load<be32>(&answer[tcp + 4]).host(), 0x11223344U);
      EXPECT_EQ(load<be16>(&answer[tcp + 2]).host(), client.packet.sport);
      const uint64_t addresses = checksum_sum(&answer[tcp - 8], 8);
      const be16 pseudo[2] = {be16(6), be16(20)};
      EXPECT_TRUE(folds_to_ones(checksum_sum(&answer[tcp], 20, checksum_sum(pseudo, 4, addresses))));
      break;
    }
  }
}

}  // namespace
}  // namespace shunt::packet
