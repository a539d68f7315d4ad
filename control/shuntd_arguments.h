// The command line of shuntd.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace shunt {

// `file` is where --config goes; it has to outlive the parse.
void describe_shuntd(CLI::App& app, std::string& file);

}  // namespace shunt
