// RecentCountries: flows by service and country over the last 60 s, all nodes together.
//
// Owner: one thread. Bound: kMostPairs of service and country; what comes beyond counts as the service's
// "??".
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "insight/kpi/country_table.h"
#include "insight/watch/live_state.h"

namespace shunt::insight {

class RecentCountries {
 public:
  static constexpr int64_t kSeconds = 60;
  static constexpr size_t kMostPairs = 20'000;

  explicit RecentCountries(int64_t now_s) : begun_s_(now_s), now_s_(now_s) {}

  // `flows`: how many the record stands for.
  void take(const std::string& service, CountryCode country, uint64_t flows, bool has_failed);
  void advance(int64_t now_s);
  // Most flows first; those of the second that goes on aren't in it.
  std::vector<CountryRate> rates() const;

 private:
  struct Second {
    uint64_t flows = 0;
    uint64_t failures = 0;
  };
  struct Pair {
    std::array<Second, kSeconds + 1> seconds;  // of second s at s modulo their number
    Second sum;                                // of all but the one that goes on
  };
  static size_t place(int64_t second) { return static_cast<size_t>(second % (kSeconds + 1)); }

  int64_t begun_s_;
  int64_t now_s_;
  std::map<std::pair<std::string, CountryCode>, Pair> pairs_;
};

}  // namespace shunt::insight
