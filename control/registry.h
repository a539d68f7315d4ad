// Registry: the ids and numbers by which workers' tables know services, pools and backends, over all reloads.
//
// A flow entry outlives configurations, so what it names must stay what it was: a service keeps its id while
// it exists, a pool its position in the service, a backend (address and port) its number in the pool. What is
// removed drains, then is gone (entries that name it end), and is used again only when every worker's sweep
// has passed since.
//
// Owner: the control thread. A value: a reload works on a copy, which replaces the original only if all of it
// fits.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/result.h"
#include "control/config.h"
#include "dataplane/backend_ref.h"

namespace shunt {

// How far each worker's sweeps have come.
struct SweepProgress {
  struct Worker {
    uint64_t generation = 0;  // of the snapshot it uses
    uint64_t flow_passes = 0;
    uint64_t probation_passes = 0;
  };
  std::vector<Worker> workers;
};

// Where something that was removed stands on its way to being free.
enum class Presence : uint8_t { active, draining, gone };

struct Departure {
  Presence presence = Presence::active;
  uint64_t drain_until_ns = 0;
  uint64_t gone_generation = 0;                // the first snapshot without it; 0: not made yet
  std::vector<SweepProgress::Worker> gone_at;  // passes when every worker knew; empty: not all do

  void begin(uint64_t until_ns);  // does nothing to what is on its way already
  void cancel() { *this = Departure{}; }
};

struct BackendRecord {
  BackendConfig config;
  uint16_t number = 0;
  Departure departure;
  // Of one that is configured, and is to take no new flows all the same (AdminState): since when, whether
  // its pool's `drain` has passed since, and whether its flows are met as of one that is gone.
  uint64_t draining_since_ns = 0;
  bool drain_over = false;
  bool cut_off = false;

  bool is_active() const { return departure.presence == Presence::active; }
  bool is_present() const { return departure.presence != Presence::gone; }
  // Packets of its flows go there.
  bool keeps_flows() const { return is_present() && !cut_off; }
  // May be chosen at all.
  bool is_member() const { return is_active() && config.weight > 0 && config.admin == AdminState::enabled; }
};

struct PoolRecord {
  PoolConfig config;
  bool configured = true;                              // false: removed, its backends drain
  std::vector<std::optional<BackendRecord>> backends;  // by number
};

struct PairRange {
  uint32_t first = 0;
  uint32_t capacity = 0;
};

struct PoolPosition {
  std::string pool;               // empty: free
  Departure departure;            // active while the service uses it (pool or backup_pool)
  PairRange pairs;                // where its counters are
  std::vector<PairRange> before;  // and were, before it grew; still part of the sums
};

using ServiceKey = std::tuple<Prefix, Protocol, uint16_t>;

struct ServiceRecord {
  ServiceConfig config;
  uint16_t id = 0;
  std::array<PoolPosition, kPoolPositions> positions;

  // Where flows of `pool` are: not a position that is gone and only waits for the sweeps.
  std::optional<uint8_t> position_of(const std::string& pool) const;
};

// What has been removed and waits for the workers' sweeps: a service's id and the rows of its counters.
struct RetiredService {
  uint16_t id = 0;
  std::vector<PairRange> ranges;
  Departure departure;
};

class Registry {
 public:
  // Takes over what is configured; what isn't any more begins to drain (backends, pools) or goes (services).
  Result<> apply(const Config& config, uint64_t now_ns);

  // The ids that advance() has freed since the last call: what was counted of them is to be zeroed.
  std::vector<uint16_t> take_freed_services() { return std::exchange(freed_services_, {}); }

  // Lets time pass: ends drains, frees what every sweep has passed. `generation`: of the snapshot last
  // published. `freed_rows` gets the counter rows to be zeroed. True: a snapshot has to be made.
  bool advance(const SweepProgress& progress, uint64_t generation, uint64_t now_ns,
               std::vector<PairRange>& freed_rows);

  const std::map<std::string, PoolRecord>& pools() const { return pools_; }
  const std::map<ServiceKey, ServiceRecord>& services() const { return services_; }
  // One row or more may change: is anything on its way out?
  bool waiting() const;

 private:
  Result<> apply_pool(const PoolConfig& config, uint64_t now_ns);
  Result<> apply_service(const ServiceConfig& config, uint64_t now_ns);
  Result<> place_pool(ServiceRecord& service, const std::string& pool);
  Result<> fit_rows(PoolPosition& position, const PoolRecord& pool);
  Result<PairRange> take_rows(uint32_t capacity);
  bool advance_backends(const SweepProgress& progress, uint64_t generation, uint64_t now_ns,
                        std::vector<PairRange>& freed_rows);
  bool advance_positions(const SweepProgress& progress, uint64_t generation, uint64_t now_ns,
                         std::vector<PairRange>& freed_rows);
  void free_ranges(const PoolPosition& position, std::vector<PairRange>& freed_rows);
  bool is_used(const std::string& pool) const;
  void free_number(const std::string& pool, PoolRecord& record, uint16_t number,
                   std::vector<PairRange>& freed_rows);

  std::map<std::string, PoolRecord> pools_;
  std::map<ServiceKey, ServiceRecord> services_;
  std::vector<RetiredService> retired_;
  std::vector<uint16_t> free_ids_;
  std::vector<uint16_t> freed_services_;
  uint16_t next_id_ = 1;
  std::multimap<uint32_t, uint32_t> free_rows_;  // capacity → first
  uint32_t next_row_ = 0;
};

}  // namespace shunt
