#include "insight/watch/kpi_pipeline.h"

#include <algorithm>
#include <utility>

#include "stats/outcome.h"

namespace shunt::insight {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

bool is_failed(const FlowRecord& record) {
  return record.outcome < kOutcomes && is_failure(static_cast<FlowOutcome>(record.outcome));
}
bool is_sampled(const FlowRecord& record) {
  return (record.flags & kFlowSampled) != 0;
}

}  // namespace

KpiPipeline::KpiPipeline(const CountryTable* countries, int64_t now_us, std::deque<NamedRecord>& records,
                         PipelineSinks sinks)
    : countries_(countries),
      records_(records),
      sinks_(std::move(sinks)),
      roll_up_({}, now_us,
               [this](ClosedCell&& cell) {
                 recent_cells_.take(cell);
                 sinks_.cell(cell);
               }),
      clients_({}, countries, now_us, [this](ClientMinute&& minute) { sinks_.clients(std::move(minute)); }),
      recent_countries_(now_us / kSecondUs) {}

bool KpiPipeline::restore(const ClosedCell& cell) {
  return roll_up_.restore(cell.resolution, cell.begin_s, *cell.series, cell.cell);
}

void KpiPipeline::count(const SeriesName& name, const CountedSpan& span) {
  // A handle that was just asked for isn't refused.
  static_cast<void>(roll_up_.count(roll_up_.series(name), span));
}

void KpiPipeline::take_into(RecordSeries& series, const FlowRecord& record) {
  if (roll_up_.take(series.handle, record)) return;
  series.handle = roll_up_.series(*series.name);
  static_cast<void>(roll_up_.take(series.handle, record));
}

void KpiPipeline::take(const RecordName& name, const FlowRecord& record) {
  ++tally_.records;
  take_into(*name.service, record);
  if (name.backend != nullptr) take_into(*name.backend, record);
  clients_.take(*name.service->name, record, name.sample);
  const auto client = record.client_address();
  const CountryCode country = countries_ != nullptr && client ? countries_->of(*client) : CountryCode{};
  const bool has_failed = is_failed(record);
  if (has_failed || is_sampled(record))
    recent_countries_.take(name.service->name->service, country, has_failed ? 1 : std::max(name.sample, 1U),
                           has_failed);
  hand_out(name.backend != nullptr ? name.backend->name : name.service->name, record, country);
}

void KpiPipeline::hand_out(const std::shared_ptr<const SeriesName>& series, const FlowRecord& record,
                           CountryCode country) {
  if (records_.size() >= kMostRecords) records_.pop_front();
  records_.push_back({series, record, country});
  if (!is_failed(record) && !is_sampled(record)) return;
  if (flow_rows_ >= kMostFlowRows) {
    ++tally_.flow_rows_passed_over;
    return;
  }
  ++flow_rows_;
  sinks_.flow(FlowRow{series, record, country});
}

void KpiPipeline::advance(int64_t now_us) {
  flow_rows_ = 0;
  roll_up_.advance(now_us);
  clients_.advance(now_us);
  recent_cells_.advance(now_us / kSecondUs);
  recent_countries_.advance(now_us / kSecondUs);
}

void KpiPipeline::close_all() {
  roll_up_.close_all();
}

KpiCell KpiPipeline::recent(const SeriesName& name, int64_t now_s) {
  KpiCell cell;
  recent_cells_.add_to(cell, name.key(), now_s - RecentCells::kSeconds);
  const RollUp::Handle handle = roll_up_.series(name);
  for (int64_t second = roll_up_.first_open_second(); second < now_s; ++second) {
    if (const KpiCell* open = roll_up_.open_cell(handle, second)) cell.merge(*open);
  }
  return cell;
}

}  // namespace shunt::insight
