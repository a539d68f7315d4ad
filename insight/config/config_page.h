// docs/insight-configuration.md as text, printed from the rows so that it can't disagree with the reader.
#pragma once

#include <string>

namespace shunt::insight {

std::string config_page();

}  // namespace shunt::insight
