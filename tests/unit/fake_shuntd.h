// A shuntd as insight/watch sees it, without one: its answers made of counters that a test turns, an asker
// that gives, holds or refuses them, and flow records from a list. Time is the test's.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "http/api_time.h"
#include "insight/watch/node_asker.h"
#include "insight/watch/record_source.h"
#include "stats/outcome.h"

namespace shunt::insight {

inline constexpr int64_t kSecondUs = 1'000'000;
inline constexpr int64_t kStartS = 1'738'324'800;  // 2025-01-31T12:00:00Z
inline constexpr int64_t kStartUs = kStartS * kSecondUs;

inline std::string time_text(int64_t second) {
  return rfc3339(std::chrono::system_clock::time_point(std::chrono::seconds(second)));
}

struct FakeCounters {
  uint64_t flows = 0;
  uint64_t active = 0;
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t reply_packets = 0;
  uint64_t reply_bytes = 0;
  std::map<std::string, uint64_t> outcomes;
  uint64_t syn_retransmits = 0;
  uint64_t reconnects = 0;
  uint64_t data_retransmits = 0;
};

struct FakeBackend {
  std::string pool;
  std::string name;
  std::string address = "10.2.0.1";
  std::string state = "up";
  std::string reason = "HTTP 200";
  std::string admin = "enabled";
  uint64_t number = 0;
  uint64_t weight = 1;
  uint64_t accept = 256;
  FakeCounters counters;
};

struct FakeService {
  std::string name;
  uint64_t number = 1;
  std::string address = "10.1.0.10";
  uint64_t port = 80;
  FakeCounters counters;
  std::vector<FakeBackend> backends;
};

struct FakeStage {
  uint64_t ticks = 0;
  uint64_t packets = 0;
};

class FakeShuntd {
 public:
  using Json = nlohmann::json;

  int64_t started_s = kStartS - 100;
  uint64_t generation = 7;
  std::vector<FakeService> services;
  std::map<std::string, uint64_t> drops = {{"ttl", 0}, {"no_backend", 0}};
  uint64_t port_packets = 0;
  std::map<std::string, FakeStage> stages;  // of its one worker
  Json events = Json::array();
  std::map<std::string, std::string> replaced;  // what a path answers instead

  // As it comes over the wire: numbers have the types that a parser gives them.
  Json answer(const std::string& path) const { return Json::parse(made(path).dump()); }

 private:
  Json made(const std::string& path) const {
    if (path == "/api/v1/status") return status();
    if (path == "/api/v1/services") return {{"services", service_list()}};
    if (path == "/api/v1/backends") return {{"backends", backend_list()}};
    if (path == "/api/v1/outcomes") return {{"services", outcome_list()}};
    if (path == "/api/v1/drops") return {{"dropped", drops}};
    if (path == "/api/v1/events") return {{"newest", 3}, {"missed", 0}, {"events", events}};
    if (path == "/api/v1/history")
      return {{"generations",
               {{{"generation", generation},
                 {"at", time_text(started_s)},
                 {"who", "root"},
                 {"why", "start"},
                 {"summary", "2 services"}}}}};
    return {{"pools",
             {{{"pool", "web"},
               {"source", "dns"},
               {"state", "fresh"},
               {"reason", ""},
               {"answered", time_text(started_s)}}}}};
  }

  Json status() const {
    return {{"node",
             {{"name", "other"},
              {"version", "0.1.0"},
              {"generation", generation},
              {"started", time_text(started_s)},
              {"ready", true},
              {"not_ready", Json::array()},
              {"tsc_hz", 2'100'000'000}}},
            {"workers",
             {{{"index", 0},
               {"cpu", 1},
               {"packets", port_packets},
               {"busy", 0.25},
               {"ticks_per_packet", 50.0},
               {"stages", stage_costs()},
               {"flow_table", {{"entries", 10}, {"capacity", 100}}}}}},
            {"ports",
             {{{"name", "net0"},
               {"received", {{"packets", port_packets}, {"bytes", port_packets * 100}}},
               {"sent", {{"packets", port_packets}, {"bytes", port_packets * 90}}},
               {"missed", 0},
               {"transmit_full", 0}}}}};
  }
  Json stage_costs() const {
    Json all = Json::object();
    for (const auto& [name, cost] : stages)
      all[name] = {{"ticks", cost.ticks}, {"packets", cost.packets}, {"ticks_per_packet", 7.5}};
    return all;
  }
  static void add_traffic(Json& to, const FakeCounters& counters) {
    to.update({{"new_flows", counters.flows},
               {"active_flows", counters.active},
               {"packets", counters.packets},
               {"bytes", counters.bytes},
               {"reply_packets", counters.reply_packets},
               {"reply_bytes", counters.reply_bytes}});
  }
  static void add_flows(Json& to, const FakeCounters& counters) {
    Json outcomes = Json::object();
    for (const auto name : kOutcomeNames) {
      const auto found = counters.outcomes.find(std::string(name));
      outcomes[std::string(name)] = found == counters.outcomes.end() ? 0 : found->second;
    }
    to.update({{"outcomes", outcomes},
               {"syn_retransmits", counters.syn_retransmits},
               {"reconnects", counters.reconnects},
               {"data_retransmits", counters.data_retransmits}});
  }
  Json service_list() const {
    Json list = Json::array();
    for (const FakeService& service : services) {
      Json json = {{"name", service.name},       {"number", service.number}, {"sample", 4},
                   {"address", service.address}, {"port", service.port},     {"protocol", "tcp"},
                   {"forward", "nat"},           {"scheduler", "maglev"}};
      add_traffic(json, service.counters);
      list.push_back(json);
    }
    return list;
  }
  Json backend_list() const {
    Json list = Json::array();
    for (const FakeService& service : services) {
      for (const FakeBackend& backend : service.backends) {
        Json json = {
            {"service", service.name},       {"pool", backend.pool},       {"name", backend.name},
            {"number", backend.number},      {"address", backend.address}, {"port", 8080},
            {"state", backend.state},        {"reason", backend.reason},   {"admin", backend.admin},
            {"since", time_text(started_s)}, {"weight", backend.weight},   {"accept", backend.accept}};
        add_traffic(json, backend.counters);
        list.push_back(json);
      }
    }
    return list;
  }
  Json outcome_list() const {
    Json list = Json::array();
    for (const FakeService& service : services) {
      Json json = {{"name", service.name}, {"backends", Json::array()}};
      add_flows(json, service.counters);
      for (const FakeBackend& backend : service.backends) {
        Json of_backend = {{"pool", backend.pool}, {"name", backend.name}};
        add_flows(of_backend, backend.counters);
        json["backends"].push_back(of_backend);
      }
      list.push_back(json);
    }
    return list;
  }
};

// web with backends a and b of pool web, numbers 1, 0 and 1.
inline FakeShuntd small_shuntd() {
  FakeShuntd shuntd;
  FakeService web;
  web.name = "web";
  for (const char* name : {"a", "b"}) {
    FakeBackend backend;
    backend.pool = "web";
    backend.name = name;
    backend.number = web.backends.size();
    web.backends.push_back(backend);
  }
  shuntd.services.push_back(web);
  return shuntd;
}

class FakeAsker : public NodeAsker {
 public:
  explicit FakeAsker(boost::asio::io_context& io) : held_(io) { release_later(); }

  FakeShuntd* shuntd = nullptr;        // nothing: nobody answers
  bool is_held = false;                // answers come when release() is called
  std::vector<std::string> questions;  // all that came
  int at_once = 0;
  int most_at_once = 0;

  boost::asio::awaitable<Result<std::string>> ask(std::string target) override {
    questions.push_back(target);
    most_at_once = std::max(most_at_once, ++at_once);
    while (is_held && !is_cancelled_)
      co_await held_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    --at_once;
    if (std::exchange(is_cancelled_, false)) co_return Error{"fake", "cancelled"};
    if (shuntd == nullptr) co_return Error{"fake", "connection refused"};
    const std::string path = target.substr(0, target.find('?'));
    const auto replaced = shuntd->replaced.find(path);
    if (replaced != shuntd->replaced.end()) co_return replaced->second;
    co_return shuntd->answer(path).dump();
  }
  void cancel() override {
    is_cancelled_ = at_once > 0;
    release_later();
  }
  void release() {
    is_held = false;
    release_later();
  }
  size_t count(const std::string& path) const {
    size_t found = 0;
    for (const std::string& question : questions)
      found += question.starts_with(path) ? 1U : 0U;
    return found;
  }

 private:
  // Whoever waits goes on.
  void release_later() { held_.expires_at(boost::asio::steady_timer::time_point::max()); }

  boost::asio::steady_timer held_;
  bool is_cancelled_ = false;
};

// Records that a test puts in; one ring or more.
struct FakeRing {
  std::deque<FlowRecord> waiting;
};
struct FakeRings {
  std::vector<FakeRing> rings = std::vector<FakeRing>(1);
  bool attached = true;
  uint64_t generation = 7;
  uint64_t dropped = 0;
  uint64_t attachments = 1;
  void put(const FlowRecord& record, size_t ring = 0) { rings[ring].waiting.push_back(record); }
};

class FakeRecords : public RecordSource {
 public:
  explicit FakeRecords(FakeRings& rings) : rings_(rings) {}
  void turn(int64_t) override {}
  bool is_attached() const override { return rings_.attached; }
  std::string error() const override { return rings_.attached ? "" : "not there"; }
  uint32_t rings() const override { return static_cast<uint32_t>(rings_.rings.size()); }
  size_t copy(uint32_t ring, std::span<FlowRecord> out) override {
    const auto& waiting = rings_.rings[ring].waiting;
    const size_t count = std::min(out.size(), waiting.size());
    std::copy_n(waiting.begin(), count, out.begin());
    return count;
  }
  void done(uint32_t ring, size_t count) override {
    auto& waiting = rings_.rings[ring].waiting;
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(count));
  }
  uint64_t dropped() const override { return rings_.dropped; }
  uint64_t generation() const override { return rings_.generation; }
  uint64_t attachments() const override { return rings_.attachments; }

 private:
  FakeRings& rings_;
};

// Of service 1; a watched flow that closed, or a failure.
inline FlowRecord fake_record(int64_t ended_us, uint16_t backend, FlowOutcome outcome = FlowOutcome::closed,
                              uint32_t connect_us = 500) {
  FlowRecord record;
  record.ended_us = static_cast<uint64_t>(ended_us);
  record.service = 1;
  record.backend = backend;
  record.outcome = static_cast<uint8_t>(outcome);
  record.connect_us = connect_us;
  record.set_client(*IpAddress::parse("192.0.2.7"), 40'001);
  if (!is_failure(outcome)) record.flags = static_cast<uint8_t>(record.flags | kFlowSampled);
  return record;
}

}  // namespace shunt::insight
