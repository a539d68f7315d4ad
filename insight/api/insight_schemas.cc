// A member that an answer gains is added here; the contract test compares both.
#include "insight/api/insight_schemas.h"

#include <string>

namespace shunt::insight {
namespace {

// Members that many have in common.
constexpr const char* kRates =
    R"json("flows": "number", "ended": "number", "failures": "number", "failure_ratio": "number|null",
  "syn_retransmits": "number", "reconnects": "number", "data_retransmits": "number", "packets": "number", "bytes": "number",
  "reply_packets": "number", "reply_bytes": "number")json";
constexpr const char* kLatency =
    R"json("connect_method": "text|null", "connect_p50_us": "number|null", "connect_p95_us": "number|null",
  "connect_p99_us": "number|null", "response_p50_us": "number|null", "response_p95_us": "number|null", "response_p99_us": "number|null")json";
constexpr const char* kWindow =
    R"json(@RATES, @LATENCY, "opened": "uint", "ended_flows": "uint", "failed_flows": "uint",
  "outcomes": {"*": "uint"}, "availability": "number|null", "budget_burn": "number|null", "previous": "#Before|null")json";

constexpr const char* kNow = R"json(
"Problem": {"type": "text", "title": "text", "status": "uint", "detail": "text", "reasons?": ["text"], "errors?": ["text"],
  "services?": ["text"], "choices?": ["text"]},
"OpenApi": {"openapi": "text", "info": {"*": "any"}, "servers": ["any"], "paths": {"*": "any"}, "components": {"*": "any"}},

"NodeNow": {"name": "text", "state": "text", "error": "text", "since": "int", "read_at": "int", "generation": "uint"},
"Info": {"program": "text", "version": "text", "now": "int", "started_at": "int", "role": "text", "signed_in": "text|null",
  "slo": {"availability": "number"},
  "warehouse": {"kind": "text", "rows_written": "uint", "rows_dropped": "uint", "queued": "uint", "error": "text"},
  "countries": {"ranges": "uint", "source": "text"}, "nodes": ["#NodeNow"]},
"Host": {"cpu": "number|null", "memory": "number|null", "disk": "number|null", "received": "number|null", "sent": "number|null",
  "read_at": "int", "stale": "bool"},
"Service": {"name": "text", "vips": ["text"], "mode": "text", "scheduler": "text", "state": "text", "backends": "uint",
  "healthy": "uint", "active": "uint", "severity": "text|null", @RATES, @LATENCY},
"Services": {"services": ["#Service"]},
"Backend": {"service": "text", "pool": "text", "name": "text", "address": "text", "state": "text", "reason": "text", "since": "int",
  "weight": "number", "share": "number", "active": "uint", "host": "#Host|null", "severity": "text|null", @RATES, @LATENCY},
"Backends": {"backends": ["#Backend"]},
"Frame": {"t": "int", "totals": {@RATES, @LATENCY, "active": "uint"}, "services": ["#Service"], "backends": ["#Backend"],
  "countries": [{"service": "text", "country": "text", "flows": "number", "failure_ratio": "number|null"}],
  "nodes": ["#NodeNow"], "incidents": ["#Incident"], "alerts": {"firing": "uint", "pending": "uint", "worst": "text|null"}},
"Topology": {"t": "int", "nodes": [{"id": "text", "kind": "text", "name": "text", "state": "text", "flows": "number",
  "failure_ratio": "number|null"}], "links": [{"from": "text", "to": "text", "flows": "number", "failure_ratio": "number|null"}]},
"Protocols": {"protocols": [{"protocol": "text", "port": "uint", "service": "text", "flows": "number", "bytes": "number",
  "reply_bytes": "number"}]},
"Flow": {"ended_at": "int", "node": "text", "service": "text", "pool": "text", "backend": "text", "client": "text", "country": "text",
  "protocol": "text", "outcome": "text", "connect_us": "uint|null", "first_byte_us": "uint|null", "duration_ms": "uint",
  "packets": "uint", "bytes": "uint", "reply_bytes": "uint", "syn_retransmits": "uint", "attempt": "uint|null"},
"Flows": {"flows": ["#Flow"]},
"SystemNode": {"name": "text", "state": "text", "error": "text", "version": "text", "generation": "uint", "started_at": "number|null",
  "ready": "bool", "not_ready": ["text"], "tsc_hz": "uint",
  "workers": [{"cpu": "uint", "busy_ratio": "number|null", "packets": "number", "ticks_per_packet": "number|null",
    "stages": [{"name": "text", "ticks_per_packet": "number|null", "share": "number|null"}]}],
  "ports": [{"name": "text", "received": "number", "sent": "number", "received_bytes": "number", "sent_bytes": "number",
    "dropped": "number"}],
  "drops": [{"reason": "text", "text": "text", "count": "uint", "rate": "number"}],
  "table": {"entries": "uint", "capacity": "uint"}, "records": {"attached": "bool", "read": "uint", "dropped": "uint"},
  "history": [{"generation": "uint", "at": "number|null", "who": "text", "why": "text", "what": "text"}],
  "discovery": [{"pool": "text", "kind": "text", "state": "text", "text": "text", "read_at": "number|null"}],
  "events": [{"at": "number|null", "kind": "text", "subject": "text", "text": "text"}]},
"System": {"nodes": ["#SystemNode"], "insight": {"cpu_ratio": "number", "rss_bytes": "uint", "viewers": "uint",
  "records_rate": "number", "series": "uint", "detectors": "uint", "rows_rate": "number", "queued": "uint", "rows_dropped": "uint",
  "loop_lag_ms": "number"}},
)json";

constexpr const char* kPast = R"json(
"Before": {"flows": "number", "failure_ratio": "number|null", "connect_p95_us": "number|null", "bytes": "number"},
"Kpis": {"from": "int", "to": "int", "totals": {@WINDOW}, "services": [{"name": "text", @WINDOW}]},
"TimeSeries": {"from": "int", "to": "int", "step": "uint", "t": ["int"], "flows": ["number|null"], "failures": ["number|null"],
  "failure_ratio": ["number|null"], "syn_retransmits": ["number|null"], "reconnects": ["number|null"], "packets": ["number|null"],
  "bytes": ["number|null"], "reply_bytes": ["number|null"], "active": ["number|null"], "weight": ["number|null"],
  "connect_p50_us": ["number|null"], "connect_p95_us": ["number|null"], "connect_p99_us": ["number|null"],
  "response_p50_us": ["number|null"], "response_p95_us": ["number|null"], "response_p99_us": ["number|null"]},
"HostSeries": {"thresholds": {"cpu": "number", "memory": "number", "disk": "number"}, "t": ["int"], "cpu": ["number|null"],
  "memory": ["number|null"], "disk": ["number|null"], "received": ["number|null"], "sent": ["number|null"]},
"LatencyHeatmap": {"t": ["int"], "step": "uint", "bounds_us": ["uint"], "counts": [["uint"]]},
"PoolHeatmap": {"t": ["int"], "step": "uint", "rows": [{"pool": "text", "backend": "text"}], "values": [["number|null"]]},
"Heatmap": "#LatencyHeatmap|#PoolHeatmap",
"RetryService": {"name": "text", "opened": "uint", "syn_retransmits": "uint", "reconnects": "uint", "data_retransmits": "uint",
  "amplification": "number|null"},
"Retries": {"from": "int", "to": "int", "totals": {"opened": "uint", "syn_retransmits": "uint", "reconnects": "uint",
  "data_retransmits": "uint", "amplification": "number|null"}, "services": ["#RetryService"],
  "backends": [{"service": "text", "pool": "text", "name": "text", "opened": "uint", "syn_retransmits": "uint", "reconnects": "uint",
    "data_retransmits": "uint", "amplification": "number|null"}],
  "attempts": [{"attempt": "uint", "flows": "uint", "failures": "uint"}]},
"Geo": {"from": "int", "to": "int", "countries": [{"country": "text", "flows": "uint", "failures": "uint"}]},
"Prefixes": {"clients": "number", "prefixes": [{"service": "text", "prefix": "text", "flows": "uint"}]},
)json";

constexpr const char* kFound = R"json(
"Anomaly": {"id": "int", "opened": "int", "closed": "int|null", "node": "text", "service": "text", "pool": "text", "backend": "text",
  "kpi": "text", "score": "number", "severity": "text", "detector": "text", "expected_low": "number|null",
  "expected_high": "number|null", "observed": "number|null", "reason": "text", "incident": "int|null"},
"Anomalies": {"anomalies": ["#Anomaly"]},
"Subject": {"service": "text", "backend": "text"},
"Incident": {"id": "int", "opened": "int", "closed": "int|null", "severity": "text", "headline": "text", "text": "text",
  "root": "#Subject|null",
  "causes": [{"service": "text", "backend": "text", "kpi": "text", "score": "number", "why": "text"}], "anomalies": ["int"],
  "hidden": ["int"]},
"Incidents": {"incidents": ["#Incident"]},
"Alert": {"name": "text", "subject": "text", "service": "text", "pool": "text", "backend": "text", "node": "text", "state": "text",
  "severity": "text", "since": "int", "text": "text", "runbook": "text"},
"Alerts": {"alerts": ["#Alert"],
  "rules": [{"name": "text", "severity": "text", "for_s": "int", "text": "text", "runbook": "text", "state": "text", "subjects": "uint"}],
  "history": [{"at": "int", "name": "text", "subject": "text", "state": "text", "severity": "text", "text": "text"}]},

"Token": {"token": "text"},
"Drain": {"pool": "text", "backend": "text", "drain": "bool"},
"Weight": {"pool": "text", "backend": "text", "weight": "uint"},
"Acted": {"nodes": [{"node": "text", "status": "uint", "generation": "uint|null", "error": "text"}]}
)json";

std::string with(std::string text, const std::string& name, const std::string& members) {
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + members.size()))
    text.replace(at, name.size(), members);
  return text;
}

}  // namespace

const SchemaJson& insight_schemas() {
  static const SchemaJson kForms = [] {
    std::string text = std::string("{") + kNow + kPast + kFound + "}";
    text = with(text, "@WINDOW", kWindow);
    text = with(text, "@RATES", kRates);
    return SchemaJson::parse(with(text, "@LATENCY", kLatency));
  }();
  return kForms;
}

}  // namespace shunt::insight
