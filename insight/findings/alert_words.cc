// Three digits are enough for a person.
#include "insight/findings/alert_words.h"

#include <array>
#include <cstdio>

namespace shunt::insight {

std::string number_words(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g", number);
  return text.data();
}

std::string percent_words(double share) {
  return number_words(100 * share) + " %";
}

std::string duration_words(double micros) {
  if (micros < 1e3) return number_words(micros) + " µs";
  if (micros < 1e6) return number_words(micros / 1e3) + " ms";
  return number_words(micros / 1e6) + " s";
}

namespace {

std::string time_words(int64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7'200) return std::to_string(seconds / 60) + " minutes";
  return std::to_string(seconds / 3'600) + " hours";
}

}  // namespace

std::string window_words(int64_t window_s, const Coverage& coverage) {
  constexpr int64_t kNearly = 50;  // a fiftieth may be missing: the minute that isn't over yet, of an hour
  const std::string whole = "the last " + (window_s == 3'600 ? std::string("hour") : time_words(window_s));
  if (coverage.known_s >= window_s - window_s / kNearly) return whole;
  const std::string known = time_words(coverage.known_s);
  return coverage.has_gaps ? "the " + known + " of " + whole + " that are known" : "the last " + known;
}

}  // namespace shunt::insight
