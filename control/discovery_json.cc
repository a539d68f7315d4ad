#include "control/discovery_json.h"

#include <nlohmann/json.hpp>

#include "control/status_json.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

Json pool_json(const DiscoveryStatus& status) {
  const bool answered = status.answered_at != WallTime{};
  Json json;
  json["pool"] = status.pool;
  json["source"] = status.source;
  json["state"] = discovery_state_text(status.state);
  json["stale"] = status.state == DiscoveryState::stale;
  json["reason"] = status.reason;
  json["answered"] = answered ? Json(rfc3339(status.answered_at)) : Json(nullptr);
  json["age_seconds"] = answered ? Json(status.age.count()) : Json(nullptr);
  json["backends"] = status.backends;
  json["skipped"] = {{"count", status.skipped_count}, {"first", status.skipped}};
  json["refused"] = status.refused;
  json["answers"] = status.answers;
  json["changes"] = status.changes;
  json["failures"] = status.failures;
  json["holds"] = status.holds;
  return json;
}

}  // namespace

std::string discovery_json(const std::vector<DiscoveryStatus>& pools) {
  Json json;
  json["pools"] = Json::array();
  for (const DiscoveryStatus& status : pools)
    json["pools"].push_back(pool_json(status));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace shunt
