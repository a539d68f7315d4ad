#include "control/shuntd_arguments.h"

#include <CLI/CLI.hpp>

namespace shunt {

void describe_shuntd(CLI::App& app, std::string& file) {
  app.name("shuntd");
  app.description("shuntd: a kernel-bypass layer-4 load balancer");
  app.add_option("--config,-c", file, "The configuration (TOML); see docs/configuration.md")
      ->required()
      ->type_name("FILE");
  app.set_version_flag("--version", "shuntd " SHUNT_VERSION, "Display program version information and exit");
  app.footer(
      "Example:\n  sudo shuntd --config configs/minimal.toml\n\nSIGHUP reloads the file, SIGTERM and SIGINT "
      "stop.\n"
      "Exit status: 0 stopped, 1 start-up failed, 2 usage, 78 the configuration or what it asks of this "
      "machine.");
}

}  // namespace shunt
