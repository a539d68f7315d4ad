// checksum_edits: incremental checksums against full recomputation, by the functions that packets go through.
//
//   checksum_edits [--edits N] [--seed S]
//
// A packet of random words (0x0000 and 0xffff often) is edited in place up to 64 times, as nat, hops, an MSS
// clamp and an outer header's identification edit one. After each edit every checksum is computed anew as RFC
// 1071 has it, and must be what stands there: UDP's 0 as 0xffff (RFC 768, RFC 8200 8.1), none over IPv4 as
// none, and a wrong one wrong by as much as it was. Half of the packets get a last word that makes the
// checksum 0x0000, 0xffff or a neighbour of those after the first edit.
//
// Status 1 and the packet before and after at the first difference. Bound: none but N; nothing is allocated.
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "dataplane/mss_clamp.h"
#include "dataplane/outer_header.h"
#include "dataplane/translation.h"

namespace shunt {
namespace {

constexpr unsigned kMostOptions = 8;   // of TCP
constexpr unsigned kMostPayload = 11;  // odd sizes too
constexpr unsigned kLongest = kIpv6HeaderBytes + kTcpHeaderBytes + kMostOptions + kMostPayload;
constexpr unsigned kEditsOfPacket = 64;

// xorshift64* (Vigna 2016).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint64_t next() {
    state_ ^= state_ >> 12U;
    state_ ^= state_ << 25U;
    state_ ^= state_ >> 27U;
    return state_ * 0x2545f4914f6cdd1dU;
  }
  uint32_t below(uint32_t bound) { return scale_to(static_cast<uint32_t>(next() >> 32U), bound); }
  // 16 bits of four words each, a quarter of them 0x0000 and a quarter 0xffff.
  uint64_t words() {
    uint64_t random = next();
    const uint64_t choice = next();
    for (unsigned shift = 0; shift < 64; shift += 16) {
      const uint64_t mask = uint64_t{0xffff} << shift;
      if ((choice >> shift & 3U) == 0) random &= ~mask;
      if ((choice >> shift & 3U) == 1) random |= mask;
    }
    return random;
  }

 private:
  uint64_t state_;
};

// The sum of the 16-bit words of `bytes` in network order, high and low bytes by themselves. Nothing of
// common/checksum.h.
uint64_t plain_sum(const uint8_t* bytes, unsigned size) {
  uint64_t high = 0;
  uint64_t low = 0;
  for (unsigned i = 0; i + 1 < size; i += 2) {
    high += bytes[i];
    low += bytes[i + 1];
  }
  if (size % 2 == 1) high += bytes[size - 1];
  return (high << 8U) + low;
}

uint16_t plain_checksum(uint64_t sum) {
  while (sum > 0xffff)
    sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<uint16_t>(~sum);
}

enum class Fault : uint8_t { none, wrong, absent };

struct Subject {
  // Room for a whole block behind it: what is loaded is never beyond.
  alignas(64) std::array<uint8_t, kLongest + 16> bytes{};
  bool is_v4 = true;
  uint8_t protocol = kProtocolTcp;
  unsigned header_bytes = 0;
  unsigned segment_bytes = 0;
  Fault fault = Fault::none;
  unsigned error = 0;  // of the transport checksum, by which it is wrong: a sum mod 65,535, 0 when right

  uint8_t* ip() { return bytes.data(); }
  uint8_t* l4() { return bytes.data() + header_bytes; }
  const uint8_t* ip() const { return bytes.data(); }
  const uint8_t* l4() const { return bytes.data() + header_bytes; }
  unsigned checksum_at() const { return header_bytes + (protocol == kProtocolTcp ? 16U : 6U); }
  uint16_t transport_checksum() const { return load<be16>(ip() + checksum_at()).host(); }

  // All that the transport checksum covers: pseudo header and segment, itself included.
  uint64_t covered() const {
    return plain_sum(ip() + (is_v4 ? 12 : 8), is_v4 ? 8 : 32) + protocol + segment_bytes +
           plain_sum(l4(), segment_bytes);
  }
  uint16_t right_transport_checksum() const {
    const uint16_t checksum = plain_checksum(covered() - transport_checksum());
    return checksum == 0 && protocol == kProtocolUdp ? uint16_t{0xffff} : checksum;
  }
  uint16_t right_header_checksum() const {
    return plain_checksum(plain_sum(ip(), 10) + plain_sum(ip() + 12, kIpv4HeaderBytes - 12));
  }
};

class Edits {
 public:
  explicit Edits(uint64_t seed) : random_(seed) {}

  // False: a difference, which has been printed.
  bool run(uint64_t count) {
    for (uint64_t done = 0; done < count;) {
      fresh_packet();
      for (unsigned i = 0; i < kEditsOfPacket && done < count && hops() > 1; ++i, ++done) {
        const Subject before = subject_;
        if (i == 0 && steer_ != kNotSteered) {
          first_edit();
        } else {
          any_edit();
        }
        if (!is_right()) return print(before, done), false;
        count_edges();
      }
    }
    return true;
  }

  void report(uint64_t count) const {
    std::printf(
        "%llu edits: translate4 %llu, translate6 %llu, addresses alone %llu, hops %llu, MSS %llu, "
        "identifications %llu\n",
        static_cast<unsigned long long>(count), big(kinds_[0]), big(kinds_[1]), big(kinds_[2]),
        big(kinds_[3]), big(kinds_[4]), big(kinds_[5]));
    std::printf(
        "checksums that came out as 0x0000: IPv4 header %llu, TCP %llu; UDP's sent as 0xffff: IPv4 %llu, "
        "IPv6 "
        "%llu; no UDP checksum, and none after: %llu; wrong, and as wrong after: %llu\n",
        big(zero_headers_), big(zero_tcp_), big(ones_udp4_), big(ones_udp6_), big(absent_), big(wrong_));
  }

  // Whether the run had what it is for.
  bool met_every_edge() const {
    for (const uint64_t kind : kinds_) {
      if (kind == 0) return false;
    }
    return zero_headers_ != 0 && zero_tcp_ != 0 && ones_udp4_ != 0 && ones_udp6_ != 0 && absent_ != 0 &&
           wrong_ != 0;
  }

 private:
  static constexpr uint32_t kNotSteered = 0x10000;
  static unsigned long long big(uint64_t value) { return value; }

  uint8_t hops() const { return subject_.ip()[subject_.is_v4 ? 8 : 7]; }

  void fresh_packet() {
    Subject& packet = subject_;
    for (unsigned i = 0; i < packet.bytes.size(); i += 8) {
      const uint64_t words = random_.words();
      std::memcpy(packet.bytes.data() + i, &words, std::min<size_t>(8, packet.bytes.size() - i));
    }
    const uint64_t choice = random_.next();
    packet.is_v4 = (choice & 1U) == 0;
    packet.protocol = (choice & 2U) == 0 ? kProtocolTcp : kProtocolUdp;
    packet.header_bytes = packet.is_v4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
    const bool tcp = packet.protocol == kProtocolTcp;
    const unsigned options = tcp ? kMostOptions : 0U;
    const unsigned payload = 2 + random_.below(kMostPayload - 1);
    packet.segment_bytes = (tcp ? kTcpHeaderBytes + options : kUdpHeaderBytes) + payload;
    write_headers();
    steer_ = kNotSteered;
    if ((choice & 4U) == 0) {
      constexpr uint16_t kEdges[] = {0x0000, 0xffff, 0x0001, 0xfffe};
      steer_ = kEdges[choice >> 3U & 3U];
      steer();
    }
    packet.fault = Fault::none;
    const uint32_t fault = random_.below(16);
    if (fault == 0) packet.fault = Fault::wrong;
    if (fault == 1 && !tcp && packet.is_v4) packet.fault = Fault::absent;
    store_checksums();
  }

  void write_headers() {
    uint8_t* const ip = subject_.ip();
    uint8_t* const l4 = subject_.l4();
    const auto total = static_cast<uint16_t>(subject_.header_bytes + subject_.segment_bytes);
    if (subject_.is_v4) {
      ip[0] = 0x45;
      store(ip + 2, be16(total));
      ip[9] = subject_.protocol;
      if (ip[8] == 0) ip[8] = 1;
    } else {
      ip[0] = static_cast<uint8_t>(0x60U | (ip[0] & 0x0fU));
      store(ip + 4, be16(static_cast<uint16_t>(subject_.segment_bytes)));
      ip[6] = subject_.protocol;
      if (ip[7] == 0) ip[7] = 1;
    }
    if (subject_.protocol == kProtocolUdp)
      return store(l4 + 4, be16(static_cast<uint16_t>(subject_.segment_bytes)));
    l4[12] = static_cast<uint8_t>((kTcpHeaderBytes + kMostOptions) / 4U << 4U);
    // At an even or an odd place: MSS, filled with what does nothing.
    const unsigned at = kTcpHeaderBytes + random_.below(kMostOptions - 3);
    std::memset(l4 + kTcpHeaderBytes, 1, kMostOptions);
    l4[at] = 2;
    l4[at + 1] = 4;
    const auto segment = static_cast<uint16_t>(random_.words());
    store(l4 + at + 2, segment);
  }

  // Chooses the first edit, and a word of the payload for which the checksum behind it is `steer_`.
  void steer() {
    first_end_ = (random_.next() & 1U) == 0 ? End::source : End::destination;
    draw_ends();
    Subject after = subject_;
    apply_ends(after, first_end_);
    // An even place in the segment, whose word is in every payload.
    const unsigned at = after.segment_bytes / 2 * 2 - 2;
    uint8_t* const word = after.l4() + at;
    store(word, be16(0));
    store(after.ip() + after.checksum_at(), be16(0));
    // covered + word + steer = 0xffff, mod 65,535.
    const uint64_t rest = after.covered() % 0xffffU;
    const auto wanted = static_cast<uint16_t>((2 * 0xffffU - rest - steer_ % 0xffffU) % 0xffffU);
    store(subject_.l4() + at, be16(wanted));
  }

  void draw_ends() {
    address_[0] = random_.words();
    address_[1] = random_.words();
    port_ = be16(static_cast<uint16_t>(random_.words()));
  }
  const uint8_t* address() const { return reinterpret_cast<const uint8_t*>(address_.data()); }
  void apply_ends(Subject& packet, End end) const {
    const unsigned bytes = packet.is_v4 ? 4 : 16;
    const unsigned first = packet.is_v4 ? 12 : 8;
    std::memcpy(packet.ip() + first + (end == End::source ? 0 : bytes), address(), bytes);
    store(packet.l4() + (end == End::source ? 0 : 2), port_);
  }

  void store_checksums() {
    Subject& packet = subject_;
    if (packet.is_v4) store(packet.ip() + 10, be16(packet.right_header_checksum()));
    uint8_t* const at = packet.ip() + packet.checksum_at();
    store(at, be16(packet.right_transport_checksum()));
    if (packet.fault == Fault::absent) store(at, be16(0));
    if (packet.fault == Fault::wrong) {
      auto given = static_cast<uint16_t>(random_.words());
      // Of UDP 0 says another thing: no checksum.
      if (given == 0 && packet.protocol == kProtocolUdp) given = 1;
      store(at, be16(given));
    }
    packet.error = static_cast<unsigned>(packet.covered() % 0xffffU);
  }

  void first_edit() { translate(first_end_, random_.below(2)); }

  void any_edit() {
    const uint64_t choice = random_.next();
    const End end = (choice & 1U) == 0 ? End::source : End::destination;
    const auto taken = static_cast<uint8_t>(choice >> 1U & 1U);
    switch (choice >> 8U & 7U) {
      case 0:
        if (subject_.is_v4) return address_alone(end, taken);
        break;
      case 1:
        return take_one_hop();
      case 2:
        if (subject_.protocol == kProtocolTcp) return clamp(static_cast<uint16_t>(choice >> 16U));
        break;
      case 3:
        if (subject_.is_v4) return give_identification(static_cast<uint16_t>(random_.words()));
        break;
      default:
        break;
    }
    draw_ends();
    translate(end, taken);
  }

  void translate(End end, uint32_t taken) {
    uint8_t* const ip = subject_.ip();
    uint8_t* const l4 = subject_.l4();
    const auto hops_taken = static_cast<uint8_t>(taken);
    ++kinds_[subject_.is_v4 ? 0 : 1];
    wanted_ = subject_;
    apply_ends(wanted_, end);
    wanted_.ip()[subject_.is_v4 ? 8 : 7] = static_cast<uint8_t>(hops() - taken);
    if (subject_.is_v4) {
      translate4(ip, l4, subject_.protocol, end, load<be32>(address()), port_, hops_taken);
    } else {
      translate6(ip, l4, subject_.protocol, end, address(), port_, hops_taken);
    }
  }

  // Of a later fragment, whose transport checksum is in another one: here it is made anew.
  void address_alone(End end, uint8_t taken) {
    ++kinds_[2];
    draw_ends();
    wanted_ = subject_;
    std::memcpy(wanted_.ip() + (end == End::source ? 12 : 16), address(), 4);
    wanted_.ip()[8] = static_cast<uint8_t>(hops() - taken);
    translate_address4(subject_.ip(), end, load<be32>(address()), taken);
    if (subject_.fault == Fault::none)
      store(subject_.ip() + subject_.checksum_at(), be16(wanted_.right_transport_checksum()));
    subject_.error = static_cast<unsigned>(subject_.covered() % 0xffffU);
  }

  void take_one_hop() {
    ++kinds_[3];
    wanted_ = subject_;
    --wanted_.ip()[subject_.is_v4 ? 8 : 7];
    if (subject_.is_v4) {
      take_hop<L3::ipv4>(subject_.ip());
    } else {
      take_hop<L3::ipv6>(subject_.ip());
    }
  }

  void clamp(uint16_t largest) {
    ++kinds_[4];
    wanted_ = subject_;
    uint8_t* at = wanted_.l4() + kTcpHeaderBytes;
    while (*at == 1)
      ++at;
    if (largest != 0 && load<be16>(at + 2).host() > largest) store(at + 2, be16(largest));
    clamp_mss(subject_.l4(), largest);
  }

  // RFC 6864: as an outer header gets one.
  void give_identification(uint16_t id) {
    ++kinds_[5];
    wanted_ = subject_;
    store(wanted_.ip() + 4, be16(id));
    store(wanted_.ip() + 6, be16(0));
    allow_cutting(subject_.ip(), id);
  }

  // The bytes that were to change did, no others, and every checksum is as it must be.
  bool is_right() {
    if (subject_.is_v4) store(wanted_.ip() + 10, be16(wanted_.right_header_checksum()));
    uint8_t* const at = wanted_.ip() + wanted_.checksum_at();
    if (subject_.fault == Fault::none) store(at, be16(wanted_.right_transport_checksum()));
    if (subject_.fault == Fault::wrong) {
      const uint16_t got = subject_.transport_checksum();
      if (got == 0 && subject_.protocol == kProtocolUdp) return false;
      if (subject_.covered() % 0xffffU != subject_.error) return false;
      store(at, be16(got));
    }
    return std::memcmp(wanted_.ip(), subject_.ip(), subject_.header_bytes + subject_.segment_bytes) == 0;
  }

  void count_edges() {
    const bool tcp = subject_.protocol == kProtocolTcp;
    const uint16_t sum = subject_.transport_checksum();
    zero_headers_ += subject_.is_v4 && load<uint16_t>(subject_.ip() + 10) == 0 ? 1U : 0U;
    zero_tcp_ += tcp && sum == 0 && subject_.fault == Fault::none ? 1U : 0U;
    const bool ones = !tcp && sum == 0xffff && subject_.fault == Fault::none;
    ones_udp4_ += ones && subject_.is_v4 ? 1U : 0U;
    ones_udp6_ += ones && !subject_.is_v4 ? 1U : 0U;
    absent_ += subject_.fault == Fault::absent ? 1U : 0U;
    wrong_ += subject_.fault == Fault::wrong && subject_.error != 0 ? 1U : 0U;
  }

  void print(const Subject& before, uint64_t done) const {
    std::printf("edit %llu: IPv%d, protocol %u, %s\n", big(done), before.is_v4 ? 4 : 6,
                unsigned{before.protocol},
                before.fault == Fault::none     ? "right before"
                : before.fault == Fault::absent ? "without a checksum"
                                                : "wrong before");
    for (const auto& [name, packet] :
         {std::pair{"before", &before}, {"after", &subject_}, {"wanted", &wanted_}}) {
      std::printf("%-6s", name);
      for (unsigned i = 0; i < packet->header_bytes + packet->segment_bytes; ++i)
        std::printf(" %02x", unsigned{packet->bytes[i]});
      std::printf("\n");
    }
  }

  Random random_;
  Subject subject_;
  Subject wanted_;
  uint32_t steer_ = kNotSteered;
  End first_end_ = End::source;
  std::array<uint64_t, 2> address_{};
  be16 port_;
  std::array<uint64_t, 6> kinds_{};
  uint64_t zero_headers_ = 0;
  uint64_t zero_tcp_ = 0;
  uint64_t ones_udp4_ = 0;
  uint64_t ones_udp6_ = 0;
  uint64_t absent_ = 0;
  uint64_t wrong_ = 0;
};

bool read_number(std::string_view text, uint64_t& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace
}  // namespace shunt

int main(int count, char** arguments) {
  uint64_t edits = 10'000'000;
  uint64_t seed = 1;
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = arguments[i];
    uint64_t* const to = name == "--edits" ? &edits : name == "--seed" ? &seed : nullptr;
    if (to == nullptr || i + 1 == count || !shunt::read_number(arguments[i + 1], *to)) {
      std::fprintf(stderr, "checksum_edits [--edits N] [--seed S]\n");
      return 2;
    }
  }
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  shunt::Edits run(seed);
  if (!run.run(edits)) return 1;
  run.report(edits);
  if (run.met_every_edge()) return 0;
  std::printf("too few edits: not every kind and edge was met\n");
  return 1;
}
