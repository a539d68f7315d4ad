// Who is asked in which order.
#include "insight/findings/findings.h"

#include <algorithm>
#include <map>
#include <utility>

#include "insight/findings/alert_board.h"
#include "insight/findings/anomaly_book.h"
#include "insight/findings/cell_watch.h"
#include "insight/findings/flow_alerts.h"
#include "insight/findings/incident_book.h"
#include "insight/findings/node_alerts.h"
#include "insight/findings/node_sum.h"
#include "insight/findings/standing.h"
#include "insight/findings/state_alerts.h"
#include "insight/findings/state_watch.h"

namespace shunt::insight {
namespace {

constexpr size_t kMostSeries = 4'000;
constexpr int64_t kWidth_s = seconds_of(Resolution::ten_seconds);

HostThresholds hosts_of(const FindingSettings& settings) {
  return {settings.cpu, settings.memory, settings.disk};
}

}  // namespace

struct Findings::Parts {
  Parts(const FindingSettings& wanted, const Put& put)
      : settings(wanted),
        sums(kMostSeries),
        cells(wanted.availability),
        states(hosts_of(wanted), wanted.availability),
        anomalies(put),
        incidents(put),
        board(alert_rules({wanted.availability, wanted.cpu, wanted.memory, wanted.disk}), put),
        flow_alerts(wanted.availability),
        state_alerts(hosts_of(wanted)) {}

  void judge_interval(int64_t begin_s, const NodeSum::Interval& interval, bool learning);
  void judge_cells();
  void judge_alerts(const LiveState& live);
  void group(int64_t now_s);
  void rank_worst();

  FindingSettings settings;
  NodeSum sums;
  CellWatch cells;
  Standing standing;
  StateWatch states;
  AnomalyBook anomalies;
  IncidentBook incidents;
  AlertBoard board;
  FlowAlerts flow_alerts;
  StateAlerts state_alerts;
  NodeAlerts node_alerts;
  bool running = false;
  int64_t learned_s = INT64_MIN;  // the newest interval of the past
  int64_t conditions_s = 0;
  uint64_t grouped_at = 0;  // AnomalyBook::changes()
  int64_t grouped_s = 0;
  std::vector<AlertCondition> flow_conditions;  // as of the newest interval
  std::map<SeriesName, Severity> worst;         // open ones; of a service its backends' included
  Tally tally;
};

void Findings::Parts::judge_interval(int64_t begin_s, const NodeSum::Interval& interval, bool learning) {
  flow_alerts.take(begin_s, interval);
  if (!settings.detect) return;
  for (const Sighting& sighting : cells.judge(begin_s, interval, standing, learning))
    anomalies.take(standing.now_s(), sighting);
}

void Findings::Parts::judge_cells() {
  // RollUp hands all cells of an interval out at once: none of these is still waited for.
  bool any = false;
  while (auto interval = sums.close_next(standing.now_s())) {
    judge_interval(interval->first, interval->second, interval->first <= learned_s);
    any = true;
  }
  // Without new cells what held goes on until they are a minute old.
  if (!any && standing.now_s() - conditions_s < kWidth_s) return;
  conditions_s = standing.now_s();
  flow_conditions.clear();
  flow_alerts.judge(standing, flow_conditions);
}

void Findings::Parts::judge_alerts(const LiveState& live) {
  std::vector<AlertCondition> conditions = flow_conditions;
  state_alerts.judge(live, standing, conditions);
  node_alerts.judge(live, conditions);
  for (const FoundAnomaly& found : anomalies.all())
    if (found.open && found.anomaly.severity == Severity::critical)
      conditions.push_back({AlertName::anomaly_critical, found.series,
                            std::string(kpi_words(found.anomaly.kpi)) + ": " + found.anomaly.reason});
  board.update(live.now_s, conditions);
}

void Findings::Parts::group(int64_t now_s) {
  constexpr int64_t kRegroup_s = 10;
  if (anomalies.changes() == grouped_at && now_s - grouped_s < kRegroup_s) return;
  if (anomalies.changes() != grouped_at || anomalies.open() > 0)
    incidents.regroup(now_s, standing.topology(), anomalies);
  grouped_at = anomalies.changes();
  grouped_s = now_s;
}

void Findings::Parts::rank_worst() {
  worst.clear();
  const auto add = [&](const SeriesName& name, Severity severity) {
    const auto [at, is_new] = worst.try_emplace(name, severity);
    if (!is_new) at->second = std::max(at->second, severity);
  };
  for (const FoundAnomaly& found : anomalies.all()) {
    if (!found.open || found.series.service.empty()) continue;
    add(found.series, found.anomaly.severity);
    if (!found.series.is_service()) add(found.series.whole_service(), found.anomaly.severity);
  }
}

Findings::Findings(const FindingSettings& settings, Put put)
    : parts_(std::make_unique<Parts>(settings, put)) {}

Findings::~Findings() = default;

void Findings::learn(const ClosedCell& cell) {
  if (parts_->running || cell.series == nullptr) return;
  if (cell.resolution == Resolution::minute) {
    SeriesName name = *cell.series;
    name.node.clear();
    parts_->flow_alerts.learn_minute(cell.begin_s, name, cell.cell);
    return;
  }
  if (cell.resolution != Resolution::ten_seconds) return;
  // Oldest first: a later interval ends the ones before it.
  while (auto interval = parts_->sums.close_next(cell.begin_s))
    parts_->judge_interval(interval->first, interval->second, true);
  parts_->learned_s = std::max(parts_->learned_s, cell.begin_s);
  if (!parts_->sums.take(cell)) ++parts_->tally.late_cells;
}

void Findings::restore(std::vector<FoundAnomaly> anomalies, std::vector<FoundIncident> incidents,
                       int64_t last_id) {
  for (const FoundIncident& incident : incidents)
    last_id = std::max(last_id, incident.id);
  parts_->anomalies.restore(std::move(anomalies), last_id);
  parts_->incidents.restore(std::move(incidents));
  parts_->rank_worst();
}

void Findings::take(const ClosedCell& cell) {
  if (cell.resolution != Resolution::ten_seconds || cell.series == nullptr) return;
  if (parts_->sums.take(cell)) return;
  if (cell.begin_s < parts_->sums.closed_until_s())
    ++parts_->tally.late_cells;
  else
    ++parts_->tally.series_passed_over;
}

void Findings::tick(const LiveState& live) {
  Parts& parts = *parts_;
  parts.standing.take(live);
  parts.running = true;
  if (parts.settings.detect)
    for (const Sighting& sighting : parts.states.look(live, parts.standing))
      parts.anomalies.take(live.now_s, sighting);
  parts.judge_cells();
  parts.anomalies.close_quiet(live.now_s);
  parts.group(live.now_s);
  parts.rank_worst();
  parts.judge_alerts(live);
  parts.tally.anomalies_passed_over = parts.anomalies.passed_over();
  parts.tally.alerts_passed_over = parts.board.passed_over();
}

bool Findings::accept(int64_t id) {
  Parts& parts = *parts_;
  const FoundAnomaly* accepted = parts.anomalies.accept(parts.standing.now_s(), id);
  if (accepted == nullptr) return false;
  parts.cells.accept(accepted->series, accepted->anomaly.kpi);
  parts.group(parts.standing.now_s());
  parts.rank_worst();
  return true;
}

const std::deque<FoundAnomaly>& Findings::anomalies() const {
  return parts_->anomalies.all();
}
const std::deque<FoundIncident>& Findings::incidents() const {
  return parts_->incidents.all();
}
const std::vector<LiveAlert>& Findings::alerts() const {
  return parts_->board.alerts();
}
const std::vector<AlertRule>& Findings::rules() const {
  return parts_->board.rules();
}
const std::deque<AlertEvent>& Findings::alert_history() const {
  return parts_->board.history();
}

std::optional<Severity> Findings::worst(const std::string& service, const std::string& pool,
                                        const std::string& backend) const {
  const auto found =
      parts_->worst.find(SeriesName{{}, service, backend.empty() ? std::string() : pool, backend});
  return found == parts_->worst.end() ? std::nullopt : std::optional(found->second);
}

size_t Findings::detectors() const {
  return parts_->cells.detectors();
}

const Findings::Tally& Findings::tally() const {
  return parts_->tally;
}

}  // namespace shunt::insight
