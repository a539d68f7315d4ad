#include "tests/traffic/traffic_tally.h"

#include <algorithm>
#include <numeric>

#include "tests/tools/duration.h"

namespace shunt {
namespace {

constexpr uint64_t kNsPerUs = 1000;

uint64_t sum_of_failures(const std::array<uint64_t, kOutcomes>& ended) {
  return std::accumulate(ended.begin() + 1, ended.end(), uint64_t{0});  // ok is the first
}

}  // namespace

uint64_t SecondRow::failed() const {
  return sum_of_failures(ended);
}

uint64_t TrafficTally::failed() const {
  return sum_of_failures(ended_);
}

SecondRow& TrafficTally::row_at(uint64_t time_ns) {
  const size_t second = std::min<size_t>(since(time_ns, start_ns_) / kNsPerSecond, kMaxSeconds - 1);
  if (second >= seconds_.size()) seconds_.resize(second + 1);
  return seconds_[second];
}

void TrafficTally::offer(uint64_t intended_ns) {
  ++offered_;
  ++row_at(intended_ns).offered;
}

void TrafficTally::begin(const Ticket& ticket) {
  ++begun_;
  const uint64_t late_ns = since(ticket.begun_ns, ticket.intended_ns);
  late_.add_clamped(late_ns / kNsPerUs);
  late_max_ns_ = std::max(late_max_ns_, late_ns);
  SecondRow& row = row_at(ticket.begun_ns);
  ++row.begun;
  row.late_max_ms = std::max(row.late_max_ms, to_ms(late_ns));
}

void TrafficTally::end(const Ticket& ticket, Outcome outcome, std::string_view backend, uint64_t now_ns) {
  ++ended_[static_cast<size_t>(outcome)];
  last_end_ns_ = std::max(last_end_ns_, now_ns);
  SecondRow& row = row_at(now_ns);
  ++row.ended[static_cast<size_t>(outcome)];
  if (!backend.empty()) count_backend(backend);
  if (outcome != Outcome::ok && outcome != Outcome::error_status) return;
  const uint64_t latency_ns = since(now_ns, ticket.intended_ns);
  const uint64_t service_ns = since(now_ns, ticket.begun_ns);
  latency_.add_clamped(latency_ns / kNsPerUs);
  service_.add_clamped(service_ns / kNsPerUs);
  second_latency_.add_clamped(latency_ns / kNsPerUs);
  latency_max_ns_ = std::max(latency_max_ns_, latency_ns);
  service_max_ns_ = std::max(service_max_ns_, service_ns);
  row.max_ms = std::max(row.max_ms, to_ms(latency_ns));
}

void TrafficTally::count_backend(std::string_view backend) {
  auto found = backends_.find(backend);
  if (found == backends_.end()) {
    const std::string_view known = backends_.size() < kMaxBackends ? backend : "(others)";
    found = backends_.try_emplace(std::string(known), 0).first;
  }
  ++found->second;
}

void TrafficTally::close_row(size_t number, uint64_t open) {
  if (number >= seconds_.size()) seconds_.resize(number + 1);
  SecondRow& row = seconds_[number];
  const HistogramSum latencies = sum_of(second_latency_);
  row.open = open;
  row.p50_ms = std::min(latencies.quantile(0.5) / 1000, row.max_ms);
  row.p99_ms = std::min(latencies.quantile(0.99) / 1000, row.max_ms);
  second_latency_.clear();
}

size_t TrafficTally::close_seconds(uint64_t now_ns, uint64_t open) {
  const size_t over = std::min<size_t>(since(now_ns, start_ns_) / kNsPerSecond, kMaxSeconds);
  for (; closed_ < over; ++closed_)
    close_row(closed_, open);
  return closed_;
}

void TrafficTally::close_last(uint64_t now_ns, uint64_t open) {
  close_seconds(now_ns, open);
  if (closed_ < seconds_.size()) close_row(closed_++, open);
}

}  // namespace shunt
