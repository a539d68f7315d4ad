// Sighting: what a detector sees in one KPI of one series at this moment. Anomalies are made of them.
#pragma once

#include <string>

#include "insight/detect/anomaly.h"
#include "insight/kpi/series_name.h"

namespace shunt::insight {

struct Sighting {
  SeriesName series;
  Kpi kpi = Kpi::flows;
  std::string detector;
  // false: it is still as it was when the anomaly began, but that alone wouldn't make one.
  bool opens = true;
  double p_value = 0;   // that chance alone makes it within a day; 0: certain
  double traffic = 0;   // share of all flows, everywhere, that suffer, 0 to 1
  double slo_burn = 0;  // times the rate at which the error budget would last its period exactly
  double observed = 0;
  double expected_low = 0;
  double expected_high = 0;
  std::string reason;
};

}  // namespace shunt::insight
