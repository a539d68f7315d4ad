// shunt-traffic: the command line. What it does is in traffic_run.h.
#include <CLI/CLI.hpp>
#include <cctype>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "tests/traffic/traffic_run.h"

namespace shunt {
namespace {

// Settings of the profile as they were given, to be laid over the file's.
using GivenSettings = std::vector<std::pair<const ProfileSetting*, std::string>>;

constexpr const char* kText =
    "Puts load on a service, over TCP (an HTTP request on a connection) or UDP (a datagram that has to come "
    "back), and "
    "says what became of each request.\n\n"
    "For a first try, a closed loop:  --target 198.51.100.10:80 --requests 1000 --concurrent 10\n"
    "Otherwise an open loop: when each request begins is decided beforehand by profile and seed, and times "
    "are taken from "
    "then on, so that a slow target can't hide by slowing the load down.\n"
    "  --target 198.51.100.10:80 --rate 500 --duration 30s\n"
    "  --target 198.51.100.10:80 --profile spike --rate 200 --peak 3000 --duration 1m --csv seconds.csv\n"
    "  --target 198.51.100.10:53 --udp --profile trace:day.csv --time-scale 0.01 --peak 2000\n"
    "Ctrl-C ends it with the report; a second time, without waiting for what is under way. Exit status: 0, 1 "
    "(more than "
    "--max-failed failed), 2 (couldn't start).";

void add_duration(CLI::App& app, const char* name, uint64_t& ns, const std::string& text) {
  const auto take = [name, &ns](const std::string& value) {
    const auto parsed = parse_duration_ns(value);
    if (!parsed || *parsed == 0)
      throw CLI::ValidationError(name, "\"" + value + "\" isn't a duration such as 100ms or 10s");
    ns = *parsed;
  };
  app.add_option_function<std::string>(name, take, text)->type_name("TIME");
}

void read_ports(const std::string& value, TrafficOptions& options) {
  const size_t dash = value.find('-');
  const auto read = [](std::string_view text, uint16_t& port) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && port > 0;
  };
  const std::string_view text = value;
  if (dash == std::string::npos || !read(text.substr(0, dash), options.first_port) ||
      !read(text.substr(dash + 1), options.last_port) || options.first_port > options.last_port)
    throw CLI::ValidationError("--ports", "\"" + value + "\" isn't FIRST-LAST, such as 20000-29999");
}

void add_ends(CLI::App& app, TrafficOptions& options) {
  const auto take_target = [&options](const std::string& value) {
    const auto parsed = Endpoint::parse(value);
    if (!parsed) throw CLI::ValidationError("--target", "\"" + value + "\" isn't ADDR:PORT");
    options.target = *parsed;
  };
  const auto take_sources = [&options](const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      const auto parsed = IpAddress::parse(value);
      if (!parsed) throw CLI::ValidationError("--source", "\"" + value + "\" isn't an address");
      options.sources.push_back(*parsed);
    }
  };
  app.add_option_function<std::string>("--target", take_target, "where to")->type_name("ADDR:PORT");
  app.add_flag("--udp", options.udp, "datagrams instead of HTTP over TCP");
  app.add_option_function<std::vector<std::string>>("--source", take_sources,
                                                    "local address, repeatable: taken in turn")
      ->type_name("ADDR");
  app.add_option_function<std::string>(
         "--ports", [&options](const std::string& value) { read_ports(value, options); },
         "local ports, taken in turn: no two flows alike until all were used")
      ->type_name("FIRST-LAST");
}

void add_requests(CLI::App& app, TrafficOptions& options) {
  app.add_option("--path", options.path, "what to get (/)");
  app.add_option("--keep", options.keep, "requests of one connection, or of one UDP socket (1)")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--bytes", options.datagram_bytes, "of a datagram (64)")->check(CLI::Range(1, 8972));
  add_duration(app, "--connect-timeout", options.connect_timeout_ns, "for a connection to open (3s)");
  add_duration(app, "--timeout", options.answer_timeout_ns, "for an answer (5s)");
  app.add_option("--max-open", options.max_open,
                 "requests under way at once; more aren't begun, and counted (20000)")
      ->check(CLI::Range(1, 500'000));
  app.add_option("--requests", options.requests, "closed loop: how many")->check(CLI::Range(1, 100'000'000));
  app.add_option("--concurrent", options.concurrent, "closed loop: at once (10)")
      ->check(CLI::Range(1, 20'000));
}

void add_output(CLI::App& app, TrafficOptions& options) {
  app.add_flag("--json", options.json, "the report on stdout as JSON");
  app.add_option("--csv", options.csv, "a row for each second, written at the end")->type_name("FILE");
  app.add_flag("--quiet", options.quiet, "no line for each second");
  app.add_option("--max-failed", options.max_failed, "still exit status 0 (0)");
  app.add_flag("--plan", options.plan, "prints when each request would begin, and sends nothing");
}

void add_profile(CLI::App& app, std::string& file, GivenSettings& given) {
  app.add_option("--profile-file", file,
                 "the settings below from a TOML file (peak_at = \"10s\"); options override it")
      ->type_name("FILE");
  for (const ProfileSetting& setting : profile_settings()) {
    app.add_option_function<std::string>(
           setting.option(),
           [&given, &setting](const std::string& value) { given.emplace_back(&setting, value); },
           std::string(setting.meaning))
        ->type_name(std::string(setting.type));
  }
}

void make_profile(const std::string& file, const GivenSettings& given, Profile& profile) {
  if (!file.empty()) {
    const auto read = read_profile_file(file, profile);
    if (!read) throw CLI::ValidationError(read.error().text());
  }
  for (const auto& [setting, value] : given) {
    const auto read = setting->read(profile, value);
    if (!read) throw CLI::ValidationError(setting->option(), read.error().what);
  }
}

void check(const TrafficOptions& options, bool has_profile) {
  if (options.is_closed_loop() && has_profile)
    throw CLI::ValidationError("--requests", "is a closed loop: it has no --rate, --profile or the like");
  if (options.plan && options.is_closed_loop()) throw CLI::ValidationError("--plan", "is for an open loop");
  if (options.target.port == 0 && !options.plan) throw CLI::RequiredError("--target");
  for (const IpAddress& source : options.sources) {
    if (source.family() != options.target.address.family())
      throw CLI::ValidationError("--source", source.text() + " isn't of the target's family");
  }
  for (const char letter : options.path) {
    if (letter <= ' ' || letter > '~')
      throw CLI::ValidationError("--path", "has to be printable ASCII without spaces");
  }
  if (!options.path.starts_with('/') || options.path.size() > 2000)
    throw CLI::ValidationError("--path", "begins with / and has 2000 letters at most");
}

int run(int argc, char** argv) {
  TrafficOptions options;
  std::string file;
  GivenSettings given;
  CLI::App app{kText};
  add_ends(app, options);
  add_requests(app, options);
  add_profile(app, file, given);
  add_output(app, options);
  try {
    app.parse(argc, argv);
    make_profile(file, given, options.profile);
    check(options, !file.empty() || !given.empty());
  } catch (const CLI::Error& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return options.plan ? print_plan(options) : run_traffic(options);
}

}  // namespace
}  // namespace shunt

int main(int argc, char** argv) {
  return shunt::run(argc, argv);
}
