// Probe addresses: who gets one, who keeps his, and when there are none left.
#include "control/probe_addresses.h"

#include <gtest/gtest.h>

#include <set>

#include "control/probe_prefix.h"
#include "tests/unit/control_samples.h"

namespace shunt {
namespace {

using namespace control_test;

Config tunnelled(std::vector<BackendConfig> backends, const std::string& probe_prefix = {}) {
  PoolConfig web = pool("web", std::move(backends));
  web.health.emplace().via = HealthVia::tunnel;
  if (!probe_prefix.empty()) web.probe_prefix = prefix(probe_prefix);
  return config({web}, {service(1, "web")});
}

TEST(ProbePrefix, FollowsTheFirstServiceOfThePool) {
  Config both = tunnelled({backend(1)});
  EXPECT_EQ(probe_prefix_of(both, both.pools[0]), prefix("198.18.0.0/15"));
  ServiceConfig six = both.services[0];
  six.name = "six";
  six.address = prefix("2001:db8::1");
  six.pool = "other";
  six.backup_pool = "web";
  both.services.insert(both.services.begin(), six);
  EXPECT_EQ(tunnel_service(both, both.pools[0])->name, "six");
  EXPECT_EQ(probe_prefix_of(both, both.pools[0]), prefix("2001:2::/48"));
  both.pools[0].health->via = HealthVia::direct;
  EXPECT_EQ(probe_prefix_of(both, both.pools[0]), std::nullopt);
  both.pools[0].health->via = HealthVia::tunnel;
  both.services.clear();
  EXPECT_EQ(probe_prefix_of(both, both.pools[0]), std::nullopt);
}

TEST(ProbePrefix, HasRoomForAllButItsEnds) {
  EXPECT_EQ(probe_capacity(prefix("10.0.0.0/24")), 254U);
  EXPECT_EQ(probe_capacity(prefix("10.0.0.0/30")), 2U);
  EXPECT_EQ(probe_capacity(prefix("10.0.0.0/31")), 0U);
  EXPECT_EQ(probe_capacity(prefix("10.0.0.0/32")), 0U);
  EXPECT_EQ(probe_capacity(prefix("2001:2::/48")), (1U << 20U) - 2);
  EXPECT_EQ(probe_capacity(prefix("2001:2::/127")), 0U);
}

TEST(ProbeAddresses, AreKeptAndUsedAgainLast) {
  ProbeAddresses probes;
  const std::string range = "172.31.0.0/29";  // six
  ASSERT_TRUE(probes.assign(tunnelled({backend(1), backend(2), backend(3)}, range)));
  const auto second = probes.of("web", backend(2));
  EXPECT_EQ(probes.of("web", backend(1)), address("172.31.0.1"));
  EXPECT_EQ(probes.of("other", backend(1)), std::nullopt);
  std::set<IpAddress> seen;
  for (unsigned i = 4; i < 20; ++i) {
    ASSERT_TRUE(probes.assign(tunnelled({backend(2), backend(i)}, range)));
    EXPECT_EQ(probes.of("web", backend(2)), second);
    EXPECT_EQ(probes.of("web", backend(i - 1)), std::nullopt);
    const IpAddress fresh = probes.of("web", backend(i)).value();
    EXPECT_NE(fresh, *second);
    if (seen.size() == 5) seen.clear();
    EXPECT_TRUE(seen.insert(fresh).second) << fresh.text() << " again, before the others";
  }
}

TEST(ProbeAddresses, RefuseMoreThanThereAreAndKeepWhatWas) {
  ProbeAddresses probes;
  ASSERT_TRUE(probes.assign(tunnelled({backend(1), backend(2)}, "172.31.0.0/30")));
  const auto first = probes.of("web", backend(1));
  const auto refused = probes.assign(tunnelled({backend(1), backend(2), backend(3)}, "172.31.0.0/30"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(),
            "pool \"web\": probe_prefix 172.31.0.0/30 has an address for 2 backends only");
  EXPECT_EQ(probes.of("web", backend(1)), first);
}

TEST(ProbeAddresses, ComeFromAnotherPrefixAtOnce) {
  ProbeAddresses probes;
  ASSERT_TRUE(probes.assign(tunnelled({backend(1)}, "172.31.0.0/24")));
  ASSERT_TRUE(probes.assign(tunnelled({backend(1)}, "fd00:1::/64")));
  EXPECT_EQ(probes.of("web", backend(1)), address("fd00:1::1"));
}

TEST(ProbeAddresses, ArePoolsOwnInASharedPrefix) {
  Config two = tunnelled({backend(1)});
  PoolConfig other = two.pools[0];
  other.name = "other";
  two.pools.push_back(other);
  two.services.push_back(service(2, "other"));
  ProbeAddresses probes;
  ASSERT_TRUE(probes.assign(two));
  EXPECT_EQ(probe_prefixes(two).size(), 1U);
  EXPECT_NE(probes.of("web", backend(1)).value(), probes.of("other", backend(1)).value());
}

}  // namespace
}  // namespace shunt
