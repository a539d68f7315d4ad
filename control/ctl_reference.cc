// `names` answers what completions ask while somebody waits at a prompt: soon, or with nothing.
#include "control/ctl_reference.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control/command_tree.h"
#include "control/config_schema.h"
#include "control/ctl_json.h"
#include "control/shell_completion.h"

namespace shunt {
namespace {

using ctl::Json;

constexpr std::chrono::seconds kNamesTimeout{2};

struct NameKind {
  std::string_view name;
  const char* path;
  void (*read)(const Json& answer, std::vector<std::string>& names);
};

void read_services(const Json& answer, std::vector<std::string>& names) {
  for (const Json& service : answer.at("services"))
    names.push_back(ctl::text(service, "name"));
}

void read_pools(const Json& answer, std::vector<std::string>& names) {
  for (const Json& backend : answer.at("backends"))
    names.push_back(ctl::text(backend, "pool"));
}

void read_backends(const Json& answer, std::vector<std::string>& names) {
  for (const Json& backend : answer.at("backends"))
    names.push_back(ctl::text(backend, "pool") + "/" + ctl::text(backend, "name"));
}

void read_generations(const Json& answer, std::vector<std::string>& names) {
  for (const Json& row : answer.at("generations")) {
    if (row.at("can_roll_back").get<bool>()) names.push_back(std::to_string(ctl::number(row, "generation")));
  }
}

constexpr NameKind kNameKinds[] = {{"services", "/api/v1/services", read_services},
                                   {"pools", "/api/v1/backends", read_pools},
                                   {"backends", "/api/v1/backends", read_backends},
                                   {"generations", "/api/v1/history", read_generations}};

CtlExit print_names(const std::vector<std::string>& wanted, const CtlAsk& ask, const CtlIo& io) {
  std::set<std::string> told;  // a pool has many backends
  for (const std::string& kind : wanted) {
    const auto* row = std::ranges::find(kNameKinds, kind, &NameKind::name);
    if (row == std::end(kNameKinds)) {
      io.err << "shuntctl: names are of services, pools, backends or generations, not of `" << kind << "`\n";
      return kExitUsage;
    }
    std::string answer;
    if (const CtlExit code = ask({"GET", row->path, {}, kNamesTimeout}, io, answer); code != kExitOk)
      return code;
    std::vector<std::string> names;
    const Result<> read = ctl::with_json(answer, [&](const Json& json) { row->read(json, names); });
    if (!read) {
      io.err << "shuntctl: " << read.error().text() << '\n';
      return kExitFailed;
    }
    for (const std::string& name : names) {
      if (told.insert(name).second) io.out << name << '\n';
    }
  }
  return kExitOk;
}

void add_schema(CLI::App& app, const CtlVerbs& verbs) {
  CLI::App* schema = app.add_subcommand("schema", "The JSON Schema of the configuration file, for editors");
  schema->footer(
      "Draft 2020-12, made from the same table as docs/configuration.md. An editor with taplo takes it from "
      "a\n"
      "first line `#:schema ./shunt.schema.json` in the configuration.\n"
      "\nExamples:\n  shuntctl schema > shunt.schema.json\n  shuntctl schema | jq '.properties.service'");
  schema->callback([&chosen = verbs.chosen] {
    chosen = [](const CtlIo& io) {
      io.out << config_schema();
      return kExitOk;
    };
  });
}

CtlExit print_completion(const CLI::App& app, const std::string& shell, const CtlIo& io) {
  const Command program = command_tree(app);
  if (shell == "bash") {
    io.out << bash_completion(program);
  } else if (shell == "zsh") {
    io.out << zsh_completion(program);
  } else if (shell == "fish") {
    io.out << fish_completion(program);
  } else {
    io.err << "shuntctl: completion is for bash, zsh or fish\n";
    return kExitUsage;
  }
  return kExitOk;
}

void add_completion(CLI::App& app, const CtlVerbs& verbs) {
  CLI::App* completion = app.add_subcommand("completion", "What makes a shell complete shuntctl's words");
  const auto shell = std::make_shared<std::string>();
  completion->add_option("bash|zsh|fish", *shell, "Whose")->required();
  completion->footer(
      "Services, pools, backends and generations are asked from the running shuntd.\n"
      "\nExamples:\n  source <(shuntctl completion bash)\n"
      "  shuntctl completion zsh > /usr/local/share/zsh/site-functions/_shuntctl\n"
      "  shuntctl completion fish > ~/.config/fish/completions/shuntctl.fish");
  completion->callback([&app, &chosen = verbs.chosen, shell] {
    chosen = [&app, shell](const CtlIo& io) { return print_completion(app, *shell, io); };
  });
}

void add_names(CLI::App& app, const CtlVerbs& verbs) {
  CLI::App* command = app.add_subcommand("names", "The names that shuntd knows, one a line, for scripts");
  const auto kinds = std::make_shared<std::vector<std::string>>();
  command->add_option("services|pools|backends|generations", *kinds, "Of what")->required();
  command->footer(
      "generations: those that `rollback` takes.\n"
      "\nExamples:\n  shuntctl names backends\n  shuntctl names backends | grep ^web/ | xargs shuntctl "
      "drain");
  command->callback([&chosen = verbs.chosen, ask = verbs.ask, kinds] {
    chosen = [ask, kinds](const CtlIo& io) { return print_names(*kinds, ask, io); };
  });
}

}  // namespace

void add_reference_verbs(CLI::App& app, CtlVerbs verbs) {
  add_names(app, verbs);
  add_schema(app, verbs);
  add_completion(app, verbs);
}

}  // namespace shunt
