// Command: a program's command line as plain values, read from CLI11's own, so that help, completion and
// manual can't disagree.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace shunt {

struct CommandOption {
  std::vector<std::string> names;  // "--limit", "-f"; long ones first
  std::string value;               // what it takes: "FILE", "UINT", "a|b"; empty: a flag
  std::string text;
  std::string default_text;  // empty: none shown
  bool required = false;
};

struct CommandArgument {
  std::string name;  // "POOL/BACKEND"
  std::string text;
  bool required = false;
  bool many = false;
};

struct Command {
  std::string name;
  std::string text;
  std::string footer;  // what stands below the options in --help: notes and examples
  std::vector<CommandOption> options;
  std::vector<CommandArgument> arguments;
  std::vector<Command> commands;
};

Command command_tree(const CLI::App& app);

// What a value or an argument of this name can be completed with.
struct Completion {
  bool files = false;
  std::vector<std::string> words;  // fixed ones
  std::vector<std::string> kinds;  // of `shuntctl names`: services, pools, backends, generations
};

// FILE; SERVICE, POOL, POOL/BACKEND, GENERATION, or several with `|`; words in small letters with `|`:
// themselves. Nothing else can be known.
Completion completion_of(const std::string& name);

}  // namespace shunt
