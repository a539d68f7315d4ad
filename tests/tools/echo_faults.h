// What shunt-echo does wrong on purpose, so that it is known that the probe would see it.
//
// Messages are counted within a connection or UDP flow, from 1; 0 means never.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"

namespace shunt {

struct EchoFaults {
  uint64_t rst_after = 0;    // TCP: a reset once that many are answered
  uint64_t close_after = 0;  // TCP: an orderly end once that many are answered
  uint64_t drop_reply = 0;   // no answer any more, from this one on
  uint64_t gap = 0;          // this one isn't answered, the next is
  uint64_t duplicate = 0;    // this one is answered twice
  uint64_t corrupt = 0;      // one bit of this one's answer is wrong
  uint64_t id_flip = 0;      // another backend's id once that many are answered
  uint64_t stall_ms = 0;     // once, at the first message of all: nothing is answered for so long

  bool any_per_message() const { return (drop_reply | gap | duplicate | corrupt | id_flip) != 0; }
};

// "rst-after=3" and the like, added to `faults`.
Result<> parse_fault(std::string_view text, EchoFaults& faults);

// Turns questions into answers, right or wrong.
class Answerer {
 public:
  Answerer(std::string id, const EchoFaults& faults) : id_(std::move(id)), faults_(faults) {}

  // Answers message `number` in place; returns how many times it is to be sent: 0, 1 or 2.
  unsigned answer(std::span<uint8_t> frame, uint64_t number);
  const EchoFaults& faults() const { return faults_; }

 private:
  void stall_once();

  std::string id_;
  EchoFaults faults_;
  bool stalled_ = false;
};

}  // namespace shunt
