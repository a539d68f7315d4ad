#include "control/change_json.h"

#include <nlohmann/json.hpp>

#include "control/status_json.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

std::string written(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

const char* fate_text(FlowFate fate) {
  switch (fate) {
    case FlowFate::kept:
      return "kept";
    case FlowFate::cut:
      return "cut";
    case FlowFate::untouched:
      break;
  }
  return "untouched";
}

Json plan_change_json(const PlanChange& change) {
  Json json;
  json["part"] = part_text(change.part);
  json["name"] = change.name;
  json["change"] = verb_text(change.verb);
  json["fields"] = Json::array();
  for (const FieldChange& field : change.fields)
    json["fields"].push_back({{"key", field.key}, {"from", field.from}, {"to", field.to}});
  json["flows"] = {{"active", change.flows}, {"fate", fate_text(change.fate)}};
  return json;
}

Json edits_body(const EditsAnswer& answer) {
  Json json;
  json["applied"] = nullptr;
  if (!answer.applied_who.empty()) {
    json["applied"] = {
        {"name", answer.applied_name}, {"who", answer.applied_who}, {"at", rfc3339(answer.applied_at)}};
  }
  json["edits"] = Json::array();
  for (const EditRow& row : answer.edits) {
    Json edit;
    edit["pool"] = row.edit.name.pool;
    edit["backend"] = row.edit.name.backend;
    edit["kind"] = row.edit.kind == EditKind::weight ? "weight" : "admin";
    if (row.edit.kind == EditKind::weight) {
      edit["value"] = row.edit.weight;
      edit["replaced"] = row.edit.replaced_weight;
    } else {
      edit["value"] = admin_text(row.edit.admin);
      edit["replaced"] = admin_text(AdminState::enabled);
    }
    edit["discovered"] = row.edit.discovered;
    edit["waits"] = row.waits;
    edit["who"] = row.edit.who;
    edit["at"] = rfc3339(row.edit.at);
    json["edits"].push_back(std::move(edit));
  }
  return json;
}

}  // namespace

std::string change_json(const ChangeAnswer& answer) {
  Json json;
  json["generation"] = answer.generation;
  json["text"] = answer.text;
  json["warnings"] = answer.warnings;
  return written(json);
}

std::string diff_json(const DiffAnswer& answer, const EditsAnswer& edits) {
  Json json;
  json["generation"] = answer.generation;
  json["summary"] = answer.plan.summary();
  json["lines"] = answer.plan.lines();
  json["changes"] = Json::array();
  for (const PlanChange& change : answer.plan.changes)
    json["changes"].push_back(plan_change_json(change));
  json["slots"] = Json::array();
  for (const SlotMove& move : answer.plan.moves) {
    json["slots"].push_back(
        {{"pool", move.pool}, {"slots", move.slots}, {"moved", move.moved}, {"share", move.share()}});
  }
  json["flows"] = {{"kept", answer.plan.flows(FlowFate::kept)}, {"cut", answer.plan.flows(FlowFate::cut)}};
  json["warnings"] = answer.warnings;
  json.update(edits_body(edits));
  return written(json);
}

std::string edits_json(const EditsAnswer& edits) {
  return written(edits_body(edits));
}

std::string history_json(const std::vector<HistoryRow>& rows) {
  Json json;
  json["generations"] = Json::array();
  for (const HistoryRow& row : rows) {
    json["generations"].push_back({{"generation", row.generation},
                                   {"first", row.first},
                                   {"at", rfc3339(row.at)},
                                   {"who", row.cause.who},
                                   {"why", row.cause.why},
                                   {"observed", row.observed},
                                   {"summary", row.summary},
                                   {"lines", row.lines},
                                   {"can_roll_back", row.can_roll_back}});
  }
  return written(json);
}

}  // namespace shunt
