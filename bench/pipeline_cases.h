// PipelineCase: one case of the pipeline bench: which packets its batches are made of, and what must hold of
// them.
//
//   hit        packets of flows that the table knows, uniformly drawn
//   new        every packet belongs to a flow that opens: in each batch the ACKs of the last one's SYNs,
//              and new SYNs. The clock is turned so that flows expire while 650,000 are alive
//   mixed      as new, but nine packets of ten are of flows that are alive
//   flood      SYNs of flows that never come again, while the table holds its flows
//   fragments  half of the packets as in hit; the others are later fragments, each of another datagram, whose
//              first ones never come. The fragment table is full of such ones
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "bench/pipeline_runner.h"

namespace shunt::bench {

inline constexpr uint32_t kLiveFlows = 650'000;
inline constexpr uint32_t kFewLiveFlows = 65'536;  // for a look at whether it all works
inline constexpr unsigned kShortLife = 10;         // seconds, of flows in `new` and `mixed`

class PipelineCase {
 public:
  PipelineCase(std::string name, PipelineRunner& runner, const Traffic& traffic, uint32_t flows);

  // Untimed: brings the table into the state that the case is about.
  void warm_up();
  // Untimed: draws the next batch. What came out of the last one is checked by number.
  std::span<const Wanted> next_batch();
  void prepare() { runner_.load(traffic_, next_batch()); }
  uint64_t run() { return runner_.run(); }

  const Traffic& traffic() const { return traffic_; }

  // Ends the program if a packet of one batch isn't what it must be, byte by byte. `run_batch`: ours or a
  // rival's run().
  void prove_output(const PipelineWorld& world, const std::function<uint64_t()>& run_batch);
  // Ends it if a packet was lost since the start, if `hit` didn't hit, if a fragment went anywhere, or if
  // telemetry didn't watch its share of the flows.
  void prove_account() const;

 private:
  bool knows_flows() const { return name_ == "hit" || name_ == "flood" || name_ == "fragments"; }
  void prove_fragments(uint64_t received, uint64_t hits) const;
  void draw_known();
  void draw_fragments();
  void shuffle();
  void draw_new(unsigned opening);
  uint32_t known_flow();

  std::string name_;
  PipelineRunner& runner_;
  Traffic traffic_;
  uint32_t flows_;
  uint32_t next_flow_ = 0;  // the first that never came
  uint32_t next_fragment_ = 0;
  uint64_t hits_before_ = 0;
  uint64_t received_before_ = 0;
  uint64_t sent_before_ = 0;
  Random random_{42};
  std::vector<bool> kept_;
  std::vector<Wanted> batch_;
};

}  // namespace shunt::bench
