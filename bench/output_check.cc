#include "bench/output_check.h"

#include <algorithm>
#include <vector>

namespace shunt::bench {
namespace {

constexpr uint8_t kUdp = 17;
constexpr uint16_t kGuePort = 6080;
constexpr size_t kEthernet = 14;
constexpr size_t kTcpBytes = 20;
using Bytes = std::vector<uint8_t>;

uint16_t word_at(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

void put_word(Bytes& bytes, size_t at, uint32_t word) {
  bytes[at] = static_cast<uint8_t>(word >> 8U);
  bytes[at + 1] = static_cast<uint8_t>(word);
}

uint32_t sum_of(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2)
    sum += i + 1 < bytes.size() ? word_at(bytes, i) : static_cast<uint32_t>(bytes[i] << 8U);
  return sum;
}

uint16_t folded(uint32_t sum) {
  while (sum > 0xffff)
    sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<uint16_t>(sum);
}

size_t ip_header_bytes(Family family) {
  return family == Family::ipv4 ? 20 : 40;
}

std::span<const uint8_t> addresses_in(std::span<const uint8_t> packet, Family family) {
  return family == Family::ipv4 ? packet.subspan(12, 8) : packet.subspan(8, 32);
}

// The sum of a segment and of what its checksum covers before it; 0xffff where the checksum is right.
uint16_t transport_sum(std::span<const uint8_t> packet, Family family, uint8_t protocol) {
  const std::span<const uint8_t> segment = packet.subspan(ip_header_bytes(family));
  return folded(sum_of(addresses_in(packet, family)) + protocol + static_cast<uint32_t>(segment.size()) +
                sum_of(segment));
}

// The client's IP packet as the backend must get it: one hop less and, by nat, another destination.
Bytes packet_for_backend(const PipelineWorld& world, std::span<const uint8_t> frame, unsigned backend) {
  const Family family = world.shape().family;
  const size_t header = ip_header_bytes(family);
  Bytes packet(frame.begin() + kEthernet,
               frame.begin() + static_cast<ptrdiff_t>(kEthernet + header + kTcpBytes));
  --packet[family == Family::ipv4 ? 8 : 7];
  if (world.shape().forward == "nat") {
    const IpAddress to = backend_address(family, backend);
    std::copy_n(to.wire(), to.bits() / 8, packet.begin() + (family == Family::ipv4 ? 16 : 24));
    put_word(packet, header + 2, kNatPort);
    put_word(packet, header + 16, 0);
    put_word(packet, header + 16, static_cast<uint16_t>(~transport_sum(packet, family, 6)));
  }
  if (family == Family::ipv4) {
    put_word(packet, 10, 0);
    put_word(packet, 10, static_cast<uint16_t>(~folded(sum_of(std::span(packet).first(header)))));
  }
  return packet;
}

std::string faults_of_outer(const PipelineWorld& world, std::span<const uint8_t> packet, unsigned backend,
                            uint8_t protocol) {
  const Family family = world.shape().family;
  const bool v4 = family == Family::ipv4;
  const size_t size = v4 ? 4 : 16;
  std::string faults;
  if (packet[0] >> 4U != (v4 ? 4 : 6)) faults += "outer version; ";
  if (packet[v4 ? 9 : 6] != protocol) faults += "outer protocol; ";
  if (word_at(packet, v4 ? 2 : 4) + (v4 ? 0U : 40U) != packet.size()) faults += "outer length; ";
  const std::span<const uint8_t> addresses = addresses_in(packet, family);
  if (!std::equal(addresses.begin(), addresses.begin() + static_cast<ptrdiff_t>(size),
                  encap_source(family).wire()))
    faults += "outer source; ";
  if (!std::equal(addresses.begin() + static_cast<ptrdiff_t>(size), addresses.end(),
                  backend_address(family, backend).wire()))
    faults += "outer destination isn't the backend that the flow must get; ";
  if (v4 && (packet[0] & 15U) != 5) faults += "outer header's size; ";
  if (v4 && folded(sum_of(packet.first(20))) != 0xffff) faults += "outer header checksum; ";
  return faults;
}

// draft-ietf-intarea-gue, variant 1: UDP, and directly behind it an IP packet.
std::string faults_of_gue(std::span<const uint8_t> packet, Family family) {
  const std::span<const uint8_t> udp = packet.subspan(ip_header_bytes(family));
  std::string faults;
  if (word_at(udp, 2) != kGuePort) faults += "gue port; ";
  if (word_at(udp, 4) != udp.size()) faults += "gue length; ";
  if (word_at(udp, 6) != 0 && transport_sum(packet, family, kUdp) != 0xffff) faults += "gue checksum; ";
  return faults;
}

std::string faults_of_macs(std::span<const uint8_t> frame, unsigned backend, Family family) {
  std::string faults;
  if (!std::equal(frame.begin(), frame.begin() + 6, backend_mac(backend).bytes.begin()))
    faults += "destination MAC; ";
  if (!std::equal(frame.begin() + 6, frame.begin() + 12, port_mac().bytes.begin())) faults += "source MAC; ";
  if (word_at(frame, 12) != (family == Family::ipv4 ? 0x0800 : 0x86dd)) faults += "type; ";
  return faults;
}

}  // namespace

std::string faults_of(const PipelineWorld& world, const Traffic& traffic, uint32_t flow, Segment segment,
                      std::span<const uint8_t> frame) {
  const Family family = world.shape().family;
  const std::string& forward = world.shape().forward;
  const unsigned backend = world.chosen_backend(traffic.service_of_flow(flow), traffic.tuple(flow));
  uint8_t sent[kLongestFrame];
  traffic.write(sent, flow, segment);
  const Bytes wanted = packet_for_backend(world, {sent, traffic.frame_bytes()}, backend);
  const size_t outer = forward == "ipip"  ? ip_header_bytes(family)
                       : forward == "gue" ? ip_header_bytes(family) + 8
                                          : 0;
  if (frame.size() != kEthernet + outer + wanted.size()) return "size " + std::to_string(frame.size()) + "; ";
  std::string faults = faults_of_macs(frame, backend, family);
  const std::span<const uint8_t> packet = frame.subspan(kEthernet);
  if (forward == "ipip") faults += faults_of_outer(world, packet, backend, family == Family::ipv4 ? 4 : 41);
  if (forward == "gue")
    faults += faults_of_outer(world, packet, backend, kUdp) + faults_of_gue(packet, family);
  if (!std::ranges::equal(packet.subspan(outer), wanted)) faults += "the client's packet; ";
  return faults;
}

}  // namespace shunt::bench
