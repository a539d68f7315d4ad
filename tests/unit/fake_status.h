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
  std::vector<std::string> service_names() override {
    std::vector<std::string> names;
    for (const ServiceStatus& service : service_status)
      names.push_back(service.name);
    return names;
  }
  std::vector<ServiceOutcomes> outcomes(const std::string& service) override {
    return only(outcome_status, service);
  }
  std::vector<ServiceLatency> latency(const std::string& service) override {
    return only(latency_status, service);
  }
  std::vector<FlowStatus> flows(const FlowQuestion& question) override {
    asked = question;
    return flow_status;
  }
  std::vector<RecordStatus> records() override { return record_status; }
  std::vector<DiscoveryStatus> discovery() override { return discovery_status; }
  ConnectionPage connections(const ConnectionQuestion& question) override {
    asked_connections = question;
    return connection_page;
  }
  Result<TraceReport> trace(const TraceQuestion& question) override {
    asked_trace = question;
    return trace_report;
  }
  Result<std::shared_ptr<CaptureStream>> capture(const CaptureQuestion& question,
                                                 const std::string& who) override {
    asked_capture = question;
    captured_by = who;
    if (!capture_refusal.empty()) return Error{"capture", capture_refusal};
    return std::shared_ptr<CaptureStream>(std::make_shared<FakeCapture>(*this));
  }
  DropsReport drops() override { return drops_report; }
  std::vector<Finding> findings() override { return found; }
  RoutesStatus routes() override { return routes_status; }
  void set_announcing(bool on, const std::string& who) override {
    routes_status.announcing = on;
    announced_by = who;
  }
  ReloadReport reload(const std::string& who) override {
    ++reloads;
    reloaded_by = who;
    return reload_report;
  }

  ChangeControl* changes() override { return change_control; }
  uint64_t generation() override { return node_status.generation; }
  std::string desired_tag() override { return tag; }
  std::vector<std::string> schedulers() override { return {"maglev", "round-robin"}; }
  ReloadReport set_scheduler(const std::string& service, const std::string& scheduler,
                             const std::string& /*who*/) override {
    ++scheduler_changes;
    scheduler_set = {service, scheduler};
    return reload_report;
  }

  NodeStatus node_status;
  std::vector<WorkerStatus> worker_status;
  std::vector<PortStatus> port_status;
  std::vector<ServiceStatus> service_status;
  std::vector<ServiceOutcomes> outcome_status;
  std::vector<ServiceLatency> latency_status;
  std::vector<FlowStatus> flow_status;
  std::vector<RecordStatus> record_status;
  std::vector<DiscoveryStatus> discovery_status;
  FlowQuestion asked;  // by flows()
  ConnectionQuestion asked_connections;
  ConnectionPage connection_page;
  TraceQuestion asked_trace;
  TraceReport trace_report;
  CaptureQuestion asked_capture;
  std::string captured_by;
  std::string capture_refusal;
  std::vector<std::string> capture_parts;  // given out one by one
  bool capture_goes_on = false;            // behind the last of them
  int captures_ended = 0;
  DropsReport drops_report;
  std::vector<Finding> found;
  RoutesStatus routes_status;
  std::string announced_by;
  ReloadReport reload_report;
  int reloads = 0;
  std::string reloaded_by;
  ChangeControl* change_control = nullptr;
  int scheduler_changes = 0;
  std::pair<std::string, std::string> scheduler_set;  // service, scheduler
  std::string tag = "5-1";
  bool fails = false;

 private:
  class FakeCapture : public CaptureStream {
   public:
    explicit FakeCapture(FakeStatus& of) : of_(of) {}
    std::optional<std::string> take() override {
      if (next_ < of_.capture_parts.size()) return of_.capture_parts[next_++];
      return of_.capture_goes_on ? std::optional<std::string>("") : std::nullopt;
    }
    void end() override { ++of_.captures_ended; }

   private:
    FakeStatus& of_;
    size_t next_ = 0;
  };
  template <typename Status>
  static std::vector<Status> only(const std::vector<Status>& all, const std::string& service) {
    std::vector<Status> found;
    for (const Status& status : all) {
      if (service.empty() || status.name == service) found.push_back(status);
    }
    return found;
  }
};

// 2025-01-31T12:00:00Z
inline constexpr std::chrono::system_clock::time_point kFakeStart{std::chrono::seconds(1'738'324'800)};

inline BackendStatus fake_backend(const std::string& pool, const std::string& name, const char* address) {
  BackendStatus backend;
  backend.pool = pool;
  backend.name = name;
  backend.number = 0x4002;
  backend.admin = "enabled";
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
  service.number = 3;
  service.sample = 64;
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

// Durations of 1, 2, … `count` milliseconds.
inline LatencySummary fake_latency(uint32_t count, TimeUnit unit, const char* method = "") {
  HistogramSum sum;
  for (uint32_t i = 1; i <= count; ++i) {
    Histogram one;
    one.add(unit == TimeUnit::microsecond ? i * 1'000 : i);
    sum += one;
  }
  return LatencySummary::of(sum, unit, method);
}

// web: 100 flows closed, 5 + 4 + … failed at a, nothing at b; 3 found no backend.
inline ServiceOutcomes fake_outcomes(const std::string& name, const std::string& pool) {
  ServiceOutcomes service;
  service.name = name;
  FlowCounts counts;
  counts.outcomes = {100, 5, 4, 3, 2, 1, 0, 0};
  counts.revived = 6;
  counts.syn_retransmits = 1'234;
  counts.reconnects = 8;
  counts.data_retransmits = 9;
  counts.watched = 10;
  counts.unwatched = 11;
  service.total = counts;
  service.total.outcomes[6] = 3;
  service.chains = {2, 4, 1};
  service.chains[kChainLengths - 1] = 1;
  service.syn_gaps = fake_latency(4, TimeUnit::millisecond);
  service.backends = {{pool, "a", counts}, {pool, "b", {}}};
  return service;
}

inline ServiceLatency fake_service_latency(const std::string& name, const std::string& pool,
                                           bool sees_replies) {
  BackendLatency a;
  a.pool = pool;
  a.name = "a";
  a.connect = fake_latency(100, TimeUnit::microsecond, sees_replies ? "synack" : "ack");
  a.response = fake_latency(10, TimeUnit::microsecond, sees_replies ? "ttfb" : "inband");
  a.duration = fake_latency(2'000, TimeUnit::millisecond);
  BackendLatency b;
  b.pool = pool;
  b.name = "b";
  b.connect.method = a.connect.method;
  b.response.method = a.response.method;
  return {name, {a, b}};
}

inline std::vector<FlowStatus> fake_flows() {
  FlowStatus failed;
  failed.ended = kFakeStart + std::chrono::microseconds(720'000'000 + 1'500);
  failed.client = IpAddress::parse("192.0.2.7");
  failed.client_port = 40'001;
  failed.service = "web";
  failed.service_number = 1;
  failed.has_backend = true;
  failed.pool = "web";
  failed.backend = "a";
  failed.outcome = FlowOutcome::syn_timeout;
  failed.duration_ms = 3'000;
  failed.packets = 3;
  failed.syn_retransmits = 2;
  failed.attempt = 2;
  FlowStatus closed;
  closed.ended = kFakeStart + std::chrono::seconds(600);
  closed.client = IpAddress::parse("2001:db8::7");
  closed.client_port = 53;
  closed.service_number = 9;
  closed.has_backend = true;
  closed.backend_number = 4;
  closed.udp = true;
  closed.sampled = true;
  closed.connect_method = "synack";
  closed.connect_us = 1'234;
  closed.first_byte_us = 250;
  closed.duration_ms = 12'500;
  closed.packets = 5;
  closed.bytes = 1'500;
  closed.reply_packets = 4;
  closed.reply_bytes = 2'000'000;
  FlowStatus refused;
  refused.ended = kFakeStart;
  refused.service = "dns";
  refused.outcome = FlowOutcome::no_backend;
  return {failed, closed, refused};
}

// One that is established, one whose client the table keeps a digest of; more behind them.
inline ConnectionPage fake_connections() {
  ConnectionStatus known;
  known.client = IpAddress::parse("192.0.2.7");
  known.client_port = 40'001;
  known.service = "web";
  known.pool = "web";
  known.backend = "a";
  known.state = "established";
  known.idle_seconds = 3;
  ConnectionStatus waiting;
  waiting.worker = 1;
  waiting.is_waiting = true;
  waiting.service = "dns";
  waiting.pool = "names";
  waiting.state = "syn";
  waiting.idle_seconds = 0.25;
  waiting.syn_retransmits = 2;
  return {{known, waiting}, std::nullopt};
}

// A SYN whose slot's owner is down, so that its neighbour gets it.
inline TraceReport fake_trace() {
  TraceReport trace;
  trace.packet = "syn";
  trace.in_port = "net0";
  trace.end = "sent";
  trace.service = "web";
  trace.forward = "ipip";
  trace.scheduler = "maglev";
  trace.worker = 0;
  trace.workers = {{0, "web", "a"}};
  trace.choice = TracedChoice{"slot", 17, 65'537, "web/b", 0, 2, false};
  trace.pool = "web";
  trace.backend = "a";
  trace.way = TracedWay{"net0",
                        *MacAddress::parse("02:00:00:00:00:01"),
                        *MacAddress::parse("02:00:00:00:00:11"),
                        *IpAddress::parse("192.0.2.10"),
                        *IpAddress::parse("10.0.0.1"),
                        0,
                        20,
                        1480,
                        1500};
  trace.steps = {"comes in by port net0", "slot 17 of 65537 is web/b's"};
  return trace;
}

inline RoutesStatus fake_routes() {
  VipStatus web;
  web.vip = *Prefix::parse("198.51.100.10");
  web.announce = "route";
  web.service = "web";
  web.up = 3;
  web.members = 4;
  web.needed = 1;
  web.fit = web.announced = true;
  web.metric = 12;
  web.reason = "3 of 4 backends of web up";
  VipStatus dns;
  dns.vip = *Prefix::parse("2001:db8::/64");
  dns.announce = "route";
  dns.service = "dns";
  dns.members = 2;
  dns.needed = 1;
  dns.reason = "0 of 2 backends of dns up, 1 needed";
  return {true, false, 2'000, "next-hop self", {web, dns}};
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
  dns.reply_packets = 88;
  dns.reply_bytes = 8'800;
  dns.backends[0].reply_packets = 77;
  dns.backends[0].reply_bytes = 7'700;
  fake.service_status.push_back(dns);
  fake.outcome_status = {fake_outcomes("web", "web"), fake_outcomes("dns", "names")};
  fake.latency_status = {fake_service_latency("web", "web", false),
                         fake_service_latency("dns", "names", true)};
  fake.flow_status = fake_flows();
  fake.connection_page = fake_connections();
  fake.trace_report = fake_trace();
  fake.routes_status = fake_routes();
  fake.record_status = {{0, 77, 7}};
  fake.drops_report = {3'000'010, 2'999'988, 11, 2, 1, {{"ttl", 2}, {"no_backend", 10}, {"arp", 0}}};
  fake.reload_report = {true, 8, "1 service added", {}, {"shunt.toml:3:1: warning: no health"}};
  return fake;
}

}  // namespace shunt
