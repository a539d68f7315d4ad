// One `complete` line for each command, option and argument.
#include "control/shell_completion.h"

namespace shunt {
namespace {

std::string quoted(const std::string& text) {
  std::string safe = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') safe += '\\';
    safe += c == '\n' ? ' ' : c;
  }
  return safe + "'";
}

// What the shell is to offer: files, or words and names.
std::string offer(const std::string& program, const std::string& name) {
  const Completion completion = completion_of(name);
  if (completion.files) return " -F";
  std::string all;
  for (const std::string& word : completion.words)
    all += (all.empty() ? "" : " ") + word;
  if (!completion.kinds.empty()) {
    all = "(__" + program + "_names";
    for (const std::string& kind : completion.kinds)
      all += " " + kind;
    all += ")";
  }
  return all.empty() ? "" : " -a " + quoted(all);
}

std::string option_lines(const std::string& program, const std::string& start, const Command& command) {
  std::string lines;
  for (const CommandOption& option : command.options) {
    lines += start;
    for (const std::string& name : option.names)
      lines += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (!option.value.empty())
      lines += (completion_of(option.value).files ? " -r" : " -x") + offer(program, option.value);
    lines += " -d " + quoted(option.text) + "\n";
  }
  return lines;
}

}  // namespace

std::string fish_completion(const Command& program) {
  const std::string& name = program.name;
  const std::string start = "complete -c " + name;
  std::string verbs;
  std::string where;
  for (const Command& command : program.commands)
    verbs += " " + command.name;
  for (const CommandOption& option : program.options) {
    for (const std::string& one : option.names)
      where += option.value.empty() ? "" : " " + one;
  }
  std::string text =
      "# fish completion of " + name + ", printed by `" + name +
      " completion fish`: for ~/.config/fish/completions/" + name + ".fish.\n\nfunction __" + name +
      "_names\n    set -l typed (commandline -opc)\n    set -l where\n    set -l i 2\n    while test $i -lt "
      "(count $typed)\n        if contains -- $typed[$i]" +
      where +
      "\n            set -a where $typed[$i] $typed[(math $i + 1)]\n        end\n        set i (math $i "
      "+ 1)\n    end\n    command $typed[1] $where names $argv 2> /dev/null\nend\n\n" +
      start + " -f\n" + option_lines(name, start, program);
  for (const Command& command : program.commands) {
    text += start + " -n " + quoted("not __fish_seen_subcommand_from" + verbs) + " -a " + command.name +
            " -d " + quoted(command.text) + "\n";
    const std::string seen = start + " -n " + quoted("__fish_seen_subcommand_from " + command.name);
    text += option_lines(name, seen, command);
    for (const CommandArgument& argument : command.arguments) {
      const std::string offered = offer(name, argument.name);
      if (!offered.empty()) text += seen + offered + "\n";
    }
  }
  return text;
}

}  // namespace shunt
