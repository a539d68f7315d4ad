#include "insight/watch/watched_node.h"

#include <utility>

namespace shunt::insight {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr double kMicroseconds = 1e6;

// "10.1.0.10:80/tcp", "[2001:db8::1]:443/tcp", "10.1.0.0/24:*/udp" of every port.
std::string vip_text(const ServiceAnswer& service) {
  const bool is_ipv6 = service.address.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + service.address + "]" : service.address) + ":" +
         (service.port == 0 ? "*" : std::to_string(service.port)) + "/" + service.protocol;
}

// The span before the first reading, or around a start, has no length to speak of.
LastSpan last_span(const CountedSpan& span) {
  const int64_t us = span.to_us - span.from_us;
  return {span.counts, us > 1 ? static_cast<double>(us) / kMicroseconds : 0};
}

// What the last ten seconds showed stays until the next refresh().
template <typename T>
void keep_recent(T& entry, std::vector<T>& before, size_t place) {
  if (place < before.size() && before[place].name == entry.name)
    entry.recent = std::move(before[place].recent);
}

}  // namespace

WatchedNode::WatchedNode(boost::asio::any_io_executor executor, NodeParts parts, NodeWatcher::Clock clock,
                         LiveNode& live, KpiPipeline& pipeline, Describe describe)
    : clock_(clock),
      live_(live),
      pipeline_(pipeline),
      describe_(std::move(describe)),
      system_(parts.name),
      intake_(parts.name, std::move(parts.records)),
      watcher_(std::move(executor), std::move(parts.asker), clock,
               {[this](const NodeAnswers& answers, const RawAnswers& raw) { on_reading(answers, raw); },
                [this](const std::string& why) { on_failure(why); }}) {
  live_.name = parts.name;
  live_.error = "not asked yet";
  live_.since_s = clock_() / kSecondUs;
  live_.system = system_.entry({});
}

void WatchedNode::turn(int64_t now_us) {
  watcher_.turn(now_us);
  const bool wants_names = intake_.turn(
      now_us, [this](const RecordName& name, const FlowRecord& record) { pipeline_.take(name, record); });
  if (wants_names) watcher_.hurry();
}

void WatchedNode::set_up(bool up, int64_t now_us) {
  if (live_.up != up) live_.since_s = now_us / kSecondUs;
  live_.up = up;
}

void WatchedNode::on_reading(const NodeAnswers& answers, const RawAnswers& raw) {
  const bool is_changed = answers.started_us != live_.started_us || answers.generation != live_.generation;
  set_up(true, answers.at_us);
  live_.error.clear();
  live_.read_us = answers.at_us;
  live_.started_us = answers.started_us;
  live_.generation = answers.generation;
  intake_.update_names(answers);
  follow(answers);
  show(answers);
  if (is_changed) describe(answers);
  system_.reading(answers, raw);
}

void WatchedNode::follow(const NodeAnswers& answers) {
  NodeReading reading{answers.started_us, answers.at_us, {}};
  for (const ServiceAnswer& service : answers.services) {
    if (service.totals)
      reading.series.push_back(
          {{live_.name, service.name, {}, {}}, *service.totals, service.active, std::nullopt});
  }
  for (const BackendAnswer& backend : answers.backends) {
    if (backend.totals)
      reading.series.push_back({{live_.name, backend.service, backend.pool, backend.name},
                                *backend.totals,
                                backend.active,
                                backend.weight});
  }
  last_.clear();
  follower_.take(reading, [this](const SeriesName& name, const CountedSpan& span) {
    last_[name.key()] = last_span(span);
    pipeline_.count(name, span);
  });
}

void WatchedNode::show(const NodeAnswers& answers) {
  std::vector<LiveService> services;
  for (const ServiceAnswer& from : answers.services) {
    LiveService service;
    service.name = {live_.name, from.name, {}, {}};
    service.vips = {vip_text(from)};
    service.protocol = from.protocol;
    service.port = from.port;
    service.mode = from.mode;
    service.scheduler = from.scheduler;
    service.active = from.active;
    service.last = last_[service.name.key()];
    keep_recent(service, live_.services, services.size());
    services.push_back(std::move(service));
  }
  std::vector<LiveBackend> backends;
  for (const BackendAnswer& from : answers.backends) {
    LiveBackend backend;
    backend.name = {live_.name, from.service, from.pool, from.name};
    backend.address = from.address;
    backend.port = from.port;
    backend.state = from.state;
    backend.reason = from.reason;
    backend.since_s = from.since_s;
    backend.weight = from.weight;
    backend.active = from.active;
    backend.last = last_[backend.name.key()];
    keep_recent(backend, live_.backends, backends.size());
    backends.push_back(std::move(backend));
  }
  live_.services = std::move(services);
  live_.backends = std::move(backends);
}

void WatchedNode::tell(std::map<std::string, std::string>& told, DescriptionRow row) {
  const std::string key = row.series.key();
  std::string text = row.address + " " + std::to_string(row.port) + " " + row.protocol;
  const auto before = described_.find(key);
  const bool is_known = before != described_.end() && before->second == text;
  told[key] = std::move(text);
  if (!is_known) describe_(std::move(row));
}

void WatchedNode::describe(const NodeAnswers& answers) {
  std::map<std::string, std::string> told;
  for (const ServiceAnswer& service : answers.services)
    tell(told, {{live_.name, service.name, {}, {}}, service.address, service.port, service.protocol});
  for (const BackendAnswer& backend : answers.backends)
    tell(told,
         {{live_.name, backend.service, backend.pool, backend.name}, backend.address, backend.port, ""});
  described_ = std::move(told);
}

void WatchedNode::on_failure(const std::string& why) {
  set_up(false, clock_());
  live_.error = why;
  for (LiveService& service : live_.services) {
    service.active = 0;
    service.last = {};
  }
  for (LiveBackend& backend : live_.backends) {
    backend.active = 0;
    backend.last = {};
    backend.state = BackendState::unknown;
    backend.reason = "its node doesn't answer";
  }
  system_.failed(why);
}

void WatchedNode::refresh(int64_t now_s) {
  for (LiveService& service : live_.services)
    service.recent = pipeline_.recent(service.name, now_s);
  for (LiveBackend& backend : live_.backends)
    backend.recent = pipeline_.recent(backend.name, now_s);
  live_.system = system_.entry(intake_.counts());
}

}  // namespace shunt::insight
