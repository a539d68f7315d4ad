// shunt-probe: the command line. What it does is in probe.h and http_probe.h.
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tests/tools/http_probe.h"
#include "tests/tools/message.h"
#include "tests/tools/probe.h"

namespace shunt {
namespace {

CLI::Option* add_duration(CLI::App& app, const char* name, uint64_t& ns, const std::string& text) {
  const auto take = [name, &ns](const std::string& value) {
    const auto parsed = parse_duration_ns(value);
    if (!parsed) throw CLI::ValidationError(name, "\"" + value + "\" isn't a duration such as 100ms or 10s");
    ns = *parsed;
  };
  return app.add_option_function<std::string>(name, take, text)->type_name("DURATION");
}

CLI::Option* add_target(CLI::App& app, Endpoint& target) {
  const auto take = [&target](const std::string& value) {
    const auto parsed = Endpoint::parse(value);
    if (!parsed) throw CLI::ValidationError("--target", "\"" + value + "\" isn't ADDR:PORT");
    target = *parsed;
  };
  return app.add_option_function<std::string>("--target", take, "where to")->type_name("ADDR:PORT");
}

void add_sources(CLI::App& app, std::vector<IpAddress>& sources) {
  const auto take = [&sources](const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      const auto parsed = IpAddress::parse(value);
      if (!parsed) throw CLI::ValidationError("--source", "\"" + value + "\" isn't an address");
      sources.push_back(*parsed);
    }
  };
  app.add_option_function<std::vector<std::string>>(
         "--source", take, "local address, repeatable: taken in turn, each has about 28,000 ports")
      ->type_name("ADDR");
}

void add_probe(CLI::App& app, ProbeOptions& options) {
  add_target(app, options.target);
  add_sources(app, options.sources);
  app.add_option("--tcp", options.tcp, "TCP connections to hold");
  app.add_option("--udp", options.udp, "UDP flows to hold");
  add_duration(app, "--interval", options.interval_ns, "between two messages of a flow (100ms)");
  add_duration(app, "--duration", options.duration_ns, "after the ramp (10s)");
  add_duration(app, "--ramp", options.ramp_ns, "over which the flows are opened (1s)");
  add_duration(app, "--silence", options.silence_ns, "without an answer that is broken (15s)");
  add_duration(app, "--connect-timeout", options.connect_timeout_ns, "for a connection to open (10s)");
  app.add_option("--udp-rate", options.udp_rate,
                 "datagrams a second over all UDP flows together, once all are open, in place of --interval")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--message-bytes", options.message_bytes, "of each message (64)")
      ->check(CLI::Range(kMinMessageBytes, kMaxMessageBytes));
  app.add_option("--status-file", options.status_file, "rewritten once a second with the report so far");
  app.add_option("--control", options.control,
                 "FIFO for the lines \"end\" and \"lost BACKEND\" (stdin takes them too)");
  app.add_option("--expect-lost", options.expect_lost,
                 "backend whose flows may break from SIGUSR2 on (repeatable)");
  app.add_option("--max-broken", options.max_broken, "still exit status 0 (0)");
}

CLI::App* add_http(CLI::App& app, HttpOptions& options) {
  CLI::App* http = app.add_subcommand("http", "one new connection for each HTTP request");
  add_target(*http, options.target)->required();
  add_sources(*http, options.sources);
  http->add_option("--requests", options.requests, "how many (1000)")->check(CLI::Range(1, 100'000'000));
  http->add_option("--concurrent", options.concurrent, "at once (10)")->check(CLI::Range(1, 10'000));
  http->add_option("--path", options.path, "what to get (/)");
  add_duration(*http, "--each-timeout", options.each_timeout_ns, "for one request (2s)");
  add_duration(*http, "--until-ok", options.until_ok_ns,
               "one after the other until one is answered 200, so long at most");
  http->add_option("--in-a-row", options.in_a_row, "with --until-ok: until so many in a row are (1)")
      ->check(CLI::Range(1, 1'000'000));
  return http;
}

void check_probe(const ProbeOptions& options) {
  if (options.target.port == 0) throw CLI::RequiredError("--target");
  if (options.tcp == 0 && options.udp == 0) throw CLI::RequiredError("--tcp N or --udp N");
  if (options.udp_rate != 0 && options.udp == 0) throw CLI::ValidationError("--udp-rate", "needs --udp N");
  if (options.interval_ns == 0) throw CLI::ValidationError("--interval", "has to be more than 0");
}

void check_sources(const Endpoint& target, const std::vector<IpAddress>& sources) {
  for (const IpAddress& source : sources) {
    if (source.family() != target.address.family()) {
      throw CLI::ValidationError("--source", source.text() + " isn't of the target's family");
    }
  }
}

int run(int argc, char** argv) {
  ProbeOptions probe;
  HttpOptions http;
  CLI::App app{
      "Holds TCP connections and UDP flows open through a VIP and reports what broke, as JSON. Exit status: "
      "0 nothing "
      "broke, 1 something did, 2 couldn't start.\nSIGUSR1 or \"end\" on stdin: report now. SIGUSR2 or \"lost "
      "BACKEND\": "
      "its flows may break from now on."};
  add_probe(app, probe);
  const CLI::App* wants_http = add_http(app, http);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
    if (!wants_http->parsed()) check_probe(probe);
    check_sources(wants_http->parsed() ? http.target : probe.target,
                  wants_http->parsed() ? http.sources : probe.sources);
  } catch (const CLI::Error& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return wants_http->parsed() ? run_http(http) : run_probe(probe);
}

}  // namespace
}  // namespace shunt

int main(int argc, char** argv) {
  return shunt::run(argc, argv);
}
