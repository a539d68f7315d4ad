// Who is due, who answered, what a minute was.
#include "insight/hosts/host_scraper.h"

#include <algorithm>

namespace shunt::insight {
namespace {

// A mean of what was known.
struct Mean {
  double sum = 0;
  uint64_t count = 0;
  void add(const std::optional<double>& value) {
    if (!value) return;
    sum += *value;
    ++count;
  }
  std::optional<double> value() const {
    return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt;
  }
};

struct Minute {
  Mean cpu;
  Mean memory;
  Mean disk;
  Mean received;
  Mean sent;
  bool known = false;

  void add(const HostNumbers& numbers) {
    cpu.add(numbers.cpu);
    memory.add(numbers.memory);
    disk.add(numbers.disk);
    received.add(numbers.received);
    sent.add(numbers.sent);
    known = true;
  }
};

struct Host {
  std::set<std::pair<std::string, std::string>> backends;  // pool, name
  int64_t due_s = 0;
  int64_t asked_s = 0;
  uint64_t question = 0;  // the one that is open; 0: none
  uint32_t failures = 0;  // in a row
  std::string error;
  std::optional<HostReading> reading;
  std::optional<HostNumbers> numbers;
  Minute minute;
};

}  // namespace

struct HostScraper::Parts : std::enable_shared_from_this<HostScraper::Parts> {
  HostSettings settings;
  Ask ask;
  Put put;
  Clock clock_ms;
  Tally tally;
  std::map<std::string, Host> hosts;  // by address
  std::string next;                   // whose turn it is when not all that are due can be asked
  size_t open = 0;
  uint64_t questions = 0;
  int64_t minute_s = 0;

  void follow(const LiveState& live);
  void give_up(int64_t now_s);
  void ask_due(int64_t now_s);
  void ask_one(const std::string& address, Host& host, int64_t now_s);
  void answer(const std::string& address, uint64_t question, const Result<std::string>& text);
  void failed(Host& host, const std::string& why);
  void end_minute(int64_t now_s);
  void tell(LiveState& live) const;
};

// Hosts are those of the backends that are there now.
void HostScraper::Parts::follow(const LiveState& live) {
  std::map<std::string, std::set<std::pair<std::string, std::string>>> wanted;
  for (const LiveNode& node : live.nodes)
    for (const LiveBackend& backend : node.backends)
      if (!backend.address.empty()) wanted[backend.address].emplace(backend.name.pool, backend.name.backend);
  for (auto at = hosts.begin(); at != hosts.end();) {
    if (wanted.contains(at->first)) {
      ++at;
      continue;
    }
    open -= at->second.question != 0 ? 1U : 0U;
    at = hosts.erase(at);
  }
  for (auto& [address, backends] : wanted) {
    const auto at = hosts.find(address);
    if (at != hosts.end()) {
      at->second.backends = std::move(backends);
      continue;
    }
    if (hosts.size() >= kMostHosts) {
      ++tally.passed_over;
      continue;
    }
    Host host;
    host.backends = std::move(backends);
    // Spread over the interval: not all in the same second.
    host.due_s = live.now_s + static_cast<int64_t>(hosts.size()) % std::max<int64_t>(1, settings.interval_s);
    hosts.emplace(address, std::move(host));
  }
}

void HostScraper::Parts::failed(Host& host, const std::string& why) {
  ++host.failures;
  host.error = why;
  if (host.failures < kTired) return;
  const int64_t doublings = std::min<int64_t>(host.failures - kTired + 1, 10);
  host.due_s = host.asked_s + std::clamp(settings.interval_s << doublings, settings.interval_s,
                                         std::max(settings.interval_s, kSlowest_s));
}

void HostScraper::Parts::give_up(int64_t now_s) {
  for (auto& [address, host] : hosts) {
    if (host.question == 0 || now_s - host.asked_s < kGivenUp_s) continue;
    host.question = 0;
    --open;
    ++tally.given_up;
    failed(host, "no answer within " + std::to_string(kGivenUp_s) + " s");
  }
}

void HostScraper::Parts::ask_one(const std::string& address, Host& host, int64_t now_s) {
  host.question = ++questions;
  host.asked_s = now_s;
  host.due_s = now_s + settings.interval_s;
  ++open;
  ++tally.asked;
  ask(address, settings.port,
      [parts = weak_from_this(), address, question = host.question](const Result<std::string>& text) {
        if (const auto self = parts.lock()) self->answer(address, question, text);
      });
}

// Round and round, so that nobody is left out when more are due than can be asked.
void HostScraper::Parts::ask_due(int64_t now_s) {
  std::vector<std::string> order;
  const auto begin = hosts.lower_bound(next);
  for (auto at = begin; at != hosts.end(); ++at)
    order.push_back(at->first);
  for (auto at = hosts.begin(); at != begin; ++at)
    order.push_back(at->first);
  for (const std::string& address : order) {
    const auto at = hosts.find(address);
    if (at == hosts.end() || at->second.question != 0 || at->second.due_s > now_s) continue;
    if (open >= kAtOnce) {
      next = address;
      return;
    }
    ask_one(address, at->second, now_s);
  }
}

void HostScraper::Parts::answer(const std::string& address, uint64_t question,
                                const Result<std::string>& text) {
  const auto at = hosts.find(address);
  if (at == hosts.end() || at->second.question != question) return;
  Host& host = at->second;
  host.question = 0;
  --open;
  if (!text) {
    ++tally.failed;
    failed(host, text.error().text());
    return;
  }
  Result<HostReading> reading = read_host(text.value(), clock_ms());
  if (!reading) {
    ++tally.refused;
    failed(host, reading.error().text());
    return;
  }
  ++tally.answered;
  host.failures = 0;
  host.error.clear();
  host.numbers = host_numbers(host.reading, reading.value());
  host.minute.add(*host.numbers);
  host.reading = reading.take();
}

void HostScraper::Parts::end_minute(int64_t now_s) {
  const int64_t minute = begin_of(Resolution::minute, now_s);
  const int64_t ended = std::exchange(minute_s, minute);
  if (ended == minute || ended == 0) return;
  for (auto& [address, host] : hosts) {
    const Minute told = std::exchange(host.minute, Minute{});
    if (!told.known) continue;
    for (const auto& [pool, backend] : host.backends)
      put(HostRow{ended, pool, backend, told.cpu.value(), told.memory.value(), told.disk.value(),
                  told.received.value(), told.sent.value()});
  }
}

void HostScraper::Parts::tell(LiveState& live) const {
  live.hosts.clear();
  for (const auto& [address, host] : hosts) {
    if (!host.numbers) continue;
    HostNumbers numbers = *host.numbers;
    numbers.stale = live.now_s - numbers.read_s > kStaleIntervals * settings.interval_s;
    live.hosts.emplace(address, numbers);
  }
}

HostScraper::HostScraper(const HostSettings& settings, Ask ask, Put put, Clock clock_ms)
    : parts_(std::make_shared<Parts>()) {
  parts_->settings = settings;
  parts_->settings.interval_s = std::clamp<int64_t>(settings.interval_s, 1, 3'600);
  parts_->ask = std::move(ask);
  parts_->put = std::move(put);
  parts_->clock_ms = std::move(clock_ms);
}

HostScraper::~HostScraper() = default;

void HostScraper::tick(LiveState& live) {
  parts_->follow(live);
  parts_->give_up(live.now_s);
  parts_->end_minute(live.now_s);
  parts_->ask_due(live.now_s);
  parts_->tell(live);
}

const HostScraper::Tally& HostScraper::tally() const {
  return parts_->tally;
}

std::string HostScraper::error(const std::string& address) const {
  const auto at = parts_->hosts.find(address);
  return at == parts_->hosts.end() ? std::string() : at->second.error;
}

}  // namespace shunt::insight
