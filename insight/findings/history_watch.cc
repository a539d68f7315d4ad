// From widths of a range to a probability, and holding on.
#include "insight/findings/history_watch.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "insight/detect/flat_run.h"
#include "insight/detect/record_range.h"

namespace shunt::insight {
namespace {

// Of the band's end: a series that hardly moves makes a trifle unusual.
constexpr double kLeastBeyond = 0.1;
// A run of the same value that is so many times as long as any before it lies as many widths less one beyond
// them.
constexpr double kStillWidths = FlatRun::kTimes - 1;

// Whether the band is one of values, so that later ones can be held against it.
bool is_of_values(Expert expert) {
  return expert == Expert::value || expert == Expert::departure || expert == Expert::robust_z;
}

bool is_trifle(const Band& band) {
  const double end = band.observed > band.high ? band.high : band.low;
  const double beyond = band.observed > band.high ? band.observed - band.high : band.low - band.observed;
  return beyond < kLeastBeyond * std::fabs(end);
}

double chance_beyond(double widths, double values) {
  return std::min(1.0, HistoryWatch::kValuesADay * std::pow(values, -(1 + widths)));
}

}  // namespace

double HistoryWatch::chance(double score, uint32_t values) {
  if (!(score > 0) || values < RecordRange::kFewest) return 1;
  const double n = values;
  // The range's own discount for its youth is taken back: n counts here already.
  return chance_beyond(score * (n + RecordRange::kYoung) / n, n);
}

std::optional<HistoryVerdict> HistoryWatch::hold(int64_t time_s, double value) {
  if (!held_) return std::nullopt;
  const HistoryVerdict& then = held_->verdict;
  const bool outside = value < then.low || value > then.high;
  const bool lasts = then.expert == Expert::flatline ? !outside : is_of_values(then.expert) && outside;
  if (!lasts || time_s - held_->since_s > kNewNormal_s) {
    held_.reset();
    return std::nullopt;
  }
  HistoryVerdict still = then;
  still.opens = false;
  still.observed = value;
  return still;
}

std::optional<HistoryVerdict> HistoryWatch::observe(int64_t time_s, double value) {
  if (!std::isfinite(value)) return std::nullopt;
  const Verdict verdict = detector_.observe(time_s, value);
  const bool stands_still = verdict.score > 0 && verdict.expert == Expert::flatline;
  const double p_value =
      stands_still ? chance_beyond(kStillWidths, std::max(values_, 1U)) : chance(verdict.score, values_);
  if (values_ < std::numeric_limits<uint32_t>::max()) ++values_;
  const bool unusual = verdict.score >= GateSettings{}.threshold && p_value <= kRarest &&
                       verdict.p_value <= kRarestOfOwn && (stands_still || !is_trifle(verdict.band));
  if (!unusual) return hold(time_s, value);
  HistoryVerdict found{true,
                       p_value,
                       verdict.band.observed,
                       verdict.band.low,
                       verdict.band.high,
                       verdict.expert,
                       verdict_words(verdict)};
  if (!held_) held_ = Held{time_s, found};
  return found;
}

void HistoryWatch::learn(int64_t time_s, double value) {
  if (!std::isfinite(value)) return;
  detector_.observe(time_s, value);
  if (values_ < std::numeric_limits<uint32_t>::max()) ++values_;
}

void HistoryWatch::accept() {
  detector_.accept();
  held_.reset();
}

}  // namespace shunt::insight
