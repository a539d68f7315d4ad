// Anomalies, incidents and alerts as JSON, from memory and from the warehouse: what memory knows of an id is
// newer.
#pragma once

#include <string>
#include <vector>

#include "insight/api/findings_source.h"
#include "insight/api/json_text.h"
#include "insight/warehouse/warehouse_reader.h"

namespace shunt::insight {

AnomalyRow row_of(const FoundAnomaly& anomaly);

// Both asked the same: together, newest first, at most `limit`. `range` and `question` choose those of
// memory.
std::string anomalies_json(const FindingsSource& findings, std::vector<AnomalyRow> stored, TimeRange range,
                           const AnomalyQuestion& question);

struct StoredIncidents {
  std::vector<IncidentRow> rows;
  std::vector<AnomalyRow> anomalies;  // of them, for those that memory doesn't know any more
};
std::string incidents_json(const FindingsSource& findings, const StoredIncidents& stored, TimeRange range,
                           bool open_only, size_t limit);

// {"alerts", "rules", "history"}; `stored`: the range's history, nothing: what memory has.
std::string alerts_json(const FindingsSource& findings, const std::optional<std::vector<AlertRow>>& stored);

// Members of the frame: "incidents", worst first, and "alerts".
void put_open_incidents(JsonText& json, const FindingsSource& findings, size_t limit);
void put_alert_counts(JsonText& json, const FindingsSource& findings);

}  // namespace shunt::insight
