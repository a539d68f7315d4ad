// rewrite: one valid packet for each kind of destination, in every shape that is forwarded. What leaves is
// compared byte by byte with what the specification says, made by the packet builder with every checksum
// recomputed in full; where the packet came with a wrong transport checksum, it must be wrong by as much.
#include "tests/fuzz/failure.h"
#include "tests/fuzz/frame_faults.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/world.h"
#include "tests/packet/packet_reader.h"
#include "tests/packet/pipeline.h"

namespace shunt::fuzz {
namespace {

using packet::get16;
using packet::Packet;

constexpr uint32_t kMostPayload = 1200;  // with every option and an outer header it still fits

// One backend in each pool: where a packet goes depends on nothing that was sent before.
packet::Pipeline& pipeline() {
  static packet::Pipeline& pipeline = *[] {
    auto* const made = new packet::Pipeline(rich_config(1), {.connections = 4096, .probation = 4096});
    made->set_kernel(rich_kernel());
    return made;
  }();
  return pipeline;
}

struct Case {
  const Way& way;
  bool is_reply;
  Packet packet;
};

void vary(Packet& packet, Input& input, bool six) {
  constexpr uint8_t kFlagSets[] = {packet::kSyn, packet::kAck, packet::kFin | packet::kAck, packet::kRst, 0,
                                   0xff};
  packet.flags = kFlagSets[input.below(6)];
  packet.sequence = input.word();
  packet.ack = input.word();
  packet.ttl = static_cast<uint8_t>(2 + input.below(254));
  packet.tos = input.byte();
  packet.dont_fragment = input.below(2) == 0;
  packet.id = input.half();
  if (input.one_in(4)) packet.tcp_options = Bytes(4 * input.below(11), 1);
  if (!six && input.one_in(4)) packet.options = Bytes(4 * input.below(11), 1);
  for (uint32_t tags = input.below(6); tags > 3; --tags)
    packet.tags.push_back({static_cast<uint16_t>(input.below(2) == 0 ? 0x8100 : 0x88a8), input.half()});
  if (input.one_in(4)) packet.trailer = Bytes(input.below(20), 0xee);
  if (input.one_in(4)) packet.transport_checksum = input.half();
  const uint32_t payload = input.below(kMostPayload + 1);
  packet.payload = input.bytes(payload);
  packet.payload.resize(payload);
  // RFC 8200 8.1: such a packet is dropped.
  if (six && packet.protocol == 17 && packet.transport_checksum == uint16_t{0})
    packet.transport_checksum.reset();
}

Case read_case(Input& input) {
  const Way& way = ways()[input.below(static_cast<uint32_t>(ways().size()))];
  const bool is_reply = way.forward == Forward::nat && input.below(2) == 1;
  Packet packet;
  packet.protocol = input.below(2) == 0 ? 6 : 17;
  const std::string client = way.is_v6() ? "2001:db8:9::" + std::to_string(1 + input.below(200))
                                         : "203.0.113." + std::to_string(1 + input.below(200));
  const auto client_port = static_cast<uint16_t>(1 + input.below(65'535));
  const uint16_t service_port = way.any_port           ? static_cast<uint16_t>(1 + input.below(65'535))
                                : packet.protocol == 6 ? kTcpPort
                                                       : kUdpPort;
  if (is_reply) {
    packet.to = packet::kPort1Mac;
    packet.source = way.backend;
    packet.sport = way.pool == "nat4-same-port" ? service_port : kBackendPort;
    packet.destination = client;
    packet.dport = client_port;
  } else {
    packet.source = client;
    packet.sport = client_port;
    packet.destination = way.vip;
    packet.dport = service_port;
  }
  vary(packet, input, way.is_v6());
  return {way, is_reply, packet};
}

// The IP packet as its receiver gets it, be that inside another one.
Packet as_delivered(const Case& one) {
  Packet packet = one.packet;
  --packet.ttl;
  if (one.way.forward != Forward::nat) return packet;
  if (one.is_reply) {
    packet.source = one.way.vip;
    packet.sport = packet.protocol == 6 ? kTcpPort : kUdpPort;
  } else {
    packet.destination = one.way.backend;
    if (one.way.pool != "nat4-same-port") packet.dport = kBackendPort;
  }
  return packet;
}

size_t transport_checksum_at(const Packet& packet) {
  const size_t header = packet::ip(packet.destination).is_v4() ? 20 + packet.options.size() : 40;
  return header + (packet.protocol == 6 ? 16 : 6);
}

// The ones' complement sum over all that the transport checksum covers, itself included, between 0 and
// 0xfffe: how wrong it is.
unsigned error_of(const Packet& packet, const Bytes& bytes) {
  const size_t header = packet::ip(packet.destination).is_v4() ? 20 + packet.options.size() : 40;
  const Bytes segment(bytes.begin() + static_cast<ptrdiff_t>(header), bytes.end());
  Bytes covered = packet::pseudo_header(packet::ip(packet.source), packet::ip(packet.destination),
                                        packet.protocol, segment.size());
  packet::put(covered, segment);
  return packet::internet_checksum(covered) % 0xffffU;
}

// `got`: the IP packet that left, without what is around it.
void check_packet(const Case& one, Bytes got) {
  const Packet wanted_packet = as_delivered(one);
  Bytes wanted = packet::ip_bytes(wanted_packet);
  expect(got.size() == wanted.size(), "another size", got);
  const size_t at = transport_checksum_at(one.packet);
  if (one.packet.transport_checksum && one.way.forward == Forward::nat) {
    const uint16_t checksum = get16(got, at);
    const bool none = one.packet.protocol == 17 && one.packet.transport_checksum == uint16_t{0};
    expect(none == (checksum == 0) || one.packet.protocol == 6, "a UDP checksum came or went", got);
    expect(none || error_of(one.packet, packet::ip_bytes(one.packet)) == error_of(wanted_packet, got),
           "a wrong transport checksum isn't wrong by as much any more", got);
    packet::set16(got, at, 0);
    packet::set16(wanted, at, 0);
  }
  expect(got == wanted, "wanted\n" + packet::hex(wanted) + "\ngot", got);
}

// Takes the outer header off, and says what is wrong with it.
Bytes check_outer(const Case& one, const Bytes& got) {
  const Way& way = one.way;
  const bool six = way.to_v6();
  const bool gue = way.forward == Forward::gue;
  const bool inner_six = way.is_v6();
  const bool gre = way.forward == Forward::gre;
  const size_t gue_header = gue && way.gue_variant == 0 ? 4 : 0;
  const size_t outer = (six ? 40U : 20U) + (gue ? 8U : gre ? 4U : 0U) + gue_header;
  expect(got.size() > outer, "no room for an outer header", got);
  const uint8_t next = gue ? 17 : gre ? 47 : inner_six ? 41 : 4;
  const Bytes source(got.begin() + (six ? 8 : 12), got.begin() + (six ? 24 : 16));
  const Bytes destination(got.begin() + (six ? 24 : 16), got.begin() + (six ? 40 : 20));
  const IpAddress from = six ? IpAddress::v6(source.data()) : packet::address4(got, 12);
  expect(Prefix::parse(six ? kEncapSource6 : kEncapSource)->contains(from), "another outer source", got);
  expect(destination == packet::wire(packet::ip(way.backend)), "another outer destination", got);
  if (six) {
    expect(got[0] >> 4U == 6 && (get16(got, 0) >> 4U & 0xffU) == one.packet.tos, "outer traffic class", got);
    expect(got[6] == next && got[7] == 64, "outer next header or hop limit", got);
  } else {
    expect(got[0] == 0x45 && got[1] == one.packet.tos, "outer type of service", got);
    expect(got[8] == 64 && got[9] == next, "outer TTL or protocol", got);
    const bool dont_fragment = inner_six || one.packet.dont_fragment;
    expect((get16(got, 6) & 0xffffU) == (dont_fragment ? 0x4000U : 0U), "outer flags", got);
  }
  if (gue) {
    const size_t udp = outer - gue_header - 8;
    expect(get16(got, udp) >= 49'152 && get16(got, udp + 2) == 6080, "outer ports", got);
    expect(get16(got, udp + 4) == got.size() - udp, "outer UDP length", got);
    expect(!six || get16(got, udp + 6) != 0, "no outer UDP checksum over IPv6", got);
  }
  if (gue_header != 0)
    expect(get16(got, outer - 4) == (inner_six ? 41 : 4) && get16(got, outer - 2) == 0, "GUE header", got);
  if (gre)
    expect(get16(got, outer - 4) == 0 && get16(got, outer - 2) == (inner_six ? 0x86dd : 0x0800), "GRE header",
           got);
  return {got.begin() + static_cast<ptrdiff_t>(outer), got.end()};
}

std::string next_mac(const Case& one) {
  if (one.is_reply) return packet::kRouterMac;
  if (one.way.pool == "far") return packet::kFarRouterMac;
  const std::string& text = one.way.backend;
  return packet::backend_mac(static_cast<unsigned>(std::stoul(text.substr(text.find_last_of(".:") + 1))));
}

// MACs, tags and EtherType; gives what is behind them.
Bytes check_l2(const Case& one, const packet::SentFrame& sent, bool six) {
  Packet frame = one.packet;
  frame.to = next_mac(one);
  frame.from = sent.port == 0 ? packet::kPort0Mac : packet::kPort1Mac;
  frame.ether_type = six ? uint16_t{0x86dd} : uint16_t{0x0800};
  frame.trailer.clear();
  const Bytes wanted = packet::ethernet_bytes(frame, {});
  expect(sent.port == (one.is_reply ? 0 : 1), "out of another port", sent.frame);
  expect(sent.frame.size() > wanted.size() && std::equal(wanted.begin(), wanted.end(), sent.frame.begin()),
         "another Ethernet header", sent.frame);
  return {sent.frame.begin() + static_cast<ptrdiff_t>(wanted.size()), sent.frame.end()};
}

void run(const Case& one) {
  const Bytes frame = packet::build(one.packet);
  pipeline().wait(1);
  const packet::Outcome outcome = pipeline().run(one.is_reply ? 1 : 0, frame);
  expect(outcome.sent.size() == 1 && outcome.text() == "sent", "not sent, but " + outcome.text(), frame);
  const bool outer = one.way.forward != Forward::l2 && one.way.forward != Forward::nat;
  const packet::SentFrame& sent = outcome.sent[0];
  Bytes got = check_l2(one, sent, outer ? one.way.to_v6() : one.way.is_v6());
  if (outer) got = check_outer(one, got);
  check_packet(one, std::move(got));
  const std::string faults = faults_in(sent.frame, is_right(frame) ? Transports::right : Transports::ignored);
  expect(faults.empty(), "sent with faults: " + faults, sent.frame);
}

}  // namespace
}  // namespace shunt::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  shunt::fuzz::abort_on_test_failures();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  shunt::fuzz::Input input(data, size);
  shunt::fuzz::run(shunt::fuzz::read_case(input));
  return 0;
}
