// Good configurations and what they become; limits too large for golden files; the reference page; mutated
// files.
#include "control/config_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "common/did_you_mean.h"
#include "common/duration.h"
#include "tests/unit/config_samples.h"

namespace shunt {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;

std::string with(std::string_view base, std::string_view from, std::string_view to) {
  std::string text(base);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

Config loaded(std::string_view text) {
  LoadResult result = load_config(text, "shunt.toml");
  EXPECT_TRUE(result.config.has_value()) << texts(result.errors);
  return result.config.value_or(Config{});
}

std::vector<DiagnosticId> error_ids(std::string_view text) {
  std::vector<DiagnosticId> ids;
  for (const Diagnostic& error : load_config(text, "shunt.toml").errors)
    ids.push_back(error.id);
  return ids;
}

TEST(ConfigLoad, MinimalHasDefaults) {
  const Config config = loaded(kMinimal);
  EXPECT_EQ(config.file, "shunt.toml");
  EXPECT_EQ(config.node.name, "");
  EXPECT_EQ(config.node.cluster_key_file, "");
  EXPECT_EQ(config.node.state_dir, "/var/lib/shunt");
  EXPECT_EQ(config.node.runtime_dir, "/run/shunt");
  EXPECT_THAT(config.dataplane.workers, ElementsAre(1U));
  EXPECT_EQ(config.dataplane.memory, MemoryMode::automatic);
  EXPECT_EQ(config.dataplane.idle, IdleMode::sleep);
  EXPECT_EQ(config.dataplane.connections, 1'048'576U);
  ASSERT_EQ(config.ports.size(), 1U);
  EXPECT_EQ(config.ports[0].mtu, 1500);
  EXPECT_FALSE(config.ports[0].mac || config.ports[0].gateway_mac || config.ports[0].encap_source);
  ASSERT_EQ(config.pools.size(), 1U);
  EXPECT_FALSE(config.pools[0].health);
  EXPECT_EQ(config.pools[0].panic, 0.5);
  EXPECT_EQ(config.pools[0].slots, 65'537U);
  EXPECT_EQ(config.pools[0].drain, minutes(10));
  ASSERT_EQ(config.pools[0].backends.size(), 1U);
  EXPECT_EQ(config.pools[0].backends[0].weight, 1);
  EXPECT_EQ(config.pools[0].backends[0].port, 0);
  ASSERT_EQ(config.services.size(), 1U);
  const ServiceConfig& service = config.services[0];
  EXPECT_EQ(service.protocol, Protocol::tcp);
  EXPECT_EQ(service.forward, Forward::l2);
  EXPECT_EQ(service.unserved, Unserved::drop);
  EXPECT_EQ(service.announce_min, 1);
  EXPECT_EQ(service.timeouts.established, minutes(15));
  EXPECT_THAT(config.api.listen, ElementsAre("unix:/run/shunt/api.sock", "127.0.0.1:8080"));
  EXPECT_EQ(config.icmp.rate, 100U);
  EXPECT_EQ(service.too_big, TooBig::fragment);
  EXPECT_EQ(config.routes.table, 254U);
  EXPECT_EQ(config.routes.metric_step, 0U);
  EXPECT_EQ(config.routes.stop_wait, seconds(0));
  EXPECT_EQ(config.routes.exabgp, "next-hop self");
  EXPECT_EQ(config.dataplane.restart_grace, seconds(2));
  EXPECT_FALSE(config.node.standby);
  EXPECT_EQ(config.fragments.entries, 4096U);
  EXPECT_EQ(config.fragments.bytes, 4U << 20U);
  EXPECT_EQ(config.fragments.time, seconds(1));
  EXPECT_EQ(config.log.level, LogLevel::info);
  EXPECT_EQ(config.log.format, LogFormat::text);
}

TEST(ConfigLoad, KeepsPrefixesOfPortsWithTheirHostBits) {
  const Config config = loaded(kMinimal);
  ASSERT_EQ(config.ports[0].addresses.size(), 2U);
  EXPECT_EQ(config.ports[0].addresses[0].text(), "192.0.2.2/24");
  EXPECT_EQ(config.ports[0].addresses[1].text(), "2001:db8::2/64");
}

TEST(ConfigLoad, FullReadsNodeAndPorts) {
  const Config config = loaded(kFull);
  EXPECT_EQ(config.node.name, "lb1");
  EXPECT_EQ(config.node.cluster_key_file, "/etc/shunt/key");
  EXPECT_TRUE(config.node.standby);
  EXPECT_THAT(config.dataplane.workers, ElementsAre(1U, 3U));
  EXPECT_EQ(config.dataplane.memory, MemoryMode::ordinary);
  EXPECT_EQ(config.dataplane.idle, IdleMode::spin);
  EXPECT_EQ(config.dataplane.connections, 2'097'152U);
  EXPECT_EQ(config.dataplane.restart_grace, seconds(5));
  ASSERT_EQ(config.ports.size(), 2U);
  const PortConfig& port = config.ports[0];
  EXPECT_EQ(port.device, "0000:3b:00.0");
  EXPECT_EQ(port.host_interface, "shunt0");
  EXPECT_EQ(port.gateway_mac->text(), "02:00:00:00:00:02");
  EXPECT_EQ(port.mac->text(), "02:00:00:00:00:01");
  EXPECT_EQ(port.mtu, 9000);
  EXPECT_EQ(port.encap_source->text(), "192.0.2.10");
  EXPECT_EQ(port.encap_source6->text(), "2001:db8:1::/64");
  EXPECT_EQ(config.ports[1].device, "vdev:net_pcap0,rx_pcap=/tmp/a b.pcap");
  EXPECT_THAT(config.api.listen, ElementsAre("unix:/run/shunt/api.sock", "127.0.0.1:8080", "[::1]:9090"));
  EXPECT_EQ(config.icmp.rate, 250U);
  EXPECT_EQ(config.routes.protocol, 100);
  EXPECT_EQ(config.routes.table, 100U);
  EXPECT_EQ(config.routes.metric, 20U);
  EXPECT_EQ(config.routes.metric_step, 2U);
  EXPECT_EQ(config.routes.stop_wait, seconds(3));
  EXPECT_EQ(config.routes.exabgp, "next-hop 192.0.2.9 med 10");
  EXPECT_EQ(config.fragments.entries, 65'536U);
  EXPECT_EQ(config.fragments.bytes, 100'000'000U);
  EXPECT_EQ(config.fragments.time, milliseconds(250));
  EXPECT_EQ(config.log.level, LogLevel::debug);
  EXPECT_EQ(config.log.format, LogFormat::json);
}

TEST(ConfigLoad, FullReadsPools) {
  const Config config = loaded(kFull);
  ASSERT_EQ(config.pools.size(), 2U);
  const PoolConfig& pool = config.pools[0];
  ASSERT_TRUE(pool.health);
  EXPECT_EQ(pool.health->type, HealthType::http);
  EXPECT_EQ(pool.health->path, "/health");
  EXPECT_EQ(pool.health->host, "example.org");
  EXPECT_THAT(pool.health->expect, ElementsAre(200, 204));
  EXPECT_EQ(pool.health->port, 8081);
  EXPECT_EQ(pool.health->interval, milliseconds(2000));
  EXPECT_EQ(pool.health->timeout, milliseconds(250));
  EXPECT_EQ(pool.health->rise, 4);
  EXPECT_EQ(pool.health->fall, 5);
  EXPECT_EQ(pool.health->jitter, 0.2);
  EXPECT_EQ(pool.health->method, HttpMethod::options);
  EXPECT_EQ(pool.health->body, "fine");
  EXPECT_EQ(pool.health->source, IpAddress::parse("192.0.2.2"));
  EXPECT_EQ(pool.health->down_interval, milliseconds(4000));
  EXPECT_EQ(pool.damping, seconds(300));
  EXPECT_TRUE(pool.passive);
  EXPECT_EQ(pool.panic, 1.0);
  EXPECT_EQ(pool.slots, 65'539U);
  EXPECT_EQ(pool.drain, minutes(15));
  EXPECT_EQ(pool.drain_policy, DrainPolicy::reset);
  EXPECT_EQ(pool.slow_start, milliseconds(30'000));
  ASSERT_EQ(pool.backends.size(), 1U);
  EXPECT_EQ(pool.backends[0].address.text(), "10.0.0.11");
  EXPECT_EQ(pool.backends[0].port, 8080);
  EXPECT_EQ(pool.backends[0].mac->text(), "02:00:00:00:00:11");
  EXPECT_EQ(pool.backends[0].weight, 7);
  EXPECT_EQ(pool.backends[0].max_connections, 1'000U);
  EXPECT_EQ(pool.backends[0].admin, AdminState::enabled);
  EXPECT_TRUE(config.pools[1].backends.empty());
}

TEST(LoadConfig, ReadsWhatEachTypeOfHealthCheckAsks) {
  const auto health_of = [](const std::string& keys) {
    std::string text(kMinimal);
    const std::string_view pool = "[[pool]]\nname = \"web\"\n";
    text.insert(text.find(pool) + pool.size(), "health = { " + keys + " }\n");
    return *loaded(text).pools[0].health;
  };
  const HealthConfig https = health_of(R"(type = "https", sni = "a.example", ca_file = "/etc/ca.pem")");
  EXPECT_EQ(https.type, HealthType::https);
  EXPECT_TRUE(https.verify);
  EXPECT_EQ(https.sni, "a.example");
  EXPECT_EQ(https.ca_file, "/etc/ca.pem");
  const HealthConfig grpc = health_of(R"(type = "grpc", tls = true, verify = false, grpc_service = "shop")");
  EXPECT_EQ(grpc.type, HealthType::grpc);
  EXPECT_TRUE(grpc.tls);
  EXPECT_FALSE(grpc.verify);
  EXPECT_EQ(grpc.grpc_service, "shop");
  const HealthConfig udp = health_of(R"(type = "udp", send = "hex:00ff", receive = "pong")");
  EXPECT_EQ(udp.type, HealthType::udp);
  EXPECT_EQ(udp.send, "hex:00ff");
  EXPECT_EQ(udp.receive, "pong");
  const HealthConfig dns =
      health_of(R"(type = "dns", query = "www.example", query_type = "AAAA", answer = "2001:db8::1")");
  EXPECT_EQ(dns.type, HealthType::dns);
  EXPECT_EQ(dns.query, "www.example");
  EXPECT_EQ(dns.query_type, DnsType::aaaa);
  EXPECT_EQ(dns.rcode, DnsRcode::noerror);
  EXPECT_EQ(dns.answer, "2001:db8::1");
  EXPECT_EQ(health_of(R"(type = "dns", rcode = "NXDOMAIN")").rcode, DnsRcode::nxdomain);
  EXPECT_EQ(health_of(R"(type = "icmp")").type, HealthType::icmp);
  EXPECT_EQ(health_of(R"(type = "agent", send = "state\n")").send, "state\n");
}

TEST(ConfigLoad, FullReadsServices) {
  const Config config = loaded(kFull);
  ASSERT_EQ(config.services.size(), 3U);
  const ServiceConfig& service = config.services[0];
  EXPECT_EQ(service.address.text(), "198.51.100.10");
  EXPECT_EQ(service.port, 80);
  EXPECT_EQ(service.pool, "web");
  EXPECT_EQ(service.backup_pool, "web-far");
  EXPECT_EQ(service.forward, Forward::ipip);
  EXPECT_EQ(service.scheduler, Scheduler::least_connections);
  EXPECT_EQ(service.hash, HashInput::source);
  EXPECT_EQ(service.source_prefix4, 24);
  EXPECT_EQ(service.source_prefix6, 56);
  EXPECT_EQ(service.timeouts.established, hours(2));
  EXPECT_EQ(service.timeouts.syn, seconds(11));
  EXPECT_EQ(service.timeouts.fin, seconds(31));
  EXPECT_EQ(service.timeouts.udp, seconds(61));
  EXPECT_EQ(service.announce, Announce::arp);
  EXPECT_EQ(service.too_big, TooBig::drop);
  EXPECT_EQ(config.services[1].address.text(), "198.51.100.0/28");
  EXPECT_EQ(config.services[1].port, 0);
  EXPECT_EQ(config.services[1].protocol, Protocol::udp);
  EXPECT_EQ(config.services[2].forward, Forward::nat);
}

TEST(ConfigLoad, TakesTheDesignsListingAsItStands) {
  const LoadResult result = load_config(kDesign, "shunt.toml");
  ASSERT_TRUE(result.config.has_value()) << texts(result.errors);
  std::vector<std::string> warnings;
  for (const Diagnostic& warning : result.warnings)
    warnings.push_back(warning.message);
  EXPECT_THAT(warnings,
              ElementsAre("`port` is ignored by service `web`, which forwards port 80 unchanged: only "
                          "nat translates it",
                          "`mac` is ignored by service `web`: it is for l2 only"));
  EXPECT_EQ(result.config->pools[0].backends[0].port, 8080);
  EXPECT_EQ(result.config->services[0].backup_pool, "web-far");
}

TEST(ConfigLoad, WarnsOnlyOfWhatNobodyUses) {
  const std::string with_mac = with(kMinimal, "10.0.0.11\"", "10.0.0.11\"\nmac = \"02:00:00:00:00:11\"");
  EXPECT_EQ(load_config(with_mac, "shunt.toml").warnings.size(), 2U) << "l2 uses a backend's mac";
  // A nat service beside the ipip one uses the port, the l2 one the mac.
  EXPECT_EQ(texts(load_config(kFull, "shunt.toml").warnings).find("ignored"), std::string::npos);
}

TEST(ConfigLoad, FillsPositions) {
  const Config config = loaded(kFull);
  const auto at = [](SourcePosition position) { return std::pair(position.line, position.column); };
  EXPECT_EQ(at(config.ports[0].position), std::pair(16U, 1U));
  EXPECT_EQ(at(config.ports[1].position), std::pair(27U, 1U));
  EXPECT_EQ(at(config.pools[0].position), std::pair(31U, 1U));
  EXPECT_EQ(at(config.pools[0].health->position), std::pair(33U, 10U));
  EXPECT_EQ(at(config.pools[0].backends[0].position), std::pair(41U, 1U));
  EXPECT_EQ(at(config.services[0].position), std::pair(52U, 1U));
}

TEST(ConfigLoad, ResolvesAnnounce) {
  EXPECT_EQ(loaded(kMinimal).services[0].announce, Announce::route);
  EXPECT_EQ(loaded(with(kMinimal, "198.51.100.10", "192.0.2.10")).services[0].announce, Announce::arp);
  EXPECT_EQ(loaded(with(kMinimal, "198.51.100.10", "192.0.2.16/28")).services[0].announce, Announce::arp);
  EXPECT_EQ(
      loaded(with(kMinimal, "198.51.100.10\"", "192.0.2.2\"\nunserved = \"punt\"")).services[0].announce,
      Announce::none);
  EXPECT_EQ(
      loaded(with(kMinimal, "pool = \"web\"", "pool = \"web\"\nannounce = \"arp\"")).services[0].announce,
      Announce::arp)
      << "arp outside every subnet is the operator's business";
}

// Both families: what stands in the file is what comes out, and a VIP is announced by where it lies.
TEST(ConfigLoad, TakesIpv6WhereverAnAddressStands) {
  std::string text(kMinimal);
  text = with(text, "198.51.100.10", "2001:db8:1::10");
  text = with(text, "10.0.0.11", "2001:db8:2::11");
  text = with(text, "[[pool]]", "encap_source6 = \"2001:db8::a00/120\"\n\n[[pool]]");
  text = with(text, "pool = \"web\"", "pool = \"web\"\nforward = \"gue\"");
  const Config config = loaded(text);
  EXPECT_EQ(config.services[0].address.text(), "2001:db8:1::10");
  EXPECT_EQ(config.services[0].forward, Forward::gue);
  EXPECT_EQ(config.services[0].announce, Announce::route);
  EXPECT_EQ(config.pools[0].backends[0].address.text(), "2001:db8:2::11");
  EXPECT_EQ(config.ports[0].encap_source6->text(), "2001:db8::a00/120");
  text = with(text, "192.0.2.2/24", "2001:db8:1::2/64");
  EXPECT_EQ(loaded(text).services[0].announce, Announce::arp);
  text = with(text, "2001:db8:1::10", "2001:db8:1::100/120");
  EXPECT_EQ(loaded(text).services[0].announce, Announce::arp);
}

TEST(ConfigLoad, ListenersFollowRuntimeDir) {
  const std::string text = "[node]\nruntime_dir = \"/tmp/x\"\n" + std::string(kMinimal);
  EXPECT_THAT(loaded(text).api.listen, ElementsAre("unix:/tmp/x/api.sock", "127.0.0.1:8080"));
  EXPECT_TRUE(loaded("[api]\nlisten = []\n" + std::string(kMinimal)).api.listen.empty());
}

TEST(ConfigLoad, TakesWhatLooksLikeAMistakeButIsNone) {
  // A port that an any-port service keeps: it is the health checks'.
  loaded(with(with(kMinimal, "port = 80\n", ""), "10.0.0.11\"", "10.0.0.11\"\nport = 8080"));
  // The service's own port, said again.
  loaded(with(kMinimal, "10.0.0.11\"", "10.0.0.11\"\nport = 80"));
  // A pool without backends; weights that are all 0.
  loaded(with(kMinimal, "[[pool.backend]]\nname = \"web-1\"\naddress = \"10.0.0.11\"\n", ""));
  loaded(with(kMinimal, "10.0.0.11\"", "10.0.0.11\"\nweight = 0"));
  // One backend with two ports; tcp and udp on one VIP and port; a prefix over a VIP.
  loaded(with(
      kFull, "[[pool]]\nname = \"web-far\"",
      "[[pool.backend]]\nname = \"b\"\naddress = \"10.0.0.11\"\nport = 8082\n[[pool]]\nname = \"web-far\""));
  // A port with neither host_interface nor addresses; inline tables; dotted keys.
  loaded("port = [{ name = \"a\", device = \"tap:a\" }]");
  loaded(with(kMinimal, "pool = \"web\"", "pool = \"web\"\ntimeouts.syn = \"5s\""));
}

TEST(ConfigLoad, NoConfigBesideErrors) {
  const LoadResult result = load_config(with(kMinimal, "port = 80", "port = 0"), "shunt.toml");
  EXPECT_FALSE(result.config.has_value());
  EXPECT_EQ(result.errors.size(), 1U);
  EXPECT_EQ(result.warnings.size(), 2U) << texts(result.warnings);
}

TEST(ConfigLoad, LimitsOfLists) {
  const auto tables = [](std::string_view key, size_t count) {
    std::string text = std::string(key) + " = [";
    for (size_t i = 0; i < count; ++i)
      text += "{},\n";
    return text + "]\n";
  };
  const auto too_many = [](std::string_view text) {
    const auto ids = error_ids(text);
    return std::count(ids.begin(), ids.end(), DiagnosticId::too_many);
  };
  EXPECT_EQ(too_many("[[pool]]\n" + tables("backend", 16'383)), 0);
  EXPECT_EQ(too_many("[[pool]]\n" + tables("backend", 16'384)), 1);
  EXPECT_EQ(too_many(tables("service", 16'383)), 0);
  EXPECT_EQ(too_many(tables("service", 16'384)), 1);
}

TEST(ConfigLoadFile, ReadsAndNamesTheHost) {
  const std::string path = testing::TempDir() + "config_test." + std::to_string(getpid()) + ".toml";
  std::ofstream(path) << kMinimal;
  const LoadResult result = load_config_file(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(result.config.has_value()) << texts(result.errors);
  EXPECT_EQ(result.config->file, path);
  EXPECT_NE(result.config->node.name, "");
}

TEST(ConfigLoadFile, UnreadableIsOneError) {
  const LoadResult missing = load_config_file("/nowhere/shunt.toml");
  ASSERT_EQ(missing.errors.size(), 1U);
  EXPECT_EQ(missing.errors[0].id, DiagnosticId::unreadable_file);
  EXPECT_EQ(missing.errors[0].text(), "/nowhere/shunt.toml: error: can't be read: No such file or directory");
  EXPECT_FALSE(missing.config.has_value());
  const LoadResult folder = load_config_file("/");
  ASSERT_EQ(folder.errors.size(), 1U);
  EXPECT_EQ(folder.errors[0].text(), "/: error: can't be read: it is a folder");
}

TEST(Duration, ReadsAndPrints) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("1s"), seconds(1));
  EXPECT_EQ(parse_duration("15m"), minutes(15));
  EXPECT_EQ(parse_duration("2h"), hours(2));
  EXPECT_EQ(parse_duration("0s"), seconds(0));
  for (const char* bad :
       {"", "1", "s", "1 s", " 1s", "1s ", "1S", "-1s", "+1s", "1.5s", "1d", "1h30m", "0x1s"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
  for (const char* text : {"0s", "1ms", "1500ms", "90s", "61m", "2h"}) {
    EXPECT_EQ(duration_text(*parse_duration(text)), text);
  }
  EXPECT_GT(parse_duration("99999999999999999999h"), hours(1'000'000));
}

TEST(DidYouMean, FindsTheNearest) {
  constexpr std::string_view kKeys[] = {"interval", "timeout", "rise", "fall", "path"};
  EXPECT_EQ(nearest("intervall", kKeys), "interval");
  EXPECT_EQ(nearest("tiemout", kKeys), "timeout");
  EXPECT_EQ(nearest("RISE", kKeys), "rise");
  EXPECT_EQ(nearest("int", kKeys), "interval");
  EXPECT_EQ(nearest("expect", kKeys), "");
  EXPECT_EQ(nearest("x", kKeys), "");
  EXPECT_EQ(did_you_mean("pth", kKeys), "did you mean `path`?");
  EXPECT_EQ(did_you_mean("zzz", kKeys), "");
}

}  // namespace
}  // namespace shunt
