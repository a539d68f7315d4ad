#include "control/api_edit_routes.h"

#include <array>

#include <nlohmann/json.hpp>

#include "common/result.h"
#include "control/change_json.h"

namespace shunt {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLongestName = 255;

ApiResponse json(std::string body) {
  return {200, "application/json", std::move(body)};
}

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
  if (answer.accepted()) return json(change_json(answer));
  return problem(status_of(answer.refusal),
                 answer.text + "; generation " + std::to_string(answer.generation) + " still runs",
                 {{"errors", answer.errors}, {"warnings", answer.warnings}});
}

// What diagnostics call a text that came by the API: ?file=NAME.
std::string name_of(const EditCall& call) {
  const auto found = call.query.find("file");
  if (found == call.query.end() || found->second.empty()) return "configuration";
  return found->second.substr(0, kLongestName);
}

ApiResponse diff(ChangeControl& control, const EditCall& call) {
  const DiffAnswer answer = control.diff(
      call.body.empty() ? std::nullopt : std::optional(NamedText{name_of(call), std::string(call.body)}));
  if (answer.refusal == Refusal::none) return json(diff_json(answer, control.edits()));
  return problem(status_of(answer.refusal), "the configuration would be refused",
                 {{"errors", answer.errors}, {"warnings", answer.warnings}});
}

ApiResponse apply(ChangeControl& control, const EditCall& call) {
  if (call.body.empty()) return problem(400, "the body is to be a configuration (TOML)");
  return answer_of(control.apply({name_of(call), std::string(call.body)}, call.who));
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

ApiResponse rollback(ChangeControl& control, const EditCall& call) {
  const auto generation = number_in(call.body, "generation", UINT64_MAX);
  if (!generation) return problem(400, generation.error().text());
  return answer_of(control.rollback(generation.value(), call.who));
}

BackendName backend_of(const EditCall& call) {
  return {call.parameters.at(0), call.parameters.at(1)};
}

ApiResponse change_backend(ChangeControl& control, const EditCall& call) {
  const auto weight = number_in(call.body, "weight", 65'535);
  if (!weight) return problem(400, weight.error().text());
  return answer_of(control.edit(backend_of(call), static_cast<uint16_t>(weight.value()), call.who));
}

template <AdminState State>
ApiResponse set_state(ChangeControl& control, const EditCall& call) {
  return answer_of(control.edit(backend_of(call), State, call.who));
}

ApiResponse history(ChangeControl& control, const EditCall& /*call*/) {
  return json(history_json(control.history()));
}

ApiResponse edits(ChangeControl& control, const EditCall& /*call*/) {
  return json(edits_json(control.edits()));
}

ApiResponse save(ChangeControl& control, const EditCall& call) {
  return answer_of(control.save(call.who));
}

ApiResponse forget_all(ChangeControl& control, const EditCall& call) {
  return answer_of(control.forget(std::nullopt, call.who));
}

ApiResponse forget(ChangeControl& control, const EditCall& call) {
  return answer_of(control.forget(backend_of(call), call.who));
}

constexpr std::array kRoutes = {
    // A diff changes nothing, but it shows a configuration's text in its errors, and costs a compile.
    EditRoute{"POST", "/api/v1/diff", true, diff},
    EditRoute{"POST", "/api/v1/apply", true, apply},
    EditRoute{"GET", "/api/v1/history", false, history},
    EditRoute{"POST", "/api/v1/rollback", true, rollback},
    EditRoute{"PATCH", "/api/v1/pools/{pool}/backends/{backend}", true, change_backend},
    EditRoute{"POST", "/api/v1/pools/{pool}/backends/{backend}/drain", true, set_state<AdminState::draining>},
    EditRoute{"POST", "/api/v1/pools/{pool}/backends/{backend}/undrain", true,
              set_state<AdminState::enabled>},
    EditRoute{"POST", "/api/v1/pools/{pool}/backends/{backend}/disable", true,
              set_state<AdminState::disabled>},
    EditRoute{"POST", "/api/v1/pools/{pool}/backends/{backend}/enable", true, set_state<AdminState::enabled>},
    EditRoute{"GET", "/api/v1/edits", false, edits},
    EditRoute{"POST", "/api/v1/edits/save", true, save},
    EditRoute{"DELETE", "/api/v1/edits", true, forget_all},
    EditRoute{"DELETE", "/api/v1/edits/{pool}/{backend}", true, forget},
};

std::string decoded(std::string_view part) {
  // As a query's value, where '+' is a blank: names have neither.
  const ApiQuery query = query_of("?x=" + std::string(part));
  const auto found = query.find("x");
  return found == query.end() ? std::string() : found->second;
}

std::string_view take_part(std::string_view& path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const size_t end = std::min(path.find('/'), path.size());
  const std::string_view part = path.substr(0, end);
  path.remove_prefix(end);
  return part;
}

}  // namespace

std::span<const EditRoute> edit_routes() {
  return kRoutes;
}

std::optional<std::vector<std::string>> match_path(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parameters;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = take_part(pattern);
    const std::string_view part = take_part(path);
    if (wanted.starts_with('{') && !part.empty()) {
      parameters.push_back(decoded(part));
    } else if (wanted != part) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return parameters;
}

}  // namespace shunt
