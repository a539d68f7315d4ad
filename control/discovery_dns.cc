#include "control/discovery_dns.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <limits>

#include "control/discovery_backoff.h"
#include "control/discovery_entries.h"
#include "http/name_resolver.h"

namespace shunt {

namespace asio = boost::asio;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// All that one round of questions brought.
struct Round {
  DiscoveryEntries entries;
  seconds ttl = seconds::max();  // the least
  bool negative = false;         // some name has nothing: such answers have no TTL here

  void note(const NameRecords& answer, bool found) {
    if (found) ttl = std::min(ttl, answer.ttl);
    negative = negative || !found;
  }
};

// RFC 2782: only the lowest priority is used while it can be reached, and reachability is the health checks'
// business.
std::vector<SrvRecord> lowest_priority(std::vector<SrvRecord> records) {
  uint16_t lowest = std::numeric_limits<uint16_t>::max();
  for (const SrvRecord& record : records)
    lowest = std::min(lowest, record.priority);
  std::erase_if(records, [&](const SrvRecord& record) { return record.priority != lowest; });
  return records;
}

}  // namespace

struct DnsDiscovery::Core {
  Core(const asio::any_io_executor& where, const DiscoveryConfig& settings)
      : executor(where), config(settings), timer(where) {}

  static asio::awaitable<void> run(std::shared_ptr<Core> self);
  asio::awaitable<Result<Round>> ask();
  asio::awaitable<Result<>> ask_addresses(NameResolver& resolver, std::string name, BackendConfig as,
                                          Round& round);
  asio::awaitable<Result<>> ask_services(NameResolver& resolver, Round& round);
  milliseconds wait_after(const Round& round) const;

  asio::any_io_executor executor;
  DiscoveryConfig config;
  asio::steady_timer timer;
  OnAnswer on_answer;
  std::shared_ptr<NameResolver> resolver;
  DiscoveryBackoff backoff;
  bool stopped = false;
};

// A and AAAA of `name`, or one of them, as backends that are otherwise like `as`.
asio::awaitable<Result<>> DnsDiscovery::Core::ask_addresses(NameResolver& from, std::string name,
                                                            BackendConfig as, Round& round) {
  std::vector<RecordType> types = {RecordType::a, RecordType::aaaa};
  if (config.record == DnsRecords::a) types = {RecordType::a};
  if (config.record == DnsRecords::aaaa) types = {RecordType::aaaa};
  std::vector<IpAddress> found;
  for (const RecordType type : types) {
    const auto answer = co_await from.query(name, type);
    if (!answer) co_return answer.error();
    const auto& addresses = answer.value().addresses;
    if (!addresses.empty()) round.note(answer.value(), true);
    found.insert(found.end(), addresses.begin(), addresses.end());
  }
  if (found.empty()) {
    round.note({}, false);
    round.entries.skip(name, "has no address");
  }
  for (const IpAddress& address : found) {
    as.address = address;
    round.entries.add(as, name);
  }
  co_return Ok{};
}

asio::awaitable<Result<>> DnsDiscovery::Core::ask_services(NameResolver& from, Round& round) {
  const auto answer = co_await from.query(config.name, RecordType::srv);
  if (!answer) co_return answer.error();
  const auto records = lowest_priority(answer.value().services);
  round.note(answer.value(), !records.empty());
  if (records.empty()) round.entries.skip(config.name, "has no SRV record");
  size_t targets = 0;
  for (const SrvRecord& record : records) {
    if (record.target == "." || record.target.empty()) continue;  // RFC 2782: expressly not there
    if (++targets > kMostTargets) {
      round.entries.skip(record.target, "more than " + std::to_string(kMostTargets) + " targets");
      continue;
    }
    if (record.port == 0) {
      round.entries.skip(record.target, "its port is 0");
      continue;
    }
    BackendConfig as;
    as.port = record.port;
    as.weight = std::max<uint16_t>(record.weight, 1);
    if (auto asked = co_await ask_addresses(from, record.target, as, round); !asked) co_return asked;
  }
  co_return Ok{};
}

asio::awaitable<Result<Round>> DnsDiscovery::Core::ask() {
  auto opened = NameResolver::open(executor, config.servers, config.timeout);
  if (!opened) co_return opened.error();
  resolver = opened.take();
  const auto held = resolver;
  Round round;
  Result<> asked = Ok{};
  if (config.record == DnsRecords::srv) {
    asked = co_await ask_services(*held, round);
  } else {
    BackendConfig as;
    as.port = config.port;
    asked = co_await ask_addresses(*held, config.name, as, round);
  }
  resolver.reset();
  if (!asked) co_return asked.error();
  co_return round;
}

milliseconds DnsDiscovery::Core::wait_after(const Round& round) const {
  constexpr seconds kNegative{5};
  const seconds ttl = round.negative ? std::min(round.ttl, kNegative) : round.ttl;
  const auto most = std::chrono::duration_cast<seconds>(config.max_ttl) + seconds(1);
  return std::clamp<milliseconds>(std::min(ttl, most), config.min_ttl, config.max_ttl);
}

asio::awaitable<void> DnsDiscovery::Core::run(std::shared_ptr<Core> self) {
  co_await asio::post(self->executor,
                      asio::use_awaitable);  // whoever starts a source isn't ready for its answer
  while (!self->stopped) {
    Result<Round> round = co_await self->ask();
    if (self->stopped) co_return;
    milliseconds wait = self->backoff.next();
    if (round) {
      wait = self->wait_after(round.value());
      self->backoff.succeeded();
    }
    const OnAnswer tell = self->on_answer;
    tell(round ? Result<DiscoveryAnswer>(round.value().entries.take()) : round.error());
    if (self->stopped) co_return;
    self->timer.expires_after(wait);
    co_await self->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

DnsDiscovery::DnsDiscovery(const asio::any_io_executor& executor, const DiscoveryConfig& config)
    : core_(std::make_shared<Core>(executor, config)) {}

DnsDiscovery::~DnsDiscovery() {
  core_->stopped = true;
  core_->timer.cancel();
  if (core_->resolver) core_->resolver->cancel();
}

void DnsDiscovery::start(OnAnswer on_answer) {
  core_->on_answer = std::move(on_answer);
  asio::co_spawn(core_->executor, Core::run(core_), asio::detached);
}

}  // namespace shunt
