// The conditions of flows.yml, each in its order there.
#include "insight/findings/flow_alerts.h"

#include <algorithm>
#include <cmath>

#include "insight/detect/severity.h"
#include "insight/findings/alert_words.h"

namespace shunt::insight {
namespace {

constexpr int64_t kFiveMinutes = 300;
constexpr int64_t kHour = 3'600;
constexpr int64_t kDay = 86'400;
constexpr double kMonth = 30 * kDay;
constexpr double kSlow_us = 200'000;
constexpr uint64_t kLeastTimes = 20;
constexpr double kLeastRate = 0.1;  // flows a second

void hold(std::vector<AlertCondition>& out, AlertName rule, const SeriesName& subject, std::string text) {
  out.push_back({rule, subject, std::move(text)});
}

std::string five_minutes(const FlowWindow& window) {
  return window_words(kFiveMinutes, window.known(kFiveMinutes));
}

double share(uint64_t part, uint64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

MinuteHistory* FlowAlerts::minutes_of(const SeriesName& name, Watched& watched) {
  if (!name.is_service()) return nullptr;
  if (watched.minutes == nullptr && histories_ < kMostServices) {
    watched.minutes = std::make_shared<MinuteHistory>();
    ++histories_;
  }
  return watched.minutes.get();
}

void FlowAlerts::learn_minute(int64_t begin_s, const SeriesName& name, const KpiCell& cell) {
  if (!name.is_service() || (!series_.contains(name) && series_.size() >= kMostServices)) return;
  if (MinuteHistory* minutes = minutes_of(name, series_[name])) {
    minutes->add_minute(begin_s, flow_counts(cell.counts));
    int64_t& told = told_until_s_[name.service];
    told = std::max(told, begin_s + 60);
  }
}

void FlowAlerts::take(int64_t begin_s, const NodeSum::Interval& interval) {
  for (const auto& [name, cell] : interval) {
    Watched& watched = series_[name];
    watched.window.add(begin_s, cell.cell, cell.complete);
    watched.weight = cell.weight.value_or(0);
    MinuteHistory* minutes = minutes_of(name, watched);
    if (minutes == nullptr) continue;
    const auto told = told_until_s_.find(name.service);
    if (told == told_until_s_.end() || begin_s >= told->second)
      minutes->add(begin_s, flow_counts(cell.cell.counts));
  }
  std::erase_if(series_, [&](const auto& known) {
    // A service's minutes are worth keeping while it is silent.
    const int64_t patience = known.second.minutes != nullptr ? kDay : kForgotten_s;
    const int64_t newest = known.second.window.newest_s();
    if (newest < 0 || newest > begin_s - patience) return false;
    histories_ -= known.second.minutes != nullptr ? 1U : 0U;
    told_until_s_.erase(known.first.is_service() ? known.first.service : std::string());
    return true;
  });
}

void FlowAlerts::judge_service(const SeriesName& name, const Watched& watched,
                               std::vector<AlertCondition>& out) const {
  const FlowCounts counts = watched.window.last(kFiveMinutes);
  const double rate = watched.window.rate(kFiveMinutes);
  const QuantileSketch response = watched.window.response();
  if (response.count() >= kLeastTimes && response.quantile(0.95) > kSlow_us)
    hold(out, AlertName::high_latency, name,
         "95 of 100 answers took up to " + duration_words(response.quantile(0.95)) + " in " +
             five_minutes(watched.window));
  if (counts.failure_ratio() > 0.05 && rate > kLeastRate)
    hold(out, AlertName::high_failure_ratio, name,
         percent_words(counts.failure_ratio()) + " of the flows that ended in " +
             five_minutes(watched.window) + " failed");
  const FlowCounts minute = watched.window.last(60);
  const double refused = share(minute.refused, uint64_t{60});
  if (refused > 0.1)
    hold(out, AlertName::flows_refused, name, number_words(refused) + " flows a second are turned away");
  const double meant = static_cast<double>(counts.opened) - static_cast<double>(counts.reconnects);
  const double attempts = static_cast<double>(counts.opened + counts.syn_retransmits) / std::max(meant, 1e-9);
  if (rate > 1 && attempts > 1.5)
    hold(out, AlertName::retry_storm, name,
         meant > 0 ? "each connection that clients want takes " + number_words(attempts) + " attempts"
                   : "all flows are repetitions");
}

void FlowAlerts::judge_budget(const SeriesName& name, const Watched& watched,
                              std::vector<AlertCondition>& out) const {
  if (watched.minutes == nullptr) return;
  const MinuteHistory& minutes = *watched.minutes;
  const double now = watched.window.last(kFiveMinutes).failure_ratio();
  const double rate = watched.window.rate(kFiveMinutes);
  const auto burns = [&](int64_t seconds, double times) {
    return minutes.last(seconds).failure_ratio() > times * budget_;
  };
  // Of what is known: who began to watch a minute ago says so, and doesn't wait for an hour.
  const auto failed_in = [&](int64_t seconds) {
    return percent_words(minutes.last(seconds).failure_ratio()) + " of the flows failed in " +
           window_words(seconds, minutes.known(seconds));
  };
  if (burns(kHour, kFastBurn) && now > kFastBurn * budget_ && rate > kLeastRate)
    hold(out, AlertName::error_budget_burn_fast, name,
         failed_in(kHour) + ", and so they do now: an hour of that costs " +
             percent_words(minutes.last(kHour).failure_ratio() / budget_ * kHour / kMonth) +
             " of a month's budget");
  const bool slow = (burns(6 * kHour, 6) && burns(kHour / 2, 6)) || (burns(kDay, 3) && burns(2 * kHour, 3)) ||
                    (burns(3 * kDay, 1) && burns(6 * kHour, 1));
  if (slow)
    hold(out, AlertName::error_budget_burn_slow, name,
         failed_in(6 * kHour) + ", and still do: more than the objective allows");
}

void FlowAlerts::judge_traffic(const SeriesName& name, const Watched& watched,
                               std::vector<AlertCondition>& out) const {
  if (watched.minutes == nullptr || !watched.minutes->knows(6 * kHour)) return;
  const double rate = watched.window.rate(kFiveMinutes);
  const std::optional<double> high = watched.minutes->usual_rate(0.9);
  const std::optional<double> low = watched.minutes->usual_rate(0.1);
  if (high && rate > 3 * *high && rate > 10)
    hold(out, AlertName::traffic_spike, name,
         number_words(rate) + " new flows a second; its busiest hours have " + number_words(*high));
  // A node that is missing isn't traffic that is missing.
  if (low && *low > 1 && rate < 0.2 * *low && watched.window.complete())
    hold(out, AlertName::traffic_drop, name,
         number_words(rate) + " new flows a second; its quietest hours have " + number_words(*low));
}

void FlowAlerts::judge_backend(const SeriesName& name, const Watched& watched,
                               std::vector<AlertCondition>& out) const {
  const FlowCounts counts = watched.window.last(kFiveMinutes);
  const double rate = watched.window.rate(kFiveMinutes);
  const QuantileSketch connect = watched.window.connect();
  if (connect.count() >= kLeastTimes && connect.quantile(0.95) > kSlow_us)
    hold(out, AlertName::backend_slow, name,
         "95 of 100 handshakes took up to " + duration_words(connect.quantile(0.95)) + " in " +
             five_minutes(watched.window));
  if (counts.failure_ratio() > 0.1 && rate > kLeastRate)
    hold(out, AlertName::backend_high_failure_ratio, name,
         percent_words(counts.failure_ratio()) + " of the flows that ended in " +
             five_minutes(watched.window) + " failed");
  const double repeated = share(counts.syn_retransmits, counts.opened);
  if (repeated > 0.05 && rate > kLeastRate)
    hold(out, AlertName::syn_retransmits_high, name,
         number_words(repeated) + " SYNs are repeated for each flow");
}

void FlowAlerts::judge_siblings(const std::vector<Backend>& pool, std::vector<AlertCondition>& out) const {
  constexpr double kTimesMedian = 3;
  constexpr double kLeastSlow_us = 5'000;
  struct Half {
    const SeriesName* name;
    double us;
    uint64_t times;
  };
  std::vector<Half> halves;
  std::vector<double> sorted;
  for (const Backend& backend : pool) {
    const QuantileSketch connect = backend.watched->window.connect();
    if (connect.empty()) continue;
    halves.push_back({backend.name, connect.quantile(0.5), connect.count()});
    sorted.push_back(halves.back().us);
  }
  if (halves.size() < 3) return;
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  const double median = sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  for (const Half& half : halves)
    if (half.us > kTimesMedian * median && half.us > kLeastSlow_us && half.times >= kLeastTimes)
      hold(out, AlertName::backend_peer_outlier, *half.name,
           "half of its handshakes took " + duration_words(half.us) + " or more, of its middle sibling's " +
               duration_words(median));
}

void FlowAlerts::judge_balance(const std::vector<Backend>& pool, const Standing& standing,
                               std::vector<AlertCondition>& out) const {
  double sum = 0;
  double most = 0;
  double flows = 0;
  size_t count = 0;
  const SeriesName* busiest = nullptr;
  for (const Backend& backend : pool) {
    const BackendStanding* known = standing.find(*backend.name);
    const double rate = backend.watched->window.rate(kFiveMinutes);
    if (!std::isnan(rate)) flows += rate;
    // Who began to serve a while ago is at another part of its flows than of its time.
    if (known == nullptr || known->state != BackendState::up ||
        standing.now_s() - known->changed_s < kFiveMinutes || !(backend.watched->weight > 0) ||
        std::isnan(rate))
      continue;
    const double by_weight = rate / backend.watched->weight;
    sum += by_weight;
    ++count;
    if (by_weight <= most) continue;
    most = by_weight;
    busiest = backend.name;
  }
  if (count == 0 || busiest == nullptr || flows / static_cast<double>(count) <= 0.5) return;
  const double times = most / (sum / static_cast<double>(count));
  if (times <= 1.5) return;
  hold(out, AlertName::load_imbalance, {{}, busiest->service, busiest->pool, {}},
       "backend " + busiest->backend + " gets " + number_words(times) + " times its part of the new flows");
}

void FlowAlerts::judge(const Standing& standing, std::vector<AlertCondition>& out) const {
  std::vector<Backend> pool;
  const auto end_pool = [&] {
    judge_siblings(pool, out);
    judge_balance(pool, standing, out);
    pool.clear();
  };
  for (const auto& [name, watched] : series_) {
    if (watched.window.newest_s() < standing.now_s() - 60) continue;  // silent: nothing can be said of now
    if (!pool.empty() && (pool.front().name->pool != name.pool || pool.front().name->service != name.service))
      end_pool();
    if (name.is_service()) {
      judge_service(name, watched, out);
      judge_budget(name, watched, out);
      judge_traffic(name, watched, out);
    } else {
      judge_backend(name, watched, out);
      pool.push_back({&name, &watched});
    }
  }
  end_pool();
}

}  // namespace shunt::insight
