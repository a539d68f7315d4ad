#include "insight/program/past.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

namespace shunt::insight {
namespace {

constexpr int64_t kDay_s = 86'400;
constexpr int64_t kMinutes_s = 3 * kDay_s;  // for error budgets and the usual amount of traffic
constexpr int64_t kTens_s = 6 * 3'600;      // for detectors
constexpr int64_t kOpen_s = 30 * kDay_s;    // older ones that are still open were forgotten by somebody
constexpr size_t kMostBackends = 500;       // of a service
constexpr size_t kMostOpen = 500;

template <typename Enum, typename Name>
Enum parsed(std::string_view text, size_t count, Enum otherwise, Name name) {
  for (size_t i = 0; i < count; ++i) {
    if (name(static_cast<Enum>(i)) == text) return static_cast<Enum>(i);
  }
  return otherwise;
}

Severity severity_named(std::string_view text) {
  return parsed(text, 4, Severity::info, severity_name);
}

SeriesQuestion whole(const std::string& service) {
  SeriesQuestion question;
  question.service = service;
  return question;
}

// A file that nobody has written yet; a server is asked.
bool is_new_file(const std::string& url) {
  if (url.starts_with("postgres")) return false;
  const std::string path = url.starts_with("sqlite:") ? url.substr(7) : url;
  std::error_code ignored;
  return !std::filesystem::exists(path, ignored);
}

class PastReader {
 public:
  PastReader(WarehouseReader& reader, int64_t now_s) : reader_(reader), now_s_(now_s) {}

  Result<Past> read() {
    auto unfinished = reader_.unfinished();
    if (!unfinished) return unfinished.error();
    past_.unfinished = unfinished.take();
    if (auto noticed = read_noticed(); !noticed) return noticed.error();
    if (auto learned = read_learned(); !learned) return learned.error();
    return std::move(past_);
  }

 private:
  Result<Ok> read_noticed() {
    const TimeRange range{now_s_ - kOpen_s, now_s_ + kDay_s};
    AnomalyQuestion newest;
    newest.limit = kMostOpen;
    auto anomalies = reader_.anomalies(range, newest);
    if (!anomalies) return anomalies.error();
    for (const AnomalyRow& row : anomalies.value()) {
      past_.last_id = std::max(past_.last_id, row.id);
      if (!row.closed_s) past_.anomalies.push_back(restored(row));
    }
    auto incidents = reader_.incidents(range, false, kMostOpen);
    if (!incidents) return incidents.error();
    for (const IncidentRow& row : incidents.value()) {
      past_.last_id = std::max(past_.last_id, row.id);
      if (!row.closed_s) past_.incidents.push_back(restored_incident(row));
    }
    return Ok{};
  }

  FoundIncident restored_incident(const IncidentRow& row) const {
    FoundIncident found;
    found.id = row.id;
    found.incident.start_s = found.incident.end_s = row.opened_s;
    found.incident.severity = severity_named(row.severity);
    found.incident.headline = row.cause;
    found.incident.words = row.text;
    if (row.root) {
      Cause cause;
      cause.subject = {row.root->service, row.root->backend};
      cause.why = "as it was found before";
      found.incident.causes.push_back(cause);
    }
    for (const FoundAnomaly& anomaly : past_.anomalies) {
      if (anomaly.incident == row.id) found.members.push_back(anomaly.id);
    }
    return found;
  }

  // Services by the minute, then services and their backends by ten seconds; each oldest first.
  Result<Ok> read_learned() {
    const TimeRange days{now_s_ - kMinutes_s, now_s_};
    const TimeRange hours{now_s_ - kTens_s, now_s_};
    auto services = reader_.counts(WarehouseReader::Whose::services, "", days, now_s_);
    if (!services) return services.error();
    for (const auto& service : services.value()) {
      auto series =
          reader_.time_series(whole(service.service), days, now_s_, static_cast<size_t>(kMinutes_s / 60));
      if (!series) return series.error();
      learn({"", service.service, "", ""}, series.value(), Resolution::minute);
    }
    sort_from(0);
    const size_t first = past_.learned.size();
    for (const auto& service : services.value()) {
      if (auto done = learn_tens(service.service, hours); !done) return done.error();
    }
    sort_from(first);
    return Ok{};
  }

  Result<Ok> learn_tens(const std::string& service, TimeRange range) {
    constexpr size_t kPoints = kTens_s / 10;
    auto together = reader_.time_series(whole(service), range, now_s_, kPoints);
    if (!together) return together.error();
    learn({"", service, "", ""}, together.value(), Resolution::ten_seconds);
    auto backends = reader_.backend_series(service, range, now_s_, kPoints, kMostBackends);
    if (!backends) return backends.error();
    for (const BackendSeries& each : backends.value())
      learn({"", service, each.pool, each.backend}, each.series, Resolution::ten_seconds);
    return Ok{};
  }

  void learn(SeriesName name, const TimeSeries& series, Resolution resolution) {
    if (series.step_s != seconds_of(resolution)) return;  // that table doesn't go back so far
    const auto shared = std::make_shared<const SeriesName>(std::move(name));
    for (const TimePoint& point : series.points) {
      if (past_.learned.size() == kMostLearned) return;
      past_.learned.push_back({resolution, point.begin_s, shared, point.cell});
    }
  }

  void sort_from(size_t first) {
    std::ranges::sort(past_.learned.begin() + static_cast<std::ptrdiff_t>(first), past_.learned.end(), {},
                      [](const ClosedCell& cell) { return std::pair(cell.begin_s, cell.series->key()); });
  }

  WarehouseReader& reader_;
  const int64_t now_s_;
  Past past_;
};

}  // namespace

FoundAnomaly restored(const AnomalyRow& row) {
  FoundAnomaly found;
  found.id = row.id;
  if (row.series) found.series = *row.series;
  found.detector = row.detector;
  found.incident = row.incident;
  found.open = !row.closed_s;
  found.anomaly.subject = {found.series.service, found.series.backend};
  found.anomaly.kpi = parsed(row.kpi, kKpis, Kpi::flows, kpi_name);
  found.anomaly.start_s = row.opened_s;
  found.anomaly.end_s = row.closed_s.value_or(row.opened_s);
  found.anomaly.score = row.score;
  found.anomaly.severity = severity_named(row.severity);
  found.anomaly.observed = row.observed;
  found.anomaly.expected_low = row.expected_low.value_or(0);
  found.anomaly.expected_high = row.expected_high.value_or(0);
  found.anomaly.reason = row.reason;
  return found;
}

Result<Past> read_past(const DatabaseAddress& address, const RetentionSettings& retention, int64_t now_s) {
  if (is_new_file(address.url)) return Past{};
  auto reader = WarehouseReader::open(address, retention);
  if (!reader) return reader.error();
  return PastReader(reader.value(), now_s).read();
}

}  // namespace shunt::insight
