// Prints a manual page or completion script by the name that it is installed under:
// shuntctl.1 shuntd.8 shuntd.toml.5 shuntctl (bash) _shuntctl (zsh) shuntctl.fish.
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <string_view>

#include "control/config_reference.h"
#include "control/ctl_app.h"
#include "control/man_page.h"
#include "control/shell_completion.h"
#include "control/shuntd_arguments.h"

namespace {

using shunt::ManPage;
using shunt::ManSection;

ManSection see_also(std::string name, std::string text) {
  return {"SEE ALSO", {{std::move(name), std::move(text)}}};
}

std::string shuntctl_page() {
  const ManPage page{"shuntctl",
                     "1",
                     SHUNT_VERSION,
                     "drives the load balancer shuntd",
                     {{"ENVIRONMENT",
                       {{"SHUNT_API", "Where shuntd listens, where neither `--api` nor `--config` says it."},
                        {"SHUNT_TOKEN_FILE", "As `--token-file`."},
                        {"NO_COLOR", "Set: no colours on a terminal."}}},
                      see_also("shuntd(8), shuntd.toml(5)", "The daemon and its configuration.")}};
  return shunt::program_page(page, shunt::shuntctl_command());
}

std::string shuntd_page() {
  const ManPage page{
      "shuntd",
      "8",
      SHUNT_VERSION,
      "kernel-bypass layer-4 load balancer",
      {see_also("shuntctl(1), shuntd.toml(5)", "How a person drives it, and its configuration.")}};
  CLI::App app;
  std::string file;
  shunt::describe_shuntd(app, file);
  return shunt::program_page(page, shunt::command_tree(app));
}

std::string configuration_page() {
  const ManPage page{"shuntd.toml",
                     "5",
                     SHUNT_VERSION,
                     "configuration of shuntd",
                     {see_also("shuntd(8), shuntctl(1)",
                               "`shuntctl check` checks a file, `shuntctl schema` prints its JSON Schema.")}};
  return shunt::reference_page(page, shunt::config_reference());
}

struct Page {
  std::string_view name;
  std::string (*print)();
};
constexpr Page kPages[] = {
    {"shuntctl.1", shuntctl_page},
    {"shuntd.8", shuntd_page},
    {"shuntd.toml.5", configuration_page},
    {"shuntctl", [] { return shunt::bash_completion(shunt::shuntctl_command()); }},
    {"_shuntctl", [] { return shunt::zsh_completion(shunt::shuntctl_command()); }},
    {"shuntctl.fish", [] { return shunt::fish_completion(shunt::shuntctl_command()); }},
};

}  // namespace

int main(int count, char** arguments) {
  for (const Page& page : kPages) {
    if (count != 2 || page.name != arguments[1]) continue;
    std::cout << page.print();
    return std::cout.good() ? 0 : 1;
  }
  std::cerr << "usage: reference_pages PAGE, one of";
  for (const Page& page : kPages)
    std::cerr << ' ' << page.name;
  std::cerr << '\n';
  return 2;
}
