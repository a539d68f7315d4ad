// How many instructions shunt executes for a packet, by case. Run by check.py under callgrind, which counts
// only inside shunt_measured_loop; by itself it only checks that every case forwards.
//
//   case NAME PACKETS      a dump named NAME holds what PACKETS packets took
//   absent NAME            this build doesn't forward such packets
#include <valgrind/callgrind.h>

#include <cstdio>
#include <exception>
#include <memory>

#include "tests/instructions/world.h"

// Callgrind knows it by this name.
extern "C" [[gnu::noipa]] void shunt_measured_loop(shunt::instructions::World& world);
extern "C" void shunt_measured_loop(shunt::instructions::World& world) {
  world.run();
}

namespace shunt::instructions {
namespace {

constexpr unsigned kWarmBursts = 20;
constexpr unsigned kBursts = 500;

constexpr Case kCases[] = {
    {"hit-l2", Forward::l2, Family::ipv4, Traffic::hit},
    {"hit-ipip-v4", Forward::ipip, Family::ipv4, Traffic::hit},
    {"hit-ipip-v6", Forward::ipip, Family::ipv6, Traffic::hit},
    {"hit-gue", Forward::gue, Family::ipv4, Traffic::hit},
    {"hit-nat", Forward::nat, Family::ipv4, Traffic::hit},
    {"hit-nat-reply", Forward::nat, Family::ipv4, Traffic::reply},
    {"new", Forward::ipip, Family::ipv4, Traffic::opening},
    {"flood", Forward::ipip, Family::ipv4, Traffic::flood},
    {"hit-ipip-v4-blind", Forward::ipip, Family::ipv4, Traffic::hit, false},
    {"hit-nat-reply-blind", Forward::nat, Family::ipv4, Traffic::reply, false},
    {"new-blind", Forward::ipip, Family::ipv4, Traffic::opening, false},
    {"flood-blind", Forward::ipip, Family::ipv4, Traffic::flood, false},
};

// False: a packet went wrong.
bool count(const Case& each, World& world) {
  for (unsigned burst = 0; burst < kWarmBursts; ++burst) {
    world.lay_burst();
    world.run();
  }
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  for (unsigned burst = 0; burst < kBursts; ++burst) {
    world.lay_burst();
    shunt_measured_loop(world);
    if (!world.burst_is_right()) return false;
  }
  CALLGRIND_DUMP_STATS_AT(each.name);
  CALLGRIND_STOP_INSTRUMENTATION;
  std::printf("case %s %u\n", each.name, kBursts * kBurstSize);
  return true;
}

int count_all() {
  for (const Case& each : kCases) {
    const auto world = std::make_unique<World>(each);
    if (!world->connect()) {
      std::printf("absent %s\n", each.name);
    } else if (!count(each, *world)) {
      std::fprintf(stderr, "%s: a packet wasn't forwarded as it should be\n", each.name);
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace shunt::instructions

int main() {
  try {
    std::printf("compiler %s\n", __VERSION__);
    return shunt::instructions::count_all();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "instructions: %s\n", error.what());
    return 1;
  }
}
