// What an agent says of its server, in HAProxy's words (its configuration manual, `agent-check`).
//
// One line: words between blanks, tabs and commas, in any order; behind # is a text for people. `up`,
// `ready`; `drain`: no new flows; `down`, `stopped`, `fail`, `maint`: not in service; `75%`: the share of its
// usual flows. The strictest wins, and other words (`maxconn:30`) are passed over. Unlike HAProxy's, each
// answer stands for itself: nothing is remembered of the one before. Pure.
#pragma once

#include <string>
#include <string_view>

#include "control/health_result.h"

namespace shunt {

// `line`: without its end. Nothing known in it: bad.
HealthResult agent_answer(std::string_view line);

}  // namespace shunt
