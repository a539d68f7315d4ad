// HistoryWatch: one KPI of one series against its own past, and for how long it stays unusual.
//
// SeriesDetector says by how much a value leaves all that was seen; here that becomes how rare this is. If
// the tail of the values is exponential, a range of n values is ln n deviations wide, and the next value lies
// `e` widths beyond it with probability n^-(1 + e): times the values of a day that is how often chance alone
// does it in a day. An anomaly is one that chance makes once in 20 days of one series. So a young series
// needs much to be unusual, an old one little. What lies less than a tenth beyond its band is never told.
// Runs of the same value are held against the longest of them in the same way.
//
// Once it is unusual it stays so while it lies outside of the band expected then (or stands still), for an
// hour at most: what stays longer is the new normal. Owner: one thread. State: under 3 kB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "insight/detect/series_detector.h"

namespace shunt::insight {

struct HistoryVerdict {
  bool opens = false;  // unusual by itself, not only still as it was
  double p_value = 1;  // that chance makes it within a day
  double observed = 0;
  double low = 0;
  double high = 0;
  Expert expert = Expert::value;
  std::string words;
};

class HistoryWatch {
 public:
  static constexpr double kValuesADay = 8'640;
  static constexpr double kRarest = 0.05;
  static constexpr int64_t kNewNormal_s = 3'600;
  static constexpr double kRarestOfOwn = 0.02;  // GateSettings::rarest: what comes often is no news
  // Values before anything can be unusual: of fewer none can be so rare.
  static constexpr int kWarmUp = static_cast<int>(1 / kRarestOfOwn) - 1;

  // Nothing: as usual. A value that isn't finite is a missing one.
  std::optional<HistoryVerdict> observe(int64_t time_s, double value);
  // The past: learned, never unusual.
  void learn(int64_t time_s, double value);
  void accept();

  static double chance(double score, uint32_t values);

 private:
  struct Held {
    int64_t since_s = 0;
    HistoryVerdict verdict;
  };
  std::optional<HistoryVerdict> hold(int64_t time_s, double value);

  SeriesDetector detector_;
  uint32_t values_ = 0;
  std::optional<Held> held_;
};

}  // namespace shunt::insight
