#include "dataplane/icmp_answer.h"

#include <algorithm>

#include "common/checksum.h"
#include "dataplane/tcp_reset.h"

namespace shunt {
namespace {

// RFC 1812 4.3.2.3; RFC 4443 2.4 (c). Whole answers, which so fit every path.
constexpr unsigned kLargestError4 = 576;
constexpr unsigned kLargestError6 = 1280;
constexpr uint8_t kAnswerHops = 64;
// RFC 1812 4.3.2.5: errors have precedence 6, internetwork control (CS6 of RFC 2474).
constexpr uint8_t kErrorTrafficClass = 0xc0;

// How much of the packet an error quotes: what makes it as long as the packet, but all headers and 8 bytes.
unsigned quoted_bytes(const PacketView& view, unsigned transport_offset) {
  const unsigned whole = view.ip_bytes;
  const unsigned before = ip_header_bytes(view.l3) + kIcmpHeaderBytes;
  const unsigned largest = std::min(whole, view.l3 == L3::ipv4 ? kLargestError4 : kLargestError6);
  const unsigned least = transport_offset + 8U;
  return std::min(whole, std::max(least, largest - std::min(largest, before)));
}

void plan_echo(AnswerPlan& plan, const Packet& packet) {
  const auto message = find_icmp(packet.view, packet.data);
  if (!message || message->bytes < kIcmpHeaderBytes) return;
  plan.copied_at = message->offset;
  plan.copied_bytes = message->bytes;
  plan.ip_bytes = static_cast<uint16_t>(ip_header_bytes(packet.view.l3) + message->bytes);
}

void plan_error(AnswerPlan& plan, const Packet& packet) {
  const PacketView& view = packet.view;
  const TransportPlace place = find_transport(view.l3, view.ip(packet.data), view.ip_bytes);
  if (!place.is_there()) return;
  if (place.protocol != kProtocolTcp && place.protocol != kProtocolUdp) return;
  plan.copied_at = view.l3_offset;
  plan.copied_bytes = static_cast<uint16_t>(quoted_bytes(view, place.offset));
  plan.ip_bytes = static_cast<uint16_t>(ip_header_bytes(view.l3) + kIcmpHeaderBytes + plan.copied_bytes);
}

// What a flow's DSCP asks for holds for the answer as well; ECN is the sender's (RFC 3168 5).
uint8_t traffic_class_of(const AnswerPlan& plan, const Packet& packet) {
  if (plan.why != DropReason::echo && plan.why != DropReason::no_backend) return kErrorTrafficClass;
  const uint8_t* ip = packet.view.ip(packet.data);
  const unsigned whole = packet.view.l3 == L3::ipv4 ? ip[1] : load<be16>(ip).host() >> 4U;
  return static_cast<uint8_t>(whole & 0xfcU);
}

// RFC 6864: without DF an answer needs an identification; an echo's is as unique as its sender made it.
uint32_t fragmentation_of(const AnswerPlan& plan, const Packet& packet) {
  constexpr uint32_t kDontFragment = 0x0040U << 16U;
  const auto asked = load<uint32_t>(packet.view.ip(packet.data) + 4);
  return plan.why == DropReason::echo && (asked & kDontFragment) == 0 ? asked & 0xffffU : kDontFragment;
}

void write_ipv4(const AnswerPlan& plan, const Packet& packet, uint8_t* ip) {
  ip[0] = 0x45;
  ip[1] = traffic_class_of(plan, packet);
  store(ip + 2, be16(plan.ip_bytes));
  store(ip + 4, fragmentation_of(plan, packet));
  ip[8] = kAnswerHops;
  ip[9] = plan.why == DropReason::no_backend ? kProtocolTcp : kProtocolIcmp;
  store(ip + 10, uint16_t{0});
  store(ip + 12, plan.from.v4());
  store(ip + 16, plan.to.v4());
  store(ip + 10, checksum(ip, kIpv4HeaderBytes));
}

void write_ipv6(const AnswerPlan& plan, const Packet& packet, uint8_t* ip) {
  store(ip, be32(0x60000000U | static_cast<uint32_t>(traffic_class_of(plan, packet)) << 20U));
  store(ip + 4, be16(static_cast<uint16_t>(plan.ip_bytes - kIpv6HeaderBytes)));
  ip[6] = plan.why == DropReason::no_backend ? kProtocolTcp : kProtocolIcmp6;
  ip[7] = kAnswerHops;
  store(ip + 8, plan.from.bytes());
  store(ip + 24, plan.to.bytes());
}

// Identifier, sequence number and data as they came; type and code tell that they come back.
void write_echo_reply(const AnswerPlan& plan, const Packet& packet, uint8_t* icmp) {
  std::memcpy(icmp, packet.data + plan.copied_at, plan.copied_bytes);
  icmp[0] = packet.view.l3 == L3::ipv4 ? icmp4::kEchoReply : icmp6::kEchoReply;
  icmp[1] = 0;
}

void write_error(const AnswerPlan& plan, const Packet& packet, uint8_t* icmp) {
  const bool v4 = packet.view.l3 == L3::ipv4;
  store(icmp, uint64_t{0});
  if (plan.why == DropReason::too_big) {
    // RFC 1191 4; RFC 4443 3.2.
    icmp[0] = v4 ? icmp4::kUnreachable : icmp6::kPacketTooBig;
    icmp[1] = v4 ? icmp4::kFragmentationNeeded : uint8_t{0};
    store(icmp + 6, be16(plan.mtu));  // in IPv6 the lower half of 32 bits
  } else {
    icmp[0] = v4 ? icmp4::kTimeExceeded : icmp6::kTimeExceeded;  // code 0: in transit
  }
  std::memcpy(icmp + kIcmpHeaderBytes, packet.data + plan.copied_at, plan.copied_bytes);
}

}  // namespace

AnswerPlan plan_answer(const Burst& burst, unsigned i) {
  const Packet& packet = burst.packet[i];
  AnswerPlan plan;
  plan.why = burst.reason[i];
  plan.mtu = burst.fits[i];
  if ((packet.data[6] & 1U) != 0) return plan;
  if (plan.why == DropReason::echo) {
    plan_echo(plan, packet);
  } else if (plan.why == DropReason::no_backend) {
    plan.ip_bytes = static_cast<uint16_t>(ip_header_bytes(packet.view.l3) + kTcpResetBytes);
  } else {
    plan_error(plan, packet);
  }
  if (plan.ip_bytes == 0) return plan;
  plan.frame_bytes = uint32_t{packet.view.l3_offset} + plan.ip_bytes;
  plan.from = burst.is_reply(i) ? packet.service->vip.address : packet.view.destination(packet.data);
  plan.to = packet.view.source(packet.data);
  plan.to_host = std::memcmp(packet.data, packet.data + 6, 6) == 0;
  return plan;
}

void write_answer(const AnswerPlan& plan, const Packet& packet, uint8_t* answer) {
  const unsigned l3_offset = packet.view.l3_offset;
  std::memcpy(answer, packet.data + 6, 6);
  std::memcpy(answer + 6, packet.data, 6);
  std::memcpy(answer + 12, packet.data + 12, l3_offset - 12);  // tags and EtherType
  uint8_t* const ip = answer + l3_offset;
  PacketView view;
  view.l3 = packet.view.l3;
  view.l3_offset = packet.view.l3_offset;
  view.ip_bytes = plan.ip_bytes;
  if (view.l3 == L3::ipv4) {
    write_ipv4(plan, packet, ip);
  } else {
    write_ipv6(plan, packet, ip);
  }
  const unsigned header = ip_header_bytes(view.l3);
  if (plan.why == DropReason::no_backend) return write_tcp_reset(packet, ip, ip + header);
  if (plan.why == DropReason::echo) {
    write_echo_reply(plan, packet, ip + header);
  } else {
    write_error(plan, packet, ip + header);
  }
  write_icmp_checksum(
      view, answer,
      {static_cast<uint16_t>(l3_offset + header), static_cast<uint16_t>(plan.ip_bytes - header)});
}

}  // namespace shunt
