// docs/configuration.md as text, printed from the option rows so that it can't disagree with the parser.
#pragma once

#include <string>

namespace shunt {

std::string config_reference();

}  // namespace shunt
