#include "tests/fuzz/frame_faults.h"

#include <algorithm>
#include <span>

namespace shunt::fuzz {
namespace {

using packet::Bytes;
using View = std::span<const uint8_t>;

constexpr int kDeepest = 3;  // packets inside packets

struct Reader {
  Transports transports;
  bool trailer_allowed;  // of the outermost packet
  std::string faults = {};
  int depth = 0;

  void object(const char* what) { faults += std::string(what) + "; "; }
  void packet(View bytes);
  void ipv4(View bytes);
  void ipv6(View bytes);
  void upper(View whole, View segment, uint8_t protocol, const Bytes& addresses, bool tunnel);
  void transport(View segment, uint8_t protocol, const Bytes& addresses);
  void gue(View payload);
};

unsigned half(View bytes, size_t at) {
  return static_cast<unsigned>(bytes[at] << 8U | bytes[at + 1]);
}

// RFC 1071.
unsigned sum_of(View bytes, unsigned sum = 0) {
  for (size_t i = 0; i < bytes.size(); i += 2)
    sum += static_cast<unsigned>(bytes[i] << 8U) + (i + 1 < bytes.size() ? bytes[i + 1] : 0U);
  while (sum > 0xffff)
    sum = (sum & 0xffffU) + (sum >> 16U);
  return sum;
}

// shunt's own outer headers come from these: tests/fuzz/world.cc.
bool is_encap_source(View address) {
  constexpr uint8_t kFour[] = {10, 64};
  constexpr uint8_t kSix[] = {0x20, 0x01, 0x0d, 0xb8, 0x00, 0x64};
  return address.size() == 4 ? std::equal(kFour, kFour + 2, address.begin())
                             : std::equal(kSix, kSix + 6, address.begin());
}

void Reader::packet(View bytes) {
  if (++depth > kDeepest) return;
  if (bytes.empty()) return object("no packet");
  if (bytes[0] >> 4U == 4) return ipv4(bytes);
  if (bytes[0] >> 4U == 6) return ipv6(bytes);
  object("neither IPv4 nor IPv6");
}

// RFC 791.
void Reader::ipv4(View bytes) {
  if (bytes.size() < 20) return object("short IPv4 header");
  const size_t header = (bytes[0] & 15U) * size_t{4};
  if (header < 20 || header > bytes.size()) return object("IPv4 header length");
  const unsigned total = half(bytes, 2);
  if (total < header || total > bytes.size() || (total != bytes.size() && !(trailer_allowed && depth == 1)))
    return object("IPv4 total length");
  if (sum_of(bytes.first(header)) != 0xffff) object("IPv4 header checksum");
  if ((half(bytes, 6) & 0x3fffU) != 0) return;  // a fragment
  const Bytes addresses(bytes.begin() + 12, bytes.begin() + 20);
  upper(bytes, bytes.subspan(header, total - header), bytes[9], addresses,
        is_encap_source(bytes.subspan(12, 4)));
}

// RFC 8200 4, RFC 4302 2.
void Reader::ipv6(View bytes) {
  if (bytes.size() < 40) return object("short IPv6 header");
  const size_t total = 40 + half(bytes, 4);
  if (total > bytes.size() || (total != bytes.size() && !(trailer_allowed && depth == 1)))
    return object("IPv6 payload length");
  Bytes addresses(bytes.begin() + 8, bytes.begin() + 40);
  const bool tunnel = is_encap_source(bytes.subspan(8, 16));
  uint8_t next = bytes[6];
  size_t at = 40;
  while (next == 0 || next == 43 || next == 44 || next == 51 || next == 60) {
    if (at + 8 > total) return object("cut extension header");
    if (next == 44 && (half(bytes, at + 2) & 0xfff9U) != 0) return;          // a fragment
    if (next == 43 && bytes[at + 3] != 0) transports = Transports::ignored;  // its destination isn't the last
    const size_t header = next == 44   ? 8
                          : next == 51 ? (bytes[at + 1] + size_t{2}) * 4
                                       : (bytes[at + 1] + size_t{1}) * 8;
    if (at + header > total) return object("long extension header");
    next = bytes[at];
    at += header;
  }
  upper(bytes, bytes.subspan(at, total - at), next, addresses, tunnel);
}

void Reader::upper(View /*whole*/, View segment, uint8_t protocol, const Bytes& addresses, bool tunnel) {
  if (tunnel && (protocol == 4 || protocol == 41)) return packet(segment);
  if (tunnel && protocol == 47) {  // RFC 2784
    if (segment.size() < 4 || half(segment, 0) != 0) return object("GRE header");
    return packet(segment.subspan(4));
  }
  transport(segment, protocol, addresses);
  if (tunnel && protocol == 17 && segment.size() >= 8 && half(segment, 2) == 6080) gue(segment.subspan(8));
}

// draft-ietf-intarea-gue 3 and 5: variant 1 is the packet itself, variant 0 has a header.
void Reader::gue(View payload) {
  if (payload.empty()) return object("empty GUE");
  if (payload[0] >> 6U == 1) return packet(payload);
  const size_t header = 4 + (payload[0] & 31U) * size_t{4};
  if (payload[0] >> 6U != 0 || payload.size() < header) return object("GUE header");
  packet(payload.subspan(header));
}

void Reader::transport(View segment, uint8_t protocol, const Bytes& addresses) {
  const bool six = addresses.size() == 32;
  const bool icmp = protocol == (six ? 58 : 1);
  if (transports == Transports::ignored || (protocol != 6 && protocol != 17 && !icmp)) return;
  const size_t header = protocol == 6 ? 20 : protocol == 17 ? 8 : 4;
  if (segment.size() < header) return object("short transport header");
  if (protocol == 17) {
    const unsigned length = half(segment, 4);
    if (length < 8 || length > segment.size()) return object("UDP length");
    segment = segment.first(length);  // RFC 9868: what stands behind isn't covered
    if (half(segment, 6) == 0) return six ? object("UDP without a checksum over IPv6") : void();
  }
  unsigned sum = 0;
  if (!icmp || six) sum = sum_of(addresses, static_cast<unsigned>(segment.size()) + protocol);
  if (sum_of(segment, sum) != 0xffff) object(icmp ? "ICMP checksum" : "transport checksum");
}

Bytes behind_l2(const Bytes& frame) {
  return {frame.begin() + static_cast<ptrdiff_t>(std::min(l2_bytes(frame), frame.size())), frame.end()};
}

uint16_t ether_type_of(const Bytes& frame) {
  const size_t l2 = l2_bytes(frame);
  return l2 <= frame.size() ? packet::get16(frame, l2 - 2) : uint16_t{0};
}

}  // namespace

size_t l2_bytes(const Bytes& frame) {
  size_t at = 12;
  for (int tags = 0; tags < 2 && at + 2 <= frame.size(); ++tags) {
    const uint16_t type = packet::get16(frame, at);
    if (type != 0x8100 && type != 0x88a8) break;
    at += 4;
  }
  return at + 2;
}

std::string faults_in(const Bytes& frame, Transports transports) {
  const uint16_t type = ether_type_of(frame);
  if (type != 0x0800 && type != 0x86dd) return "EtherType of no IP packet; ";
  Reader reader{transports, false};
  const Bytes packet = behind_l2(frame);
  if (packet.empty() || packet[0] >> 4U != (type == 0x0800 ? 4 : 6)) return "EtherType of another family; ";
  reader.packet(packet);
  return reader.faults;
}

bool is_right(const Bytes& frame) {
  const uint16_t type = ether_type_of(frame);
  if (type != 0x0800 && type != 0x86dd) return false;
  Reader reader{Transports::right, true};
  reader.packet(behind_l2(frame));
  return reader.faults.empty();
}

}  // namespace shunt::fuzz
