#include "insight/api/live_json.h"

#include <algorithm>

#include "insight/api/finding_json.h"
#include "insight/kpi/client_counts.h"

namespace shunt::insight {
namespace {

constexpr int64_t kMicro = 1'000'000;

void put_severity(JsonText& json, std::optional<Severity> severity) {
  if (severity)
    json.put("severity", severity_name(*severity));
  else
    json.put("severity", std::nullopt);
}

void put_service(JsonText& json, const ServiceView& service, const FindingsSource& findings) {
  json.open().put("name", service.name).list("vips");
  for (const std::string& vip : service.vips)
    json.put(vip);
  json.end_list()
      .put("mode", service.mode)
      .put("scheduler", service.scheduler)
      .put("state", state_name(service.state))
      .put("backends", service.backends)
      .put("healthy", service.healthy)
      .put("active", service.active);
  put_severity(json, findings.worst(service.name, "", ""));
  put_rates(json, service.rates);
  put_latency(json, service.recent);
  json.close();
}

void put_host(JsonText& json, const LiveState& live, const std::string& address) {
  const auto found = live.hosts.find(address);
  if (found == live.hosts.end()) {
    json.put("host", std::nullopt);
    return;
  }
  const HostNumbers& host = found->second;
  json.open("host")
      .put("cpu", host.cpu)
      .put("memory", host.memory)
      .put("disk", host.disk)
      .put("received", host.received)
      .put("sent", host.sent)
      .put("read_at", host.read_s)
      .put("stale", host.stale)
      .close();
}

// "10.2.0.1:80", "[2001:db8::1]:80"
std::string address_text(const BackendView& backend) {
  const bool is_v6 = backend.address.find(':') != std::string::npos;
  const std::string host = is_v6 ? "[" + backend.address + "]" : backend.address;
  return backend.port == 0 ? host : host + ":" + std::to_string(backend.port);
}

void put_backend(JsonText& json, const BackendView& backend, const LiveParts& parts) {
  json.open()
      .put("service", backend.name.service)
      .put("pool", backend.name.pool)
      .put("name", backend.name.backend)
      .put("address", address_text(backend))
      .put("state", state_name(backend.state))
      .put("reason", backend.reason)
      .put("since", backend.since_s)
      .put("weight", backend.weight)
      .put("share", backend.share)
      .put("active", backend.active);
  put_host(json, parts.live, backend.address);
  put_severity(json, parts.findings.worst(backend.name.service, backend.name.pool, backend.name.backend));
  put_rates(json, backend.rates);
  put_latency(json, backend.recent);
  json.close();
}

void put_countries(JsonText& json, const LiveState& live) {
  json.list("countries");
  const size_t count = std::min(live.countries.size(), kFrameCountries);
  for (size_t i = 0; i < count; ++i) {
    const CountryRate& rate = live.countries[i];
    json.open().put("service", rate.service).put("country", rate.country.text()).put("flows", rate.flows);
    if (rate.flows > 0)
      json.put("failure_ratio", std::min(rate.failures / rate.flows, 1.0));
    else
      json.put("failure_ratio", std::nullopt);
    json.close();
  }
  json.end_list();
}

void put_services(JsonText& json, const LiveParts& parts) {
  json.list("services");
  for (const ServiceView& service : parts.view.services)
    put_service(json, service, parts.findings);
  json.end_list();
}

void put_backends(JsonText& json, const LiveParts& parts, const std::string& service) {
  json.list("backends");
  for (const BackendView& backend : parts.view.backends) {
    if (service.empty() || backend.name.service == service) put_backend(json, backend, parts);
  }
  json.end_list();
}

void put_flow(JsonText& json, const NamedRecord& named, bool whole_address) {
  const FlowRecord& record = named.record;
  const std::optional<IpAddress> client = record.client_address();
  const auto seen = [](auto value) { return value != 0 ? std::optional(value) : std::nullopt; };
  std::string shown;
  if (client) shown = whole_address ? client->text() : client_prefix(*client);
  json.open()
      .put("ended_at", static_cast<int64_t>(record.ended_us / kMicro))
      .put("node", named.series->node)
      .put("service", named.series->service)
      .put("pool", named.series->pool)
      .put("backend", named.series->backend)
      .put("client", shown)
      .put("country", named.country.text())
      .put("protocol", (record.flags & kFlowUdp) != 0 ? "udp" : "tcp")
      .put("outcome", record.outcome < kOutcomes ? kOutcomeNames[record.outcome] : "unknown")
      .put("connect_us", seen(record.connect_us))
      .put("first_byte_us", seen(record.first_byte_us))
      .put("duration_ms", record.duration_ms)
      .put("packets", record.packets)
      .put("bytes", record.bytes.get())
      .put("reply_bytes", record.reply_bytes.get())
      .put("syn_retransmits", record.syn_retransmits)
      .put("attempt", seen(record.attempt))
      .close();
}

bool is_wanted(const NamedRecord& named, const FlowFilter& filter) {
  if (!filter.service.empty() && named.series->service != filter.service) return false;
  if (!filter.backend.empty() && named.series->backend != filter.backend) return false;
  return !filter.failed_only ||
         (named.record.outcome < kOutcomes && is_failure(static_cast<FlowOutcome>(named.record.outcome)));
}

}  // namespace

void put_nodes(JsonText& json, const LiveState& live) {
  json.list("nodes");
  for (const LiveNode& node : live.nodes) {
    json.open()
        .put("name", node.name)
        .put("state", node.up ? "up" : "down")
        .put("error", node.error)
        .put("since", node.since_s)
        .put("read_at", node.read_us / kMicro)
        .put("generation", node.generation)
        .close();
  }
  json.end_list();
}

std::string frame_json(const LiveParts& parts) {
  JsonText json;
  json.open().put("t", parts.live.now_s).open("totals");
  put_rates(json, parts.view.rates);
  put_latency(json, parts.view.recent);
  json.put("active", parts.view.active).close();
  put_services(json, parts);
  put_backends(json, parts, "");
  put_countries(json, parts.live);
  put_nodes(json, parts.live);
  put_open_incidents(json, parts.findings, kFrameIncidents);
  put_alert_counts(json, parts.findings);
  json.close();
  return json.take();
}

std::string services_json(const LiveParts& parts) {
  JsonText json;
  json.open();
  put_services(json, parts);
  json.close();
  return json.take();
}

std::string backends_json(const LiveParts& parts, const std::string& service) {
  JsonText json;
  json.open();
  put_backends(json, parts, service);
  json.close();
  return json.take();
}

std::string flows_json(const LiveState& live, const FlowFilter& filter) {
  JsonText json;
  json.open().list("flows");
  size_t count = 0;
  for (auto named = live.records.rbegin(); named != live.records.rend() && count < filter.limit; ++named) {
    if (!is_wanted(*named, filter)) continue;
    put_flow(json, *named, filter.whole_addresses);
    ++count;
  }
  json.end_list().close();
  return json.take();
}

}  // namespace shunt::insight
