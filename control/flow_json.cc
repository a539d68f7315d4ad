#include "control/flow_json.h"

#include <nlohmann/json.hpp>

#include "control/status_json.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

std::string written(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json counts_json(const FlowCounts& counts) {
  Json json;
  json["outcomes"] = Json::object();
  for (size_t i = 0; i < kOutcomes; ++i)
    json["outcomes"][std::string(kOutcomeNames[i])] = counts.outcomes[i];
  json["revived"] = counts.revived;
  json["syn_retransmits"] = counts.syn_retransmits;
  json["reconnects"] = counts.reconnects;
  json["data_retransmits"] = counts.data_retransmits;
  json["watched"] = counts.watched;
  json["unwatched"] = counts.unwatched;
  return json;
}

constexpr std::array<const char*, kSummaryQuantiles.size()> kQuantileNames = {"p50", "p90", "p95", "p99",
                                                                              "p99.9"};

Json edges_json(TimeUnit unit) {
  Json edges = Json::array();
  for (size_t i = 0; i < kSummaryBuckets; ++i)
    edges.push_back(edge_seconds(i, unit));
  return edges;
}

Json summary_json(const LatencySummary& summary) {
  Json json;
  if (!summary.method.empty()) json["method"] = summary.method;
  json["count"] = summary.count;
  json["sum"] = summary.sum;
  for (size_t i = 0; i < kQuantileNames.size(); ++i)
    json[kQuantileNames[i]] = summary.count == 0 ? Json(nullptr) : Json(summary.quantiles[i]);
  json["below"] = summary.below;
  return json;
}

// Its number where a name is gone.
Json name_or_number(const std::string& name, uint16_t number) {
  return name.empty() ? Json(number) : Json(name);
}

Json nothing_if_zero(uint32_t value, double unit) {
  return value == 0 ? Json(nullptr) : Json(value / unit);
}

// RFC 3339 with microseconds: many flows end in one second.
std::string ended_text(std::chrono::system_clock::time_point ended) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(ended.time_since_epoch()).count();
  std::string text = rfc3339(ended);
  if (text.empty()) return text;
  const std::string fraction = std::to_string(1'000'000 + us % 1'000'000);
  text.pop_back();
  return text + "." + fraction.substr(1) + "Z";
}

Json flow_json(const FlowStatus& flow) {
  Json json;
  json["ended"] = ended_text(flow.ended);
  json["client"] = flow.client ? Json(flow.client->text()) : Json(nullptr);
  json["client_port"] = flow.client_port;
  json["protocol"] = flow.udp ? "udp" : "tcp";
  json["service"] = name_or_number(flow.service, flow.service_number);
  json["pool"] = flow.pool.empty() ? Json(nullptr) : Json(flow.pool);
  json["backend"] = flow.has_backend ? name_or_number(flow.backend, flow.backend_number) : Json(nullptr);
  json["outcome"] = name_of(flow.outcome);
  json["sampled"] = flow.sampled;
  json["method"] = flow.connect_us == 0 ? Json(nullptr) : Json(flow.connect_method);
  json["connect"] = nothing_if_zero(flow.connect_us, 1e6);
  json["first_byte"] = nothing_if_zero(flow.first_byte_us, 1e6);
  json["duration"] = flow.duration_ms / 1e3;
  json["packets"] = flow.packets;
  json["bytes"] = flow.bytes;
  json["reply_packets"] = flow.reply_packets;
  json["reply_bytes"] = flow.reply_bytes;
  json["syn_retransmits"] = flow.syn_retransmits;
  json["attempt"] = flow.attempt == 0 ? Json(nullptr) : Json(flow.attempt);
  return json;
}

Json connection_json(const ConnectionStatus& connection) {
  Json json;
  json["client"] = connection.client ? Json(connection.client->text()) : Json(nullptr);
  json["client_port"] = connection.client ? Json(connection.client_port) : Json(nullptr);
  json["service"] = connection.service;
  json["pool"] = connection.pool;
  json["backend"] = connection.backend.empty() ? Json(nullptr) : Json(connection.backend);
  json["state"] = connection.state;
  json["waiting"] = connection.is_waiting;
  json["idle"] = connection.idle_seconds;
  json["syn_retransmits"] = connection.syn_retransmits;
  json["worker"] = connection.worker;
  return json;
}

}  // namespace

std::string outcomes_json(const std::vector<ServiceOutcomes>& services) {
  Json list = Json::array();
  for (const ServiceOutcomes& service : services) {
    Json json;
    json["name"] = service.name;
    json.update(counts_json(service.total));
    json["chains"] = service.chains;
    json["syn_gaps"] = summary_json(service.syn_gaps);
    json["reconnect_gaps"] = summary_json(service.reconnect_gaps);
    json["backends"] = Json::array();
    for (const BackendOutcomes& backend : service.backends) {
      Json of_backend;
      of_backend["pool"] = backend.pool;
      of_backend["name"] = backend.name;
      of_backend.update(counts_json(backend.counts));
      json["backends"].push_back(std::move(of_backend));
    }
    list.push_back(std::move(json));
  }
  Json json;
  json["gap_edges"] = edges_json(TimeUnit::millisecond);
  json["services"] = std::move(list);
  return written(json);
}

std::string latency_json(const std::vector<ServiceLatency>& services) {
  Json list = Json::array();
  for (const ServiceLatency& service : services) {
    for (const BackendLatency& backend : service.backends) {
      Json json;
      json["service"] = service.name;
      json["pool"] = backend.pool.empty() ? Json(nullptr) : Json(backend.pool);
      json["name"] = backend.name.empty() ? Json(nullptr) : Json(backend.name);
      json["connect"] = summary_json(backend.connect);
      json["response"] = summary_json(backend.response);
      json["duration"] = summary_json(backend.duration);
      list.push_back(std::move(json));
    }
  }
  Json json;
  json["edges"] = edges_json(TimeUnit::microsecond);
  json["duration_edges"] = edges_json(TimeUnit::millisecond);
  json["backends"] = std::move(list);
  return written(json);
}

std::string connections_json(const ConnectionPage& page) {
  Json list = Json::array();
  for (const ConnectionStatus& connection : page.connections)
    list.push_back(connection_json(connection));
  Json json;
  json["connections"] = std::move(list);
  json["next"] = page.next ? Json(*page.next) : Json(nullptr);
  return written(json);
}

std::string flows_json(const std::vector<FlowStatus>& flows) {
  Json list = Json::array();
  for (const FlowStatus& flow : flows)
    list.push_back(flow_json(flow));
  Json json;
  json["flows"] = std::move(list);
  return written(json);
}

}  // namespace shunt
