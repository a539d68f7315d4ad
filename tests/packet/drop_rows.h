// Every way a packet ends early, as rows: what comes in, and the reason that names it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/packet/pipeline.h"

namespace shunt::packet {

// One packet into a fresh pipeline on six_config().
struct DropRow {
  std::string name;
  DropReason reason;
  Bytes in;
  uint8_t port = 0;
  bool answered = false;  // an answer is sent as well
};

// What needs more than one packet, or another thread's half: runs by itself and returns how many packets of
// it were dropped for `reason`.
struct DropScenario {
  std::string name;
  DropReason reason;
  std::function<uint64_t()> run;
};

std::vector<DropRow> header_rows();    // parse's objections
std::vector<DropRow> decision_rows();  // those of the stages behind it
std::vector<DropScenario> pipeline_scenarios();
std::vector<DropScenario> fragment_scenarios();
std::vector<DropScenario> punt_thread_scenarios();

}  // namespace shunt::packet
