#include "insight/api/kpi_rates.h"

namespace shunt::insight {

void KpiRates::add(const KpiCounts& counts, double seconds) {
  if (seconds <= 0) return;
  for (size_t i = 0; i < kKpiCounts; ++i)
    values[i] += static_cast<double>(counts.values()[i]) / seconds;
  ended += static_cast<double>(counts.ended()) / seconds;
  failures += static_cast<double>(counts.failures()) / seconds;
}

KpiRates& KpiRates::operator+=(const KpiRates& other) {
  for (size_t i = 0; i < kKpiCounts; ++i)
    values[i] += other.values[i];
  ended += other.ended;
  failures += other.failures;
  return *this;
}

std::optional<double> KpiRates::failure_ratio() const {
  return ended > 0 ? std::optional(failures / ended) : std::nullopt;
}

KpiRates rates_of(const KpiCell& cell) {
  KpiRates rates;
  rates.add(cell.counts, cell.seconds);
  return rates;
}

std::optional<double> failure_ratio(const KpiCounts& counts) {
  const uint64_t ended = counts.ended();
  if (ended == 0) return std::nullopt;
  return static_cast<double>(counts.failures()) / static_cast<double>(ended);
}

void put_rates(JsonText& json, const KpiRates& rates) {
  json.put("flows", rates[KpiCount::opened])
      .put("ended", rates.ended)
      .put("failures", rates.failures)
      .put("failure_ratio", rates.failure_ratio())
      .put("syn_retransmits", rates[KpiCount::syn_retransmits])
      .put("reconnects", rates[KpiCount::reconnects])
      .put("data_retransmits", rates[KpiCount::data_retransmits])
      .put("packets", rates[KpiCount::packets])
      .put("bytes", rates[KpiCount::bytes])
      .put("reply_packets", rates[KpiCount::reply_packets])
      .put("reply_bytes", rates[KpiCount::reply_bytes]);
}

std::optional<double> quantile_of(const QuantileSketch& sketch, double q) {
  return sketch.empty() ? std::nullopt : std::optional(sketch.quantile(q));
}

void put_latency(JsonText& json, const KpiCell& cell) {
  const QuantileSketch& connect = cell.connect();
  const QuantileSketch& response = cell.response();
  const bool by_ack = &connect == &cell.timing(KpiTiming::connect_ack);
  if (connect.empty())
    json.put("connect_method", std::nullopt);
  else
    json.put("connect_method", by_ack ? "ack" : "synack");
  json.put("connect_p50_us", quantile_of(connect, 0.5))
      .put("connect_p95_us", quantile_of(connect, 0.95))
      .put("connect_p99_us", quantile_of(connect, 0.99))
      .put("response_p50_us", quantile_of(response, 0.5))
      .put("response_p95_us", quantile_of(response, 0.95))
      .put("response_p99_us", quantile_of(response, 0.99));
}

}  // namespace shunt::insight
