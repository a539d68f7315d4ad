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
  double p_value = 0;  // that chance alone makes it within a day; 0: certain
  // Share of the flows that suffer, 0 to 1: of all flows, everywhere; where flows fail, of their service's,
  // for a small service that fails is no smaller failure.
  double traffic = 0;
  // Of the service, by what is seen here, over the last minute: times the rate at which the error budget
  // would last its period exactly.
  double slo_burn = 0;
  double capacity_lost = 0;  // of what should serve, the part that is down, 0 to 1
  double observed = 0;
  double expected_low = 0;
  double expected_high = 0;
  std::string reason;
};

}  // namespace shunt::insight
