// KpiRates: counts a second, and how they and times are written in answers.
#pragma once

#include <array>
#include <optional>

#include "insight/api/json_text.h"
#include "insight/kpi/kpi_cell.h"

namespace shunt::insight {

struct KpiRates {
  std::array<double, kKpiCounts> values{};  // a second
  double ended = 0;
  double failures = 0;

  double operator[](KpiCount count) const { return values[static_cast<size_t>(count)]; }
  // Of several nodes each has its own span. Nothing is added where `seconds` is 0.
  void add(const KpiCounts& counts, double seconds);
  KpiRates& operator+=(const KpiRates& other);
  // Failures of what ended; nothing: none did.
  std::optional<double> failure_ratio() const;
};
KpiRates rates_of(const KpiCell& cell);  // over the seconds that it was told about
std::optional<double> failure_ratio(const KpiCounts& counts);

// The members of `Rates` and `Latency`, into an object that is open.
void put_rates(JsonText& json, const KpiRates& rates);
void put_latency(JsonText& json, const KpiCell& cell);
// Of handshakes or first bytes, in µs; nothing: none were timed.
std::optional<double> quantile_of(const QuantileSketch& sketch, double q);

}  // namespace shunt::insight
