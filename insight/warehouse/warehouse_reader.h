// WarehouseReader: what pages ask the warehouse.
//
// Owner: one thread, with a connection of its own; it never waits for the writer. Cost: a series of up to
// 1,000 points is one range of one key (bench/ingest_bench.cc has figures). Times are seconds since 1970; a
// range is [from, to). Points are whole steps; sums are of exactly the range, as far as finer tables go back
// (time_tiles.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "insight/kpi/kpi_cell.h"
#include "insight/kpi/roll_up.h"
#include "insight/kpi/series_name.h"
#include "insight/warehouse/database.h"
#include "insight/warehouse/rows.h"
#include "insight/warehouse/tables.h"
#include "insight/warehouse/time_tiles.h"

namespace shunt::insight {

// Of a service as a whole, or of one of its backends; at one node, or at all of them together. Without a
// service: all services together.
struct SeriesQuestion {
  std::string service;
  std::string node;
  std::string pool;
  std::string backend;
};

// Several series together: flows at once add up, `seconds` are those of which one of them was told about.
struct TimePoint {
  int64_t begin_s = 0;
  KpiCell cell;
};
struct TimeSeries {
  Resolution resolution = Resolution::second;  // of the table that it is from
  int64_t step_s = 1;  // from one point to the next; those where nothing is known are left out
  std::vector<TimePoint> points;
};

struct BackendTotal {
  std::string pool;
  std::string backend;
  KpiCell total;
};
struct SeriesTotal {
  std::string service;
  std::string pool;  // empty: of the service as a whole
  std::string backend;
  KpiCell total;
};
struct BackendSeries {
  std::string pool;
  std::string backend;
  TimeSeries series;
};
struct CountryTotal {
  std::string country;
  uint64_t flows = 0;
  uint64_t failures = 0;
};

struct PrefixTotal {
  std::string service;
  std::string prefix;
  uint64_t flows = 0;  // of the minutes in which it was among the largest ten
};
struct ClientTotals {
  double clients = 0;  // unique ones, estimated
  std::vector<PrefixTotal> prefixes;
};
struct HostPoint {
  int64_t begin_s = 0;
  std::optional<double> cpu;
  std::optional<double> memory;
  std::optional<double> disk;
  std::optional<double> received;
  std::optional<double> sent;
};
struct HostHistory {
  int64_t step_s = 60;
  std::vector<HostPoint> points;  // averages of their step
};
struct AttemptTotal {
  int64_t attempt = 0;  // place in a chain: 1, 2, …
  uint64_t flows = 0;
  uint64_t failures = 0;
};
// Those that were open at some time of the range, newest first. Empty: any.
struct AnomalyQuestion {
  std::string service;
  std::string backend;
  std::string severity;
  bool open_only = false;
  size_t limit = 200;
};

// Which sketches are read: they are most of a cell's cost.
enum class Sketches : uint8_t { all, connect, none };

class WarehouseReader {
 public:
  static constexpr size_t kMostPoints = 1'000;
  static constexpr size_t kMostFlowRows = 100'000;  // that attempts() looks at: the newest

  static Result<WarehouseReader> open(DatabaseAddress address, const RetentionSettings& retention = {});

  // The finest steps that give at most `points` and whose table still goes back so far: 1, 2, 5, 10, 20, 30
  // s, 1, 2, 5, 10, 30 min, 1, 2, 3, 6, 12 h, then whole days.
  Result<TimeSeries> time_series(const SeriesQuestion& question, TimeRange range, int64_t now_s,
                                 size_t points = kMostPoints);
  // Of a service's backends, `limit` of them at most: those that opened most flows, by pool and name.
  Result<std::vector<BackendSeries>> backend_series(const std::string& service, TimeRange range,
                                                    int64_t now_s, size_t points, size_t limit,
                                                    Sketches sketches = Sketches::all);
  // All of a range together; quantiles are of its merged sketches.
  Result<KpiCell> total(const SeriesQuestion& question, TimeRange range, int64_t now_s);
  // The same of every service (as a whole), or of the one that is named. By name.
  Result<std::vector<SeriesTotal>> service_totals(const std::string& service, TimeRange range, int64_t now_s);
  // Counts alone, of services or of their backends; `service` empty: of all. By name.
  enum class Whose : uint8_t { services, backends };
  Result<std::vector<SeriesTotal>> counts(Whose whose, const std::string& service, TimeRange range,
                                          int64_t now_s);
  // Of a service, those that had most of `by` first; `by` nothing: most failures.
  Result<std::vector<BackendTotal>> top_backends(const std::string& service, TimeRange range, int64_t now_s,
                                                 std::optional<KpiCount> by, size_t limit);
  // Whole minutes, of one service or (empty) all of them. Most flows first.
  Result<std::vector<CountryTotal>> countries(const std::string& service, TimeRange range, size_t limit);
  Result<ClientTotals> clients(const std::string& service, TimeRange range, size_t limit);
  // A backend's own numbers, at most `points`.
  Result<HostHistory> hosts(const std::string& pool, const std::string& backend, TimeRange range,
                            size_t points = kMostPoints);

  Result<std::vector<AnomalyRow>> anomalies(TimeRange range, const AnomalyQuestion& question);
  Result<std::vector<IncidentRow>> incidents(TimeRange range, bool open_only, size_t limit);
  Result<std::vector<AlertRow>> alerts(TimeRange range, size_t limit);  // newest first
  // Of flow records whose place in a chain of retries is known.
  Result<std::vector<AttemptTotal>> attempts(const std::string& service, TimeRange range);
  Result<bool> knows_service(const std::string& name);

  // What isn't told by then is an error.
  void set_deadline(Database::Time deadline) { database_->set_deadline(deadline); }
  void set_given_up(const std::atomic<bool>* flag) { database_->set_given_up(flag); }

  // What RollUp::restore() wants, in its order: cells whose coarser one isn't there.
  Result<std::vector<ClosedCell>> unfinished();

  // Rows of a view whose `ts` lies in the range, as CSV (RFC 4180, a line of names first), handed out in
  // pieces; false from `out` ends it. The number of rows.
  Result<uint64_t> export_csv(std::string_view view, TimeRange range,
                              const std::function<bool(std::string_view)>& out);
  static const std::vector<std::string>& views();

 private:
  WarehouseReader(std::unique_ptr<Database> database, const RetentionSettings& retention)
      : database_(std::move(database)), retention_(retention) {}

  struct Step {
    Resolution resolution;
    int64_t step_s;
  };
  bool is_kept(Resolution resolution, TimeRange range, int64_t now_s) const;
  Step step_for(TimeRange range, int64_t now_s, size_t points) const;
  // The finest table that has at most so many cells of each series in the range: for what is summed anyway.
  Resolution table_for(TimeRange range, int64_t now_s, size_t points) const;
  Result<std::vector<int64_t>> series_of(const SeriesQuestion& question);
  Result<TimeSeries> series_together(std::span<const int64_t> series, std::span<const TimeTile> tiles,
                                     Step step, Sketches sketches = Sketches::all);
  Result<KpiCell> sum_of(std::span<const int64_t> series, std::span<const TimeTile> tiles);
  using OnCell = std::function<void(int64_t, const KpiCell&)>;
  Result<Ok> each_cell(Resolution resolution, int64_t series, TimeRange range, const OnCell& on_cell,
                       Sketches sketches = Sketches::all);

  std::unique_ptr<Database> database_;
  RetentionSettings retention_;
};

}  // namespace shunt::insight
