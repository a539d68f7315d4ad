// World: the product's Worker with a compiled configuration and live flows, fed from memory.
//
// 100 services of one forwarding mode, 1,000 backends, kFlows flows in the connection table. Keys, addresses
// and the order of packets are fixed, so the same program executes the same instructions in every run.
#pragma once

#include <memory>
#include <random>
#include <vector>

#include "control/compiler.h"
#include "dataplane/worker.h"
#include "tests/instructions/memory_io.h"
#include "tests/packet/packet_builder.h"
#include "tests/packet/telemetry_bed.h"

namespace shunt::instructions {

inline constexpr unsigned kServices = 100;
inline constexpr unsigned kBackendsPerService = 10;
inline constexpr uint32_t kFlows = 20'000;
inline constexpr uint32_t kConnections = 64'000;  // the new flows fit too
inline constexpr uint32_t kSyns =
    kBurstSize / 2;  // of a burst of openings; the rest are the ACKs of the one before

enum class Traffic : uint8_t { hit, reply, opening, flood };

struct Case {
  const char* name;
  Forward forward;
  Family family;
  Traffic traffic;
  bool telemetry = true;
};

class World {
 public:
  explicit World(const Case& its_case);

  // Lets kFlows clients connect. False: this build doesn't forward such packets, or not as it should.
  bool connect();

  // One burst, laid out; whoever calls run() next handles it.
  void lay_burst();
  void run() { worker_.run_once(*snapshot_, Now::from_ns(now_ns_)); }
  // What run() did with it: all sent, and the first one right.
  bool burst_is_right() const;

 private:
  struct Flow {
    IpAddress client;
    uint16_t sport;
    unsigned service;
  };

  Config config() const;
  KernelView kernel() const;
  IpAddress vip(unsigned service) const;
  IpAddress backend(unsigned number) const;
  Flow flow(uint32_t number) const;
  void lay_request(unsigned i, const Flow& flow, uint8_t flags, uint32_t sequence);
  void lay_reply(unsigned i, uint32_t flow);
  void lay(unsigned i, const IpAddress& source, const IpAddress& destination, uint16_t sport, uint16_t dport,
           uint8_t flags, uint32_t sequence);
  void offer(Traffic traffic);
  bool is_right(const Frame& frame, Traffic traffic) const;

  Case case_;
  std::vector<FlowBucket> flow_memory_;
  std::vector<ProbationLine> probation_memory_;
  std::vector<PairCounters> pair_memory_;
  std::vector<ServiceCounters> service_memory_;
  packet::TelemetryBed telemetry_;
  WorkerState state_;
  MemoryIo io_;
  PuntRings punt_;
  HandOverRings hand_over_{1};
  Worker<MemoryIo> worker_;
  Compiler compiler_;
  std::unique_ptr<const Snapshot> snapshot_;
  packet::Bytes request_;          // what every frame is made from
  std::vector<IpAddress> chosen_;  // nat: each flow's backend
  std::mt19937 random_{1};
  uint32_t next_new_ = kFlows;
  uint64_t now_ns_ = 1'000'000'000'000;
};

}  // namespace shunt::instructions
