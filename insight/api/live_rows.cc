// Rows of what is known now.
#include "insight/api/api_rows.h"
#include "insight/api/query_reader.h"
#include "insight/api/system_json.h"
#include "insight/api/topology_json.h"

namespace shunt::insight {
namespace {

constexpr size_t kMostFlows = 2'000;
constexpr size_t kUsualFlows = 100;

const ApiParameter kServiceParameter = {"service", "text", "Only of this service"};

ApiResponse backends(const ApiState& state, const ApiCall& call) {
  const std::string service = call.value("service");
  if (auto complaint = unknown_service(state, service)) return *std::move(complaint);
  return json_answer(backends_json(state.parts(), service));
}

ApiResponse flows(const ApiState& state, const ApiCall& call) {
  QueryReader query(call, state.now_s());
  FlowFilter filter;
  filter.service = query.text("service");
  filter.backend = query.text("backend");
  filter.failed_only = query.flag("failed");
  filter.limit = query.number("limit", 1, kMostFlows, kUsualFlows);
  filter.whole_addresses = call.caller.role >= ApiRole::operator_;
  if (query.complaint()) return *query.complaint();
  if (auto complaint = unknown_service(state, filter.service)) return *std::move(complaint);
  return json_answer(flows_json(state.live, filter));
}

ApiResponse newest_frame(ApiState& state) {
  ApiResponse response;
  response.shared_body = state.feed.latest();
  return response;
}

ApiRoute stream_row(ApiState& state) {
  ApiRoute row =
      read_row("/api/v1/stream", ApiRole::reader, "The newest frame; as a WebSocket, each second's", "Frame",
               [&state](const ApiCall&) { return newest_frame(state); });
  row.feed = [&state](const ApiQuery&, std::function<void()> wake) {
    return state.feed.watch(std::move(wake));
  };
  return row;
}

}  // namespace

std::vector<ApiRoute> live_rows(ApiState& state) {
  std::vector<ApiRoute> rows = {
      read_row("/api/v1/info", ApiRole::reader, "The program, who asks, the warehouse, the nodes", "Info",
               [&state](const ApiCall& call) { return json_answer(info_json(state, call.caller)); }),
      read_row("/api/v1/vips", ApiRole::reader, "The services", "Services",
               [&state](const ApiCall&) { return json_answer(services_json(state.parts())); }),
      read_row("/api/v1/backends", ApiRole::reader, "One entry for each service, pool and backend",
               "Backends", [&state](const ApiCall& call) { return backends(state, call); }),
      read_row("/api/v1/flows", ApiRole::reader, "The newest flow records", "Flows",
               [&state](const ApiCall& call) { return flows(state, call); }),
      read_row("/api/v1/system", ApiRole::reader, "The nodes in detail, and shunt-insight itself", "System",
               [&state](const ApiCall&) { return json_answer(system_json(state)); }),
      stream_row(state)};
  rows[2].parameters = {kServiceParameter};
  rows[3].parameters = {kServiceParameter,
                        {"backend", "text", "Only of backends of this name"},
                        {"failed", "text", "1: only failures"},
                        {"limit", "uint", "At most so many: 1 to 2000, 100 by default"}};
  return rows;
}

}  // namespace shunt::insight
