#include "control/registry.h"

#include <algorithm>
#include <bit>
#include <set>

#include "stats/traffic_counters.h"

namespace shunt {
namespace {

constexpr uint32_t kLeastRows = 16;  // room for a pool to grow before its rows have to move

uint64_t nanoseconds(seconds duration) {
  return static_cast<uint64_t>(duration.count()) * 1'000'000'000U;
}

// Every worker uses `generation` or a later snapshot: from now on it writes no entry that names what is gone
// there.
bool all_know(const SweepProgress& progress, uint64_t generation) {
  return std::ranges::all_of(progress.workers,
                             [&](const auto& worker) { return worker.generation >= generation; });
}

// Two more passes have begun and ended since: every place was visited at least once in between.
bool all_swept(const SweepProgress& progress, const std::vector<SweepProgress::Worker>& since) {
  if (progress.workers.size() != since.size()) return false;
  for (size_t i = 0; i < since.size(); ++i) {
    if (progress.workers[i].flow_passes < since[i].flow_passes + 2) return false;
    if (progress.workers[i].probation_passes < since[i].probation_passes + 2) return false;
  }
  return true;
}

// Moves something gone one step on. True: free. `changed`: a snapshot without it has to be made.
bool is_free_now(Departure& gone, const SweepProgress& progress, uint64_t generation, bool& changed) {
  if (gone.presence != Presence::gone) return false;
  if (gone.gone_generation == 0) {
    gone.gone_generation = generation + 1;
    changed = true;
  }
  if (gone.gone_at.empty()) {
    if (all_know(progress, gone.gone_generation)) gone.gone_at = progress.workers;
    return false;
  }
  return all_swept(progress, gone.gone_at);
}

using BackendKey = std::pair<IpAddress, uint16_t>;

// Who has flows, by what makes a backend itself. One that is gone isn't among them: it comes back as another.
std::map<BackendKey, uint16_t> present_numbers(const PoolRecord& pool) {
  std::map<BackendKey, uint16_t> numbers;
  for (const auto& backend : pool.backends) {
    if (backend && backend->is_present())
      numbers.emplace(BackendKey{backend->config.address, backend->config.port}, backend->number);
  }
  return numbers;
}

// The lowest free number, not below `from`.
std::optional<uint16_t> take_number(PoolRecord& pool, size_t from) {
  while (from < pool.backends.size() && pool.backends[from])
    ++from;
  if (from == kBackendNumbers - 1) return std::nullopt;
  if (from == pool.backends.size()) pool.backends.emplace_back();
  return static_cast<uint16_t>(from);
}

// What an AdminState asks for, as time passes. True: something changed.
bool update_admin(BackendRecord& backend, const PoolConfig& pool, uint64_t now_ns) {
  const bool drains = backend.config.admin == AdminState::draining;
  const bool over = drains && now_ns >= backend.draining_since_ns + nanoseconds(pool.drain);
  const bool cut_off =
      backend.config.admin == AdminState::disabled || (over && pool.drain_policy == DrainPolicy::reset);
  const bool changed = over != backend.drain_over || cut_off != backend.cut_off;
  backend.drain_over = over;
  backend.cut_off = cut_off;
  return changed;
}

// Of a backend that was known as `before` (or not at all) and is configured again.
BackendRecord configured(const BackendConfig& config, uint16_t number, const BackendRecord* before,
                         const PoolConfig& pool, uint64_t now_ns) {
  BackendRecord record{config, number, {}};
  const bool goes_on = before != nullptr && before->is_active() && before->config.admin == config.admin;
  if (config.admin != AdminState::enabled)
    record.draining_since_ns = goes_on ? before->draining_since_ns : now_ns;
  update_admin(record, pool, now_ns);
  return record;
}

// True: its drain has just ended.
bool has_drained(Departure& departure, uint64_t now_ns) {
  if (departure.presence != Presence::draining || now_ns < departure.drain_until_ns) return false;
  departure.presence = Presence::gone;
  return true;
}

}  // namespace

void Departure::begin(uint64_t until_ns) {
  if (presence != Presence::active) return;
  presence = Presence::draining;
  drain_until_ns = until_ns;
}

std::optional<uint8_t> ServiceRecord::position_of(const std::string& pool) const {
  for (uint8_t i = 0; i < kPoolPositions; ++i) {
    if (positions[i].pool == pool && positions[i].departure.presence != Presence::gone) return i;
  }
  return std::nullopt;
}

Result<> Registry::apply(const Config& config, uint64_t now_ns) {
  std::set<std::string> configured_pools;
  for (const PoolConfig& pool : config.pools) {
    configured_pools.insert(pool.name);
    if (auto applied = apply_pool(pool, now_ns); !applied) return applied;
  }
  for (auto& [name, pool] : pools_) {
    if (configured_pools.contains(name)) continue;
    pool.configured = false;
    PoolConfig emptied = pool.config;
    emptied.backends.clear();
    if (auto applied = apply_pool(emptied, now_ns); !applied) return applied;
    pool.configured = false;
  }
  std::set<ServiceKey> configured_services;
  for (const ServiceConfig& service : config.services) {
    configured_services.insert({service.address, service.protocol, service.port});
    if (auto applied = apply_service(service, now_ns); !applied) return applied;
  }
  std::erase_if(services_, [&](const auto& entry) {
    if (configured_services.contains(entry.first)) return false;
    RetiredService retired{entry.second.id, {}, {}};
    retired.departure.presence = Presence::gone;
    for (const PoolPosition& position : entry.second.positions) {
      if (position.pairs.capacity != 0) retired.ranges.push_back(position.pairs);
      retired.ranges.insert(retired.ranges.end(), position.before.begin(), position.before.end());
    }
    retired_.push_back(std::move(retired));
    return true;
  });
  return Ok{};
}

Result<> Registry::apply_pool(const PoolConfig& config, uint64_t now_ns) {
  PoolRecord& pool = pools_[config.name];
  const std::map<BackendKey, uint16_t> present = present_numbers(pool);
  std::set<uint16_t> kept;
  size_t free_from = 0;
  for (const BackendConfig& backend : config.backends) {
    const auto known = present.find({backend.address, backend.port});
    const auto number = known != present.end() ? known->second : take_number(pool, free_from);
    if (!number) {
      return Error{"pool \"" + config.name + "\"",
                   "has no number left for \"" + backend.name +
                       "\": removed backends still drain; try again when they have"};
    }
    if (known == present.end()) free_from = *number + size_t{1};
    // One that was draining and is back has its flows still.
    auto& record = pool.backends[*number];
    record = configured(backend, *number, record ? &*record : nullptr, config, now_ns);
    kept.insert(*number);
  }
  for (auto& backend : pool.backends) {
    if (backend && !kept.contains(backend->number))
      backend->departure.begin(now_ns + nanoseconds(config.drain));
  }
  pool.config = config;
  pool.configured = true;
  return Ok{};
}

Result<> Registry::apply_service(const ServiceConfig& config, uint64_t now_ns) {
  const ServiceKey key{config.address, config.protocol, config.port};
  auto found = services_.find(key);
  if (found == services_.end()) {
    ServiceRecord record;
    if (!free_ids_.empty()) {
      record.id = free_ids_.back();
      free_ids_.pop_back();
    } else if (next_id_ < kMaxServices) {
      record.id = next_id_++;
    } else {
      return Error{"service \"" + config.name + "\"",
                   "no service id left: removed services still wait for their flows"};
    }
    found = services_.emplace(key, record).first;
  }
  ServiceRecord& service = found->second;
  service.config = config;
  for (PoolPosition& position : service.positions) {
    const auto pool = pools_.find(position.pool);
    if (pool != pools_.end()) position.departure.begin(now_ns + nanoseconds(pool->second.config.drain));
  }
  for (const std::string& pool : {config.pool, config.backup_pool}) {
    if (pool.empty()) continue;
    if (auto placed = place_pool(service, pool); !placed) return placed;
  }
  for (PoolPosition& position : service.positions) {
    const auto pool = pools_.find(position.pool);
    if (pool == pools_.end()) continue;
    if (auto fitted = fit_rows(position, pool->second); !fitted) return fitted;
  }
  return Ok{};
}

Result<> Registry::place_pool(ServiceRecord& service, const std::string& pool) {
  auto at = service.position_of(pool);
  // One that is gone has lost its flows; it comes back in another place.
  if (!at) at = service.position_of("");
  if (!at) {
    return Error{"service \"" + service.config.name + "\"",
                 "its flows still use four other pools: try again when those have drained"};
  }
  service.positions[*at].pool = pool;
  service.positions[*at].departure.cancel();
  return Ok{};
}

Result<> Registry::fit_rows(PoolPosition& position, const PoolRecord& pool) {
  if (pool.backends.size() <= position.pairs.capacity) return Ok{};
  auto rows = take_rows(std::max(kLeastRows, std::bit_ceil(static_cast<uint32_t>(pool.backends.size()))));
  if (!rows) return rows.error();
  if (position.pairs.capacity != 0) position.before.push_back(position.pairs);
  position.pairs = rows.value();
  return Ok{};
}

Result<PairRange> Registry::take_rows(uint32_t capacity) {
  if (const auto reused = free_rows_.find(capacity); reused != free_rows_.end()) {
    const PairRange range{reused->second, capacity};
    free_rows_.erase(reused);
    return range;
  }
  if (kMaxPairs - next_row_ < capacity) {
    return Error{"configuration", "more than " + std::to_string(kMaxPairs) + " pairs of service and backend"};
  }
  const PairRange range{next_row_, capacity};
  next_row_ += capacity;
  return range;
}

bool Registry::is_used(const std::string& pool) const {
  return std::ranges::any_of(services_, [&](const auto& entry) {
    return std::ranges::any_of(entry.second.positions,
                               [&](const PoolPosition& position) { return position.pool == pool; });
  });
}

void Registry::free_number(const std::string& pool, PoolRecord& record, uint16_t number,
                           std::vector<PairRange>& freed_rows) {
  record.backends[number].reset();
  while (!record.backends.empty() && !record.backends.back())
    record.backends.pop_back();
  const auto add_row = [&](const PairRange& range) {
    if (number < range.capacity) freed_rows.push_back({range.first + number, 1});
  };
  for (const auto& [key, service] : services_) {
    for (const PoolPosition& position : service.positions) {
      if (position.pool != pool) continue;
      add_row(position.pairs);
      std::ranges::for_each(position.before, add_row);
    }
  }
}

bool Registry::advance(const SweepProgress& progress, uint64_t generation, uint64_t now_ns,
                       std::vector<PairRange>& freed_rows) {
  bool changed = advance_backends(progress, generation, now_ns, freed_rows);
  changed |= advance_positions(progress, generation, now_ns, freed_rows);
  std::erase_if(pools_, [&](const auto& entry) {
    return !entry.second.configured && entry.second.backends.empty() && !is_used(entry.first);
  });
  std::erase_if(retired_, [&](RetiredService& retired) {
    if (!is_free_now(retired.departure, progress, generation, changed)) return false;
    free_ids_.push_back(retired.id);
    freed_services_.push_back(retired.id);
    for (const PairRange& range : retired.ranges) {
      free_rows_.emplace(range.capacity, range.first);
      freed_rows.push_back(range);
    }
    return true;
  });
  return changed;
}

bool Registry::advance_backends(const SweepProgress& progress, uint64_t generation, uint64_t now_ns,
                                std::vector<PairRange>& freed_rows) {
  bool changed = false;
  for (auto& [name, pool] : pools_) {
    for (size_t number = 0; number < pool.backends.size(); ++number) {
      auto& backend = pool.backends[number];
      if (!backend) continue;
      changed |= has_drained(backend->departure, now_ns);
      if (backend->is_active()) changed |= update_admin(*backend, pool.config, now_ns);
      if (!is_free_now(backend->departure, progress, generation, changed)) continue;
      free_number(name, pool, static_cast<uint16_t>(number), freed_rows);
      changed = true;
    }
  }
  return changed;
}

bool Registry::advance_positions(const SweepProgress& progress, uint64_t generation, uint64_t now_ns,
                                 std::vector<PairRange>& freed_rows) {
  bool changed = false;
  for (auto& [key, service] : services_) {
    for (PoolPosition& position : service.positions) {
      if (position.pool.empty()) continue;
      changed |= has_drained(position.departure, now_ns);
      if (!is_free_now(position.departure, progress, generation, changed)) continue;
      free_ranges(position, freed_rows);
      position = PoolPosition{};
      changed = true;
    }
  }
  return changed;
}

void Registry::free_ranges(const PoolPosition& position, std::vector<PairRange>& freed_rows) {
  std::vector<PairRange> ranges = position.before;
  if (position.pairs.capacity != 0) ranges.push_back(position.pairs);
  for (const PairRange& range : ranges) {
    free_rows_.emplace(range.capacity, range.first);
    freed_rows.push_back(range);
  }
}

bool Registry::waiting() const {
  const auto leaving = [](const Departure& departure) { return departure.presence != Presence::active; };
  if (!retired_.empty()) return true;
  for (const auto& [name, pool] : pools_) {
    if (!pool.configured) return true;
    for (const auto& backend : pool.backends) {
      if (!backend) continue;
      const bool drains = backend->config.admin == AdminState::draining && !backend->drain_over;
      if (drains || leaving(backend->departure)) return true;
    }
  }
  for (const auto& [key, service] : services_) {
    for (const PoolPosition& position : service.positions) {
      if (!position.pool.empty() && leaving(position.departure)) return true;
    }
  }
  return false;
}

}  // namespace shunt
