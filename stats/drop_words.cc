#include "stats/drop_words.h"

#include <algorithm>
#include <array>

namespace shunt {
namespace {

struct Row {
  std::string_view reason;
  DropWords words;
};

constexpr std::array kWords = {
    Row{"not_our_mac",
        {"addressed to another machine's MAC",
         "A switch floods unknown MACs: some of it is usual. If it goes on: who sends it (shuntctl capture "
         "--drop "
         "not_our_mac), and has shunt's port the MAC that the router knows (ip neigh there)?",
         true}},
    Row{"not_ip",
        {"neither IP nor ARP, and no host_interface to give it to",
         "Usual on a LAN (LLDP, STP). Give the port a host_interface if the host is to have it.", true}},
    Row{"truncated",
        {"ends before its headers do",
         "Some is usual on the internet; much of it from inside is a broken NIC, tunnel or snap length. See "
         "who "
         "sends it: shuntctl capture --drop truncated."}},
    Row{"bad_header",
        {"IP or transport header contradicts itself",
         "Somebody makes packets by hand, or something on the way breaks them: shuntctl capture --drop "
         "bad_header "
         "shows who."}},
    Row{"bad_checksum",
        {"IPv4 header checksum is wrong",
         "Of packets from a local veth or tap: turn off its offloads there (ethtool -K DEV tx off). Else a "
         "router or "
         "cable on the way damages them."}},
    Row{"bad_source",
        {"source address that can't be answered",
         "Forged, or a loop: if it is a VIP or an encap_source, some router sends shunt's own packets back "
         "to it."}},
    Row{"options",
        {"malformed IPv4 options, or a source route",
         "Nobody needs these today: let them be dropped, and look who sends them if there are many."}},
    Row{"extension_headers",
        {"IPv6 extension headers that aren't carried",
         "More than 8 of them or 256 bytes, a type 0 routing header, or AH to a nat service. For AH take "
         "ipip or gue."}},
    Row{"fragment",
        {"fragment that overlaps, comes twice or hides its ports",
         "An attack, or a path that doubles packets. Set mss_clamp on TCP services so that clients needn't "
         "cut."}},
    Row{"fragment_limit",
        {"fragment whose first one didn't come in time, or no room",
         "Raise [fragments] entries or bytes if the traffic is honest; first fragments that never come are "
         "lost "
         "before shunt, or are an attack."}},
    Row{"loop",
        {"came back inside shunt's own outer header",
         "A backend or router sends encapsulated packets back. Is the backend's address right, and does it "
         "take the "
         "tunnel's packets itself?"}},
    Row{"ttl",
        {"TTL or hop limit used up",
         "Traceroutes make a few. Many: a routing loop before shunt; the router's table and the VIP's "
         "route."}},
    Row{"too_big",
        {"doesn't fit the way out and may not be cut",
         "Raise the MTU between shunt and its backends by the outer header's bytes, or set mss_clamp = true "
         "on the "
         "service. Clients that hear ICMP recover by themselves. shuntctl doctor names the backends."}},
    Row{"no_service",
        {"for a VIP, but no service has this protocol and port",
         "Scans are usual. If clients are meant to get through: is there a [[service]] with this port and "
         "protocol "
         "(shuntctl services)?",
         true}},
    Row{"no_backend",
        {"the service has no backend to choose",
         "All of its pool are down, drained, disabled, full (max_connections) or of weight 0: shuntctl "
         "backends SERVICE "
         "says which and why. A backup_pool or panic < 1 keeps a service alive."}},
    Row{"no_neighbour",
        {"MAC of the next hop is not known yet; see: ip neigh",
         "A backend or its gateway doesn't answer ARP or ND on host_interface: is it up, in the right VLAN, "
         "and is "
         "there a route (ip route get ADDRESS)? shuntctl doctor names it."}},
    Row{"not_on_link",
        {"l2 backend that sits behind a router",
         "l2 only changes MACs: put the backend into a port's own subnet, or take forward = \"ipip\"."}},
    Row{"no_host_interface",
        {"not for a VIP, and the port has no host_interface",
         "Set the port's host_interface if this host is to be reached by it."}},
    Row{"not_ours",
        {"not for shunt (af_xdp)", "Usual for a moment after a VIP was removed. Else report it.", true}},
    Row{"bogus_icmp",
        {"ICMP error that can't be about a flow of ours",
         "Forged, or cut short on the way. If honest paths send them, path MTU discovery suffers: set "
         "mss_clamp."}},
    Row{"answer_limit",
        {"would be answered, but [icmp] rate is used up",
         "One source asks for more answers than [icmp] rate allows each second: mostly an attack or a "
         "monitor; raise "
         "the rate for the latter."}},
    Row{"punt_full",
        {"too much for the kernel at once",
         "More comes for the host itself than it is given. tcpdump on host_interface shows who floods it. "
         "BGP, "
         "BFD, ARP and ND go before the rest."}},
    Row{"punt_failed",
        {"the kernel refused it; is host_interface up?", "ip link set HOST_INTERFACE up, and see its MTU."}},
    Row{"transmit_full",
        {"the device took no more packets",
         "The link is full or down (shuntctl status, LINK and SENT). On taps: txqueuelen 10000."}},
    Row{"ring_full",
        {"the ring to another worker is full",
         "One worker can't keep up with what others hand to it (shuntctl status, BUSY): more workers, or a "
         "device "
         "whose RSS spreads flows better."}},
    Row{"shed",
        {"new flow while the device was missing packets",
         "The workers are at their limit: more workers or shunts; a flood ends by itself."}},
    Row{"echo", {"ping to a VIP, answered", "Nothing: it was answered.", true}},
    Row{"arp", {"ARP for a VIP, answered", "Nothing: it was answered.", true}},
    Row{"nd", {"neighbour solicitation for a VIP, answered", "Nothing: it was answered.", true}},
};

}  // namespace

DropWords drop_words(std::string_view reason) {
  const auto found = std::ranges::find(kWords, reason, &Row::reason);
  return found == kWords.end() ? DropWords{} : found->words;
}

}  // namespace shunt
