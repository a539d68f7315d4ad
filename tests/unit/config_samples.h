// Two good configurations that tests of the configuration start from, and a printer of diagnostics.
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

// The listing of the design, with the pool, the devices and the two services that it leaves to the reader.
inline constexpr std::string_view kFull = R"(
[node]
name = "lb1"
cluster_key_file = "/etc/shunt/key"
state_dir = "/var/lib/shunt"
runtime_dir = "/run/shunt"

[dataplane]
workers = [1, 3]
memory = "ordinary"
idle = "spin"
connections = 2_097_152

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
health = { type = "http", path = "/health", port = 8081, interval = "2s", timeout = "250ms", rise = 4, fall = 5, jitter = 0.2, host = "example.org", expect = [200, 204] }
panic = 1
slots = 65_539
drain = "15m"
drain_policy = "keep"
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
scheduler = "maglev"
hash = "5-tuple"
on_down = "reset"
no_backend = "reset"
backup_pool = "web-far"
timeouts = { established = "2h", syn = "11s", fin = "31s", udp = "61s" }
announce = "arp"
announce_min = 1
unserved = "drop"
syn_cookies = "off"

[[service]]
name = "l2"
address = "198.51.100.0/28"
protocol = "udp"
pool = "web"
forward = "l2"
on_down = "reschedule"

[[service]]
name = "nat"
address = "198.51.100.11"
port = 80
pool = "web"
forward = "nat"

[api]
listen = ["unix:/run/shunt/api.sock", "127.0.0.1:8080", "[::1]:9090"]

[routes]
protocol = 100
table = 100
metric = 20

[log]
level = "debug"
format = "text"
)";

inline std::string texts(const std::vector<Diagnostic>& list) {
  std::string all;
  for (const Diagnostic& one : list)
    all += one.text() + "\n";
  return all;
}

}  // namespace shunt
