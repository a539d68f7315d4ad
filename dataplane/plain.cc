// plain: parse and classify in one pass, for the packets that nearly all are.
//
// Plain is: to this port's MAC, no tag, no options, no extension headers, no fragment, whole TCP or UDP, to
// exactly a service's address and port. The first 32 bytes of such a frame tell by one compare; then its
// values stay in registers until the flow's key is made and its bucket asked for. A packet that reads back
// what it has just written waits for it, and those behind it as well (20 ticks each), and two passes over
// the burst cost fifty instructions a packet more. A frame that isn't plain, or has a fault, is left to parse
// and classify, which find out what it is; so are odd sources, which select looks at when nobody knows the
// flow: none was ever let open one.
//
// Cost: the frame's first line, prefetched four packets ahead, and one probe of the VIP table. The room where
// an outer header will go is asked for here (fastpath: 26 ticks a packet when it isn't).
#include <immintrin.h>

#include <cstddef>

#include "common/checksum.h"
#include "dataplane/ip_source.h"
#include "dataplane/stages.h"

namespace shunt {
namespace {

// The first 32 bytes of a plain frame: what they must be, where `mask` is set.
struct HeadBytes {
  alignas(32) std::array<uint8_t, 32> wanted{};
  alignas(32) std::array<uint8_t, 32> mask{};

  void want(size_t at, uint8_t value, uint8_t bits = 0xff) {
    wanted[at] = value;
    mask[at] = bits;
  }
};

// The same in registers.
class HeadMatch {
 public:
#if defined(__AVX2__)
  explicit HeadMatch(const HeadBytes& head)
      : wanted_(_mm256_load_si256(reinterpret_cast<const __m256i*>(head.wanted.data()))),
        mask_(_mm256_load_si256(reinterpret_cast<const __m256i*>(head.mask.data()))) {}
  bool operator()(const uint8_t* frame) const {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(frame));
    return _mm256_testz_si256(_mm256_xor_si256(bytes, wanted_), mask_) != 0;
  }

 private:
  __m256i wanted_;
  __m256i mask_;
#else
  explicit HeadMatch(const HeadBytes& head)
      : wanted_{load_block(head.wanted.data()), load_block(head.wanted.data() + 16)},
        mask_{load_block(head.mask.data()), load_block(head.mask.data() + 16)} {}
  bool operator()(const uint8_t* frame) const {
    const __m128i first = _mm_and_si128(_mm_xor_si128(load_block(frame), wanted_[0]), mask_[0]);
    const __m128i second = _mm_and_si128(_mm_xor_si128(load_block(frame + 16), wanted_[1]), mask_[1]);
    const __m128i wrong = _mm_or_si128(first, second);
    return _mm_testz_si128(wrong, wrong) != 0;
  }

 private:
  __m128i wanted_[2];
  __m128i mask_[2];
#endif
};

// The 20 bytes of an IPv4 header that is no fragment: the upper bits of the first eight, flags and offset,
// are small, so their sum needs no carry.
inline bool has_right_checksum(const uint8_t* ip) {
  return folds_to_ones(load<uint64_t>(ip) + load<uint32_t>(ip + 8) + load<uint32_t>(ip + 12) +
                       load<uint32_t>(ip + 16));
}

struct Lengths {
  unsigned ip_bytes = 0;
  unsigned payload_bytes = 0;
};

// One kind of plain packet: where things lie, and what only this kind asks.
template <L3 kFamily, uint8_t kTransport>
struct Plain {
  static constexpr bool kIsV4 = kFamily == L3::ipv4;
  static constexpr bool kIsTcp = kTransport == kProtocolTcp;
  static constexpr unsigned kIp = kEtherHeaderBytes;
  static constexpr unsigned kIpBytes = kIsV4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  static constexpr unsigned kL4 = kIp + kIpBytes;
  static constexpr unsigned kL4Bytes = kIsTcp ? kTcpHeaderBytes : kUdpHeaderBytes;
  static constexpr unsigned kLeast = kL4 + kL4Bytes;
  static_assert(kLeast >= 32);

  static HeadBytes head(const MacAddress& mac) {
    HeadBytes head;
    for (size_t i = 0; i < mac.bytes.size(); ++i)
      head.want(i, mac.bytes[i]);
    const be16 type(kIsV4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
    head.want(12, static_cast<uint8_t>(type.raw() & 0xffU));
    head.want(13, static_cast<uint8_t>(type.raw() >> 8U));
    if constexpr (kIsV4) {
      head.want(kIp, 0x45);
      head.want(kIp + 6, 0, 0x3f);  // no more fragments, no offset
      head.want(kIp + 7, 0);
      head.want(kIp + 9, kTransport);
    } else {
      head.want(kIp, 0x60, 0xf0);
      head.want(kIp + 6, kTransport);
    }
    return head;
  }

  // `bytes` are at least kLeast. A length that is too small wraps around and is too big.
  static bool has_right_lengths(const uint8_t* frame, uint32_t bytes, Lengths& lengths) {
    const unsigned told = load<be16>(frame + kIp + (kIsV4 ? 2 : 4)).host();
    const unsigned behind = told - (kIsV4 ? kIpBytes : 0U) - kL4Bytes;  // the least transport header
    if (behind > bytes - kLeast) return false;
    lengths.ip_bytes = told + (kIsV4 ? 0U : kIpBytes);
    if constexpr (kIsTcp) {
      const unsigned options = ((frame[kL4 + 12] >> 2U) & 0x3cU) - kTcpHeaderBytes;
      lengths.payload_bytes = behind - options;
      return options <= behind;
    } else {
      const unsigned payload = load<be16>(frame + kL4 + 4).host() - unsigned{kUdpHeaderBytes};
      lengths.payload_bytes = payload;
      return payload <= behind;
    }
  }

  static bool has_right_sum(const uint8_t* frame) {
    if constexpr (kIsV4) return has_right_checksum(frame + kIp);
    // RFC 8200 8.1: over IPv6 there is no such thing as no checksum.
    return kIsTcp || load<uint16_t>(frame + kL4 + 6) != 0;
  }

  static bool has_bad_source(const uint8_t* frame) {
    return kIsV4 ? is_bad_source_v4(frame + kIp + 12) : is_bad_source_v6(frame + kIp + 8);
  }

  static unsigned hops(const uint8_t* frame) { return frame[kIp + (kIsV4 ? 8 : 7)]; }

  static constexpr Protocol kProtocol = kIsTcp ? Protocol::tcp : Protocol::udp;
  static auto services(const VipTable& vips) {
    if constexpr (kIsV4) return vips.exact_v4(kProtocol).probe();
    if constexpr (!kIsV4) return vips.exact_v6(kProtocol).probe();
  }
  static uint64_t tag(const auto& services, const uint8_t* frame) {
    if constexpr (kIsV4) return services.find(ExactKey4::at(frame + kIp + 16));
    if constexpr (!kIsV4) return services.find(ExactKey6::at(frame + kIp + 24, load<be16>(frame + kL4 + 2)));
  }

  // `tag`: the service's id in the top 16 bits.
  static FlowKey key(const HashKey& key, uint64_t tag, const uint8_t* frame) {
    if constexpr (kIsV4) {
      // Destination, source port, destination port: the middle stands where the key wants it.
      const uint64_t sport = load<uint64_t>(frame + kIp + 16) & ExactKey4::kSourcePort;
      return exact_flow_key(key, tag | sport | load<uint32_t>(frame + kIp + 12));
    } else {
      return digest_flow_key_v6(key, static_cast<uint16_t>(tag >> kFlowBits), frame + kIp + 8,
                                frame + kIp + 24, load<be16>(frame + kL4), load<be16>(frame + kL4 + 2),
                                kTransport);
    }
  }

  // Narrow ones: putting words together first takes longer.
  static void fill(PacketView& view, const uint8_t* frame, const Lengths& lengths) {
    constexpr uint32_t kBegin =
        static_cast<uint32_t>(kFamily) | (uint32_t{kEtherHeaderBytes} << 8U) | (uint32_t{kTransport} << 16U);
    store(&view, kBegin);
    if constexpr (kIsTcp) view.tcp_flags = frame[kL4 + 13];
    view.l4_offset = kL4;
    view.ip_bytes = static_cast<uint16_t>(lengths.ip_bytes);
    store(&view.payload_bytes, lengths.payload_bytes);  // and no defect
  }
};
static_assert(std::endian::native == std::endian::little && offsetof(PacketView, tcp_flags) == 3 &&
              offsetof(PacketView, payload_bytes) == 8);

// From a tag to its service's place, in one shift.
constexpr unsigned kTagToService = kFlowBits - static_cast<unsigned>(std::countr_zero(sizeof(Service)));
static_assert(std::has_single_bit(sizeof(Service)));

// Of `packets`, those that this kind isn't.
template <typename Kind>
[[gnu::noinline]] uint64_t take(Burst& burst, uint64_t packets, const PortState& port,
                                const Snapshot& snapshot, const WorkerState& worker) {
  const HeadMatch is_plain(Kind::head(port.mac));
  const auto by_destination = Kind::services(*snapshot.vips);
  const std::byte* const services = reinterpret_cast<const std::byte*>(snapshot.services.data());
  const FlowTable::Finder flows = worker.flows.finder();
  const HashKey table_key = worker.table_key;
  const ptrdiff_t room_at = snapshot.encapsulates ? -1 : 0;  // the line before the frame, or its own again
  uint64_t others = 0;
  uint64_t strangers = 0;
  burst.each_of(packets, [&](Packet& packet) {
    __builtin_prefetch((&packet + kPrefetchDistance)->data);
    const uint8_t* const frame = packet.data;
    const uint32_t bytes = packet.bytes;
    Lengths lengths;
    if (bytes < Kind::kLeast || !is_plain(frame) || !Kind::has_right_lengths(frame, bytes, lengths) ||
        !Kind::has_right_sum(frame)) [[unlikely]] {
      others |= bit_of(burst.index_of(packet));
      return;
    }
    Kind::fill(packet.view, frame, lengths);
    const uint64_t tag = Kind::tag(by_destination, frame);
    if (tag == 0 || Kind::hops(frame) <= 1) [[unlikely]] {
      (Kind::has_bad_source(frame) ? others : strangers) |= bit_of(burst.index_of(packet));
      return;
    }
    const FlowKey key = Kind::key(table_key, tag, frame);
    flows.prefetch(key);
    __builtin_prefetch(frame + room_at, 1);
    packet.service = reinterpret_cast<const Service*>(services + (tag >> kTagToService));
    packet.set_key(key);
  });
  (Kind::kIsV4 ? burst.plain4 : burst.plain6) |= packets & ~others & ~strangers;
  burst.unparsed &= others | ~packets;
  burst.unclassified &= others | strangers | ~packets;
  return others;
}

// How the packet begins says which kind to try first: most bursts are of one.
struct Guess {
  bool is_v6 = false;
  bool is_udp = false;
};
Guess guess_of(const Packet& packet) {
  if (packet.bytes < kEtherHeaderBytes + kIpv4HeaderBytes) return {};
  const bool is_v6 = load<be16>(packet.data + 12) == be16(kEtherTypeIpv6);
  return {is_v6, packet.data[kEtherHeaderBytes + (is_v6 ? 6 : 9)] == kProtocolUdp};
}

template <L3 kFamily>
uint64_t take_family(bool udp_first, Burst& burst, uint64_t packets, const PortState& port,
                     const Snapshot& snapshot, const WorkerState& worker) {
  using Tcp = Plain<kFamily, kProtocolTcp>;
  using Udp = Plain<kFamily, kProtocolUdp>;
  if (udp_first) packets = take<Udp>(burst, packets, port, snapshot, worker);
  if (packets != 0) packets = take<Tcp>(burst, packets, port, snapshot, worker);
  if (packets != 0 && !udp_first) packets = take<Udp>(burst, packets, port, snapshot, worker);
  return packets;
}

}  // namespace

void take_plain(Burst& burst, const PortState& port, const Snapshot& snapshot, const WorkerState& worker) {
  const Guess guess = guess_of(burst.packet[0]);
  uint64_t rest = burst.live;
  if (guess.is_v6) rest = take_family<L3::ipv6>(guess.is_udp, burst, rest, port, snapshot, worker);
  if (rest != 0) rest = take_family<L3::ipv4>(guess.is_udp, burst, rest, port, snapshot, worker);
  if (rest != 0 && !guess.is_v6) take_family<L3::ipv6>(guess.is_udp, burst, rest, port, snapshot, worker);
}

}  // namespace shunt
