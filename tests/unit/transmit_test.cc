// Transmitter: every packet of a burst leaves once, buffers and rings are bounded, and the ledger says so.
#include "dataplane/transmit.h"

#include <gtest/gtest.h>

#include <set>

namespace shunt {
namespace {

constexpr unsigned kPorts = 2;

// Frames are numbers; what the device took and what was freed is kept.
struct CountingIo {
  unsigned room = ~0U;
  std::array<std::vector<uintptr_t>, kPorts> sent;
  std::multiset<uintptr_t> freed;
  std::set<uintptr_t> sealed;

  unsigned receive(uint8_t, Packet*, unsigned, uint64_t&) { return 0; }
  void seal(const Frame& frame) { sealed.insert(number_of(frame.handle)); }
  unsigned send(uint8_t port, void** handles, unsigned count) {
    const unsigned taken = std::min(room, count);
    room -= taken;
    for (unsigned i = 0; i < taken; ++i) {
      sent[port].push_back(number_of(handles[i]));
      EXPECT_EQ(sealed.count(number_of(handles[i])), 1U);
    }
    return taken;
  }
  void free(void** handles, unsigned count) {
    for (unsigned i = 0; i < count; ++i)
      freed.insert(number_of(handles[i]));
  }
  bool allocate(Frame&, uint32_t) { return false; }

  static uintptr_t number_of(const void* handle) { return reinterpret_cast<uintptr_t>(handle); }
};
static_assert(FrameIo<CountingIo>);

struct Transmit : testing::Test {
  std::vector<FlowBucket> flows = std::vector<FlowBucket>(1);
  std::vector<ProbationLine> probation = std::vector<ProbationLine>(2);
  std::vector<PairCounters> pairs = std::vector<PairCounters>(1);
  std::vector<ServiceCounters> services = std::vector<ServiceCounters>(1);
  WorkerState worker{0,
                     {std::as_writable_bytes(std::span(flows)), std::as_writable_bytes(std::span(probation)),
                      pairs, services},
                     HashKey{}};
  CountingIo io;
  PuntRings punt;
  HandOverRings hand_over{2};
  Transmitter<CountingIo> transmitter{io, kPorts, punt, hand_over};
  std::array<uint8_t, 100> bytes{};
  uintptr_t next = 1;

  Frame frame(uint32_t size = 60) { return {bytes.data(), size, reinterpret_cast<void*>(next++)}; }
  uint64_t dropped(DropReason reason) const { return worker.ledger.dropped[static_cast<size_t>(reason)]; }
  void expect_balanced() {
    EXPECT_EQ(worker.ledger.received + worker.ledger.left,
              worker.ledger.sent + worker.ledger.entered + worker.ledger.dropped_total());
  }
};

TEST_F(Transmit, SendsInOrderAtTheFlush) {
  for (int i = 0; i < 3; ++i)
    transmitter.send(0, frame(), worker, Now{});
  transmitter.send(1, frame(70), worker, Now{});
  worker.ledger.received = 4;
  EXPECT_TRUE(io.sent[0].empty());
  EXPECT_EQ(worker.ledger.in_flight(), 4);
  expect_balanced();
  transmitter.flush_all(worker, Now{});
  EXPECT_EQ(io.sent[0], (std::vector<uintptr_t>{1, 2, 3}));
  EXPECT_EQ(io.sent[1], (std::vector<uintptr_t>{4}));
  EXPECT_EQ(worker.counters.ports[0].sent_packets.read(), 3U);
  EXPECT_EQ(worker.counters.ports[0].sent_bytes.read(), 180U);
  EXPECT_EQ(worker.counters.ports[1].sent_bytes.read(), 70U);
  EXPECT_TRUE(io.freed.empty()) << "they are the device's";
  expect_balanced();
}

TEST_F(Transmit, WhatTheDeviceDidNotTakeGoesFirstNextTime) {
  io.room = 2;
  for (int i = 0; i < 5; ++i)
    transmitter.send(0, frame(static_cast<uint32_t>(60 + i)), worker, Now{});
  transmitter.flush_all(worker, Now{});
  EXPECT_EQ(worker.counters.ports[0].sent_bytes.read(), 121U);
  transmitter.send(0, frame(), worker, Now{});
  io.room = ~0U;
  transmitter.flush_all(worker, Now{});
  EXPECT_EQ(io.sent[0], (std::vector<uintptr_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(worker.ledger.in_flight(), 0);
}

TEST_F(Transmit, AFullBufferIsFlushedBeforeAnythingIsDropped) {
  for (unsigned i = 0; i < kTransmitBuffer + 10; ++i)
    transmitter.send(0, frame(), worker, Now{});
  EXPECT_EQ(io.sent[0].size(), kTransmitBuffer);
  EXPECT_EQ(dropped(DropReason::transmit_full), 0U);
}

TEST_F(Transmit, WithoutRoomThereNorHereTheNewestIsDropped) {
  io.room = 0;
  for (unsigned i = 0; i < kTransmitBuffer + 100; ++i)
    transmitter.send(0, frame(), worker, Now{});
  worker.ledger.received = kTransmitBuffer + 100;
  EXPECT_EQ(dropped(DropReason::transmit_full), 100U);
  EXPECT_EQ(worker.counters.ports[0].transmit_full.read(), 100U);
  transmitter.flush_all(worker, Now{});
  EXPECT_EQ(io.freed.size(), 100U);
  EXPECT_EQ(*io.freed.begin(), kTransmitBuffer + 1U);
  transmitter.abandon(worker);
  EXPECT_EQ(io.freed.size(), kTransmitBuffer + 100U);
  EXPECT_EQ(worker.ledger.in_flight(), 0);
  expect_balanced();
}

TEST_F(Transmit, EachFateOfABurstIsOneWay) {
  Burst burst;
  for (unsigned i = 0; i < 5; ++i)
    burst.packet[i].set_frame(frame());
  burst.start(1, 5);
  burst.leave_by(1, bit_of(0));
  burst.punt(1, true);
  burst.punt(2, false);
  burst.hand_over(3, 1);
  burst.drop(4, DropReason::ttl);
  burst.to_host = bit_of(1);
  worker.ledger.received = 5;
  transmitter.run(burst, worker, Now{});
  transmitter.flush_all(worker, Now{});
  EXPECT_EQ(io.sent[1], (std::vector<uintptr_t>{1}));
  EXPECT_EQ(io.freed, (std::multiset<uintptr_t>{2, 3, 4, 5}));
  EXPECT_EQ(dropped(DropReason::ttl), 1U);
  const auto urgent = punt.urgent.front();
  ASSERT_TRUE(urgent);
  EXPECT_EQ(urgent->port, 1);
  EXPECT_EQ(urgent->mark, 1);
  const auto rest = punt.rest.front();
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->mark, 0);
  EXPECT_FALSE(hand_over.ring(0, 1).empty());
  EXPECT_TRUE(hand_over.ring(1, 0).empty());
  EXPECT_EQ(worker.ledger.in_flight(), 3);
  expect_balanced();
}

}  // namespace
}  // namespace shunt
