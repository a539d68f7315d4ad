// Numbers as alerts say them.
#pragma once

#include <string>

namespace shunt::insight {

std::string percent_words(double share);    // "4.2 %"
std::string number_words(double number);    // "12.5"
std::string duration_words(double micros);  // "250 ms"

}  // namespace shunt::insight
