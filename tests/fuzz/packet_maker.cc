#include "tests/fuzz/packet_maker.h"

namespace shunt::fuzz {
namespace {

using packet::Packet;
using packet::put;
using packet::put16;
using packet::put32;
using packet::set16;

constexpr uint32_t kClients = 4;
constexpr uint32_t kClientPorts = 6;

bool is_v6(const Packet& packet) {
  return !packet::ip(packet.destination).is_v4();
}

std::string mac_of_port(uint8_t port) {
  return port == 0 ? packet::kPort0Mac : packet::kPort1Mac;
}

// A part of an IP packet's payload, from `begin` (a multiple of 8), as a fragment. RFC 791, RFC 8200 4.5.
Bytes fragment_of(const Packet& whole, uint32_t id, size_t begin, size_t bytes, bool more) {
  const Bytes packet = packet::ip_bytes(whole);
  const bool six = is_v6(whole);
  const size_t header = six ? 40 : 20 + whole.options.size();
  const auto part_begin = packet.begin() + static_cast<ptrdiff_t>(header + begin);
  const Bytes part(part_begin, part_begin + static_cast<ptrdiff_t>(bytes));
  Bytes out(packet.begin(), packet.begin() + static_cast<ptrdiff_t>(header));
  if (six) {
    out[6] = 44;
    set16(out, 4, static_cast<uint32_t>(8 + bytes));
    out.push_back(whole.protocol);
    out.push_back(0);
    put16(out, static_cast<uint32_t>(begin | (more ? 1U : 0U)));
    put32(out, id);
  } else {
    set16(out, 2, static_cast<uint32_t>(header + bytes));
    set16(out, 4, id);
    set16(out, 6, static_cast<uint32_t>(begin / 8 | (more ? 0x2000U : 0U)));
    set16(out, 10, 0);
    set16(out, 10, packet::internet_checksum(out));
  }
  put(out, part);
  return out;
}

}  // namespace

Bytes icmp_message(const Packet& carrier, uint8_t type, uint8_t code, uint32_t word, const Bytes& rest) {
  Bytes message = {type, code, 0, 0};
  put32(message, word);
  put(message, rest);
  Bytes covered;
  if (is_v6(carrier))
    covered = packet::pseudo_header(packet::ip(carrier.source), packet::ip(carrier.destination), 58,
                                    message.size());
  put(covered, message);
  set16(message, 2, packet::internet_checksum(covered));
  return message;
}

Bytes PacketMaker::next(uint8_t port) {
  Bytes frame;
  switch (input_.below(16)) {
    case 0:
      frame = icmp_error(port);
      break;
    case 1:
      frame = echo(port);
      break;
    case 2:
    case 3:
      frame = fragment(port);
      break;
    case 4:
      frame = extended(port);
      break;
    case 5:
      frame = encapsulated_again(port);
      break;
    case 6:
      frame = neighbour_question(port);
      break;
    case 7:
      frame = other(port);
      break;
    case 8:
    case 9:
      frame = packet::build(reply(port));
      break;
    default:
      frame = packet::build(towards_vip(port));
      break;
  }
  if (!right_) damage(frame);
  return frame;
}

Bytes PacketMaker::filler(uint32_t at_most) {
  const uint32_t bytes = input_.below(at_most + 1);
  Bytes filled(bytes);
  for (uint32_t i = 0; i < bytes; ++i)
    filled[i] = static_cast<uint8_t>(i * 7);
  return filled;
}

void PacketMaker::tag(Packet& packet) {
  for (uint32_t tags = input_.below(8); tags > 5; --tags)
    packet.tags.push_back({static_cast<uint16_t>(input_.below(2) == 0 ? 0x8100 : 0x88a8), 5});
}

void PacketMaker::vary(Packet& packet) {
  constexpr uint8_t kFlagSets[] = {packet::kSyn,
                                   packet::kAck,
                                   packet::kAck | packet::kPsh,
                                   packet::kFin | packet::kAck,
                                   packet::kRst,
                                   packet::kSyn | packet::kAck,
                                   0};
  packet.flags = kFlagSets[input_.below(7)];
  packet.sequence = 1000 + input_.below(3);
  packet.tos = input_.byte();
  packet.dont_fragment = input_.below(2) == 0;
  packet.id = input_.below(4) == 0 ? uint16_t{0} : uint16_t{0x1234};
  packet.payload = filler(input_.one_in(4) ? 1600 : 40);
  if (input_.one_in(8)) packet.ttl = static_cast<uint8_t>(input_.below(3));
  if (input_.one_in(8)) packet.trailer = filler(40);
  if (input_.one_in(8)) packet.tcp_options = Bytes(4 * input_.below(11), 1);
  if (input_.one_in(8) && !is_v6(packet)) packet.options = Bytes(4 * input_.below(11), 1);
  if (input_.one_in(16) && packet.protocol == 17 && !is_v6(packet)) packet.transport_checksum = 0;
  tag(packet);
  if (right_) return;
  if (input_.one_in(16)) packet.transport_checksum = input_.half();
  if (input_.one_in(16)) packet.ip_checksum = input_.half();
  if (input_.one_in(16)) packet.total_bytes = input_.half();
  if (input_.one_in(16)) packet.udp_bytes = input_.half();
  if (input_.one_in(16)) packet.tcp_offset_words = static_cast<uint8_t>(input_.below(16));
  if (input_.one_in(16)) packet.source = is_v6(packet) ? "ff02::1" : "127.0.0.1";
}

Packet PacketMaker::towards_vip(uint8_t port) {
  const Way& way = ways()[input_.below(static_cast<uint32_t>(ways().size()))];
  Packet packet;
  packet.to = mac_of_port(port);
  packet.destination = way.vip;
  const uint32_t client = 20 + input_.below(kClients);
  packet.source = (way.is_v6() ? "2001:db8:9::" : "203.0.113.") + std::to_string(client);
  packet.sport = static_cast<uint16_t>(1024 + input_.below(kClientPorts));
  packet.protocol = input_.below(2) == 0 ? 6 : 17;
  packet.dport = packet.protocol == 6 ? kTcpPort : kUdpPort;
  if (input_.one_in(8)) packet.dport = input_.half();
  vary(packet);
  return packet;
}

Packet PacketMaker::answer_of(const Packet& request) {
  Packet answer = request;
  std::swap(answer.source, answer.destination);
  std::swap(answer.sport, answer.dport);
  answer.ttl = static_cast<uint8_t>(1 + input_.below(64));
  return answer;
}

Packet PacketMaker::reply(uint8_t port) {
  Packet packet = answer_of(towards_vip(port));
  const bool six = packet.source.find(':') != std::string::npos;
  const bool same_port = input_.one_in(3);
  packet.source = six ? "2001:db8:1::13" : same_port ? "10.0.0.14" : "10.0.0.13";
  if (six || !same_port) packet.sport = kBackendPort;
  if (input_.one_in(8)) packet.destination = six ? "2001:db8:2::2" : "192.0.2.2";
  return packet;
}

// RFC 792, RFC 4443: an error quotes the packet that it is about.
Bytes PacketMaker::icmp_error(uint8_t port) {
  Packet quoted = input_.one_in(4) ? reply(1) : answer_of(towards_vip(port));
  if (input_.one_in(4)) quoted = towards_vip(port);  // the other direction: a router behind shunt complains
  const bool six = is_v6(quoted);
  Bytes quote = packet::ip_bytes(quoted);
  if (input_.below(2) == 0) quote.resize(std::min<size_t>(quote.size(), six ? 48 : 28));
  if (input_.one_in(4)) quote.resize(std::min<size_t>(quote.size(), input_.below(128)));
  if (quote.size() > 1200) quote.resize(1200);
  Packet error;
  error.to = mac_of_port(port);
  error.destination = input_.one_in(8) ? quoted.destination : quoted.source;
  error.source = six ? "2001:db8:9::fe" : "203.0.113.254";
  if (input_.one_in(8)) error.source = six ? "2001:db8:1::fe" : "10.0.0.254";
  constexpr uint8_t kFour[] = {3, 3, 11, 12, 4, 5};
  constexpr uint8_t kSix[] = {1, 2, 3, 4, 2, 137};
  const uint32_t kind = input_.below(6);
  const auto code = static_cast<uint8_t>(input_.below(6));
  const uint32_t word = input_.below(2) == 0 ? 1280 + input_.below(220) : input_.word();
  if (right_ || !input_.one_in(8))
    error.protocol = is_v6(error) ? 58 : 1;
  else
    error.protocol = input_.byte();
  error.payload = icmp_message(error, is_v6(error) ? kSix[kind] : kFour[kind], code, word, quote);
  tag(error);
  return packet::build(error);
}

Bytes PacketMaker::echo(uint8_t port) {
  Packet ping = towards_vip(port);
  const bool six = is_v6(ping);
  ping.protocol = six ? 58 : 1;
  const auto code = static_cast<uint8_t>(input_.one_in(4) ? 1 : 0);
  const uint8_t type = input_.one_in(4) ? uint8_t{0} : six ? uint8_t{128} : uint8_t{8};
  ping.payload = icmp_message(ping, type, code, 0x00010001, ping.payload);
  return packet::build(ping);
}

// One fragment of a datagram that many choices have in common, so that they come together.
Bytes PacketMaker::fragment(uint8_t port) {
  Packet whole = towards_vip(port);
  whole.flags = packet::kAck;
  whole.sequence = 1000;
  whole.tos = 0;
  whole.dont_fragment = false;
  whole.payload = Bytes(600, 0x5a);
  whole.tcp_options.clear();
  const size_t payload = packet::ip_bytes(whole).size() - (is_v6(whole) ? 40 : 20 + whole.options.size());
  const size_t pieces = (payload + 7) / 8;
  size_t first = input_.below(4) * 24;  // of 8 bytes each
  size_t count = 24;
  if (input_.one_in(4)) {  // odd cuts, overlaps
    first = input_.below(static_cast<uint32_t>(pieces));
    count = 1 + input_.below(40);
  }
  first = std::min(first, pieces - 1);
  const size_t begin = first * 8;
  const size_t bytes = std::min(count * 8, payload - begin);
  const bool more = begin + bytes < payload || input_.one_in(16);
  Packet carrier;
  carrier.to = whole.to;
  carrier.tags = whole.tags;
  carrier.destination = whole.destination;
  return packet::ethernet_bytes(carrier, fragment_of(whole, 7 + input_.below(3), begin, bytes, more));
}

// RFC 8200 4.1: hop-by-hop, routing, fragment, destination options, in any order.
Bytes PacketMaker::extended(uint8_t port) {
  Packet inside = towards_vip(port);
  if (!is_v6(inside)) {
    inside.source = "2001:db8:9::21";
    inside.destination = ways()[8 + input_.below(6)].vip;
    inside.options.clear();
    inside.transport_checksum.reset();
  }
  Bytes packet = packet::ip_bytes(inside);
  const Bytes segment(packet.begin() + 40, packet.end());
  packet.resize(40);
  size_t next_at = 6;
  constexpr uint8_t kTypes[] = {0, 43, 44, 60, 51, 60};
  for (uint32_t headers = input_.below(11); headers > 0; --headers) {
    const uint8_t type = kTypes[input_.below(6)];
    packet[next_at] = type;
    next_at = packet.size();
    const size_t bytes = type == 44 ? 8 : 8 * (1 + size_t{input_.one_in(4) ? input_.below(33) : 0});
    Bytes header(bytes, 0);
    if (type != 44) header[1] = static_cast<uint8_t>(type == 51 ? bytes / 4 - 2 : bytes / 8 - 1);
    if (type == 0 || type == 60) {  // one pad option
      header[2] = 1;
      header[3] = static_cast<uint8_t>(std::min<size_t>(bytes - 4, 255));
    }
    if (type == 43) header[3] = static_cast<uint8_t>(input_.one_in(4) ? 1 : 0);  // segments left
    put(packet, header);
  }
  packet[next_at] = inside.protocol;
  put(packet, segment);
  set16(packet, 4, static_cast<uint32_t>(packet.size() - 40));
  return packet::ethernet_bytes(inside, packet);
}

// Inside a header such as shunt's own, or somebody else's.
Bytes PacketMaker::encapsulated_again(uint8_t port) {
  const Packet inside = towards_vip(port);
  Packet outer = towards_vip(port);
  if (input_.below(2) == 0) outer.source = is_v6(outer) ? "2001:db8:64:1::a" : "10.64.16.10";
  outer.options.clear();
  outer.payload = packet::ip_bytes(inside);
  outer.transport_checksum.reset();
  switch (input_.below(3)) {
    case 0:
      outer.protocol = is_v6(inside) ? 41 : 4;
      break;
    case 1:
      outer.protocol = 17;
      outer.dport = 6080;
      if (input_.below(2) == 0)  // variant 0
        outer.payload.insert(outer.payload.begin(), {0, static_cast<uint8_t>(is_v6(inside) ? 41 : 4), 0, 0});
      break;
    default:
      outer.protocol = 47;
      outer.payload.insert(outer.payload.begin(), {0, 0, static_cast<uint8_t>(is_v6(inside) ? 0x86 : 0x08),
                                                   static_cast<uint8_t>(is_v6(inside) ? 0xdd : 0)});
      break;
  }
  return packet::build(outer);
}

// RFC 826, RFC 4861 4.3.
Bytes PacketMaker::neighbour_question(uint8_t port) {
  const Way& way = ways()[input_.below(static_cast<uint32_t>(ways().size()))];
  if (!way.is_v6()) return packet::build(packet::Arp{.target = way.vip});
  Packet question;
  question.to = mac_of_port(port);
  question.source = "2001:db8:2::1";
  question.destination = way.vip;
  question.ttl = 255;
  question.protocol = 58;
  const IpAddress target = packet::ip(way.vip);
  Bytes rest = packet::wire(target);
  put(rest, {1, 1, 2, 0, 0, 0, 0x99, 1});
  question.payload = icmp_message(question, 135, 0, 0, rest);
  return packet::build(question);
}

Bytes PacketMaker::other(uint8_t port) {
  Packet packet = towards_vip(port);
  switch (input_.below(5)) {
    case 0:
      packet.destination = is_v6(packet) ? "2001:db8:2::2" : "192.0.2.2";
      break;
    case 1:
      packet.to = "02:00:00:00:00:55";
      break;
    case 2:
      packet.to = "ff:ff:ff:ff:ff:ff";
      break;
    case 3:
      packet.to = port == 0 ? packet::kHost0Mac : packet::kHost1Mac;
      break;
    default:
      packet.protocol = input_.byte();
      if (right_ && (packet.protocol == 1 || packet.protocol == 58)) packet.protocol = 132;
      break;
  }
  return packet::build(packet);
}

void PacketMaker::damage(Bytes& frame) {
  for (uint32_t edits = input_.below(8); edits > 4 && !frame.empty(); --edits) {
    const uint32_t at = input_.below(static_cast<uint32_t>(std::min<size_t>(frame.size(), 100)));
    frame[at] = input_.byte();
  }
  if (input_.one_in(8)) frame.resize(input_.below(static_cast<uint32_t>(frame.size() + 1)));
}

}  // namespace shunt::fuzz
