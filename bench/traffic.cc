#include "bench/traffic.h"

#include <cstring>

namespace shunt::bench {
namespace {

constexpr unsigned kIp = 14;
constexpr uint32_t kSequence = 1000;  // of the SYN
constexpr unsigned kFragmentUnit = 8;
constexpr unsigned kFragmentFrom = 1448;  // bytes: what a first fragment of either family may carry
constexpr uint8_t kFragmentHeader = 44;

// A bijection of 32 bits (multiplications by odd numbers and xor-shifts can be undone).
uint32_t mix(uint32_t value) {
  value ^= value >> 16U;
  value *= 0x7feb'352dU;
  value ^= value >> 15U;
  value *= 0x846c'a68bU;
  return value ^ (value >> 16U);
}

// 17 bits of the mixed number are in the address, 15 in the port.
uint32_t source_of(uint32_t mixed) {
  return 0xc612'0000U | (mixed >> 15U);  // 198.18.0.0/15
}
uint16_t sport_of(uint32_t mixed) {
  return static_cast<uint16_t>(0x8000U | mixed);
}

// RFC 1071 over what is in the frame; all of it has an even number of bytes.
uint32_t sum_of(const uint8_t* from, size_t bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes; i += 2)
    sum += load<uint16_t>(from + i);
  return sum;
}
uint16_t checksum(uint32_t sum) {
  sum = (sum & 0xffffU) + (sum >> 16U);
  sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<uint16_t>(~sum);
}

void put_checksum(uint8_t* at, uint32_t sum) {
  store(at, checksum(sum));
}

}  // namespace

Traffic::Traffic(Family family, unsigned services) : family_(family), services_(services) {
  for (unsigned service = 0; service < services; ++service)
    vips_.push_back(vip_address(family, service));
  std::memcpy(start_, port_mac().bytes.data(), 6);
  const uint8_t from[6] = {2, 0, 0, 0, 0xc, 1};
  std::memcpy(start_ + 6, from, 6);
  const bool v4 = family == Family::ipv4;
  uint8_t* const ip = start_ + kIp;
  store(start_ + 12, be16(v4 ? 0x0800 : 0x86dd).raw());
  if (v4) {
    const uint8_t header[10] = {0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6};
    std::memcpy(ip, header, sizeof header);
  } else {
    const uint8_t header[8] = {0x60, 0, 0, 0, 0, 20, 6, 64};
    std::memcpy(ip, header, sizeof header);
  }
  uint8_t* const tcp = ip + (v4 ? 20 : 40);
  store(tcp + 2, be16(kServicePort).raw());
  tcp[12] = 0x50;
  store(tcp + 14, be16(0xfaf0).raw());
}

unsigned Traffic::service_of_flow(uint32_t flow) const {
  return scale_to(mix(flow ^ 0x5eed'5eedU), services_);
}

Tuple Traffic::tuple(uint32_t flow) const {
  uint8_t frame[kLongestFrame];
  write(frame, flow, Segment::ack);
  const bool v4 = family_ == Family::ipv4;
  Tuple tuple;
  const uint8_t* const source = frame + kIp + (v4 ? 12 : 8);
  tuple.source = v4 ? IpAddress::v4(load<be32>(source)) : IpAddress::v6(source);
  tuple.destination = vips_[service_of_flow(flow)];
  tuple.sport = sport_of(mix(flow));
  tuple.dport = kServicePort;
  return tuple;
}

void Traffic::write_v4(uint8_t* frame, uint32_t flow) const {
  uint8_t* const ip = frame + kIp;
  store(ip + 12, be32(source_of(mix(flow))).raw());
  std::memcpy(ip + 16, vips_[service_of_flow(flow)].wire(), 4);
  put_checksum(ip + 10, sum_of(ip, 20));
}

void Traffic::write_v6(uint8_t* frame, uint32_t flow) const {
  uint8_t* const ip = frame + kIp;
  const uint32_t mixed = mix(flow);
  const uint64_t network = 0x2001'0db8'000c'0000U | (mixed & 0xffffU);
  store(ip + 8, be64(network).raw());
  store(ip + 16, be64((uint64_t{mix(mixed)} << 32U) | source_of(mixed)).raw());
  std::memcpy(ip + 24, vips_[service_of_flow(flow)].wire(), 16);
}

// No two numbers have source and identification in common: of IPv4 17 bits of the number are in the one, 15
// in the other.
void Traffic::write_later_fragment(uint8_t* frame, uint32_t number) const {
  std::memcpy(frame, start_, frame_bytes());
  uint8_t* const ip = frame + kIp;
  if (family_ == Family::ipv4) {
    store(ip + 4, be16(sport_of(mix(number))).raw());
    store(ip + 6, be16(kFragmentFrom / kFragmentUnit).raw());
    write_v4(frame, number);
  } else {
    ip[40] = ip[6];  // next header; the fragment's header lies where TCP's would
    ip[6] = kFragmentHeader;
    store(ip + 42, be16(kFragmentFrom).raw());
    store(ip + 44, be32(mix(number)).raw());
    write_v6(frame, number);
  }
}

void Traffic::write(uint8_t* frame, uint32_t flow, Segment segment) const {
  if (segment == Segment::later_fragment) return write_later_fragment(frame, flow);
  const bool v4 = family_ == Family::ipv4;
  std::memcpy(frame, start_, frame_bytes());
  v4 ? write_v4(frame, flow) : write_v6(frame, flow);
  uint8_t* const tcp = frame + kIp + (v4 ? 20 : 40);
  const bool opens = segment == Segment::syn;
  store(tcp, be16(sport_of(mix(flow))).raw());
  store(tcp + 4, be32(opens ? kSequence : kSequence + 1).raw());
  store(tcp + 8, be32(opens ? 0 : 1).raw());
  tcp[13] = opens ? 0x02 : 0x10;
  const uint32_t pseudo = v4 ? sum_of(frame + kIp + 12, 8) : sum_of(frame + kIp + 8, 32);
  put_checksum(tcp + 16, pseudo + be16(6).raw() + uint32_t{be16(20).raw()} + sum_of(tcp, 20));
}

}  // namespace shunt::bench
