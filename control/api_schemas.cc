// The schemas themselves. A member that an answer gains is added here; the contract test compares both.
#include "control/api_schemas.h"

namespace shunt {
namespace {

constexpr const char* kForms = R"json({
"Problem": {"type": "text", "title": "text", "status": "uint", "detail": "text", "reasons?": ["text"], "errors?": ["text"],
  "warnings?": ["text"], "services?": ["text"], "choices?": ["text"]},

"OpenApi": {"openapi": "text", "info": {"*": "any"}, "servers": ["any"], "paths": {"*": "any"}, "components": {"*": "any"}},

"Index": {"service": "text", "what": "text", "links": {"*": "text"}},

"Carried": {"packets": "uint", "bytes": "uint"},
"Filled": {"entries": "uint", "capacity": "uint"},
"Node": {"name": "text", "version": "text", "dpdk_version": "text", "config_file": "text", "generation": "uint",
  "started": "time|null", "uptime_seconds": "uint", "memory": "text", "cpu_level": "text", "tsc_hz": "uint", "ready": "bool",
  "not_ready": ["text"], "last_reload": {"at": "time|null", "accepted": "bool", "text": "text"}},
"Stage": {"ticks": "uint", "packets": "uint", "ticks_per_packet": "number"},
"Worker": {"index": "uint", "cpu": "uint", "packets": "uint", "bytes": "uint", "loops": "uint", "bursts": "uint",
  "busy_seconds": "number", "busy": "number", "packets_per_burst": "number", "ticks_per_packet": "number",
  "stages": {"*": "#Stage"}, "flow_table": "#Filled", "probation": "#Filled", "lookups": {"*": "uint"}},
"Port": {"name": "text", "device": "text", "mac": "text", "link_up": "bool", "mtu": "uint", "host_interface": "text|null",
  "received": "#Carried", "sent": "#Carried", "driver_received": "#Carried", "driver_sent": "#Carried", "missed": "uint",
  "transmit_full": "uint"},
"Status": {"node": "#Node", "workers": ["#Worker"], "ports": ["#Port"]},

"Service": {"name": "text", "number": "uint", "address": "text", "port": "uint", "protocol": "text", "forward": "text", "pool": "text",
  "scheduler": "text", "announced": "text", "fit": "bool", "panic": "bool", "on_backup": "bool", "backends": {"up": "uint", "total": "uint"}, "sample": "uint", "packets": "uint",
  "bytes": "uint", "sees_replies": "bool", "reply_packets": "uint", "reply_bytes": "uint", "new_flows": "uint", "active_flows": "uint", "opened": "uint", "tracked": "uint", "forgotten": "uint",
  "untracked": "uint", "dropped": {"*": "uint"}},
"Services": {"services": ["#Service"]},
"Backend": {"service": "text", "pool": "text", "name": "text", "number": "uint", "address": "text", "port": "uint", "state": "text",
  "reason": "text", "admin": "text", "since": "time|null", "weight": "uint", "accept": "uint", "share": "number", "mac_known": "bool",
  "packets": "uint", "bytes": "uint", "sees_replies": "bool", "reply_packets": "uint", "reply_bytes": "uint",
  "new_flows": "uint", "active_flows": "uint",
  "health_checks": {"count": "uint", "total_seconds": "number", "results": {"*": "uint"}}},
"Backends": {"backends": ["#Backend"]},
"PoolDiscovery": {"pool": "text", "source": "text", "state": "text", "stale": "bool", "reason": "text",
  "answered": "time|null", "age_seconds": "uint|null", "backends": "uint", "skipped": {"count": "uint", "first": ["text"]},
  "refused": ["text"], "answers": "uint", "changes": "uint", "failures": "uint", "holds": "uint"},
"Discovery": {"pools": ["#PoolDiscovery"]},
"Drops": {"received": "uint", "sent": "uint", "punted": "uint", "originated": "uint", "in_flight": "int",
  "dropped": {"*": "uint"}},

"Vip": {"vip": "text", "announce": "text", "announced": "bool", "fit": "bool", "service": "text",
  "backends": {"up": "uint", "total": "uint", "needed": "uint"}, "metric": "uint", "reason": "text"},
"Routes": {"announcing": "bool", "stopping": "bool", "restart_grace_ms": "uint", "exabgp": "text", "vips": ["#Vip"]},
"Findings": {"findings": [{"name": "text", "gravity": "text", "subject": "text", "text": "text", "remedy": "text"}]},

"Summary": {"method?": "text", "count": "uint", "sum": "number", "p50": "number|null", "p90": "number|null",
  "p95": "number|null", "p99": "number|null", "p99.9": "number|null", "below": ["uint"]},
"FlowCounts": {"pool": "text", "name": "text", "outcomes": {"*": "uint"}, "revived": "uint", "syn_retransmits": "uint",
  "reconnects": "uint", "data_retransmits": "uint", "watched": "uint", "unwatched": "uint"},
"ServiceOutcomes": {"name": "text", "outcomes": {"*": "uint"}, "revived": "uint", "syn_retransmits": "uint",
  "reconnects": "uint", "data_retransmits": "uint", "watched": "uint", "unwatched": "uint", "chains": ["uint"],
  "syn_gaps": "#Summary", "reconnect_gaps": "#Summary", "backends": ["#FlowCounts"]},
"Outcomes": {"gap_edges": ["number"], "services": ["#ServiceOutcomes"]},
"BackendLatency": {"service": "text", "pool": "text|null", "name": "text|null", "connect": "#Summary", "response": "#Summary",
  "duration": "#Summary"},
"Latency": {"edges": ["number"], "duration_edges": ["number"], "backends": ["#BackendLatency"]},
"Flow": {"ended": "text", "client": "text|null", "client_port": "uint", "protocol": "text", "service": "text|uint",
  "pool": "text|null", "backend": "text|uint|null", "outcome": "text", "sampled": "bool", "method": "text|null",
  "connect": "number|null", "first_byte": "number|null", "duration": "number", "packets": "uint", "bytes": "uint",
  "reply_packets": "uint", "reply_bytes": "uint", "syn_retransmits": "uint", "attempt": "uint|null"},
"Flows": {"flows": ["#Flow"]},
"Connection": {"client": "text|null", "client_port": "uint|null", "service": "text", "pool": "text", "backend": "text|null",
  "state": "text", "waiting": "bool", "idle": "number", "syn_retransmits": "uint", "worker": "uint"},
"Connections": {"connections": ["#Connection"], "next": "uint|null"},

"TracedDrop": {"reason": "text", "meaning": "text", "remedy": "text"},
"TracedFlow": {"worker": "uint", "waiting": "bool", "state": "text", "idle": "number"},
"TracedChoice": {"by": "text", "slot": "uint", "slots": "uint", "owner": "text", "accept": "uint", "probe": "uint|null",
  "forgetting": "bool"},
"TracedWay": {"port": "text", "source_mac": "text", "destination_mac": "text", "source": "text", "destination": "text",
  "destination_port": "uint|null", "added_bytes": "uint", "longest": "uint", "mtu": "uint"},
"Trace": {"packet": "text", "in_port": "text", "end": "text", "drop": "#TracedDrop|null", "service": "text|null",
  "forward": "text|null", "scheduler": "text|null", "worker": "uint|null",
  "workers": [{"worker": "uint", "pool": "text|null", "backend": "text|null"}], "known": "#TracedFlow|null",
  "choice": "#TracedChoice|null", "pool": "text|null", "backend": "text|null", "way": "#TracedWay|null", "steps": ["text"]},

"Change": {"accepted": "bool", "generation": "uint", "text": "text", "warnings": ["text"]},

"Toml": "text",
"Weight": {"weight": "uint"},
"Generation": {"generation": "uint"},
"Published": {"generation": "uint", "text": "text", "warnings": ["text"]},
"Applied": {"name": "text", "who": "text", "at": "time"},
"Edit": {"pool": "text", "backend": "text", "kind": "text", "value": "uint|text", "replaced": "uint|text", "discovered": "bool",
  "waits": "bool", "who": "text", "at": "time"},
"Edits": {"applied": "#Applied|null", "edits": ["#Edit"]},
"PlanChange": {"part": "text", "name": "text", "change": "text", "fields": [{"key": "text", "from": "text", "to": "text"}],
  "flows": {"active": "uint", "fate": "text"}},
"Diff": {"generation": "uint", "summary": "text", "lines": ["text"], "changes": ["#PlanChange"],
  "slots": [{"pool": "text", "slots": "uint", "moved": "uint", "share": "number"}], "flows": {"kept": "uint", "cut": "uint"},
  "warnings": ["text"], "applied": "#Applied|null", "edits": ["#Edit"]},
"HistoryRow": {"generation": "uint", "first": "uint", "at": "time", "who": "text", "why": "text", "observed": "bool",
  "summary": "text", "lines": ["text"], "can_roll_back": "bool"},
"History": {"generations": ["#HistoryRow"]},

"Event": {"number": "uint", "at": "time", "kind": "text", "subject": "text", "text": "text"},
"Events": {"newest": "uint", "missed": "uint", "events": ["#Event"]},

"Rates": {"packets": "number", "bytes": "number", "new_flows": "number"},
"BackendFigures": {"pool": "text", "name": "text", "state": "text", "weight": "uint", "accept": "uint", "packets": "uint",
  "bytes": "uint", "new_flows": "uint", "active_flows": "uint", "rates": "#Rates|null"},
"ServiceFigures": {"name": "text", "fit": "bool", "backends_up": "uint", "packets": "uint", "bytes": "uint",
  "new_flows": "uint", "active_flows": "uint", "rates": "#Rates|null", "backends": ["#BackendFigures"]},
"Figures": {"number": "uint", "at": "time", "seconds": "number", "generation": "uint", "received": "uint", "sent": "uint",
  "dropped": "uint", "rates": {"received": "number", "sent": "number", "dropped": "number"},
  "workers": [{"cpu": "uint", "busy": "number", "packets_per_burst": "number", "ticks_per_packet": "number"}],
  "all_backends": "bool", "services": ["#ServiceFigures"]},

"BackendStats": {"service": "text", "name": "text", "state": "text", "requests": "uint", "active": "uint", "packets": "uint",
  "bytes": "uint"},
"Stats": {"name": "text", "uptime_seconds": "uint", "generation": "uint", "algorithms": {"*": "text"}, "requests": "uint",
  "active": "uint", "failed": "uint", "packets": "uint", "bytes": "uint", "dropped": "uint", "backends": ["#BackendStats"]},

"Probe": {"service": "text", "address": "text", "port": "uint", "ok": "bool", "connect_seconds": "number|null",
  "first_byte_seconds": "number|null", "seconds": "number", "status": "uint|null", "bytes": "uint", "error": "text|null"}
})json";

}  // namespace

const SchemaJson& api_schemas() {
  static const SchemaJson forms = SchemaJson::parse(kForms);
  return forms;
}

}  // namespace shunt
