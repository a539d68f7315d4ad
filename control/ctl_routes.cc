#include "control/ctl_routes.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>

#include "control/ctl_exabgp.h"
#include "control/ctl_format.h"
#include "control/ctl_json.h"
#include "control/ctl_table.h"

namespace shunt {
namespace {

using namespace ctl;

// Short: who asks is a script that keepalived waits for.
constexpr std::chrono::seconds kAnnounceTimeout{3};

struct Given {
  CtlRouteVerbs route_verbs;
  std::string state;   // announce: on | off | empty
  bool ready = false;  // announce
};
using Shared = std::shared_ptr<Given>;

CtlExit ask_and_show(const Given& given, const CtlQuestion& question, const CtlIo& io) {
  const CtlVerbs& verbs = given.route_verbs.verbs;
  std::string answer;
  if (const CtlExit code = verbs.ask(question, io, answer); code != kExitOk) return code;
  if (verbs.json) {
    io.out << answer;
    return kExitOk;
  }
  const Result<> shown = show_routes(answer, io);
  if (shown) return kExitOk;
  io.err << "shuntctl: " << shown.error().text() << '\n';
  return kExitFailed;
}

CtlExit announce(const Given& given, const CtlIo& io) {
  if (given.ready) {  // a refusal (503) is told by whoever asks
    std::string answer;
    const CtlExit code = given.route_verbs.verbs.ask({"GET", "/readyz", {}, kAnnounceTimeout}, io, answer);
    if (code != kExitOk) return code;
  }
  if (given.state.empty()) return ask_and_show(given, {"GET", "/api/v1/routes", {}, kAnnounceTimeout}, io);
  return ask_and_show(given, {"POST", "/api/v1/announce/" + given.state, {}, kAnnounceTimeout}, io);
}

CtlExit exabgp(const Given& given, const CtlIo& io) {
  CtlTarget target;
  if (const CtlExit code = given.route_verbs.find(io, target); code != kExitOk) return code;
  return run_exabgp(target, io.err);
}

CLI::App* add_verb(CLI::App& app, const Shared& given, const char* name, const char* text, const char* footer,
                   CtlExit (*run)(const Given&, const CtlIo&)) {
  CLI::App* command = app.add_subcommand(name, text);
  command->footer(std::string(footer));
  command->callback([given, run] {
    given->route_verbs.verbs.chosen = [given, run](const CtlIo& io) { return run(*given, io); };
  });
  return command;
}

}  // namespace

Result<> show_routes(const std::string& answer, const CtlIo& io) {
  return with_json(answer, [&](const Json& json) {
    if (!json.at("announcing").get<bool>())
      io.out << toned("standby", Tone::warning, io.colour)
             << ": VIPs are neither answered for nor have they routes\n";
    if (json.at("stopping").get<bool>()) io.out << "shuntd is stopping: routes are withdrawn\n";
    Table table({{"VIP"}, {"BY"}, {"ANNOUNCED"}, {"METRIC", Align::right}, {"WHY"}});
    for (const Json& vip : json.at("vips")) {
      const bool announced = vip.at("announced").get<bool>();
      const bool is_route = text(vip, "announce") == "route";
      table.add({{text(vip, "vip"), Tone::heading},
                 text(vip, "announce"),
                 {announced ? "yes" : "no", announced  ? Tone::good
                                            : is_route ? Tone::bad
                                                       : Tone::plain},
                 announced && is_route ? std::to_string(number(vip, "metric")) : "-",
                 text(vip, "reason")});
    }
    table.print(io.out, io.colour);
  });
}

void add_route_verbs(CLI::App& app, CtlRouteVerbs verbs) {
  const auto given = std::make_shared<Given>(Given{std::move(verbs), {}, false});
  add_verb(
      app, given, "routes", "The VIPs: which are announced, how, and why the others aren't",
      "BY: arp, shunt answers for the VIP on its segment; route, a kernel route for a BGP daemon.\n"
      "\nExamples:\n  shuntctl routes\n  shuntctl routes --json | jq '.vips[] | select(.announced | not)'",
      [](const Given& all, const CtlIo& io) { return ask_and_show(all, {"GET", "/api/v1/routes", {}}, io); });
  CLI::App* command = add_verb(
      app, given, "announce", "Announce VIPs, or go into standby",
      "off: no VIP is answered for by ARP or ND, and none has a route; packets that come all the same are "
      "forwarded.\n"
      "For VRRP (docs/routes.md). It lasts until shuntd ends; a start goes by [node] standby.\n"
      "\nExamples:\n  shuntctl announce off\n  shuntctl announce on --ready\n  shuntctl announce",
      announce);
  command->add_option("on|off", given->state, "Nothing: only tell")->check(CLI::IsMember({"on", "off"}));
  command->add_flag("--ready", given->ready, "Do nothing and end with 1 unless shuntd is ready");
  add_verb(
      app, given, "exabgp", "Tell ExaBGP, which starts this as a process, of VIPs' routes",
      "Writes `announce route` and `withdraw route` lines, and reads ExaBGP's answers. When shuntd is gone "
      "for\n"
      "longer than [dataplane] restart_grace, all are withdrawn.\n"
      "\nExample, of exabgp.conf:\n  process shunt {\n    run /usr/local/bin/shuntctl exabgp;\n    encoder "
      "text;\n  }",
      exabgp);
}

}  // namespace shunt
