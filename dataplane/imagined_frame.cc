#include "dataplane/imagined_frame.h"

#include <algorithm>

#include "common/checksum.h"
#include "dataplane/packet_view.h"

namespace shunt {
namespace {

constexpr uint8_t kHops = 64;
constexpr uint16_t kWindow = 64'240;

uint16_t transport_bytes(Protocol protocol) {
  return protocol == Protocol::tcp ? kTcpHeaderBytes : kUdpHeaderBytes;
}

void write_ipv4(uint8_t* ip, const ImaginedPacket& packet) {
  ip[0] = 0x45;
  store(ip + 2, be16(static_cast<uint16_t>(kIpv4HeaderBytes + transport_bytes(packet.protocol))));
  ip[6] = 0x40;  // DF
  ip[8] = kHops;
  ip[9] = static_cast<uint8_t>(packet.protocol);
  std::copy_n(packet.client.wire(), 4, ip + 12);
  std::copy_n(packet.vip.wire(), 4, ip + 16);
  store(ip + 10, checksum(ip, kIpv4HeaderBytes));
}

void write_ipv6(uint8_t* ip, const ImaginedPacket& packet) {
  ip[0] = 0x60;
  store(ip + 4, be16(transport_bytes(packet.protocol)));
  ip[6] = static_cast<uint8_t>(packet.protocol);
  ip[7] = kHops;
  std::copy_n(packet.client.wire(), 16, ip + 8);
  std::copy_n(packet.vip.wire(), 16, ip + 24);
}

// RFC 9293 3.1, RFC 768; the checksum of either, with RFC 8200 8.1's pseudo header.
void write_transport(uint8_t* l4, const ImaginedPacket& packet, bool opens) {
  const uint16_t bytes = transport_bytes(packet.protocol);
  store(l4, be16(packet.client_port));
  store(l4 + 2, be16(packet.vip_port));
  size_t checksum_at = 6;
  if (packet.protocol == Protocol::tcp) {
    checksum_at = 16;
    store(l4 + 4, be32(1));
    l4[12] = (kTcpHeaderBytes / 4) << 4U;
    l4[13] = opens ? kTcpSyn : kTcpAck;
    store(l4 + 14, be16(kWindow));
  } else {
    store(l4 + 4, be16(bytes));
  }
  const be16 pseudo[2] = {be16(static_cast<uint16_t>(packet.protocol)), be16(bytes)};
  uint64_t sum = checksum_sum(pseudo, sizeof pseudo);
  const size_t address_bytes = packet.client.bits() / 8;
  sum = checksum_sum(packet.client.wire(), address_bytes, sum);
  sum = checksum_sum(packet.vip.wire(), address_bytes, sum);
  const auto folded = static_cast<uint16_t>(~fold_checksum(checksum_sum(l4, bytes, sum)));
  const bool none = folded == 0 && packet.protocol == Protocol::udp;  // 0 says that there is none
  store(l4 + checksum_at, none ? uint16_t{0xffff} : folded);
}

}  // namespace

std::vector<uint8_t> imagined_frame(const ImaginedPacket& packet, const MacAddress& from,
                                    const MacAddress& to, bool opens) {
  const bool v4 = packet.vip.is_v4();
  const size_t ip_header = v4 ? kIpv4HeaderBytes : kIpv6HeaderBytes;
  std::vector<uint8_t> frame(kEtherHeaderBytes + ip_header + transport_bytes(packet.protocol));
  std::ranges::copy(to.bytes, frame.begin());
  std::ranges::copy(from.bytes, frame.begin() + 6);
  store(frame.data() + 12, be16(v4 ? kEtherTypeIpv4 : kEtherTypeIpv6));
  uint8_t* const ip = frame.data() + kEtherHeaderBytes;
  v4 ? write_ipv4(ip, packet) : write_ipv6(ip, packet);
  write_transport(ip + ip_header, packet, opens);
  return frame;
}

}  // namespace shunt
