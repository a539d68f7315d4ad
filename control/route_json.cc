#include "control/route_json.h"

#include <nlohmann/json.hpp>

namespace shunt {

std::string routes_json(const RoutesStatus& routes) {
  using Json = nlohmann::ordered_json;
  Json json;
  json["announcing"] = routes.announcing;
  json["stopping"] = routes.stopping;
  json["restart_grace_ms"] = routes.restart_grace_ms;
  json["exabgp"] = routes.exabgp;
  json["vips"] = Json::array();
  for (const VipStatus& vip : routes.vips) {
    Json row;
    row["vip"] = vip.vip.text();
    row["announce"] = vip.announce;
    row["announced"] = vip.announced;
    row["fit"] = vip.fit;
    row["service"] = vip.service;
    row["backends"] = {{"up", vip.up}, {"total", vip.members}, {"needed", vip.needed}};
    row["metric"] = vip.metric;
    row["reason"] = vip.reason;
    json["vips"].push_back(std::move(row));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace shunt
