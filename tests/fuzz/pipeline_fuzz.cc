// The whole way of a packet, with frames as they come: the input is a list of steps, a frame each, or a burst
// of those before, or a change of what is around them. scripts/lib/frame_seeds.py writes such lists.
#include "tests/fuzz/failure.h"
#include "tests/fuzz/frame_faults.h"
#include "tests/fuzz/player.h"
#include "tests/fuzz/world.h"

namespace shunt::fuzz {
namespace {

constexpr int kMostSteps = 100;

// Names the VIP that a choice means as the destination, and makes the IPv4 header's checksum right.
void turn_to_vip(Bytes& frame, uint8_t choice) {
  const size_t l3 = l2_bytes(frame);
  if (l3 >= frame.size()) return;
  const bool six = frame[l3] >> 4U == 6;
  const size_t header = six ? 40 : (frame[l3] & 15U) * size_t{4};
  const size_t address_at = l3 + (six ? 24 : 16);
  if (l3 + header > frame.size() || header < 20) return;
  std::vector<const Way*> fit;
  for (const Way& way : ways()) {
    if (way.is_v6() == six) fit.push_back(&way);
  }
  const Bytes vip = packet::wire(packet::ip(fit[choice % fit.size()]->vip));
  std::copy(vip.begin(), vip.end(), frame.begin() + static_cast<ptrdiff_t>(address_at));
  if (six) return;
  packet::set16(frame, l3 + 10, 0);
  const auto begin = frame.begin() + static_cast<ptrdiff_t>(l3);
  packet::set16(frame, l3 + 10,
                packet::internet_checksum(Bytes(begin, begin + static_cast<ptrdiff_t>(header))));
}

Bytes read_frame(Input& input, uint8_t choice, bool to_vip) {
  Bytes frame = input.bytes(input.half());
  if (to_vip) turn_to_vip(frame, choice);
  return frame;
}

void take_step(Input& input, Player& player, std::vector<Bytes>& seen) {
  const uint32_t how = input.below(16);
  const uint8_t choice = input.byte();
  const auto port = static_cast<uint8_t>(choice & 1U);
  if (how < 10) {
    Bytes frame = read_frame(input, choice, how % 2 == 0);
    const MacAddress mac = packet::mac(port == 0 ? packet::kPort0Mac : packet::kPort1Mac);
    if (how < 6 && frame.size() >= 6) std::copy(mac.bytes.begin(), mac.bytes.end(), frame.begin());
    player.feed(port, {frame});
    seen.push_back(std::move(frame));
  } else if (how < 12) {
    player.feed(port, seen);  // all of them, in one burst or two
    seen.clear();
  } else if (how == 12) {
    player.feed_from_host(port, read_frame(input, choice, true), true);
  } else {
    player.change();
  }
}

void run(Input& input) {
  Player player(input);
  std::vector<Bytes> seen;
  for (int step = 0; step < kMostSteps && !input.dry(); ++step)
    take_step(input, player, seen);
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
