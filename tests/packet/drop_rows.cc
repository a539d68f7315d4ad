#include "tests/packet/drop_rows.h"

#include "tests/packet/icmp_builder.h"

namespace shunt::packet {
namespace {

Bytes cut(Bytes frame, size_t bytes) {
  frame.resize(bytes);
  return frame;
}

DropRow row(const std::string& name, DropReason reason, const Packet& packet) {
  return {name, reason, build(packet), 0};
}
DropRow answered(const std::string& name, DropReason reason, const Packet& packet, uint8_t port = 0) {
  return {name, reason, build(packet), port, true};
}

std::vector<DropRow> mac_rows() {
  using enum DropReason;
  const std::string group_of_ip = "01:00:5e:00:00:01";
  return {
      row("another host's MAC", not_our_mac, {.to = "02:00:00:00:00:77"}),
      row("the other port's MAC", not_our_mac, {.to = kPort1Mac}),
      row("VIP unicast in a broadcast frame", not_our_mac, {.to = "ff:ff:ff:ff:ff:ff"}),
      row("VIP unicast in a group frame", not_our_mac, {.to = group_of_ip}),
      row("host unicast in a broadcast frame", not_our_mac,
          {.to = "ff:ff:ff:ff:ff:ff", .destination = "192.0.2.2"}),
      row("IPv6 unicast in a group frame", not_our_mac,
          {.to = "33:33:00:00:00:01", .source = "2001:db8::7", .destination = "2001:db8::1"}),
  };
}

std::vector<DropRow> truncated_rows() {
  using enum DropReason;
  const Bytes whole = build(Packet{});
  const Bytes tagged = build(Packet{.tags = {{0x8100, 1}}});
  const Bytes six = build(Packet{.source = "2001:db8::7", .destination = "2001:db8::1"});
  return {
      {"an empty frame", truncated, {}},
      {"13 bytes", truncated, cut(whole, 13)},
      {"an Ethernet header that promises IPv4", truncated, cut(whole, 14)},
      {"19 bytes of IPv4 header", truncated, cut(whole, 33)},
      {"a VLAN tag cut in two", truncated, cut(tagged, 17)},
      {"39 bytes of IPv6 header", truncated, cut(six, 53)},
      {"the IPv4 header but nothing behind it", truncated, cut(whole, 34)},
      {"one byte short of its total length", truncated, cut(whole, whole.size() - 1)},
      row("19 bytes of TCP", truncated, {.protocol = 99, .payload = Bytes(19, 0)}),
      row("options longer than the frame", truncated, {.header_words = 15, .total_bytes = 60}),
  };
}

std::vector<DropRow> header_length_rows() {
  using enum DropReason;
  std::vector<DropRow> rows = {
      row("IP version 5", bad_header, {.version = 5}),
      row("a header of 16 bytes", bad_header, {.header_words = 4}),
      row("a total length of 19", bad_header, {.total_bytes = 19}),
      row("a total length that ends in the options", bad_header, {.options = Bytes(8, 1), .total_bytes = 24}),
      row("TCP offset 4", bad_header, {.tcp_offset_words = 4}),
      row("TCP offset behind the packet", bad_header, {.tcp_offset_words = 6}),
      row("UDP length 7", bad_header, {.protocol = 17, .dport = 53, .udp_bytes = 7}),
      row("UDP length behind the packet", bad_header, {.protocol = 17, .dport = 53, .udp_bytes = 9}),
      row("a wrong IPv4 header checksum", bad_checksum, {.ip_checksum = 0xbeef}),
  };
  // As protocol 99 the builder doesn't care; the byte that says TCP or UDP is set afterwards.
  Bytes short_udp = build(Packet{.protocol = 17, .payload = {}, .total_bytes = 27});
  rows.push_back({"7 bytes of UDP", truncated, short_udp});
  return rows;
}

std::vector<DropRow> source_and_option_rows() {
  using enum DropReason;
  std::vector<DropRow> rows;
  for (const std::string source :
       {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"})
    rows.push_back(row("source " + source, bad_source, {.source = source}));
  rows.push_back(row("a VIP as source", bad_source, {.source = "198.51.100.2"}));
  rows.push_back(row("its own VIP as source", bad_source, {.source = "198.51.100.1"}));
  rows.push_back(row("an encap_source as source", bad_source, {.source = "192.0.2.10"}));
  rows.push_back(row("loose source route", options, {.options = {131, 3, 4, 0}}));
  rows.push_back(row("strict source route", options, {.options = {137, 3, 4, 0}}));
  rows.push_back(
      row("a source route behind others", options, {.options = {1, 68, 4, 5, 0, 131, 3, 4}, .dport = 80}));
  rows.back().in = build(Packet{.options = {1, 68, 4, 5, 5, 131, 2, 0}});
  rows.push_back(row("an option of length 1", options, {.options = {68, 1, 0, 0}}));
  rows.push_back(row("an option of length 0", options, {.options = {7, 0, 0, 0}}));
  rows.push_back(row("an option longer than the header", options, {.options = {68, 5, 0, 0}}));
  rows.push_back(row("an option without its length", options, {.options = {1, 1, 1, 68}}));
  rows.push_back(row("a first fragment", fragment, {.dont_fragment = false, .fragment = 0x2000}));
  rows.push_back(row("a later fragment", fragment, {.dont_fragment = false, .fragment = 0x2010}));
  rows.push_back(row("the last fragment", fragment, {.dont_fragment = false, .fragment = 0x0010}));
  return rows;
}

}  // namespace

std::vector<DropRow> header_rows() {
  std::vector<DropRow> rows = mac_rows();
  for (const auto& more : {truncated_rows(), header_length_rows(), source_and_option_rows()})
    rows.insert(rows.end(), more.begin(), more.end());
  // 19 bytes that say they are TCP.
  for (DropRow& each : rows) {
    if (each.name != "19 bytes of TCP") continue;
    each.in[14 + 9] = 6;
    set16(each.in, 14 + 10, 0);
    set16(each.in, 14 + 10, internet_checksum(Bytes(each.in.begin() + 14, each.in.begin() + 34)));
  }
  return rows;
}

std::vector<DropRow> decision_rows() {
  using enum DropReason;
  const Packet reply{
      .to = kPort1Mac, .source = "10.0.0.13", .destination = "203.0.113.7", .ttl = 1, .sport = 8080};
  Packet big_reply = reply;
  big_reply.ttl = 64;
  big_reply.payload = Bytes(1500 - 39, 0);
  return {
      answered("TTL 1", ttl, {.ttl = 1}),
      row("TTL 0", ttl, {.ttl = 0}),
      answered("a nat reply with TTL 1", ttl, reply, 1),
      answered("a nat reply larger than the clients' port", too_big, big_reply, 1),
      answered("l2: a byte more than the MTU", too_big, {.payload = Bytes(1500 - 39, 0)}),
      row("a byte more than the MTU, without DF", too_big,
          {.dont_fragment = false, .payload = Bytes(1500 - 39, 0)}),
      answered("ipip: a byte more than the MTU with its outer header", too_big,
               {.destination = "198.51.100.2", .payload = Bytes(1480 - 39, 0)}),
      row("a VIP's other port", no_service, {.dport = 81}),
      row("ssh to a VIP never reaches our own sshd", no_service, {.dport = 22}),
      row("a VIP's port by the other protocol", no_service, {.protocol = 17}),
      row("neither TCP nor UDP", no_service, {.protocol = 99, .payload = Bytes(8, 0)}),
      row("an echo reply to a VIP", no_service, icmp({}, {.type = 0})),
      row("an ICMP redirect to a VIP", no_service, icmp({}, {.type = 5, .body = quote({})})),
      answered("a ping", echo, icmp({}, {.type = 8})),
      row("a ping without its 8 bytes", truncated, {.protocol = 1, .payload = {8, 0, 0xf7, 0xff}}),
      row("a ping with a wrong checksum", bad_checksum, icmp({}, {.type = 8, .checksum = 0x1111})),
      row("a ping with TTL 0", ttl, icmp({.ttl = 0}, {.type = 8})),
      row("a ping from a VIP", bad_source, icmp({.source = "198.51.100.2"}, {.type = 8})),
      row("an ICMP error that quotes nothing", bogus_icmp, icmp({}, {.type = 3})),
      row("our own outer header again", no_service, {.protocol = 4, .payload = ip_bytes({})}),
      row("an l2 backend behind a router", not_on_link, {.destination = "198.51.100.6"}),
  };
}

}  // namespace shunt::packet
