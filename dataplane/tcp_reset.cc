#include "dataplane/tcp_reset.h"

#include "common/checksum.h"
#include "dataplane/tcp_state.h"

namespace shunt {

void write_tcp_reset(const Packet& packet, const uint8_t* ip, uint8_t* segment) {
  const uint8_t* const asked = packet.view.l4(packet.data);
  const uint8_t flags = packet.view.tcp_flags;
  const bool has_ack = (flags & tcp_flag::kAck) != 0;
  // What takes a place among the sequence numbers: data, SYN and FIN.
  const uint32_t length = packet.view.payload_bytes + ((flags & tcp_flag::kSyn) != 0 ? 1U : 0U) +
                          ((flags & tcp_flag::kFin) != 0 ? 1U : 0U);
  store(segment, load<uint16_t>(asked + 2));
  store(segment + 2, load<uint16_t>(asked));
  store(segment + 4, has_ack ? load<be32>(asked + 8) : be32(0));
  store(segment + 8, has_ack ? be32(0) : be32(load<be32>(asked + 4).host() + length));
  segment[12] = kTcpResetBytes / 4 << 4U;
  segment[13] = static_cast<uint8_t>(tcp_flag::kRst | (has_ack ? 0U : tcp_flag::kAck));
  store(segment + 14, uint32_t{0});
  store(segment + 18, uint16_t{0});
  const bool v4 = packet.view.l3 == L3::ipv4;
  const uint64_t addresses = checksum_sum(ip + (v4 ? 12 : 8), v4 ? 8 : 32);
  const be16 pseudo[2] = {be16(kProtocolTcp), be16(kTcpResetBytes)};
  const uint64_t sum = checksum_sum(segment, kTcpResetBytes, checksum_sum(pseudo, sizeof pseudo, addresses));
  store(segment + 16, static_cast<uint16_t>(~fold_checksum(sum)));
}

}  // namespace shunt
