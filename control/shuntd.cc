// shuntd: moves packets. main reads as the list of what happens; the rest is control/daemon.h.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include <spdlog/spdlog.h>

#include "control/config_load.h"
#include "control/daemon.h"
#include "control/exit_codes.h"
#include "control/logging.h"
#include "control/shuntd_arguments.h"
#include "dataplane/cpu_variant.h"
#include "dataplane/shared_layout.h"

namespace {

int run(const std::string& file) {
  shunt::LoadResult loaded = shunt::load_config_file(file);
  for (const shunt::Diagnostic& error : loaded.errors)
    std::fprintf(stderr, "%s\n", error.text().c_str());
  if (!loaded.config) return shunt::kExitConfig;
  shunt::start_logging(loaded.config->log);
  for (const shunt::Diagnostic& warning : loaded.warnings)
    spdlog::warn("{}", warning.text());
  if (!__builtin_cpu_supports("aes")) {
    spdlog::critical("this CPU has no AES instructions, which the flow hash needs");
    return shunt::kExitFailure;
  }
  if (shunt::cpu_variant().layout != shunt::kSharedLayout) {
    spdlog::critical("libshunt-dataplane.so is of another build than shuntd: install them together");
    return shunt::kExitFailure;
  }
  spdlog::info("packet path for {}", shunt::cpu_variant().level);

  shunt::Daemon daemon(std::move(*loaded.config), loaded.source);
  int exit_code = shunt::kExitFailure;
  if (auto started = daemon.start(&exit_code); !started) {
    spdlog::critical("{}", started.error().text());
    daemon.stop();
    return exit_code;
  }
  daemon.run();
  daemon.stop();
  return shunt::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads the log may go away
  CLI::App app;
  std::string file;
  shunt::describe_shuntd(app, file);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? shunt::kExitOk : shunt::kExitUsage;
  }
  try {
    return run(file);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "shuntd: %s\n", error.what());
    return shunt::kExitFailure;
  }
}
