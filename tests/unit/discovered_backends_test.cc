// File and discovery as one configuration: what is added, and which rules leave an entry out.
#include "control/discovered_backends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "control/config_load.h"

namespace shunt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kFile = R"(
[[port]]
name = "net0"
device = "tap:net0"
host_interface = "shunt0"
addresses = ["192.0.2.2/24", "10.0.0.1/24"]
encap_source = "10.0.0.2"
[[pool]]
name = "web"
slots = 5
discovery = { type = "file", path = "/etc/shunt/web.json" }
[[pool.backend]]
name = "inline"
address = "10.0.0.11"
[[service]]
name = "web"
address = "198.51.100.10"
port = 80
pool = "web"
forward = "FORWARD"
[cluster]
peers = ["10.0.0.99"]
)";

Config file(const std::string& forward = "ipip", const std::string& more = "") {
  std::string text(kFile);
  text.replace(text.find("FORWARD"), 7, forward);
  LoadResult result = load_config(text + more, "shunt.toml");
  EXPECT_TRUE(result.config) << (result.errors.empty() ? "" : result.errors.front().text());
  return *result.config;
}

BackendConfig backend(const std::string& name, const char* address, uint16_t port = 0) {
  BackendConfig made;
  made.name = name;
  made.address = *IpAddress::parse(address);
  made.port = port;
  return made;
}

std::vector<std::string> names(const EffectiveConfig& effective) {
  std::vector<std::string> all;
  for (const BackendConfig& each : effective.config.pools[0].backends)
    all.push_back(each.name);
  return all;
}

// The reason why this one isn't taken, by itself.
std::string refusal(const Config& config, const BackendConfig& one) {
  const EffectiveConfig effective = with_discovered(config, {{"web", {one}}});
  return effective.refused.empty() ? "" : effective.refused[0].reason;
}

TEST(DiscoveredBackends, StandBehindTheFilesOwn) {
  const EffectiveConfig effective = with_discovered(
      file(), {{"web", {backend("a", "10.0.0.12"), backend("b", "10.0.0.13")}}, {"other", {}}});
  EXPECT_THAT(names(effective), ElementsAre("inline", "a", "b"));
  EXPECT_THAT(effective.refused, IsEmpty());
}

TEST(DiscoveredBackends, WhatTheFileHasIsntThereTwice) {
  const EffectiveConfig effective =
      with_discovered(file(), {{"web", {backend("twin", "10.0.0.11"), backend("a", "10.0.0.11", 81)}}});
  EXPECT_THAT(names(effective), ElementsAre("inline", "a"));
  EXPECT_THAT(effective.refused, IsEmpty());
}

TEST(DiscoveredBackends, APoolWithoutDiscoveryGetsNone) {
  Config config = file();
  config.pools[0].discovery.reset();
  EXPECT_THAT(names(with_discovered(config, {{"web", {backend("a", "10.0.0.12")}}})), ElementsAre("inline"));
}

TEST(DiscoveredBackends, EachRuleLeavesOutItsEntryOnly) {
  const Config config = file();
  EXPECT_THAT(refusal(config, backend("no name", "10.0.0.12")), HasSubstr("isn't a name"));
  EXPECT_THAT(refusal(config, backend("inline", "10.0.0.12")), HasSubstr("of this name already"));
  EXPECT_THAT(refusal(config, backend("a", "127.0.0.1")), HasSubstr("can't be a backend"));
  EXPECT_THAT(refusal(config, backend("a", "198.51.100.10")), HasSubstr("is a VIP"));
  EXPECT_THAT(refusal(config, backend("a", "10.0.0.1")), HasSubstr("own address"));
  EXPECT_THAT(refusal(config, backend("a", "10.0.0.2")), HasSubstr("encap_source"));
  EXPECT_THAT(refusal(config, backend("a", "10.0.0.255")), HasSubstr("broadcast"));
  EXPECT_THAT(refusal(config, backend("a", "10.0.0.99")), HasSubstr("another shunt"));
  EXPECT_THAT(refusal(config, backend("a", "2001:db8::1")), HasSubstr("encap_source6"));
  EXPECT_THAT(refusal(file("l2"), backend("a", "2001:db8::1")), HasSubstr("can't change the family"));
  const EffectiveConfig effective = with_discovered(
      config, {{"web", {backend("a", "10.0.0.12"), backend("b", "127.0.0.1"), backend("c", "10.0.0.13")}}});
  EXPECT_THAT(names(effective), ElementsAre("inline", "a", "c"));
  ASSERT_EQ(effective.refused.size(), 1U);
  EXPECT_EQ(effective.refused[0].backend, "b");
}

TEST(DiscoveredBackends, APoolHasNoMoreThanItsSlots) {
  std::vector<BackendConfig> many;
  for (int i = 20; i < 30; ++i)
    many.push_back(backend("b" + std::to_string(i), ("10.0.0." + std::to_string(i)).c_str()));
  const EffectiveConfig effective = with_discovered(file(), {{"web", many}});
  EXPECT_EQ(effective.config.pools[0].backends.size(), 5U);
  EXPECT_THAT(effective.refused.at(0).reason, HasSubstr("its most"));
}

TEST(DiscoveredBackends, NatRepliesNameOneService) {
  const Config config = file("nat", R"(
[[pool]]
name = "other"
[[pool.backend]]
name = "x"
address = "10.0.0.12"
port = 80
[[service]]
name = "other"
address = "198.51.100.11"
port = 81
pool = "other"
forward = "nat"
)");
  EXPECT_THAT(refusal(config, backend("a", "10.0.0.12", 80)), HasSubstr("could belong to nat service"));
  EXPECT_EQ(refusal(config, backend("a", "10.0.0.12", 8080)), "");
}

TEST(DiscoveredBackends, ACheckNeedsAPort) {
  Config config = file();
  config.pools[0].health.emplace();
  EXPECT_EQ(refusal(config, backend("a", "10.0.0.12")), "");
  config.services[0].port = 0;
  EXPECT_THAT(refusal(config, backend("a", "10.0.0.12")), HasSubstr("need a port"));
  EXPECT_EQ(refusal(config, backend("a", "10.0.0.12", 8080)), "");
  config.pools[0].health->type = HealthType::icmp;
  EXPECT_EQ(refusal(config, backend("a", "10.0.0.12")), "");
}

TEST(DiscoveryConfig, EveryKeyIsRead) {
  std::string text(kFile);
  text.replace(text.find("FORWARD"), 7, "ipip");
  const std::string before = R"(discovery = { type = "file", path = "/etc/shunt/web.json" })";
  const auto read = [&](std::string discovery) {
    std::ranges::replace(discovery, '\n', ' ');
    std::string changed = text;
    changed.replace(changed.find(before), before.size(), "discovery = { " + discovery + " }");
    LoadResult result = load_config(changed, "shunt.toml");
    EXPECT_TRUE(result.config) << (result.errors.empty() ? "" : result.errors.front().text());
    return result.config->pools[0].discovery.value();
  };
  const DiscoveryConfig dns = read(R"(type = "dns", name = "web.example.net", record = "a", port = 8080,
servers = ["192.0.2.53"], min_ttl = "2s", max_ttl = "3s", timeout = "4s", max_change = 0.25)");
  EXPECT_EQ(dns.type, DiscoveryType::dns);
  EXPECT_EQ(dns.name, "web.example.net");
  EXPECT_EQ(dns.record, DnsRecords::a);
  EXPECT_EQ(dns.port, 8080);
  EXPECT_THAT(dns.servers, ElementsAre("192.0.2.53"));
  EXPECT_EQ(dns.min_ttl, milliseconds(2000));
  EXPECT_EQ(dns.max_ttl, milliseconds(3000));
  EXPECT_EQ(dns.timeout, milliseconds(4000));
  EXPECT_EQ(dns.max_change, 0.25);
  const DiscoveryConfig etcd =
      read(R"(type = "etcd", endpoints = ["http://a:1", "https://[::1]:2"], prefix = "/p/",
ca_file = "/ca", certificate_file = "/cert", key_file = "/key", refresh = "7s")");
  EXPECT_THAT(etcd.endpoints, ElementsAre("http://a:1", "https://[::1]:2"));
  EXPECT_EQ(etcd.prefix + etcd.ca_file + etcd.certificate_file + etcd.key_file, "/p//ca/cert/key");
  EXPECT_EQ(etcd.refresh, milliseconds(7000));
  const DiscoveryConfig pods =
      read(R"(type = "kubernetes", namespace = "shop", service = "web", port_name = "http",
token_file = "/token")");
  EXPECT_EQ(pods.name_space + pods.service + pods.port_name + pods.token_file, "shopwebhttp/token");
  EXPECT_FALSE(pods.same_source(etcd));
  DiscoveryConfig other = pods;
  other.max_change = 1;
  EXPECT_TRUE(pods.same_source(other));
}

}  // namespace
}  // namespace shunt
