#include "insight/api/api_rows.h"

#include <utility>

#include "insight/api/insight_metrics.h"

namespace shunt::insight {
namespace {

// The version is that of the Prometheus text format.
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

ApiResponse ready(const ApiState& state) {
  std::vector<std::string> reasons;
  const WriterStatus& warehouse = state.tallies.warehouse;
  if (!warehouse.is_open)
    reasons.push_back("the warehouse isn't open" +
                      (warehouse.trouble_text.empty() ? "" : ": " + warehouse.trouble_text));
  if (state.live.now_s == 0) reasons.emplace_back("no node was asked yet");
  if (reasons.empty()) return text_answer("ready\n");
  std::string detail = "not ready";
  for (size_t i = 0; i < reasons.size(); ++i)
    detail += (i == 0 ? ": " : "; ") + reasons[i];
  return problem(503, detail, {{"reasons", reasons}});
}

ApiResponse no_service(const ApiState& state, const std::string& service) {
  std::vector<std::string> names;
  for (const ServiceView& known : state.view.services)
    names.push_back(known.name);
  return problem(404, "no service has the name \"" + service + "\"", {{"services", names}});
}

}  // namespace

ApiRoute later_row(const char* pattern, const char* summary, const char* answer, ApiLaterHandler handler) {
  ApiRoute row = read_row(pattern, ApiRole::reader, summary, answer, {});
  row.later = std::move(handler);
  return row;
}

std::optional<ApiResponse> unknown_service(const ApiState& state, const std::string& service) {
  if (service.empty() || state.view.find(service) != nullptr) return std::nullopt;
  return no_service(state, service);
}

void ask_desk(ApiState& state, const std::string& service, AskReader ask,
              std::function<void(ApiResponse)> answer) {
  const std::string doubtful = unknown_service(state, service) ? service : "";
  using Made = Result<std::function<ApiResponse()>>;
  const auto work = [&state, doubtful, ask = std::move(ask)](WarehouseReader& reader) -> Made {
    if (!doubtful.empty()) {
      const Result<bool> is_known = reader.knows_service(doubtful);
      if (!is_known) return is_known.error();
      if (!is_known.value())
        return std::function<ApiResponse()>([&state, doubtful] { return no_service(state, doubtful); });
    }
    Result<std::string> text = ask(reader);
    if (!text) return text.error();
    auto body = std::make_shared<const std::string>(text.take());
    return std::function<ApiResponse()>([body] {
      ApiResponse response;
      response.shared_body = body;
      return response;
    });
  };
  state.desk.ask(work, std::move(answer));
}

std::vector<ApiRoute> probe_rows(ApiState& state) {
  return {
      read_row("/metrics", ApiRole::reader, "Prometheus metrics", "",
               [&state](const ApiCall&) { return ApiResponse{200, kMetricsType, insight_metrics(state)}; }),
      read_row("/healthz", ApiRole::anyone, "ok while the program's thread answers", "",
               [](const ApiCall&) { return text_answer("ok\n"); }),
      read_row("/readyz", ApiRole::anyone, "ready, or 503 with reasons", "",
               [&state](const ApiCall&) { return ready(state); })};
}

}  // namespace shunt::insight
