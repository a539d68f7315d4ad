#include "dataplane/fragment_part.h"

#include "dataplane/extension_headers.h"

namespace shunt {
namespace {

FragmentPart part_of(const FragmentKey& key, const FragmentWord& word, unsigned bytes) {
  return {key, static_cast<uint16_t>(word.offset_bytes), static_cast<uint16_t>(word.offset_bytes + bytes),
          word.more};
}

}  // namespace

FragmentPart fragment_part_of(const PacketView& view, const uint8_t* frame) {
  const uint8_t* const ip = view.ip(frame);
  constexpr uint64_t kIpv6 = uint64_t{1} << 40U;
  if (view.l3 == L3::ipv4) {
    const __m128i source = _mm_cvtsi32_si128(load<int32_t>(ip + 12));
    const __m128i destination = _mm_cvtsi32_si128(load<int32_t>(ip + 16));
    const uint64_t rest = load<be16>(ip + 4).host() | (uint64_t{ip[9]} << 32U);
    return part_of({source, destination, rest}, FragmentWord::of_ipv4(ip),
                   view.ip_bytes - (ip[0] & 0x0fU) * 4U);
  }
  const unsigned at = walk_extension_headers(ip, view.ip_bytes).fragment_at;
  const uint64_t rest = load<be32>(ip + at + 4).host() | kIpv6;
  return part_of({load_block(ip + 8), load_block(ip + 24), rest}, FragmentWord::of_ipv6(ip + at),
                 view.ip_bytes - at - kFragmentUnit);
}

}  // namespace shunt
