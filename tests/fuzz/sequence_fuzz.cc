// Sequences of packets that belong together, through the whole way: flows and their ends, replies, ICMP
// errors that quote them, pings, fragments in any order, extension headers, tunnels; while health, next hops,
// devices and time change. Half of the inputs have nothing but right packets: then all that leaves has right
// checksums.
#include "tests/fuzz/failure.h"
#include "tests/fuzz/packet_maker.h"
#include "tests/fuzz/player.h"

namespace shunt::fuzz {
namespace {

constexpr int kMostSteps = 64;
constexpr uint32_t kLargestBurst = 8;

void run(Input& input) {
  const bool right = input.below(2) == 0;
  Player player(input);
  PacketMaker maker(input, right);
  for (int step = 0; step < kMostSteps && !input.dry(); ++step) {
    const uint32_t how = input.below(16);
    const auto port = static_cast<uint8_t>(how & 1U);
    if (how < 12) {
      player.feed(port, {maker.next(port)});
    } else if (how == 12) {
      std::vector<Bytes> burst(input.below(kLargestBurst));
      for (Bytes& frame : burst)
        frame = maker.next(0);
      player.feed(0, burst);
    } else if (how == 13) {
      const bool to_vip = input.below(4) != 3;
      player.feed_from_host(0, maker.next(0), to_vip);
    } else {
      player.change();
    }
  }
  player.settle();
}

}  // namespace
}  // namespace shunt::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  shunt::fuzz::abort_on_test_failures();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  shunt::fuzz::Input input(data, size);
  shunt::fuzz::run(input);
  return 0;
}
