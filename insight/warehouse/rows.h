// What is put into the warehouse. Values: they may wait in a queue, or be dropped.
//
// Times are seconds since 1970 (UTC) where they end in _s.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "insight/kpi/client_counts.h"
#include "insight/kpi/country_table.h"
#include "insight/kpi/roll_up.h"
#include "insight/kpi/series_name.h"
#include "stats/flow_record.h"

namespace shunt::insight {

// A flow as it ended, without its client's address: of that the prefix stays (/24, /48).
struct FlowRow {
  std::shared_ptr<const SeriesName> series;
  FlowRecord record;
  CountryCode country;
};

// What a backend says of itself, over a minute: shares 0 to 1, bytes a second.
struct HostRow {
  int64_t begin_s = 0;
  std::string pool;
  std::string backend;
  std::optional<double> cpu;
  std::optional<double> memory;
  std::optional<double> disk;
  std::optional<double> received;
  std::optional<double> sent;
};

// An anomaly, an incident: put again with the same id, they replace what was known before.
struct AnomalyRow {
  int64_t id = 0;
  int64_t opened_s = 0;
  std::optional<int64_t> closed_s;
  std::shared_ptr<const SeriesName> series;
  std::string kpi;
  double score = 0;
  std::string severity;
  std::string detector;
  std::optional<double> expected_low;
  std::optional<double> expected_high;
  double observed = 0;
  std::string reason;
  std::optional<int64_t> incident;
};

struct IncidentRow {
  int64_t id = 0;
  int64_t opened_s = 0;
  std::optional<int64_t> closed_s;
  std::string severity;
  std::shared_ptr<const SeriesName> root;  // nothing: not known
  std::string cause;
  std::string text;
};

struct AlertRow {
  int64_t at_s = 0;
  std::string name;
  std::string subject;
  std::string state;  // pending, firing, resolved
  std::string severity;
  std::string text;
};

// Where a service or backend is, as the API tells it.
struct DescriptionRow {
  SeriesName series;  // of a service as a whole, or of a backend
  std::string address;
  int64_t port = 0;
  std::string protocol;  // of a service
};

using WarehouseRow = std::variant<ClosedCell, ClientMinute, FlowRow, HostRow, AnomalyRow, IncidentRow,
                                  AlertRow, DescriptionRow>;

}  // namespace shunt::insight
