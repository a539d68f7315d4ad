// IncidentBook: anomalies become incidents, whose ids stay while they go on.
//
// group_incidents() is asked anew of all open anomalies and those that are near enough in time to belong to
// them; a group is the incident that it shares most anomalies with. One whose anomalies are all over is
// closed; when something that belongs to it begins within kGap_s, it is open again.
//
// Owner: one thread. A row goes out by `put` when an incident opens, closes, gets worse, or is about
// something else. Bound: kMostClosed closed ones; kMostGrouped anomalies are looked at, the latest.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "insight/findings/anomaly_book.h"
#include "insight/findings/found.h"

namespace shunt::insight {

class IncidentBook {
 public:
  static constexpr int64_t kGap_s = 120;
  static constexpr size_t kMostClosed = 500;
  static constexpr size_t kMostGrouped = 800;
  static constexpr size_t kMostMembers = 1'000;  // of one incident: the latest

  explicit IncidentBook(AnomalyBook::Put put) : put_(std::move(put)) {}

  void restore(std::vector<FoundIncident> incidents);
  void regroup(int64_t now_s, const Topology& topology, AnomalyBook& anomalies);
  const std::deque<FoundIncident>& all() const { return all_; }

 private:
  FoundIncident& incident_for(const std::vector<int64_t>& members, std::vector<int64_t>& taken,
                              AnomalyBook& anomalies);
  bool refresh(FoundIncident& found, Incident group, const std::vector<const FoundAnomaly*>& grouped);
  void close_over(int64_t now_s, const AnomalyBook& anomalies, const std::vector<int64_t>& taken);
  void store(const FoundIncident& incident, const AnomalyBook& anomalies) const;
  void forget_old();

  AnomalyBook::Put put_;
  std::deque<FoundIncident> all_;
};

}  // namespace shunt::insight
