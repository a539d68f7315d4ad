#include "control/doctor.h"

#include <gtest/gtest.h>

#include <functional>

namespace shunt {
namespace {

IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}
Prefix prefix(const char* text) {
  return Prefix::parse(text).value();
}

// A node that nothing is wrong with.
DoctorFacts healthy() {
  DoctorFacts facts;
  DoctorBackend backend{"web", "web-1", address("10.0.0.11"), "net0", true, true, true, 1520, 20};
  facts.services.push_back({"www", Forward::ipip, "web", 1, 1, true, false, 0, 1500, {backend}});
  facts.vips.push_back({prefix("198.51.100.10/32"), true, false, true, false, true, ""});
  facts.ports.push_back({"net0", "0000:3b:00.0", "shunt0", true, true, true, 0});
  facts.workers.push_back({1, "performance", 10, 1000});
  return facts;
}

struct Row {
  const char* name;
  Gravity gravity;
  const char* subject;
  const char* text;  // part of it
  std::function<void(DoctorFacts&)> spoil;
};

DoctorBackend& backend_of(DoctorFacts& facts) {
  return facts.services[0].backends[0];
}

const Row kRows[] = {
    {"no-route", Gravity::fault, "backend web/web-1", "10.0.0.11",
     [](DoctorFacts& facts) { backend_of(facts).has_route = false; }},
    {"not-on-link", Gravity::fault, "backend web/web-1", "behind a router",
     [](DoctorFacts& facts) {
       facts.services[0].forward = Forward::l2;
       backend_of(facts).outer_bytes = 0;
       backend_of(facts).is_on_link = false;
     }},
    {"no-neighbour", Gravity::fault, "backend web/web-1", "port \"net0\"",
     [](DoctorFacts& facts) { backend_of(facts).has_mac = false; }},
    {"mtu-too-small", Gravity::warning, "service www",
     "grow by 20 to 1520, and the way to web/web-1 carries 1519",
     [](DoctorFacts& facts) { backend_of(facts).mtu = 1519; }},
    {"nobody-up", Gravity::fault, "service www", "none of its 1 backends",
     [](DoctorFacts& facts) { facts.services[0].backends_up = 0; }},
    {"nobody-up", Gravity::fault, "service www", "nobody who takes new flows",
     [](DoctorFacts& facts) { facts.services[0].backends_up = facts.services[0].members = 0; }},
    {"standby", Gravity::note, "node", "standby", [](DoctorFacts& facts) { facts.is_standby = true; }},
    {"no-health-check", Gravity::note, "pool web", "dead backend",
     [](DoctorFacts& facts) { facts.services[0].is_checked = false; }},
    {"table-full", Gravity::warning, "service www", "7 flows",
     [](DoctorFacts& facts) { facts.services[0].untracked = 7; }},
    {"kernel-has-vip", Gravity::fault, "VIP 198.51.100.10", "interface eth0",
     [](DoctorFacts& facts) { facts.vips[0].kernel_owner = "eth0"; }},
    {"vip-unanswered", Gravity::warning, "VIP 198.51.100.10", "nobody answers",
     [](DoctorFacts& facts) { facts.vips[0].is_arp = false; }},
    {"vip-off-subnet", Gravity::warning, "VIP 198.51.100.10", "no port has an address in its subnet",
     [](DoctorFacts& facts) { facts.vips[0].is_on_link = false; }},
    {"vip-withdrawn", Gravity::fault, "VIP 198.51.100.10", "withdrawn",
     [](DoctorFacts& facts) {
       facts.vips[0] = {prefix("198.51.100.10/32"), false, true, false, false, false, ""};
     }},
    {"link-down", Gravity::fault, "port net0", "no link",
     [](DoctorFacts& facts) { facts.ports[0].link_up = false; }},
    {"no-rss", Gravity::warning, "port net0", "one worker gets all",
     [](DoctorFacts& facts) { facts.ports[0].spreads_flows = false; }},
    {"missed", Gravity::warning, "port net0", "12 packets",
     [](DoctorFacts& facts) { facts.ports[0].missed = 12; }},
    {"no-host-interface", Gravity::note, "port net0", "health checks",
     [](DoctorFacts& facts) { facts.ports[0].host_interface.clear(); }},
    {"cpu-governor", Gravity::note, "worker on CPU 1", "powersave",
     [](DoctorFacts& facts) { facts.workers[0].governor = "powersave"; }},
    {"table-nearly-full", Gravity::warning, "worker on CPU 1", "901 of 1000",
     [](DoctorFacts& facts) { facts.workers[0].flow_entries = 901; }},
    {"ordinary-memory", Gravity::note, "node", "ordinary memory",
     [](DoctorFacts& facts) { facts.has_hugepages = false; }},
    {"default-key", Gravity::warning, "node", "cluster key",
     [](DoctorFacts& facts) {
       facts.has_peers = true;
       facts.has_cluster_key = false;
     }},
};

TEST(Doctor, HealthyNodeHasNoFindings) {
  EXPECT_TRUE(diagnose(healthy()).empty());
}

TEST(Doctor, EachFaultIsFoundAlone) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    DoctorFacts facts = healthy();
    row.spoil(facts);
    const auto found = diagnose(facts);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].name, row.name);
    EXPECT_EQ(found[0].gravity, row.gravity);
    EXPECT_EQ(found[0].subject, row.subject);
    EXPECT_NE(found[0].text.find(row.text), std::string::npos) << found[0].text;
    EXPECT_FALSE(found[0].remedy.empty());
  }
}

TEST(Doctor, SaysNothingWhereItIsAsItShouldBe) {
  DoctorFacts facts = healthy();
  facts.services[0].clamps_mss = true;
  backend_of(facts).mtu = 1500;
  facts.vips.push_back(
      {prefix("192.0.2.1/32"), false, false, false, true, true, "eth0"});  // unserved = "punt"
  facts.workers[0].governor.clear();
  facts.has_cluster_key = false;  // alone
  EXPECT_TRUE(diagnose(facts).empty());
}

TEST(Doctor, TheGravestComesFirstAndNothingTwice) {
  DoctorFacts facts = healthy();
  facts.services.push_back(facts.services[0]);
  facts.services[1].name = "www6";
  facts.services[0].is_checked = facts.services[1].is_checked = false;
  backend_of(facts).has_route = facts.services[1].backends[0].has_route = false;
  facts.ports[0].missed = 1;
  const auto found = diagnose(facts);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].name, "no-route");
  EXPECT_EQ(found[1].name, "missed");
  EXPECT_EQ(found[2].name, "no-health-check");
}

}  // namespace
}  // namespace shunt
