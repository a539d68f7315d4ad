// shunt-insight: watches shuntds, keeps what it sees, says what is unusual, and shows it. main reads as the
// list of what happens; the rest is insight_program.h.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "common/log_json.h"
#include "common/spdlog_level.h"
#include "insight/config/config_read.h"
#include "insight/program/insight_program.h"

namespace {

using shunt::insight::InsightConfig;

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr int kExitConfig = 78;  // EX_CONFIG of sysexits.h

void start_logging(const InsightConfig& config) {
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("shunt-insight", std::move(sink));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  spdlog::set_level(shunt::spdlog_level(config.log_level));
  if (config.log_format == shunt::LogFormat::json) {
    spdlog::set_formatter(std::make_unique<shunt::JsonLines>());
  } else {
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  }
}

int run(const std::string& file, bool check_only) {
  shunt::insight::ReadConfig read = shunt::insight::load_config(file);
  for (const std::string& error : read.errors)
    std::fprintf(stderr, "%s\n", error.c_str());
  if (!read.errors.empty()) return kExitConfig;
  if (check_only) {
    std::printf("%s: no errors\n", file.c_str());
    return 0;
  }
  start_logging(read.config);
  shunt::insight::InsightProgram program(std::move(read.config));
  if (auto started = program.start(); !started) {
    spdlog::critical("{}", started.error().text());
    return kExitFailure;
  }
  for (const std::string& address : program.addresses())
    spdlog::info("the page and its API: {}", address);
  program.run();
  program.stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads the log may go away
  CLI::App app("Watches shuntds: KPIs, anomalies, alerts, a warehouse, and a live page.", "shunt-insight");
  std::string file;
  bool check_only = false;
  app.add_option("--config", file, "The configuration file (docs/insight-configuration.md)")->required();
  app.add_flag("--check", check_only, "Only say what is wrong with it");
  app.set_version_flag("--version", std::string("shunt-insight ") + SHUNT_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  try {
    return run(file, check_only);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "shunt-insight: %s\n", error.what());
    return kExitFailure;
  }
}
