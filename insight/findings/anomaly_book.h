// AnomalyBook: sightings become anomalies that open, grow and close. One for each (series, KPI), whichever
// detectors see it: its words, band and detector are those of the moment when it was worst.
//
// It closes when no detector has seen it for three intervals (kQuiet_s), one of a state after kStateQuiet_s,
// so that a check that comes and goes is one anomaly. Accepted ones are closed at once and stay so until it
// was quiet.
//
// Owner: one thread; rows go out by `put` when an anomaly opens, closes, gets worse, and while it lasts once
// a minute. Bound: kMostOpen open ones (more are counted and passed over), kMostClosed closed ones, oldest
// forgotten first.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "insight/findings/found.h"
#include "insight/findings/sighting.h"
#include "insight/warehouse/rows.h"

namespace shunt::insight {

class AnomalyBook {
 public:
  static constexpr size_t kMostOpen = 500;
  static constexpr size_t kMostClosed = 2'000;
  static constexpr int64_t kQuiet_s = 30;
  static constexpr int64_t kStateQuiet_s = 5;
  static constexpr int64_t kStored_s = 60;
  using Put = std::function<void(WarehouseRow)>;

  explicit AnomalyBook(Put put) : put_(std::move(put)) {}

  void restore(std::vector<FoundAnomaly> anomalies, int64_t last_id);
  // Ids of anomalies and incidents are of one row.
  int64_t next_id() { return ++last_id_; }

  void take(int64_t now_s, const Sighting& sighting);
  void close_quiet(int64_t now_s);
  // The anomaly, closed; nothing: none of that id is open.
  const FoundAnomaly* accept(int64_t now_s, int64_t id);
  void set_incident(int64_t id, int64_t incident);

  const std::deque<FoundAnomaly>& all() const { return all_; }
  const FoundAnomaly* find(int64_t id) const;
  size_t open() const { return open_.size(); }
  uint64_t passed_over() const { return passed_over_; }
  // Grows with everything that opens, closes or gets worse.
  uint64_t changes() const { return changes_; }

 private:
  using Key = std::pair<SeriesName, Kpi>;
  struct Open {
    int64_t id = 0;
    int64_t seen_s = 0;
    int64_t stored_s = 0;
    // Error budget spent in the last hour or so, in seconds of a burn of 1 (forgotten exponentially).
    double spent_s = 0;
    void spend(int64_t now_s, double burn);
  };
  FoundAnomaly* by_id(int64_t id);
  void open_one(int64_t now_s, const Sighting& sighting);
  void grow(int64_t now_s, Open& open, const Sighting& sighting);
  void close(FoundAnomaly& anomaly);
  void store(const FoundAnomaly& anomaly) const;
  void forget_old();

  Put put_;
  std::deque<FoundAnomaly> all_;  // in the order of their ids
  std::map<Key, Open> open_;
  std::map<Key, int64_t> accepted_;  // and when it was seen last
  int64_t last_id_ = 0;
  uint64_t passed_over_ = 0;
  uint64_t changes_ = 0;
};

}  // namespace shunt::insight
