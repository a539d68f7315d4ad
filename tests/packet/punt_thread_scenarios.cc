// Drops of the punt thread.
#include "tests/packet/drop_rows.h"
#include "tests/packet/nd_builder.h"
#include "tests/packet/punt_harness.h"

namespace shunt::packet {
namespace {

uint64_t arp_for_a_vip() {
  PuntHarness harness;
  harness.forget_announcements();
  harness.punt(0, build(Arp{}), true);
  EXPECT_EQ(harness.run(10'000'000'000U).size(), 1U) << "the answer";
  return harness.drops(DropReason::arp);
}

uint64_t solicitation_for_a_vip() {
  Config config = mode_config();
  config.services.push_back(service("2001:db8::1", 80, "l2", Forward::l2));
  PuntHarness harness(config);
  harness.forget_announcements();
  harness.punt(0, build(NeighbourMessage{}), true);
  EXPECT_EQ(harness.run(10'000'000'000U).size(), 1U) << "the answer";
  return harness.drops(DropReason::nd);
}

uint64_t no_tap_on_this_port() {
  PuntHarness harness;
  harness.punt(1, build(Packet{.to = kPort1Mac, .destination = "10.0.0.1"}));
  harness.run();
  return harness.drops(DropReason::no_host_interface);
}

uint64_t kernel_refuses() {
  PuntHarness harness;
  harness.taps[0].fill();
  harness.punt(0, build(Packet{.destination = "192.0.2.2"}));
  harness.run();
  return harness.drops(DropReason::punt_failed);
}

uint64_t worker_is_behind() {
  PuntHarness harness(bare_config(), 4096);
  const Bytes frame = build(Packet{.payload = Bytes(1400, 0)});
  for (unsigned i = 0; i < 4; ++i)
    harness.taps[0].send(frame);
  EXPECT_EQ(harness.run().size(), 2U) << "as many as the ring holds";
  EXPECT_EQ(harness.thread.ledger().read().received, 4U);
  return harness.drops(DropReason::ring_full);
}

}  // namespace

std::vector<DropScenario> punt_thread_scenarios() {
  using enum DropReason;
  return {
      {"an ARP request for a VIP is answered", arp, arp_for_a_vip},
      {"a neighbour solicitation for a VIP is answered", nd, solicitation_for_a_vip},
      {"no tap on the packet's port", no_host_interface, no_tap_on_this_port},
      {"the kernel takes no more", punt_failed, kernel_refuses},
      {"the worker takes nothing of the kernel's", ring_full, worker_is_behind},
  };
}

}  // namespace shunt::packet
