// An InsightApi on a thread of its own, over a live state, findings and a warehouse that are made up: two
// nodes that answer and one that doesn't, two services.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "insight/api/insight_api.h"
#include "tests/unit/http_harness.h"

namespace shunt::insight {

inline constexpr int64_t kBedNow = 1'767'229'200;  // 2026-01-01T01:00:00Z

class FakeFindings : public FindingsSource {
 public:
  const std::deque<FoundAnomaly>& anomalies() const override { return anomaly_list; }
  const std::deque<FoundIncident>& incidents() const override { return incident_list; }
  const std::vector<LiveAlert>& alerts() const override { return alert_list; }
  const std::vector<AlertRule>& rules() const override { return rule_list; }
  const std::deque<AlertEvent>& alert_history() const override { return history; }
  std::optional<Severity> worst(const std::string& service, const std::string& pool,
                                const std::string& backend) const override;
  size_t detectors() const override { return 42; }
  bool accept(int64_t anomaly) override;

  std::deque<FoundAnomaly> anomaly_list;
  std::deque<FoundIncident> incident_list;
  std::vector<LiveAlert> alert_list;
  std::vector<AlertRule> rule_list;
  std::deque<AlertEvent> history;
  std::vector<int64_t> accepted;
};

class FakeActor : public NodeActor {
 public:
  void act(const NodeAction& action, Done done) override {
    actions.push_back(action);
    const auto found = replies.find(action.node);
    done(found == replies.end() ? NodeReply{200, 12, ""} : found->second);
  }
  std::vector<NodeAction> actions;
  std::map<std::string, NodeReply> replies;  // by node; others do it
};

LiveState bed_state();
FakeFindings bed_findings();
// Puts ten minutes of cells, clients, flows, hosts and what was noticed into a new warehouse.
void fill_warehouse(const std::string& file);

class InsightBed {
 public:
  explicit InsightBed(InsightApiSettings settings = {});
  ~InsightBed();
  InsightBed(const InsightBed&) = delete;
  InsightBed& operator=(const InsightBed&) = delete;

  // On the API's thread; waits for its end.
  void on_thread(const std::function<void()>& work);
  void publish();
  std::string tcp() const { return api->addresses().at(1); }
  std::string unix_socket() const { return "unix:" + folder.path() + "/insight.sock"; }
  RawAnswer get(const std::string& target) const { return ask(tcp(), "GET", target); }

  TemporaryFolder folder;
  LiveState live = bed_state();
  FakeFindings findings = bed_findings();
  FakeActor actor;
  InsightTallies tallies;
  boost::asio::io_context io;
  std::unique_ptr<InsightApi> api;

 private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

// A request with a body of JSON, from a page of the server itself where `origin` says so.
RawAnswer send_json(const std::string& address, const std::string& method, const std::string& target,
                    const std::string& body, const std::string& more = {});

}  // namespace shunt::insight
