#include "control/api_edit_routes.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "control/change_control.h"
#include "control/change_json.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLongestName = 255;
constexpr size_t kConfigurationBytes = 8 * 1024 * 1024;

unsigned status_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::unknown:
      return 404;
    case Refusal::conflict:
      return 409;
    case Refusal::none:
    case Refusal::invalid:
      break;
  }
  return 422;
}

ApiResponse answer_of(const ChangeAnswer& answer) {
  if (answer.accepted()) return json_answer(change_json(answer));
  return problem(status_of(answer.refusal),
                 answer.text + "; generation " + std::to_string(answer.generation) + " still runs",
                 {{"errors", answer.errors}, {"warnings", answer.warnings}});
}

// What diagnostics call a text that came by the API: ?file=NAME.
std::string name_of(const ApiCall& call) {
  const std::string name = call.value("file");
  return name.empty() ? "configuration" : name.substr(0, kLongestName);
}

ApiResponse diff(ChangeControl& control, const ApiCall& call) {
  const DiffAnswer answer =
      control.diff(call.body.empty() ? std::nullopt : std::optional(NamedText{name_of(call), call.body}));
  if (answer.refusal == Refusal::none) return json_answer(diff_json(answer, control.edits()));
  return problem(status_of(answer.refusal), "the configuration would be refused",
                 {{"errors", answer.errors}, {"warnings", answer.warnings}});
}

ApiResponse apply(ChangeControl& control, const ApiCall& call) {
  if (call.body.empty()) return problem(400, "the body is to be a configuration (TOML)");
  return answer_of(control.apply({name_of(call), call.body}, call.caller.name));
}

// The body's member `key`, a whole number from 0 to `most`.
Result<uint64_t> number_in(std::string_view body, const char* key, uint64_t most) {
  const Json parsed = Json::parse(body, nullptr, false);
  const std::string wanted =
      "the body is to be {\"" + std::string(key) + "\": a number from 0 to " + std::to_string(most) + "}";
  if (!parsed.is_object() || parsed.size() != 1 || !parsed.contains(key)) return Error{"", wanted};
  const Json& value = parsed.at(key);
  if (!value.is_number_unsigned() || value.get<uint64_t>() > most) return Error{"", wanted};
  return value.get<uint64_t>();
}

ApiResponse rollback(ChangeControl& control, const ApiCall& call) {
  const auto generation = number_in(call.body, "generation", UINT64_MAX);
  if (!generation) return problem(400, generation.error().text());
  return answer_of(control.rollback(generation.value(), call.caller.name));
}

BackendName backend_of(const ApiCall& call) {
  return {call.parameter("pool"), call.parameter("backend")};
}

ApiResponse change_backend(ChangeControl& control, const ApiCall& call) {
  const auto weight = number_in(call.body, "weight", 65'535);
  if (!weight) return problem(400, weight.error().text());
  return answer_of(control.edit(backend_of(call), static_cast<uint16_t>(weight.value()), call.caller.name));
}

template <AdminState State>
ApiResponse set_state(ChangeControl& control, const ApiCall& call) {
  return answer_of(control.edit(backend_of(call), State, call.caller.name));
}

ApiResponse history(ChangeControl& control, const ApiCall& /*call*/) {
  return json_answer(history_json(control.history()));
}

ApiResponse edits(ChangeControl& control, const ApiCall& /*call*/) {
  return json_answer(edits_json(control.edits()));
}

ApiResponse save(ChangeControl& control, const ApiCall& call) {
  return answer_of(control.save(call.caller.name));
}

ApiResponse forget_all(ChangeControl& control, const ApiCall& call) {
  return answer_of(control.forget(std::nullopt, call.caller.name));
}

ApiResponse forget(ChangeControl& control, const ApiCall& call) {
  return answer_of(control.forget(backend_of(call), call.caller.name));
}

using Handler = ApiResponse (*)(ChangeControl&, const ApiCall&);

ApiRoute row_of(StatusSource& source, const char* method, const char* pattern, ApiRole role,
                const char* summary, const char* answer, Handler handler) {
  ApiRoute row;
  row.method = method;
  row.pattern = pattern;
  row.role = role;
  row.summary = summary;
  row.answer = answer;
  row.writes = row.method != "GET";
  row.tagged = true;
  row.handler = [&source, handler](const ApiCall& call) {
    ChangeControl* const control = source.changes();
    return control == nullptr ? problem(503, "nothing can be changed yet") : handler(*control, call);
  };
  return row;
}

void take_configuration(ApiRoute& row, bool required) {
  row.parameters = {{"file", "text", "What errors call the configuration"}};
  row.request = "Toml";
  row.request_type = "application/toml";
  row.request_required = required;
  row.body_bytes = kConfigurationBytes;
}

// Whole configurations.
std::vector<ApiRoute> configuration_rows(StatusSource& source) {
  ApiRoute compare =
      row_of(source, "POST", "/api/v1/diff", ApiRole::operator_,
             "What would change if this configuration were applied, or the file read again", "Diff", diff);
  take_configuration(compare, false);
  compare.writes = false;
  ApiRoute run =
      row_of(source, "POST", "/api/v1/apply", ApiRole::admin, "Runs this configuration", "Published", apply);
  take_configuration(run, true);
  ApiRoute back = row_of(source, "POST", "/api/v1/rollback", ApiRole::admin,
                         "Back to what was wanted at a generation", "Published", rollback);
  back.request = "Generation";
  return {std::move(compare), std::move(run), std::move(back),
          row_of(source, "GET", "/api/v1/history", ApiRole::reader, "What changed when, by whom and why",
                 "History", history)};
}

std::vector<ApiRoute> backend_rows(StatusSource& source) {
  const auto row = [&source](const char* method, const char* pattern, const char* summary, Handler handler) {
    return row_of(source, method, pattern, ApiRole::operator_, summary, "Published", handler);
  };
  ApiRoute weight =
      row("PATCH", "/api/v1/pools/{pool}/backends/{backend}", "Changes a backend's weight", change_backend);
  weight.request = "Weight";
  return {std::move(weight),
          row("POST", "/api/v1/pools/{pool}/backends/{backend}/drain", "No new flows for a backend",
              set_state<AdminState::draining>),
          row("POST", "/api/v1/pools/{pool}/backends/{backend}/undrain", "New flows for it again",
              set_state<AdminState::enabled>),
          row("POST", "/api/v1/pools/{pool}/backends/{backend}/disable", "Takes a backend out at once",
              set_state<AdminState::disabled>),
          row("POST", "/api/v1/pools/{pool}/backends/{backend}/enable", "Uses it again",
              set_state<AdminState::enabled>)};
}

// What becomes of edits.
std::vector<ApiRoute> settling_rows(StatusSource& source) {
  return {row_of(source, "GET", "/api/v1/edits", ApiRole::reader,
                 "What was changed by API and isn't in the file", "Edits", edits),
          row_of(source, "DELETE", "/api/v1/edits", ApiRole::admin, "Takes all edits back", "Published",
                 forget_all),
          row_of(source, "DELETE", "/api/v1/edits/{pool}/{backend}", ApiRole::admin,
                 "Takes those of one backend back", "Published", forget),
          row_of(source, "POST", "/api/v1/edits/save", ApiRole::admin, "Writes edits into the file",
                 "Published", save)};
}

}  // namespace

std::vector<ApiRoute> edit_routes(StatusSource& source) {
  std::vector<ApiRoute> rows = configuration_rows(source);
  std::ranges::move(backend_rows(source), std::back_inserter(rows));
  std::ranges::move(settling_rows(source), std::back_inserter(rows));
  return rows;
}

}  // namespace shunt
