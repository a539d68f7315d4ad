#include "insight/api/system_json.h"

#include <nlohmann/json.hpp>
#include <numeric>

namespace shunt::insight {
namespace {

using Json = nlohmann::json;

uint64_t dropped(const WriterStatus& status) {
  return std::accumulate(status.dropped.begin(), status.dropped.end(), uint64_t{0});
}

// Every member that an answer has, for a node of which nothing more is known.
Json bare_node(const LiveNode& node) {
  return {{"name", node.name},
          {"state", node.up ? "up" : "down"},
          {"error", node.error},
          {"version", ""},
          {"generation", node.generation},
          {"started_at", node.started_us / 1'000'000},
          {"ready", false},
          {"not_ready", Json::array()},
          {"tsc_hz", 0},
          {"workers", Json::array()},
          {"ports", Json::array()},
          {"drops", Json::array()},
          {"table", {{"entries", 0}, {"capacity", 0}}},
          {"records", {{"attached", false}, {"read", 0}, {"dropped", 0}}},
          {"history", Json::array()},
          {"discovery", Json::array()},
          {"events", Json::array()}};
}

std::string node_text(const LiveNode& node) {
  Json json = bare_node(node);
  if (node.system.is_object()) json.update(node.system);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void put_insight(JsonText& json, const ApiState& state) {
  const InsightTallies& tallies = state.tallies;
  json.open("insight")
      .put("cpu_ratio", state.self.cpu_ratio())
      .put("rss_bytes", state.self.rss_bytes())
      .put("viewers", state.feed.viewers())
      .put("records_rate", state.self.records_rate())
      .put("series", tallies.series)
      .put("detectors", state.findings.detectors())
      .put("rows_rate", state.self.rows_rate())
      .put("queued", tallies.warehouse.queued)
      .put("rows_dropped", dropped(tallies.warehouse))
      .put("loop_lag_ms", state.lag.longest_ms())
      .close();
}

}  // namespace

std::string info_json(const ApiState& state, const ApiCaller& caller) {
  const InsightTallies& tallies = state.tallies;
  JsonText json;
  json.open()
      .put("program", "shunt-insight")
      .put("version", state.version)
      .put("now", state.now_s())
      .put("started_at", state.started_s)
      .put("role", role_name(caller.role))
      .put("signed_in", caller.token.empty() ? std::nullopt : std::optional(caller.token))
      .open("slo")
      .put("availability", state.availability)
      .close()
      .open("warehouse")
      .put("kind", state.is_postgres ? "postgresql" : "sqlite")
      .put("rows_written", tallies.warehouse.written)
      .put("rows_dropped", dropped(tallies.warehouse))
      .put("queued", tallies.warehouse.queued)
      .put("error", tallies.warehouse.trouble_text)
      .close()
      .open("countries")
      .put("ranges", tallies.country_ranges)
      .put("source", tallies.country_source)
      .close();
  put_nodes(json, state.live);
  json.close();
  return json.take();
}

std::string system_json(const ApiState& state) {
  JsonText json;
  json.open().list("nodes");
  for (const LiveNode& node : state.live.nodes)
    json.raw(node_text(node));
  json.end_list();
  put_insight(json, state);
  json.close();
  return json.take();
}

}  // namespace shunt::insight
