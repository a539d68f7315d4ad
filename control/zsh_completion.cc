// `_arguments` knows zsh's own ways of options; the program's are given to every command again, since they
// may stand behind it too.
#include "control/shell_completion.h"

namespace shunt {
namespace {

// For a text in '…[text]…' or '…:text:…' of _arguments.
std::string plain(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '\'') {
      safe += "'\\''";
    } else {
      if (c == '[' || c == ']' || c == ':' || c == '\\') safe += '\\';
      safe += c == '\n' ? ' ' : c;
    }
  }
  return safe;
}

// A blank in front: _arguments gives it no words of its own.
std::string action(const std::string& program, const std::string& name) {
  const Completion completion = completion_of(name);
  std::string all;
  if (completion.files) return "_files";
  for (const std::string& word : completion.words)
    all += (all.empty() ? "(" : " ") + word;
  if (!all.empty()) return all + ")";
  for (const std::string& kind : completion.kinds)
    all += (all.empty() ? " _" + program + "_names " : " ") + kind;
  return all.empty() ? " " : all;
}

std::string options_of(const std::string& program, const Command& command) {
  std::string all;
  for (const CommandOption& option : command.options) {
    for (const std::string& name : option.names) {
      all += " \\\n      '" + name + "[" + plain(option.text) + "]";
      if (!option.value.empty()) all += ":" + plain(option.value) + ":" + action(program, option.value);
      all += "'";
    }
  }
  return all;
}

std::string command_case(const std::string& program, const Command& command) {
  std::string text = "      " + command.name + ")\n    _arguments $common" + options_of(program, command);
  for (size_t i = 0; i < command.arguments.size(); ++i) {
    const CommandArgument& argument = command.arguments[i];
    text += " \\\n      '" + (argument.many ? std::string("*") : std::to_string(i + 1)) + ":" +
            plain(argument.name) + ":" + action(program, argument.name) + "'";
  }
  return text + " ;;\n";
}

}  // namespace

std::string zsh_completion(const Command& program) {
  const std::string& name = program.name;
  std::string where;
  std::string commands;
  std::string cases;
  for (const CommandOption& option : program.options) {
    for (const std::string& one : option.names)
      where += option.value.empty() ? "" : (where.empty() ? "" : "|") + one;
  }
  for (const Command& command : program.commands) {
    commands += "\n        '" + command.name + ":" + plain(command.text) + "'";
    cases += command_case(name, command);
  }
  return "#compdef " + name + "\n# zsh completion of " + name + ", printed by `" + name +
         " completion zsh`: as _" + name + " in a folder of $fpath, or sourced.\n\n_" + name +
         "_names() {\n  local -a where names\n  local -i i\n  for ((i = 2; i < $#typed; i++)); do\n    case "
         "$typed[i] in\n      " +
         where +
         ") where+=($typed[i] $typed[i+1]) ;;\n    esac\n  done\n  names=(${(f)\"$(_call_program names "
         "$typed[1] $where "
         "names $@ 2> /dev/null)\"})\n  compadd -a names\n}\n\n_" +
         name +
         "() {\n  local curcontext=$curcontext state line\n  local -a typed=($words) common\n  common=(" +
         options_of(name, program) +
         "\n  )\n  _arguments -C $common '1: :->command' '*:: :->argument' && return\n" +
         "  case $state in\n    command)\n      local -a commands\n      commands=(" + commands +
         "\n      )\n      _describe command commands ;;\n    argument)\n    case $words[1] in\n" + cases +
         "    esac ;;\n  esac\n}\n\nif [[ $funcstack[1] == _" + name + " ]]; then\n  _" + name +
         " \"$@\"\nelse\n  compdef _" + name + " " + name + "\nfi\n";
}

}  // namespace shunt
