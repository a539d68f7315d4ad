// The completion scripts of bash, zsh and fish for a command line of the form PROGRAM [OPTION…] COMMAND
// [OPTION…] [ARGUMENT…]. Names of services, pools and backends are asked from the running shuntd by `PROGRAM
// names`; without one there are none.
//
// Pure functions of the tree. The scripts need nothing beside their shell.
#pragma once

#include <string>

#include "control/command_tree.h"

namespace shunt {

std::string bash_completion(const Command& program);
std::string zsh_completion(const Command& program);
std::string fish_completion(const Command& program);

}  // namespace shunt
