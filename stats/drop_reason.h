// Why a packet went no further: a closed list, one counter each. The first stage that objects names it.
//
// A packet that shunt answers itself is dropped by the reason that asked for the answer (ttl, too_big, echo,
// arp, nd); the answer is counted as originated.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace shunt {

enum class DropReason : uint8_t {
  not_our_mac,        // to another unicast MAC, or IP unicast in a group MAC
  not_ip,             // neither IP nor ARP, and no host_interface to give it to
  truncated,          // ends before its headers do
  bad_header,         // version, header length or total length is wrong
  bad_checksum,       // IPv4 header checksum, or that of a ping
  bad_source,         // a source that can't be answered: 0/8, 127/8, 224/3, a VIP, an encap_source
  options,            // malformed IPv4 options, or a source route
  extension_headers,  // IPv6: too many of them, out of order, cut short, a type 0 routing header; AH in nat
  fragment,           // one that can't be carried: no whole transport header in the first, overlaps, ICMP
  fragment_limit,     // the fragment table is full, or the first one didn't come in time
  loop,               // for a VIP, with our own outer header inside (or as its first)
  ttl,                // no hops left
  too_big,            // doesn't fit the way out
  no_service,         // a VIP, but no service on that protocol and port
  no_backend,         // the service has nobody to send to
  no_neighbour,       // the next hop's MAC was never known
  not_on_link,        // l2 backend behind a router
  no_host_interface,  // not for a VIP, and the port has no host_interface
  bogus_icmp,         // an ICMP error that can't be about a flow of ours
  answer_limit,       // would be answered, but its source has had its answers for this second
  punt_full,          // the way to the kernel is full or over its rate
  punt_failed,        // the kernel refused it
  transmit_full,      // the device took no more
  ring_full,          // the ring to another thread is full
  echo,               // a ping to a VIP, answered
  arp,                // an ARP request for a VIP, answered
  nd,                 // a neighbour solicitation for a VIP, answered
};

inline constexpr size_t kDropReasons = static_cast<size_t>(DropReason::nd) + 1;

inline constexpr std::array<std::string_view, kDropReasons> kDropReasonNames = {
    "not_our_mac",  "not_ip",      "truncated",         "bad_header", "bad_checksum",
    "bad_source",   "options",     "extension_headers", "fragment",   "fragment_limit",
    "loop",         "ttl",         "too_big",           "no_service", "no_backend",
    "no_neighbour", "not_on_link", "no_host_interface", "bogus_icmp", "answer_limit",
    "punt_full",    "punt_failed", "transmit_full",     "ring_full",  "echo",
    "arp",          "nd"};

constexpr std::string_view name_of(DropReason reason) {
  return kDropReasonNames[static_cast<size_t>(reason)];
}

}  // namespace shunt
