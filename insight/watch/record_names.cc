#include "insight/watch/record_names.h"

#include <utility>

#include "stats/outcome.h"

namespace shunt::insight {
namespace {

bool has_backend(const FlowRecord& record) {
  return record.outcome != static_cast<uint8_t>(FlowOutcome::no_backend) &&
         record.outcome != static_cast<uint8_t>(FlowOutcome::shed);
}

}  // namespace

void RecordNames::rename(RecordSeries& series, SeriesName name) {
  if (series.name && *series.name == name) return;
  series.name = std::make_shared<const SeriesName>(std::move(name));
  series.handle = {UINT32_MAX, 0};
}

void RecordNames::update(const NodeAnswers& answers) {
  const bool is_known = answers.started_us == started_us_ && answers.generation == generation_;
  if (is_known) return;
  if (answers.started_us != started_us_ || names_ > kMostNames) {
    services_.clear();
    names_ = 0;
  }
  std::unordered_map<std::string, uint16_t> numbers;
  for (const ServiceAnswer& service : answers.services) {
    numbers[service.name] = service.number;
    Service& known = services_[service.number];
    rename(known.whole, {node_, service.name, {}, {}});
    known.sample = service.sample;
  }
  for (const BackendAnswer& backend : answers.backends) {
    const auto number = numbers.find(backend.service);
    if (number == numbers.end()) continue;
    rename(services_[number->second].backends[backend.number],
           {node_, backend.service, backend.pool, backend.name});
  }
  names_ = 0;
  for (const auto& [number, service] : services_)
    names_ += 1 + service.backends.size();
  started_us_ = answers.started_us;
  generation_ = answers.generation;
}

void RecordNames::forget() {
  services_.clear();
  names_ = 0;
  started_us_ = 0;
  generation_ = 0;
}

RecordName RecordNames::find(const FlowRecord& record) {
  RecordName name;
  const auto service = services_.find(record.service);
  if (service == services_.end()) return name;
  name.service = &service->second.whole;
  name.sample = service->second.sample;
  name.is_complete = !has_backend(record);
  if (name.is_complete) return name;
  const auto backend = service->second.backends.find(record.backend);
  if (backend == service->second.backends.end()) return name;
  name.backend = &backend->second;
  name.is_complete = true;
  return name;
}

}  // namespace shunt::insight
