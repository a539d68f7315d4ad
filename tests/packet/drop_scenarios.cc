// Drops that take more than one packet, another configuration, or a device that takes no more.
#include "tests/packet/drop_rows.h"
#include "tests/packet/icmp_builder.h"

namespace shunt::packet {
namespace {

uint64_t count_of(const Outcome& outcome, DropReason reason) {
  return static_cast<uint64_t>(std::count(outcome.dropped.begin(), outcome.dropped.end(), reason));
}

uint64_t drops(Pipeline& pipeline, DropReason reason) {
  return pipeline.state().ledger.dropped[static_cast<size_t>(reason)];
}

uint64_t one_packet(Pipeline& pipeline, const Packet& packet, DropReason reason, uint8_t port = 0) {
  return count_of(pipeline.run(port, build(packet)), reason);
}

// A service on GUE's own port, of one address or a prefix: what comes in a tunnel passes, what we sent
// doesn't, also in a flow that is known.
uint64_t our_header_to_a_gue_service() {
  uint64_t dropped = 0;
  for (const auto& [vip, unserved] : {std::pair<std::string, Unserved>{"198.51.100.1", Unserved::drop},
                                      {"198.51.100.1", Unserved::punt},
                                      {"198.51.100.0/28", Unserved::drop}}) {
    for (const uint16_t port : {uint16_t{6080}, uint16_t{0}}) {
      Config config = bare_config();
      config.pools = {pool("l2", 11, 1)};
      config.services = {service(vip, port, "l2", Forward::gre, Protocol::udp)};
      config.services[0].unserved = unserved;
      Pipeline pipeline(config);
      const Bytes client = ip_bytes({.destination = "192.0.2.99"});
      Packet tunnel{.source = "192.0.2.77", .protocol = 17, .sport = 50000, .dport = 6080, .payload = client};
      for (int i = 0; i < 3; ++i)
        EXPECT_EQ(pipeline.run(0, build(tunnel)).text(), "sent");
      tunnel.payload =
          ip_bytes({.source = "10.0.0.10", .destination = "192.0.2.99", .protocol = 4, .payload = client});
      dropped += one_packet(pipeline, tunnel, DropReason::loop);
      const Service& counted = pipeline.snapshot().services.at(1);
      EXPECT_EQ(pipeline.counters(counted).dropped[static_cast<size_t>(DropReason::loop)].read(), 1U);
    }
  }
  EXPECT_EQ(dropped, 6U);
  return dropped;
}

uint64_t no_kernel_for_ip() {
  Pipeline pipeline(mode_config(), {.host_interfaces = false});
  return one_packet(pipeline, {.destination = "192.0.2.2"}, DropReason::no_host_interface);
}

uint64_t no_kernel_for_the_rest() {
  Pipeline pipeline(mode_config(), {.host_interfaces = false});
  return one_packet(pipeline, {.ether_type = 0x88cc}, DropReason::not_ip);  // LLDP
}

uint64_t all_down() {
  Config config = mode_config();
  config.pools[0].health.emplace();
  config.pools[0].panic = 1;
  Pipeline pipeline(config);
  pipeline.set_health("l2", "10.0.0.11", false);
  const uint64_t dropped = one_packet(pipeline, {}, DropReason::no_backend);
  const Service& service = pipeline.service("198.51.100.1", 80);
  EXPECT_EQ(pipeline.counters(service).dropped[static_cast<size_t>(DropReason::no_backend)].read(), 1U);
  EXPECT_EQ(pipeline.waiting_entries(), 0U) << "nobody was chosen, so there is nothing to remember";
  return dropped;
}

uint64_t empty_pool() {
  Config config = mode_config();
  config.pools[0].backends.clear();
  Pipeline pipeline(config);
  return one_packet(pipeline, {}, DropReason::no_backend) +
         one_packet(pipeline, {.sport = 5, .flags = kAck}, DropReason::no_backend);
}

uint64_t backend_without_mac() {
  Pipeline pipeline;
  KernelView view = kernel_view();
  view.neighbours.clear();
  pipeline.set_kernel(view);
  return one_packet(pipeline, {}, DropReason::no_neighbour);
}

uint64_t backend_without_route() {
  Config config = mode_config();
  Pipeline pipeline(config);
  pipeline.set_kernel({});
  // A route that goes leaves the last known way; one that never was leaves none.
  EXPECT_EQ(pipeline.run(0, build(Packet{})).text(), "sent");
  config.pools[0] = pool("l2", 40, 1);
  pipeline.reload(config);
  return one_packet(pipeline, {.sport = 5}, DropReason::no_neighbour);
}

// A reply to an on-link client that the kernel has never heard of: dropped, and the kernel is asked.
uint64_t client_without_mac() {
  Pipeline pipeline;
  const Packet reply{.to = kPort1Mac, .source = "10.0.0.13", .destination = "192.0.2.77", .sport = 8080};
  const uint64_t dropped = one_packet(pipeline, reply, DropReason::no_neighbour, 1);
  const auto question = pipeline.state().questions.pop();
  EXPECT_TRUE(question.has_value());
  if (question) {
    EXPECT_EQ(question->port, 0);
    EXPECT_EQ(question->address, ip("192.0.2.77"));
  }
  EXPECT_FALSE(pipeline.state().questions.pop().has_value());
  return dropped;
}

// The same through a router that isn't known: the router is asked for.
uint64_t router_without_mac() {
  Pipeline pipeline;
  KernelView view = kernel_view();
  view.neighbours.erase(view.neighbours.begin());
  pipeline.set_kernel(view);
  const Packet reply{.to = kPort1Mac, .source = "10.0.0.13", .destination = "203.0.113.7", .sport = 8080};
  const uint64_t dropped = one_packet(pipeline, reply, DropReason::no_neighbour, 1);
  const auto question = pipeline.state().questions.pop();
  EXPECT_TRUE(question.has_value() && question->address == ip("192.0.2.1"));
  return dropped;
}

// No neighbour and no route: nobody to ask for.
uint64_t client_without_route() {
  Pipeline pipeline;
  KernelView view = kernel_view();
  std::erase_if(view.routes, [](const Route& route) { return route.gateway.has_value(); });
  pipeline.set_kernel(view);
  const Packet reply{.to = kPort1Mac, .source = "10.0.0.13", .destination = "203.0.113.7", .sport = 8080};
  const uint64_t dropped = one_packet(pipeline, reply, DropReason::no_neighbour, 1);
  EXPECT_FALSE(pipeline.state().questions.pop().has_value());
  return dropped;
}

// 5,000 packets at once are the rate limit's burst; what goes before the rest isn't limited.
uint64_t punts_over_their_rate() {
  Pipeline pipeline;
  const Bytes frame = build(Packet{.destination = "192.0.2.2"});
  uint64_t punted = 0;
  for (unsigned burst = 0; burst < 100; ++burst)
    punted += pipeline.run_burst(0, std::vector<Bytes>(kBurstSize, frame)).punted.size();
  EXPECT_EQ(punted, kPuntBurst);
  const uint64_t dropped = drops(pipeline, DropReason::punt_full);
  EXPECT_EQ(dropped, 100 * kBurstSize - kPuntBurst);
  EXPECT_EQ(pipeline.run(0, build(Arp{})).text(), "punted");
  pipeline.wait(1);
  EXPECT_EQ(pipeline.run(0, frame).text(), "punted") << "a millisecond earns 50 more";
  return dropped;
}

uint64_t a_full_ring(const Bytes& frame) {
  Pipeline pipeline;
  pipeline.set_kernel_reads(false);
  for (unsigned burst = 0; burst < 100; ++burst) {
    pipeline.run_burst(0, std::vector<Bytes>(kBurstSize, frame));
    pipeline.wait(10);  // the rate limit is another matter
  }
  const uint64_t dropped = drops(pipeline, DropReason::punt_full);
  EXPECT_EQ(pipeline.total().in_flight() + static_cast<int64_t>(dropped), 100 * int64_t{kBurstSize});
  return dropped;
}

uint64_t rest_ring_full() {
  return a_full_ring(build(Packet{.destination = "192.0.2.2", .payload = Bytes(400, 0)}));
}
uint64_t urgent_ring_full() {
  return a_full_ring(build(Arp{}));
}

uint64_t device_full() {
  Pipeline pipeline;
  pipeline.io().set_device_room(3);
  uint64_t sent = 0;
  for (unsigned burst = 0; burst < 10; ++burst)
    sent += pipeline.run_burst(0, std::vector<Bytes>(kBurstSize, build(Packet{}))).sent.size();
  EXPECT_EQ(sent, 3U);
  const uint64_t dropped = drops(pipeline, DropReason::transmit_full);
  EXPECT_EQ(dropped, 10 * kBurstSize - kTransmitBuffer - sent);
  EXPECT_EQ(pipeline.state().counters.ports[1].transmit_full.read(), dropped);
  pipeline.io().set_device_room(FakeIo::kNoLimit);
  EXPECT_EQ(pipeline.loop().sent.size(), kTransmitBuffer) << "what waited leaves first";
  return dropped;
}

// What no device takes any more at the end of the run.
uint64_t device_gone() {
  Pipeline pipeline;
  pipeline.io().set_device_room(0);
  EXPECT_EQ(pipeline.run(0, build(Packet{})).text(), "nothing");
  pipeline.worker().finish();
  EXPECT_EQ(pipeline.total().in_flight(), 0);
  return drops(pipeline, DropReason::transmit_full);
}

// A frame that the device will never take doesn't keep those behind it for ever.
uint64_t device_refuses() {
  Pipeline pipeline;
  pipeline.io().set_device_room(0);
  pipeline.run_burst(0, {build(Packet{.sport = 1}), build(Packet{.sport = 2})});
  pipeline.wait(99);
  EXPECT_EQ(pipeline.loop().text(), "nothing");
  pipeline.wait(1);
  const uint64_t dropped = count_of(pipeline.loop(), DropReason::transmit_full);
  EXPECT_EQ(pipeline.total().in_flight(), 1);
  pipeline.io().set_device_room(FakeIo::kNoLimit);
  const Outcome outcome = pipeline.loop();
  EXPECT_EQ(outcome.text(), "sent");
  EXPECT_EQ(get16(outcome.sent.at(0).frame, 34), 2) << "the first was given up";
  return dropped;
}

// A client that pings more often than it is answered; another one is answered all the same.
uint64_t pings_over_their_rate() {
  Pipeline pipeline;
  const Bytes ping = build(icmp({}, {.type = 8}));
  uint64_t answers = 0;
  for (unsigned burst = 0; burst < 4; ++burst)
    answers += pipeline.run_burst(0, std::vector<Bytes>(kBurstSize, ping)).sent.size();
  EXPECT_EQ(answers, 100U);
  const uint64_t dropped = drops(pipeline, DropReason::answer_limit);
  EXPECT_EQ(dropped, 4 * kBurstSize - answers);
  EXPECT_EQ(drops(pipeline, DropReason::echo), answers);
  EXPECT_EQ(pipeline.state().ledger.originated, answers);
  EXPECT_EQ(pipeline.run(0, build(icmp({.source = "203.0.113.8"}, {.type = 8}))).text(), "sent echo");
  EXPECT_EQ(pipeline.run(0, build(Packet{.ttl = 1})).text(), "sent ttl") << "each kind has its own";
  pipeline.wait(1000);
  EXPECT_EQ(pipeline.run(0, ping).text(), "sent echo");
  return dropped;
}

uint64_t kernel_frame_beyond_the_mtu() {
  Pipeline pipeline;
  const Packet largest{.from = kPort0Mac, .payload = Bytes(1500 - 40, 0)};
  EXPECT_EQ(pipeline.from_host(0, build(largest)).text(), "sent");
  const Packet larger{.from = kPort0Mac, .payload = Bytes(1500, 0)};
  return count_of(pipeline.from_host(0, build(larger)), DropReason::too_big);
}

uint64_t no_buffers() {
  Pipeline pipeline;
  pipeline.io().set_buffers(0);
  return count_of(pipeline.from_host(0, build(Packet{})), DropReason::transmit_full);
}

// Two workers; the other one takes nothing out of the ring that flows it owns are handed over by.
uint64_t hand_over_ring_full() {
  std::vector<FlowBucket> flows(8);
  std::vector<ProbationLine> probation(8);
  std::vector<PairCounters> pairs(256);
  std::vector<ServiceCounters> services(256);
  WorkerState state(0,
                    {std::as_writable_bytes(std::span(flows)), std::as_writable_bytes(std::span(probation)),
                     pairs, services},
                    HashKey{{1}});
  FakeIo io;
  PuntRings punt;
  HandOverRings hand_over(2);
  Worker<FakeIo> worker(state, io, 2, punt, hand_over, nullptr);
  const Pipeline other;  // lends its snapshot
  for (unsigned i = 0; i < 20'000; ++i) {
    Packet packet{.destination = "198.51.100.3", .sport = static_cast<uint16_t>(1024 + i)};
    io.push(0, build(packet));
  }
  while (worker.run_once(other.snapshot(), Now::from_ns(1'000'000'000'000)) != 0)
    EXPECT_TRUE(state.ledger.balanced());
  EXPECT_EQ(io.outstanding(), 0U);
  EXPECT_EQ(state.ledger.received, 20'000U);
  EXPECT_GT(state.ledger.sent, 8'000U) << "its own half";
  uint64_t waiting = 0;
  for (FrameRing& ring = hand_over.ring(0, 1); ring.front(); ring.pop())
    ++waiting;
  EXPECT_EQ(static_cast<uint64_t>(state.ledger.in_flight()), waiting);
  return state.ledger.dropped[static_cast<size_t>(DropReason::ring_full)];
}

}  // namespace

std::vector<DropScenario> pipeline_scenarios() {
  using enum DropReason;
  return {
      {"IP for the host on a port without host_interface", no_host_interface, no_kernel_for_ip},
      {"neither IP nor ARP on a port without host_interface", not_ip, no_kernel_for_the_rest},
      {"our own outer header to a service on gue's port", loop, our_header_to_a_gue_service},
      {"the only backend is down, and panic is off", no_backend, all_down},
      {"a pool without backends", no_backend, empty_pool},
      {"a backend's MAC was never known", no_neighbour, backend_without_mac},
      {"a backend that no route leads to", no_neighbour, backend_without_route},
      {"an on-link client's MAC was never known", no_neighbour, client_without_mac},
      {"a router's MAC was never known", no_neighbour, router_without_mac},
      {"a client that no route leads to", no_neighbour, client_without_route},
      {"more for the kernel than its rate", punt_full, punts_over_their_rate},
      {"the ring to the punt thread is full", punt_full, rest_ring_full},
      {"the urgent ring is full", punt_full, urgent_ring_full},
      {"a device that takes no more", transmit_full, device_full},
      {"a device that takes nothing at the end", transmit_full, device_gone},
      {"a frame that the device never takes", transmit_full, device_refuses},
      {"a client that pings faster than it is answered", answer_limit, pings_over_their_rate},
      {"a frame of the kernel's beyond the MTU", too_big, kernel_frame_beyond_the_mtu},
      {"no buffer for a frame of the kernel's", transmit_full, no_buffers},
      {"another worker's ring is full", ring_full, hand_over_ring_full},
  };
}

}  // namespace shunt::packet
