// A number of a request's query.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "http/api_message.h"

namespace shunt {

struct QueryNumber {
  uint64_t value = 0;
  std::optional<ApiResponse> complaint;  // 400: it isn't one, or out of bounds
};
// From `min` to `max`; `absent` where it isn't there.
QueryNumber number_in(const ApiCall& call, const std::string& name, uint64_t min, uint64_t max,
                      uint64_t absent);

}  // namespace shunt
