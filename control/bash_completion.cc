// One function: the words of the line up to the cursor are read again, since bash splits addresses at colons;
// then a table by command and one by the option in front of the cursor.
#include "control/shell_completion.h"

namespace shunt {
namespace {

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string all;
  for (const std::string& word : words)
    all += (all.empty() ? "" : between) + word;
  return all;
}

std::string names_of(const std::vector<CommandOption>& options) {
  std::string all;
  for (const CommandOption& option : options)
    all += (all.empty() ? "" : " ") + joined(option.names, " ");
  return all;
}

// What a shell function is to offer: `files=1`, `words='…'` or `kinds='…'`.
std::string offer(const std::string& name) {
  const Completion completion = completion_of(name);
  if (completion.files) return "files=1";
  if (!completion.words.empty()) return "words='" + joined(completion.words, " ") + "'";
  if (!completion.kinds.empty()) return "kinds='" + joined(completion.kinds, " ") + "'";
  return ":";
}

using Options = std::vector<const CommandOption*>;

void add_with_values(const Command& command, Options& found) {
  for (const CommandOption& option : command.options) {
    bool known = option.value.empty();
    for (const CommandOption* other : found)
      known = known || other->names == option.names;
    if (!known) found.push_back(&option);
  }
}

// `--api | --config`: a pattern of case.
std::string pattern_of(const Options& options) {
  std::string text;
  for (const CommandOption* option : options)
    text += (text.empty() ? "" : " | ") + joined(option->names, " | ");
  return text;
}

std::string value_cases(const Options& options) {
  std::string text;
  for (const CommandOption* option : options)
    text += "    " + joined(option->names, " | ") + ") options='' " + offer(option->value) + " ;;\n";
  return text;
}

// The argument that stands at `place`: the last one where it takes many.
std::string command_case(const Command& command) {
  std::string text = "    " + command.name + ")\n      options+=' " + names_of(command.options) + "'\n";
  for (size_t i = 0; i < command.arguments.size(); ++i) {
    const CommandArgument& argument = command.arguments[i];
    const std::string here =
        "((place " + std::string(argument.many ? ">= " : "== ") + std::to_string(i) + "))";
    text += "      " + here + " && " + offer(argument.name) + "\n";
  }
  return text + "      ;;\n";
}

constexpr const char* kHead = R"(# bash completion of PROGRAM, printed by `PROGRAM completion bash`.
#   source <(PROGRAM completion bash)          this shell
#   /usr/share/bash-completion/completions/    every one that has bash-completion

_PROGRAM() {
  local line=${COMP_LINE:0:COMP_POINT} word skip='' verb='' place=0 options='OPTIONS' files='' words='' kinds=''
  local -a typed where=()
  read -ra typed <<< "$line"
  [[ $line == *[[:blank:]] ]] && typed+=('')
  local last=$((${#typed[@]} - 1))
  local current=${typed[last]} before=${typed[last - 1]}
  local i
  for ((i = 1; i < last; i++)); do
    word=${typed[i]}
    if [[ -n $skip ]]; then
      skip=''
      continue
    fi
    case $word in
      WHERE) where+=("$word" "${typed[i + 1]}") skip=1 ;;
      VALUES) skip=1 ;;
      -*) ;;
      *) if [[ -z $verb ]]; then verb=$word; else place=$((place + 1)); fi ;;
    esac
  done
  [[ -z $skip ]] && before=''
  case $verb in
    '') words='COMMANDS' ;;
)";

constexpr const char* kMiddle = R"(  esac
  [[ -n $before ]] && words='' files='' kinds=''
  case $before in
)";

constexpr const char* kTail = R"(  esac
  [[ $current == -* ]] && words='' files='' kinds=''
  [[ $current == -* ]] || options=''
  if [[ -n $kinds ]]; then
    # shellcheck disable=SC2086 # several kinds
    words=$("${typed[0]/#\~/$HOME}" ${where[@]+"${where[@]}"} names $kinds 2> /dev/null)
  fi
  COMPREPLY=()
  if [[ -n $files ]]; then
    compopt -o filenames 2> /dev/null
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
  else
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words $options" -- "$current")
  fi
  # bash replaces only what stands behind the last colon or equals sign.
  local head=${current%"${current##*[:=]}"}
  [[ -n $head ]] && COMPREPLY=("${COMPREPLY[@]#"$head"}")
  return 0
}
complete -F _PROGRAM PROGRAM
)";

std::string filled(std::string text, const std::string& mark, const std::string& with) {
  for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + with.size()))
    text.replace(at, mark.size(), with);
  return text;
}

}  // namespace

std::string bash_completion(const Command& program) {
  Options where;  // the program's own: which shuntd is asked
  add_with_values(program, where);
  Options others = where;
  std::vector<std::string> verbs;
  for (const Command& command : program.commands) {
    add_with_values(command, others);
    verbs.push_back(command.name);
  }
  const Options values(others.begin() + static_cast<std::ptrdiff_t>(where.size()), others.end());
  std::string text = filled(kHead, "WHERE", pattern_of(where));
  text = filled(std::move(text), "VALUES", pattern_of(values));
  text = filled(std::move(text), "OPTIONS", names_of(program.options));
  text = filled(std::move(text), "COMMANDS", joined(verbs, " "));
  for (const Command& command : program.commands)
    text += command_case(command);
  text += kMiddle + value_cases(others) + kTail;
  return filled(std::move(text), "PROGRAM", program.name);
}

}  // namespace shunt
