#include "insight/kpi/client_counts.h"

#include <algorithm>
#include <utility>

#include "stats/outcome.h"

namespace shunt::insight {
namespace {

constexpr int64_t kMinuteUs = int64_t{60} * 1'000'000;
constexpr size_t kMostCountries = 256;
constexpr size_t kTopShown = 10;

bool has_failed(const FlowRecord& record) {
  return record.outcome < kOutcomes && is_failure(static_cast<FlowOutcome>(record.outcome));
}

}  // namespace

std::string client_prefix(const IpAddress& client) {
  const Prefix prefix{client, static_cast<uint8_t>(client.is_v4() ? 24 : 48)};
  return Prefix{prefix.network(), prefix.length}.text();
}

ClientCounts::ClientCounts(const ClientSettings& settings, const CountryTable* countries, int64_t now_us,
                           Sink sink)
    : settings_(settings), countries_(countries), open_minute_(now_us / kMinuteUs), sink_(std::move(sink)) {}

void ClientCounts::take(const SeriesName& service, const FlowRecord& record, uint32_t sample) {
  ++tally_.records;
  const std::optional<IpAddress> client = record.client_address();
  if (!client) {
    ++tally_.unknown_client;
    return;
  }
  const auto minute = static_cast<int64_t>(record.ended_us / static_cast<uint64_t>(kMinuteUs));
  if (minute < open_minute_ || minute > open_minute_ + 1) {
    ++tally_.late;
    return;
  }
  Minute& services = minutes_[minute];
  const std::string key = service.whole_service().key();
  auto found = services.find(key);
  if (found == services.end()) {
    if (services.size() >= settings_.max_services) {
      ++tally_.passed_over;
      return;
    }
    found = services.try_emplace(key).first;
    found->second.name = std::make_shared<const SeriesName>(service.whole_service());
  }
  const bool failed = has_failed(record);
  const uint64_t flows = failed ? 1 : std::max(sample, 1U);
  const CountryCode code = countries_ != nullptr ? countries_->of(*client) : CountryCode{};
  auto& countries = found->second.countries;
  CountryFlows& country =
      countries[countries.size() < kMostCountries || countries.contains(code) ? code : CountryCode{}];
  country.flows += flows;
  country.failures += failed ? 1 : 0;
  found->second.clients.add(client->bytes().data(), client->bytes().size());
  found->second.top.add(client_prefix(*client), flows);
}

void ClientCounts::advance(int64_t now_us) {
  const int64_t open = (now_us - settings_.lateness_s * 1'000'000) / kMinuteUs;
  if (open <= open_minute_) return;
  open_minute_ = open;
  while (!minutes_.empty() && minutes_.begin()->first < open) {
    for (auto& [key, service] : minutes_.begin()->second)
      sink_(ClientMinute{minutes_.begin()->first * 60, service.name, std::move(service.countries),
                         std::move(service.clients), service.top.largest(kTopShown)});
    minutes_.erase(minutes_.begin());
  }
}

}  // namespace shunt::insight
