// SeriesName: whose numbers these are. The key of all that insight keeps.
#pragma once

#include <compare>
#include <string>

namespace shunt::insight {

struct SeriesName {
  std::string node;
  std::string service;
  // Both empty: the service as a whole, as its node counts it, flows that found no backend included. So a
  // service is no sum over its backends' series, and its own must not be added to theirs.
  std::string pool;
  std::string backend;

  bool is_service() const { return backend.empty(); }
  SeriesName whole_service() const { return {node, service, {}, {}}; }
  // Of a name and nothing else: the parts can't hold the separator (the configuration refuses it).
  std::string key() const { return node + '\x1f' + service + '\x1f' + pool + '\x1f' + backend; }
  auto operator<=>(const SeriesName&) const = default;
};

// Where those go for which there is no room.
inline const SeriesName& other_series() {
  static const SeriesName kOther{"other", "other", "other", "other"};
  return kOther;
}

}  // namespace shunt::insight
