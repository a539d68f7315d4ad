#include "insight/kpi/roll_up.h"

#include <algorithm>
#include <utility>

namespace shunt::insight {
namespace {

constexpr int64_t kMicroseconds = 1'000'000;

int64_t second_of(int64_t us) {
  return us >= 0 ? us / kMicroseconds : (us - kMicroseconds + 1) / kMicroseconds;
}

void add_times(KpiCell& cell, const FlowRecord& record) {
  if (record.connect_us != 0)
    cell.timing((record.flags & kFlowConnectAck) != 0 ? KpiTiming::connect_ack : KpiTiming::connect_synack)
        .add(record.connect_us);
  if (record.first_byte_us != 0) cell.timing(KpiTiming::first_byte).add(record.first_byte_us);
  cell.timing(KpiTiming::duration).add(record.duration_ms);
}

}  // namespace

RollUp::RollUp(const RollUpSettings& settings, int64_t now_us, Sink sink)
    : settings_(settings), sink_(std::move(sink)), open_from_(second_of(now_us)), now_s_(open_from_) {
  add_series(other_series());
}

RollUp::Handle RollUp::add_series(const SeriesName& name) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(series_.size()));
    series_.emplace_back();
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  Series& series = series_[index];
  series.name = std::make_shared<const SeriesName>(name);
  series.seconds.assign(static_cast<size_t>(settings_.lateness_s + settings_.ahead_s + 2), {});
  by_key_.emplace(name.key(), index);
  return {index, series.generation};
}

RollUp::Handle RollUp::series(const SeriesName& name) {
  const auto found = by_key_.find(name.key());
  if (found != by_key_.end()) return {found->second, series_[found->second].generation};
  if (by_key_.size() > settings_.max_series) return {0, series_[0].generation};
  return add_series(name);
}

RollUp::Series* RollUp::find(Handle handle) {
  if (handle.index >= series_.size() || series_[handle.index].generation != handle.generation) return nullptr;
  if (handle.index == 0) ++tally_.collapsed;
  return &series_[handle.index];
}

KpiCell& RollUp::cell_of(Series& series, int64_t second) {
  TimedCell& cell = slot(series, second);
  cell.used = true;
  cell.begin_s = second;
  return cell.cell;
}

bool RollUp::take(Handle handle, const FlowRecord& record) {
  Series* series = find(handle);
  if (series == nullptr) return false;
  ++tally_.records;
  const int64_t second = static_cast<int64_t>(record.ended_us / kMicroseconds);
  if (second < open_from_)
    ++tally_.late;
  else if (second > now_s_ + settings_.ahead_s)
    ++tally_.early;
  else if ((record.flags & kFlowSampled) != 0)
    add_times(cell_of(*series, second), record);
  return true;
}

bool RollUp::count(Handle handle, const CountedSpan& span) {
  Series* series = find(handle);
  if (series == nullptr) return false;
  spread(*series, span);
  return true;
}

void RollUp::spread(Series& series, const CountedSpan& span) {
  const int64_t newest = now_s_ + settings_.ahead_s;
  const int64_t to_us = std::min(span.to_us, (newest + 1) * kMicroseconds);
  const int64_t from_us = std::min(span.from_us, to_us - 1);
  // What lies in closed seconds counts in the oldest open one.
  const int64_t open_us = open_from_ * kMicroseconds;
  if (from_us < open_us) ++tally_.late_spans;
  const int64_t first = std::max(second_of(from_us), open_from_);
  const int64_t last = std::max(second_of(to_us - 1), open_from_);
  const auto width = static_cast<__uint128_t>(to_us - from_us);
  std::array<uint64_t, kKpiCounts> given{};
  for (int64_t second = first; second <= last; ++second) {
    KpiCell& cell = cell_of(series, second);
    const int64_t until_us = second == last ? to_us : (second + 1) * kMicroseconds;
    const auto passed = static_cast<__uint128_t>(std::max<int64_t>(until_us - from_us, 0));
    for (size_t i = 0; i < kKpiCounts; ++i) {
      const auto due = static_cast<uint64_t>(span.counts.values()[i] * passed / width);
      cell.counts.values()[i] += due - given[i];
      given[i] = due;
    }
    cell.active_max = std::max(cell.active_max, span.active);
    cell.seconds = 1;
    if (span.weight) cell.weight = span.weight;
  }
}

void RollUp::advance(int64_t now_us) {
  const int64_t now_s = second_of(now_us);
  if (now_s <= now_s_) return;
  now_s_ = now_s;
  const int64_t until = now_s - settings_.lateness_s;
  // Behind the open seconds of before nothing is open: a clock that jumps costs no more than they do.
  const int64_t filled = open_from_ + settings_.lateness_s + settings_.ahead_s + 2;
  for (int64_t second = open_from_; second < std::min(until, filled); ++second)
    close_second(second);
  if (until <= open_from_) return;
  open_from_ = until;
  for (Series& series : series_)
    close_coarse(series);
  forget_silent();
}

void RollUp::close_all() {
  const int64_t end = now_s_ + settings_.ahead_s + 1;
  for (int64_t second = open_from_; second < end; ++second)
    close_second(second);
  open_from_ = std::max(open_from_, end);
}

void RollUp::close_second(int64_t second) {
  for (Series& series : series_) {
    if (series.name == nullptr) continue;
    TimedCell& cell = slot(series, second);
    if (!cell.used || cell.begin_s != second) continue;
    put(series, 0, second, cell.cell);
    hand_out(series, Resolution::second, cell);
  }
}

// Into the coarse cell `level` (0: 10 s); the one before it ends with that.
void RollUp::put(Series& series, size_t level, int64_t begin_s, const KpiCell& cell) {
  if (level >= series.coarse.size()) return;
  const auto resolution = static_cast<Resolution>(level + 1);
  TimedCell& into = series.coarse[level];
  const int64_t begin = begin_of(resolution, begin_s);
  if (into.used && into.begin_s != begin) {
    put(series, level + 1, into.begin_s, into.cell);
    hand_out(series, resolution, into);
  }
  into.used = true;
  into.begin_s = begin;
  into.cell.merge(cell);
}

void RollUp::close_coarse(Series& series) {
  if (series.name == nullptr) return;
  for (size_t level = 0; level < series.coarse.size(); ++level) {
    const auto resolution = static_cast<Resolution>(level + 1);
    TimedCell& cell = series.coarse[level];
    if (!cell.used || cell.begin_s + seconds_of(resolution) > open_from_) continue;
    put(series, level + 1, cell.begin_s, cell.cell);
    hand_out(series, resolution, cell);
  }
}

void RollUp::hand_out(Series& series, Resolution resolution, TimedCell& cell) {
  ++tally_.closed;
  sink_(ClosedCell{resolution, cell.begin_s, series.name, std::move(cell.cell)});
  cell.cell = KpiCell{};
  cell.used = false;
}

void RollUp::forget_silent() {
  const auto is_used = [](const TimedCell& cell) { return cell.used; };
  for (uint32_t i = 1; i < series_.size(); ++i) {
    Series& series = series_[i];
    if (series.name == nullptr || std::any_of(series.seconds.begin(), series.seconds.end(), is_used) ||
        std::any_of(series.coarse.begin(), series.coarse.end(), is_used))
      continue;
    // One that was just asked for has nothing either: it gets a new handle.
    by_key_.erase(series.name->key());
    series.name = nullptr;
    ++series.generation;
    free_.push_back(i);
  }
}

bool RollUp::restore(Resolution resolution, int64_t begin_s, const SeriesName& name, const KpiCell& cell) {
  if (resolution == Resolution::hour || begin_s != begin_of(resolution, begin_s)) return false;
  if (begin_s > now_s_ + settings_.ahead_s) return false;
  const Handle handle = series(name);
  if (handle.index == 0 && name != other_series()) return false;
  Series& into = series_[handle.index];
  if (resolution == Resolution::second && begin_s >= open_from_) {
    cell_of(into, begin_s).merge(cell);
    return true;
  }
  const auto level = static_cast<size_t>(resolution);
  const auto above = static_cast<Resolution>(level + 1);
  if (into.coarse[level].used && into.coarse[level].begin_s > begin_of(above, begin_s)) return false;
  put(into, level, begin_s, cell);
  return true;
}

const KpiCell* RollUp::open_cell(Handle handle, int64_t second) const {
  if (handle.index >= series_.size()) return nullptr;
  const Series& series = series_[handle.index];
  if (series.generation != handle.generation || series.seconds.empty()) return nullptr;
  const TimedCell& cell = series.seconds[static_cast<size_t>(second) % series.seconds.size()];
  return cell.used && cell.begin_s == second ? &cell.cell : nullptr;
}

}  // namespace shunt::insight
