#include "control/ctl_app.h"

#include <CLI/CLI.hpp>
#include <cctype>
#include <cstdlib>
#include <functional>
#include <string>

#include "control/ctl_capture.h"
#include "control/ctl_check.h"
#include "control/ctl_client.h"
#include "control/ctl_connections.h"
#include "control/ctl_discovery_view.h"
#include "control/ctl_doctor.h"
#include "control/ctl_edit.h"
#include "control/ctl_flow_views.h"
#include "control/ctl_live.h"
#include "control/ctl_reference.h"
#include "control/ctl_routes.h"
#include "control/ctl_token.h"
#include "control/ctl_trace.h"

namespace shunt {
namespace {

constexpr const char* kDefaultApi = "unix:/run/shunt/api.sock";
constexpr std::chrono::seconds kAskTimeout{10};
constexpr std::chrono::seconds kReloadTimeout{60};  // a large configuration takes seconds to compile

constexpr const char* kFooter = R"(
Exit codes:
  0   done
  1   shuntd refused or failed, or has nothing by that name
  2   the command line is wrong
  69  no shuntd answered
  78  the configuration has errors

Examples:
  shuntctl check /etc/shunt/shunt.toml
  shuntctl status
  shuntctl backends web
  shuntctl flows --failed
  shuntctl trace 203.0.113.7:40000 198.51.100.10:80
  shuntctl drain web/web-1
  shuntctl diff new.toml && shuntctl apply new.toml
  shuntctl --api 127.0.0.1:8080 drops --json
`shuntctl COMMAND --help` has more.)";

struct Options {
  std::string api = kDefaultApi;
  std::string config;
  std::string token_file;
  std::string ca_file;
  bool json = false;
  std::string file;         // check
  std::string backends_of;  // backends: a service or a pool
  std::string service;      // latency, outcomes, flows
  bool failed = false;      // flows
  bool live = false;        // flows: those of the tables, by the next four
  std::string client;
  std::string backend;
  std::string state;
  std::string worker;
  uint32_t limit = 40;  // flows, events
  bool follow = false;  // events
  bool once = false;    // top
  TokenWish token;
  CaptureWish capture;
  std::string trace_client;  // trace
  std::string trace_vip;
  std::string trace_protocol = "tcp";
};

using View = Result<> (*)(const std::string& answer, const CtlIo& io);

CtlExit fail(const CtlIo& io, CtlExit code, const std::string& what) {
  io.err << "shuntctl: " << what << '\n';
  return code;
}

// The file's address when --config is given, else --api, SHUNT_API or the default.
CtlExit find_api(const Options& options, const CtlIo& io, CtlTarget& target) {
  if (options.config.empty()) {
    auto found = CtlTarget::parse(options.api);
    if (!found) return fail(io, kExitUsage, found.error().text());
    target = found.take();
  } else {
    const Result<ApiAddress> found = api_address_in(options.config);
    if (!found) return fail(io, kExitBadConfiguration, found.error().text());
    target = found.value();
  }
  target.ca_file = options.ca_file;
  if (options.token_file.empty() || target.address.is_unix()) return kExitOk;
  auto token = read_token_file(options.token_file);
  if (!token) return fail(io, kExitUsage, token.error().text());
  target.token = token.take();
  return kExitOk;
}

// Asks; an answer that isn't a success is printed, and its exit code returned.
CtlExit ask(const Options& options, const CtlIo& io, const CtlQuestion& question, std::string& body) {
  CtlTarget target;
  if (const CtlExit code = find_api(options, io, target); code != kExitOk) return code;
  const Result<HttpAnswer> answer =
      ask_shuntd(target, question.method, question.path, question.timeout, question.body);
  if (!answer) return fail(io, kExitUnreachable, answer.error().text());
  body = answer.value().body;
  const unsigned status = answer.value().status;
  if (status >= 200 && status < 300) return kExitOk;
  if (options.json) io.out << body;
  constexpr unsigned kUnprocessable = 422;
  return fail(io, status == kUnprocessable ? kExitBadConfiguration : kExitFailed, problem_text(body, status));
}

CtlExit ask(const Options& options, const CtlIo& io, const char* method, const char* path,
            std::string& body) {
  const bool reload = std::string_view(method) == "POST";
  return ask(options, io, {method, path, {}, reload ? kReloadTimeout : kAskTimeout}, body);
}

CtlExit show(const Options& options, const CtlIo& io, const std::string& body, View view) {
  if (options.json) {
    io.out << body;
    return kExitOk;
  }
  const Result<> shown = view(body, io);
  return shown ? kExitOk : fail(io, kExitFailed, shown.error().text());
}

CtlExit ask_and_show(const Options& options, const CtlIo& io, const char* method, const char* path,
                     View view) {
  std::string body;
  if (const CtlExit code = ask(options, io, method, path, body); code != kExitOk) return code;
  return show(options, io, body, view);
}

CtlExit backends(const Options& options, const CtlIo& io) {
  std::string body;
  if (const CtlExit code = ask(options, io, "GET", "/api/v1/backends", body); code != kExitOk) return code;
  if (!options.backends_of.empty()) {
    Result<std::string> filtered = only_backends_of(body, options.backends_of);
    if (!filtered) return fail(io, kExitFailed, filtered.error().text());
    body = filtered.take();
  }
  return show(options, io, body, show_backends);
}

// RFC 3986 2.3: what needs no escape in a query.
std::string escaped(const std::string& text) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string safe;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(c) != std::string_view::npos) {
      safe += c;
    } else {
      safe += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return safe;
}

CtlExit of_service(const Options& options, const CtlIo& io, std::string path, View view) {
  if (!options.service.empty())
    path += (path.find('?') == std::string::npos ? "?service=" : "&service=") + escaped(options.service);
  return ask_and_show(options, io, "GET", path.c_str(), view);
}

CtlGet asker(const Options& options, const CtlIo& io) {
  return [&options, &io](const std::string& path, std::string& body) {
    return ask(options, io, "GET", path.c_str(), body);
  };
}

CtlExit live_flows(const Options& options, const CtlIo& io) {
  ConnectionsWish wish;
  const std::pair<const char*, const std::string&> filters[] = {{"service", options.service},
                                                                {"client", options.client},
                                                                {"backend", options.backend},
                                                                {"state", options.state},
                                                                {"worker", options.worker}};
  for (const auto& [name, value] : filters) {
    if (!value.empty()) wish.query += std::string("&") + name + "=" + escaped(value);
  }
  wish.limit = options.limit;
  wish.json = options.json;
  return show_connections(asker(options, io), wish, io);
}

CtlExit flows(const Options& options, const CtlIo& io) {
  if (options.live) return live_flows(options, io);
  return of_service(
      options, io,
      "/api/v1/flows?limit=" + std::to_string(options.limit) + (options.failed ? "&failed=true" : ""),
      show_flows);
}

// A subcommand that asks one path and shows the answer.
struct Question {
  const char* name;
  const char* text;
  const char* footer;
  const char* method;
  const char* path;
  View view;
};

constexpr Question kQuestions[] = {
    {"status", "The node, its workers and its ports",
     "Shows whether the node is ready, how busy each worker is (of late), how many packets come in one "
     "receive call,\n"
     "how full the flow tables are, what a packet costs in each stage, and what each port carried.\n"
     "A stage's figure is for each packet that it was given, TICKS/PACKET for each packet received.\n"
     "\nExamples:\n  shuntctl status\n  shuntctl status --json | jq '.workers[].busy'",
     "GET", "/api/v1/status", show_status},
    {"services", "The services: who is up, flows, packets, drops",
     "UP is backends up of all, with `panic` where so many are down that new flows go to all of them, "
     "`backup` where\n"
     "they go to the backup pool; FIT: enough are up to announce the address; BYTES are of client packets.\n"
     "\nExamples:\n  shuntctl services\n  shuntctl services --json | jq '.services[] | select(.fit | "
     "not).name'",
     "GET", "/api/v1/services", show_services},
    {"discovery", "Where pools find their backends, and how fresh that is",
     "STATE: fresh; stale: the source fails, and what it said last stays; held: its answer takes away more "
     "than "
     "max_change\nand isn't followed; waiting: no answer yet. SKIPPED entries say nothing usable, REFUSED "
     "ones break "
     "a rule of the\nconfiguration.\n"
     "\nExamples:\n  shuntctl discovery\n  shuntctl discovery --json | jq '.pools[] | select(.state != "
     "\"fresh\")'",
     "GET", "/api/v1/discovery", show_discovery},
    {"drops", "Every packet accounted for, and why packets were dropped",
     "received + originated = sent + punted + in flight + dropped; a difference is shown as `unaccounted`.\n"
     "\nExamples:\n  shuntctl drops\n  shuntctl drops --json | jq '.dropped | with_entries(select(.value > "
     "0))'",
     "GET", "/api/v1/drops", show_drops},
    {"doctor", "What is set up so that packets won't arrive, or slowly, and what to do",
     "Looks at routes, neighbours, path sizes, VIPs, ports, workers and tables. docs/doctor.md has every "
     "finding.\n"
     "\nExamples:\n  shuntctl doctor\n  shuntctl doctor --json | jq -e '.findings | map(select(.gravity == "
     "\"fault\")) | length == 0'",
     "GET", "/api/v1/doctor", show_findings},
    {"reload", "Read the configuration file again, as SIGHUP does",
     "A file with errors changes nothing: they are printed, and shuntctl ends with 78.\n"
     "Over TCP it needs a token of the role operator.\n"
     "\nExamples:\n  shuntctl reload\n  shuntctl check /etc/shunt/shunt.toml && shuntctl reload",
     "POST", "/api/v1/reload", show_reload},
};

void add_check(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  CLI::App* check = app.add_subcommand("check", "Check a configuration file (needs no root and no daemon)");
  check->add_option("FILE", options.file, "The configuration file")->required();
  check->footer(
      "Prints every error as file:line:column, and ends with 78 when there is one.\n"
      "\nExamples:\n  shuntctl check /etc/shunt/shunt.toml\n  shuntctl check --json lb.toml | jq "
      "'.errors[].message'");
  check->callback(
      [&] { chosen = [&](const CtlIo& io) { return check_file(options.file, options.json, io); }; });
}

void add_backends(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  CLI::App* command =
      app.add_subcommand("backends", "The backends of all services, or of one service or pool");
  command->add_option("SERVICE|POOL", options.backends_of, "Only those of this service or pool");
  command->footer(
      "FOR is how long the state lasts; ACCEPT how much of the new flows of its slots the backend takes;\n"
      "SHARE its part of the pool's slots; REPLIES are counted where they pass shunt (nat).\n"
      "\nExamples:\n  shuntctl backends\n  shuntctl backends web\n"
      "  shuntctl backends --json | jq '.backends[] | select(.state == \"down\")'");
  command->callback([&] { chosen = [&](const CtlIo& io) { return backends(options, io); }; });
}

void add_latency(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  CLI::App* command = app.add_subcommand("latency", "How long handshakes, answers and flows took");
  command->add_option("SERVICE", options.service, "Only this service");
  command->footer(
      "connect is from a flow's first SYN to the SYN-ACK (METHOD synack: nat) or to the client's ACK (ack: "
      "the\n"
      "other modes); response is from a question to its answer, seen (ttfb: nat) or estimated from the "
      "client's\n"
      "packets (inband); duration is a flow's whole life. response and duration are of watched flows "
      "(`sample`).\n"
      "Quantiles are within 1 % of the value. (others): backends that share histograms, beyond the first "
      "4,096.\n"
      "\nExamples:\n  shuntctl latency\n  shuntctl latency web\n"
      "  shuntctl latency --json | jq '.backends[] | [.name, .connect[\"p99\"]]'");
  command->callback([&] {
    chosen = [&](const CtlIo& io) { return of_service(options, io, "/api/v1/latency", show_latency); };
  });
}

void add_outcomes(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  CLI::App* command = app.add_subcommand("outcomes", "How flows ended, and how often clients tried again");
  command->add_option("SERVICE", options.service, "Only this service");
  command->footer(
      "SYN AGAIN: repeated SYNs; RECONNECTS: flows that a client opened within 10 s of a failure; DATA "
      "AGAIN:\n"
      "repeated data of watched flows; REVIVED: flows that went on after a RST or FIN. (all) has removed "
      "backends\n"
      "too, and flows that found no backend. A chain is one client's attempts in a row, each within 10 s of "
      "a\n"
      "failure; it is over when one succeeds or nobody tries again.\n"
      "\nExamples:\n  shuntctl outcomes\n  shuntctl outcomes web\n"
      "  shuntctl outcomes --json | jq '.services[] | {name, failed: .outcomes.syn_timeout}'");
  command->callback([&] {
    chosen = [&](const CtlIo& io) { return of_service(options, io, "/api/v1/outcomes", show_outcomes); };
  });
}

void add_flows(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  CLI::App* command =
      app.add_subcommand("flows", "The newest flows that ended, or failed; --live: those that there are");
  command->add_option("SERVICE", options.service, "Only this service");
  CLI::Option* failed = command->add_flag(
      "--failed", options.failed,
      "Only failures: reset by the server, SYN timeout, ICMP unreachable, no backend, shed");
  command->add_option("--limit", options.limit, "At most so many, newest first")
      ->check(CLI::Range(1, 2'000))
      ->capture_default_str();
  CLI::Option* live = command->add_flag("--live", options.live, "What the connection tables know now");
  live->excludes(failed);
  for (const auto& [name, value, text] :
       {std::tuple<const char*, std::string*, const char*>{"--client", &options.client,
                                                           "Of this client: an address or a prefix"},
        {"--backend", &options.backend, "With this backend: NAME or POOL/NAME"},
        {"--state", &options.state,
         "In this state: syn, mid_flow, established, fin_client, fin_backend, closing, reset, udp"},
        {"--worker", &options.worker, "Of this worker: its number"}})
    command->add_option(name, *value, text)->needs(live);
  command->footer(
      "Failures are all there (the last 1,000); of the others those that were watched (`sample`), as many.\n"
      "PACKETS and BYTES are known of watched flows. Times of day are UTC. #5: removed, its number.\n"
      "With --live, from the tables: IDLE is the time since the last packet. (waits): the client's second "
      "packet\n"
      "hasn't come; IDLE is then the time since the first. CLIENT is known of IPv4 services of one address "
      "and "
      "port.\n"
      "\nExamples:\n  shuntctl flows\n  shuntctl flows --failed web\n"
      "  shuntctl flows --live --client 192.0.2.0/24\n  shuntctl flows --live web --backend web-1 --limit "
      "2000\n"
      "  shuntctl flows --limit 500 --json | jq -r '.flows[].outcome' | sort | uniq -c");
  command->callback([&] { chosen = [&](const CtlIo& io) { return flows(options, io); }; });
}

LiveWish live_wish(const Options& options, bool follow, const CtlIo& io) {
  LiveWish wish;
  wish.json = options.json;
  wish.follow = follow;
  wish.terminal = io.terminal && !options.json && follow;
  wish.limit = options.limit;
  return wish;
}

void add_events(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  CLI::App* command = app.add_subcommand("events", "What happened: backends, reloads, changes");
  command->add_flag("--follow,-f", options.follow, "Go on as they happen, until Ctrl-C");
  command->add_option("--limit", options.limit, "At most so many, the newest")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  command->footer(
      "shuntd keeps the last 1,000 since its start. Times of day are UTC.\n"
      "\nExamples:\n  shuntctl events\n  shuntctl events --follow\n"
      "  shuntctl events --json | jq -r '.events[] | select(.kind == \"backend.down\").subject'");
  command->callback([&] {
    chosen = [&](const CtlIo& io) {
      return show_events(asker(options, io), live_wish(options, options.follow, io), io);
    };
  });
}

void add_top(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  CLI::App* command = app.add_subcommand("top", "Traffic of services and backends, each second");
  command->add_flag("--once", options.once, "One table, and end");
  command->footer(
      "Rates are of the last second. On a terminal the table stays in its place; piped, one follows the "
      "other.\n"
      "\nExamples:\n  shuntctl top\n  shuntctl top --once\n"
      "  shuntctl top --json | jq --unbuffered '.rates.received'");
  command->callback([&] {
    chosen = [&](const CtlIo& io) {
      return show_top(asker(options, io), live_wish(options, !options.once, io), io);
    };
  });
}

CtlExit capture(const Options& options, const CtlIo& io) {
  CtlTarget target;
  if (const CtlExit code = find_api(options, io, target); code != kExitOk) return code;
  std::string query;
  const CaptureWish& wish = options.capture;
  const std::pair<const char*, std::string> parameters[] = {
      {"service", options.service},          {"client", options.client},
      {"backend", options.backend},          {"drop", wish.drop},
      {"count", std::to_string(wish.count)}, {"seconds", std::to_string(wish.seconds)},
      {"snap", std::to_string(wish.snap)}};
  for (const auto& [name, value] : parameters) {
    if (!value.empty()) query += (query.empty() ? "?" : "&") + std::string(name) + "=" + escaped(value);
  }
  return write_capture(target, query, wish, options.json, io);
}

void add_capture(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  CLI::App* command = app.add_subcommand("capture", "Packets as they came and as they left, as pcapng");
  CaptureWish& wish = options.capture;
  command->add_option("SERVICE", options.service, "Only of this service");
  command->add_option("--client", options.client, "Only of this client: an address or a prefix");
  command->add_option("--backend", options.backend, "Only to or from this backend: NAME or POOL/NAME");
  command->add_option("--drop", wish.drop, "Only what is dropped: a reason, several with commas, or all");
  command->add_option("--count", wish.count, "End after so many packets")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command->add_option("--seconds", wish.seconds, "And after this time")
      ->check(CLI::Range(1, 3'600))
      ->capture_default_str();
  command->add_option("--snap", wish.snap, "Bytes of each frame")
      ->check(CLI::Range(64, 2'048))
      ->capture_default_str();
  command->add_option("--write,-w", wish.file, "Into this file; else to the output, for a pipe");
  command->footer(
      "Each packet is there twice: `before`, as it came in, and `after`, rewritten, with service, flow and "
      "backend as\n"
      "its comment; one that is dropped once, with the reason. Interfaces are the ports, PORT in and PORT "
      "out. "
      "One\n"
      "capture at a time; Ctrl-C ends it. Over TCP it needs a token of the role admin.\n"
      "\nExamples:\n  shuntctl capture web --client 203.0.113.7 | tshark -r -\n"
      "  shuntctl capture --drop all --seconds 10 -w drops.pcapng\n"
      "  shuntctl capture --drop no_backend,no_neighbour --count 20 | tshark -r - -T fields -e "
      "frame.comment");
  command->callback([&] { chosen = [&](const CtlIo& io) { return capture(options, io); }; });
}

void add_trace(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  CLI::App* command = app.add_subcommand("trace", "What would become of a client's packet, and why");
  command->add_option("CLIENT:PORT", options.trace_client, "The client, like 203.0.113.7:40000")->required();
  command->add_option("VIP:PORT", options.trace_vip, "Where it goes, like 198.51.100.10:80")->required();
  command->add_option("PROTOCOL", options.trace_protocol, "tcp or udp")
      ->check(CLI::IsMember({"tcp", "udp"}))
      ->capture_default_str();
  command->footer(
      "Rehearses the next packet of this flow (a SYN, where no table knows it) with the packet path itself "
      "and "
      "the\n"
      "tables that are in use; no packet is sent, and nothing is remembered. Says which service, whether the "
      "flow "
      "is\n"
      "known, which slot and backend and why, what leaves where; or why it is dropped, and what to do.\n"
      "\nExamples:\n  shuntctl trace 203.0.113.7:40000 198.51.100.10:80\n"
      "  shuntctl trace [2001:db8::7]:5353 [2001:db8:a::1]:53 udp\n"
      "  shuntctl trace 203.0.113.7:40000 198.51.100.10:80 --json | jq -r .backend");
  command->callback([&] {
    chosen = [&](const CtlIo& io) {
      const std::string path = "/api/v1/trace?client=" + escaped(options.trace_client) +
                               "&to=" + escaped(options.trace_vip) + "&protocol=" + options.trace_protocol;
      return ask_and_show(options, io, "GET", path.c_str(), show_trace);
    };
  });
}

void add_token(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  CLI::App* command = app.add_subcommand("token", "Make a token for the API over TCP (needs no daemon)");
  command->add_option("NAME", options.token.name, "Whose it is: letters, digits, - and _")->required();
  command->add_option("--role", options.token.role, "What it may do")
      ->type_name("reader|operator|admin")
      ->required();
  command->add_option("--expires", options.token.expires,
                      "30d, 12h, 90m, or a time like 2027-01-31T12:00:00Z");
  command->footer(
      "Prints the token and the line for the file of [api] token_file, which holds its hash only.\n"
      "\nExamples:\n  shuntctl token ci --role operator --expires 30d\n"
      "  shuntctl token prometheus --role reader --json | jq -r .line >> /etc/shunt/token");
  command->callback([&] {
    chosen = [&](const CtlIo& io) {
      options.token.json = options.json;
      return print_token(options.token, io);
    };
  });
}

void add_questions(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  for (const Question& question : kQuestions) {
    CLI::App* command = app.add_subcommand(question.name, question.text);
    command->footer(std::string(question.footer));
    command->callback([&] {
      chosen = [&](const CtlIo& io) {
        return ask_and_show(options, io, question.method, question.path, question.view);
      };
    });
  }
}

void read_environment(Options& options) {
  // Not CLI11's envname(): --config on the command line has to win over the environment.
  if (const char* from_environment = std::getenv("SHUNT_API");
      from_environment != nullptr && *from_environment) {
    options.api = from_environment;
  }
  if (const char* from_environment = std::getenv("SHUNT_TOKEN_FILE"); from_environment != nullptr)
    options.token_file = from_environment;
}

void add_options(CLI::App& app, Options& options) {
  CLI::Option* api =
      app.add_option("--api", options.api,
                     "Where shuntd listens: unix:/PATH, ADDRESS:PORT or https://HOST:PORT (or set SHUNT_API)")
          ->type_name("ADDRESS")
          ->capture_default_str();
  app.add_option("--config", options.config, "Take the address from this configuration file's [api] listen")
      ->type_name("FILE")
      ->excludes(api);
  app.add_option("--token-file", options.token_file,
                 "A file whose first line is the token to use over TCP (or set SHUNT_TOKEN_FILE)")
      ->type_name("FILE");
  app.add_option("--ca", options.ca_file, "For https: the PEM file of who signed shuntd's certificate")
      ->type_name("FILE");
  app.add_flag("--json", options.json, "Print JSON, for programs");
}

// All three have to outlive the parse.
void describe_shuntctl(CLI::App& app, Options& options, std::function<CtlExit(const CtlIo&)>& chosen) {
  app.set_version_flag("--version", SHUNT_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);
  add_options(app, options);
  add_check(app, options, chosen);
  add_questions(app, options, chosen);
  add_backends(app, options, chosen);
  add_outcomes(app, options, chosen);
  add_latency(app, options, chosen);
  add_flows(app, options, chosen);
  const CtlVerbs verbs{[&options](const CtlQuestion& question, const CtlIo& to, std::string& body) {
                         return ask(options, to, question, body);
                       },
                       options.json, chosen};
  add_edit_verbs(app, verbs);
  add_route_verbs(
      app, {verbs, [&options](const CtlIo& to, CtlTarget& target) { return find_api(options, to, target); }});
  add_events(app, options, chosen);
  add_top(app, options, chosen);
  add_trace(app, options, chosen);
  add_capture(app, options, chosen);
  add_token(app, options, chosen);
  add_reference_verbs(app, verbs);
}

constexpr const char* kDescription = "Drives shuntd, the load balancer of this node.";

}  // namespace

CtlExit run_shuntctl(int count, const char* const* arguments, const CtlIo& io) {
  CLI::App app(kDescription, "shuntctl");
  Options options;
  read_environment(options);
  std::function<CtlExit(const CtlIo&)> chosen;
  describe_shuntctl(app, options, chosen);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, io.out, io.err) == 0 ? kExitOk : kExitUsage;
  }
  return chosen(io);
}

Command shuntctl_command() {
  CLI::App app(kDescription, "shuntctl");
  Options options;
  std::function<CtlExit(const CtlIo&)> chosen;
  describe_shuntctl(app, options, chosen);
  return command_tree(app);
}

}  // namespace shunt
