// Three good configurations that tests of the configuration start from, and a printer of diagnostics.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/diagnostic.h"

namespace shunt {

inline constexpr std::string_view kMinimal = R"(
[[port]]
name = "net0"
device = "tap:net0"
host_interface = "shunt0"
addresses = ["192.0.2.2/24", "2001:db8::2/64"]

[[pool]]
name = "web"
[[pool.backend]]
name = "web-1"
address = "10.0.0.11"

[[service]]
name = "web"
address = "198.51.100.10"
port = 80
pool = "web"
)";

// Every key that this version has, each with a value that isn't its default where there is one.
inline constexpr std::string_view kFull = R"(
[node]
name = "lb1"
cluster_key_file = "/etc/shunt/key"
state_dir = "/var/lib/shunt"
runtime_dir = "/run/shunt"
standby = true

[dataplane]
workers = [1, 3]
memory = "ordinary"
idle = "spin"
connections = 2_097_152
restart_grace = "5s"

[[port]]
name = "net0"
device = "0000:3b:00.0"
host_interface = "shunt0"
gateway_mac = "02:00:00:00:00:02"
mac = "02:00:00:00:00:01"
addresses = ["192.0.2.2/24"]
mtu = 9000
encap_source = "192.0.2.10"
encap_source6 = "2001:db8:1::/64"

[[port]]
name = "net1"
device = "vdev:net_pcap0,rx_pcap=/tmp/a b.pcap"

[[pool]]
name = "web"
health = { type = "http", path = "/health", port = 8081, interval = "2s", timeout = "250ms", rise = 4, fall = 5, jitter = 0.2, host = "example.org", expect = [200, 204], method = "OPTIONS", body = "fine", source = "192.0.2.2", down_interval = "4s" }
panic = 1
damping = "5m"
passive = true
slots = 65_539
drain = "15m"
drain_policy = "reset"
slow_start = "30s"
[[pool.backend]]
name = "web-1"
address = "10.0.0.11"
port = 8080
mac = "02:00:00:00:00:11"
weight = 7
max_connections = 1000

[[pool]]
name = "web-far"

[[service]]
name = "web"
address = "198.51.100.10"
port = 80
protocol = "tcp"
pool = "web"
forward = "ipip"
scheduler = "least-connections"
hash = "source"
source_prefix4 = 24
source_prefix6 = 56
on_down = "keep"
no_backend = "drop"
backup_pool = "web-far"
timeouts = { established = "2h", syn = "11s", fin = "31s", udp = "61s" }
announce = "arp"
announce_min = 1
unserved = "drop"
too_big = "drop"
syn_cookies = "off"

[[service]]
name = "l2"
address = "198.51.100.0/28"
protocol = "udp"
pool = "web"
forward = "l2"

[[service]]
name = "nat"
address = "198.51.100.11"
port = 80
pool = "web"
forward = "nat"

[api]
listen = ["unix:/run/shunt/api.sock", "127.0.0.1:8080", "[::1]:9090"]

[icmp]
rate = 250

[fragments]
entries = 65_536
bytes = 100_000_000
time = "250ms"

[routes]
protocol = 100
table = 100
metric = 20
metric_step = 2
stop_wait = "3s"
exabgp = "next-hop 192.0.2.9 med 10"

[log]
level = "debug"
format = "json"
)";

// The design's listing word for word, but for `token_file`, which isn't built; the pool that it only names
// follows.
inline constexpr std::string_view kDesign = R"(
[node]
name = "lb1"                        # default: host name
cluster_key_file = "/etc/shunt/key" # keys the choice of backends; the same on all shunts that share VIPs. Absent: a fixed
                                    # default, with a warning
state_dir = "/var/lib/shunt"        # warehouse, learned state
runtime_dir = "/run/shunt"          # sockets, connection table

[dataplane]
workers = [1]                       # one polling worker on each of these CPUs
memory = "auto"                     # auto | hugepages | ordinary
idle = "sleep"                      # spin | sleep (back off when there is no traffic)
connections = 1_048_576             # per worker

[[port]]
name = "net0"
device = "0000:3b:00.0"             # PCI address | af_xdp:IFACE | tap:NAME | vdev:DPDK-DEVARGS | bond:PORT,PORT
host_interface = "shunt0"           # kernel interface created for what isn't VIP traffic (af_xdp: IFACE itself);
                                    # it has the port's MAC. Absent: what isn't for a VIP is dropped and counted
gateway_mac = "02:00:00:00:00:02"   # optional: every next hop is this MAC, the kernel isn't asked (replays, one router)
mac = "02:00:00:00:00:01"           # default: the device's
addresses = ["192.0.2.2/24"]        # put on host_interface
mtu = 1500
encap_source = "192.0.2.10"         # outer source address (and encap_source6), or a prefix to spread flows over

[[pool]]
name = "web"
health = { type = "http", path = "/health", port = 8080, interval = "1s", timeout = "500ms", rise = 2, fall = 3 }
panic = 0.5                         # more than this share down: item 3 below; 1: never
slots = 65_537
drain = "10m"                       # how long a removed or draining backend keeps its flows
[[pool.backend]]
name = "web-1"
address = "10.0.0.11"
port = 8080                         # nat and full-nat only; absent: the service's
mac = "02:00:00:00:00:11"           # l2 only, optional: the kernel isn't asked
weight = 1
max_connections = 0                 # 0: no limit

[[service]]
name = "web"
address = "198.51.100.10"           # or a prefix
port = 80                           # absent: every port
protocol = "tcp"                    # tcp | udp
pool = "web"
forward = "ipip"                    # l2 | ipip | gue | gre | nat | full-nat
scheduler = "maglev"                # maglev | rendezvous | source-hash | round-robin | least-connections |
                                    # least-response-time | adaptive
hash = "5-tuple"                    # 5-tuple | source | quic-cid
on_down = "keep"                    # flows of a backend that is down: keep | reset | reschedule
no_backend = "drop"                 # drop | reset
backup_pool = "web-far"             # used when more than `panic` of the pool is down
timeouts = { established = "15m", syn = "10s", fin = "30s", udp = "60s" }
announce = "arp"                    # arp: shunt answers ARP and ND for the VIP; route: a kernel route for a BGP daemon
                                    # while the VIP is fit; none. Default: arp inside a port's own subnet, else route.
                                    # One per VIP, like unserved
announce_min = 1

[api]
listen = ["unix:/run/shunt/api.sock", "127.0.0.1:8080"]

[[pool]]
name = "web-far"
health = { port = 8080 }
)";

inline std::string texts(const std::vector<Diagnostic>& list) {
  std::string all;
  for (const Diagnostic& one : list)
    all += one.text() + "\n";
  return all;
}

}  // namespace shunt
