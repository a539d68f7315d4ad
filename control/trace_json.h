// A trace as JSON: the body of an answer (docs/api.md), written as status_json.h does.
#pragma once

#include <string>

#include "control/trace_status.h"

namespace shunt {

std::string trace_json(const TraceReport& report);

}  // namespace shunt
