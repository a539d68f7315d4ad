// What shunt-traffic prints: a line each second, and at the end words, JSON and a CSV of the seconds.
#pragma once

#include <string>

#include "common/result.h"
#include "tests/traffic/traffic_options.h"
#include "tests/traffic/traffic_tally.h"

namespace shunt {

struct TrafficEnd {
  uint64_t end_ns = 0;
  double offered_for_s = 0;  // how long requests were to begin
  bool interrupted = false;
};

// Whether what the tally shows may be this program's own delay: it began late too often.
bool is_generator_late(const TrafficTally& tally);

std::string second_line(size_t number, const SecondRow& row);
std::string report_words(const TrafficOptions& options, const TrafficTally& tally, const TrafficEnd& end);
std::string report_json(const TrafficOptions& options, const TrafficTally& tally, const TrafficEnd& end);
Result<> write_seconds_csv(const std::string& path, const TrafficTally& tally);

}  // namespace shunt
