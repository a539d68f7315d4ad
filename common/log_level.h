// How much a program's log says, and in what shape: `[log]` of its configuration.
#pragma once

#include <cstdint>

namespace shunt {

enum class LogLevel : uint8_t { trace, debug, info, warning, error };
enum class LogFormat : uint8_t { text, json };

}  // namespace shunt
