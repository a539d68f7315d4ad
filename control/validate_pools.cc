// Rules of [[pool]]; of its health checks: validate_health.cc.
#include <algorithm>

#include "control/config_validate.h"

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
    validate_health(i, all);
    warn_of_pool(i, all);
  }
}

}  // namespace shunt
