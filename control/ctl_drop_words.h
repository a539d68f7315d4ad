// What each drop reason means, in a few words, for the person who reads `shuntctl drops`.
#pragma once

#include <string_view>

namespace shunt {

// Empty for a reason that this shuntctl doesn't know (a newer shuntd's).
std::string_view drop_words(std::string_view reason);

}  // namespace shunt
