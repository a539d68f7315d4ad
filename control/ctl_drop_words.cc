#include "control/ctl_drop_words.h"

#include <algorithm>
#include <array>
#include <utility>

namespace shunt {
namespace {

using Row = std::pair<std::string_view, std::string_view>;

constexpr std::array kWords = {
    Row{"not_our_mac", "addressed to another machine's MAC"},
    Row{"not_ip", "neither IP nor ARP, and no host_interface to give it to"},
    Row{"truncated", "ends before its headers do"},
    Row{"bad_header", "IP or transport header contradicts itself"},
    Row{"bad_checksum", "IPv4 header checksum is wrong"},
    Row{"bad_source", "source address that can't be answered"},
    Row{"options", "malformed IPv4 options, or a source route"},
    Row{"extension_headers", "IPv6 extension headers that aren't carried"},
    Row{"fragment", "fragment that overlaps, comes twice or hides its ports"},
    Row{"fragment_limit", "fragment whose first one didn't come in time, or no room"},
    Row{"loop", "came back inside shunt's own outer header"},
    Row{"ttl", "TTL or hop limit used up"},
    Row{"too_big", "doesn't fit the way out and may not be cut"},
    Row{"no_service", "for a VIP, but no service has this protocol and port"},
    Row{"no_backend", "the service has no backend to choose"},
    Row{"no_neighbour", "MAC of the next hop is not known yet; see: ip neigh"},
    Row{"not_on_link", "l2 backend that sits behind a router"},
    Row{"no_host_interface", "not for a VIP, and the port has no host_interface"},
    Row{"not_ours", "not for shunt (af_xdp)"},
    Row{"bogus_icmp", "ICMP error that can't be about a flow of ours"},
    Row{"answer_limit", "would be answered, but [icmp] rate is used up"},
    Row{"punt_full", "too much for the kernel at once"},
    Row{"punt_failed", "the kernel refused it; is host_interface up?"},
    Row{"transmit_full", "the device took no more packets"},
    Row{"ring_full", "the ring to another worker is full"},
    Row{"shed", "new flow while the device was missing packets"},
    Row{"echo", "ping to a VIP, answered"},
    Row{"arp", "ARP for a VIP, answered"},
    Row{"nd", "neighbour solicitation for a VIP, answered"},
};

}  // namespace

std::string_view drop_words(std::string_view reason) {
  const auto found =
      std::find_if(kWords.begin(), kWords.end(), [&](const Row& row) { return row.first == reason; });
  return found == kWords.end() ? std::string_view() : found->second;
}

}  // namespace shunt
