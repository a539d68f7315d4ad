// /api/v1/info and /api/v1/system as JSON: the watched nodes in detail, and shunt-insight itself.
#pragma once

#include <string>

#include "http/api_message.h"
#include "insight/api/api_state.h"

namespace shunt::insight {

std::string info_json(const ApiState& state, const ApiCaller& caller);
// What a watcher says of its node (LiveNode::system) over what is known of any.
std::string system_json(const ApiState& state);

}  // namespace shunt::insight
