// Rules of [[pool]] and its health checks.
#include <algorithm>
#include <set>

#include "control/config_validate.h"
#include "control/duration.h"

namespace shunt {
namespace {

bool is_prime(uint32_t number) {
  if (number < 4) return number >= 2;
  if (number % 2 == 0) return false;
  for (uint32_t divisor = 3; divisor * divisor <= number; divisor += 2) {
    if (number % divisor == 0) return false;
  }
  return true;
}

uint32_t next_prime(uint32_t number) {
  while (!is_prime(number))
    ++number;
  return number;
}

// maglev's permutations visit every slot only where their number is a prime.
void validate_slots(const PoolConfig& pool, const PoolOrigin& origin, Report& report) {
  if (!origin.has("slots")) return;
  const auto backends = static_cast<uint32_t>(pool.backends.size());
  const std::string hint = "the next one is " + std::to_string(next_prime(std::max(pool.slots, backends)));
  if (!is_prime(pool.slots)) {
    report.error(DiagnosticId::slots_not_prime, origin.of("slots"),
                 "`slots` must be a prime, and " + std::to_string(pool.slots) + " isn't", hint);
  } else if (pool.slots < backends) {
    report.error(
        DiagnosticId::too_few_slots, origin.of("slots"),
        std::to_string(pool.slots) + " slots are too few for " + std::to_string(backends) + " backends",
        "the smallest prime that fits is " + std::to_string(next_prime(backends)));
  }
}

bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

void validate_http(const HealthConfig& health, const Origin& origin, Report& report) {
  if (origin.has("path") && (!health.path.starts_with('/') || !is_visible_ascii(health.path))) {
    report.error(DiagnosticId::bad_http_text, origin.of("path"),
                 tick(health.path) + " isn't a path: it begins with / and has no blanks (write %20)");
  }
  if (origin.has("host") && (health.host.empty() || !is_visible_ascii(health.host))) {
    report.error(DiagnosticId::bad_http_text, origin.of("host"), tick(health.host) + " isn't a host name");
  }
}

void validate_health(const HealthConfig& health, const Origin& origin, Report& report) {
  const bool type_known = origin.has("type") || !origin.given("type");
  if (type_known && health.type == HealthType::http) validate_http(health, origin, report);
  if (type_known && health.type != HealthType::http) {
    for (const std::string_view key : {"path", "host", "expect"}) {
      if (!origin.has(key)) continue;
      report.error(DiagnosticId::http_only, origin.of(key), tick(key) + " is for http checks only",
                   "write `type = \"http\"`");
    }
  }
  const bool times_known =
      origin.has("timeout") == origin.given("timeout") && origin.has("interval") == origin.given("interval");
  if (times_known && health.timeout > health.interval) {
    report.error(DiagnosticId::timeout_over_interval,
                 origin.of(origin.has("timeout") ? "timeout" : "interval"),
                 "`timeout` (" + duration_text(health.timeout) + ") is longer than `interval` (" +
                     duration_text(health.interval) + "): a backend would have several checks at a time");
  }
}

// Where health has no port and a backend none either, it is the services': they must have exactly one.
void validate_health_port(size_t index, Validation& all) {
  const PoolConfig& pool = all.config.pools[index];
  const PoolOrigin& origin = all.origin.pools[index];
  if (!pool.health || origin.health.given("port") || all.users[index].empty()) return;
  const bool all_have_ports = std::all_of(origin.backends.begin(), origin.backends.end(),
                                          [](const Origin& backend) { return backend.given("port"); });
  if (all_have_ports) return;
  std::set<uint16_t> ports;
  for (const size_t user : all.users[index]) {
    if (all.origin.services[user].has("port")) ports.insert(all.config.services[user].port);
    if (all.origin.services[user].given("port") && !all.origin.services[user].has("port")) return;
  }
  if (ports.empty()) {
    all.report.error(DiagnosticId::unknown_health_port, pool.health->position,
                     "health checks of pool " + tick(pool.name) +
                         " need a `port`: its services are any-port and a backend has none");
  } else if (ports.size() > 1) {
    all.report.error(DiagnosticId::ambiguous_health_port, pool.health->position,
                     "health checks of pool " + tick(pool.name) +
                         " need a `port`: its services have several (" + std::to_string(*ports.begin()) +
                         ", " + std::to_string(*std::next(ports.begin())) +
                         (ports.size() > 2 ? ", …)" : ")"));
  }
}

void warn_of_pool(size_t index, Validation& all) {
  const PoolConfig& pool = all.config.pools[index];
  const PoolOrigin& origin = all.origin.pools[index];
  const auto named = all.pool_by_name.find(pool.name);
  if (!is_name(pool.name) || named == all.pool_by_name.end() || named->second != index) return;
  if (all.users[index].empty()) {
    all.report.warning(DiagnosticId::unused_pool, origin.header, "no service uses pool " + tick(pool.name));
  }
  if (!origin.given("health")) {
    all.report.warning(
        DiagnosticId::no_health, origin.header,
        "pool " + tick(pool.name) + " has no `health`: its backends count as up whatever happens");
  }
}

}  // namespace

void validate_pools(Validation& all) {
  validate_names(all.config.pools, all.origin.pools, "pool", all.report);
  for (size_t i = 0; i < all.config.pools.size(); ++i) {
    validate_slots(all.config.pools[i], all.origin.pools[i], all.report);
    if (all.config.pools[i].health) {
      validate_health(*all.config.pools[i].health, all.origin.pools[i].health, all.report);
    }
    validate_health_port(i, all);
    warn_of_pool(i, all);
  }
}

}  // namespace shunt
