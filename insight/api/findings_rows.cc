// Rows of anomalies, incidents and alerts: memory has the newest, the warehouse the rest.
#include "insight/api/api_rows.h"
#include "insight/api/finding_json.h"
#include "insight/api/query_reader.h"

namespace shunt::insight {
namespace {

using Answer = std::function<void(ApiResponse)>;
using Made = Result<std::function<ApiResponse()>>;

constexpr int64_t kDay = 86'400;
constexpr size_t kMostAnomalies = 2'000;
constexpr size_t kMostIncidents = 500;
constexpr size_t kMostEvents = 1'000;

const ApiParameter kFrom = {"from", "uint", "Seconds since 1970; a day ago by default"};
const ApiParameter kTo = {"to", "uint", "Seconds since 1970; now by default"};
const ApiParameter kOpen = {"open", "text", "1: only those that are open"};

// What is open now is in memory, all of it; `to` is then a moment behind now.
TimeRange range_of(QueryReader& query, int64_t now_s) {
  TimeRange range = query.range(kDay);
  if (range.to_s == now_s) ++range.to_s;
  return range;
}

void anomalies(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = range_of(query, state.now_s());
  AnomalyQuestion question;
  question.service = query.text("service");
  question.backend = query.text("backend");
  question.severity = query.choice("severity", {"info", "minor", "major", "critical"}, "");
  question.open_only = query.flag("open");
  question.limit = query.number("limit", 1, kMostAnomalies, question.limit);
  if (query.complaint()) return answer(*query.complaint());
  if (question.open_only)
    return answer(json_answer(anomalies_json(state.findings, {}, {0, range.to_s}, question)));
  state.desk.ask(
      [&state, range, question](WarehouseReader& reader) -> Made {
        auto rows = reader.anomalies(range, question);
        if (!rows) return rows.error();
        return std::function<ApiResponse()>([&state, range, question, stored = rows.take()] {
          return json_answer(anomalies_json(state.findings, stored, range, question));
        });
      },
      answer);
}

Result<StoredIncidents> stored_incidents(WarehouseReader& reader, TimeRange range, size_t limit) {
  auto rows = reader.incidents(range, false, limit);
  if (!rows) return rows.error();
  StoredIncidents stored{rows.take(), {}};
  AnomalyQuestion members;
  members.limit = kMostAnomalies;
  auto anomalies = reader.anomalies(range, members);
  if (!anomalies) return anomalies.error();
  stored.anomalies = anomalies.take();
  return stored;
}

void incidents(ApiState& state, const ApiCall& call, const Answer& answer) {
  QueryReader query(call, state.now_s());
  const TimeRange range = range_of(query, state.now_s());
  const bool open_only = query.flag("open");
  const size_t limit = query.number("limit", 1, kMostIncidents, 100);
  if (query.complaint()) return answer(*query.complaint());
  if (open_only) return answer(json_answer(incidents_json(state.findings, {}, {0, range.to_s}, true, limit)));
  state.desk.ask(
      [&state, range, limit](WarehouseReader& reader) -> Made {
        auto stored = stored_incidents(reader, range, limit);
        if (!stored) return stored.error();
        return std::function<ApiResponse()>([&state, range, limit, kept = stored.take()] {
          return json_answer(incidents_json(state.findings, kept, range, false, limit));
        });
      },
      answer);
}

void alerts(ApiState& state, const ApiCall& call, const Answer& answer) {
  if (!call.query.contains("from") && !call.query.contains("to"))
    return answer(json_answer(alerts_json(state.findings, std::nullopt)));
  QueryReader query(call, state.now_s());
  const TimeRange range = range_of(query, state.now_s());
  if (query.complaint()) return answer(*query.complaint());
  state.desk.ask(
      [&state, range](WarehouseReader& reader) -> Made {
        auto rows = reader.alerts(range, kMostEvents);
        if (!rows) return rows.error();
        return std::function<ApiResponse()>(
            [&state, history = rows.take()] { return json_answer(alerts_json(state.findings, history)); });
      },
      answer);
}

using Asked = void (*)(ApiState&, const ApiCall&, const Answer&);

ApiLaterHandler with(ApiState& state, Asked asked) {
  return [&state, asked](const ApiCall& call, const Answer& answer) { asked(state, call, answer); };
}

}  // namespace

std::vector<ApiRoute> findings_rows(ApiState& state) {
  std::vector<ApiRoute> rows = {
      later_row("/api/v1/anomalies", "What was unusual, newest first", "Anomalies", with(state, anomalies)),
      later_row("/api/v1/incidents", "Anomalies that belong together, newest first", "Incidents",
                with(state, incidents)),
      later_row("/api/v1/alerts", "What a person should be told, the rules, and what was told", "Alerts",
                with(state, alerts))};
  rows[0].parameters = {kFrom,
                        kTo,
                        {"service", "text", "Only of this service"},
                        {"backend", "text", "Only of backends of this name"},
                        {"severity", "text", "info, minor, major or critical"},
                        kOpen,
                        {"limit", "uint", "At most so many: 1 to 2000, 200 by default"}};
  rows[1].parameters = {kFrom, kTo, kOpen, {"limit", "uint", "At most so many: 1 to 500, 100 by default"}};
  rows[2].parameters = {kFrom, kTo};
  return rows;
}

}  // namespace shunt::insight
