// What each drop reason means, and what to do about it, for the person who reads `shuntctl drops` or a trace.
#pragma once

#include <string_view>

namespace shunt {

struct DropWords {
  std::string_view meaning;  // empty for a reason that isn't known here (a newer shuntd's)
  std::string_view remedy;
  bool usual = false;  // a healthy node has it too: nothing to do
};

DropWords drop_words(std::string_view reason);

}  // namespace shunt
