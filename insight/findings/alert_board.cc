// Pending, firing, resolved.
#include "insight/findings/alert_board.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace shunt::insight {

std::string_view alert_severity_name(AlertSeverity severity) {
  static constexpr std::array<std::string_view, 3> kNames = {"info", "warning", "critical"};
  return kNames[static_cast<size_t>(severity)];
}

std::string_view alert_state_name(AlertState state) {
  static constexpr std::array<std::string_view, 3> kNames = {"pending", "firing", "resolved"};
  return kNames[static_cast<size_t>(state)];
}

std::string subject_text(const SeriesName& subject) {
  std::string text = !subject.service.empty() ? subject.service : subject.pool;
  if (!subject.backend.empty()) text += (text.empty() ? "" : "/") + subject.backend;
  if (subject.node.empty()) return text;
  return text.empty() ? subject.node : subject.node + " " + text;
}

void AlertBoard::tell(int64_t now_s, const LiveAlert& alert) {
  const AlertRule& rule = rules_[alert.rule];
  history_.push_back({now_s, alert.rule, subject_text(alert.subject), alert.state, alert.text});
  if (history_.size() > kMostEvents) history_.pop_front();
  put_(AlertRow{now_s, rule.name, history_.back().subject, std::string(alert_state_name(alert.state)),
                std::string(alert_severity_name(rule.severity)), alert.text});
}

void AlertBoard::ripen(int64_t now_s, Active& active) {
  LiveAlert& alert = active.alert;
  if (alert.state != AlertState::pending || now_s - alert.since_s < rules_[alert.rule].for_s) return;
  alert.state = AlertState::firing;
  const auto past = past_.find({alert.rule, alert.subject});
  if (past != past_.end()) {
    active.calm_s = std::min(kMostCalm_s, past->second.calm_s * 2);
    past_.erase(past);
  }
  tell(now_s, alert);
}

void AlertBoard::hold(int64_t now_s, const AlertCondition& condition) {
  const Key key{static_cast<size_t>(condition.rule), condition.subject};
  auto at = active_.find(key);
  if (at == active_.end()) {
    if (active_.size() >= kMostAlerts) {
      ++passed_over_;
      return;
    }
    Active fresh;
    fresh.alert = {key.first, condition.subject, AlertState::pending, now_s, {}};
    at = active_.emplace(key, std::move(fresh)).first;
  }
  at->second.alert.text = condition.text;
  at->second.held_s = now_s;
  ripen(now_s, at->second);
}

void AlertBoard::resolve(int64_t now_s) {
  for (auto at = active_.begin(); at != active_.end();) {
    Active& active = at->second;
    const bool pending = active.alert.state == AlertState::pending;
    if (active.held_s == now_s || (!pending && now_s - active.held_s < active.calm_s)) {
      ++at;
      continue;
    }
    if (!pending) {
      active.alert.state = AlertState::resolved;
      tell(now_s, active.alert);
      past_[at->first] = {now_s, active.calm_s};
    }
    at = active_.erase(at);
  }
  std::erase_if(past_, [&](const auto& past) { return now_s - past.second.resolved_s > kAgain_s; });
  while (past_.size() > kMostAlerts)
    past_.erase(past_.begin());
}

void AlertBoard::show() {
  shown_.clear();
  for (const auto& [key, active] : active_)
    shown_.push_back(active.alert);
  const auto rank = [&](const LiveAlert& alert) {
    return std::tuple(alert.state == AlertState::pending, -static_cast<int>(rules_[alert.rule].severity),
                      alert.rule);
  };
  std::sort(shown_.begin(), shown_.end(), [&](const LiveAlert& a, const LiveAlert& b) {
    const auto left = rank(a);
    const auto right = rank(b);
    return left != right ? left < right : a.subject < b.subject;
  });
}

void AlertBoard::update(int64_t now_s, const std::vector<AlertCondition>& conditions) {
  for (const AlertCondition& condition : conditions)
    hold(now_s, condition);
  resolve(now_s);
  show();
}

}  // namespace shunt::insight
