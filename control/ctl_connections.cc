#include "control/ctl_connections.h"

#include <algorithm>

#include "control/ctl_format.h"
#include "control/ctl_json.h"
#include "control/ctl_table.h"

namespace shunt {
namespace {

using namespace ctl;

constexpr size_t kMostInPage = 2'000;

Tone tone_of_state(const std::string& state) {
  if (state == "established" || state == "udp") return Tone::good;
  return state == "reset" ? Tone::bad : Tone::warning;
}

void print(const Json& connections, bool more, const CtlIo& io) {
  Table table({{"CLIENT"},
               {"SERVICE"},
               {"POOL"},
               {"BACKEND"},
               {"STATE"},
               {"IDLE", Align::right},
               {"SYN AGAIN", Align::right},
               {"WORKER", Align::right}});
  for (const Json& flow : connections) {
    const bool known = !flow.at("client").is_null();
    const std::string state = text(flow, "state");
    const uint64_t again = number(flow, "syn_retransmits");
    table.add({known ? with_port(text(flow, "client"), number(flow, "client_port"), "") : "-",
               text(flow, "service"),
               text(flow, "pool"),
               text_or_dash(flow, "backend"),
               {state + (flow.at("waiting").get<bool>() ? " (waits)" : ""), tone_of_state(state)},
               duration_text(flow.at("idle").get<double>()),
               again == 0 ? "." : grouped(again),
               std::to_string(number(flow, "worker"))});
  }
  if (table.empty()) {
    io.out << "no such flow is known now\n";
    return;
  }
  table.print(io.out, io.colour);
  if (more) io.out << "(there are more: --limit, or fewer by filters)\n";
}

}  // namespace

CtlExit show_connections(const CtlGet& ask, const ConnectionsWish& wish, const CtlIo& io) {
  Json connections = Json::array();
  Json next = 0;
  while (!next.is_null() && connections.size() < wish.limit) {
    const size_t page = std::min(kMostInPage, wish.limit - connections.size());
    std::string body;
    const CtlExit code = ask("/api/v1/connections?limit=" + std::to_string(page) +
                                 "&from=" + std::to_string(next.get<uint64_t>()) + wish.query,
                             body);
    if (code != kExitOk) return code;
    const Result<> read = with_json(body, [&](Json json) {
      for (Json& flow : json.at("connections"))
        connections.push_back(std::move(flow));
      const Json& after = json.at("next");
      if (!after.is_null() && after.get<uint64_t>() <= next.get<uint64_t>())
        throw Json::other_error::create(0, "the pages don't end", nullptr);
      next = after;
    });
    if (!read) {
      io.err << "shuntctl: " << read.error().text() << '\n';
      return kExitFailed;
    }
  }
  const bool more = !next.is_null() || connections.size() > wish.limit;
  while (connections.size() > wish.limit)
    connections.erase(connections.size() - 1);
  if (wish.json) {
    io.out << Json{{"connections", connections}, {"more", more}}.dump(2) << '\n';
    return kExitOk;
  }
  const Result<> shown = with_json("null", [&](const Json&) { print(connections, more, io); });
  if (shown) return kExitOk;
  io.err << "shuntctl: " << shown.error().text() << '\n';
  return kExitFailed;
}

}  // namespace shunt
