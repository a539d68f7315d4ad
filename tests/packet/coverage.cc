#include "tests/packet/coverage.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>

namespace shunt::packet {
namespace {

class Coverage {
 public:
  using Place = std::pair<std::string, std::string>;  // feature and way

  ~Coverage() {
    const char* const path = std::getenv("SHUNT_COVERAGE");
    if (path == nullptr) return;
    std::ofstream file(path, std::ios::app);
    for (const auto& [place, count] : shown_)
      file << place.first << '\t' << place.second << '\t' << count << '\n';
    for (const auto& [place, why] : impossible_)
      file << place.first << '\t' << place.second << "\t-\t" << why << '\n';
  }

  void show(const Place& place) { ++shown_[place]; }
  void exclude(const Place& place, const std::string& why) { impossible_[place] = why; }

 private:
  std::map<Place, unsigned> shown_;
  std::map<Place, std::string> impossible_;
};

Coverage& coverage() {
  static Coverage all;
  return all;
}

}  // namespace

void showed(const Way& way, const std::string& feature) {
  if (!testing::Test::HasFailure()) coverage().show({feature, way.name});
}

void cannot(const Way& way, const std::string& feature, const std::string& why) {
  coverage().exclude({feature, way.name}, why);
}

}  // namespace shunt::packet
