// KpiPipeline: what all nodes count and record, on its way into cells: counts and records in, closed cells,
// minutes of clients, rows of flows out, and what the live state shows of the last seconds.
//
// Owner: one thread. Time is given. Bound: those of RollUp, ClientCounts, RecentCells and RecentCountries;
// the newest kMostRecords records; kMostFlowRows rows of flows a second, beyond which they are passed over
// and counted.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "insight/kpi/client_counts.h"
#include "insight/kpi/roll_up.h"
#include "insight/warehouse/rows.h"
#include "insight/watch/live_state.h"
#include "insight/watch/recent_cells.h"
#include "insight/watch/recent_countries.h"
#include "insight/watch/record_names.h"

namespace shunt::insight {

struct PipelineSinks {
  std::function<void(const ClosedCell&)> cell;
  std::function<void(ClientMinute&&)> clients;
  std::function<void(FlowRow&&)> flow;  // failures, and watched flows
};

class KpiPipeline {
 public:
  static constexpr size_t kMostRecords = 2'000;
  static constexpr uint64_t kMostFlowRows = 5'000;

  struct Tally {
    uint64_t records = 0;
    uint64_t flow_rows_passed_over = 0;
  };

  // `countries` may be absent, and outlives this. `records` gets the newest ones, and outlives it too.
  KpiPipeline(const CountryTable* countries, int64_t now_us, std::deque<NamedRecord>& records,
              PipelineSinks sinks);
  KpiPipeline(const KpiPipeline&) = delete;
  KpiPipeline& operator=(const KpiPipeline&) = delete;

  // As RollUp::restore().
  bool restore(const ClosedCell& cell);
  void count(const SeriesName& name, const CountedSpan& span);
  void take(const RecordName& name, const FlowRecord& record);
  // Closes what is over; once a second.
  void advance(int64_t now_us);
  void close_all();

  // The last ten whole seconds of a series, as far as they are known.
  KpiCell recent(const SeriesName& name, int64_t now_s);
  std::vector<CountryRate> countries() const { return recent_countries_.rates(); }
  const RollUp& roll_up() const { return roll_up_; }
  const ClientCounts& clients() const { return clients_; }
  const Tally& tally() const { return tally_; }

 private:
  void take_into(RecordSeries& series, const FlowRecord& record);
  void hand_out(const std::shared_ptr<const SeriesName>& series, const FlowRecord& record,
                CountryCode country);

  const CountryTable* countries_;
  std::deque<NamedRecord>& records_;
  PipelineSinks sinks_;
  RollUp roll_up_;
  ClientCounts clients_;
  RecentCells recent_cells_;
  RecentCountries recent_countries_;
  uint64_t flow_rows_ = 0;  // of this second
  Tally tally_;
};

}  // namespace shunt::insight
