#include "control/status_json.h"

#include <nlohmann/json.hpp>

namespace shunt {
namespace {

// Keeps its keys in the order of insertion.
using Json = nlohmann::ordered_json;

std::string written(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json time_json(WallTime time) {
  return time == WallTime{} ? Json(nullptr) : Json(rfc3339(time));
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json counts_json(const NamedCounts& counts) {
  Json json = Json::object();
  for (const auto& [name, count] : counts)
    json[name] = count;
  return json;
}

const char* name_of(BackendState state) {
  switch (state) {
    case BackendState::up:
      return "up";
    case BackendState::down:
      return "down";
    case BackendState::disabled:
      return "disabled";
    case BackendState::unknown:
      break;
  }
  return "unknown";
}

Json node_json(const NodeStatus& node) {
  Json json;
  json["name"] = node.name;
  json["version"] = node.version;
  json["dpdk_version"] = node.dpdk_version;
  json["config_file"] = node.config_file;
  json["generation"] = node.generation;
  json["started"] = time_json(node.started);
  json["uptime_seconds"] = node.uptime.count();
  json["memory"] = node.memory;
  json["cpu_level"] = node.cpu_level;
  json["tsc_hz"] = node.tsc_hz;
  json["ready"] = node.ready;
  json["not_ready"] = node.not_ready;
  json["last_reload"] = {{"at", time_json(node.last_reload.at)},
                         {"accepted", node.last_reload.accepted},
                         {"text", node.last_reload.text}};
  return json;
}

Json worker_json(const WorkerStatus& worker) {
  Json json;
  json["index"] = worker.index;
  json["cpu"] = worker.cpu;
  json["packets"] = worker.packets;
  json["bytes"] = worker.bytes;
  json["loops"] = worker.loops;
  json["bursts"] = worker.bursts;
  json["busy_seconds"] = worker.busy_seconds;
  json["busy"] = worker.busy;
  json["packets_per_burst"] = worker.packets_per_burst;
  json["ticks_per_packet"] = worker.ticks_per_packet;
  json["stages"] = Json::object();
  for (const StageStatus& stage : worker.stages) {
    json["stages"][stage.name] = {
        {"ticks", stage.ticks}, {"packets", stage.packets}, {"ticks_per_packet", stage.ticks_per_packet}};
  }
  json["flow_table"] = {{"entries", worker.flow_entries}, {"capacity", worker.flow_capacity}};
  json["probation"] = {{"entries", worker.probation_entries}, {"capacity", worker.probation_capacity}};
  json["lookups"] = counts_json(worker.lookups);
  return json;
}

Json port_json(const PortStatus& port) {
  Json json;
  json["name"] = port.name;
  json["device"] = port.device;
  json["mac"] = port.mac.text();
  json["link_up"] = port.link_up;
  json["mtu"] = port.mtu;
  json["host_interface"] = text_or_null(port.host_interface);
  json["received"] = {{"packets", port.received_packets}, {"bytes", port.received_bytes}};
  json["sent"] = {{"packets", port.sent_packets}, {"bytes", port.sent_bytes}};
  json["driver_received"] = {{"packets", port.driver_received_packets},
                             {"bytes", port.driver_received_bytes}};
  json["driver_sent"] = {{"packets", port.driver_sent_packets}, {"bytes", port.driver_sent_bytes}};
  json["missed"] = port.missed;
  json["transmit_full"] = port.transmit_full;
  return json;
}

Json service_json(const ServiceStatus& service) {
  Json json;
  json["name"] = service.name;
  json["number"] = service.number;
  json["address"] = service.address.text();
  json["port"] = service.port;
  json["protocol"] = service.protocol;
  json["forward"] = service.forward;
  json["pool"] = service.pool;
  json["scheduler"] = service.scheduler;
  json["announced"] = service.announced;
  json["fit"] = service.fit;
  json["panic"] = service.panic;
  json["on_backup"] = service.on_backup;
  json["backends"] = {{"up", service.backends_up}, {"total", service.backends.size()}};
  json["sample"] = service.sample;
  json["packets"] = service.packets;
  json["bytes"] = service.bytes;
  json["sees_replies"] = service.sees_replies;
  json["reply_packets"] = service.reply_packets;
  json["reply_bytes"] = service.reply_bytes;
  json["new_flows"] = service.new_flows;
  json["active_flows"] = service.active_flows;
  json["opened"] = service.opened;
  json["tracked"] = service.tracked;
  json["forgotten"] = service.forgotten;
  json["untracked"] = service.untracked;
  json["dropped"] = counts_json(service.dropped);
  return json;
}

Json backend_json(const ServiceStatus& service, const BackendStatus& backend) {
  Json json;
  json["service"] = service.name;
  json["pool"] = backend.pool;
  json["name"] = backend.name;
  json["number"] = backend.number;
  json["address"] = backend.address.text();
  json["port"] = backend.port;
  json["state"] = name_of(backend.state);
  json["reason"] = backend.reason;
  json["admin"] = backend.admin;
  json["since"] = time_json(backend.since);
  json["weight"] = backend.weight;
  json["accept"] = backend.accept;
  json["share"] = backend.share;
  json["mac_known"] = backend.mac_known;
  json["packets"] = backend.packets;
  json["bytes"] = backend.bytes;
  json["sees_replies"] = service.sees_replies;
  json["reply_packets"] = backend.reply_packets;
  json["reply_bytes"] = backend.reply_bytes;
  json["new_flows"] = backend.new_flows;
  json["active_flows"] = backend.active_flows;
  json["health_checks"] = {{"count", backend.checks.count},
                           {"total_seconds", backend.checks.total_seconds},
                           {"results", counts_json(backend.checks.results)}};
  return json;
}

}  // namespace

std::string status_json(const NodeStatus& node, const std::vector<WorkerStatus>& workers,
                        const std::vector<PortStatus>& ports) {
  Json json;
  json["node"] = node_json(node);
  json["workers"] = Json::array();
  for (const WorkerStatus& worker : workers)
    json["workers"].push_back(worker_json(worker));
  json["ports"] = Json::array();
  for (const PortStatus& port : ports)
    json["ports"].push_back(port_json(port));
  return written(json);
}

std::string services_json(const std::vector<ServiceStatus>& services) {
  Json list = Json::array();
  for (const ServiceStatus& service : services)
    list.push_back(service_json(service));
  Json json;
  json["services"] = std::move(list);
  return written(json);
}

std::string backends_json(const std::vector<ServiceStatus>& services) {
  Json list = Json::array();
  for (const ServiceStatus& service : services) {
    for (const BackendStatus& backend : service.backends)
      list.push_back(backend_json(service, backend));
  }
  Json json;
  json["backends"] = std::move(list);
  return written(json);
}

std::string drops_json(const DropsReport& report) {
  Json json;
  json["received"] = report.received;
  json["sent"] = report.sent;
  json["punted"] = report.punted;
  json["originated"] = report.originated;
  json["in_flight"] = report.in_flight;
  json["dropped"] = counts_json(report.dropped);
  return written(json);
}

std::string findings_json(const std::vector<Finding>& findings) {
  Json json;
  json["findings"] = Json::array();
  for (const Finding& finding : findings) {
    json["findings"].push_back({{"name", finding.name},
                                {"gravity", to_text(finding.gravity)},
                                {"subject", finding.subject},
                                {"text", finding.text},
                                {"remedy", finding.remedy}});
  }
  return written(json);
}

std::string reload_json(const ReloadReport& report) {
  Json json;
  json["accepted"] = report.accepted;
  json["generation"] = report.generation;
  json["text"] = report.text;
  json["warnings"] = report.warnings;
  return written(json);
}

}  // namespace shunt
