// Player: the in-process pipeline in the rich world, with everything that may change under packets, and what
// must hold after each step. The pipeline itself looks at the account and at every buffer; here: what leaves
// is well-formed, has the port's MAC, and is no longer than the way out allows.
#pragma once

#include "tests/fuzz/input.h"
#include "tests/packet/pipeline.h"

namespace shunt::fuzz {

class Player {
 public:
  explicit Player(Input& input);

  // One loop.
  void feed(uint8_t port, const std::vector<Bytes>& frames);
  // The kernel sends it: out of the port, or to a VIP.
  void feed_from_host(uint8_t port, Bytes frame, bool to_vip);
  // Health, a reload, next hops, devices that are full, time: whatever the input says.
  void change();
  // Everything may leave now; all that came in has had its fate.
  void settle();

 private:
  Config any_config();
  void check(const packet::Outcome& outcome);
  void check(const packet::SentFrame& sent);

  Input& input_;
  packet::Pipeline pipeline_;
  bool all_right_ = true;       // what came in so far, checksums too: then what leaves is
  std::vector<Bytes> of_host_;  // what the kernel sent, which leaves as it is
};

}  // namespace shunt::fuzz
