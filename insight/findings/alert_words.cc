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

}  // namespace shunt::insight
