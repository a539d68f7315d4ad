// The table. Limits that have a reason outside the file format say it in their text.
#include "control/option_rows.h"

#include <algorithm>
#include <array>
#include <utility>

#include "control/config.h"

namespace shunt {
namespace {

template <typename E>
constexpr Choice choice(std::string_view name, E value) {
  return {name, static_cast<int>(value), true};
}
constexpr Choice later(std::string_view name) {
  return {name, 0, false};
}

constexpr std::array kMemory = {choice("auto", MemoryMode::automatic),
                                choice("hugepages", MemoryMode::hugepages),
                                choice("ordinary", MemoryMode::ordinary)};
constexpr std::array kIdle = {choice("spin", IdleMode::spin), choice("sleep", IdleMode::sleep)};
constexpr std::array kVlan = {choice("keep", VlanMode::keep), choice("strip", VlanMode::strip)};
constexpr std::array kHealthType = {choice("tcp", HealthType::tcp),     choice("http", HealthType::http),
                                    choice("https", HealthType::https), choice("udp", HealthType::udp),
                                    choice("icmp", HealthType::icmp),   choice("dns", HealthType::dns),
                                    choice("grpc", HealthType::grpc),   choice("agent", HealthType::agent)};
constexpr std::array kHealthVia = {choice("direct", HealthVia::direct), choice("tunnel", HealthVia::tunnel)};
constexpr std::array kHttpMethod = {choice("GET", HttpMethod::get), choice("HEAD", HttpMethod::head),
                                    choice("OPTIONS", HttpMethod::options)};
constexpr std::array kDnsType = {
    choice("A", DnsType::a),     choice("AAAA", DnsType::aaaa),   choice("NS", DnsType::ns),
    choice("SOA", DnsType::soa), choice("CNAME", DnsType::cname), choice("PTR", DnsType::ptr),
    choice("MX", DnsType::mx),   choice("TXT", DnsType::txt),     choice("SRV", DnsType::srv)};
constexpr std::array kDnsRcode = {
    choice("NOERROR", DnsRcode::noerror), choice("NXDOMAIN", DnsRcode::nxdomain),
    choice("REFUSED", DnsRcode::refused), choice("SERVFAIL", DnsRcode::servfail)};
constexpr std::array kDiscoveryType = {choice("file", DiscoveryType::file), choice("dns", DiscoveryType::dns),
                                       choice("etcd", DiscoveryType::etcd),
                                       choice("kubernetes", DiscoveryType::kubernetes)};
constexpr std::array kDnsRecords = {choice("addresses", DnsRecords::addresses), choice("a", DnsRecords::a),
                                    choice("aaaa", DnsRecords::aaaa), choice("srv", DnsRecords::srv)};
constexpr std::array kDrainPolicy = {choice("keep", DrainPolicy::keep), choice("reset", DrainPolicy::reset)};
constexpr std::array kProtocol = {choice("tcp", Protocol::tcp), choice("udp", Protocol::udp)};
constexpr std::array kForward = {choice("l2", Forward::l2),   choice("ipip", Forward::ipip),
                                 choice("gue", Forward::gue), choice("gre", Forward::gre),
                                 choice("nat", Forward::nat), later("full-nat")};
constexpr std::array kScheduler = {choice("maglev", Scheduler::maglev),
                                   choice("rendezvous", Scheduler::rendezvous),
                                   choice("source-hash", Scheduler::source_hash),
                                   choice("round-robin", Scheduler::round_robin),
                                   choice("least-connections", Scheduler::least_connections),
                                   choice("least-response-time", Scheduler::least_response_time),
                                   later("adaptive")};
constexpr std::array kHash = {choice("5-tuple", HashInput::flow), choice("source", HashInput::source),
                              later("quic-cid")};
constexpr std::array kOnDown = {choice("keep", 0), later("reset"), later("reschedule")};
constexpr std::array kNoBackend = {choice("drop", 0), later("reset")};
constexpr std::array kAnnounce = {choice("arp", Announce::arp), choice("route", Announce::route),
                                  choice("none", Announce::none)};
constexpr std::array kUnserved = {choice("drop", Unserved::drop), choice("punt", Unserved::punt)};
constexpr std::array kTooBig = {choice("fragment", TooBig::fragment), choice("drop", TooBig::drop)};
constexpr std::array kSynCookies = {choice("off", 0), later("on")};
constexpr std::array kLogLevel = {choice("trace", LogLevel::trace), choice("debug", LogLevel::debug),
                                  choice("info", LogLevel::info), choice("warning", LogLevel::warning),
                                  choice("error", LogLevel::error)};
constexpr std::array kLogFormat = {choice("text", LogFormat::text), choice("json", LogFormat::json)};

using Type = OptionType;

constexpr double kMaxTimeout = 2 * 3'600'000.0;  // the connection table's age field wraps soon after
constexpr double kMaxDrain = 24 * 3'600'000.0;

constexpr OptionRow not_yet(std::string_view section, std::string_view key) {
  return {section, key, Type::text, Need::later, "", ""};
}

constexpr std::array kRows = {
    OptionRow{"", "node", Type::table, Need::optional, "", "This machine."},
    OptionRow{"", "dataplane", Type::table, Need::optional, "", "Workers and their memory."},
    OptionRow{"", "port", Type::tables, Need::required, "",
              "A network port that shuntd drives. At least one.", 1, 32},
    OptionRow{"", "pool", Type::tables, Need::optional, "", "Backends that services share.", 0, 65'535},
    OptionRow{"", "service", Type::tables, Need::optional, "", "A VIP, protocol and port with its policy.", 0,
              16'383},
    OptionRow{"", "api", Type::table, Need::optional, "", "The HTTP server for metrics, status and reloads."},
    OptionRow{"", "icmp", Type::table, Need::optional, "", "What shunt answers by ICMP."},
    OptionRow{"", "routes", Type::table, Need::optional, "",
              "Kernel routes of VIPs with `announce = \"route\"`."},
    OptionRow{"", "fragments", Type::table, Need::optional, "",
              "How much is remembered of fragmented packets for VIPs."},
    OptionRow{"", "cluster", Type::table, Need::optional, "", "The other shunts of this network."},
    OptionRow{"", "telemetry", Type::table, Need::optional, "",
              "What is learnt of flows beside counting them."},
    OptionRow{"", "log", Type::table, Need::optional, "", "What is logged."},
    not_yet("", "process"),
    not_yet("", "nat"),
    not_yet("", "quic"),

    OptionRow{"node", "name", Type::text, Need::optional, "the host name",
              "Name of this shunt in logs and metrics."},
    OptionRow{"node", "cluster_key_file", Type::text, Need::optional, "a fixed key, with a warning",
              "Absolute path of the key of the choice of backends; the same on all shunts that share VIPs."},
    OptionRow{"node", "state_dir", Type::text, Need::optional, "\"/var/lib/shunt\"",
              "Absolute path for what is kept over reboots."},
    OptionRow{"node", "runtime_dir", Type::text, Need::optional, "\"/run/shunt\"",
              "Absolute path for sockets and the connection table."},
    OptionRow{
        "node", "standby", Type::boolean, Need::optional, "false",
        "Starts without announcing VIPs, by ARP and ND or routes: `shuntctl announce on` begins (VRRP)."},

    OptionRow{"dataplane", "workers", Type::integers, Need::optional, "[1]",
              "CPU numbers; one polling worker on each, at most 64, each CPU once.", 0, 1'023},
    OptionRow{"dataplane", "memory", Type::choice, Need::optional, "\"auto\"",
              "Where packet memory comes from; `auto` takes hugepages where enough are free.", 0, 0, kMemory},
    OptionRow{"dataplane", "idle", Type::choice, Need::optional, "\"sleep\"",
              "What a worker does without traffic: `spin`, or back off to short sleeps.", 0, 0, kIdle},
    OptionRow{
        "dataplane", "connections", Type::integer, Need::optional, "1_048_576",
        "Connections remembered per worker. With fewer than the default, ends by silence are noticed sooner.",
        1'024, 268'435'456},
    OptionRow{"dataplane", "restart_grace", Type::duration, Need::optional, "\"2s\"",
              "How long `shunt-guard` leaves routes in place for a shuntd that died.", 0, 600'000},

    OptionRow{"port", "name", Type::text, Need::required, "", "Unique among ports."},
    OptionRow{"port", "device", Type::text, Need::required, "",
              "PCI address (`0000:3b:00.0`), `tap:NAME`, or `vdev:DEVARGS` for any virtual device of DPDK."},
    OptionRow{"port", "host_interface", Type::text, Need::optional, "none",
              "Kernel interface made for what isn't VIP traffic, at most 15 characters. Without one, what "
              "isn't for a "
              "VIP is dropped and counted."},
    OptionRow{"port", "gateway_mac", Type::mac, Need::optional, "none",
              "Every next hop is this MAC; the kernel isn't asked."},
    OptionRow{"port", "mac", Type::mac, Need::optional, "the device's", "MAC address of the port."},
    OptionRow{"port", "addresses", Type::prefixes, Need::optional, "[]",
              "Put on host_interface, with their prefix length: `\"192.0.2.2/24\"`."},
    OptionRow{"port", "mtu", Type::integer, Need::optional, "1500",
              "Largest IP packet, in bytes; for IPv6 at least 1,280, and the outer header beside it. Taps "
              "take 1,500 at "
              "most.",
              576, 9'216},
    OptionRow{"port", "encap_source", Type::prefix, Need::optional, "none",
              "Outer IPv4 source of encapsulated packets, or a prefix to spread flows over."},
    OptionRow{"port", "encap_source6", Type::prefix, Need::optional, "none", "The same for IPv6."},
    not_yet("port", "vlans"),
    OptionRow{
        "port", "vlan", Type::choice, Need::optional, "\"keep\"",
        "What becomes of the VLAN tags, at most two, of a frame that came in here for a service: they stay, "
        "or are taken off. What is the kernel's keeps them.",
        0, 0, kVlan},
    not_yet("port", "bond_mode"),
    not_yet("port", "lacp_rate"),
    not_yet("port", "queues"),
    not_yet("port", "xdp_mode"),

    OptionRow{"pool", "name", Type::text, Need::required, "", "Unique among pools."},
    OptionRow{"pool", "health", Type::table, Need::optional, "none: always up", "How backends are checked."},
    OptionRow{"pool", "backend", Type::tables, Need::optional, "",
              "A server. A pool may have none: its services then act as `no_backend` says.", 0, 16'383},
    OptionRow{"pool", "panic", Type::real, Need::optional, "0.5",
              "When more than this share of the backends is down, backup_pool is used, or without one all of "
              "them; 1: never.",
              0, 1},
    OptionRow{
        "pool", "slots", Type::integer, Need::optional, "65_537",
        "Size of the slot table: a prime, at least the number of backends, better a hundred times that.", 2,
        16'777'213},
    OptionRow{"pool", "drain", Type::duration, Need::optional, "\"10m\"",
              "How long a removed or draining backend keeps its flows, in whole seconds.", 0, kMaxDrain},
    OptionRow{
        "pool", "drain_policy", Type::choice, Need::optional, "\"keep\"",
        "What becomes of the flows that a backend has when its `drain` is over. keep: a draining one keeps "
        "them until they end, a removed one's go where their slot says; reset: a TCP client gets a RST.",
        0, 0, kDrainPolicy},
    OptionRow{"pool", "slow_start", Type::duration, Need::optional, "none",
              "A backend that comes up beside others, or is new, begins with a small share of the new flows, "
              "which grows evenly for so long.",
              0, 3'600'000},
    OptionRow{
        "pool", "passive", Type::boolean, Need::optional, "false",
        "What clients meet (handshakes that don't finish, resets), more of it than at the pool's other "
        "backends, lowers what a backend is given: to a quarter at least, a third of the pool at most."},
    OptionRow{"pool", "damping", Type::duration, Need::optional, "\"0s\"",
              "How long, in whole seconds, a backend that goes down again and again is held down at most: "
              "10 s after the third time, twice that after each further one; 0: never.",
              0, 3'600'000},
    OptionRow{"pool", "probe_prefix", Type::prefix, Need::optional,
              "`198.18.0.0/15`, for an IPv6 VIP `2001:2::/48`",
              "Addresses that stand for backends in checks with `via = \"tunnel\"`: on no network that this "
              "host has to do with."},
    OptionRow{"pool", "discovery", Type::table, Need::optional, "none",
              "Where more backends come from, while shuntd runs."},

    OptionRow{"pool.health", "type", Type::choice, Need::optional, "\"tcp\"",
              "What is asked of a backend; docs/health.md says what each proves.", 0, 0, kHealthType},
    OptionRow{"pool.health", "port", Type::integer, Need::optional, "the backend's, else the service's",
              "Must be given where the pool's services have several ports or none and a backend has none "
              "(not for icmp).",
              1, 65'535},
    OptionRow{"pool.health", "interval", Type::duration, Need::optional, "\"1s\"",
              "From one check's start to the next one's.", 10, 3'600'000},
    OptionRow{"pool.health", "down_interval", Type::duration, Need::optional, "interval",
              "The same while the backend is down.", 10, 3'600'000},
    OptionRow{
        "pool.health", "timeout", Type::duration, Need::optional, "\"500ms\"",
        "A check that takes longer has failed. At most interval, so that a backend has one check at a time.",
        1, 3'600'000},
    OptionRow{"pool.health", "rise", Type::integer, Need::optional, "2",
              "Good checks in a row until a backend is up.", 1, 100},
    OptionRow{"pool.health", "fall", Type::integer, Need::optional, "3",
              "Failed checks in a row until it is down.", 1, 100},
    OptionRow{"pool.health", "jitter", Type::real, Need::optional, "0.1",
              "Share of interval by which it varies, either way.", 0, 0.5},
    OptionRow{"pool.health", "source", Type::address, Need::optional, "chosen by the kernel",
              "Where checks come from, for backends of its family. Must be an address of this host."},
    OptionRow{"pool.health", "method", Type::choice, Need::optional, "\"GET\"",
              "http, https: how it is asked for.", 0, 0, kHttpMethod},
    OptionRow{"pool.health", "path", Type::text, Need::optional, "\"/\"", "http, https: what is asked for."},
    OptionRow{"pool.health", "host", Type::text, Need::optional, "the backend's address",
              "http, https, grpc: the Host header or :authority."},
    OptionRow{"pool.health", "expect", Type::integers, Need::optional, "any 2xx or 3xx",
              "http, https: status codes that count as up.", 100, 599},
    OptionRow{"pool.health", "body", Type::text, Need::optional, "the body isn't read",
              "http, https: text that the body's first 64 KiB must contain."},
    OptionRow{"pool.health", "tls", Type::boolean, Need::optional, "false", "grpc: over TLS."},
    OptionRow{"pool.health", "verify", Type::boolean, Need::optional, "true",
              "https, grpc: whether the certificate must be good, and for the name asked for."},
    OptionRow{"pool.health", "sni", Type::text, Need::optional, "host, else the backend's address",
              "https, grpc: the name asked for, and looked for in the certificate."},
    OptionRow{"pool.health", "ca_file", Type::text, Need::optional, "the system's",
              "https, grpc: absolute path of the certificates (PEM) that are trusted."},
    OptionRow{"pool.health", "send", Type::text, Need::optional, "nothing",
              "tcp, agent: text sent once connected; udp: the datagram, needed. `\"hex:0aff\"` for bytes. At "
              "most 1,024."},
    OptionRow{
        "pool.health", "receive", Type::text, Need::optional, "udp: any datagram; tcp: nothing is read",
        "tcp, udp: what the answer's first 16 KiB must contain; `\"hex:0aff\"` for bytes. At most 1,024."},
    OptionRow{"pool.health", "query", Type::text, Need::optional, "\".\"", "dns: the name asked for."},
    OptionRow{"pool.health", "query_type", Type::choice, Need::optional, "\"NS\"",
              "dns: which records are asked for.", 0, 0, kDnsType},
    OptionRow{"pool.health", "rcode", Type::choice, Need::optional, "\"NOERROR\"",
              "dns: the answer's code that counts as up.", 0, 0, kDnsRcode},
    OptionRow{"pool.health", "answer", Type::text, Need::optional, "whatever they are",
              "dns: the address, name or text that must be among the answers."},
    OptionRow{"pool.health", "grpc_service", Type::text, Need::optional, "\"\"",
              "grpc: which service is asked about; empty: the whole server."},
    OptionRow{
        "pool.health", "via", Type::choice, Need::optional, "\"direct\"",
        "direct: to the backend's own address; tunnel: to the VIP, in the outer header and to the MAC that "
        "the service's packets get (not for nat, icmp).",
        0, 0, kHealthVia},

    OptionRow{"pool.discovery", "type", Type::choice, Need::required, "",
              "A watched file, DNS, etcd v3 or the EndpointSlices of a Kubernetes service.", 0, 0,
              kDiscoveryType},
    OptionRow{
        "pool.discovery", "max_change", Type::real, Need::optional, "0.5",
        "An answer that takes away a larger share of the backends at once isn't followed, but said; 1: every "
        "answer is.",
        0, 1},
    OptionRow{"pool.discovery", "timeout", Type::duration, Need::optional, "\"5s\"",
              "How long the source may take to answer (not file).", 100, 60'000},
    OptionRow{
        "pool.discovery", "refresh", Type::duration, Need::optional, "\"30s\"",
        "Without news the file is read, the list asked for anew this often (not dns): how late a silently "
        "lost connection is noticed.",
        100, 3'600'000},
    OptionRow{"pool.discovery", "path", Type::text, Need::optional, "file needs it",
              "file: its absolute path, ending in `.toml` or `.json`."},
    OptionRow{"pool.discovery", "name", Type::text, Need::optional, "dns needs it",
              "dns: the full name that is looked up; search lists aren't used."},
    OptionRow{"pool.discovery", "record", Type::choice, Need::optional, "\"addresses\"",
              "dns: A and AAAA (`addresses`), one of them, or SRV.", 0, 0, kDnsRecords},
    OptionRow{"pool.discovery", "servers", Type::texts, Need::optional, "those of /etc/resolv.conf",
              "dns: `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS6]:PORT`, at most 8."},
    OptionRow{"pool.discovery", "port", Type::integer, Need::optional, "the service's",
              "dns: the backends' port; SRV records have their own.", 1, 65'535},
    OptionRow{"pool.discovery", "min_ttl", Type::duration, Need::optional, "\"1s\"",
              "dns: a name isn't asked for again sooner, whatever its TTL.", 100, 3'600'000},
    OptionRow{"pool.discovery", "max_ttl", Type::duration, Need::optional, "\"5m\"", "dns: nor later.", 100,
              86'400'000},
    OptionRow{
        "pool.discovery", "endpoints", Type::texts, Need::optional,
        "kubernetes: the cluster's own, from the environment",
        "etcd, kubernetes: `http://HOST:PORT` or `https://HOST:PORT`, at most 16; the next one is used where "
        "one fails."},
    OptionRow{"pool.discovery", "prefix", Type::text, Need::optional, "etcd needs it",
              "etcd: of the keys, one backend each, written `{\"address\": …, \"port\": …, \"weight\": …}`."},
    OptionRow{"pool.discovery", "ca_file", Type::text, Need::optional, "the system's authorities",
              "etcd, kubernetes: absolute path of the certificates (PEM) that may sign the server's."},
    OptionRow{"pool.discovery", "certificate_file", Type::text, Need::optional, "none",
              "etcd: shunt's own certificate (PEM)."},
    OptionRow{"pool.discovery", "key_file", Type::text, Need::optional, "none", "etcd: its key (PEM)."},
    OptionRow{"pool.discovery", "namespace", Type::text, Need::optional, "\"default\"",
              "kubernetes: the service's."},
    OptionRow{"pool.discovery", "service", Type::text, Need::optional, "kubernetes needs it",
              "kubernetes: the service whose EndpointSlices are followed."},
    OptionRow{"pool.discovery", "port_name", Type::text, Need::optional, "the only port",
              "kubernetes: which of the service's ports."},
    OptionRow{"pool.discovery", "token_file", Type::text, Need::optional,
              "\"/var/run/secrets/kubernetes.io/serviceaccount/token\"",
              "kubernetes: absolute path of the service account's token, read for each request."},

    OptionRow{"pool.backend", "name", Type::text, Need::required, "", "Unique in its pool."},
    OptionRow{
        "pool.backend", "address", Type::address, Need::required, "",
        "IPv4 or IPv6. Of the VIP's family in l2 and nat; in ipip, gue and gre it is the outer header's."},
    OptionRow{"pool.backend", "port", Type::integer, Need::optional, "the service's",
              "Where nat services send to. Otherwise the client's port stays: there it is the port of health "
              "checks "
              "only.",
              1, 65'535},
    OptionRow{"pool.backend", "mac", Type::mac, Need::optional, "asked from the kernel",
              "Next hop of l2 services; others ignore it."},
    OptionRow{"pool.backend", "weight", Type::integer, Need::optional, "1", "Share of new flows; 0: none.", 0,
              65'535},
    OptionRow{
        "pool.backend", "max_connections", Type::integer, Need::optional, "0",
        "Flows at a time, of all services and workers together, half-open ones too; who has as many gets no "
        "new ones. With several workers or services a few more: what the others opened in the last "
        "10 ms. 0: no limit.",
        0, 2'147'483'647},

    OptionRow{"service", "name", Type::text, Need::required, "", "Unique among services."},
    OptionRow{"service", "address", Type::prefix, Need::required, "",
              "The VIP, or a prefix of VIPs, /8 or longer."},
    OptionRow{"service", "port", Type::integer, Need::optional, "every port", "The port clients use.", 1,
              65'535},
    OptionRow{"service", "protocol", Type::choice, Need::optional, "\"tcp\"",
              "Which packets to the VIP and port are the service's.", 0, 0, kProtocol},
    OptionRow{"service", "pool", Type::text, Need::required, "", "Name of the pool."},
    OptionRow{"service", "backup_pool", Type::text, Need::optional, "none",
              "Used when more than `panic` of the pool is down."},
    OptionRow{"service", "forward", Type::choice, Need::optional, "\"l2\"",
              "How packets reach the backend: by MAC address, inside IP, UDP (GUE, port 6080) or GRE, or "
              "translated.",
              0, 0, kForward},
    OptionRow{"service", "gue_variant", Type::integer, Need::optional, "1",
              "Of `forward = \"gue\"`. 1: the packet stands right behind the UDP header; 0: a GUE header of "
              "4 bytes stands between them.",
              0, 1},
    OptionRow{
        "service", "scheduler", Type::choice, Need::optional, "\"maglev\"",
        "How a new flow's backend is chosen, always by weight. maglev: a table of slots, each owned by a "
        "backend; even, and nearly nobody else's slots move when a backend comes or goes. rendezvous: the "
        "same, less even, and nobody else's slots move. source-hash: maglev with `hash = \"source\"`. "
        "round-robin: in turn. least-connections: fewest active flows. least-response-time: those times "
        "how long it takes to answer. May be changed at any time: flows stay where they are.",
        0, 0, kScheduler},
    OptionRow{
        "service", "hash", Type::choice, Need::optional, "\"5-tuple\"",
        "What names a flow's slot: the flow itself, or its client's address (see source_prefix4), so that "
        "a client stays with its backend in all services of the pool.",
        0, 0, kHash},
    OptionRow{"service", "on_down", Type::choice, Need::optional, "\"keep\"",
              "Flows of a backend that is down.", 0, 0, kOnDown},
    OptionRow{"service", "no_backend", Type::choice, Need::optional, "\"drop\"",
              "What clients get when there is nobody.", 0, 0, kNoBackend},
    OptionRow{"service", "timeouts", Type::table, Need::optional, "", "How long idle flows are remembered."},
    OptionRow{
        "service", "announce", Type::choice, Need::optional, "arp inside a port's subnet, else route",
        "arp: shunt answers ARP and ND for the VIP; route: a kernel route for a BGP daemon while the VIP is "
        "fit. One per VIP. `unserved = \"punt\"` makes it none.",
        0, 0, kAnnounce},
    OptionRow{"service", "announce_min", Type::integer, Need::optional, "1",
              "Backends that must be up for the VIP to be fit.", 1, 16'383},
    OptionRow{"service", "unserved", Type::choice, Need::optional, "\"drop\"",
              "What is done with packets to the VIP that no service takes. One per VIP. `punt` is for a VIP "
              "that is also "
              "an address of this host.",
              0, 0, kUnserved},
    OptionRow{"service", "too_big", Type::choice, Need::optional, "\"fragment\"",
              "IPv4 without DF that is too big for the way out, outer header and all: cut into fragments, or "
              "dropped. With DF, and IPv6, it is always dropped.",
              0, 0, kTooBig},
    OptionRow{"service", "syn_cookies", Type::choice, Need::optional, "\"off\"",
              "Whether shunt answers SYNs itself while too many come.", 0, 0, kSynCookies},
    OptionRow{"service", "source_prefix4", Type::integer, Need::optional, "32",
              "Of `hash = \"source\"`: IPv4 clients that agree in so many leading bits count as one.", 1, 32},
    OptionRow{"service", "source_prefix6", Type::integer, Need::optional, "64", "The same for IPv6.", 1, 128},
    OptionRow{"service", "dscp", Type::integer, Need::optional, "the packet's own",
              "DSCP of the outer header (ipip, gue, gre). ECN is always the packet's own.", 0, 63},
    OptionRow{
        "service", "mss_clamp", Type::integer_or_true, Need::optional, "none",
        "Largest segment size that a client's SYN, and with nat a backend's SYN-ACK, may ask for: bytes, or "
        "`true` for what fits the way to the backend. Smaller ones stay, and a SYN without the option. It "
        "limits what the other end sends: without nat the backends; clients then need `advmss` there.",
        536, 9'176},
    not_yet("service", "client_identity"),
    OptionRow{"service", "sample", Type::integer, Need::optional, "that of `[telemetry]`",
              "One flow of the service in so many is watched; 0: none.", 0, 65'536},
    not_yet("service", "allow"),
    not_yet("service", "deny"),
    not_yet("service", "limit"),

    OptionRow{"service.timeouts", "established", Type::duration, Need::optional, "\"15m\"",
              "TCP connections.", 1'000, kMaxTimeout},
    OptionRow{"service.timeouts", "syn", Type::duration, Need::optional, "\"10s\"",
              "TCP, from the SYN until it is answered.", 1'000, kMaxTimeout},
    OptionRow{"service.timeouts", "fin", Type::duration, Need::optional, "\"30s\"", "TCP, after a FIN.",
              1'000, kMaxTimeout},
    OptionRow{"service.timeouts", "udp", Type::duration, Need::optional, "\"60s\"", "UDP flows.", 1'000,
              kMaxTimeout},

    OptionRow{"api", "listen", Type::texts, Need::optional,
              "[\"unix:RUNTIME_DIR/api.sock\", \"127.0.0.1:8080\"]",
              "`unix:/absolute/path`, `ADDRESS:PORT` or `[ADDRESS6]:PORT`. A TCP listener beyond loopback is "
              "a warning where `token_file` or TLS is missing: "
              "whoever reaches it may read everything. `[]`: no API."},
    OptionRow{"api", "token_file", Type::text, Need::optional,
              "none: over TCP everybody reads and nobody changes",
              "Absolute path of the tokens that TCP needs then, made by `shuntctl token`; read again when it "
              "changes."},
    OptionRow{"api", "tls_certificate", Type::text, Need::optional, "none: TCP is plain",
              "Absolute path of the certificate chain (PEM) for every TCP listener: TLS 1.3. Read again at "
              "reload."},
    OptionRow{"api", "tls_key", Type::text, Need::optional, "none", "Absolute path of its key (PEM)."},
    OptionRow{
        "api", "simple_writes", Type::boolean, Need::optional, "false",
        "Lets a GET of `/algorithm/NAME` change the scheduler; it needs the role operator all the same."},

    OptionRow{"icmp", "rate", Type::integer, Need::optional, "100",
              "Answers a second to one source, of each kind: echo replies, time exceeded, too big. Workers "
              "share it, each has at least one; 0: no answers.",
              0, 1'000'000},

    OptionRow{"routes", "protocol", Type::integer, Need::optional, "90",
              "Protocol number of the routes, for BGP daemons to match.", 5, 255},
    OptionRow{"routes", "table", Type::integer, Need::optional, "254", "Routing table; 254 is main.", 1,
              4'294'967'295.0},
    OptionRow{
        "routes", "metric", Type::integer, Need::optional, "0",
        "Metric of the routes; of several to one prefix the kernel takes the lowest. 0 is 1024 in IPv6.", 0,
        4'294'967'295.0},
    OptionRow{
        "routes", "metric_step", Type::integer, Need::optional, "0",
        "Added to the metric for each whole tenth of a VIP's backends that is down, of its service with "
        "the most of them down; 0: the metric stays.",
        0, 400'000'000},
    OptionRow{"routes", "stop_wait", Type::duration, Need::optional, "\"0s\"",
              "How long shuntd forwards on after SIGTERM has withdrawn its routes; a second signal ends it "
              "at once.",
              0, 600'000},
    OptionRow{"routes", "exabgp", Type::text, Need::optional, "\"next-hop self\"",
              "What `shuntctl exabgp` writes behind an address: next hop and attributes, in ExaBGP's words."},

    OptionRow{
        "fragments", "entries", Type::integer, Need::optional, "4_096",
        "Datagrams that each worker follows at a time. More: those that are complete are forgotten first, "
        "then the oldest.",
        16, 1'048'576},
    OptionRow{
        "fragments", "bytes", Type::integer, Need::optional, "4_194_304",
        "Bytes of fragments that each worker holds until the first one of their datagram comes. More: the "
        "oldest are dropped.",
        65'536, 1'073'741'824},
    OptionRow{"fragments", "time", Type::duration, Need::optional, "\"1s\"",
              "How long a datagram's fragments may take.", 10, 10'000},

    OptionRow{
        "cluster", "peers", Type::prefixes, Need::optional, "[]",
        "Addresses and VIPs, or prefixes of them, of the other shunts: no backend may be one, since packets "
        "to it would come back."},

    OptionRow{
        "telemetry", "sample", Type::integer, Need::optional, "64",
        "One flow in so many is watched, packet by packet: response times, duration, retransmitted data, a "
        "record at its end. How flows open and end is counted of all of them. 0: none.",
        0, 65'536},

    OptionRow{"log", "level", Type::choice, Need::optional, "\"info\"",
              "The least that is logged; a reload changes it. DPDK's own lines below warning are debug.", 0,
              0, kLogLevel},
    OptionRow{"log", "format", Type::choice, Need::optional, "\"text\"",
              "How the log is written: lines for people, or a JSON object a line, with `time`, `level`, "
              "`area` (`shuntd` or `dpdk`) and `message`. A reload changes it.",
              0, 0, kLogFormat},
    OptionRow{
        "log", "audit_file", Type::text, Need::optional, "none",
        "Absolute path; one line of JSON for each change that was asked for by the API, done or refused. "
        "Opened anew at reload."},
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kHeadings = {{
    {"", "the file"},
    {"node", "[node]"},
    {"dataplane", "[dataplane]"},
    {"port", "[[port]]"},
    {"pool", "[[pool]]"},
    {"pool.health", "[pool.health]"},
    {"pool.discovery", "[pool.discovery]"},
    {"pool.backend", "[[pool.backend]]"},
    {"service", "[[service]]"},
    {"service.timeouts", "[service.timeouts]"},
    {"api", "[api]"},
    {"icmp", "[icmp]"},
    {"routes", "[routes]"},
    {"fragments", "[fragments]"},
    {"cluster", "[cluster]"},
    {"telemetry", "[telemetry]"},
    {"log", "[log]"},
}};

}  // namespace

std::span<const OptionRow> option_rows() {
  return kRows;
}

const OptionRow* find_option(std::string_view section, std::string_view key) {
  const auto* found = std::find_if(kRows.begin(), kRows.end(), [&](const OptionRow& row) {
    return row.section == section && row.key == key;
  });
  return found == kRows.end() ? nullptr : found;
}

std::string_view section_heading(std::string_view section) {
  const auto* found = std::find_if(kHeadings.begin(), kHeadings.end(),
                                   [&](const auto& heading) { return heading.first == section; });
  return found == kHeadings.end() ? section : found->second;
}

}  // namespace shunt
