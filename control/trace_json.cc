#include "control/trace_json.h"

#include <nlohmann/json.hpp>

#include "stats/drop_words.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json drop_json(const std::string& reason) {
  if (reason.empty()) return nullptr;
  const DropWords words = drop_words(reason);
  return {{"reason", reason}, {"meaning", words.meaning}, {"remedy", words.remedy}};
}

Json known_json(const TracedFlow& known) {
  return {{"worker", known.worker},
          {"waiting", known.waits},
          {"state", known.state},
          {"idle", known.idle_seconds}};
}

Json choice_json(const TracedChoice& choice) {
  return {{"by", choice.by},
          {"slot", choice.slot},
          {"slots", choice.slots},
          {"owner", choice.owner},
          {"accept", choice.accept},
          {"probe", choice.probe == 0 ? Json(nullptr) : Json(choice.probe)},
          {"forgetting", choice.forgetting}};
}

Json way_json(const TracedWay& way) {
  return {{"port", way.port},
          {"source_mac", way.source_mac.text()},
          {"destination_mac", way.destination_mac.text()},
          {"source", way.source.text()},
          {"destination", way.destination.text()},
          {"destination_port", way.destination_port == 0 ? Json(nullptr) : Json(way.destination_port)},
          {"added_bytes", way.added_bytes},
          {"longest", way.longest},
          {"mtu", way.mtu}};
}

}  // namespace

std::string trace_json(const TraceReport& report) {
  Json workers = Json::array();
  for (const TracedWorker& worker : report.workers) {
    workers.push_back({{"worker", worker.worker},
                       {"pool", text_or_null(worker.pool)},
                       {"backend", text_or_null(worker.backend)}});
  }
  Json json;
  json["packet"] = report.packet;
  json["in_port"] = report.in_port;
  json["end"] = report.end;
  json["drop"] = drop_json(report.drop);
  json["service"] = text_or_null(report.service);
  json["forward"] = text_or_null(report.forward);
  json["scheduler"] = text_or_null(report.scheduler);
  json["worker"] = report.worker ? Json(*report.worker) : Json(nullptr);
  json["workers"] = std::move(workers);
  json["known"] = report.known ? known_json(*report.known) : Json(nullptr);
  json["choice"] = report.choice ? choice_json(*report.choice) : Json(nullptr);
  json["pool"] = text_or_null(report.pool);
  json["backend"] = text_or_null(report.backend);
  json["way"] = report.way ? way_json(*report.way) : Json(nullptr);
  json["steps"] = report.steps;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace shunt
