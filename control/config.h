// Config: one TOML file as values, checked and with every default filled in. What compile turns into a
// Snapshot.
//
// Owner: the control thread. Immutable once loaded. Names, keys and defaults: docs/configuration.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/address.h"
#include "common/forwarding.h"
#include "common/log_level.h"

namespace shunt {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Where a value stands in its file, from 1. Kept in the Config so that later steps (start-up, compile) can
// point there.
struct SourcePosition {
  uint32_t line = 0;
  uint32_t column = 0;
};

enum class Scheduler : uint8_t {
  maglev,
  rendezvous,
  source_hash,
  round_robin,
  least_connections,
  least_response_time
};
enum class HashInput : uint8_t { flow, source };   // what of a packet names its slot
enum class DrainPolicy : uint8_t { keep, reset };  // of flows that outlast their backend's drain
enum class MemoryMode : uint8_t { automatic, hugepages, ordinary };
enum class IdleMode : uint8_t { spin, sleep };
enum class Announce : uint8_t { automatic, arp, route, none };
enum class Unserved : uint8_t { drop, punt };
enum class TooBig : uint8_t { fragment, drop };
enum class VlanMode : uint8_t { keep, strip };
// What an operator says of a backend, by API only. draining: no new flows, old ones as after its removal;
// disabled: as removed with its drain over, but it keeps its number and its slots.
enum class AdminState : uint8_t { enabled, draining, disabled };
enum class HealthType : uint8_t { tcp, http, https, udp, icmp, dns, grpc, agent };
enum class HealthVia : uint8_t { direct, tunnel };  // tunnel: as clients' packets travel
enum class HttpMethod : uint8_t { get, head, options };
enum class DnsType : uint8_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  mx = 15,
  txt = 16,
  aaaa = 28,
  srv = 33
};
enum class DnsRcode : uint8_t { noerror = 0, servfail = 2, nxdomain = 3, refused = 5 };
enum class DiscoveryType : uint8_t { file, dns, etcd, kubernetes };
enum class DnsRecords : uint8_t { addresses, a, aaaa, srv };
struct NodeConfig {
  std::string name;              // default: host name
  std::string cluster_key_file;  // empty: the fixed default key, with a warning
  std::string state_dir = "/var/lib/shunt";
  std::string runtime_dir = "/run/shunt";
  bool standby = false;  // VIPs aren't announced until somebody says so
};

struct DataplaneConfig {
  std::vector<uint32_t> workers = {1};  // CPU numbers, one polling worker on each
  MemoryMode memory = MemoryMode::automatic;
  IdleMode idle = IdleMode::sleep;
  uint32_t connections = 1'048'576;   // per worker
  milliseconds restart_grace{2'000};  // how long shunt-guard leaves routes for a shuntd that died

  bool operator==(const DataplaneConfig&) const = default;
};

struct PortConfig {
  SourcePosition position;
  std::string name;
  std::string device;          // PCI address | tap:NAME | vdev:DPDK-DEVARGS
  std::string host_interface;  // empty: none
  std::optional<MacAddress> gateway_mac;
  std::optional<MacAddress> mac;  // default: the device's
  std::vector<Prefix> addresses;  // with their host bits: they are put on host_interface
  uint16_t mtu = 1500;
  std::optional<Prefix> encap_source;  // outer IPv4 source: an address, or a prefix to spread flows over
  std::optional<Prefix> encap_source6;
  VlanMode vlan = VlanMode::keep;
};

// What decides how a backend is checked. Which keys go with which type: validate_health.cc.
struct HealthSettings {
  HealthType type = HealthType::tcp;
  uint16_t port = 0;  // 0: the backend's port, else the service's
  milliseconds interval{1000};
  milliseconds timeout{500};
  std::optional<milliseconds> down_interval;  // while the backend is down; default: interval
  uint16_t rise = 2;
  uint16_t fall = 3;
  double jitter = 0.1;              // of the interval, either way
  std::optional<IpAddress> source;  // for backends of its family; default: the kernel chooses

  HealthVia via = HealthVia::direct;

  HttpMethod method = HttpMethod::get;
  std::string path = "/";
  std::string host;              // the Host header, :authority; default: the backend's address
  std::vector<uint16_t> expect;  // status codes; empty: any 2xx or 3xx
  std::string body;              // what the answer's body must contain; empty: the body isn't read

  bool tls = false;    // of grpc
  bool verify = true;  // the peer's certificate
  std::string sni;  // the name asked for and looked for in the certificate; default: host, else the address
  std::string ca_file;  // PEM; empty: the system's

  std::string send;     // bytes
  std::string receive;  // bytes that the answer must contain; empty: any answer

  std::string query = ".";
  DnsType query_type = DnsType::ns;
  DnsRcode rcode = DnsRcode::noerror;
  std::string answer;  // an address, name or text that must be among the answers; empty: whatever they are

  std::string grpc_service;  // empty: the whole server

  bool operator==(const HealthSettings&) const = default;
};

struct HealthConfig : HealthSettings {
  SourcePosition position;
};

struct BackendConfig {
  SourcePosition position;
  std::string name;  // unique in its pool
  IpAddress address;
  uint16_t port = 0;              // nat and health checks only; 0: the service's
  std::optional<MacAddress> mac;  // l2 only
  uint16_t weight = 1;            // 0: no new flows
  uint32_t max_connections = 0;   // of all services and workers together; 0: no limit
  // No key of the file's: draining takes no new flows; disabled is met as one that is gone. Both keep their
  // number and slots, and are no members of the pool.
  AdminState admin = AdminState::enabled;
};

// Where a pool's backends come from beside its [[pool.backend]]s. Which keys belong to which type:
// docs/discovery.md.
struct DiscoveryConfig {
  SourcePosition position;
  DiscoveryType type = DiscoveryType::file;
  double max_change = 0.5;       // an answer that takes away a larger share isn't followed
  milliseconds timeout{5'000};   // of a question, until it is answered
  milliseconds refresh{30'000};  // without news the source is asked anew this often
  std::string path;              // file
  std::string name;              // dns
  DnsRecords record = DnsRecords::addresses;
  std::vector<std::string>
      servers;        // "192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]:53"; none: resolv.conf's
  uint16_t port = 0;  // dns, of the backends; srv has its own
  milliseconds min_ttl{1'000};
  milliseconds max_ttl{300'000};
  std::vector<std::string> endpoints;  // etcd, kubernetes: "https://192.0.2.1:2379"
  std::string prefix;                  // etcd: of its keys
  std::string ca_file;                 // absent: the system's authorities
  std::string certificate_file;        // etcd, ours
  std::string key_file;
  std::string name_space = "default";  // kubernetes
  std::string service;                 // kubernetes
  std::string port_name;               // kubernetes; empty: the only port
  std::string token_file = "/var/run/secrets/kubernetes.io/serviceaccount/token";

  // As far as the source goes: neither position nor max_change.
  bool same_source(const DiscoveryConfig& other) const;
};

struct PoolConfig {
  SourcePosition position;
  std::string name;
  std::optional<HealthConfig> health;  // absent: always up
  std::optional<Prefix> probe_prefix;  // of checks through the tunnel; default: probe_prefix_of()
  std::optional<DiscoveryConfig> discovery;
  double panic = 0.5;
  seconds damping{0};    // a backend that flaps is held down for so long at most; 0: never
  bool passive = false;  // what clients meet lowers what a backend is given
  uint32_t slots = 65'537;
  seconds drain{600};
  DrainPolicy drain_policy = DrainPolicy::keep;
  milliseconds slow_start{0};  // 0: who comes up takes its whole share at once
  std::vector<BackendConfig> backends;
};

struct TimeoutConfig {
  seconds established{900};
  seconds syn{10};
  seconds fin{30};
  seconds udp{60};
};

struct ServiceConfig {
  SourcePosition position;
  std::string name;
  Prefix address;     // a VIP, or a prefix of them
  uint16_t port = 0;  // 0: every port
  Protocol protocol = Protocol::tcp;
  std::string pool;
  std::string backup_pool;  // empty: none
  Forward forward = Forward::l2;
  uint8_t gue_variant = 1;  // of gue: 1, the packet itself behind UDP; 0, behind a GUE header
  Scheduler scheduler = Scheduler::maglev;
  HashInput hash = HashInput::flow;  // source_hash makes it `source`
  uint8_t source_prefix4 = 32;       // of `source`: so many leading bits of the client's address
  uint8_t source_prefix6 = 64;
  TimeoutConfig timeouts;
  Announce announce = Announce::automatic;  // resolved by validation: arp inside a port's subnet, else route
  uint16_t announce_min = 1;
  Unserved unserved = Unserved::drop;
  TooBig too_big = TooBig::fragment;  // IPv4 without DF that doesn't fit the way out
  std::optional<uint8_t> dscp;        // of the outer header; default: the packet's own
  std::optional<uint32_t> sample;     // default: [telemetry] sample
  uint16_t mss_clamp = 0;             // bytes; 0: none, kMssOfMtu: what fits the way out
};

struct ApiConfig {
  // "unix:/path" or "address:port". Default: unix:<runtime_dir>/api.sock and 127.0.0.1:8080.
  std::vector<std::string> listen;
  std::string token_file;       // empty: no tokens; over TCP everybody reads and nobody changes
  std::string tls_certificate;  // empty: TCP is plain
  std::string tls_key;
  bool simple_writes = false;  // a GET of /algorithm/{name} changes the scheduler
};

struct IcmpConfig {
  uint32_t rate = 100;  // answers a second to one source, of each kind

  bool operator==(const IcmpConfig&) const = default;
};

struct RoutesConfig {
  uint8_t protocol = 0x5a;  // kernel route protocol number (rtm_protocol) of announced VIPs
  uint32_t table = 254;     // main
  uint32_t metric = 0;
  uint32_t metric_step = 0;              // added for each tenth of a VIP's backends that is down; 0: none
  milliseconds stop_wait{0};             // between withdrawing routes and ending
  std::string exabgp = "next-hop self";  // what stands behind an address in ExaBGP's text

  bool operator==(const RoutesConfig&) const = default;
};

struct FragmentsConfig {  // per worker
  uint32_t entries = 4'096;
  uint64_t bytes = 4'194'304;
  milliseconds time{1000};

  bool operator==(const FragmentsConfig&) const = default;
};

struct TelemetryConfig {
  uint32_t sample = 64;  // one flow in so many is watched; 0: none
};

struct ClusterConfig {
  std::vector<Prefix> peers;  // addresses and VIPs of other shunts
};

struct LogConfig {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  std::string audit_file;  // empty: none
};

struct Config {
  std::string file;  // as named on the command line; what positions refer to
  NodeConfig node;
  DataplaneConfig dataplane;
  std::vector<PortConfig> ports;
  std::vector<PoolConfig> pools;
  std::vector<ServiceConfig> services;
  ApiConfig api;
  IcmpConfig icmp;
  RoutesConfig routes;
  FragmentsConfig fragments;
  ClusterConfig cluster;
  TelemetryConfig telemetry;
  LogConfig log;
};

}  // namespace shunt
