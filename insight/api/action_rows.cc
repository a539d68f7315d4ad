// Rows that change something: backends at their nodes, what is expected, who is signed in.
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "insight/api/api_rows.h"
#include "insight/api/session_cookie.h"

namespace shunt::insight {
namespace {

using Json = nlohmann::json;
using Answer = std::function<void(ApiResponse)>;

constexpr uint64_t kMostWeight = 1'000'000;  // shuntd says what it takes

// "web 1" as a segment of a path (RFC 3986 2.1).
std::string segment(const std::string& text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    const bool is_plain = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                          (letter >= '0' && letter <= '9') || letter == '-' || letter == '_' || letter == '~';
    if (is_plain || letter == '.') {
      out += letter;
      continue;
    }
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

struct Act {
  std::string pool;
  std::string backend;
  NodeAction action;  // without its node
};

// Every node's reply, and what was asked, until the last one is there.
struct Acting {
  struct Reply {
    std::string node;
    NodeReply reply;
  };
  std::vector<Reply> replies;
  size_t waiting = 0;
  Answer answer;
};

ApiResponse acted(const std::vector<Acting::Reply>& replies) {
  JsonText json;
  bool is_done = false;
  std::vector<std::string> errors;
  json.open().list("nodes");
  for (const auto& [node, reply] : replies) {
    const bool is_good = reply.error.empty();
    is_done |= is_good;
    if (!is_good) errors.push_back(node + ": " + reply.error);
    json.open()
        .put("node", node)
        .put("status", reply.status)
        .put("generation", reply.generation)
        .put("error", reply.error)
        .close();
  }
  json.end_list().close();
  if (is_done) return json_answer(json.take());
  return problem(502, "no node did it", {{"errors", errors}});
}

std::vector<std::string> nodes_with(const LiveState& live, const Act& act) {
  std::vector<std::string> names;
  for (const LiveNode& node : live.nodes) {
    const bool has_it = std::ranges::any_of(node.backends, [&](const LiveBackend& backend) {
      return backend.name.pool == act.pool && backend.name.backend == act.backend;
    });
    if (has_it) names.push_back(node.name);
  }
  return names;
}

void act_everywhere(ApiState& state, const Act& act, const Answer& answer) {
  const std::vector<std::string> nodes = nodes_with(state.live, act);
  if (nodes.empty()) return answer(problem(404, "no node has the backend " + act.pool + "/" + act.backend));
  const auto acting = std::make_shared<Acting>();
  acting->waiting = nodes.size();
  acting->answer = answer;
  for (const std::string& node : nodes)
    acting->replies.push_back({node, {}});
  for (size_t i = 0; i < nodes.size(); ++i) {
    NodeAction action = act.action;
    action.node = nodes[i];
    state.actor.act(action, [acting, i](NodeReply reply) {
      acting->replies[i].reply = std::move(reply);
      if (--acting->waiting == 0) acting->answer(acted(acting->replies));
    });
  }
}

// The body's members, or why it is none.
Result<Act> read_act(const Json& json) {
  Act act;
  for (const auto& [name, to] : {std::pair{"pool", &act.pool}, std::pair{"backend", &act.backend}}) {
    const auto found = json.is_object() ? json.find(name) : json.end();
    if (found == json.end() || !found->is_string() || found->get<std::string>().empty())
      return Error{name, "has to be a name"};
    *to = found->get<std::string>();
  }
  act.action.path = "/api/v1/pools/" + segment(act.pool) + "/backends/" + segment(act.backend);
  return act;
}

void drain(ApiState& state, const ApiCall& call, const Answer& answer) {
  const Json json = Json::parse(call.body, nullptr, false);
  Result<Act> act = read_act(json);
  if (!act) return answer(problem(400, act.error().text()));
  if (!json.contains("drain") || !json["drain"].is_boolean())
    return answer(problem(400, "drain: has to be true or false"));
  act.value().action.method = "POST";
  act.value().action.path += json["drain"].get<bool>() ? "/drain" : "/undrain";
  act_everywhere(state, act.value(), answer);
}

void weigh(ApiState& state, const ApiCall& call, const Answer& answer) {
  const Json json = Json::parse(call.body, nullptr, false);
  Result<Act> act = read_act(json);
  if (!act) return answer(problem(400, act.error().text()));
  if (!json.contains("weight") || !json["weight"].is_number_unsigned() ||
      json["weight"].get<uint64_t>() > kMostWeight)
    return answer(problem(400, "weight: has to be a number from 0 to 1000000"));
  act.value().action.method = "PATCH";
  act.value().action.body = Json{{"weight", json["weight"].get<uint64_t>()}}.dump();
  act_everywhere(state, act.value(), answer);
}

ApiResponse accept(ApiState& state, const ApiCall& call) {
  const std::string text = call.parameter("id");
  int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size())
    return problem(400, "id is a number, not \"" + text + "\"");
  if (!state.findings.accept(id)) return problem(404, "no open anomaly has the id " + text);
  return {.status = 204, .content_type = "application/json", .body = {}};
}

ApiResponse session(const ApiCall& call, bool begins) {
  ApiResponse response;
  response.status = 204;
  std::string token;
  if (begins) token = Json::parse(call.body, nullptr, false).value("token", "");
  response.fields["Set-Cookie"] = session_cookie(token, call.caller.over_tls);
  return response;
}

ApiRoute write_row(const char* method, const char* pattern, ApiRole role, const char* summary) {
  ApiRoute row;
  row.method = method;
  row.pattern = pattern;
  row.role = role;
  row.summary = summary;
  row.writes = true;
  return row;
}

std::vector<ApiRoute> session_rows() {
  ApiRoute begin = write_row("POST", "/api/v1/session", ApiRole::anyone, "Signs a browser in by a token");
  begin.request = "Token";
  begin.signs_in = true;
  begin.done = 204;
  begin.body_bytes = 4'096;
  begin.handler = [](const ApiCall& call) { return session(call, true); };
  ApiRoute end = write_row("DELETE", "/api/v1/session", ApiRole::anyone, "Signs it out");
  end.done = 204;
  end.handler = [](const ApiCall& call) { return session(call, false); };
  return {begin, end};
}

}  // namespace

std::vector<ApiRoute> action_rows(ApiState& state) {
  std::vector<ApiRoute> rows = session_rows();
  ApiRoute drains = write_row("POST", "/api/v1/drain", ApiRole::operator_,
                              "Drains a backend at every node that has it, or ends that");
  drains.answer = "Acted";
  drains.request = "Drain";
  drains.later = [&state](const ApiCall& call, const Answer& answer) { drain(state, call, answer); };
  rows.push_back(drains);
  ApiRoute weights = write_row("POST", "/api/v1/weights", ApiRole::operator_,
                               "Gives a backend another weight at every node that has it");
  weights.answer = "Acted";
  weights.request = "Weight";
  weights.later = [&state](const ApiCall& call, const Answer& answer) { weigh(state, call, answer); };
  rows.push_back(weights);
  ApiRoute accepts = write_row("POST", "/api/v1/anomalies/{id}/accept", ApiRole::operator_,
                               "This is expected: the detector learns it");
  accepts.done = 204;
  accepts.handler = [&state](const ApiCall& call) { return accept(state, call); };
  rows.push_back(accepts);
  return rows;
}

}  // namespace shunt::insight
