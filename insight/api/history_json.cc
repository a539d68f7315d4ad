#include "insight/api/history_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>

#include "insight/warehouse/reader_sql.h"
#include "stats/outcome.h"

namespace shunt::insight {
namespace {

using Totals = std::map<std::string, const KpiCell*>;

KpiCell together(const std::vector<SeriesTotal>& all) {
  KpiCell sum;
  for (const SeriesTotal& one : all)
    sum.add_beside(one.total);
  return sum;
}

void put_outcomes(JsonText& json, const KpiCounts& counts) {
  json.open("outcomes");
  for (size_t i = 0; i < kOutcomes; ++i)
    json.put(kOutcomeNames[i], counts.ended(static_cast<FlowOutcome>(i)));
  json.close();
}

void put_before(JsonText& json, const KpiCell* before) {
  if (before == nullptr || before->seconds == 0) {
    json.put("previous", std::nullopt);
    return;
  }
  const KpiRates rates = rates_of(*before);
  json.open("previous")
      .put("flows", rates[KpiCount::opened])
      .put("failure_ratio", rates.failure_ratio())
      .put("connect_p95_us", quantile_of(before->connect(), 0.95))
      .put("bytes", rates[KpiCount::bytes])
      .close();
}

void put_window(JsonText& json, const KpiCell& cell, const KpiCell* before, double objective) {
  put_rates(json, rates_of(cell));
  put_latency(json, cell);
  const std::optional<double> failed = failure_ratio(cell.counts);
  json.put("opened", cell.counts[KpiCount::opened])
      .put("ended_flows", cell.counts.ended())
      .put("failed_flows", cell.counts.failures());
  put_outcomes(json, cell.counts);
  json.put("availability", failed ? std::optional(1 - *failed) : std::nullopt)
      .put("budget_burn", failed && objective < 1 ? std::optional(*failed / (1 - objective)) : std::nullopt);
  put_before(json, before);
}

// One array of a series: a value for each step that was told about, else null.
class Column {
 public:
  using Value = std::function<std::optional<double>(const KpiCell&)>;
  Column(const TimeSeries& series, TimeRange whole) : series_(series), whole_(whole) {}

  void put(JsonText& json, std::string_view name, const Value& value) const {
    json.list(name);
    auto point = series_.points.begin();
    for (int64_t at = whole_.from_s; at < whole_.to_s; at += series_.step_s) {
      while (point != series_.points.end() && point->begin_s < at)
        ++point;
      const bool is_there = point != series_.points.end() && point->begin_s == at && point->cell.seconds > 0;
      json.put(is_there ? value(point->cell) : std::nullopt);
    }
    json.end_list();
  }

 private:
  const TimeSeries& series_;
  TimeRange whole_;
};

Column::Value rate_of(KpiCount count) {
  return [count](const KpiCell& cell) {
    return static_cast<double>(cell.counts[count]) / static_cast<double>(cell.seconds);
  };
}

Column::Value time_of(bool is_connect, double q) {
  return [is_connect, q](const KpiCell& cell) {
    return quantile_of(is_connect ? cell.connect() : cell.response(), q);
  };
}

void put_counts(JsonText& json, const Column& column) {
  static constexpr std::array<KpiCount, 6> kCounts = {KpiCount::syn_retransmits, KpiCount::reconnects,
                                                      KpiCount::packets,         KpiCount::bytes,
                                                      KpiCount::reply_bytes,     KpiCount::opened};
  column.put(json, "failures", [](const KpiCell& cell) {
    return static_cast<double>(cell.counts.failures()) / static_cast<double>(cell.seconds);
  });
  column.put(json, "failure_ratio", [](const KpiCell& cell) { return failure_ratio(cell.counts); });
  for (const KpiCount count : kCounts) {
    const bool is_opened = count == KpiCount::opened;
    column.put(json, is_opened ? "flows" : kKpiCountNames[static_cast<size_t>(count)], rate_of(count));
  }
  column.put(json, "active", [](const KpiCell& cell) { return static_cast<double>(cell.active_max); });
  column.put(json, "weight", [](const KpiCell& cell) { return cell.weight; });
}

void put_retry_numbers(JsonText& json, const KpiCounts& counts) {
  const uint64_t opened = counts[KpiCount::opened];
  const uint64_t again = counts[KpiCount::reconnects];
  json.put("opened", opened)
      .put("syn_retransmits", counts[KpiCount::syn_retransmits])
      .put("reconnects", again)
      .put("data_retransmits", counts[KpiCount::data_retransmits])
      .put("amplification",
           opened > again ? std::optional(static_cast<double>(opened) / static_cast<double>(opened - again))
                          : std::nullopt);
}

void put_hosts(JsonText& json, std::string_view name, const HostHistory& history,
               std::optional<double> HostPoint::* number) {
  json.list(name);
  for (const HostPoint& point : history.points)
    json.put(point.*number);
  json.end_list();
}

}  // namespace

std::string kpis_json(const WindowTotals& totals) {
  Totals before;
  for (const SeriesTotal& service : totals.before)
    before[service.service] = &service.total;
  const KpiCell all_before = together(totals.before);
  JsonText json;
  json.open().put("from", totals.range.from_s).put("to", totals.range.to_s).open("totals");
  put_window(json, together(totals.services), &all_before, totals.availability);
  json.close().list("services");
  for (const SeriesTotal& service : totals.services) {
    const auto found = before.find(service.service);
    json.open().put("name", service.service);
    put_window(json, service.total, found == before.end() ? nullptr : found->second, totals.availability);
    json.close();
  }
  json.end_list().close();
  return json.take();
}

std::string time_series_json(const TimeSeries& series, TimeRange range) {
  const TimeRange whole = widened(range, series.step_s);
  const Column column(series, whole);
  JsonText json;
  json.open().put("from", whole.from_s).put("to", whole.to_s).put("step", series.step_s).list("t");
  for (int64_t at = whole.from_s; at < whole.to_s; at += series.step_s)
    json.put(at);
  json.end_list();
  put_counts(json, column);
  for (const bool is_connect : {true, false}) {
    const std::string name = is_connect ? "connect_p" : "response_p";
    column.put(json, name + "50_us", time_of(is_connect, 0.5));
    column.put(json, name + "95_us", time_of(is_connect, 0.95));
    column.put(json, name + "99_us", time_of(is_connect, 0.99));
  }
  json.close();
  return json.take();
}

std::string hosts_json(const HostHistory& history, const HostThresholds& thresholds) {
  JsonText json;
  json.open()
      .open("thresholds")
      .put("cpu", thresholds.cpu)
      .put("memory", thresholds.memory)
      .put("disk", thresholds.disk)
      .close()
      .list("t");
  for (const HostPoint& point : history.points)
    json.put(point.begin_s);
  json.end_list();
  put_hosts(json, "cpu", history, &HostPoint::cpu);
  put_hosts(json, "memory", history, &HostPoint::memory);
  put_hosts(json, "disk", history, &HostPoint::disk);
  put_hosts(json, "received", history, &HostPoint::received);
  put_hosts(json, "sent", history, &HostPoint::sent);
  json.close();
  return json.take();
}

std::string retries_json(const RetryTotals& totals) {
  JsonText json;
  json.open().put("from", totals.range.from_s).put("to", totals.range.to_s).open("totals");
  put_retry_numbers(json, together(totals.services).counts);
  json.close().list("services");
  for (const SeriesTotal& service : totals.services) {
    json.open().put("name", service.service);
    put_retry_numbers(json, service.total.counts);
    json.close();
  }
  json.end_list().list("backends");
  for (const SeriesTotal& backend : totals.backends) {
    json.open().put("service", backend.service).put("pool", backend.pool).put("name", backend.backend);
    put_retry_numbers(json, backend.total.counts);
    json.close();
  }
  json.end_list().list("attempts");
  for (const AttemptTotal& attempt : totals.attempts) {
    json.open()
        .put("attempt", attempt.attempt)
        .put("flows", attempt.flows)
        .put("failures", attempt.failures)
        .close();
  }
  json.end_list().close();
  return json.take();
}

std::string geo_json(const std::vector<CountryTotal>& countries, TimeRange range) {
  JsonText json;
  json.open().put("from", range.from_s).put("to", range.to_s).list("countries");
  for (const CountryTotal& country : countries) {
    json.open()
        .put("country", country.country)
        .put("flows", country.flows)
        .put("failures", country.failures)
        .close();
  }
  json.end_list().close();
  return json.take();
}

std::string prefixes_json(const ClientTotals& clients) {
  JsonText json;
  json.open().put("clients", std::round(clients.clients)).list("prefixes");
  for (const PrefixTotal& prefix : clients.prefixes) {
    json.open()
        .put("service", prefix.service)
        .put("prefix", prefix.prefix)
        .put("flows", prefix.flows)
        .close();
  }
  json.end_list().close();
  return json.take();
}

}  // namespace shunt::insight
