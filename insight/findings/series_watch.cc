// Values for detectors, words for people.
#include "insight/findings/series_watch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

namespace shunt::insight {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
// More flows, more of them at once, another spread: that alone harms nobody.
constexpr double kHarmOfMore = 0.25;
constexpr double kHarmOfWaiting = 0.5;  // they wait, and get what they want
constexpr double kLeastSlower_us = 500;

constexpr std::array<Kpi, 4> kHistoryKpis = {Kpi::flows, Kpi::active_flows, Kpi::latency, Kpi::share};
struct TestFacts {
  Kpi kpi;
  const char* words;
};
constexpr std::array<TestFacts, 3> kTestFacts = {
    TestFacts{Kpi::failures, "failed"}, TestFacts{Kpi::syn_retransmits, "had their SYN sent again"},
    TestFacts{Kpi::reconnects, "were a client's second attempt"}};

size_t place(Kpi kpi) {
  return static_cast<size_t>(std::find(kHistoryKpis.begin(), kHistoryKpis.end(), kpi) - kHistoryKpis.begin());
}

// How much of the series' traffic suffers.
double harm(Kpi kpi, const HistoryVerdict& verdict) {
  if (kpi == Kpi::latency) return kHarmOfWaiting;
  if (kpi == Kpi::flows && verdict.observed < verdict.low && verdict.low > 0)
    return 1 - std::max(0.0, verdict.observed) / verdict.low;
  return kHarmOfMore;
}

std::string words(Kpi kpi, const HistoryVerdict& verdict) {
  switch (kpi) {
    case Kpi::flows:
      return "flows a second: " + verdict.words;
    case Kpi::active_flows:
      return "flows at once: " + verdict.words;
    case Kpi::latency:
      return "95th percentile of handshakes in µs: " + verdict.words;
    default:
      return "part of the flows that its weight entitles it to: " + verdict.words;
  }
}

}  // namespace

void SeriesWatch::against_past(const SeriesInput& input, Kpi kpi, double value, std::vector<Sighting>& out) {
  std::unique_ptr<HistoryWatch>& history = histories_[place(kpi)];
  if (history == nullptr) {
    // What never was anything else than 0 has no past yet.
    if (!std::isfinite(value) || value == 0) return;
    history = std::make_unique<HistoryWatch>();
  }
  if (input.learning) {
    history->learn(input.begin_s, value);
    return;
  }
  const std::optional<HistoryVerdict> verdict = history->observe(input.begin_s, value);
  if (!verdict) return;
  // Quicker than ever is no trouble, and comes with each recovery; a fraction of a millisecond is none
  // either.
  if (kpi == Kpi::latency && verdict->opens && verdict->observed < verdict->high + kLeastSlower_us) return;
  const double unit = kpi == Kpi::share ? input.fair_share : 1;
  Sighting seen;
  seen.series = *input.name;
  seen.kpi = kpi;
  seen.detector = expert_name(verdict->expert);
  seen.opens = verdict->opens;
  seen.p_value = verdict->p_value;
  seen.traffic = input.traffic * harm(kpi, *verdict);
  seen.observed = verdict->observed * unit;
  seen.expected_low = std::max(0.0, verdict->low * unit);
  seen.expected_high = std::max(0.0, verdict->high * unit);
  seen.reason = words(kpi, *verdict);
  out.push_back(std::move(seen));
}

void SeriesWatch::against_usual(const SeriesInput& input, size_t test, uint64_t counted, uint64_t flows,
                                std::vector<Sighting>& out) {
  const TestFacts& facts = kTestFacts[test];
  // Of a service it is known from the first minute on what would be too much.
  const bool has_limit = facts.kpi == Kpi::failures && input.name->is_service();
  const FailureVerdict verdict = tests_[test].observe(
      counted, flows,
      has_limit ? std::min(FailureTest::kNoLimit, kFastBurn * input.budget) : FailureTest::kNoLimit);
  if (!verdict.failing || input.learning) return;
  Sighting seen;
  seen.series = *input.name;
  seen.kpi = facts.kpi;
  seen.detector = verdict.by_limit ? "burn" : "binomial";
  seen.p_value = std::min(1.0, verdict.p_value * HistoryWatch::kValuesADay);
  seen.observed = static_cast<double>(verdict.failures) / static_cast<double>(verdict.flows);
  seen.expected_high = verdict.usual_ratio * FailureTest::kTimes;
  seen.traffic = input.traffic * seen.observed;
  if (facts.kpi == Kpi::failures && input.service_ended > 0) {
    const auto ended = static_cast<double>(input.cell->cell.counts.ended());
    seen.traffic = seen.observed * std::min(1.0, ended / static_cast<double>(input.service_ended));
    seen.slo_burn = failing() / input.budget;  // what this costs of the service's budget
  }
  seen.reason = failure_words(verdict, facts.words);
  if (verdict.by_limit) seen.reason += ": more spends the error budget fast (what is usual isn't known yet)";
  out.push_back(std::move(seen));
}

double SeriesWatch::failing() const {
  Ended sum;
  for (const Ended& ended : ended_) {
    sum.failures += ended.failures;
    sum.all += ended.all;
  }
  return sum.all > 0 ? std::min(1.0, static_cast<double>(sum.failures) / static_cast<double>(sum.all)) : 0;
}

void SeriesWatch::observe(const SeriesInput& input, std::vector<Sighting>& out) {
  const SummedCell& cell = *input.cell;
  const KpiCounts& counts = cell.cell.counts;
  last_s_ = input.begin_s;
  connect_.add(cell.cell.connect());
  ended_[next_] = {counts.failures(), input.service_ended};
  next_ = (next_ + 1) % ended_.size();
  if (!input.judged) return;
  if (input.name->is_service()) {
    against_past(input, Kpi::flows, cell.complete ? cell.flows : kMissing, out);
    against_past(input, Kpi::active_flows, cell.complete ? cell.active : kMissing, out);
  } else if (input.share && input.fair_share > 0) {
    against_past(input, Kpi::share, *input.share / input.fair_share, out);
  }
  against_past(input, Kpi::latency, connect_.quantile(0.95), out);
  against_usual(input, 0, counts.failures(), counts.ended(), out);
  against_usual(input, 1, counts[KpiCount::syn_retransmits], counts[KpiCount::opened], out);
  against_usual(input, 2, counts[KpiCount::reconnects], counts[KpiCount::opened], out);
}

void SeriesWatch::accept(Kpi kpi) {
  const size_t history = place(kpi);
  if (history < kHistories && histories_[history] != nullptr) histories_[history]->accept();
  for (size_t i = 0; i < kTests; ++i)
    if (kTestFacts[i].kpi == kpi) tests_[i].accept();
}

size_t SeriesWatch::detectors() const {
  return kTests + static_cast<size_t>(std::count_if(histories_.begin(), histories_.end(),
                                                    [](const auto& history) { return history != nullptr; }));
}

}  // namespace shunt::insight
