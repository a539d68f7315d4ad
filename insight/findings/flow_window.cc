// Rings by time: a slot that holds another time is empty.
#include "insight/findings/flow_window.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace shunt::insight {
namespace {

uint32_t narrow(uint64_t value) {
  return static_cast<uint32_t>(std::min<uint64_t>(value, std::numeric_limits<uint32_t>::max()));
}

}  // namespace

void FlowCounts::add(const FlowCounts& other) {
  opened += other.opened;
  ended += other.ended;
  failures += other.failures;
  syn_retransmits += other.syn_retransmits;
  reconnects += other.reconnects;
  refused += other.refused;
  intervals += other.intervals;
}

FlowCounts flow_counts(const KpiCounts& counts) {
  FlowCounts made;
  made.opened = counts[KpiCount::opened];
  made.ended = counts.ended();
  made.failures = counts.failures();
  made.syn_retransmits = counts[KpiCount::syn_retransmits];
  made.reconnects = counts[KpiCount::reconnects];
  made.refused = counts[KpiCount::no_backend] + counts[KpiCount::shed];
  made.intervals = 1;
  return made;
}

void FlowWindow::add(int64_t begin_s, const KpiCell& cell, bool complete) {
  if (begin_s <= newest_s_) return;
  newest_s_ = begin_s;
  slots_[static_cast<size_t>(begin_s / kInterval_s) % kIntervals] = {begin_s, complete,
                                                                     flow_counts(cell.counts)};
  const int64_t minute = begin_s / 60;
  Times& times = times_[static_cast<size_t>(minute) % kTimes];
  if (times.minute != minute) times = Times{minute, {}, {}};
  times.connect.merge(cell.connect());
  times.response.merge(cell.response());
}

FlowCounts FlowWindow::last(int64_t seconds) const {
  FlowCounts all;
  for (const Slot& slot : slots_)
    if (slot.begin_s >= 0 && slot.begin_s > newest_s_ - seconds) all.add(slot.counts);
  return all;
}

Coverage FlowWindow::known(int64_t seconds) const {
  int64_t first_s = newest_s_;
  Coverage coverage;
  for (const Slot& slot : slots_) {
    if (slot.begin_s < 0 || slot.begin_s <= newest_s_ - seconds) continue;
    coverage.known_s += kInterval_s;
    first_s = std::min(first_s, slot.begin_s);
  }
  coverage.has_gaps = coverage.known_s < newest_s_ + kInterval_s - first_s;
  return coverage;
}

double FlowWindow::rate(int64_t seconds) const {
  const FlowCounts counts = last(seconds);
  if (counts.intervals == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(counts.opened) / (static_cast<double>(kInterval_s) * counts.intervals);
}

QuantileSketch FlowWindow::merged(QuantileSketch Times::* which) const {
  QuantileSketch all;
  for (const Times& times : times_)
    if (times.minute >= 0 && times.minute > newest_s_ / 60 - static_cast<int64_t>(kTimes))
      all.merge(times.*which);
  return all;
}

QuantileSketch FlowWindow::connect() const {
  return merged(&Times::connect);
}

QuantileSketch FlowWindow::response() const {
  return merged(&Times::response);
}

bool FlowWindow::complete() const {
  return std::all_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.complete || slot.begin_s <= newest_s_ - static_cast<int64_t>(kIntervals) * kInterval_s;
  });
}

void MinuteHistory::add(int64_t begin_s, const FlowCounts& counts, int64_t seconds) {
  const int64_t minute = begin_s / 60;
  if (begin_s < 0 || minute <= newest_ - kMinutes) return;
  newest_ = std::max(newest_, minute);
  Slot& slot = slots_[static_cast<size_t>(minute % kMinutes)];
  if (slot.minute != minute) slot = Slot{minute, 0, 0, 0, 0};
  slot.opened = narrow(slot.opened + counts.opened);
  slot.ended = narrow(slot.ended + counts.ended);
  slot.failures = narrow(slot.failures + counts.failures);
  // Several nodes tell of the same minute.
  slot.known_s = std::min<uint32_t>(60, slot.known_s + static_cast<uint32_t>(seconds));
}

const MinuteHistory::Slot* MinuteHistory::at(int64_t minute) const {
  if (minute < 0) return nullptr;
  const Slot& slot = slots_[static_cast<size_t>(minute % kMinutes)];
  return slot.minute == minute ? &slot : nullptr;
}

FlowCounts MinuteHistory::last(int64_t seconds) const {
  FlowCounts all;
  for (int64_t minute = newest_; minute > newest_ - seconds / 60; --minute) {
    const Slot* slot = at(minute);
    if (slot == nullptr) continue;
    all.opened += slot->opened;
    all.ended += slot->ended;
    all.failures += slot->failures;
    ++all.intervals;
  }
  return all;
}

Coverage MinuteHistory::known(int64_t seconds) const {
  constexpr int64_t kEnds_s = 120;  // the first and the last minute may be known in part
  int64_t first = newest_;
  Coverage coverage;
  for (int64_t minute = newest_; minute > newest_ - seconds / 60; --minute) {
    const Slot* slot = at(minute);
    if (slot == nullptr) continue;
    coverage.known_s += slot->known_s;
    first = minute;
  }
  coverage.has_gaps = coverage.known_s + kEnds_s < (newest_ + 1 - first) * 60;
  return coverage;
}

bool MinuteHistory::knows(int64_t ago_s) const {
  for (int64_t minute = newest_ - ago_s / 60; minute > newest_ - ago_s / 60 - 15; --minute)
    if (at(minute) != nullptr) return true;
  return false;
}

std::optional<double> MinuteHistory::usual_rate(double quantile) const {
  constexpr int64_t kSpan = 5;
  std::vector<double> rates;
  for (int64_t end = newest_ - 15; end > newest_ - 15 - 24 * 60; end -= kSpan) {
    uint64_t opened = 0;
    int64_t known = 0;
    for (int64_t minute = end; minute > end - kSpan; --minute) {
      const Slot* slot = at(minute);
      if (slot == nullptr) continue;
      opened += slot->opened;
      ++known;
    }
    if (known > 0) rates.push_back(static_cast<double>(opened) / static_cast<double>(60 * known));
  }
  if (rates.empty()) return std::nullopt;
  std::sort(rates.begin(), rates.end());
  return rates[static_cast<size_t>(quantile * static_cast<double>(rates.size() - 1) + 0.5)];
}

}  // namespace shunt::insight
