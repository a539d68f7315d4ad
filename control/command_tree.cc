#include "control/command_tree.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <utility>

namespace shunt {
namespace {

CommandOption option_of(const CLI::Option& option) {
  CommandOption read;
  for (const std::string& name : option.get_lnames())
    read.names.push_back("--" + name);
  for (const std::string& name : option.get_snames())
    read.names.push_back("-" + name);
  if (option.get_items_expected_max() > 0) read.value = option.get_type_name();
  read.text = option.get_description();
  read.default_text = option.get_default_str();
  read.required = option.get_required();
  return read;
}

CommandArgument argument_of(const CLI::Option& option) {
  return {option.get_name(true, false), option.get_description(), option.get_required(),
          option.get_items_expected_max() > 1};
}

std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('|', begin), name.size());
    parts.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

Command command_tree(const CLI::App& app) {
  Command command{app.get_name(), app.get_description(), app.get_footer(), {}, {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      command.arguments.push_back(argument_of(*option));
    } else {
      command.options.push_back(option_of(*option));
    }
  }
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    command.commands.push_back(command_tree(*sub));
  return command;
}

Completion completion_of(const std::string& name) {
  static const std::map<std::string, std::string> kKinds = {{"SERVICE", "services"},
                                                            {"POOL", "pools"},
                                                            {"POOL/BACKEND", "backends"},
                                                            {"GENERATION", "generations"}};
  Completion completion;
  completion.files = name == "FILE";
  const std::vector<std::string> parts = parts_of(name);
  const bool small =
      std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || c == '|' || c == '-'; });
  if (small && parts.size() > 1) completion.words = parts;
  for (const std::string& part : parts) {
    const auto kind = kKinds.find(part);
    if (kind != kKinds.end()) completion.kinds.push_back(kind->second);
  }
  return completion;
}

}  // namespace shunt
