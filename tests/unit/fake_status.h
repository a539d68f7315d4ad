// FakeStatus: a StatusSource that answers from plain members, and a node worth showing.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "control/status.h"

namespace shunt {

class FakeStatus : public StatusSource {
 public:
  NodeStatus node() override {
    if (fails) throw std::runtime_error("the fake fails");
    return node_status;
  }
  std::vector<WorkerStatus> workers() override { return worker_status; }
  std::vector<PortStatus> ports() override { return port_status; }
  std::vector<ServiceStatus> services() override { return service_status; }
  DropsReport drops() override { return drops_report; }
  ReloadReport reload() override {
    ++reloads;
    return reload_report;
  }

  NodeStatus node_status;
  std::vector<WorkerStatus> worker_status;
  std::vector<PortStatus> port_status;
  std::vector<ServiceStatus> service_status;
  DropsReport drops_report;
  ReloadReport reload_report;
  int reloads = 0;
  bool fails = false;
};

// 2025-01-31T12:00:00Z
inline constexpr std::chrono::system_clock::time_point kFakeStart{std::chrono::seconds(1'738'324'800)};

inline BackendStatus fake_backend(const std::string& pool, const std::string& name, const char* address) {
  BackendStatus backend;
  backend.pool = pool;
  backend.name = name;
  backend.address = *IpAddress::parse(address);
  backend.port = 8080;
  backend.weight = 1;
  backend.accept = 256;
  backend.state = BackendState::up;
  backend.reason = "HTTP 200";
  backend.since = kFakeStart;
  backend.share = 0.25;
  backend.mac_known = true;
  backend.packets = 1'234'567;
  backend.bytes = 987'654'321;
  backend.new_flows = 4'321;
  backend.active_flows = 21;
  backend.checks = {{{"ok", 60}, {"timeout", 2}}, 62, 0.75};
  return backend;
}

inline ServiceStatus fake_service(const std::string& name, const std::string& pool) {
  ServiceStatus service;
  service.name = name;
  service.address = *Prefix::parse("198.51.100.10");
  service.port = 80;
  service.protocol = "tcp";
  service.forward = "ipip";
  service.pool = pool;
  service.scheduler = "maglev";
  service.announced = "arp";
  service.fit = true;
  service.packets = 2'469'134;
  service.bytes = 1'975'308'642;
  service.new_flows = 8'642;
  service.active_flows = 42;
  service.opened = 8'642;
  service.tracked = 8'600;
  service.forgotten = 3;
  service.untracked = 1;
  service.dropped = {{"ttl", 0}, {"no_backend", 5}};
  service.backends_up = 1;
  service.backends.push_back(fake_backend(pool, "a", "10.0.0.1"));
  BackendStatus down = fake_backend(pool, "b", "10.0.0.2");
  down.state = BackendState::down;
  down.reason = "connection refused";
  down.accept = 0;
  down.mac_known = false;
  service.backends.push_back(down);
  return service;
}

// Two services, web (ipip) and dns (nat, IPv6, any port), one worker, one port, 12 drops of which 10 are
// services'.
inline FakeStatus fake_status() {
  FakeStatus fake;
  fake.node_status = {"lb1",
                      "0.1.0",
                      "22.11.4",
                      "/etc/shunt/shunt.toml",
                      "ordinary",
                      "x86-64-v3",
                      7,
                      kFakeStart,
                      std::chrono::seconds(11'520),
                      true,
                      {},
                      {kFakeStart, true, "2 services"},
                      2'100'000'000};
  fake.worker_status.push_back({0,
                                1,
                                3'000'000,
                                2'500'000'000,
                                99,
                                162'689,
                                0.75,
                                0.123,
                                18.44,
                                29.25,
                                {{"receive", 6'400, 3'200, 2},
                                 {"lookup", 64'000, 3'200, 20.25},
                                 {"select", 7'000, 100, 70},
                                 {"transmit", 0, 0, 0}},
                                1'024,
                                1'048'576,
                                12,
                                65'536,
                                {{"hit", 90}, {"miss", 10}}});
  PortStatus port;
  port.name = "net0";
  port.device = "tap:shunt-net0";
  port.host_interface = "shunt0";
  port.mac = *MacAddress::parse("02:00:00:00:00:01");
  port.link_up = true;
  port.mtu = 1500;
  port.received_packets = 3'000'000;
  port.received_bytes = 2'500'000'000;
  port.sent_packets = 2'999'988;
  port.sent_bytes = 2'400'000'000;
  port.driver_received_packets = 3'000'004;
  port.driver_sent_packets = 2'999'987;
  port.missed = 4;
  fake.port_status.push_back(port);
  fake.service_status.push_back(fake_service("web", "web"));
  ServiceStatus dns = fake_service("dns", "names");
  dns.address = *Prefix::parse("2001:db8::/64");
  dns.port = 0;
  dns.protocol = "udp";
  dns.forward = "nat";
  dns.sees_replies = true;
  dns.backends[0].reply_packets = 77;
  dns.backends[0].reply_bytes = 7'700;
  fake.service_status.push_back(dns);
  fake.drops_report = {3'000'010, 2'999'988, 11, 2, 1, {{"ttl", 2}, {"no_backend", 10}, {"arp", 0}}};
  fake.reload_report = {true, 8, "1 service added", {}, {"shunt.toml:3:1: warning: no health"}};
  return fake;
}

}  // namespace shunt
