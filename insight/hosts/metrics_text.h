// Prometheus' text format (0.0.4): lines of `name{label="value",…} number [time]`, as exporters give it.
//
// Nothing of it is trusted: a line that isn't of this form is counted and passed over. Bound: kMostLines
// lines, names and labels of kMostLine bytes together, kMostLabels labels; what is beyond isn't looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shunt::insight {

// Valid during the call it is given to.
struct MetricSample {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string>> labels;
  double value = 0;  // may be NaN or infinite

  // Empty: it has none of that name.
  std::string_view label(std::string_view wanted) const;
};

struct MetricsTally {
  size_t samples = 0;
  size_t bad_lines = 0;
  bool cut = false;  // there were more lines than are read
};

inline constexpr size_t kMostLines = 100'000;
inline constexpr size_t kMostLine = 16'384;
inline constexpr size_t kMostLabels = 64;

MetricsTally parse_metrics(std::string_view text, const std::function<void(const MetricSample&)>& on_sample);

}  // namespace shunt::insight
