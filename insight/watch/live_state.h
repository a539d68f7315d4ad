// LiveState: what is known of the watched shuntds now. Filled by the watchers each second, read by findings
// and by the API.
//
// Owner: insight's one thread; plain data, no locks.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "insight/kpi/country_table.h"
#include "insight/kpi/kpi_cell.h"
#include "insight/kpi/series_name.h"
#include "stats/flow_record.h"

namespace shunt::insight {

// What was counted between a node's last two readings, and how long that is.
struct LastSpan {
  KpiCounts counts;
  double seconds = 0;  // 0: no two readings yet
};

struct LiveService {
  SeriesName name;                // a whole_service()
  std::vector<std::string> vips;  // "10.1.0.10:80/tcp"
  std::string protocol;           // tcp, udp
  uint16_t port = 0;              // of its first VIP; 0: any
  std::string mode;
  std::string scheduler;
  uint64_t active = 0;
  LastSpan last;
  KpiCell recent;  // its last 10 s
};

enum class BackendState : uint8_t { up, down, drain, disabled, starting, unknown };

struct LiveBackend {
  SeriesName name;
  std::string address;  // without the port
  uint16_t port = 0;
  BackendState state = BackendState::unknown;
  std::string reason;  // why it isn't up, in words; else empty
  int64_t since_s = 0;
  double weight = 0;
  uint64_t active = 0;
  LastSpan last;
  KpiCell recent;
};

struct LiveNode {
  std::string name;
  bool up = false;
  std::string error;    // why not
  int64_t since_s = 0;  // of `up`
  int64_t read_us = 0;  // the newest reading
  int64_t started_us = 0;
  uint64_t generation = 0;
  std::vector<LiveService> services;
  std::vector<LiveBackend> backends;  // one for each (service, pool, backend)
  // What the page shows of a node and nothing else reads: the "nodes" entry of /api/v1/system, in the making.
  nlohmann::json system;
};

// A backend machine's own numbers (node_exporter), by its address.
struct HostNumbers {
  std::optional<double> cpu;  // 0 to 1
  std::optional<double> memory;
  std::optional<double> disk;
  std::optional<double> received;  // bytes a second
  std::optional<double> sent;
  int64_t read_s = 0;
  bool stale = false;
};

// Flows by country over the last 60 s, of a service at all nodes: estimates (insight/kpi/client_counts.h).
struct CountryRate {
  std::string service;
  CountryCode country;
  double flows = 0;  // a second
  double failures = 0;
};

// A flow record with its names, as the page lists them.
struct NamedRecord {
  std::shared_ptr<const SeriesName> series;
  FlowRecord record;
  CountryCode country;
};

struct LiveState {
  int64_t now_s = 0;                         // the second last told
  std::vector<LiveNode> nodes;               // in the configuration's order
  std::map<std::string, HostNumbers> hosts;  // by address
  std::vector<CountryRate> countries;        // most flows first
  std::deque<NamedRecord> records;           // the newest 2,000, newest last
};

}  // namespace shunt::insight
