// The rows of insight's API. Paths: docs/insight-api.md. They refer to the state, which lives as long as the
// server.
#pragma once

#include <vector>

#include "http/api_route.h"
#include "insight/api/api_state.h"

namespace shunt::insight {

std::vector<ApiRoute> probe_rows(ApiState& state);     // /metrics, /healthz, /readyz
std::vector<ApiRoute> live_rows(ApiState& state);      // what is known now
std::vector<ApiRoute> history_rows(ApiState& state);   // what the warehouse knows
std::vector<ApiRoute> findings_rows(ApiState& state);  // anomalies, incidents, alerts
std::vector<ApiRoute> action_rows(ApiState& state);    // what changes something

// A GET of what the warehouse has to be asked for.
ApiRoute later_row(const char* pattern, const char* summary, const char* answer, ApiLaterHandler handler);

// 404 for a service that nobody knows, with those that there are; "" is none.
std::optional<ApiResponse> unknown_service(const ApiState& state, const std::string& service);

// Asks the desk: `ask` makes JSON of what a reader says. A service (perhaps none) that is gone may still be
// in the warehouse; one that isn't there either is 404.
using AskReader = std::function<Result<std::string>(WarehouseReader&)>;
void ask_desk(ApiState& state, const std::string& service, AskReader ask,
              std::function<void(ApiResponse)> answer);

}  // namespace shunt::insight
