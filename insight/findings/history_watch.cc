// From widths of a range to a probability, and holding on.
#include "insight/findings/history_watch.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "insight/detect/record_range.h"

namespace shunt::insight {
namespace {

// Of the band's end: a series that hardly moves makes a trifle unusual.
constexpr double kLeastBeyond = 0.1;

// Whether the band is one of values, so that later ones can be held against it.
bool is_of_values(Expert expert) {
  return expert == Expert::value || expert == Expert::departure || expert == Expert::robust_z;
}

bool is_trifle(const Band& band) {
  const double end = band.observed > band.high ? band.high : band.low;
  const double beyond = band.observed > band.high ? band.observed - band.high : band.low - band.observed;
  return beyond < kLeastBeyond * std::fabs(end);
}

}  // namespace

double HistoryWatch::chance(double score, uint32_t values) {
  if (!(score > 0) || values < RecordRange::kFewest) return 1;
  const double n = values;
  // The range's own discount for its youth is taken back: n counts here already.
  const double widths = score * (n + RecordRange::kYoung) / n;
  return std::min(1.0, kValuesADay * std::pow(n, -(1 + widths)));
}

std::optional<HistoryVerdict> HistoryWatch::hold(int64_t time_s, double value) {
  if (!held_) return std::nullopt;
  const HistoryVerdict& then = held_->verdict;
  const bool outside = value < then.low || value > then.high;
  if (!is_of_values(then.expert) || !outside || time_s - held_->since_s > kNewNormal_s) {
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
  const double p_value = chance(verdict.score, values_);
  if (values_ < std::numeric_limits<uint32_t>::max()) ++values_;
  const bool unusual = verdict.score >= GateSettings{}.threshold && p_value <= kRarest &&
                       verdict.p_value <= kRarestOfOwn && !is_trifle(verdict.band);
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
