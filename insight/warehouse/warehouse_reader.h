// WarehouseReader: what pages ask the warehouse.
//
// Owner: one thread, with a connection of its own; it never waits for the writer. Cost: a series of up to
// 1,000 points is one range of one key (bench/ingest_bench.cc has figures). Times are seconds since 1970; a
// range is [from, to), widened to whole intervals of the resolution that it gets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/kpi/kpi_cell.h"
#include "insight/kpi/roll_up.h"
#include "insight/kpi/series_name.h"
#include "insight/warehouse/database.h"
#include "insight/warehouse/tables.h"

namespace shunt::insight {

struct TimeRange {
  int64_t from_s = 0;
  int64_t to_s = 0;
};

// Of a service as a whole, or of one of its backends; at one node, or at all of them together.
struct SeriesQuestion {
  std::string service;
  std::string node;
  std::string pool;
  std::string backend;
};

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
struct CountryTotal {
  std::string country;
  uint64_t flows = 0;
  uint64_t failures = 0;
};

class WarehouseReader {
 public:
  static constexpr size_t kMostPoints = 1'000;

  static Result<WarehouseReader> open(DatabaseAddress address, const RetentionSettings& retention = {});

  // The finest resolution that gives at most `points` and still goes back so far.
  Result<TimeSeries> time_series(const SeriesQuestion& question, TimeRange range, int64_t now_s,
                                 size_t points = kMostPoints);
  // All of a range together; quantiles are of its merged sketches.
  Result<KpiCell> total(const SeriesQuestion& question, TimeRange range, int64_t now_s);
  // Of a service, those that had most of `by` first; `by` nothing: most failures.
  Result<std::vector<BackendTotal>> top_backends(const std::string& service, TimeRange range, int64_t now_s,
                                                 std::optional<KpiCount> by, size_t limit);
  // Whole minutes. Most flows first.
  Result<std::vector<CountryTotal>> countries(const std::string& service, TimeRange range, size_t limit);

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
  Step step_for(TimeRange range, int64_t now_s, size_t points) const;
  Result<std::vector<int64_t>> series_of(const SeriesQuestion& question);
  using OnCell = std::function<void(int64_t, const KpiCell&)>;
  Result<Ok> each_cell(Resolution resolution, int64_t series, TimeRange range, const OnCell& on_cell);

  std::unique_ptr<Database> database_;
  RetentionSettings retention_;
};

}  // namespace shunt::insight
