#include "tests/packet/drop_rows.h"

#include "tests/packet/fragment_builder.h"
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
      row("not even TCP's ports", truncated, {.protocol = 99, .payload = Bytes(3, 0)}),
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
  return rows;
}

Packet six(const Packet& base = {}) {
  Packet packet = base;
  packet.source = "2001:db8:9::7";
  packet.destination = "2001:db8:a::1";
  return packet;
}

DropRow extension_row(const std::string& name, const std::vector<Extension>& extensions) {
  Packet packet = six();
  packet.extensions = extensions;
  return row(name, DropReason::extension_headers, packet);
}

// Options of so many bytes in all.
Extension long_options(uint8_t type, size_t bytes) {
  Bytes tail(bytes - 1, 0);
  tail[0] = static_cast<uint8_t>(bytes / 8 - 1);
  return {type, tail};
}

std::vector<DropRow> extension_rows() {
  const Extension routing0{43, {0, 0, 0, 0, 0, 0, 0}};
  const Extension atomic{44, {0, 0, 0, 1, 2, 3, 4}};
  std::vector<DropRow> rows = {
      extension_row("nine extension headers", std::vector<Extension>(9)),
      extension_row("264 bytes of one extension header", {long_options(60, 264)}),
      extension_row("264 bytes of three", {long_options(60, 128), long_options(60, 128), {}}),
      extension_row("nine with an atomic fragment's", {atomic, {}, {}, {}, {}, {}, {}, {}, {}}),
      extension_row("hop-by-hop options that aren't first", {{}, {0, {0, 1, 4, 0, 0, 0, 0}}}),
      extension_row("a routing header of type 0", {routing0}),
      extension_row("a routing header of type 0 behind options", {{}, routing0}),
      extension_row("two fragment headers", {atomic, atomic}),
      extension_row("options longer than the packet", {{60, {30, 1, 4, 0, 0, 0, 0}}}),
  };
  Packet cut_short = six({.protocol = 60, .payload = Bytes(7, 0)});
  rows.push_back(row("seven bytes of options", DropReason::extension_headers, cut_short));
  Packet in_nat = six();
  in_nat.destination = "2001:db8:a::3";
  in_nat.extensions = {{51, {4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}};
  rows.push_back(row("AH in nat", DropReason::extension_headers, in_nat));
  in_nat.extensions = {{43, {0, 4, 1, 0, 0, 0, 0}}};
  rows.push_back(row("nat at a station of a source route", DropReason::extension_headers, in_nat));
  return rows;
}

DropRow fragment_row(const std::string& name, const Packet& packet, const Part& part,
                     DropReason reason = DropReason::fragment) {
  return {name, reason, ethernet_bytes(packet, fragment(ip_bytes(packet), part)), 0};
}

std::vector<DropRow> fragment_rows() {
  const Packet tcp4{.dont_fragment = false, .payload = Bytes(100, 1)};
  const Packet udp4{.dont_fragment = false, .protocol = 17, .dport = 53, .payload = Bytes(100, 1)};
  Packet tcp6 = six(tcp4);
  Packet udp6 = six(udp4);
  Packet chain6 = udp6;
  chain6.extensions = {long_options(60, 64)};
  std::vector<DropRow> rows;
  for (const auto& [words, tcp, udp] :
       {std::tuple{" (IPv4)", tcp4, udp4}, std::tuple{" (IPv6)", tcp6, udp6}}) {
    const auto add = [&rows, family = std::string(words)](const char* name, const Packet& packet,
                                                          const Part& part) {
      rows.push_back(fragment_row(name + family, packet, part));
    };
    Packet options = tcp;
    options.tcp_options = Bytes(12, 1);
    Packet icmp = udp;
    icmp.protocol = ip(udp.destination).is_v4() ? 1 : 58;
    add("a first fragment with 16 bytes of TCP", tcp, {0, 16, true});
    add("a first fragment without all of TCP's options", options, {0, 24, true});
    add("a first fragment that isn't a multiple of 8", udp, {0, 20, true});
    add("TCP at offset 8", tcp, {8, 48, true});
    add("an empty first fragment", udp, {0, 0, true});
    add("an empty last fragment", udp, {48, 48, false});
    add("a middle fragment that isn't a multiple of 8", udp, {16, 33, true});
    add("a first fragment of ICMP", icmp, {0, 48, true});
    add("a later fragment of ICMP", icmp, {48, 100, false});
  }
  rows.push_back(fragment_row("a first fragment without all of its chain", chain6, {0, 56, true}));
  rows.push_back(
      fragment_row("a first fragment with the chain but no transport header", chain6, {0, 64, true}));
  // The ping of death, by UDP: its last fragment ends behind 65,535.
  for (const Packet& packet : {udp4, udp6}) {
    Bytes frame = ethernet_bytes(packet, fragment(ip_bytes(packet), {0, 48, false}));
    const bool v4 = ip(packet.destination).is_v4();
    set16(frame, v4 ? 14 + 6 : 14 + 42, v4 ? 8189 : 65'512);
    if (v4) set16(frame, 14 + 10, 0);
    if (v4) set16(frame, 14 + 10, internet_checksum(slice(frame, 14, 34)));
    rows.push_back({v4 ? "ping of death (IPv4)" : "ping of death (IPv6)", DropReason::fragment, frame, 0});
  }
  return rows;
}

}  // namespace

std::vector<DropRow> header_rows() {
  std::vector<DropRow> rows = mac_rows();
  for (const auto& more :
       {truncated_rows(), header_length_rows(), source_and_option_rows(), extension_rows(), fragment_rows()})
    rows.insert(rows.end(), more.begin(), more.end());
  // Bytes that say they are TCP.
  for (DropRow& each : rows) {
    if (each.name != "19 bytes of TCP" && each.name != "not even TCP's ports") continue;
    each.in[14 + 9] = 6;
    set16(each.in, 14 + 10, 0);
    set16(each.in, 14 + 10, internet_checksum(Bytes(each.in.begin() + 14, each.in.begin() + 34)));
  }
  return rows;
}

namespace {

// One outer header around `inside`, as a tunnel of `protocol` has it (47: GRE, 17: GUE behind `gue`).
Bytes around(const std::string& source, const std::string& destination, uint8_t protocol, const Bytes& inside,
             const Bytes& gue = {}) {
  Packet outer{.source = source, .destination = destination, .protocol = protocol};
  const uint8_t version = inside.empty() ? 4 : inside[0] >> 4U;
  if (protocol == 47)
    put(outer.payload,
        {0, 0, version == 4 ? uint8_t{0x08} : uint8_t{0x86}, version == 4 ? uint8_t{0} : uint8_t{0xdd}});
  if (protocol == 17) {
    outer.sport = 50000;
    outer.dport = 6080;
    outer.payload = gue;
  }
  put(outer.payload, inside);
  return ip_bytes(outer);
}

// Through a shunt whose encap_source is 192.0.2.77, and before that through us (10.0.0.10), to a VIP of ours.
std::vector<DropRow> loop_rows() {
  using enum DropReason;
  const std::string vip = "198.51.100.1";
  const std::string peer = "192.0.2.77";
  const Bytes client = ip_bytes({.destination = "192.0.2.99"});
  const Bytes ours = around("10.0.0.10", "192.0.2.99", 4, client);
  const Bytes ours_gre = around("10.0.0.10", "192.0.2.99", 47, client);
  const Bytes ours_gue = around("10.0.0.10", "192.0.2.99", 17, client);
  const auto frame = [](const Bytes& packet) { return ethernet_bytes({}, packet); };
  Bytes deep = ours;
  for (int i = 0; i < 7; ++i)
    deep = around(peer, "192.0.2.98", 4, deep);
  Bytes too_deep = ours;
  for (int i = 0; i < 9; ++i)
    too_deep = around(peer, "192.0.2.98", 4, too_deep);
  Bytes full_gue = {0x1f, 4, 0, 0};
  full_gue.resize(4 + 31 * 4, 0x45);
  Bytes ours_with_a_key = ours_gre;
  ours_with_a_key[20] = 0x20;
  Packet first_fragment{.source = peer, .destination = vip, .dont_fragment = false, .protocol = 4};
  first_fragment.fragment = 0x2000;
  first_fragment.payload = ours;
  first_fragment.payload.resize(first_fragment.payload.size() / 8 * 8);
  return {
      {"ours in a first fragment", loop, frame(around(peer, vip, 47, ip_bytes(first_fragment))), 0},
      {"ours as the first", loop, frame(around("10.0.0.10", vip, 4, client)), 0},
      {"ours in ipip", loop, frame(around(peer, vip, 4, ours)), 0},
      {"ours in gre", loop, frame(around(peer, vip, 47, ours)), 0},
      {"our gre in ipip", loop, frame(around(peer, vip, 4, ours_gre)), 0},
      {"our gue in gre", loop, frame(around(peer, vip, 47, ours_gue)), 0},
      {"ours in gue, variant 1, to no service", loop, frame(around(peer, vip, 17, ours)), 0},
      {"ours in gue, variant 0", loop, frame(around(peer, vip, 17, ours, {0, 4, 0, 0})), 0},
      {"our gue, variant 0, in gre", loop,
       frame(around(peer, vip, 47, around("10.0.0.10", "192.0.2.99", 17, client, {0, 4, 0, 0}))), 0},
      {"ours in gue, variant 0 with 31 words", loop, frame(around(peer, vip, 17, ours, full_gue)), 0},
      {"ours in gue, variant 0 with two words", loop,
       frame(around(peer, vip, 17, ours, {0x02, 4, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8})), 0},
      {"ours behind eight others", loop, frame(around(peer, vip, 4, deep)), 0},
      {"a client's packet in somebody's tunnel", no_service, frame(around(peer, vip, 4, client)), 0},
      {"a client's from our address in somebody's", no_service,
       frame(around(peer, vip, 4, ip_bytes({.source = "10.0.0.10", .destination = "192.0.2.99"}))), 0},
      {"behind more than are opened", no_service, frame(around(peer, vip, 4, too_deep)), 0},
      {"gre with a key is nobody's of ours", no_service, frame(around(peer, vip, 4, ours_with_a_key)), 0},
      {"a gue control message", no_service, frame(around(peer, vip, 17, ours, {0x20, 4, 0, 0})), 0},
      {"gue variant 0 that ends in its own header", no_service,
       frame(around(peer, vip, 17, {}, {0x1f, 4, 0, 0})), 0},
      {"nothing inside", no_service, frame(around(peer, vip, 4, {})), 0},
  };
}

std::vector<DropRow> other_decision_rows() {
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
      row("somebody else's tunnel", no_service, {.protocol = 4, .payload = ip_bytes({})}),
      row("an l2 backend behind a router", not_on_link, {.destination = "198.51.100.6"}),
  };
}

}  // namespace

std::vector<DropRow> decision_rows() {
  std::vector<DropRow> rows = other_decision_rows();
  for (const DropRow& each : loop_rows())
    rows.push_back(each);
  return rows;
}

}  // namespace shunt::packet
