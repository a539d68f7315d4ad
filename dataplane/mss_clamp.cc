#include "dataplane/mss_clamp.h"

#include <algorithm>
#include <bit>

#include "common/checksum.h"
#include "dataplane/packet_view.h"

namespace shunt {
namespace {

constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNothing = 1;
constexpr uint8_t kOptionMss = 2;

// Where its value stands; 0: there is none, or the options before it are broken.
unsigned find_mss(const uint8_t* tcp) {
  const unsigned end = (tcp[12] >> 4U) * 4U;
  unsigned at = kTcpHeaderBytes;
  while (at + 1 < end && tcp[at] != kOptionEnd) {
    if (tcp[at] == kOptionNothing) {
      ++at;
      continue;
    }
    const unsigned bytes = tcp[at + 1];
    if (bytes < 2 || at + bytes > end) return 0;
    if (tcp[at] == kOptionMss) return bytes == 4 ? at + 2 : 0;
    at += bytes;
  }
  return 0;
}

}  // namespace

uint16_t largest_segment(const Service& service, unsigned fitting, bool is_v4) {
  if (service.mss_clamp != kMssOfMtu) return service.mss_clamp;
  const unsigned headers = (is_v4 ? kIpv4HeaderBytes : kIpv6HeaderBytes) + kTcpHeaderBytes;
  return static_cast<uint16_t>(fitting > headers ? fitting - headers : 0U);
}

void clamp_mss(uint8_t* tcp, uint16_t largest) {
  const unsigned at = find_mss(tcp);
  if (at == 0 || largest == 0 || load<be16>(tcp + at).host() <= largest) return;
  const be16 before = load<be16>(tcp + at);
  const be16 after(largest);
  // At an odd place its bytes are halves of two words: there they count swapped (RFC 1071 2, B).
  const auto in_words = [at](be16 value) { return at % 2 == 0 ? value.raw() : std::rotl(value.raw(), 8); };
  store(tcp + at, after);
  store(tcp + 16, apply_delta(load<uint16_t>(tcp + 16), checksum_delta(in_words(before), in_words(after))));
}

}  // namespace shunt
