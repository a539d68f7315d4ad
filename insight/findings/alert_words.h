// Numbers as alerts say them.
#pragma once

#include <cstdint>
#include <string>

namespace shunt::insight {

std::string percent_words(double share);    // "4.2 %"
std::string number_words(double number);    // "12.5"
std::string duration_words(double micros);  // "250 ms"

// What is known of a window of time.
struct Coverage {
  int64_t known_s = 0;
  bool has_gaps = false;  // between its first known moment and now
};
// "the last hour" where (nearly) all of it is known, else "the last 30 s", or "the 20 minutes of the last
// hour that are known".
std::string window_words(int64_t window_s, const Coverage& coverage);

}  // namespace shunt::insight
